"""From labelled histories to a registered model, in the few calls a notebook makes one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from sklearn.ensemble import HistGradientBoostingClassifier

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.catalogue.describe import digest
from features.engine.batch import replay, replay_rows
from features.enrichment.ip_lookup import lookup
from features.event.numpy_row import rows_of
from features.hashing import Digested
from features.history.population import measure
from features.model.bundle import ModelMismatch, TrustModel
from features.model.trust_curve import probability
from features.settings import Settings
from training.data.labels import SIMULATED, World
from training.data.split import PARTS, Parts, Split, split
from training.data.targets import Outcomes, at_risk, outcomes
from training.data.verdicts import told, voices
from training.metrics.evaluation import Evaluation, Tested, evaluate
from training.model.baselines import logistic_regression, static_rules
from training.model.calibration import calibrate_hazard, calibrate_now, thresholds
from training.model.fit import Examples, Recipe, examples, fit_hazard, fit_now, hazard_examples, margins, thinned
from training.parallel import give_back
from training.pipeline.augmentation import NOTHING, Again, abuse, again, surprises
from training.pipeline.run_report import write_report
from training.progress import Stages, Told
from training.promotion.checks import SHUFFLES, Check, Rival, checks, shortfalls
from training.promotion.real_record_check import ordinary
from training.promotion.registry import GATE_TAG, PASSED, champion, promote, register
from training.scenarios.registry import SCENARIOS

BUDGETS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
"""Friction budgets at which the model carries a threshold."""
TOGETHER = 250_000
"""Events, more or less, whose rows are in memory at a time."""
HELD_OUT = frozenset(scenario.name for scenario in SCENARIOS if scenario.held_out)
"""Scenarios kept from everything but the test."""


@dataclass(frozen=True)
class Prepared:
    """A world, its features, its split and what became of every row."""

    world: World
    matrix: Array
    population: Array
    split: Split
    of: Outcomes
    kind: Array
    worlds: tuple[int, ...] = ()
    """Numbers of the rows at which another world begins, where there are several."""

    def rows(self, part: Array, *, held_out: bool = False) -> Array:
        """Numbers of a part's rows of which it is known who acted; held-out abuse only for the test."""
        usable = part & self.of.known
        return np.flatnonzero(usable if held_out else usable & ~self.held_out)

    def examples(self, rows: Array) -> Examples:
        """Rows by number, each with whether an intruder acted; what investigators said counts as verdicts may."""
        own = examples(self.matrix, rows, self.of.foreign[rows])
        return own.counting(voices(self.told[rows], self.of.identity[rows]))

    def beside(self, rows: Array, more: Again) -> Examples:
        """The same, and after them more of the kinds that were made again."""
        abuse_, surprises_ = abuse(self.world, self.of)[rows], surprises(self.world, self.of)[rows]
        return more.beside(self.examples(rows), abuse_, surprises_)

    def thinned(self, recipe: Recipe, seed: int) -> Array:
        """Numbers of the rows that a baseline is fitted on: all foreign ones, and an even share of the others."""
        fitting = self.rows(self.split.fit)
        return fitting[thinned(self.examples(fitting), recipe, seed)[0]]

    @cached_property
    def held_out(self) -> Array:
        """By row: whether it is of abuse that is kept for the test."""
        return np.isin(self.of.scenario, list(HELD_OUT))

    @cached_property
    def told(self) -> Array:
        """By row: whether an investigator said who acted."""
        return told(self.world)

    @cached_property
    def succeeded(self) -> Array:
        """By row: whether what was tried came to pass."""
        succeeded: Array = self.world.events["action.outcome"].fill_null("").to_numpy() == "success"
        return succeeded

    @property
    def tested(self) -> Tested:
        """The test."""
        rows = self.rows(self.split.test, held_out=True)
        return Tested(rows, self.matrix[rows], self.of, self.succeeded, self.kind, self.split.end)

    def seen_by(self, model: TrustModel) -> Tested:
        """The test as another model sees it: with features read against the population it was made with."""
        tested = self.tested
        if model.population.tobytes() == self.population.tobytes():
            return tested
        theirs = np.isin(self.of.identity, np.unique(self.of.identity[tested.rows]))
        matrix = replay(self.world.events.filter(pa.array(theirs)), model.population)
        return replace(tested, matrix=matrix[np.cumsum(theirs)[tested.rows] - 1])


