"""How people lose a session or an account: the cookie, the second factor, the password, the helpdesk, a consent."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from training.reference.job_profiles import LIBRARIES
from training.scenarios.actions import Frame, Rng, act, gathered, hidden, moment, plan
from training.scenarios.attacker import Attacker, attempts, disguised, moved, new_session, proven, reclothed
from training.scenarios.event_batch import Acts, joined
from training.scenarios.victims import RESISTANT

_AFTER_ENTRY = ("exfiltration", "persistence", "credential-access", "privilege-escalation")


def stolen_session_cookie(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """An infostealer's copy of the cookie is used beside its owner, in the same session, under his fresh proof."""
    at = moment(history, rng)
    goal = str(rng.choice(["exfiltration", "persistence", "credential-access", "impact"]))
    done = plan(history, rng, "discovery", goal, own=5) if rng.random() < 0.5 else plan(history, rng, goal, own=6)
    acts = act(history, at, done, rng, after_seconds=float(rng.exponential(1_500)), tempo=who.tempo)
    return hidden(disguised(acts, history, rng, who), history)


def cookie_through_victim(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """Malware sends its requests through the owner's own browser: his address, device and session, while he rests."""
    at = moment(history, rng)
    goal = str(rng.choice(["exfiltration", "credential-access", "impact"]))
    done = [*plan(history, rng, "discovery", own=2), *gathered(history, rng, int(rng.poisson(6)))]
    done += plan(history, rng, goal, own=0)
    acts = act(history, at, done, rng, after_seconds=float(rng.exponential(5_400)), tempo=who.tempo, elsewhere=0.7)
    return hidden(acts, history)


def mfa_fatigue(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """The password is known already; prompt after prompt is sent until one is approved."""
    at = moment(history, rng, _weakly_proven(history))
    refused = [str(rng.choice(["denied", "failure"])) for _ in range(int(rng.integers(3, 16)))]
    return hidden(_let_in(history, at, rng, who, [*refused, "success"], ("pwd", "mfa"), 2), history)


def password_spray(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """A few common passwords a day against every account; here one of them is right, and nothing else is asked."""
    at = moment(history, rng, _weakly_proven(history))
    tries = ["failure"] * int(rng.integers(1, 9))
    sprayed = attempts(history, at, rng, outcomes=tries, after_seconds=float(rng.exponential(3_600)), tempo="patient")
    sprayed = disguised(sprayed, history, rng, who)
    later = sprayed.last_after(history["time"].iloc[at]) + float(rng.exponential(7_200))
    taken = _let_in(history, at, rng, who, ["success"], ("pwd",), 1, after_seconds=later)
    return hidden(joined(sprayed, taken), history)


def credential_stuffing(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """Passwords from another site's leak are tried, each from another home's address; one still opens."""
    at = moment(history, rng, _weakly_proven(history))
    wait, tried = float(rng.exponential(3_600)), []
    for _ in range(int(rng.integers(0, 4))):
        attempt = attempts(history, at, rng, outcomes=["failure"], after_seconds=wait, tempo="by_hand")
        tried.append(moved(reclothed(attempt, history, rng, "other"), rng, "countryman"))
        wait += float(rng.exponential(1_800))
    taken = _let_in(history, at, rng, who, ["success"], ("pwd",), 1, after_seconds=wait)
    return hidden(joined(*tried, taken), history)


def helpdesk_reset(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """The helpdesk (or the telephone company) is talked into a new factor: a true, fresh sign-in on a new device."""
    at = moment(history, rng)
    wait = float(rng.exponential(12 * 3_600))
    stumbles = ["failure"] * int(rng.integers(0, 3))
    acts = _let_in(history, at, rng, who, [*stumbles, "success"], ("pwd", "mfa"), 2, after_seconds=wait)
    return hidden(acts, history)


def oauth_consent_grant(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """The person consents to an application, whose token then reads all it may, from its makers' servers."""
    at, wait, visits = moment(history, rng), float(rng.exponential(3_600)), []
    for _ in range(int(rng.integers(1, 4))):
        done = gathered(history, rng, int(rng.integers(8, 40)))
        done += plan(history, rng, "exfiltration", own=0) if rng.random() < 0.5 else []
        visit = act(history, at, done, rng, after_seconds=wait, tempo=who.tempo, elsewhere=0.8)
        visits.append(new_session(visit, rng, credential=True))
        wait += float(rng.exponential(86_400))
    taken = disguised(joined(*visits), history, rng, who)
    client = LIBRARIES[rng.integers(5, len(LIBRARIES))].format(v=rng.integers(126, 136), m=rng.integers(8, 31))
    return hidden(taken.but({"device.user_agent": client, "credential.kind": "oauth_token"}), history)


def _weakly_proven(history: Frame) -> pd.Series:
    """Where no factor stood that cannot be talked out of somebody."""
    weak = [not isinstance(amr, Iterable) or not RESISTANT.intersection(amr) for amr in history["authentication.amr"]]
    return pd.Series(weak, history.index)


def _let_in(
    history: Frame,
    at: int,
    rng: Rng,
    who: Attacker,
    outcomes: list[str],
    amr: tuple[str, ...],
    aal: int,
    after_seconds: float | None = None,
) -> Acts:
    """Sign-ins, the last of which succeeds, and what is then done in the new session."""
    after = float(rng.exponential(2 * 3_600)) if after_seconds is None else after_seconds
    entered = attempts(history, at, rng, outcomes=outcomes, after_seconds=after, tempo="by_hand")
    later = entered.last_after(history["time"].iloc[at]) + 3.0
    done = plan(history, rng, "discovery", str(rng.choice(_AFTER_ENTRY)), own=4)
    acts = act(history, at, done, rng, after_seconds=later, tempo=who.tempo)
    acts = proven(new_session(acts, rng, credential=True), amr, aal)
    return disguised(joined(entered, acts), history, rng, who)
