"""Panther's test cases of detection rules: single CloudTrail records, each chosen because a rule matches on it."""

from __future__ import annotations

import numpy as np

from features.data_files import data_folder
from features.enrichment.ip_lookup import NetworkTables
from features.model.bundle import TrustModel
from features.sources.file_import import import_files
from training.evaluation.context import SectionResult
from training.evaluation.tables import Table
from training.real_records.scoring import SOURCE, challenge_columns, score_records

FOLDER = data_folder() / "panther"
NOTE = (
    "The records are unlabelled: a rule that fires is not a verdict. They show that real records are read and scored, "
    "how little of their context is known, and how often a model challenges records that were chosen to be remarkable, "
    "of identities it has never met; not a recall, and not the friction of anybody's day."
)


def rule_tests_section(model: TrustModel, tables: NetworkTables, seed: int) -> SectionResult:
    """How much context is known, and how many records are challenged, by identity type."""
    imported = import_files("cloudtrail", sorted(FOLDER.glob("*.ndjson.gz")))
    records = score_records(model, imported.table, tables)
    masks = {"all": np.ones(len(records.risk), bool)}
    masks |= {str(name): records.identity_type == name for name in np.unique(records.identity_type)}
    rows = [
        (
            name,
            f"{int(mask.sum())}; {len(np.unique(records.identity[mask]))}",
            f"{records.context_known[mask].mean():.0%}",
            ", ".join(f"{value:.4f}" for value in np.quantile(records.risk[mask], (0.1, 0.5, 0.9))),
            *records.challenge_cells(mask, seed),
        )
        for name, mask in masks.items()
    ]
    note = (
        f"{records.events.num_rows} records; {imported.report.records - imported.report.events} more are not requests, "
        f"or are repeats, and are left out. {NOTE}"
    )
    columns = challenge_columns("identity type", "records; identities", "context known", "risk at 10, 50, 90 %")
    figures = {"rule_tests/challenged/0.005": records.challenge_share(0.005, masks["all"], seed)}
    return [Table("Test cases of rules (Panther)", columns, tuple(rows), note, SOURCE)], figures
