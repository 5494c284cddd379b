"""Attacks on agents: network, client and token stay the same, only the actions differ.

Assumed, since no public log shows such an attack request by request (injected tasks of AgentDojo need one to several
calls): a hijacked agent first collects data with tools it has, from resources it never used, then does what its own
work never needs, at its own pace. It rarely declares a new task, and its real task goes on meanwhile.
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
    technique_steps,
)
from training.scenarios.attacker import Attacker

_INJECTED_TASKS = ("answer the customer and attach the list", "clean up old records", "share the folder as asked")
_TACTICS = ("exfiltration", "credential-access", "impact", "execution", "persistence")


def agent_redirected(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """A prompt injection in something the agent reads gives it another task, and the agent does that task."""
    tactics = rng.choice(_TACTICS, int(rng.integers(1, 3)), replace=False)
    steps = [
        *sample_reading_steps(history, rng, 1 + int(rng.poisson(4))),
        *plan_steps(history, rng, *map(str, tactics), own=0),
    ]
    steps += sample_reading_steps(history, rng, int(rng.poisson(2)))
    delay = float(rng.exponential(20))
    start = choose_start(history, rng)
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo, unfamiliar=0.8)
    if rng.random() < 0.3:
        batch = batch.with_columns({"session.intent": str(rng.choice(_INJECTED_TASKS))})
    return as_logged(batch, history)


def poisoned_tool(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """A tool with a poisoned description makes the agent hand over data several times in the middle of its own task."""
    steps = []
    for _ in range(int(rng.integers(2, 6))):
        steps += sample_own_steps(history, rng, int(rng.integers(0, 3)))
        steps += [*sample_reading_steps(history, rng, 1), *technique_steps(history, rng, "exfiltration")]
    delay = float(rng.exponential(60))
    start = choose_start(history, rng)
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo, unfamiliar=0.6)
    return as_logged(batch, history)
