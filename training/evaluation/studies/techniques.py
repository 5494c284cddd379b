"""Recorded techniques that a model has never met: Stratus Red Team's, left out of training one at a time.

The recorded steps feed the scenarios, so a model knows them. Here every session whose attacker does all that a
technique does is left out, the model is refitted, and the steps are injected, as recorded, into histories that were
never attacked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.arrays import Array
from training.data.labels import events_to_frame, frame_to_events
from training.evaluation.context import SectionResult
from training.evaluation.studies.ablations import light_recipe, refit
from training.evaluation.studies.attempts import replay_attempts
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate, bootstrap_weights
from training.metrics.evaluation import MAIN_BUDGET
from training.metrics.session_recall import Threshold, thresholds_at_budget
from training.model.recipe import Recipe
from training.pipeline.dataset import Dataset
from training.progress import ProgressCallback
from training.reference.attack_sequences import AttackSequence, recorded_sequences
from training.scenarios.actions import as_logged, choose_start, perform_steps, uses_cloud_actions
from training.scenarios.attacker import Attacker
from training.scenarios.context_changes import disguise, start_new_session
from training.scenarios.event_batch import EventBatch

VICTIMS = 12
"""Identities that each technique is injected into."""
STRANGER = Attacker("hosting", "other", "scripted")
"""The attacker from a rented server: the weakest kind, so a miss is due to the technique."""
SETTINGS = ("in the victim's session", "from a rented server")
NOTE = (
    "Recorded are the actions, their kinds, their order and their pauses. The victim and everything else in an event "
    "are simulated: in the victim's own session, or from a rented server with another client in a session of its own. "
    "Both models are fitted on this world; `without` has no session in which an attacker did all that the technique "
    "does, while legitimate users who do the same remain. Cells are shares of {victims} victims with a request "
    "challenged at {budget:.1%} of benign sessions, `full; without`. The table shows whether what is caught was "
    "memorised. It says nothing about how often these techniques occur, or how well a company's own logs would show "
    "them."
)


@dataclass(frozen=True)
class InjectedTechniques:
    """All techniques injected into all victims: one entry for each malicious request."""

    matrix: Array
    """Features, shape (requests, features)."""
    technique: Array
    setting: Array
    """Number of the setting in SETTINGS."""
    victim: Array
    victim_types: Array
    """The identity type of each victim."""

    def caught(self, score: Array, thresholds: dict[str, Threshold]) -> Array:
        """The probability that any request is challenged, shape (techniques, settings, victims)."""
        shape = (int(self.technique.max()) + 1, len(SETTINGS), len(self.victim_types))
        caught = np.full(shape, -np.inf)
        np.maximum.at(caught, (self.technique, self.setting, self.victim), score)
        for victim, identity_type in enumerate(self.victim_types):
            highest = caught[..., victim]
            if identity_type in thresholds:
                challenged = thresholds[identity_type].challenged(highest.ravel())[0]
                highest[:] = challenged.reshape(highest.shape)
            else:
                highest[:] = 0.0
        return caught


def techniques_section(data: Dataset, recipe: Recipe, seed: int, progress: ProgressCallback) -> SectionResult:
    """Each technique by a model that knows it and by one that does not; empty where no identity uses a cloud."""
    injected = inject_techniques(data, seed)
    if injected is None:
        return [], {}
    full = _caught(data, recipe, seed, injected, None)
    computed: dict[bytes, Array] = {}
    rows, without = [], np.empty_like(full)
    sequences = recorded_sequences()
    for number, sequence in enumerate(sequences):
        progress(f"without {sequence.technique}", number / len(sequences))
        sessions = _sessions_with(data, sequence)
        key = sessions.tobytes()
        if key not in computed:
            kept = ~np.isin(data.targets.session, sessions)
            computed[key] = _caught(data, recipe, seed, injected, kept) if len(sessions) else full
        without[number] = computed[key][number]
        cells = (
            f"{full[number, setting].mean():.2f}; {without[number, setting].mean():.2f}"
            for setting in range(len(SETTINGS))
        )
        rows.append((f"{sequence.tactic}: {sequence.technique}", str(len(sessions)), *cells))
    figures = {
        f"techniques/{name}/{setting}": share_over_victims(caught[:, place], seed)
        for name, caught in (("full", full), ("without", without))
        for place, setting in enumerate(SETTINGS)
    }
    totals = (f"{figures[f'techniques/full/{name}']}; {figures[f'techniques/without/{name}']}" for name in SETTINGS)
    rows.append(("all, 95 % interval over victims", "", *totals))
    columns = ("technique", "sessions left out", *SETTINGS)
    note = NOTE.format(victims=len(injected.victim_types), budget=MAIN_BUDGET)
    title = "Techniques (Stratus) left out of training one at a time"
    return [Table(title, columns, tuple(rows), note, f"recorded actions, {data.world.source} histories")], figures


def share_over_victims(caught: Array, seed: int) -> Estimate:
    """The share over all techniques and victims; `caught` has shape (techniques, victims)."""
    victim = np.tile(np.arange(caught.shape[1]), len(caught))
    return bootstrap_weights(victim, seed).mean(caught.ravel(), victim)


def _sessions_with(data: Dataset, sequence: AttackSequence) -> Array:
    """Fitted sessions whose attacker does all that the technique does."""
    actions = {step.action for step in sequence.steps}
    malicious = np.flatnonzero(data.targets.malicious & (data.split.fit | data.split.stop))
    frame = pd.DataFrame({"session": data.targets.session[malicious]})
    frame["action"] = data.world.events["action.name"].take(malicious).to_numpy()
    distinct = frame[frame["action"].isin(actions)].groupby("session")["action"].nunique()
    sessions: Array = distinct.index[distinct == len(actions)].to_numpy()
    return sessions


def _caught(data: Dataset, recipe: Recipe, seed: int, injected: InjectedTechniques, rows: Array | None) -> Array:
    model = refit(data, light_recipe(recipe), seed, rows=rows)
    test_set = data.test_set
    sessions = test_set.sessions(model.decision_function(test_set.matrix))
    thresholds = thresholds_at_budget(sessions, MAIN_BUDGET, np.ones((1, len(sessions.compromised))))
    return injected.caught(model.decision_function(injected.matrix), thresholds)


def inject_techniques(data: Dataset, seed: int, count: int = VICTIMS) -> InjectedTechniques | None:
    """Every technique in every setting, each after the history of each of `count` victims up to a moment.

    None where no tested identity uses a cloud.
    """
    rng, events = np.random.default_rng(seed), data.world.events
    victims = list(_victims(data, rng, count))
    if not victims:
        return None
    histories, requests = [], []
    for rows in victims:
        history = events_to_frame(events.take(rows))
        at = choose_start(history, rng)
        histories.append(events.take(rows[: at + 1]))
        batches = [batch for sequence in recorded_sequences() for batch in _requests(history, at, sequence, rng)]
        requests.append([frame_to_events(as_logged(batch, history)) for batch in batches])
    deployment = data.deployment[[rows[0] for rows in victims]]
    found = replay_attempts(data.populations, deployment, histories, list(zip(*requests, strict=True)))
    marks = [
        np.repeat([(number // len(SETTINGS), number % len(SETTINGS), victim)], len(matrix), 0)
        for number, matrices in enumerate(found)
        for victim, matrix in enumerate(matrices)
    ]
    technique, setting, victim_number = np.concatenate(marks).T
    victim_types = np.array([data.identity_type[rows[0]] for rows in victims])
    every = np.concatenate([matrix for matrices in found for matrix in matrices])
    return InjectedTechniques(every, technique, setting, victim_number, victim_types)


def _victims(data: Dataset, rng: np.random.Generator, wanted: int) -> Iterator[Array]:
    """Rows, in order of time, of tested identities that use a cloud and were never attacked."""
    targets = data.targets
    tested = np.unique(targets.identity[data.split.test])
    count = 0
    for identity in rng.permutation(np.setdiff1d(tested, targets.identity[targets.malicious | ~targets.known])):
        rows = np.flatnonzero(targets.identity == identity)
        rows = rows[np.argsort(targets.time[rows], kind="stable")]
        if count < wanted and uses_cloud_actions(events_to_frame(data.world.events.take(rows[:50]))):
            count += 1
            yield rows


def _requests(
    history: pd.DataFrame, at: int, sequence: AttackSequence, rng: np.random.Generator
) -> tuple[EventBatch, ...]:
    """The steps as recorded, in both settings."""
    steps = perform_steps(history, at, sequence.steps, rng, after_seconds=60.0, tempo="scripted")
    batch = steps.with_columns({"action.outcome": "success"})
    return batch, disguise(start_new_session(batch, rng), history, rng, STRANGER)
