"""Writes a simulated world to disk part by part, so only one part is ever in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from features.event.arrow import EVENT_SCHEMA
from training.data.labels import LABELS, World

ROWS_PER_GROUP = 262_144
"""Rows of one Parquet row group: what a reader that streams the file holds in memory at a time."""


def write_worlds(
    worlds: Iterable[World], events: Path, labels: Path, *, rows_per_group: int = ROWS_PER_GROUP
) -> dict[str, Any]:
    """Write worlds that share no identity, one after another, into one Parquet file of events and one of labels.

    Returns the summary of all of them together (`World.summary`). A file appears under its name only once it is
    complete; a failure leaves what was there before. Texts are dictionary-encoded per row group, so that they can be
    read compactly: `pq.read_table(..., read_dictionary=[...])`.
    """
    summary: dict[str, Any] = {}
    unfinished = [file.with_name(file.name + ".unfinished") for file in (events, labels)]
    try:
        with ExitStack() as stack:
            writers = [
                stack.enter_context(pq.ParquetWriter(file, schema, compression="zstd"))
                for file, schema in zip(unfinished, (EVENT_SCHEMA, LABELS), strict=True)
            ]
            for world in worlds:
                for writer, table in zip(writers, (world.events, world.labels), strict=True):
                    writer.write_table(table, row_group_size=rows_per_group)
                summary = _add_summaries(summary, world.summary())
        for file, finished in zip(unfinished, (events, labels), strict=True):
            file.replace(finished)
    finally:
        for file in unfinished:
            file.unlink(missing_ok=True)
    return summary


def _add_summaries(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """The summary of two worlds that share no identity."""
    if not first:
        return dict(second)
    return {
        name: dict(sorted((Counter(first[name]) + Counter(count)).items()))
        if isinstance(count, Mapping)
        else first[name] + count
        for name, count in second.items()
    }
