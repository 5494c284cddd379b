"""Past requests from a file of events with row-by-row labels, in order of time and in bounded memory.

Histories are kept from slice to slice, so the features are those the service would have computed. Nothing was decided
about these requests.
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
from features.engine.batch_state import BatchState
from features.event.arrow import conform, events_of
from features.event.numpy_row import rows_of, take_rows
from features.event.schema import Event
from features.model.bundle import TrustModel
from features.model.trust_curve import TrustCurve
from serving.errors import AnalysisError
from serving.policy_analysis.past.past_requests import UNLABELLED, Label, PastRequest, PastRequests, Progress

SLICE = 100_000
"""Events in memory at a time."""
CHUNK = 4_096
"""Events whose features are in memory at a time."""
_REQUIRED_COLUMNS = ("time", "identity.id", "identity.type", "action.name")


def past_requests_from_events(
    events: pa.Table, labels: pa.Table | None, model: TrustModel, progress: Progress | None = None
) -> PastRequests:
    """The events of a table as past requests, scored by a model.

    `labels` has a row for each event, with the columns `compromised` and optionally `legitimate_escalation` and
    `label_source`. Raises AnalysisError when it does not.
    """
    _check_labels(events.num_rows, labels, "the events")
    rows = np.arange(events.num_rows)
    return _past_requests(iter([(conform(events), labels, rows)]), model, events.num_rows, progress)


def past_requests_from_file(
    events: Path,
    labels: Path | None,
    model: TrustModel,
    progress: Progress | None = None,
    *,
    slice_rows: int = SLICE,
) -> PastRequests:
    """The events of a Parquet file, which may be larger than memory, as past requests scored by a model.

    At most about `slice_rows` events are in memory at a time. A file far from ordered by time is read once for each
    slice. Raises AnalysisError when the file holds no events, or the labels do not match them row by row.
    """
    file, label_table = pq.ParquetFile(events), pq.read_table(labels) if labels else None
    missing = [name for name in _REQUIRED_COLUMNS if name not in file.schema_arrow.names]
    if missing:
        raise AnalysisError(
            f"{events} holds no events: it lacks {', '.join(missing)}; see session-trust features import"
        )
    total = file.metadata.num_rows
    _check_labels(total, label_table, str(events))
    return _past_requests(_slices(events, label_table, slice_rows), model, total, progress)


def _check_labels(events: int, labels: pa.Table | None, source: str) -> None:
    if labels is None:
        return
    if "compromised" not in labels.column_names:
        raise AnalysisError("the labels lack the column `compromised` (0, 1 or null)")
    if labels.num_rows != events:
        raise AnalysisError(f"{source}: {events} rows, but there are {labels.num_rows} labels; give one for each row")


def _slices(file: Path, labels: pa.Table | None, slice_rows: int) -> Iterator[tuple[pa.Table, pa.Table | None, Array]]:
    """The file in slices of time: events, their labels, and their rows in the file."""
    times = conform(pq.read_table(file, columns=["time"]))["time"].cast(pa.int64()).to_numpy()
    ordered = np.sort(times)
    cuts = np.unique([*ordered[:1], *ordered[::slice_rows], *(ordered[-1:] + 1)])
    del ordered
    for start, end in pairwise(cuts.tolist()):
        selected = (times >= start) & (times < end)
        parts, rows = [], np.flatnonzero(selected)
        for first, batch in _batches(file, selected, slice_rows):
            parts.append(conform(batch.filter(pa.array(selected[first : first + batch.num_rows]))))
        yield pa.concat_tables(parts), labels.take(rows) if labels else None, rows


def _batches(file: Path, selected: Array, slice_rows: int) -> Iterator[tuple[int, pa.Table]]:
    """The first row of each batch and the batch; only row groups with a selected row are read."""
    parquet, end = pq.ParquetFile(file), 0
    for group in range(parquet.num_row_groups):
        start, end = end, end + parquet.metadata.row_group(group).num_rows
        if selected[start:end].any():
            for batch in parquet.iter_batches(slice_rows, row_groups=[group]):
                yield start, pa.Table.from_batches([batch])
                start += batch.num_rows


def _past_requests(
    slices: Iterator[tuple[pa.Table, pa.Table | None, Array]],
    model: TrustModel,
    total: int,
    progress: Progress | None,
) -> PastRequests:
    state, done = BatchState(model.population), 0
    for table, labels, rows in slices:
        records = rows_of(table)
        order = time_order(records)
        for start in range(0, len(order), CHUNK):
            chunk = order[start : start + CHUNK]
            matrix = state.read_and_update(take_rows(records, chunk))
            chunk_labels = labels.take(chunk) if labels else None
            yield from _score(table.take(chunk), chunk_labels, matrix, rows[chunk], model)
            done += len(chunk)
            if progress:
                progress(done, total)


def _score(
    table: pa.Table, label_table: pa.Table | None, matrix: Array, rows: Array, model: TrustModel
) -> PastRequests:
    log_odds, hazards, names = model.now_log_odds(matrix), model.hazards(matrix), feature_names()
    labels = labels_from_table(label_table) if label_table else [UNLABELLED] * len(matrix)
    columns = zip(_validated(table), matrix, log_odds, hazards, labels, rows.tolist(), strict=True)
    for event, values, now, event_hazards, label, row in columns:
        yield PastRequest(
            id=event.id or f"row {row}",
            at=event.time,
            event=event,
            features=dict(zip(names, values.tolist(), strict=True)),
            trust=TrustCurve(float(now), tuple(event_hazards.tolist())),
            model=model,
            label=label,
        )


def _validated(table: pa.Table) -> Iterator[Event]:
    try:
        yield from events_of(table)
    except ValidationError as error:
        raise AnalysisError(f"a row is not an event: {error}") from error


def labels_from_table(labels: pa.Table) -> list[Label]:
    """One label for each row of a table."""
    rows = labels.select([name for name in _LABEL_COLUMNS if name in labels.column_names]).to_pylist()
    return [_label(row) for row in rows]


_LABEL_COLUMNS = ("compromised", "legitimate_escalation", "label_source")


def _label(row: dict[str, object]) -> Label:
    compromised, escalation = row.get("compromised"), row.get("legitimate_escalation")
    return Label(
        compromised=None if compromised is None else bool(compromised),
        escalation=None if escalation is None else bool(escalation),
        source=str(row["label_source"]) if row.get("label_source") else None,
    )
