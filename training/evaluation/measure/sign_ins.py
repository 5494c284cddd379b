"""Logs of sign-ins alone, in a simulated world: guessing at one identity, sprays, and guessing from the internet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc

from features.model.bundle import TrustModel
from training.data.labels import World
from training.data.sessions import visit_keys
from training.data.split import COMPARISON_SHARES
from training.evaluation.context import SectionResult
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate, mean_of
from training.metrics.evaluation import YARDSTICK_BUDGET as BUDGET
from training.metrics.session_recall import attacked_sessions, recall_by_group, session_weights
from training.pipeline.dataset import Dataset, prepare
from training.pipeline.deployments import deployments_of
from training.progress import ProgressCallback, stage_counter
from training.scenarios.guessing import BACKGROUND, GUESSED, SPRAYED
from training.simulation.world import resize, simulate, world_parameters

IDENTITIES, DAYS, SEED = 3_600, 42, 3
"""The world; two kinds of logs in nine are of sign-ins alone."""
KINDS = {"guessing": GUESSED, "spray": SPRAYED, "background": BACKGROUND}
"""Scenarios, by what figures are called."""
SHOWN = {
    "guessing": "guessing at one identity",
    "spray": "one address tries many identities",
    "background": "guessing from the internet",
}


def sign_ins_section(models: Sequence[TrustModel], seed: int, progress: ProgressCallback) -> SectionResult:
    """The share of attacks caught, by kind; means over the models."""
    usual = resize(world_parameters(), IDENTITIES, DAYS)
    parameters = replace(usual, reduced_logs=1.0, guessed_identities=0.15, background_guessing=1.0)
    counter = stage_counter(progress, "simulating sign-ins", 0.0, 0.6)
    world = of_sign_ins(simulate(SEED, parameters=parameters, progress=counter))
    by_model = []
    for number, model in enumerate(models):
        progress("sign-ins", 0.6 + 0.4 * number / len(models))
        data = prepare(world, seed, population=model.population, parts=COMPARISON_SHARES)
        by_model.append(measure_sign_ins(model, data, seed))
    figures = {key: mean_of([each[key] for each in by_model]) for key in by_model[0]}
    deployments = len(deployments_of(world)[0])
    note = (
        f"{deployments} deployments that log sign-ins alone, {DAYS} days, seed {SEED}; {len(models)} model(s). A visit "
        "is a session, or a day of an identity whose log names none. An attack on an identity is caught if one of its "
        f"requests is challenged where {BUDGET:.0%} of benign visits are, in each identity type. Each deployment has "
        "its own population, from its early window."
    )
    rows = tuple((SHOWN[kind], str(figures[f"sign-ins/{kind}/{BUDGET:g}"])) for kind in KINDS)
    return [Table("Logs of sign-ins alone", ("attack", "caught"), rows, note, "simulated")], figures


def of_sign_ins(world: World) -> World:
    """The deployments of a world that log nothing but sign-ins. Raises ValueError if there is none."""
    other = pc.not_equal(world.events["action.category"], "authenticate").fill_null(True).to_numpy()
    names, deployment = deployments_of(world)
    others = np.bincount(deployment[other], minlength=len(names))
    kept = (others == 0)[deployment]
    if not kept.any():
        raise ValueError("no deployment of this world logs sign-ins alone: raise `reduced_logs`")
    return World(world.events.filter(kept), world.labels.filter(kept))


def measure_sign_ins(model: TrustModel, data: Dataset, seed: int) -> dict[str, Estimate]:
    """The share of attacks of each kind that are caught, by visit."""
    rows = data.rows(data.split.test, held_out=True)
    targets, score = data.targets, model.now_log_odds(data.matrix[rows])
    visits = attacked_sessions(
        visit_keys(data.world.events)[rows],
        score,
        targets.malicious[rows],
        targets.identity[rows],
        data.identity_type[rows],
        targets.scenario[rows],
    )
    masks = {kind: visits.scenario == scenario for kind, scenario in KINDS.items()}
    caught = recall_by_group(visits, BUDGET, session_weights(visits, seed), masks)
    return {f"sign-ins/{kind}/{BUDGET:g}": recall for kind, recall in caught.items()}
