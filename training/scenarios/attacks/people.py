"""Attacks on people: a stolen cookie, a second factor, a password, the helpdesk, an application's consent."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

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
from training.scenarios.context_changes import (
    authenticated_with,
    change_device,
    change_network,
    disguise,
    random_service_user_agent,
    sign_in_attempts,
    start_new_session,
)
from training.scenarios.event_batch import EventBatch, concatenate_batches
from training.scenarios.victims import PHISHING_RESISTANT

_TACTICS_AFTER_SIGN_IN = ("exfiltration", "persistence", "credential-access", "privilege-escalation")


def stolen_session_cookie(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """An infostealer's copy of the cookie is used beside the victim, in the same session, under the victim's recent
    sign-in."""
    start = choose_start(history, rng)
    tactic = str(rng.choice(["exfiltration", "persistence", "credential-access", "impact"]))
    if rng.random() < 0.5:
        steps = plan_steps(history, rng, "discovery", tactic, own=5)
    else:
        steps = plan_steps(history, rng, tactic, own=6)
    delay = float(rng.exponential(1_500))
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo)
    return as_logged(disguise(batch, history, rng, attacker), history)


def cookie_through_victim(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """Malware sends requests through the victim's own browser (same address, device and session) while the victim is
    idle."""
    start = choose_start(history, rng)
    tactic = str(rng.choice(["exfiltration", "credential-access", "impact"]))
    steps = [
        *plan_steps(history, rng, "discovery", own=2),
        *sample_reading_steps(history, rng, int(rng.poisson(6))),
    ]
    steps += plan_steps(history, rng, tactic, own=0)
    delay = float(rng.exponential(5_400))
    batch = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo, unfamiliar=0.7)
    return as_logged(batch, history)


def mfa_fatigue(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """The password is known already; prompts are sent one after another until the victim approves one."""
    start = choose_start(history, rng, _phishable(history))
    refused = [str(rng.choice(["denied", "failure"])) for _ in range(int(rng.integers(3, 16)))]
    batch = _sign_in_and_act(history, start, rng, attacker, [*refused, "success"], ("pwd", "mfa"), 2)
    return as_logged(batch, history)


def password_spray(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """A few common passwords a day are tried on every account; one is right, and no second factor is asked for."""
    start = choose_start(history, rng, _phishable(history))
    failures = ["failure"] * int(rng.integers(1, 9))
    delay = float(rng.exponential(3_600))
    spray = sign_in_attempts(history, start, rng, outcomes=failures, after_seconds=delay, tempo="patient")
    spray = disguise(spray, history, rng, attacker)
    delay = spray.seconds_to_last(history["time"].iloc[start]) + float(rng.exponential(7_200))
    entry = _sign_in_and_act(history, start, rng, attacker, ["success"], ("pwd",), 1, delay=delay)
    return as_logged(concatenate_batches(spray, entry), history)


def credential_stuffing(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """Passwords leaked from another site are tried, each from another residential address; one still works."""
    start = choose_start(history, rng, _phishable(history))
    delay, attempts = float(rng.exponential(3_600)), []
    for _ in range(int(rng.integers(0, 4))):
        attempt = sign_in_attempts(history, start, rng, outcomes=["failure"], after_seconds=delay, tempo="by_hand")
        attempts.append(change_network(change_device(attempt, history, rng, "other"), rng, "same_country"))
        delay += float(rng.exponential(1_800))
    entry = _sign_in_and_act(history, start, rng, attacker, ["success"], ("pwd",), 1, delay=delay)
    return as_logged(concatenate_batches(*attempts, entry), history)


def helpdesk_reset(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """The helpdesk (or the phone company) is talked into a new factor: a genuine, fresh sign-in on a new device."""
    start = choose_start(history, rng)
    delay = float(rng.exponential(12 * 3_600))
    failures = ["failure"] * int(rng.integers(0, 3))
    batch = _sign_in_and_act(history, start, rng, attacker, [*failures, "success"], ("pwd", "mfa"), 2, delay=delay)
    return as_logged(batch, history)


def oauth_consent_grant(history: Frame, rng: Rng, attacker: Attacker) -> Frame:
    """The victim consents to a malicious application, whose token then reads all it may from the attacker's servers."""
    start = choose_start(history, rng)
    delay, visits = float(rng.exponential(3_600)), []
    for _ in range(int(rng.integers(1, 4))):
        steps = sample_reading_steps(history, rng, int(rng.integers(8, 40)))
        steps += plan_steps(history, rng, "exfiltration", own=0) if rng.random() < 0.5 else []
        visit = perform_steps(history, start, steps, rng, after_seconds=delay, tempo=attacker.tempo, unfamiliar=0.8)
        visits.append(start_new_session(visit, rng, credential=True))
        delay += float(rng.exponential(86_400))
    batch = disguise(concatenate_batches(*visits), history, rng, attacker)
    token = {"device.user_agent": random_service_user_agent(rng), "credential.kind": "oauth_token"}
    return as_logged(batch.with_columns(token), history)


def _phishable(history: Frame) -> pd.Series:
    """By event: whether it was authenticated without a phishing-resistant factor."""
    phishable = [
        not isinstance(amr, Iterable) or not PHISHING_RESISTANT.intersection(amr)
        for amr in history["authentication.amr"]
    ]
    return pd.Series(phishable, history.index)


def _sign_in_and_act(
    history: Frame,
    start: int,
    rng: Rng,
    attacker: Attacker,
    outcomes: list[str],
    amr: tuple[str, ...],
    aal: int,
    delay: float | None = None,
) -> EventBatch:
    """Sign-ins, the last of which succeeds, and what the attacker then does in the new session."""
    delay = float(rng.exponential(2 * 3_600)) if delay is None else delay
    sign_in = sign_in_attempts(history, start, rng, outcomes=outcomes, after_seconds=delay, tempo="by_hand")
    then = sign_in.seconds_to_last(history["time"].iloc[start]) + 3.0
    steps = plan_steps(history, rng, "discovery", str(rng.choice(_TACTICS_AFTER_SIGN_IN)), own=4)
    batch = perform_steps(history, start, steps, rng, after_seconds=then, tempo=attacker.tempo)
    batch = authenticated_with(start_new_session(batch, rng, credential=True), amr, aal)
    return disguise(concatenate_batches(sign_in, batch), history, rng, attacker)
