"""What investigators said of decisions, as labels: read from where the decision log exports it, capped per identity.

The exchange is JSON Lines, one verdict a line, from a file or from an HTTP address that asks for a bearer key:

    {"event_id": "…", "identity": "…", "verdict": "intruder", "at": "2026-10-01T09:00:00Z", "by": "…"}

`event_id` is the event's own id, `verdict` is `intruder`, `owner` or `unsure`, `at` is when it was given. Other members
are left alone. The last verdict on an event counts.
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

CAP = 5
"""Verdicts of one identity that are taken at most: more could teach the model to look away from it, or to hound it."""
MEANS = {"intruder": 1, "owner": 0, "unsure": None}
SOURCE = "feedback"


@dataclass(frozen=True)
class Verdict:
    """What somebody said of one event."""

    event_id: str
    identity: str
    verdict: str
    at: datetime
    by: str


@dataclass(frozen=True)
class Pulled:
    """The labels with verdicts taken in, and what became of the verdicts."""

    world: World
    taken: int
    capped: int
    unknown: int
    """Verdicts on events that are not in the log."""


def read(source: str, key_file: Path | None = None) -> list[Verdict]:
    """Read the export; raises ValueError naming the line that is no verdict, OSError where there is nothing to read."""
    return [_verdict(line, number) for number, line in enumerate(_lines(source, key_file), start=1) if line.strip()]


def _lines(source: str, key_file: Path | None) -> Iterable[str]:
    if not source.startswith(("http://", "https://")):
        return Path(source).read_text().splitlines()
    headers = {"Authorization": f"Bearer {key_file.read_text().strip()}"} if key_file else {}
    with urlopen(Request(source, headers=headers), timeout=60) as answer:
        return str(answer.read().decode()).splitlines()


def _verdict(line: str, number: int) -> Verdict:
    try:
        said = json.loads(line)
        who, what = str(said["identity"]), str(said["verdict"])
        verdict = Verdict(str(said["event_id"]), who, what, _time(said["at"]), str(said["by"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"line {number} is no verdict: {error!r}") from error
    if verdict.verdict not in MEANS:
        raise ValueError(f"line {number}: verdict is {verdict.verdict!r}; it must be one of {', '.join(MEANS)}")
    return verdict


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    return at


def pull(world: World, verdicts: Iterable[Verdict], *, cap: int = CAP) -> Pulled:
    """Take verdicts into the labels of a log, the newest `cap` of each identity; nobody speaks for another's events."""
    last = {verdict.event_id: verdict for verdict in sorted(verdicts, key=lambda each: each.at)}
    rows = {id_: row for row, id_ in enumerate(world.events["id"].to_pylist()) if id_ in last}
    whose = world.events["identity.id"].to_pylist()
    known = [each for each in last.values() if each.event_id in rows and whose[rows[each.event_id]] == each.identity]
    counted: dict[str, int] = {}
    taken = []
    for each in sorted(known, key=lambda each: each.at, reverse=True):
        counted[each.identity] = counted.get(each.identity, 0) + 1
        if counted[each.identity] <= cap:
            taken.append(each)
    labels = _told(world.labels, {rows[each.event_id]: each for each in taken})
    return Pulled(World(world.events, labels), len(taken), len(known) - len(taken), len(last) - len(known))


def told(world: World) -> Array:
    """By row: whether an investigator said who acted."""
    return world.labelled_by(SOURCE)


def voices(of_verdicts: Array, identity: Array) -> Array:
    """How much each example counts, of which a mask tells those that a verdict speaks of: all of one identity's
    together for one, so that many weigh no more than one. That bounds their weight; the report says what they move."""
    said = np.bincount(identity[of_verdicts], minlength=int(identity.max(initial=0)) + 1)
    weight: Array = np.where(of_verdicts, 1.0 / np.maximum(said[identity], 1), 1.0)
    return weight


def _told(labels: pa.Table, said: dict[int, Verdict]) -> pa.Table:
    compromised, source = labels["compromised"].to_pylist(), labels["label_source"].to_pylist()
    scenario = np.array(labels["scenario"].to_pylist(), dtype=object)
    for row, each in said.items():
        compromised[row], source[row] = MEANS[each.verdict], SOURCE
        scenario[row] = scenario[row] if MEANS[each.verdict] == 1 else None
    told = {"compromised": compromised, "label_source": source, "scenario": scenario.tolist()}
    columns = [pa.array(told[f.name], f.type) if f.name in told else labels[f.name] for f in labels.schema]
    return pa.table(columns, schema=labels.schema)
