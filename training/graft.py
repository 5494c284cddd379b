"""Put abuse into a benign history: a simulated one, or your own log, which then can be trained on without labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from features.columns import conform
from training.labels import LABELS, World, frame_of, table_of_frame, unlabelled
from training.negatives import SITUATIONS, Situation
from training.scenarios import SCENARIOS, Scenario
from training.targets import attractions

Progress = Callable[[int, int], None]


def graft(
    events: pa.Table,
    labels: pa.Table | None = None,
    *,
    rate: float,
    seed: int,
    scenarios: Sequence[Scenario] = SCENARIOS,
    progress: Progress | None = None,
) -> World:
    """The events, untouched and first, and after them an intruder's in at most `rate` of the sessions.

    Columns that the events lack are added as unknown. Scenarios take turns; an identity is a victim once at most;
    nothing happens before the first event of the table or after its last. Rows labelled compromised, and those of
    unknown label, are nobody's history.
    """
    world = World(conform(events), unlabelled(events) if labels is None else labels)
    return _weave(world, scenarios, rate, seed, progress)


def surprise(
    world: World,
    *,
    rate: float,
    seed: int,
    situations: Sequence[Situation] = SITUATIONS,
    progress: Progress | None = None,
) -> World:
    """The same for legitimate surprises, any number an identity."""
    return _weave(world, situations, rate, seed, progress)


class _Histories:
    """The owners' own events by identity, and who is left to be chosen."""

    def __init__(self, world: World, once: bool) -> None:
        frame = frame_of(world.events)[world.labels["compromised"].to_numpy() == 0]
        self.start, self.end = frame["time"].min(), frame["time"].max()
        self.once = once
        self.events: pd.DataFrame = frame.sort_values(["identity.id", "time"], kind="stable", ignore_index=True)
        first = np.flatnonzero(~self.events["identity.id"].duplicated().to_numpy())
        self.bounds = np.stack([first, np.append(first[1:], len(self.events))], axis=1)
        self.types = self.events["identity.type"].to_numpy()[first]
        self.weights = attractions(self.events)
        self.free = np.ones(len(first), bool)

    def choose(self, deed: Scenario | Situation, rng: np.random.Generator) -> pd.DataFrame | None:
        """An identity the deed can be done to, likelier one that it prefers; None if there is none left."""
        weight = self.weights[deed.prefers] * (self.free & np.isin(self.types, deed.identity_types))
        if not weight.any():
            return None
        chosen = int(rng.choice(len(weight), p=weight / weight.sum()))
        self.free[chosen] &= not self.once
        first, last = self.bounds[chosen].tolist()
        return self.events.iloc[first:last].reset_index(drop=True)


def _weave(
    world: World,
    deeds: Sequence[Scenario | Situation],
    rate: float,
    seed: int,
    progress: Progress | None,
) -> World:
    rng = np.random.default_rng(seed)
    histories = _Histories(world, once=isinstance(deeds[0], Scenario)) if deeds and world.events.num_rows else None
    budget = int(rate * _sessions(world.events))
    made = list(_made(histories, deeds, budget, rng, progress)) if histories else []
    if not made:
        return world
    events = table_of_frame(pd.concat([acts for _, acts in made], ignore_index=True))
    rows = [label for deed, acts in made for label in [_label(deed)] * len(acts)]
    labels = pa.Table.from_pylist(rows, schema=LABELS)
    return World(pa.concat_tables([world.events, events]), pa.concat_tables([world.labels, labels]))


def _made(
    histories: _Histories,
    deeds: Sequence[Scenario | Situation],
    budget: int,
    rng: np.random.Generator,
    progress: Progress | None,
) -> Iterator[tuple[Scenario | Situation, pd.DataFrame]]:
    """Deeds in turn until the sessions they may touch are used up, or nobody is left."""
    spent, waiting = 0, [*deeds]
    while waiting and spent < budget:
        deed = waiting.pop(0)
        history = histories.choose(deed, rng)
        if history is None:
            continue
        waiting.append(deed)
        acts = deed.function(history, rng)
        acts = acts[acts["time"].between(histories.start, histories.end)]
        touched = max(1, acts["session.id"].nunique())
        if len(acts) and spent + touched <= budget:
            yield deed, acts
        spent += touched
        if progress:
            progress(min(spent, budget), budget)


def _sessions(events: pa.Table) -> int:
    return len(
        events.select(["identity.id", "session.id"])
        .filter(events["session.id"].is_valid())
        .group_by(["identity.id", "session.id"])
        .aggregate([])
    )


def _label(deed: Scenario | Situation) -> dict[str, Any]:
    label = {"label_source": "simulated", "legitimate_escalation": False, "scenario": None, "situation": None}
    if isinstance(deed, Scenario):
        return label | {"compromised": 1, "scenario": deed.name}
    known = {"compromised": None if deed.strangers else 0, "legitimate_escalation": deed.legitimate_escalation}
    return label | known | {"situation": deed.name}
