"""Attacks on service accounts and workloads: how a machine's credential is stolen, and what it is then used for."""

from __future__ import annotations

from training.scenarios.actions import (
    Frame,
    Rng,
    as_logged,
    choose_start,
    perform_steps,
    plan_steps,
    sample_reading_steps,
    similar_identifier,
    technique_steps,
    uses_cloud_actions,
)
from training.scenarios.attacker import Attacker
from training.scenarios.context_changes import disguise, start_new_session
from training.scenarios.event_batch import EventBatch, concatenate_batches


def stolen_service_key(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """A long-lived key copied from a laptop or a backup is used while the service goes on as usual."""
    start = choose_start(history, rng)
    delay = float(rng.exponential(12 * 3_600))
    tactics = ("discovery", "credential-access", "exfiltration")
    return as_logged(_use_key(history, start, rng, attacker, tactics, max_visits=2, delay=delay), history)


def secret_in_repository(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """A key in a repository is found and tried out, mostly by script and within the hour."""
    start = choose_start(history, rng, history["credential.exposed"].eq(True))
    delay = float(rng.exponential(1_200))
    tactics = ("credential-access", "execution", "persistence")
    batch = _use_key(history, start, rng, attacker, tactics, max_visits=1, delay=delay)
    reported = rng.random() < 0.4
    return as_logged(batch.with_columns({"credential.exposed": True}) if reported else batch, history)


def instance_role_theft(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """A role's temporary keys are read from its machine and used elsewhere until they expire."""
    start = choose_start(history, rng)
    tactics = rng.choice(
        ["ec2-steal-instance-credentials", "discovery", "credential-access", "exfiltration", "persistence"], 2
    )
    steps = plan_steps(history, rng, *map(str, tactics), own=6)
    delay = float(rng.exponential(2_400))
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo)
    stolen = disguise(batch, history, rng, attacker)
    if uses_cloud_actions(history):
        # The session of an instance's role is named after the instance, wherever its keys are used.
        stolen = stolen.with_columns({"device.id": batch.first("device.id")})
    if attacker.network != "same":
        stolen = stolen.with_columns({"credential.attested_at": None})
    return as_logged(stolen, history)


def leaked_ci_token(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """A build prints its token into a log that others read; it is used at once, in the job's own session."""
    start = choose_start(history, rng)
    tactics = rng.choice(["credential-access", "persistence", "execution", "lambda-overwrite-code"], 2, replace=False)
    steps = plan_steps(history, rng, *map(str, tactics), own=1)
    delay = float(rng.exponential(900))
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo)
    return as_logged(disguise(batch, history, rng, attacker), history)


def cron_key_off_schedule(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """The key of a scheduled job is used at another hour, often from inside the company."""
    start = choose_start(history, rng)
    tactic = str(rng.choice(["exfiltration", "credential-access", "discovery"]))
    steps = plan_steps(history, rng, tactic, own=6)
    delay = float(rng.uniform(3, 21)) * 3_600
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo)
    return as_logged(disguise(start_new_session(batch, rng), history, rng, attacker), history)


def assumed_role_chain(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """One role assumes the next: fresh credentials under the same name, used on resources the first never touched."""
    start = choose_start(history, rng)
    steps = [
        *plan_steps(history, rng, "lateral-movement", own=2),
        *technique_steps(history, rng, "credential-access"),
    ]
    steps += sample_reading_steps(history, rng, int(rng.poisson(4)))
    delay = float(rng.exponential(1_800))
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo, unfamiliar=0.8)
    return as_logged(disguise(start_new_session(batch, rng, credential=True), history, rng, attacker), history)


def token_from_another_pod(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """A container escape reaches another pod's token: same cluster and network, another instance, never attested."""
    start = choose_start(history, rng)
    tactic = str(rng.choice(["credential-access", "execution", "exfiltration"]))
    steps = plan_steps(history, rng, "discovery", tactic, own=3)
    delay = float(rng.exponential(1_200))
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo)
    stolen = disguise(batch, history, rng, attacker)
    instance = similar_identifier(batch.first("device.id"), rng)
    return as_logged(stolen.with_columns({"device.id": instance, "credential.attested_at": None}), history)


def cryptomining(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """A key is used to start as many machines as possible, again and again; most attempts are denied."""
    start = choose_start(history, rng, history["credential.exposed"].eq(True))
    launch = technique_steps(history, rng, "ec2-launch-unusual-instances") or technique_steps(history, rng, "execution")
    steps = [*plan_steps(history, rng, "discovery", own=1), *(launch * int(rng.integers(3, 12)))]
    delay = float(rng.exponential(6 * 3_600))
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo)
    return as_logged(disguise(start_new_session(batch, rng), history, rng, attacker), history)


def _use_key(
    history: Frame, start: int, rng: Rng, attacker: Attacker, tactics: tuple[str, ...], max_visits: int, delay: float
) -> EventBatch:
    """One or more visits with the victim's own key, each a session of its own where the log separates sessions."""
    visits = []
    for _ in range(int(rng.integers(1, max_visits + 1))):
        tactic = str(rng.choice(tactics))
        if rng.random() < 0.4:
            steps = plan_steps(history, rng, "discovery", tactic, own=4)
        else:
            steps = plan_steps(history, rng, tactic, own=5)
        visit = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo)
        visits.append(start_new_session(visit, rng))
        delay += float(rng.exponential(86_400))
    return disguise(concatenate_batches(*visits), history, rng, attacker)
