"""Investigators' verdicts on decisions as labels: read from the decision log's export, limited per identity.

The format is JSON Lines, one verdict a line, from a file or from an HTTP address that requires a bearer key:

    {"event_id": "…", "identity": "…", "verdict": "intruder", "at": "2026-10-01T09:00:00Z", "by": "…"}

`event_id` is the event's own id, `verdict` is `intruder`, `owner` or `unsure`, `at` is when it was given. Other members
are ignored. The last verdict on an event counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pyarrow as pa

from features.arrays import Array
from training.data.labels import World

MAX_VERDICTS_PER_IDENTITY = 5
"""By default, how many verdicts on one identity become labels: with more, they could teach the model to ignore that
identity, or to challenge it all the time."""
LABELS_BY_VERDICT = {"intruder": 1, "owner": 0, "unsure": None}
"""The value of `compromised` that each verdict stands for."""
VERDICT_SOURCE = "feedback"
"""The `label_source` of rows labelled by a verdict."""


@dataclass(frozen=True)
class Verdict:
    """What one investigator concluded about one event."""

    event_id: str
    identity: str
    verdict: str
    at: datetime
    by: str


@dataclass(frozen=True)
class AppliedVerdicts:
    """A world whose labels include verdicts, and how many verdicts were used."""

    world: World
    taken: int
    capped: int
    """Verdicts beyond the limit of their identity."""
    unknown: int
    """Verdicts on events that are not in the log, or not of that identity."""


def read_verdicts(source: str, key_file: Path | None = None) -> list[Verdict]:
    """Read an export from a file or an http(s) address; `key_file` holds the bearer key.

    Raises ValueError naming the line that is not a verdict, OSError if the source cannot be read.
    """
    lines = enumerate(_lines(source, key_file), start=1)
    return [_parse_verdict(line, number) for number, line in lines if line.strip()]


def _lines(source: str, key_file: Path | None) -> Iterable[str]:
    if not source.startswith(("http://", "https://")):
        return Path(source).read_text().splitlines()
    headers = {"Authorization": f"Bearer {key_file.read_text().strip()}"} if key_file else {}
    with urlopen(Request(source, headers=headers), timeout=60) as response:
        return str(response.read().decode()).splitlines()


def _parse_verdict(line: str, number: int) -> Verdict:
    try:
        record = json.loads(line)
        verdict = Verdict(
            event_id=str(record["event_id"]),
            identity=str(record["identity"]),
            verdict=str(record["verdict"]),
            at=_parse_time(record["at"]),
            by=str(record["by"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"line {number} is not a verdict: {error!r}") from error
    if verdict.verdict not in LABELS_BY_VERDICT:
        choices = ", ".join(LABELS_BY_VERDICT)
        raise ValueError(f"line {number}: verdict is {verdict.verdict!r}; it must be one of {choices}")
    return verdict


def _parse_time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return at


def apply_verdicts(
    world: World, verdicts: Iterable[Verdict], *, limit: int = MAX_VERDICTS_PER_IDENTITY
) -> AppliedVerdicts:
    """Label a world by verdicts, the newest `limit` of each identity; a verdict must name its event's own identity."""
    last = {verdict.event_id: verdict for verdict in sorted(verdicts, key=lambda each: each.at)}
    rows = {id_: row for row, id_ in enumerate(world.events["id"].to_pylist()) if id_ in last}
    identity = world.events["identity.id"].to_pylist()
    matching = [
        each for each in last.values() if each.event_id in rows and identity[rows[each.event_id]] == each.identity
    ]
    counts: dict[str, int] = {}
    taken = []
    for each in sorted(matching, key=lambda each: each.at, reverse=True):
        counts[each.identity] = counts.get(each.identity, 0) + 1
        if counts[each.identity] <= limit:
            taken.append(each)
    labels = _relabel(world.labels, {rows[each.event_id]: each for each in taken})
    return AppliedVerdicts(
        World(world.events, labels), len(taken), len(matching) - len(taken), len(last) - len(matching)
    )


def _relabel(labels: pa.Table, verdicts: dict[int, Verdict]) -> pa.Table:
    """The labels with the verdicts, given by row, taken in."""
    compromised, source = labels["compromised"].to_pylist(), labels["label_source"].to_pylist()
    scenario = np.array(labels["scenario"].to_pylist(), dtype=object)
    for row, each in verdicts.items():
        compromised[row], source[row] = LABELS_BY_VERDICT[each.verdict], VERDICT_SOURCE
        scenario[row] = scenario[row] if compromised[row] == 1 else None
    changed = {"compromised": compromised, "label_source": source, "scenario": scenario.tolist()}
    columns = [pa.array(changed[f.name], f.type) if f.name in changed else labels[f.name] for f in labels.schema]
    return pa.table(columns, schema=labels.schema)


def has_verdict(world: World) -> Array:
    """Whether an investigator's verdict labelled each row, shape (n,)."""
    return world.labelled_by(VERDICT_SOURCE)


def verdict_weights(from_verdict: Array, identity: Array) -> Array:
    """Sample weights, shape (n,): the verdicts on one identity count together as one example, all other rows as one
    each. `from_verdict` is a mask and `identity` the number of each row's identity."""
    count = np.bincount(identity[from_verdict], minlength=int(identity.max(initial=0)) + 1)
    weight: Array = np.where(from_verdict, 1.0 / np.maximum(count[identity], 1), 1.0)
    return weight
