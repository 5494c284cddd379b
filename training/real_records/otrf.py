"""The OTRF incident as events: a role whose keys are stolen, in the log of a person at work. It is in no training."""

from __future__ import annotations

import pyarrow as pa

from features.arrays import Array
from features.data_files import data_folder
from features.sources.file_import import import_files
from training.real_records.scoring import ScoredRecords

INCIDENT = data_folder() / "otrf"


def logged() -> pa.Table:
    """The records as events, in the log's order."""
    return import_files("cloudtrail", sorted(INCIDENT.glob("*.gz"))).table


def stolen(of: ScoredRecords) -> Array:
    """Which calls are made with the stolen keys: the machine's that has any; the cloud's own services have none."""
    keys: Array = of.events["credential.id"].is_valid().to_numpy() & (of.kind != "human")
    return keys
