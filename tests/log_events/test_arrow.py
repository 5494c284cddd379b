"""The Arrow table and the numpy row are the Event, whole."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from support.random_events import random_events

from features.event.arrow import EVENT_SCHEMA, conform, events_of, table_of
from features.event.numpy_row import ROW, row_of, rows_of
from features.hashing import UNKNOWN


def test_events_survive_the_way_through_arrow() -> None:
    """An event is the same after it was an Arrow row, nulls and lists included."""
    events = random_events(300, seed=1)

    assert list(events_of(table_of(events))) == events


def test_a_row_has_the_same_bits_from_an_event_and_from_a_table() -> None:
    """One definition: the batch and the single event give equal rows, NaN included."""
    events = random_events(2_000, seed=2)
    batch = rows_of(table_of(events))

    online = np.concatenate([row_of(event) for event in events])

    assert [name for name in ROW.names or () if batch[name].tobytes() != online[name].tobytes()] == []


def test_missing_columns_mean_unknown() -> None:
    """A table may lack any column; the rows then say unknown, not zero."""
    table = table_of(random_events(3, seed=3)).select(["time", "identity.id", "identity.type", "action.name"])

    rows = rows_of(table)

    assert (rows["country"].tolist(), bool(np.isnan(rows["reputation"]).all())) == ([UNKNOWN] * 3, True)


def test_a_column_of_the_wrong_type_is_named() -> None:
    """The error says which column cannot be read, and as what."""
    with pytest.raises(ValueError, match=r"'network\.asn' must be int64"):
        conform(pa.table({"network.asn": ["none"]}))


def test_no_field_hides_an_attribute_of_numpys_records() -> None:
    """With the JIT off, a field named like a numpy attribute would read as that attribute."""
    from features.history.layout import CREDENTIAL, IDENTITY, SESSION
    from features.history.population import POPULATION

    layouts = (ROW, IDENTITY, SESSION, CREDENTIAL, POPULATION)

    assert {name for layout in layouts for name in layout.names or ()} & set(dir(np.record)) == set()


def test_the_schema_holds_every_field_of_the_event() -> None:
    """A field added to the Event is a column at once."""
    assert (len(EVENT_SCHEMA), EVENT_SCHEMA.field("authentication.amr").type) == (44, pa.list_(pa.string()))


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("network.reputation", pa.scalar(float("inf")), "column 'network.reputation' holds an infinite number"),
        ("network.latitude", pa.scalar(float("-inf")), "column 'network.latitude' holds an infinite number"),
        ("action.category", pa.scalar("juggle"), "column 'action.category' holds 'juggle', which an event cannot be"),
        ("time", pa.scalar(datetime(2300, 1, 1, tzinfo=UTC)), "column 'time' in row 0 is null, or not between"),
        ("time", pa.scalar(None, pa.timestamp("us", "UTC")), "column 'time' in row 0 is null, or not between"),
    ],
)
def test_a_table_holds_only_what_an_event_may(column: str, value: pa.Scalar, said: str) -> None:
    """A log on disk is held to what the edge would refuse."""
    table = table_of(random_events(3, seed=1))
    table = table.set_column(table.column_names.index(column), column, pa.repeat(value, 3))

    with pytest.raises(ValueError, match=said):
        rows_of(table)
