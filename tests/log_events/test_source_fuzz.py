"""Whatever a record holds, its source gives an event or says in a ValueError why it is none."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.source_samples import DATA, SAMPLES

from features.event.schema import Event
from features.sources.formats.records import Record, records_in, records_of
from features.sources.registry import SOURCES

pytestmark = pytest.mark.property

_ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", "-", "[]", "{}", '{"a"', "\u200b", "\ud800", "9" * 5000, "2024-13-40T00:00:00Z", "x" * 5000]),
    st.lists(st.none() | st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=5), st.none() | st.integers(), max_size=3),
)


@cache
def real_records(source: str) -> list[Record]:
    """Every real record of a source."""
    form = SOURCES[source].form
    files = [DATA / sample.file for sample in SAMPLES if sample.source == source]
    return [record for file in files for _, record in records_of(file, form) if isinstance(record, dict)]


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a record at which a value stands."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value[:8]) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


def changed(value: Any, path: tuple[str | int, ...], new: Any, drop: bool) -> Any:
    """A copy of a record with another value at a place, or without it."""
    head, *rest = path
    copied = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        copied[head] = changed(copied[head], tuple(rest), new, drop)  # type: ignore[index]
    elif drop:
        del copied[head]  # type: ignore[arg-type]
    else:
        copied[head] = new  # type: ignore[index]
    return copied


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_line_is_a_record_or_says_why_not(data: st.DataObject) -> None:
    """Lines of text are cut, joined and mixed with anything."""
    files = [DATA / sample.file for sample in SAMPLES if sample.file.endswith(".log")]
    lines = [line for file in files for line in file.read_text().splitlines()]
    line = data.draw(st.sampled_from(lines))
    start, end = sorted((data.draw(st.integers(0, len(line))), data.draw(st.integers(0, len(line)))))
    text = line[:start] + data.draw(st.text(max_size=30)) + line[end:]

    for _, record in records_in(f"{text}\n{data.draw(st.text(max_size=60))}", form=SOURCES["linux"].form):
        if isinstance(record, dict):
            try:
                SOURCES["linux"].parse(record)
            except ValueError:
                continue


@pytest.mark.parametrize("source", sorted({sample.source for sample in SAMPLES}))
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_broken_record_is_a_value_error(source: str, data: st.DataObject) -> None:
    """Fields are dropped, types swapped, values nested; nothing but a ValueError comes out."""
    records = real_records(source)
    record = data.draw(st.sampled_from(records))
    for _ in range(data.draw(st.integers(1, 4))):
        where = places(record)
        if not where:
            break
        record = changed(record, data.draw(st.sampled_from(where)), data.draw(_ODD), data.draw(st.booleans()))
        if data.draw(st.booleans()) and data.draw(st.booleans()):
            record = {"properties": record, "events": [record, 7]}

    try:
        event = SOURCES[source].parse(record)
    except ValueError:
        event = None

    assert event is None or isinstance(event, Event)
    SOURCES[source].recognises(record)
    SOURCES[source].identity_type(record)
