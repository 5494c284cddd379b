"""More examples from the same lives: other surprises, and other abuse, put into the histories that are fitted.

What a model confuses at the top of its scores is rare on both sides, legitimate surprises and abuse; of ordinary
requests there are plenty. So both are put into the same lives again and again, never those that test or calibrate, by
the functions that put them there at first and as often. Each example then counts for as much less as there are more of
its kind: odds stay what they were. Only what is simulated is made again; what happened to somebody happened once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.engine.batch import replay_rows
from features.event.numpy_row import rows_of
from training.data.labels import SIMULATED, World
from training.data.targets import PredictionTargets
from training.model.fit import Examples, examples
from training.parallel import cores, in_processes
from training.scenarios.attacks.registry import SCENARIOS
from training.scenarios.injection import Progress, inject_abuse, inject_hard_negatives

TOGETHER = 150_000
"""Events, more or less, into whose histories something is put at a time."""
TAUGHT = tuple(scenario for scenario in SCENARIOS if not scenario.held_out)


@dataclass(frozen=True)
class Augmentation:
    """What was put in, n requests."""

    matrix: Array
    """Their features, shape (n, F)."""
    malicious: Array
    """Whether an intruder acted, shape (n,)."""
    scenario: Array
    """What he was after, as text; empty where the owner acted, shape (n,)."""
    kind: Array
    """The type of the identity, as text, shape (n,)."""

    def part(self, which: Array) -> Augmentation:
        """Some of them, by a mask."""
        return Augmentation(*(values[which] for values in vars(self).values()))

    def beside(self, own: Examples, abuse: Array, surprises: Array) -> Examples:
        """The examples there were, of which masks tell what was made again, and these: either kind counts for as much
        in all as it did alone."""
        more = examples(self.matrix, np.arange(len(self.malicious)), self.malicious)
        weight, theirs = own.weight.copy(), more.weight.copy()
        for there, here in ((abuse, self.malicious), (surprises, ~self.malicious)):
            if here.any():
                weight[there] = theirs[here] = there.sum() / (there.sum() + here.sum())
        return own.counting(weight).beside(more.counting(theirs))


NOTHING = Augmentation(np.empty((0, len(FEATURES))), np.empty(0, bool), np.empty(0, object), np.empty(0, object))


@dataclass(frozen=True)
class _Part:
    """Some lives: their own rows up to the end of fitting, what is put in at which rates, and from when it counts."""

    world: World
    population: Array
    surprises: float
    compromised: float
    begin: int
    seed: tuple[int, ...]


def again(
    world: World,
    of: PredictionTargets,
    rows: Array,
    population: Array,
    times: int,
    seed: int,
    progress: Progress | None,
) -> Augmentation:
    """Put as much again into the lives of fitted rows, given by number, `times` times over, each time something else.

    As many sessions are touched as were at first. Nothing is where no abuse is simulated.
    """
    if not times or not abuse(world, of)[rows].any():
        return NOTHING
    end = of.time[rows].max()
    lives = np.isin(of.identity, np.unique(of.identity[rows])) & (of.time <= end) & of.known & ~of.malicious
    groups = -(-int(lives.sum()) // TOGETHER)
    parts = _parts(world, of, rows, population, lives, groups, times, seed)
    made = [NOTHING]
    for done, put in enumerate(in_processes(_put_into, parts, min(cores(), groups)), 1):
        made.append(put)
        if progress:
            progress(done, groups * times)
    return Augmentation(*map(np.concatenate, zip(*(vars(put).values() for put in made), strict=True)))


def _parts(
    world: World,
    of: PredictionTargets,
    rows: Array,
    population: Array,
    lives: Array,
    groups: int,
    times: int,
    seed: int,
) -> Iterator[_Part]:
    """Some lives at a time, since in pandas they take much more memory."""
    begin = int(of.time[rows].min())
    sessions = max(len(np.unique(of.session[rows[of.in_session[rows]]])), 1)
    compromised, surprised = (
        len(np.unique(of.session[rows[put[rows]]])) / sessions for put in (abuse(world, of), surprises(world, of))
    )
    for group in range(groups):
        theirs = pa.array(np.flatnonzero(lives & (of.identity % groups == group)))
        some = World(world.events.take(theirs), world.labels.take(theirs))
        for time in range(times):
            yield _Part(some, population, surprised, compromised, begin, (seed, group, time))


def _put_into(part: _Part) -> Augmentation:
    """What is put in and acted on after `begin`."""
    first, second = np.random.SeedSequence(part.seed).generate_state(2).tolist()
    lived = inject_hard_negatives(part.world, rate=part.surprises, seed=first)
    whole = inject_abuse(lived.events, lived.labels, rate=part.compromised, seed=second, scenarios=TAUGHT)
    own = len(part.world.events)
    touched = pc.is_in(whole.events["identity.id"], value_set=whole.events.slice(own)["identity.id"].unique())
    added = np.flatnonzero(touched.to_numpy(zero_copy_only=False)) >= own
    events, labels = whole.events.filter(touched), whole.labels.filter(touched)
    rows, known = rows_of(events), labels["compromised"]
    fitted = added & (rows["time"] >= part.begin) & known.is_valid().to_numpy(zero_copy_only=False)
    return Augmentation(
        replay_rows(rows, part.population),
        known.fill_null(0).to_numpy() == 1,
        labels["scenario"].fill_null("").to_numpy(),
        events["identity.type"].to_numpy(),
    ).part(fitted)


def abuse(world: World, of: PredictionTargets) -> Array:
    """Which rows are simulated abuse, shape (len(world.events),)."""
    rows: Array = of.malicious & world.labelled_by(SIMULATED)
    return rows


def surprises(world: World, of: PredictionTargets) -> Array:
    """Which rows are legitimate surprises, shape (len(world.events),)."""
    rows: Array = world.labels["situation"].is_valid().to_numpy() & ~of.malicious
    return rows
