"""How people lose a session: the cookie, the second factor, the password, or their own restraint."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from training.acts import Acts, joined
from training.deeds import Frame, Rng, act, hidden, moment, plan
from training.intruder import Intruder, attempts, disguised, intruder, new_session, proven
from training.targets import RESISTANT


def stolen_session_cookie(history: Frame, rng: Rng) -> Frame:
    """An infostealer's copy of the cookie is used beside its owner, in the same session, under his fresh proof."""
    at = moment(history, rng)
    who = intruder(rng)
    goal = str(rng.choice(["exfiltration", "persistence", "credential-access", "impact"]))
    done = plan(history, rng, "discovery", goal, own=5) if rng.random() < 0.5 else plan(history, rng, goal, own=6)
    acts = act(history, at, done, rng, after_seconds=float(rng.exponential(1_500)), tempo=who.tempo)
    return hidden(disguised(acts, history, rng, who), history)


def mfa_fatigue(history: Frame, rng: Rng) -> Frame:
    """The password is known already; prompt after prompt is sent until one is approved."""
    at = moment(history, rng, _weakly_proven(history))
    who = intruder(rng, near=(0.0, 0.12, 0.33, 0.35, 0.2), alike=(0.0, 0.45, 0.55))
    refused = [str(rng.choice(["denied", "failure"])) for _ in range(int(rng.integers(3, 16)))]
    return hidden(_let_in(history, at, rng, who, [*refused, "success"], ("pwd", "mfa"), 2), history)


def password_spray(history: Frame, rng: Rng) -> Frame:
    """A few common passwords a day against every account; here one of them is right, and nothing else is asked."""
    at = moment(history, rng, _weakly_proven(history))
    who = intruder(rng, near=(0.0, 0.05, 0.25, 0.5, 0.2), alike=(0.0, 0.35, 0.65))
    tries = ["failure"] * int(rng.integers(1, 9))
    sprayed = attempts(history, at, rng, outcomes=tries, after_seconds=float(rng.exponential(3_600)), tempo="patient")
    sprayed = disguised(sprayed, history, rng, who)
    later = sprayed.last_after(history["time"].iloc[at]) + float(rng.exponential(7_200))
    taken = _let_in(history, at, rng, who, ["success"], ("pwd",), 1, after_seconds=later)
    return hidden(joined(sprayed, taken), history)


def insider_escalation(history: Frame, rng: Rng) -> Frame:
    """The owner himself, from his own desk, gives himself or another door more than he was given."""
    at = moment(history, rng)
    goals = rng.choice(["privilege-escalation", "persistence", "credential-access", "exfiltration"], 2, replace=False)
    tempo = str(rng.choice(["by_hand", "patient"]))
    done = plan(history, rng, *map(str, goals), own=2)
    acts = act(history, at, done, rng, after_seconds=float(rng.exponential(600)), tempo=tempo)
    return hidden(acts, history)


def _weakly_proven(history: Frame) -> pd.Series:
    """Where no factor stood that cannot be talked out of somebody."""
    weak = [not isinstance(amr, Iterable) or not RESISTANT.intersection(amr) for amr in history["authentication.amr"]]
    return pd.Series(weak, history.index)


def _let_in(
    history: Frame,
    at: int,
    rng: Rng,
    who: Intruder,
    outcomes: list[str],
    amr: tuple[str, ...],
    aal: int,
    after_seconds: float | None = None,
) -> Acts:
    """Sign-ins, the last of which succeeds, and what is then done in the new session."""
    after = float(rng.exponential(2 * 3_600)) if after_seconds is None else after_seconds
    entered = attempts(history, at, rng, outcomes=outcomes, after_seconds=after, tempo="by_hand")
    later = entered.last_after(history["time"].iloc[at]) + 3.0
    goal = str(rng.choice(["exfiltration", "persistence", "credential-access", "privilege-escalation"]))
    acts = act(history, at, plan(history, rng, "discovery", goal, own=4), rng, after_seconds=later, tempo=who.tempo)
    acts = proven(new_session(acts, rng, credential=True), amr, aal)
    return disguised(joined(entered, acts), history, rng, who)
