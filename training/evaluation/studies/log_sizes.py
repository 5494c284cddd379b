"""How much log gives how much: models trained on own logs of several sizes, beside the shipped model.

A log is a part of a simulated company's benign events, as somebody without labels has it. Every model is tested on the
same other identities of that company, later in time, whose attacks were never shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from features.arrays import DAY, Array
from features.model.bundle import TrustModel
from features.model.trust_curve import probability
from training.data.labels import World, benign_labels
from training.data.sessions import count_sessions
from training.data.split import COMPARISON_SHARES, Split
from training.data.targets import prediction_targets
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate, bootstrap_weights
from training.metrics.evaluation import YARDSTICK_BUDGET as BUDGET
from training.metrics.evaluation import TestSet
from training.metrics.session_recall import recall_by_group, session_weights
from training.model.recipe import Recipe
from training.pipeline.dataset import Dataset, prepare
from training.pipeline.doctor import examine_log
from training.pipeline.train import augment, fit
from training.progress import ProgressCallback, no_progress
from training.real_records.scoring import own_population
from training.scenarios.injection import inject_abuse

RATE = 0.0095
"""Share of the sessions that simulated attacks touch."""
TESTED_SHARE, TESTED_FROM = 0.3, 0.65
"""Share of the identities that test, and of the time from which on they do."""
COLUMNS = ("identities", "days", "sessions", "model", "recall at 1 %", "benign sessions challenged at its threshold")
NOTE = (
    "Each log is a part of the benign events of a simulated company, without labels; simulated attacks are injected "
    "into it as `retrain` does. Recall is of compromised sessions of identities that no log holds, where 1 % of benign "
    "sessions are challenged; the last column is what the model's own thresholds (for 1 % of requests) challenge. Both "
    "models read features against the population of the same log."
)


@dataclass(frozen=True)
class LogSize:
    """How much of a company's log somebody has."""

    identities: int
    days: int


@dataclass(frozen=True)
class _Company:
    """A world that names no deployments, split into who may be in a log and who tests."""

    world: World
    identity: Array
    """The number of each row's identity."""
    tested: Array
    """Which rows belong to identities that test."""
    time: Array
    """In µs."""
    until: int
    """Where every log ends and the test begins."""


def log_sizes_table(
    world: World,
    sizes: Sequence[LogSize],
    shipped: TrustModel,
    recipe: Recipe,
    seed: int,
    progress: ProgressCallback = no_progress,
) -> Table:
    """Train on every size and test each model, and the shipped one, on the same requests."""
    company = _split(world, seed)
    rows: list[tuple[str, ...]] = []
    for number, size in enumerate(sizes):
        progress(f"{size.identities} identities, {size.days} days", number / len(sizes))
        rows += _measure(company, size, shipped, recipe, seed)
    progress("done", 1.0)
    return Table("How much log gives how much", COLUMNS, tuple(rows), NOTE)


def _split(world: World, seed: int) -> _Company:
    world = World(world.events, world.labels.drop_columns(["deployment"])).conformed()
    targets = prediction_targets(world)
    testing = np.random.default_rng(seed).random(int(targets.identity.max()) + 1) < TESTED_SHARE
    first, last = int(targets.time.min()), int(targets.time.max())
    until = first + int(TESTED_FROM * (last - first))
    return _Company(world, targets.identity, testing[targets.identity], targets.time, until)


def _measure(
    company: _Company, size: LogSize, shipped: TrustModel, recipe: Recipe, seed: int
) -> Iterator[tuple[str, ...]]:
    log = _log_of(company, size, seed)
    sessions = f"{count_sessions(log):,}"
    begin = (f"{size.identities:,}", f"{size.days}", sessions)
    yield *begin, "shipped", *_test(company, log, shipped, seed)
    examined = examine_log(log, RATE)
    if examined.obstacle:
        yield *begin, "own", examined.obstacle.partition(". ")[0], "-"
        return
    labelled = inject_abuse(log, benign_labels(log, "yours"), rate=RATE, seed=seed).sorted()
    data = prepare(labelled, seed)
    try:
        model = fit(data, recipe, seed, augment(data, recipe, seed))
    except ValueError as error:
        yield *begin, "own", str(error), "-"
        return
    yield *begin, "own", *_test(company, log, model, seed)


def _log_of(company: _Company, size: LogSize, seed: int) -> pa.Table:
    """The benign events of so many identities that do not test, in the last days before the test begins."""
    labels = company.world.labels["compromised"].fill_null(1).to_numpy()
    recent = (company.time < company.until) & (company.time >= company.until - size.days * DAY)
    usable = recent & ~company.tested & (labels == 0)
    names = np.random.default_rng(seed + 1).permutation(np.unique(company.identity[usable]))[: size.identities]
    return company.world.events.filter(pa.array(usable & np.isin(company.identity, names)))


def _test(company: _Company, log: pa.Table, model: TrustModel, seed: int) -> tuple[str, str]:
    """Recall at the budget, and the share of benign sessions that the model's own thresholds challenge, where the
    population is that of the log."""
    data = _tested_dataset(company, own_population(model, log))
    test_set = data.test_set
    score = model.now_log_odds(test_set.matrix)
    sessions = test_set.sessions(score)
    weights = session_weights(sessions, seed)
    recall = recall_by_group(sessions, BUDGET, weights, {"all": np.ones(len(sessions.compromised), bool)})["all"]
    return f"{recall:.2f}", f"{_friction(model, test_set, score, seed):.2%}"


def _tested_dataset(company: _Company, population: Array) -> Dataset:
    """The identities that test, all of whose rows from `until` on are the test."""
    mask = pa.array(company.tested)
    world = World(company.world.events.filter(mask), company.world.labels.filter(mask))
    data = prepare(world, 0, population=population, parts=COMPARISON_SHARES)
    nothing, late = np.zeros(len(world.events), bool), data.targets.time >= company.until
    return replace(data, split=Split(nothing, nothing, nothing, nothing, late, data.split.end))


def _friction(model: TrustModel, test_set: TestSet, score: Array, seed: int) -> Estimate:
    """The share of benign sessions with a request whose trust lies below the threshold of its identity type."""
    threshold = {name: next(t for b, t in pairs if b == BUDGET) for name, pairs in model.thresholds.items()}
    identity_type = test_set.identity_type[test_set.rows]
    below = probability(-score) < np.array([threshold[name] for name in identity_type])
    asked = test_set.sessions(below.astype(float)).part(~test_set.sessions(score).compromised)
    return bootstrap_weights(asked.identity, seed).mean(asked.score, asked.identity)
