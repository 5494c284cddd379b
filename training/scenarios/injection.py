"""Injects attacks or hard negatives into a history: a simulated one, or a log of your own that has no labels yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from features.event.arrow import conform
from training.data.labels import (
    LABELS,
    SIMULATED,
    World,
    benign_labels,
    conform_labels,
    events_to_frame,
    frame_to_events,
)
from training.data.sessions import count_sessions
from training.scenarios.attacker import Attacker, draw_attacker
from training.scenarios.attacks.registry import SCENARIOS, AttackScenario
from training.scenarios.hard_negatives.registry import HARD_NEGATIVES, HardNegative
from training.scenarios.victims import victim_weights

Progress = Callable[[int, int], None]
"""Called with how many steps of how many are done."""
_ENOUGH = 0.9
"""Share of the requested sessions below which a shortfall is reported."""


@dataclass(frozen=True)
class InjectionSummary:
    """What an injection added: sessions in the log before, sessions touched and requested, and, as rows, each scenario
    with its number of victims and of events."""

    rows: tuple[tuple[str, int, int], ...]
    sessions: int
    touched: int
    requested: int

    @property
    def shortfall(self) -> str | None:
        """Why far fewer sessions were touched than requested, or why none was; None if enough were."""
        if self.requested == 0:
            return (
                f"this rate is less than one of the {self.sessions} sessions: give a higher --rate, or a log with more "
                "sessions"
            )
        if self.touched >= _ENOUGH * self.requested:
            return None
        return (
            f"{self.requested} of {self.sessions} sessions were requested, but only {self.touched} were touched: each "
            "identity is a victim at most once, and no other identity fits these scenarios. Use more identities, more "
            "scenarios or a lower rate."
        )


def summarize_injection(before: pa.Table, world: World, rate: float) -> InjectionSummary:
    """Count what `inject_abuse` added to the events `before` at this rate; `world` is its result, not yet sorted."""
    added, labels = world.events.slice(len(before)), world.labels.slice(len(before))
    frame = pd.DataFrame({"scenario": labels["scenario"].to_pandas(), "victim": added["identity.id"].to_pandas()})
    counts = frame.groupby("scenario")["victim"].agg(["nunique", "size"])
    rows = tuple((str(name), int(victims), int(size)) for name, victims, size in counts.itertuples())
    sessions = count_sessions(before)
    return InjectionSummary(rows, sessions, count_sessions(added), int(rate * sessions))


def inject_abuse(
    events: pa.Table,
    labels: pa.Table | None = None,
    *,
    rate: float,
    seed: int,
    scenarios: Sequence[AttackScenario] = SCENARIOS,
    progress: Progress | None = None,
) -> World:
    """Append attackers' events, in at most `rate` of the sessions, to a table of events; its own rows stay unchanged.

    Without `labels` all events count as benign. Columns that the events lack are added as unknown. The scenarios take
    turns; an identity is a victim at most once; nothing is added before the first event of the table or after its
    last. Attackers continue benign events only, never rows that are compromised or unlabelled. Where no victim is left
    before the rate is reached, `summarize_injection` says so. Raises ValueError where a column has the wrong type.
    """
    world = World(conform(events), benign_labels(events) if labels is None else conform_labels(labels))
    return _inject(world, scenarios, rate, seed, progress)


def inject_hard_negatives(
    world: World,
    *,
    rate: float,
    seed: int,
    hard_negatives: Sequence[HardNegative] = HARD_NEGATIVES,
    progress: Progress | None = None,
) -> World:
    """Append hard negatives in the same way; an identity may have any number of them."""
    return _inject(world, hard_negatives, rate, seed, progress)


class _Candidates:
    """The benign events of each identity, and which identities may still be chosen."""

    def __init__(self, world: World, *, once: bool) -> None:
        frame = events_to_frame(world.events)[world.labels["compromised"].to_numpy() == 0]
        self.start, self.end = frame["time"].min(), frame["time"].max()
        self.once = once
        self.events: pd.DataFrame = frame.sort_values(["identity.id", "time"], kind="stable", ignore_index=True)
        first = np.flatnonzero(~self.events["identity.id"].duplicated().to_numpy())
        self.bounds = np.stack([first, np.append(first[1:], len(self.events))], axis=1)
        self.types = self.events["identity.type"].to_numpy()[first]
        self.weights = victim_weights(self.events)
        self.available = np.ones(len(first), bool)

    def choose(self, scenario: AttackScenario | HardNegative, rng: np.random.Generator) -> pd.DataFrame | None:
        """The history of an identity that the scenario applies to, drawn by its preference; None if none is left."""
        eligible = self.available & np.isin(self.types, scenario.identity_types)
        weight = self.weights[scenario.prefers] * eligible
        if not weight.any():
            return None
        chosen = int(rng.choice(len(weight), p=weight / weight.sum()))
        self.available[chosen] &= not self.once
        first, last = self.bounds[chosen].tolist()
        return self.events.iloc[first:last].reset_index(drop=True)


def _inject(
    world: World,
    scenarios: Sequence[AttackScenario] | Sequence[HardNegative],
    rate: float,
    seed: int,
    progress: Progress | None,
) -> World:
    if not scenarios or not world.events.num_rows:
        return world
    rng = np.random.default_rng(seed)
    candidates = _Candidates(world, once=isinstance(scenarios[0], AttackScenario))
    budget = int(rate * count_sessions(world.events))
    batches = list(_new_events(candidates, scenarios, budget, rng, progress))
    if not batches:
        return world
    events = frame_to_events(pd.concat([events for _, events in batches], ignore_index=True))
    rows = [label for label, events in batches for _ in range(len(events))]
    labels = pa.Table.from_pylist(rows, schema=LABELS)
    return World(pa.concat_tables([world.events, events]), pa.concat_tables([world.labels, labels]))


def _new_events(
    candidates: _Candidates,
    scenarios: Sequence[AttackScenario] | Sequence[HardNegative],
    budget: int,
    rng: np.random.Generator,
    progress: Progress | None,
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Labels and events of one scenario after another, until `budget` sessions are touched or nobody is left."""
    spent, queue = 0, [*scenarios]
    while queue and spent < budget:
        scenario = queue.pop(0)
        history = candidates.choose(scenario, rng)
        if history is None:
            continue
        queue.append(scenario)
        if isinstance(scenario, AttackScenario):
            attacker = draw_attacker(rng, scenario.odds)
            label, events = _attack_label(scenario, attacker), scenario.function(history, rng, attacker)
        else:
            label, events = _hard_negative_label(scenario), scenario.function(history, rng)
        events = events[events["time"].between(candidates.start, candidates.end)]
        touched = max(1, events["session.id"].nunique())
        if len(events) and spent + touched <= budget:
            yield label, events
        spent += touched
        if progress:
            progress(min(spent, budget), budget)


_LABEL: dict[str, Any] = dict.fromkeys(LABELS.names) | {"label_source": SIMULATED, "legitimate_escalation": False}


def _attack_label(scenario: AttackScenario, attacker: Attacker) -> dict[str, Any]:
    return _LABEL | {"compromised": 1, "scenario": scenario.name, "strength": attacker.strength}


def _hard_negative_label(situation: HardNegative) -> dict[str, Any]:
    compromised = None if situation.by_outsider else 0
    escalation = {"legitimate_escalation": situation.legitimate_escalation}
    return _LABEL | {"compromised": compromised, "situation": situation.name} | escalation
