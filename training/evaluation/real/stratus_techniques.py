"""Recorded techniques that a model has never met: Stratus Red Team's, left out of training one at a time.

The recorded steps feed the scenarios, so a model knows them. Here every session whose intruder does what a technique
does is taken out, the model refitted, and the steps as recorded are done in the name of identities nobody attacked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from features.arrays import Array
from features.engine.batch import replay
from features.event.arrow import EVENT_SCHEMA
from training.data.labels import events_to_frame, frame_to_events
from training.evaluation.studies.ablations import lighter, refitted
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate, bootstrap_weights
from training.metrics.evaluation import MAIN
from training.metrics.session_recall import Limit, limits
from training.model.fit import Recipe
from training.pipeline.dataset import Dataset
from training.reference.attack_sequences import AttackSequence, recorded_sequences
from training.scenarios.actions import as_logged, choose_start, perform_steps, uses_cloud_actions
from training.scenarios.attacker import Attacker
from training.scenarios.context_changes import disguise, start_new_session
from training.scenarios.event_batch import EventBatch, concatenate_batches

VICTIMS = 12
"""In whose name each technique is done."""
STRANGER = Attacker("hosting", "other", "scripted")
LOOKS = ("in the owner's session", "from a rented server")
NOTE = (
    "Recorded are the actions, their kinds, their order and their pauses; whom they befall and all else of an event is "
    "a simulated identity's own, from its session or from a rented server with another client in a session of its own. "
    "Both models are fitted on this world; `without` has no session in which an intruder did all that the technique "
    "does, while owners who do the same remain. Shares of {victims} victims with an act challenged at {budget:.1%} of "
    "benign sessions, `full; without`. It can be concluded whether what is caught was learnt by heart; nothing about "
    "how often these techniques occur or how well a company's own logs would show them."
)


@dataclass(frozen=True)
class Done:
    """All techniques done to all victims: the acts' features and, by act, its technique, look and victim."""

    matrix: Array
    technique: Array
    look: Array
    victim: Array
    kinds: Array
    """By victim."""

    def caught(self, score: Array, limit: dict[str, Limit]) -> Array:
        """Shape (techniques, looks, victims): whether any act is challenged, or its chance in a tie."""
        highest = np.full((int(self.technique.max()) + 1, len(LOOKS), len(self.kinds)), -np.inf)
        np.maximum.at(highest, (self.technique, self.look, self.victim), score)
        for place, kind in enumerate(self.kinds):
            mine = highest[..., place]
            mine[:] = limit[kind].challenged(mine.ravel())[0].reshape(mine.shape) if kind in limit else 0.0
        return highest


def techniques(
    data: Dataset, recipe: Recipe, seed: int, told: Callable[[str], None]
) -> tuple[list[Table], dict[str, Estimate]]:
    """Each technique by a model that knows it and by one that does not; nothing where nobody speaks a cloud's words."""
    done = _done(data, seed)
    if done is None:
        return [], {}
    full = _caught(data, recipe, seed, done, None)
    known: dict[bytes, Array] = {}
    rows, without = [], np.empty_like(full)
    for number, chain in enumerate(recorded_sequences()):
        told(f"without {chain.technique}")
        left_out = _doing(data, chain)
        kept = ~np.isin(data.targets.session, left_out)
        key = left_out.tobytes()
        if key not in known:
            known[key] = _caught(data, recipe, seed, done, kept) if len(left_out) else full
        without[number] = known[key][number]
        rows.append((f"{chain.tactic}: {chain.technique}", str(len(left_out)), *_cells(full[number], without[number])))
    figures = {
        f"techniques/{name}/{look}": _over_victims(hits[:, place], seed)
        for name, hits in (("full", full), ("without", without))
        for place, look in enumerate(LOOKS)
    }
    rows.append(
        (
            "all, 95 % interval over victims",
            "",
            *(f"{figures[f'techniques/full/{look}']}; {figures[f'techniques/without/{look}']}" for look in LOOKS),
        )
    )
    head = ("technique", "sessions left out", *LOOKS)
    note = NOTE.format(victims=len(done.kinds), budget=MAIN)
    title = "Techniques (Stratus) left out of training one at a time"
    return [Table(title, head, tuple(rows), note, f"recorded actions, {data.world.source} histories")], figures


