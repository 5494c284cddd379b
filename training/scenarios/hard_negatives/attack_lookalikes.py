"""For each newer attack, the legitimate event that looks most like it: a model that detects the attack by its looks
alone would challenge this too.

Each is built by the same calls as its attack, so only what the log records can tell them apart.
"""

from __future__ import annotations

from training.reference.job_profiles import INTENTS
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
)
from training.scenarios.context_changes import (
    authenticated_with,
    change_device,
    change_network,
    random_service_user_agent,
    sign_in_attempts,
    start_new_session,
)
from training.scenarios.event_batch import concatenate_batches


def migration_script(history: Frame, rng: Rng) -> Frame:
    """A script that runs once reads everything here and writes it there."""
    reads = sample_reading_steps(history, rng, int(rng.integers(15, 60)))
    writes = technique_steps(history, rng, "lambda-overwrite-code") or technique_steps(history, rng, "execution")
    steps = [*reads, *writes, *plan_steps(history, rng, own=10)]
    delay = float(rng.exponential(3_600))
    start = choose_start(history, rng)
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo="scripted", unfamiliar=0.7)
    return as_logged(batch, history)


def consented_application(history: Frame, rng: Rng) -> Frame:
    """A calendar, a CRM or a backup is rightly authorised: its token reads a lot from its maker's servers."""
    start = choose_start(history, rng)
    delay, visits = float(rng.exponential(7_200)), []
    for _ in range(int(rng.integers(1, 4))):
        steps = sample_reading_steps(history, rng, int(rng.integers(5, 30)))
        visit = perform_steps(history, start, steps, rng, after_seconds=delay, tempo="scripted", unfamiliar=0.6)
        visits.append(start_new_session(visit, rng, credential=True))
        delay += 86_400.0
    user_agent = random_service_user_agent(rng)
    batch = change_network(change_device(concatenate_batches(*visits), history, rng, "other"), rng, "hosting")
    token = {"device.user_agent": user_agent, "credential.kind": "oauth_token"}
    return as_logged(batch.with_columns(token), history)


def handover_before_leaving(history: Frame, rng: Rng) -> Frame:
    """A person who leaves on good terms reads through years of their own work to hand it over."""
    start = choose_start(history, rng)
    delay, visits = float(rng.exponential(3_600)), []
    for _ in range(int(rng.integers(1, 4))):
        steps = sample_reading_steps(history, rng, int(rng.integers(12, 45)))
        visit = perform_steps(history, start, steps, rng, after_seconds=delay, tempo="by_hand", unfamiliar=0.3)
        visits.append(start_new_session(visit, rng, credential=True))
        delay += 86_400.0
    return as_logged(concatenate_batches(*visits), history)


def role_for_an_incident(history: Frame, rng: Rng) -> Frame:
    """Another team's system is broken, and somebody entitled to it takes the role that may look there."""
    steps = [
        *plan_steps(history, rng, "lateral-movement", own=4),
        *sample_reading_steps(history, rng, int(rng.integers(2, 9))),
    ]
    delay = float(rng.exponential(3_600))
    start = choose_start(history, rng)
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo="by_hand", unfamiliar=0.5)
    return as_logged(start_new_session(batch, rng, credential=True), history)


def capacity_for_the_sale(history: Frame, rng: Rng) -> Frame:
    """Twenty more machines are started one after another for a busy weekend."""
    launch = technique_steps(history, rng, "ec2-launch-unusual-instances") or technique_steps(history, rng, "execution")
    steps = [*plan_steps(history, rng, own=4), *(launch * int(rng.integers(2, 9)))]
    delay = float(rng.exponential(7_200))
    start = choose_start(history, rng)
    return as_logged(perform_steps(history, start, steps, rng, after_seconds=delay, tempo="scripted"), history)


def rescheduled_job(history: Frame, rng: Rng) -> Frame:
    """A job that failed at night is started again at another hour, from the same place with the same key."""
    delay = float(rng.uniform(3, 21)) * 3_600
    start = choose_start(history, rng)
    steps = plan_steps(history, rng, own=10)
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo="scripted")
    return as_logged(start_new_session(batch, rng), history)


def factor_replaced(history: Frame, rng: Rng) -> Frame:
    """A phone was lost: the helpdesk sets up a new factor, and its owner signs in with it."""
    start, delay = choose_start(history, rng), float(rng.exponential(12 * 3_600))
    outcomes = ["failure"] * int(rng.integers(0, 4)) + ["success"]
    sign_in = sign_in_attempts(history, start, rng, outcomes=outcomes, after_seconds=delay, tempo="by_hand")
    then = sign_in.seconds_to_last(history["time"].iloc[start]) + 3.0
    steps = plan_steps(history, rng, own=9)
    batch = perform_steps(history, start, steps, rng, after_seconds=then, tempo="by_hand")
    batch = authenticated_with(start_new_session(batch, rng, credential=True), ("pwd", "mfa"), 2)
    both = concatenate_batches(sign_in, batch)
    if rng.random() >= 0.5:
        both = both.with_columns({"device.id": similar_identifier(both.first("device.id"), rng)})
    match = str(rng.choice(["same", "same_operator", "same_country"]))
    return as_logged(change_network(both, rng, match), history)


def long_research(history: Frame, rng: Rng) -> Frame:
    """An agent's task is a large one: it reads far more than usual, all of the kind that it always reads."""
    steps = sample_reading_steps(history, rng, int(rng.integers(12, 50)))
    delay = float(rng.exponential(120))
    start = choose_start(history, rng)
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo="scripted", unfamiliar=0.7)
    if rng.random() < 0.5:
        batch = batch.with_columns({"session.intent": INTENTS[rng.integers(len(INTENTS))]})
    return as_logged(batch, history)
