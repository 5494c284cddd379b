"""The OTRF incident as events: CloudTrail records of a person at work, in which a role's keys are stolen.

The incident is never used for training.
"""

from __future__ import annotations

import pyarrow as pa

from features.arrays import Array
from features.data_files import data_folder
from features.sources.file_import import import_files
from training.real_records.scoring import ScoredRecords

FOLDER = data_folder() / "otrf"


def read_events() -> pa.Table:
    """The incident's events, in the order of the log."""
    return import_files("cloudtrail", sorted(FOLDER.glob("*.gz"))).table


def made_with_stolen_keys(records: ScoredRecords) -> Array:
    """Which requests are made with the stolen keys, shape (n,).

    They are the machine requests that have a credential: the cloud's own services have none.
    """
    stolen: Array = records.events["credential.id"].is_valid().to_numpy() & (records.identity_type != "human")
    return stolen
