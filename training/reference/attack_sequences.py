"""What attacks on a cloud account look like, step by step: Stratus Red Team's recorded sequences in `data/stratus`.

Only the order of the actions, their categories and their pauses are used. Who acted, from where, on what and with which
client (it names the tool) are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

from features.data_files import data_folder
from features.event.arrow import events_of
from features.event.schema import Category, Event
from features.sources.file_import import import_files

STRATUS = data_folder() / "stratus"
"""One file per technique, named `aws.<tactic>.<technique>.json`."""

LONGEST_RUN = 5
"""Repetitions kept of one action: more than that is the tool waiting for a result, not somebody acting."""


@dataclass(frozen=True)
class Step:
    """One action; `pause_seconds` have passed since the step before it."""

    action: str
    category: Category | None
    resource_type: str | None = None
    pause_seconds: float = 0.0


@dataclass(frozen=True)
class AttackSequence:
    """The steps of one technique in order, under the ATT&CK tactic that it serves."""

    tactic: str
    technique: str
    steps: tuple[Step, ...]


@cache
def recorded_sequences(folder: Path = STRATUS) -> tuple[AttackSequence, ...]:
    """Every recorded technique in order of its file's name; raises FileNotFoundError if the folder has none."""
    files = sorted(folder.glob("aws.*.json"))
    if not files:
        raise FileNotFoundError(f"no recorded sequences in {folder}")
    return tuple(_read_sequence(file) for file in files)


@cache
def sequences_for(*names: str) -> tuple[AttackSequence, ...]:
    """The sequences of these tactics (`persistence`, `exfiltration`, ...) or single techniques."""
    return tuple(each for each in recorded_sequences() if each.tactic in names or each.technique in names)


def _read_sequence(file: Path) -> AttackSequence:
    _, tactic, technique = file.stem.split(".", 2)
    newest_first = list(events_of(import_files("cloudtrail", [file]).table))
    events = sorted(reversed(newest_first), key=lambda event: event.time)
    steps = [_step(before, event) for before, event in zip([events[0], *events], events, strict=False)]
    runs = (list(run)[:LONGEST_RUN] for _, run in groupby(steps, key=lambda step: step.action))
    return AttackSequence(tactic, technique, tuple(step for run in runs for step in run))


def _step(before: Event, event: Event) -> Step:
    pause = (event.time - before.time).total_seconds()
    return Step(event.action.name, event.action.category, event.resource.type, pause)
