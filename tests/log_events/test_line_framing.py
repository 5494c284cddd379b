"""A growing text is cut into the same records as the whole of it, however its bytes arrive."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.source_samples import DATA, SAMPLES, Sample

from features.sources.formats.files import decompress, is_gzip
from features.sources.formats.records import JSON, NotAnEvent, RecordForm, records_in
from features.sources.registry import SOURCES
from serving.consumer.line_framing import LONGEST_OPEN, LineFraming


def whole(data: bytes, form: RecordForm) -> list[Any]:
    """The records of the whole text; of one that cannot be read only that."""
    return [_kind(record) for _, record in records_in(data.decode("utf-8-sig", "replace"), form=form)]


def framed(pieces: list[bytes], form: RecordForm) -> list[Any]:
    """The records of the messages that pieces of the text make."""
    framing = LineFraming(form)
    messages = [message for piece in pieces for message in framing.feed(piece)] + framing.end()
    texts = [message.data.decode("utf-8-sig", "replace") for message in messages]
    return [_kind(record) for text in texts for _, record in records_in(text, form=form)]


def _kind(record: Any) -> Any:
    return str(record) if isinstance(record, NotAnEvent) else "unreadable" if isinstance(record, str) else record


def _cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_every_sample_is_cut_into_its_records(sample: Sample) -> None:
    """In one piece, and in pieces of a prime number of bytes."""
    data, form = (DATA / sample.file).read_bytes(), SOURCES[sample.source].form
    data = decompress(data)[0] if is_gzip(data) else data
    pieces = [data[start : start + 4093] for start in range(0, len(data), 4093)]

    assert framed(pieces, form) == framed([data], form) == whole(data, form)


_RECORDS = st.lists(
    st.dictionaries(st.text(max_size=4), st.text(max_size=6) | st.integers(-(2**63), 2**63 - 1) | st.none()), max_size=6
)


@given(_RECORDS, st.sampled_from((None, 2)), st.booleans(), st.lists(st.integers(0, 10_000), max_size=6))
def test_json_of_any_layout_in_any_pieces(
    records: list[dict[str, Any]], indent: int | None, listed: bool, places: list[int]
) -> None:
    """One a line or spread over lines, in a row or in a list."""
    values = [{"Records": records}] if listed else records
    data = "\n".join(json.dumps(value, indent=indent, ensure_ascii=False) for value in values).encode()

    assert framed(_cut(data, places), JSON) == records


@given(st.lists(st.text('a,"\n é', max_size=6), min_size=1, max_size=5), st.lists(st.integers(0, 500), max_size=4))
def test_rows_of_csv_in_any_pieces(cells: list[str], places: list[int]) -> None:
    """Cells may hold line ends and quotation marks."""
    form = RecordForm(csv=True)
    data = (
        "id,text\n" + "".join('{},"{}"\n'.format(n, cell.replace('"', '""')) for n, cell in enumerate(cells))
    ).encode()

    assert framed(_cut(data, places), form) == [
        {"id": str(n)} | ({"text": cell} if cell else {}) for n, cell in enumerate(cells)
    ]


def test_a_value_that_was_cut_off_costs_itself_alone() -> None:
    """A process that dies in the middle of a line, and one that goes on in the next."""
    text = b'{"a": 1}\n{"b": {"c": \n{"d": 4}\n{"e": 5}\n'

    assert framed([text], JSON)[0] == {"a": 1}
    assert framed([text], JSON)[-1] == {"e": 5}
    assert framed([b'{"a": "x\n{"d": 4}\n'], JSON) == ["unreadable", {"d": 4}]


def test_a_stray_quotation_mark_costs_its_row_alone() -> None:
    """Though a cell may hold lines: one that is never closed is given up, at a bound or at the end of the text."""
    form, row = RecordForm(csv=True), b"7," + b"fine" * 500 + b"\n"
    short = b'id,text\n1,"stray\n' + row * 3
    long = short + row * (2 * LONGEST_OPEN // len(row))
    waiting = LineFraming(form)
    given_out = waiting.feed(long)

    assert framed([short], form) == ["unreadable", *[{"id": "7", "text": "fine" * 500}] * 3]
    assert framed([long], form).count("unreadable") == 1
    assert len(framed([long], form)) == 1 + long.count(row)
    assert given_out[0].start == len(b"id,text\n")
    assert len(given_out) == 1 + long.count(row)


def test_a_stray_bracket_among_lines_of_text_costs_its_line_alone() -> None:
    """Given up as a row is, after a bound or at the end of the text."""
    form, line = RecordForm(parse_line=lambda text: {"line": text}), b"fine\n"
    text = b"{ stray\n" + line * (LONGEST_OPEN // len(line) + 1)
    framing = LineFraming(form)

    assert len(framing.feed(text)) == 1 + text.count(line)
    assert framed([b"{ stray\n" + line], form)[-1] == {"line": "fine"}


def _seconds(pieces: list[bytes], form: RecordForm) -> float:
    """Time of the processor that cutting takes, at its best of three."""
    taken = []
    for _ in range(3):
        framing, begin = LineFraming(form), time.process_time()
        for piece in pieces:
            framing.feed(piece)
        framing.end()
        taken.append(time.process_time() - begin)
    return min(taken)


@pytest.mark.parametrize(
    ("form", "pieces"),
    [
        (RecordForm(csv=True), lambda n: [b'id,text\n1,"stray\n' + b"7,fine\n" * n]),
        (JSON, lambda n: [b"{\n" + b'"a": 1,\n' * n]),
        (JSON, lambda n: [b'{"a": "' + b'\\"' * n + b"\n"]),
        (JSON, lambda n: [b"x" * 64] * n),
    ],
    ids=["open row", "open value", "open text", "long line in pieces"],
)
def test_the_work_grows_as_the_text_does(form: RecordForm, pieces: Callable[[int], list[bytes]]) -> None:
    """Four times the text takes about four times as long, not sixteen."""
    assert _seconds(pieces(40_000), form) / _seconds(pieces(10_000), form) < 9
