"""Injects attacks or hard negatives into a history: a simulated one, or a log of your own that has no labels yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
from training.data.sessions import visit_keys
from training.scenarios.attacker import Attacker, draw_attacker
from training.scenarios.attacks.registry import SCENARIOS, AttackScenario
from training.scenarios.hard_negatives.registry import HARD_NEGATIVES, HardNegative
from training.scenarios.victims import victim_weights

Progress = Callable[[int, int], None]
"""Called with how many steps of how many are done."""
_MOST_FAILURES = 40
"""How often events may not fit into the log before no more are placed on an identity type."""
_ENOUGH = 0.9
"""Share of the requested sessions below which a shortfall is reported."""


@dataclass(frozen=True)
class InjectionSummary:
    """What an injection added: as rows, each scenario with its number of victims and of events, and each identity type
    with its sessions in the log before, and its sessions requested and touched."""

    rows: tuple[tuple[str, int, int], ...]
    by_type: tuple[tuple[str, int, int, int], ...]

    @property
    def sessions(self) -> int:
        """Sessions in the log before."""
        return sum(sessions for _, sessions, _, _ in self.by_type)

    @property
    def requested(self) -> int:
        """Sessions in which somebody else was to act."""
        return sum(requested for _, _, requested, _ in self.by_type)

    @property
    def touched(self) -> int:
        """Sessions in which somebody else acts."""
        return sum(touched for _, _, _, touched in self.by_type)

    @property
    def shortfall(self) -> str | None:
        """Why far fewer sessions of some identity type were touched than requested, or why none was; None if enough
        were."""
        if self.requested == 0:
            return (
                f"this rate is less than one of the {self.sessions} sessions: give a higher --rate, or a log with more "
                "sessions"
            )
        missing = [
            f"{kind}: {requested} of {sessions} sessions were requested, but only {touched} were touched"
            for kind, sessions, requested, touched in self.by_type
            if touched < _ENOUGH * requested
        ]
        if not missing:
            return None
        return (
            f"{'; '.join(missing)}. Each identity is a victim at most once, and no other identity fits these "
            "scenarios. Use more identities, more scenarios or a lower rate."
        )


def summarize_injection(before: pa.Table, world: World, rate: float) -> InjectionSummary:
    """Count what `inject_abuse` added to the events `before` at this rate; `world` is its result, not yet sorted."""
    added, labels = world.events.slice(len(before)), world.labels.slice(len(before))
    frame = pd.DataFrame({"scenario": labels["scenario"].to_pandas(), "victim": added["identity.id"].to_pandas()})
    counts = frame.groupby("scenario")["victim"].agg(["nunique", "size"])
    rows = tuple((str(name), int(victims), int(size)) for name, victims, size in counts.itertuples())
    sessions, touched = count_by_type(before), count_by_type(added)
    requested = apportion_sessions(sessions, rate)
    by_type = ((kind, count, requested[kind], touched.get(kind, 0)) for kind, count in sessions.items())
    return InjectionSummary(rows, tuple(by_type))


def count_by_type(events: pa.Table) -> dict[str, int]:
    """By identity type: its sessions, or days of identities without any."""
    events = conform(events)
    kinds, keys = events["identity.type"].to_numpy(), visit_keys(events)
    _, first = np.unique(keys, return_index=True)
    first = first[keys[first] != 0]
    names, counts = np.unique(kinds[first].astype(str), return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def apportion_sessions(sessions: Mapping[str, int], rate: float) -> dict[str, int]:
    """How many sessions of each identity type to touch: together `rate` of all, each type its share and, where there
    are enough for all, at least one."""
    total = int(rate * sum(sessions.values()))
    exact = {kind: total * count / max(1, sum(sessions.values())) for kind, count in sessions.items()}
    shares = {kind: int(share) for kind, share in exact.items()}
    by_remainder = sorted(shares, key=lambda kind: shares[kind] - exact[kind])
    for kind in by_remainder[: total - sum(shares.values())]:
        shares[kind] += 1
    if total >= len(shares):
        for kind in [kind for kind, share in shares.items() if not share]:
            shares[max(shares, key=lambda each: shares[each])] -= 1
            shares[kind] = 1
    return shares


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

    Every identity type gets its share. Days stand for sessions where an identity has none.

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
    """The benign events of each identity, and which identities may still be chosen from which types."""

    def __init__(self, world: World, *, rate: float, once: bool) -> None:
        benign = world.labels["compromised"].to_numpy() == 0
        frame = events_to_frame(world.events)[benign]
        deployment = world.labels["deployment"].to_pandas()[benign]
        self.start, self.end = frame["time"].min(), frame["time"].max()
        self.once = once
        frame = frame.sort_values(["identity.id", "time"], kind="stable")
        deployment = deployment[frame.index]
        self.events: pd.DataFrame = frame.reset_index(drop=True)
        first = np.flatnonzero(~self.events["identity.id"].duplicated().to_numpy())
        self.bounds = np.stack([first, np.append(first[1:], len(self.events))], axis=1)
        self.types = self.events["identity.type"].to_numpy()[first]
        self.deployments = deployment.astype(object).where(deployment.notna(), None).to_numpy()[first]
        self.left = apportion_sessions(count_by_type(world.events), rate)
        self.failures = dict.fromkeys(self.left, 0)
        self.weights = victim_weights(self.events)
        self.available = np.ones(len(first), bool)

    def choose(self, scenario: AttackScenario | HardNegative, rng: np.random.Generator) -> int | None:
        """The number of an identity that the scenario applies to, drawn by its preference; None if none is left."""
        open_types = [kind for kind in scenario.identity_types if self.left.get(kind, 0) > 0]
        weight = self.weights[scenario.prefers] * (self.available & np.isin(self.types, open_types))
        return int(rng.choice(len(weight), p=weight / weight.sum())) if weight.any() else None

    def history(self, chosen: int) -> pd.DataFrame:
        """The events of an identity, in order of time."""
        first, last = self.bounds[chosen].tolist()
        return self.events.iloc[first:last].reset_index(drop=True)

    def accepts(self, chosen: int, events: pd.DataFrame) -> bool:
        """Whether new events of an identity lie within the log and within what is left for its type, which they then
        use up. A type that fails too often gets no more."""
        kind, touched = self.types[chosen], max(1, events["session.id"].nunique())
        accepted = len(events) > 0 and touched <= self.left[kind]
        if accepted:
            self.left[kind] -= touched
            self.available[chosen] &= not self.once
        else:
            self.failures[kind] += 1
            self.left[kind] *= self.failures[kind] < _MOST_FAILURES
        return accepted


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
    candidates = _Candidates(world, rate=rate, once=isinstance(scenarios[0], AttackScenario))
    batches = list(_new_events(candidates, scenarios, rng, progress))
    if not batches:
        return world
    events = frame_to_events(pd.concat([events for _, events in batches], ignore_index=True))
    rows = [label for label, events in batches for _ in range(len(events))]
    labels = pa.Table.from_pylist(rows, schema=LABELS)
    return World(pa.concat_tables([world.events, events]), pa.concat_tables([world.labels, labels]))


def _new_events(
    candidates: _Candidates,
    scenarios: Sequence[AttackScenario] | Sequence[HardNegative],
    rng: np.random.Generator,
    progress: Progress | None,
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Labels and events of one scenario after another, until as many sessions of each type are touched as requested or
    nobody is left."""
    requested, queue = sum(candidates.left.values()), [*scenarios]
    while queue:
        scenario = queue.pop(0)
        chosen = candidates.choose(scenario, rng)
        if chosen is None:
            continue
        queue.append(scenario)
        history = candidates.history(chosen)
        if isinstance(scenario, AttackScenario):
            attacker = draw_attacker(rng, scenario.odds)
            label, events = _attack_label(scenario, attacker), scenario.function(history, rng, attacker)
        else:
            label, events = _hard_negative_label(scenario), scenario.function(history, rng)
        events = events[events["time"].between(candidates.start, candidates.end)]
        if candidates.accepts(chosen, events):
            yield label | {"deployment": candidates.deployments[chosen]}, events
        if progress:
            progress(requested - sum(candidates.left.values()), requested)


_LABEL: dict[str, Any] = dict.fromkeys(LABELS.names) | {"label_source": SIMULATED, "legitimate_escalation": False}


def _attack_label(scenario: AttackScenario, attacker: Attacker) -> dict[str, Any]:
    return _LABEL | {"compromised": 1, "scenario": scenario.name, "strength": attacker.strength}


def _hard_negative_label(situation: HardNegative) -> dict[str, Any]:
    compromised = None if situation.by_outsider else 0
    escalation = {"legitimate_escalation": situation.legitimate_escalation}
    return _LABEL | {"compromised": compromised, "situation": situation.name} | escalation