def _cells(full: Array, without: Array) -> Iterator[str]:
    for place in range(len(LOOKS)):
        yield f"{full[place].mean():.2f}; {without[place].mean():.2f}"


def _over_victims(hits: Array, seed: int) -> Estimate:
    """The share of all techniques and victims; `hits` has shape (techniques, victims)."""
    whose = np.tile(np.arange(hits.shape[1]), len(hits))
    return bootstrap_weights(whose, seed).mean(hits.ravel(), whose)


def _doing(data: Dataset, chain: AttackSequence) -> Array:
    """Fitted sessions whose intruder does all that the technique does."""
    wanted = {step.action for step in chain.steps}
    mine = np.flatnonzero(data.targets.malicious & (data.split.fit | data.split.stop))
    frame = pd.DataFrame({"session": data.targets.session[mine]})
    frame["action"] = data.world.events["action.name"].take(mine).to_numpy()
    did = frame[frame["action"].isin(wanted)].groupby("session")["action"].nunique()
    found: Array = did.index[did == len(wanted)].to_numpy()
    return found


def _caught(data: Dataset, recipe: Recipe, seed: int, done: Done, kept: Array | None) -> Array:
    model = refitted(data, lighter(recipe), seed, kept=kept)
    tested = data.test_set
    mine = tested.sessions(model.decision_function(tested.matrix))
    limit = limits(mine, MAIN, np.ones((1, len(mine.compromised))))
    return done.caught(model.decision_function(done.matrix), limit)


def _done(data: Dataset, seed: int) -> Done | None:
    """Every victim's history up to a moment, once for each technique and look, each copy an identity of its own."""
    rng, events = np.random.default_rng(seed), data.world.events
    victims = list(_victims(data, rng))
    if not victims:
        return None
    before, frames, marks = [], [], []
    for victim, rows in enumerate(victims):
        history = events_to_frame(events.take(rows))
        at = choose_start(history, rng)
        acts = [looks for chain in recorded_sequences() for looks in _acts(history, at, chain, rng)]
        names = [f"{history['identity.id'].iloc[0]}/{copy}" for copy in range(len(acts))]
        copies = events.take(np.tile(rows[: at + 1], len(acts)))
        before.append(_named(copies, np.repeat(names, at + 1)))
        counts = [each.count for each in acts]
        frames.append(
            as_logged(concatenate_batches(*acts), history).assign(**{"identity.id": np.repeat(names, counts)})
        )
        marks.append(
            np.repeat([(copy // len(LOOKS), copy % len(LOOKS), victim) for copy in range(len(acts))], counts, 0)
        )
    done = frame_to_events(pd.concat(frames, ignore_index=True))
    matrix = replay(pa.concat_tables([*before, done]), data.population)[-done.num_rows :]
    kinds = np.array([data.kind[rows[0]] for rows in victims])
    technique, look, which = np.concatenate(marks).T
    return Done(matrix, technique, look, which, kinds)


def _victims(data: Dataset, rng: np.random.Generator) -> Iterator[Array]:
    """Rows, in order of time, of tested identities that speak a cloud's vocabulary and were never attacked."""
    of = data.targets
    tested = np.unique(of.identity[data.split.test])
    found = 0
    for person in rng.permutation(np.setdiff1d(tested, of.identity[of.malicious | ~of.known])):
        rows = np.flatnonzero(of.identity == person)
        rows = rows[np.argsort(of.time[rows], kind="stable")]
        if found < VICTIMS and uses_cloud_actions(events_to_frame(data.world.events.take(rows[:50]))):
            found += 1
            yield rows


def _acts(history: pd.DataFrame, at: int, chain: AttackSequence, rng: np.random.Generator) -> tuple[EventBatch, ...]:
    """The steps as recorded, in both looks."""
    done = perform_steps(history, at, chain.steps, rng, after_seconds=60.0, tempo="scripted").with_columns(
        {"action.outcome": "success"}
    )
    return done, disguise(start_new_session(done, rng), history, rng, STRANGER)


def _named(events: pa.Table, names: Array) -> pa.Table:
    place = events.column_names.index("identity.id")
    return events.set_column(place, EVENT_SCHEMA.field("identity.id"), pa.array(names.tolist(), pa.string()))
