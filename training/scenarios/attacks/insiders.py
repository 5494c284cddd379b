"""Attacks by people on systems they rightly have access to.

Assumed, since public cases describe little request by request: an insider who gains access also uses it, on resources
never touched before; three in ten wait until their own working hours are over.
"""

from __future__ import annotations

from training.scenarios.actions import (
    Frame,
    Rng,
    as_logged,
    choose_start,
    perform_steps,
    plan_steps,
    sample_reading_steps,
)
from training.scenarios.attacker import Attacker
from training.scenarios.context_changes import start_new_session
from training.scenarios.event_batch import concatenate_batches

_AFTER_HOURS_SHARE = 0.3


def insider_escalation(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """A person, at the usual desk, grants access beyond what was given, and uses it."""
    tactics = rng.choice(["privilege-escalation", "persistence", "credential-access", "exfiltration"], 2, replace=False)
    steps = [
        *plan_steps(history, rng, *map(str, tactics), own=2),
        *sample_reading_steps(history, rng, int(rng.poisson(5))),
    ]
    delay = float(rng.exponential(600))
    start = choose_start(history, rng)
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo, unfamiliar=0.7)
    if rng.random() < _AFTER_HOURS_SHARE:
        batch = start_new_session(batch.delayed(float(rng.uniform(6, 11)) * 3_600), rng)
    return as_logged(batch, history)


def insider_hoarding(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """A person about to leave reads everything within reach, day after day: no new access, only volume."""
    start = choose_start(history, rng)
    delay, visits = float(rng.exponential(3_600)), []
    for _ in range(int(rng.integers(2, 6))):
        steps = sample_reading_steps(history, rng, int(rng.integers(15, 60)))
        visit = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo, unfamiliar=0.8)
        visits.append(start_new_session(visit, rng, credential=True))
        delay += 86_400.0 + float(rng.normal(0, 3_600))
    return as_logged(concatenate_batches(*visits), history)
