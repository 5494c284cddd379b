"""Attacks that no model is trained on: the evaluation uses them to measure detection of attacks nobody thought of.

Written before the feature definitions, and without knowledge of them. Changed once since, after a first model had been
evaluated: an attacker with a phished device code or a kept key no longer imitates the victim's own mix of work
perfectly, because nobody outside can.
"""

from __future__ import annotations

from training.scenarios.actions import (
    Frame,
    Rng,
    as_logged,
    choose_start,
    perform_steps,
    plan_steps,
    sample_own_steps,
    sample_reading_steps,
)
from training.scenarios.attacker import Attacker
from training.scenarios.context_changes import (
    authenticated_with,
    change_device,
    disguise,
    sign_in_attempts,
    start_new_session,
)
from training.scenarios.event_batch import concatenate_batches


def phished_device_code(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """The victim enters the attacker's device code: the attacker gets a new session with a genuine, fresh second
    factor."""
    start = choose_start(history, rng)
    delay = float(rng.exponential(5_400))
    sign_in = sign_in_attempts(history, start, rng, outcomes=["success"], after_seconds=delay, tempo="by_hand")
    steps = [
        *plan_steps(history, rng, "discovery", own=2),
        *sample_reading_steps(history, rng, 2 + int(rng.poisson(6))),
    ]
    steps += plan_steps(history, rng, "exfiltration", own=0)
    batch = perform_steps(history, start, steps, rng, after_seconds=delay + 40.0, tempo=attacker.tempo, unfamiliar=0.7)
    batch = authenticated_with(start_new_session(batch, rng, credential=True), ("pwd", "mfa"), 2)
    both = concatenate_batches(sign_in, batch.with_columns({"credential.kind": "oauth_token"}))
    return as_logged(disguise(both, history, rng, attacker), history)


def key_of_somebody_gone(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """A former maintainer kept a copy of the service's key and goes on using it at home, by hand, looking around."""
    start = choose_start(history, rng)
    visits = []
    delay = float(rng.exponential(3 * 86_400))
    for _ in range(int(rng.integers(1, 4))):
        steps = sample_own_steps(history, rng, 5) + sample_reading_steps(history, rng, int(rng.poisson(4)))
        steps += plan_steps(history, rng, "discovery", own=0) if rng.random() < 0.4 else []
        visit = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo, unfamiliar=0.6)
        visits.append(start_new_session(visit, rng))
        delay += float(rng.exponential(86_400))
    return as_logged(disguise(concatenate_batches(*visits), history, rng, attacker), history)


def poisoned_build(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """A malicious dependency runs inside the job: same machine, client, key and hour, but it looks for secrets."""
    start = choose_start(history, rng)
    steps = plan_steps(history, rng, "credential-access", "persistence", own=2)
    delay = float(rng.exponential(30))
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo)
    return as_logged(change_device(batch, history, rng, attacker.device), history)


def replayed_agent_token(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """A token that an agent left in a transcript is used by hand, for the agent's own kind of work and under its last
    declared task."""
    start = choose_start(history, rng)
    steps = [
        *sample_own_steps(history, rng, int(rng.integers(4, 14))),
        *plan_steps(history, rng, "discovery", own=1),
    ]
    delay = float(rng.exponential(1_800))
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo)
    return as_logged(disguise(batch, history, rng, attacker), history)
