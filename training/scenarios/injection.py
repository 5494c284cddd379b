"""Put abuse into a benign history: a simulated one, or your own log, which then can be trained on without labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from features.event.arrow import conform
from training.data.labels import LABELS, World, conform_labels, frame_of, table_of_frame, unlabelled
from training.data.sessions import sessions_in
from training.scenarios.attacker import Attacker, intruder
from training.scenarios.attacks.registry import SCENARIOS, Scenario
from training.scenarios.hard_negatives.everyday import SITUATIONS, Situation
from training.scenarios.victims import attractions

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Additions:
    """What a graft added: by scenario its victims and events, and how the sessions touched compare with those asked."""

    rows: tuple[tuple[str, int, int], ...]
    sessions: int
    touched: int
    asked: int

    @property
    def shortfall(self) -> str | None:
        """Why fewer sessions were touched than asked for, if many fewer were, or why none was."""
        if self.asked == 0:
            return (
                f"of {self.sessions} sessions this rate comes to none: give a higher --rate, or a log with more of them"
            )
        if self.touched >= 0.9 * self.asked:
            return None
        return (
            f"{self.asked} of {self.sessions} sessions were asked for and {self.touched} were touched: an identity is "
            "a victim once at most, and none that these scenarios can be done to was left. More identities, more "
            "scenarios or a lower rate would change that."
        )


def additions(before: pa.Table, world: World, rate: float) -> Additions:
    """What stands in a grafted world after the events it was made from."""
    added, labels = world.events.slice(len(before)), world.labels.slice(len(before))
    frame = pd.DataFrame({"scenario": labels["scenario"].to_pandas(), "victim": added["identity.id"].to_pandas()})
    each = frame.groupby("scenario")["victim"].agg(["nunique", "size"])
    rows = tuple((str(name), int(victims), int(size)) for name, victims, size in each.itertuples())
    sessions = sessions_in(before)
    return Additions(rows, sessions, sessions_in(added), int(rate * sessions))


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
    unknown label, are nobody's history. Where the victims run out before the rate is reached, `Additions` says so.
    """
    world = World(conform(events), unlabelled(events) if labels is None else conform_labels(labels))
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
    budget = int(rate * sessions_in(world.events))
    made = list(_made(histories, deeds, budget, rng, progress)) if histories else []
    if not made:
        return world
    events = table_of_frame(pd.concat([acts for _, acts in made], ignore_index=True))
    rows = [label for label, acts in made for _ in range(len(acts))]
    labels = pa.Table.from_pylist(rows, schema=LABELS)
    return World(pa.concat_tables([world.events, events]), pa.concat_tables([world.labels, labels]))


def _made(
    histories: _Histories,
    deeds: Sequence[Scenario | Situation],
    budget: int,
    rng: np.random.Generator,
    progress: Progress | None,
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Deeds in turn, each with its label, until the sessions they may touch are used up, or nobody is left."""
    spent, waiting = 0, [*deeds]
    while waiting and spent < budget:
        deed = waiting.pop(0)
        history = histories.choose(deed, rng)
        if history is None:
            continue
        waiting.append(deed)
        if isinstance(deed, Scenario):
            who = intruder(rng, deed.odds)
            label, acts = _abuse(deed, who), deed.function(history, rng, who)
        else:
            label, acts = _surprise(deed), deed.function(history, rng)
        acts = acts[acts["time"].between(histories.start, histories.end)]
        touched = max(1, acts["session.id"].nunique())
        if len(acts) and spent + touched <= budget:
            yield label, acts
        spent += touched
        if progress:
            progress(min(spent, budget), budget)


_LABEL: dict[str, Any] = dict.fromkeys(LABELS.names) | {"label_source": "simulated", "legitimate_escalation": False}


def _abuse(deed: Scenario, who: Attacker) -> dict[str, Any]:
    return _LABEL | {"compromised": 1, "scenario": deed.name, "strength": who.strength}


def _surprise(deed: Situation) -> dict[str, Any]:
    known = {"compromised": None if deed.strangers else 0, "legitimate_escalation": deed.legitimate_escalation}
    return _LABEL | known | {"situation": deed.name}
