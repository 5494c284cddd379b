"""Requests out of a file of events, with labels beside them row by row, in order of time and in bounded memory.

Histories are carried from slice to slice, so that features are what the service would have seen; nothing was ruled.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from features.arrays import Array
from features.catalogue.all import feature_names
from features.engine.batch import time_order
from features.engine.batch_state import Carrier
from features.event.arrow import conform, events_of
from features.event.numpy_row import rows_of, take_rows
from features.event.schema import Event
from features.model.bundle import TrustModel
from features.model.trust_curve import TrustCurve
from serving.errors import ServingError
from serving.policy_analysis.past_requests import UNLABELLED, Case, Cases, Label, Told

SLICE = 100_000
"""Events in memory at a time."""
CHUNK = 4_096
"""Events whose features are in memory at a time."""


_NEEDED = ("time", "identity.id", "identity.type", "action.name")


class CannotBeRead(ServingError):
    """A file that holds no events, or labels that are not theirs; the message says what is wrong."""


def imported_cases(events: pa.Table, labels: pa.Table | None, model: TrustModel, told: Told | None = None) -> Cases:
    """The events of a table as cases, judged by a model; raises CannotBeRead where labels are not row by row."""
    _check(events.num_rows, labels, "the events")
    places = np.arange(events.num_rows)
    return _cases(iter([(conform(events), labels, places)]), model, events.num_rows, told)


def cases_of_file(events: Path, labels: Path | None, model: TrustModel, told: Told | None = None) -> Cases:
    """The same of Parquet files larger than memory; one far from the order of time is read once for every slice."""
    file, known = pq.ParquetFile(events), pq.read_table(labels) if labels else None
    missing = [name for name in _NEEDED if name not in file.schema_arrow.names]
    if missing:
        raise CannotBeRead(f"{events} holds no events: it lacks {', '.join(missing)}; see python -m features import")
    total = file.metadata.num_rows
    _check(total, known, str(events))
    return _cases(_slices(events, known), model, total, told)


def _check(events: int, labels: pa.Table | None, source: str) -> None:
    if labels is None:
        return
    if "compromised" not in labels.column_names:
        raise CannotBeRead("the labels lack the column `compromised` (0, 1 or null)")
    if labels.num_rows != events:
        raise CannotBeRead(f"{source}: {events} rows, but there are {labels.num_rows} labels; they go row by row")


def _slices(file: Path, labels: pa.Table | None) -> Iterator[tuple[pa.Table, pa.Table | None, Array]]:
    times = conform(pq.read_table(file, columns=["time"]))["time"].cast(pa.int64()).to_numpy()
    ordered = np.sort(times)
    cuts = np.unique([*ordered[:1], *ordered[::SLICE], *(ordered[-1:] + 1)])
    del ordered
    for start, end in pairwise(cuts.tolist()):
        chosen = (times >= start) & (times < end)
        kept, places = [], np.flatnonzero(chosen)
        for first, batch in _batches(file, chosen):
            kept.append(conform(batch.filter(pa.array(chosen[first : first + batch.num_rows]))))
        yield pa.concat_tables(kept), labels.take(places) if labels else None, places


def _batches(file: Path, wanted: Array) -> Iterator[tuple[int, pa.Table]]:
    """A file's tables one by one with the place each begins at; only row groups that hold a wanted row are read."""
    parquet, end = pq.ParquetFile(file), 0
    for group in range(parquet.num_row_groups):
        place, end = end, end + parquet.metadata.row_group(group).num_rows
        if wanted[place:end].any():
            for batch in parquet.iter_batches(SLICE, row_groups=[group]):
                yield place, pa.Table.from_batches([batch])
                place += batch.num_rows


def _cases(
    slices: Iterator[tuple[pa.Table, pa.Table | None, Array]], model: TrustModel, total: int, told: Told | None
) -> Cases:
    carrier, done = Carrier(model.population), 0
    for table, labels, places in slices:
        rows = rows_of(table)
        order = time_order(rows)
        for start in range(0, len(order), CHUNK):
            chosen = order[start : start + CHUNK]
            matrix = carrier.take(take_rows(rows, chosen))
            yield from _chunk(
                table.take(chosen), labels.take(chosen) if labels else None, matrix, places[chosen], model
            )
            done += len(chosen)
            if told:
                told(done, total)


def _chunk(table: pa.Table, labels: pa.Table | None, matrix: Array, places: Array, model: TrustModel) -> Cases:
    log_odds, hazards, columns = model.now_log_odds(matrix), model.hazards(matrix), feature_names()
    said = labels_of(labels) if labels else [UNLABELLED] * len(matrix)
    each = zip(_valid(table), matrix, log_odds, hazards, said, places.tolist(), strict=True)
    for event, values, now, lost, label, place in each:
        yield Case(
            id=event.id or f"row {place}",
            at=event.time,
            event=event,
            features=dict(zip(columns, values.tolist(), strict=True)),
            trust=TrustCurve(float(now), tuple(lost.tolist())),
            model=model,
            label=label,
        )


def _valid(table: pa.Table) -> Iterator[Event]:
    try:
        yield from events_of(table)
    except ValidationError as error:
        raise CannotBeRead(f"a row is no event: {error}") from error


def labels_of(labels: pa.Table) -> list[Label]:
    """Rows of labels as they stand beside events."""
    rows = labels.select([n for n in _COLUMNS if n in labels.column_names]).to_pylist()
    return [_label(row) for row in rows]


_COLUMNS = ("compromised", "legitimate_escalation", "label_source")


def _label(row: dict[str, object]) -> Label:
    compromised, escalation = row.get("compromised"), row.get("legitimate_escalation")
    return Label(
        compromised=None if compromised is None else bool(compromised),
        escalation=None if escalation is None else bool(escalation),
        source=str(row["label_source"]) if row.get("label_source") else None,
    )
