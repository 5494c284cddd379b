"""Legitimate changes of everyday work: a new device, a journey, a deployment, a forgotten password.

Without them a model learns that everything new is an attack. They are built by the same functions as the attacks, so
only what is done, from where and when can tell them apart.
"""

from __future__ import annotations

from training.reference.job_profiles import BROWSERS, INTENTS
from training.scenarios.actions import (
    Frame,
    Rng,
    as_logged,
    choose_start,
    perform_steps,
    plan_steps,
    sample_own_steps,
    similar_identifier,
)
from training.scenarios.attacker import Odds, draw_attacker
from training.scenarios.context_changes import (
    authenticated_with,
    change_device,
    change_network,
    disguise,
    sign_in_attempts,
    start_new_session,
)
from training.scenarios.event_batch import EventBatch, concatenate_batches

_OUTSIDER = Odds(network=(0.0, 0.05, 0.2, 0.5, 0.25))


def _usual_work(
    history: Frame, rng: Rng, count: float, tempo: str, mean_delay_seconds: float, *tactics: str
) -> EventBatch:
    """The identity's own kind of work (`count` actions on average), and what the occasion adds to it."""
    steps = plan_steps(history, rng, *tactics, own=count)
    start = choose_start(history, rng)
    delay = float(rng.exponential(mean_delay_seconds))
    return perform_steps(history, start, steps, rng, after_seconds=delay, tempo=tempo)


def new_laptop(history: Frame, rng: Rng) -> Frame:
    """The old laptop is replaced: another device, soon managed, often another client, after a fresh sign-in."""
    batch = start_new_session(_usual_work(history, rng, 12, "by_hand", 40_000), rng, credential=True)
    batch = change_device(batch, history, rng, str(rng.choice(["cloned", "other"])))
    batch = authenticated_with(batch, ("pwd", "mfa"), 2)
    managed = bool(rng.random() < 0.8)
    device = {"device.id": similar_identifier(history["device.id"].iloc[-1], rng), "device.managed": managed}
    device["device.compliant"] = bool(rng.random() < (0.9 if managed else 0.4))
    device["device.user_agent"] = BROWSERS[rng.integers(len(BROWSERS))].format(v=rng.integers(128, 137))
    return as_logged(batch.with_columns(device), history)


def conference_travel(history: Frame, rng: Rng) -> Frame:
    """The usual laptop on a hotel's or a conference's network, abroad as often as not."""
    batch = start_new_session(_usual_work(history, rng, 12, "by_hand", 60_000), rng, credential=True)
    return as_logged(change_network(batch, rng, str(rng.choice(["same_country", "abroad"]))), history)


def vpn_switched_on(history: Frame, rng: Rng) -> Frame:
    """In the middle of a session the address becomes that of a VPN or gateway."""
    return as_logged(change_network(_usual_work(history, rng, 10, "by_hand", 300), rng, "hosting"), history)


def break_glass_at_night(history: Frame, rng: Rng) -> Frame:
    """An on-call engineer signs in from home at night and does rare, powerful things in a hurry."""
    night = float(rng.uniform(8, 14)) * 3_600
    tactics = rng.choice(["execution", "credential-access", "discovery", "persistence", "privilege-escalation"], 2)
    work = _usual_work(history, rng, 5, "by_hand", 60.0, *map(str, tactics))
    batch = start_new_session(work, rng, credential=True).delayed(night)
    fresh = {"session.started_at": batch.first("time"), "credential.issued_at": batch.first("time")}
    factors = ("hwk", "user") if rng.random() < 0.4 else ("pwd", "mfa")
    batch = authenticated_with(batch.with_columns(fresh), factors, 2)
    return as_logged(change_network(batch, rng, str(rng.choice(["same", "same_operator", "same_country"]))), history)


def planned_key_rotation(history: Frame, rng: Rng) -> Frame:
    """A new key is used, at first beside the old one."""
    tactics = ["credential-access"] if rng.random() < 0.3 else []
    batch = _usual_work(history, rng, 10, "scripted", 3_600, *tactics)
    key = similar_identifier(batch.first("credential.id"), rng)
    issued = {"credential.id": key, "credential.issued_at": batch.first("time")}
    return as_logged(start_new_session(batch, rng).with_columns(issued), history)


def deploy_burst(history: Frame, rng: Rng) -> Frame:
    """A deployment script does much at once, some of it for the first time."""
    tactics = rng.choice(["execution", "lambda-overwrite-code", "persistence", "discovery"], int(rng.integers(1, 3)))
    return as_logged(_usual_work(history, rng, 25, "scripted", 600, *map(str, tactics)), history)


