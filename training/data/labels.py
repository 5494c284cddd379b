"""Events and what is known about them: labels lie beside events, row by row, never inside."""

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
    ]
)
"""`compromised` is 1 on an intruder's own actions (also those that fail), 0 on the owner's, null where nobody knows;
`scenario` names the abuse, `situation` the legitimate surprise; both are null on ordinary events;
`strength` is how much of the owner the intruder matches, from naive to patient, null where there is none or it is
unknown."""
SIMULATED = "simulated"


@dataclass(frozen=True)
class World:
    """A table of EVENT_SCHEMA and one of LABELS, in the same order of rows."""

    events: pa.Table
    labels: pa.Table

    def __post_init__(self) -> None:
        if self.events.num_rows != self.labels.num_rows:
            raise ValueError(f"{self.events.num_rows} events but {self.labels.num_rows} labels")

    @property
    def source(self) -> str:
        """What the data is, as every figure made from it must say."""
        sources = set(self.labels["label_source"].unique().to_pylist())
        if sources == {SIMULATED}:
            return SIMULATED
        return "your benign events, simulated abuse" if SIMULATED in sources else "yours"

    def labelled_by(self, source: str) -> Array:
        """By row: whether its label is of this source."""
        rows: Array = pc.equal(self.labels["label_source"], source).fill_null(False).to_numpy()
        return rows

    def conformed(self) -> World:
        """The same with all columns there may be; what it lacks is unknown. Raises ValueError naming what is wrong."""
        return World(conform(self.events), conform_labels(self.labels))

    def sorted(self) -> World:
        """The same in order of time; ties keep their order."""
        order = self.events["time"].to_numpy().argsort(kind="stable")
        return World(self.events.take(order), self.labels.take(order))

    def summary(self) -> dict[str, Any]:
        """Counts: events, identities, sessions, and sessions compromised to each scenario: an intruder acted unrefused."""
        frame = pd.DataFrame(
            {name: self.events[name].to_numpy() for name in ("identity.id", "session.id", "action.outcome")}
        )
        frame["scenario"], frame["compromised"] = (self.labels[n].to_numpy() for n in ("scenario", "compromised"))
        known = frame[frame["session.id"].notna()]
        sessions = known.groupby(["identity.id", "session.id"])
        compromised = known[(known["compromised"] == 1) & ~known["action.outcome"].isin(["failure", "denied"])]
        each = compromised.drop_duplicates(["identity.id", "session.id"])["scenario"].value_counts().sort_index()
        return {
            "events": len(frame),
            "identities": frame["identity.id"].nunique(),
            "sessions": sessions.ngroups,
            "intruders_events": int((frame["compromised"] == 1).sum()),
            "compromised_sessions": int(each.sum()),
            "compromised_by_scenario": {str(name): int(count) for name, count in each.items()},
        }


def joined(parts: Sequence[World]) -> World:
    """One world of several, one after another."""
    return World(pa.concat_tables([part.events for part in parts]), pa.concat_tables([part.labels for part in parts]))


def conform_labels(labels: pa.Table) -> pa.Table:
    """The table with exactly the columns of LABELS; those it lacks are null, but for `compromised`, which is asked for.

    Raises ValueError naming the column that is missing or cannot be read as its type.
    """
    if "compromised" not in labels.column_names:
        raise ValueError(f"labels need a column 'compromised' (1, 0 or null); these have {labels.column_names}")
    columns = []
    for field in LABELS:
        try:
            there = field.name in labels.column_names
            columns.append(labels[field.name].cast(field.type) if there else pa.nulls(len(labels), field.type))
        except pa.ArrowInvalid as error:
            raise ValueError(f"column {field.name!r} of the labels must be {field.type}: {error}") from error
    return pa.table(columns, schema=LABELS)


def unlabelled(events: pa.Table, source: str = "assumed") -> pa.Table:
    """Labels for events that are taken to be their owners' own."""
    n = events.num_rows
    columns = [pa.array([0] * n, pa.int8()), pa.nulls(n, pa.string()), pa.nulls(n, pa.string())]
    known = [*columns, pa.array([False] * n), pa.array([source] * n)]
    return pa.table([*known, pa.nulls(n, pa.string())], schema=LABELS)


def frame_of(events: pa.Table) -> pd.DataFrame:
    """The events as a frame of the Event's flat columns; text as plain objects, far quicker to cut."""
    table = conform(events)
    plain = table.select([field.name for field in EVENT_SCHEMA if field.type != pa.string()]).to_pandas()
    columns = {name: plain[name] if name in plain.columns else _texts(table[name]) for name in table.column_names}
    return pd.DataFrame(columns, columns=pd.Index(columns, dtype=object)).copy()


def _texts(column: pa.ChunkedArray) -> pd.Series:
    """Each distinct text once in memory, however often it is said."""
    coded = column.combine_chunks().dictionary_encode()
    distinct = np.array([*coded.dictionary.to_pylist(), np.nan], dtype=object)
    return pd.Series(distinct[coded.indices.fill_null(len(distinct) - 1).to_numpy()], dtype=object)


def table_of_frame(frame: pd.DataFrame) -> pa.Table:
    """And back; whole numbers may be kept as floats or objects in a frame."""
    whole = [field.name for field in EVENT_SCHEMA if pa.types.is_integer(field.type)]
    frame = frame.astype(dict.fromkeys(whole, float))
    return pa.Table.from_pandas(frame, schema=EVENT_SCHEMA, preserve_index=False)