@dataclass(frozen=True)
class Outcome:
    """What came of a retraining; `shortfalls` are the checks it did not pass, `seconds` what each stage took."""

    version: str
    promoted: bool
    evaluation: Evaluation
    checks: tuple[Check, ...]
    seconds: Mapping[str, float]

    @property
    def shortfalls(self) -> tuple[str, ...]:
        """What the gate found missing, as sentences."""
        return shortfalls(list(self.checks))


def prepare(
    world: World,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
    *,
    population: Array | None = None,
    parts: Parts = PARTS,
    worlds: tuple[int, ...] = (),
) -> Prepared:
    """Split, measure the population on benign events before the first fitted one, and compute all features.

    To judge a model that is there already, give the population it was made with. Columns the events or labels lack are
    unknown. Raises ValueError naming a column that cannot be read.
    """
    world = world.conformed()
    masks, of = split(world.events, seed, parts), outcomes(world)
    benign = masks.population & of.known & ~of.foreign
    population = measure(world.events.filter(pa.array(benign))) if population is None else population
    matrix = _features(world.events, population, of.identity, progress)
    types = world.events["identity.type"].combine_chunks().dictionary_encode()
    kind = np.array(types.dictionary.to_pylist(), object)[types.indices.to_numpy()]  # one text a type, not one a row
    return Prepared(world, matrix, population, masks, of, kind, worlds)