def first_week(history: Frame, rng: Rng) -> Frame:
    """A newcomer looks around, sets things up and is denied now and then, all before the first event on record."""
    steps = plan_steps(history, rng, "discovery", own=9)
    earlier = -86_400.0 * rng.uniform(0.5, 5)
    batch = perform_steps(history, 0, steps, rng, after_seconds=earlier, tempo="by_hand")
    outcomes = ["denied" if rng.random() < 0.15 else outcome for outcome in batch.columns["action.outcome"]]
    batch = batch.with_columns({"action.outcome": outcomes})
    return as_logged(start_new_session(batch, rng, credential=True), history)


def quarter_end_export(history: Frame, rng: Rng) -> Frame:
    """The data of three months is exported at once, late in the day."""
    steps = [
        *sample_own_steps(history, rng, int(rng.integers(10, 40))),
        *plan_steps(history, rng, "exfiltration", own=1),
    ]
    tempo = str(rng.choice(["scripted", "by_hand"]))
    start = choose_start(history, rng)
    return as_logged(perform_steps(history, start, steps, rng, after_seconds=1_200.0, tempo=tempo), history)


def autoscaled(history: Frame, rng: Rng) -> Frame:
    """More instances of the same workload start, at addresses never used before."""
    batch = start_new_session(_usual_work(history, rng, 12, "scripted", 900), rng, credential=True)
    batch = batch.with_columns({"device.id": similar_identifier(batch.first("device.id"), rng)})
    match = str(rng.choice(["same_operator", "hosting"], p=[0.75, 0.25]))
    return as_logged(change_network(batch, rng, match), history)


def moved_provider(history: Frame, rng: Rng) -> Frame:
    """The same job with the same key runs at another provider from now on, often with another client."""
    work = _usual_work(history, rng, 12, "scripted", 7_200)
    batch = change_network(start_new_session(work, rng), rng, "hosting")
    return as_logged(batch if rng.random() < 0.5 else change_device(batch, history, rng, "other"), history)


def job_run_by_hand(history: Frame, rng: Rng) -> Frame:
    """A developer runs or debugs the job with its own credential from the developer's desk."""
    tactics = ["discovery"] if rng.random() < 0.3 else []
    batch = start_new_session(_usual_work(history, rng, 8, "by_hand", 5_000, *tactics), rng)
    match = str(rng.choice(["same", "same_country", "hosting"], p=[0.3, 0.5, 0.2]))
    return as_logged(change_device(change_network(batch, rng, match), history, rng, "other"), history)


def browser_upgrade(history: Frame, rng: Rng) -> Frame:
    """The same session goes on in a newer, or another, browser on the same device."""
    user_agent = BROWSERS[rng.integers(len(BROWSERS))].format(v=rng.integers(134, 138))
    batch = _usual_work(history, rng, 10, "by_hand", 500)
    return as_logged(batch.with_columns({"device.user_agent": user_agent}), history)


def forgotten_password(history: Frame, rng: Rng) -> Frame:
    """Several wrong passwords or missed prompts, then the right one, from the usual place or a cafe."""
    start, wrong = choose_start(history, rng), str(rng.choice(["failure", "denied"]))
    outcomes = [wrong] * int(rng.integers(2, 9)) + ["success"]
    delay = float(rng.exponential(40_000))
    sign_in = sign_in_attempts(history, start, rng, outcomes=outcomes, after_seconds=delay, tempo="by_hand")
    then = sign_in.seconds_to_last(history["time"].iloc[start]) + 3.0
    steps = plan_steps(history, rng, own=8)
    batch = perform_steps(history, start, steps, rng, after_seconds=then, tempo="by_hand")
    both = concatenate_batches(sign_in, start_new_session(batch, rng, credential=True))
    match = str(rng.choice(["same", "same_country"], p=[0.7, 0.3]))
    return as_logged(change_network(both, rng, match), history)


def stranger_sprays(history: Frame, rng: Rng) -> Frame:
    """An outsider tries common passwords, as happens to every account, and fails."""
    outcomes = ["failure"] * int(rng.integers(1, 7))
    delay = float(rng.exponential(40_000))
    start = choose_start(history, rng)
    batch = sign_in_attempts(history, start, rng, outcomes=outcomes, after_seconds=delay, tempo="patient")
    return as_logged(disguise(batch, history, rng, draw_attacker(rng, _OUTSIDER)), history)


def new_task(history: Frame, rng: Rng) -> Frame:
    """An agent is given, and declares, another task, and does what it needs."""
    tactics = rng.choice(["exfiltration", "execution", "discovery", "impact", "credential-access"], 1)
    work = _usual_work(history, rng, 8, "scripted", 5_000, *map(str, tactics))
    batch = start_new_session(work, rng, credential=True)
    return as_logged(batch.with_columns({"session.intent": INTENTS[rng.integers(len(INTENTS))]}), history)


def access_review(history: Frame, rng: Rng) -> Frame:
    """An auditor, or an auditor's script, lists and reads everything there is."""
    tempo = str(rng.choice(["scripted", "by_hand"]))
    return as_logged(_usual_work(history, rng, 3, tempo, 3_000, "discovery", "discovery"), history)
