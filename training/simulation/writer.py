"""A world on disk, written part by part, so that only one part is ever in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from features.event.arrow import EVENT_SCHEMA
from training.data.labels import LABELS, World

ROWS_A_GROUP = 262_144
"""Rows of one Parquet row group: what a reader that goes through a file in pieces holds at a time."""


def write(parts: Iterable[World], events: Path, labels: Path, *, rows_a_group: int = ROWS_A_GROUP) -> dict[str, Any]:
    """Write worlds of different identities one after another into one file of events and one of labels.

    Returns what they hold together. The files appear under their names only once they are whole; texts are kept once a
    group (as a dictionary), so that they can be read back small: `pq.read_table(..., read_dictionary=[...])`.
    """
    summary: dict[str, Any] = {}
    unfinished = [file.with_name(file.name + ".unfinished") for file in (events, labels)]
    try:
        with ExitStack() as stack:
            writers = [
                stack.enter_context(pq.ParquetWriter(file, schema, compression="zstd"))
                for file, schema in zip(unfinished, (EVENT_SCHEMA, LABELS), strict=True)
            ]
            for part in parts:
                for writer, table in zip(writers, (part.events, part.labels), strict=True):
                    writer.write_table(table, row_group_size=rows_a_group)
                summary = _together(summary, part.summary())
        for file, whole in zip(unfinished, (events, labels), strict=True):
            file.replace(whole)
    finally:
        for file in unfinished:
            file.unlink(missing_ok=True)
    return summary


def _together(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Two summaries of worlds that share no identity."""
    if not one:
        return dict(other)
    return {
        name: dict(sorted((Counter(one[name]) + Counter(count)).items()))
        if isinstance(count, Mapping)
        else one[name] + count
        for name, count in other.items()
    }
