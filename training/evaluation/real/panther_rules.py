"""Panther's test cases of detection rules: single CloudTrail records, each picked because a rule looks at it."""

from __future__ import annotations

import numpy as np

from features.data_files import data_folder
from features.enrichment.ip_lookup import NetworkTables
from features.model.bundle import TrustModel
from features.sources.file_import import import_files
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate
from training.real_records.scoring import REAL, cells, columns, seen

RULES = data_folder() / "panther"
NOTE = (
    "Nobody says which of them are abuse: a rule that fires is not a verdict. They can show that real records are read "
    "and scored, how little of their context is known, and how far a model challenges records that were chosen to be "
    "remarkable and whose identities it has never met; not a recall, and no friction of anybody's day."
)


def rule_tests(model: TrustModel, tables: NetworkTables, seed: int) -> tuple[list[Table], dict[str, Estimate]]:
    """How much is known of them, and how many are challenged, by identity type."""
    report = import_files("cloudtrail", sorted(RULES.glob("*.ndjson.gz")))
    of = seen(model, report.table, tables)
    groups = {"all": np.ones(len(of.kind), bool)} | {str(kind): of.kind == kind for kind in np.unique(of.kind)}
    rows = [
        (
            name,
            f"{int(here.sum())}; {len(np.unique(of.identity[here]))}",
            f"{of.known[here].mean():.0%}",
            ", ".join(f"{value:.4f}" for value in np.quantile(of.risk[here], (0.1, 0.5, 0.9))),
            *cells(of, here, seed),
        )
        for name, here in groups.items()
    ]
    note = f"{of.events.num_rows} records; {len(report.unreadable)} more are no requests of anybody and are left out. {NOTE}"
    head = columns("identity type", "records; identities", "context known", "risk at 10, 50, 90 %")
    figures = {"rule_tests/challenged/0.005": of.share(0.005, groups["all"], seed)}
    return [Table("Test cases of rules (Panther)", head, tuple(rows), note, REAL)], figures
