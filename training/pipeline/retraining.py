"""Retrain: from labelled histories to a registered version, in the calls that a notebook makes one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from features.catalogue.describe import digest
from features.hashing import DigestWriter
from features.model.bundle import ModelMismatch, TrustModel
from features.settings import Settings
from training.data.labels import SIMULATED, World
from training.metrics.evaluation import Evaluation
from training.model.recipe import Recipe
from training.pipeline.dataset import Dataset, prepare
from training.pipeline.doctor import examine_log
from training.pipeline.run_report import write_run_report
from training.pipeline.train import augment, evaluate, fit, run_promotion_checks
from training.progress import ProgressCallback, StageTimer, no_progress, stage_counter
from training.promotion.checks import ChampionScores, Check, shortfalls
from training.promotion.registry import CHECKS_TAG, PASSED, champion, promote, register


@dataclass(frozen=True)
class RetrainResult:
    """The version that a retraining registered, and how it did."""

    version: str
    promoted: bool
    evaluation: Evaluation
    checks: tuple[Check, ...]
    seconds: Mapping[str, float]
    """How long each stage took."""

    @property
    def shortfalls(self) -> tuple[str, ...]:
        """The promotion checks that did not pass, as sentences."""
        return shortfalls(self.checks)


def retrain(
    world: World,
    settings: Settings,
    *,
    seed: int = 1,
    recipe: Recipe | None = None,
    promoted: bool = True,
    progress: ProgressCallback = no_progress,
) -> RetrainResult:
    """Prepare, augment, fit, evaluate, check and register.

    The version becomes the champion if `promoted` is true and all its promotion checks pass. Raises ValueError when
    there is no abuse to learn from, or a log of your own is too small to train and test a model.
    """
    if world.source != SIMULATED and (obstacle := examine_log(world.events, rate=0.0).obstacle):
        raise ValueError(obstacle)
    stage, recipe = StageTimer(progress), recipe or Recipe()
    stage("computing features", 0.0)
    data = prepare(world, seed, stage_counter(stage, "computing features", 0.0, 0.4))
    stage("augmenting", 0.4)
    augmentation = augment(data, recipe, seed, stage_counter(stage, "augmenting", 0.4, 0.6))
    stage("fitting", 0.6)
    model = fit(data, recipe, seed, augmentation)
    stage("evaluating", 0.7)
    evaluation = evaluate(model, data, recipe, seed)
    stage("promotion checks", 0.85)
    checks = run_promotion_checks(model, data, evaluation, recipe, _champion_or_reason(settings), seed)
    stage("registering", 0.95)
    version = register_model(model, data, evaluation, checks, settings, recipe, seed)
    passed = promoted and not shortfalls(checks)
    if passed:
        promote(settings, version)
    stage.finish()
    return RetrainResult(version, passed, evaluation, tuple(checks), stage.seconds)


def _champion_or_reason(settings: Settings) -> TrustModel | ChampionScores | None:
    """The champion. One that this build cannot load is no competitor, since it cannot answer either: the reason why."""
    try:
        return champion(settings)
    except ModelMismatch as error:
        return ChampionScores("", None, str(error))


def register_model(
    model: TrustModel,
    data: Dataset,
    evaluation: Evaluation,
    checks: Sequence[Check],
    settings: Settings,
    recipe: Recipe,
    seed: int,
) -> str:
    """Register a model with its report, its recipe and the digest of its data; returns the version's number."""
    source = data.world.source
    with TemporaryDirectory() as folder:
        write_run_report(Path(folder), model, data, evaluation, checks, seed)
        return register(
            model,
            settings,
            tags={"data": source, "catalogue": digest(), CHECKS_TAG: "; ".join(shortfalls(checks)) or PASSED},
            parameters={"seed": seed, "data": data_digest(data.world), **asdict(recipe)},
            figures=evaluation.metrics(),
            report=Path(folder),
        )


def data_digest(world: World) -> str:
    """The SHA-256 digest of events and labels, in their order."""
    sink = DigestWriter()
    file = pa.PythonFile(sink, "w")
    for table in (world.events, world.labels):
        with pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table.combine_chunks())
    return sink.digest()
