"""What abuse of a cloud account looks like, step by step: Stratus Red Team's recorded sequences in `data/stratus`.

Only the order of actions, their categories and their pauses are taken. Who acted, from where, on what and with which
client (it names the tool) stay behind.
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
"""Repeats kept of one action: beyond it they are the tool waiting for an answer, not somebody doing something."""


@dataclass(frozen=True)
class Step:
    """One thing done; `pause_seconds` passed since the step before it."""

    action: str
    category: Category | None
    resource_type: str | None = None
    pause_seconds: float = 0.0


@dataclass(frozen=True)
class Chain:
    """The steps of one technique in order, under the ATT&CK tactic it serves."""

    tactic: str
    technique: str
    steps: tuple[Step, ...]


@cache
def chains(folder: Path = STRATUS) -> tuple[Chain, ...]:
    """Every recorded technique in order of name; raises FileNotFoundError if there is none."""
    files = sorted(folder.glob("aws.*.json"))
    if not files:
        raise FileNotFoundError(f"no recorded sequences in {folder}")
    return tuple(_chain(file) for file in files)


@cache
def serving(*tactics: str) -> tuple[Chain, ...]:
    """The chains of these tactics (`persistence`, `exfiltration`, ...) or of single techniques, named alike."""
    return tuple(chain for chain in chains() if chain.tactic in tactics or chain.technique in tactics)


def _chain(file: Path) -> Chain:
    _, tactic, technique = file.stem.split(".", 2)
    newest_first = list(events_of(import_files("cloudtrail", [file]).table))
    events = sorted(reversed(newest_first), key=lambda event: event.time)
    steps = [_step(before, event) for before, event in zip([events[0], *events], events, strict=False)]
    runs = (list(run)[:LONGEST_RUN] for _, run in groupby(steps, key=lambda step: step.action))
    return Chain(tactic, technique, tuple(step for run in runs for step in run))


def _step(before: Event, event: Event) -> Step:
    pause = (event.time - before.time).total_seconds()
    return Step(event.action.name, event.action.category, event.resource.type, pause)
