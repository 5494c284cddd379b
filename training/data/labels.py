"""Labelled events: a table of events and a table of labels, row by row; labels are never columns of the events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Array
from features.event.arrow import EVENT_SCHEMA, conform

LABELS: pa.Schema = pa.schema(
    [
        ("compromised", pa.int8()),
        ("scenario", pa.string()),
        ("situation", pa.string()),
        ("legitimate_escalation", pa.bool_()),
        ("label_source", pa.string()),
        ("strength", pa.string()),
        ("deployment", pa.string()),
    ]
)
"""`compromised` is 1 on an attacker's own actions (also those that fail), 0 on the account owner's, null where unknown.
`scenario` names the attack and `situation` the hard negative; both are null on all other events.
`legitimate_escalation` marks hard negatives that rightly use more than usual. `label_source` says who labelled the row.
`strength` is how much of the victim the attacker matches, from naive to patient; null where there is no attacker or it
is unknown. `deployment` names the log that the row belongs to, whose population its features are measured against;
rows where it is null belong to one log together."""
SIMULATED = "simulated"
"""The `label_source` of simulated events."""


@dataclass(frozen=True)
class World:
    """Labelled events: a table of EVENT_SCHEMA and a table of LABELS, row by row; simulated, or a log of your own.

    Raises ValueError where the tables have different numbers of rows.
    """

    events: pa.Table
    labels: pa.Table

    def __post_init__(self) -> None:
        if self.events.num_rows != self.labels.num_rows:
            raise ValueError(f"{self.events.num_rows} events but {self.labels.num_rows} labels")

    @property
    def source(self) -> str:
        """What kind of data this is; every figure made from it says so."""
        sources = set(self.labels["label_source"].unique().to_pylist())
        if sources == {SIMULATED}:
            return SIMULATED
        return "your benign events, simulated abuse" if SIMULATED in sources else "yours"

    def labelled_by(self, source: str) -> Array:
        """Whether each row's label has this `label_source`, shape (n,)."""
        rows: Array = pc.equal(self.labels["label_source"], source).fill_null(False).to_numpy()
        return rows

    def conformed(self) -> World:
        """A copy with every column of both schemas, unknown where missing; raises ValueError for a column of the wrong
        type."""
        return World(conform(self.events), conform_labels(self.labels))

    def sorted(self) -> World:
        """A copy in order of time; ties keep their order."""
        order = self.events["time"].to_numpy().argsort(kind="stable")
        return World(self.events.take(order), self.labels.take(order))

    def summary(self) -> dict[str, Any]:
        """Counts of events, identities and sessions, and of compromised sessions in total and by scenario.

        A session counts as compromised if at least one of the attacker's actions in it succeeded.
        """
        frame = pd.DataFrame(
            {name: self.events[name].to_numpy() for name in ("identity.id", "session.id", "action.outcome")}
        )
        frame["scenario"], frame["compromised"] = (self.labels[n].to_numpy() for n in ("scenario", "compromised"))
        session = ["identity.id", "session.id"]
        in_session = frame[frame["session.id"].notna()]
        succeeded = ~in_session["action.outcome"].isin(["failure", "denied"])
        compromised = in_session[(in_session["compromised"] == 1) & succeeded].drop_duplicates(session)
        by_scenario = compromised["scenario"].value_counts().sort_index()
        return {
            "events": len(frame),
            "identities": frame["identity.id"].nunique(),
            "sessions": in_session.groupby(session).ngroups,
            "malicious_events": int((frame["compromised"] == 1).sum()),
            "compromised_sessions": int(by_scenario.sum()),
            "compromised_by_scenario": {str(name): int(count) for name, count in by_scenario.items()},
        }


def concatenate_worlds(worlds: Sequence[World]) -> World:
    """The rows of all worlds, one world after another."""
    events, labels = [world.events for world in worlds], [world.labels for world in worlds]
    return World(pa.concat_tables(events), pa.concat_tables(labels))


def conform_labels(labels: pa.Table) -> pa.Table:
    """The table with exactly the columns of LABELS; missing ones are null.

    Raises ValueError if `compromised` is missing, or naming the column that cannot be converted to its type.
    """
    if "compromised" not in labels.column_names:
        raise ValueError(f"labels need a column 'compromised' (1, 0 or null); these have {labels.column_names}")
    columns = []
    for field in LABELS:
        try:
            present = field.name in labels.column_names
            columns.append(labels[field.name].cast(field.type) if present else pa.nulls(len(labels), field.type))
        except pa.ArrowInvalid as error:
            raise ValueError(f"column {field.name!r} of the labels must be {field.type}: {error}") from error
    return pa.table(columns, schema=LABELS)


def benign_labels(events: pa.Table, source: str = "assumed") -> pa.Table:
    """Labels that call every event benign; `source` becomes their `label_source`."""
    n = events.num_rows
    no_text = pa.nulls(n, pa.string())
    columns = {
        "compromised": pa.array([0] * n, pa.int8()),
        "scenario": no_text,
        "situation": no_text,
        "legitimate_escalation": pa.array([False] * n),
        "label_source": pa.array([source] * n),
        "strength": no_text,
        "deployment": no_text,
    }
    return pa.table(columns, schema=LABELS)


def events_to_frame(events: pa.Table) -> pd.DataFrame:
    """The events as a data frame of the Event's flat columns; text as Python objects, which are far faster to slice."""
    table = conform(events)
    plain = table.select([field.name for field in EVENT_SCHEMA if field.type != pa.string()]).to_pandas()
    columns = {name: plain[name] if name in plain.columns else _texts(table[name]) for name in table.column_names}
    return pd.DataFrame(columns, columns=pd.Index(columns, dtype=object)).copy()


def _texts(column: pa.ChunkedArray) -> pd.Series:
    """The texts as objects; equal ones share memory."""
    coded = column.combine_chunks().dictionary_encode()
    distinct = np.array([*coded.dictionary.to_pylist(), np.nan], dtype=object)
    return pd.Series(distinct[coded.indices.fill_null(len(distinct) - 1).to_numpy()], dtype=object)


def frame_to_events(frame: pd.DataFrame) -> pa.Table:
    """The inverse of `events_to_frame`; integer columns may be floats or objects in the frame."""
    integers = [field.name for field in EVENT_SCHEMA if pa.types.is_integer(field.type)]
    frame = frame.astype(dict.fromkeys(integers, float))
    return pa.Table.from_pandas(frame, schema=EVENT_SCHEMA, preserve_index=False)
