"""From labelled histories to a registered model, in the few calls a notebook makes one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from features.catalogue.describe import digest
from features.hashing import DigestWriter
from features.model.bundle import ModelMismatch, TrustModel
from features.settings import Settings
from training.data.labels import World
from training.metrics.evaluation import Evaluation
from training.model.fit import Recipe
from training.pipeline.dataset import Dataset, prepare
from training.pipeline.run_report import write_report
from training.pipeline.train import _checked, assess, fit, gate, more_examples
from training.progress import Stages, Told
from training.promotion.checks import Check, Rival, shortfalls
from training.promotion.registry import GATE_TAG, PASSED, champion, promote, register


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
    model: TrustModel, data: Dataset, evaluation: Evaluation, recipe: Recipe, here: Settings, seed: int
) -> list[Check]:
    """Compared with the champion; one that this build cannot load is no rival, since it cannot answer either: the
    check says so."""
    try:
        return gate(model, data, evaluation, recipe, champion(here), seed)
    except ModelMismatch as error:
        return _checked(model, data, evaluation, recipe, Rival("", None, str(error)), seed)


def record(
    model: TrustModel,
    data: Dataset,
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
    sink = DigestWriter()
    file = pa.PythonFile(sink, "w")
    for table in (world.events, world.labels):
        with pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table.combine_chunks())
    return sink.digest()
