"""The OTRF incident, which is in no training: a role whose keys are stolen, in the log of a person at work.

It is scored by the model alone. How policy decides on the same requests is shown by `scripts/demo`.
"""

from __future__ import annotations

import numpy as np

from features.enrichment.ip_lookup import NetworkTables
from features.model.bundle import TrustModel
from training.evaluation.context import SectionResult
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate
from training.metrics.evaluation import BUDGETS
from training.real_records.otrf import made_with_stolen_keys, read_events
from training.real_records.scoring import SOURCE, area_under_roc, challenge_columns, score_records

NOTE = (
    "103 CloudTrail records; histories begin with them, so nothing is known about anybody beforehand. Eleven requests "
    "are made with a role's stolen keys; the role itself makes none. Every address is masked to the same one, so the "
    "network shows nothing. The table shows whether the model ranks this one theft above this one person's work. It "
    "says nothing about how often thefts are caught, because there is one, and has no intervals, because there are "
    "three identities. Floors are not applied: `scripts/demo` shows what they require as well."
)


def incident_section(model: TrustModel, tables: NetworkTables, seed: int) -> SectionResult:
    """The risk of the stolen requests against the person's and the cloud's own."""
    records = score_records(model, read_events(), tables)
    stolen, human = made_with_stolen_keys(records), records.identity_type == "human"
    own = {"the person's requests": human, "the cloud's own requests": ~stolen & ~human}
    rows = []
    for name, mask in ({"requests with the stolen keys": stolen} | own).items():
        count, risk = int(mask.sum()), records.risk[mask]
        challenged = (f"{int(records.challenged(budget)[mask].sum())} of {count}" for budget in BUDGETS)
        rows.append((name, str(count), f"{np.median(risk):.4f}", f"{risk.max():.4f}", *challenged))
    area = {name: area_under_roc(records.risk[stolen], records.risk[mask]) for name, mask in own.items()}
    for name, share in area.items():
        blank = [""] * (1 + len(BUDGETS))
        rows.append((f"a stolen request ranks above one of {name}", "", f"{share:.2f} of pairs", *blank))
    figures = {
        "incident/above_the_person": Estimate.exact(area["the person's requests"], int(stolen.sum())),
        **{f"incident/challenged/{b:g}": Estimate.exact(float(records.challenged(b)[stolen].mean())) for b in BUDGETS},
    }
    columns = challenge_columns("group", "requests", "median risk", "highest")
    return [Table("A stolen role (OTRF), never trained on", columns, tuple(rows), NOTE, SOURCE)], figures
