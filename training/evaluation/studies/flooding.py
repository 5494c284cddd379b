"""Whether harmless requests from a new place buy trust there: reads by the dozen, and then an export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.model.bundle import TrustModel
from training.data.labels import events_to_frame, frame_to_events
from training.evaluation.studies.attempts import replay_attempts
from training.pipeline.dataset import Dataset
from training.reference.attack_sequences import Step
from training.scenarios.actions import Frame, Rng, as_logged, choose_start, perform_steps, sample_reading_steps
from training.scenarios.attacker import Attacker
from training.scenarios.context_changes import disguise, start_new_session

READS = (0, 5, 20, 60, 200)
"""How many reads come before the export."""
PLACES = {
    "a rented server, another client": Attacker("hosting", "other", "scripted"),
    "another network, the same client": Attacker("abroad", "cloned", "scripted"),
}
"""Where reads and export come from, by how it is called."""
VICTIMS = 24
"""Identities in whose name it is tried."""
EXPORT = Step("report.export", "export")
"""What is done in the end by identities that never export."""


@dataclass(frozen=True)
class Flooding:
    """How much more an export is trusted after reads than at once, for every place and victim."""

    rise: Array
    """In log-odds, shape (places, READS, victims); 0 without reads."""


def measure_flooding(model: TrustModel, data: Dataset, seed: int) -> Flooding:
    """Score the export after each number of reads, at the same moment and on the same resource.

    Raises ValueError without tested identities.
    """
    rng, events = np.random.default_rng(seed), data.world.events
    victims = list(_victims(data, rng))
    if not victims:
        raise ValueError("no tested identity without abuse has a history: simulate more identities")
    histories, requests = [], []
    for rows in victims:
        history = events_to_frame(events.take(rows))
        at = max(choose_start(history, rng), len(history) // 2)
        histories.append(events.take(rows[: at + 1]))
        floods = [_flood(history, at, rng, attacker) for attacker in PLACES.values()]
        requests.append([_attempt(flood, reads) for flood in floods for reads in READS])
    deployment, populations = data.deployment[[rows[0] for rows in victims]], data.populations_for(model)
    found = replay_attempts(populations, deployment, histories, list(zip(*requests, strict=True)))
    exports = np.array([[matrix[-1] for matrix in matrices] for matrices in found])
    risk = model.now_log_odds(exports.reshape(-1, exports.shape[-1])).reshape(len(PLACES), len(READS), len(victims))
    return Flooding(risk[:, :1] - risk)


def _attempt(flood: Frame, reads: int) -> pa.Table:
    """The last reads of a flood and the export, in a session that begins with them."""
    attempt = flood.tail(reads + 1)
    return frame_to_events(attempt.assign(**{"session.started_at": attempt["time"].iloc[0]}))


def _victims(data: Dataset, rng: Rng) -> Iterator[Array]:
    """Rows, in order of time, of tested identities with sessions that were never attacked."""
    targets = data.targets
    tested = np.unique(targets.identity[data.split.test])
    clean = np.setdiff1d(tested, targets.identity[targets.malicious | ~targets.known])
    count = 0
    for identity in rng.permutation(clean):
        rows = np.flatnonzero(targets.identity == identity)
        if len(rows) >= 50 and count < VICTIMS:
            count += 1
            yield rows[np.argsort(targets.time[rows], kind="stable")]


def _flood(history: Frame, at: int, rng: Rng, attacker: Attacker) -> Frame:
    """As many reads as the longest flood has, then the export, in a session and at a place of their own."""
    reads = [step for step in sample_reading_steps(history, rng, 4 * max(READS)) if step.category != "export"]
    reads = (reads or [Step("document.read", "read")]) * max(READS)
    own = history["action.name"][history["action.category"].eq("export").to_numpy(bool, na_value=False)]
    export = Step(str(own.iloc[0]), "export") if len(own) else EXPORT
    steps = [*reads[: max(READS)], export]
    batch = perform_steps(history, at, steps, rng, after_seconds=3_600.0, tempo=attacker.tempo)
    batch = batch.with_columns({"action.outcome": "success"})
    return as_logged(disguise(start_new_session(batch, rng), history, rng, attacker), history)
