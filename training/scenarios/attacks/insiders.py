"""What people do with doors that are rightly open to them.

Assumed, since public cases tell little of it request by request: an insider does not stop at opening a door but goes
through it, to things he never touched; three in ten wait until their own working hours are over.
"""

from __future__ import annotations

from training.scenarios.actions import Frame, Rng, act, gathered, hidden, moment, plan
from training.scenarios.attacker import Attacker, new_session
from training.scenarios.event_batch import joined

_AFTER_HOURS = 0.3


def insider_escalation(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """The owner himself, from his own desk, gives himself or another door more than he was given, and uses it."""
    goals = rng.choice(["privilege-escalation", "persistence", "credential-access", "exfiltration"], 2, replace=False)
    done = [*plan(history, rng, *map(str, goals), own=2), *gathered(history, rng, int(rng.poisson(5)))]
    wait = float(rng.exponential(600))
    acts = act(history, moment(history, rng), done, rng, after_seconds=wait, tempo=who.tempo, elsewhere=0.7)
    late = rng.random() < _AFTER_HOURS
    return hidden(new_session(acts.later(float(rng.uniform(6, 11)) * 3_600), rng) if late else acts, history)


def insider_hoarding(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """Before leaving, day after day, everything within reach is read and taken along: no new door, only volume."""
    at = moment(history, rng)
    wait, visits = float(rng.exponential(3_600)), []
    for _ in range(int(rng.integers(2, 6))):
        taken = gathered(history, rng, int(rng.integers(15, 60)))
        visit = act(history, at, taken, rng, after_seconds=wait, tempo=who.tempo, elsewhere=0.8)
        visits.append(new_session(visit, rng, credential=True))
        wait += 86_400.0 + float(rng.normal(0, 3_600))
    return hidden(joined(*visits), history)
