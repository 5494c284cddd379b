"""The Arrow table and the numpy row hold the whole Event."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from support.random_events import random_events

from features.event.arrow import EVENT_SCHEMA, conform, events_of, table_of
from features.event.numpy_row import row_of, rows_of
from features.event.row_fields import ROW
from features.hashing import UNKNOWN


def test_events_survive_a_round_trip_through_arrow() -> None:
    """An event is equal after conversion to an Arrow row and back, including nulls and lists."""
    events = random_events(300, seed=1)

    assert list(events_of(table_of(events))) == events


def test_a_row_has_the_same_bits_from_an_event_and_from_a_table() -> None:
    """Batch and single-event encoding give identical rows, including NaN."""
    events = random_events(2_000, seed=2)
    batch = rows_of(table_of(events))

    online = np.concatenate([row_of(event) for event in events])

    assert [name for name in ROW.names or () if batch[name].tobytes() != online[name].tobytes()] == []


def test_missing_columns_mean_unknown() -> None:
    """A table may lack any column; the rows are then unknown, not zero."""
    table = table_of(random_events(3, seed=3)).select(["time", "identity.id", "identity.type", "action.name"])

    rows = rows_of(table)

    assert rows["country"].tolist() == [UNKNOWN] * 3
    assert np.isnan(rows["reputation"]).all()


def test_a_column_of_the_wrong_type_is_named() -> None:
    """The error names the column and the type it must have."""
    with pytest.raises(ValueError, match=r"'network\.asn' must be int64"):
        conform(pa.table({"network.asn": ["none"]}))


def test_no_field_hides_an_attribute_of_numpys_records() -> None:
    """With the JIT off, a field named like a numpy attribute would read as that attribute."""
    from features.history.layout import CREDENTIAL, IDENTITY, SESSION
    from features.history.population import POPULATION

    layouts = (ROW, IDENTITY, SESSION, CREDENTIAL, POPULATION)

    assert {name for layout in layouts for name in layout.names or ()} & set(dir(np.record)) == set()


def test_the_schema_holds_every_field_of_the_event() -> None:
    """Every field of the Event is a column, with its type."""
    assert len(EVENT_SCHEMA) == 52
    assert EVENT_SCHEMA.field("authentication.amr").type == pa.list_(pa.string())


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("network.reputation", pa.scalar(float("inf")), "column 'network.reputation' holds an infinite number"),
        ("network.latitude", pa.scalar(float("-inf")), "column 'network.latitude' holds an infinite number"),
        (
            "action.category",
            pa.scalar("juggle"),
            "column 'action.category' holds 'juggle', which is not",
        ),
        ("time", pa.scalar(datetime(2300, 1, 1, tzinfo=UTC)), "column 'time' in row 0 is null, or not between"),
        ("time", pa.scalar(None, pa.timestamp("us", "UTC")), "column 'time' in row 0 is null, or not between"),
    ],
)
def test_a_table_is_validated_like_an_event(column: str, value: pa.Scalar, message: str) -> None:
    """Tables are refused for the same values as requests."""
    table = table_of(random_events(3, seed=1))
    table = table.set_column(table.column_names.index(column), column, pa.repeat(value, 3))

    with pytest.raises(ValueError, match=message):
        rows_of(table)