def _features(
    events: pa.Table, population: Array, identity: Array, progress: Callable[[int, int], None] | None
) -> Array:
    """All features, shape (n, F): of some identities at a time, since rows take as much memory as their features."""
    matrix = np.empty((len(events), len(FEATURES)))
    groups = -(-len(events) // TOGETHER)
    for group in range(groups):
        theirs = np.flatnonzero(identity % groups == group)
        matrix[theirs] = replay_rows(rows_of(events.take(pa.array(theirs))), population)
        if progress:
            progress(group + 1, groups)
    give_back()
    return matrix


def more_examples(
    data: Prepared, recipe: Recipe, seed: int, progress: Callable[[int, int], None] | None = None
) -> Again:
    """Other surprises and abuse in the lives that are fitted, as often as the recipe says."""
    fitting = data.rows(data.split.fit)
    return again(data.world, data.of, fitting, data.population, recipe.again, seed, progress)


def fit(data: Prepared, recipe: Recipe, seed: int, more: Again = NOTHING) -> TrustModel:
    """Fit both models, the one of now on more examples where there are any, and calibrate each on its own target: that
    of now on identities of its own, the hazard on all but the test's, since losses are few and it is too coarse to know
    those it was fitted on.

    Raises ValueError when there is no abuse to learn from.
    """
    of, matrix = data.of, data.matrix
    fitting, stopping, calibrating = (data.rows(p) for p in (data.split.fit, data.split.stop, data.split.calibrate))
    learnt = data.beside(fitting, more)
    now = fit_now(learnt, data.examples(stopping), recipe, seed)
    line = calibrate_now(margins(now, data.examples(calibrating)), of.foreign[calibrating], of.identity[calibrating])
    hazard = fit_hazard(hazard_examples(matrix, at_risk(of, fitting, data.split.end)), recipe, seed)
    watched = at_risk(of, np.concatenate([fitting, stopping, calibrating]), data.split.end)
    kept, weight = thinned(hazard_examples(matrix, watched), recipe, seed)
    watched = watched.part(kept)
    kind = data.kind[watched.rows]
    line = calibrate_hazard(line, margins(hazard, hazard_examples(matrix, watched)), weight, watched, kind)
    model = TrustModel(now, hazard, line, data.population, {})
    return replace(model, thresholds=_thresholds(model, data, calibrating))


def _thresholds(model: TrustModel, data: Prepared, calibrating: Array) -> dict[str, list[list[float]]]:
    benign = calibrating[~data.of.foreign[calibrating]]
    trust = probability(-model.now_log_odds(data.matrix[benign]))
    return thresholds(trust, data.kind[benign], BUDGETS)


def assess(model: TrustModel, data: Prepared, recipe: Recipe, seed: int) -> Evaluation:
    """Evaluate against static rules and a logistic regression on the same test."""
    tested, kept = data.tested, data.thinned(recipe, seed)
    scores = {
        "static rules": static_rules(tested.matrix),
        "logistic regression": logistic_regression(data.matrix, data.of.foreign, kept, tested.matrix),
    }
    return evaluate(model, tested, scores, HELD_OUT, seed)


def gate(
    model: TrustModel, data: Prepared, evaluation: Evaluation, recipe: Recipe, rival: TrustModel | None, seed: int
) -> list[Check]:
    """Every check, the leak test among them: labels shuffled, constraints off, since those carry knowledge.

    A rival is scored on the same events, with features of its own population.
    """
    theirs = Rival(rival.version, rival.now_log_odds(data.seen_by(rival).matrix)) if rival else None
    return _checked(model, data, evaluation, recipe, theirs, seed)


def _checked(
    model: TrustModel, data: Prepared, evaluation: Evaluation, recipe: Recipe, rival: Rival | None, seed: int
) -> list[Check]:
    fitting, tested = data.rows(data.split.fit), data.tested
    shuffled = [
        unconstrained(data, fitting, target, recipe, seed).decision_function(tested.matrix)
        for target in shuffles(data.of.foreign[fitting], seed, SHUFFLES)
    ]
    asked = ordinary(model, lookup()) if data.world.source == SIMULATED else None
    return checks(model, tested, evaluation, shuffled, rival, asked, seed)


def shuffles(target: Array, seed: int, count: int) -> Iterator[Array]:
    """The same labels in other orders."""
    return (np.random.default_rng(seed + draw).permutation(target) for draw in range(count))


def unconstrained(
    data: Prepared, fitting: Array, target: Array, recipe: Recipe, seed: int
) -> HistGradientBoostingClassifier:
    """A now-model of any target, free of constraints: they carry knowledge, and would hide that labels mean nothing."""
    return fit_now(examples(data.matrix, fitting, target), None, recipe, seed, constrained=False)


def retrain(
    world: World,
    here: Settings,
    *,
    seed: int = 1,
    recipe: Recipe | None = None,
    promoted: bool = True,
    told: Told | None = None,
) -> Outcome:
    """Everything in turn: prepare, fit, judge, gate, register; the alias moves only if the gate passes.

    Raises ValueError when there is no abuse to learn from.
    """
    say, recipe = Stages(told), recipe or Recipe()
    say("computing features", 0.0)
    data = prepare(world, seed, lambda done, total: say("computing features", 0.4 * done / total))
    more = more_examples(
        data, recipe, seed, lambda done, of: say("putting more into the same lives", 0.4 + 0.2 * done / of)
    )
    say("fitting both models", 0.6)
    model = fit(data, recipe, seed, more)
    say("evaluating", 0.7)
    evaluation = assess(model, data, recipe, seed)
    say("checking at the gate", 0.85)
    found = _at_the_gate(model, data, evaluation, recipe, here, seed)
    say("registering", 0.95)
    version = record(model, data, evaluation, found, here, recipe, seed)
    passed = promoted and not shortfalls(found)
    if passed:
        promote(here, version)
    say("done", 1.0)
    return Outcome(version, passed, evaluation, tuple(found), say.seconds)


def _at_the_gate(
    model: TrustModel, data: Prepared, evaluation: Evaluation, recipe: Recipe, here: Settings, seed: int
) -> list[Check]:
    """Compared with the champion; one that this build cannot load is no rival, since it cannot answer either: the
    check says so."""
    try:
        return gate(model, data, evaluation, recipe, champion(here), seed)
    except ModelMismatch as error:
        return _checked(model, data, evaluation, recipe, Rival("", None, str(error)), seed)


def record(
    model: TrustModel,
    data: Prepared,
    evaluation: Evaluation,
    found: list[Check],
    here: Settings,
    recipe: Recipe,
    seed: int,
) -> str:
    """Register the model with its report; returns the version."""
    source = data.world.source
    with TemporaryDirectory() as folder:
        write_report(Path(folder), model, data, evaluation, found, seed)
        return register(
            model,
            here,
            tags={"data": source, "catalogue": digest(), GATE_TAG: "; ".join(shortfalls(found)) or PASSED},
            parameters={"seed": seed, "data": data_digest(data.world), **asdict(recipe)},
            figures=evaluation.flat(),
            report=Path(folder),
        )


def data_digest(world: World) -> str:
    """The digest of events and labels, in their order."""
    sink = Digested()
    file = pa.PythonFile(sink, "w")
    for table in (world.events, world.labels):
        with pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table.combine_chunks())
    return sink.digest()
