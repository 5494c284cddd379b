"""The OTRF incident, which is in no training: a role whose keys are stolen, in the log of a person who works.

Knows nothing of floors: what policy makes of the same requests is the demo's to show (`scripts/demo`).
"""

from __future__ import annotations

import numpy as np

from features.arrays import Array
from features.enrichment.ip_lookup import NetworkTables
from features.model.bundle import TrustModel
from training.evaluation.tables import Table
from training.evaluation.targets import exactly
from training.metrics.bootstrap import Estimate
from training.metrics.evaluation import BUDGETS
from training.real_records.otrf import logged, stolen
from training.real_records.scoring import REAL, ScoredRecords, columns, ranks_above, seen

NOTE = (
    "103 CloudTrail records, the histories beginning with them: nobody is known beforehand. Eleven calls are made with "
    "a role's stolen keys; the role makes none itself. Every address is masked to the same one, so nothing can be told "
    "from the network. It can be concluded whether the model ranks this one theft above this one person's work; "
    "nothing about how often thefts are caught, since there is one, and no interval, since there are three identities. "
    "By the model alone: what floors ask for besides, `scripts/demo` shows."
)


def incident(model: TrustModel, tables: NetworkTables, seed: int) -> tuple[list[Table], dict[str, Estimate]]:
    """The risk of the stolen calls against the person's and the cloud's own."""
    of = seen(model, logged(), tables)
    thief = stolen(of)
    groups = {
        "calls with the stolen keys": thief,
        "the person's calls": of.kind == "human",
        "the cloud's own calls": ~thief & (of.kind != "human"),
    }
    rows = [
        (name, str(int(here.sum())), f"{np.median(of.risk[here]):.4f}", f"{of.risk[here].max():.4f}", *_asked(of, here))
        for name, here in groups.items()
    ]
    above = {name: ranks_above(of.risk[thief], of.risk[here]) for name, here in groups.items()}
    rows += [
        (f"a stolen call ranks above one of {name}", "", f"{share:.2f} of pairs", *[""] * (1 + len(BUDGETS)))
        for name, share in list(above.items())[1:]
    ]
    figures = {
        "incident/above_the_person": exactly(above["the person's calls"], int(thief.sum())),
        **{f"incident/challenged/{b:g}": exactly(float(of.challenged(b)[thief].mean())) for b in BUDGETS},
    }
    head = columns("whose", "requests", "median risk", "highest")
    return [Table("A stolen role (OTRF), never trained on", head, tuple(rows), NOTE, REAL)], figures


def _asked(of: ScoredRecords, here: Array) -> list[str]:
    return [f"{int(of.challenged(budget)[here].sum())} of {int(here.sum())}" for budget in BUDGETS]
