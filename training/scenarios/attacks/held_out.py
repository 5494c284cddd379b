"""Four abuses the model is never trained on: they show what it makes of what nobody thought of.

Written before, and without sight of, the feature definitions. Changed once since, after a first model had been seen:
who phishes a code, or kept a key, no longer imitates the owner's own mix of work to perfection: nobody outside can.
"""

from __future__ import annotations

from training.scenarios.actions import Frame, Rng, act, gathered, hidden, moment, own_steps, plan
from training.scenarios.attacker import Attacker, attempts, disguised, new_session, proven, reclothed
from training.scenarios.event_batch import joined


def phished_device_code(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """Talked into entering a code, the person signs the intruder in: a new session with a true, fresh second factor."""
    at = moment(history, rng)
    wait = float(rng.exponential(5_400))
    entered = attempts(history, at, rng, outcomes=["success"], after_seconds=wait, tempo="by_hand")
    done = [*plan(history, rng, "discovery", own=2), *gathered(history, rng, 2 + int(rng.poisson(6)))]
    done += plan(history, rng, "exfiltration", own=0)
    acts = act(history, at, done, rng, after_seconds=wait + 40.0, tempo=who.tempo, elsewhere=0.7)
    acts = proven(new_session(acts, rng, credential=True), ("pwd", "mfa"), 2)
    both = joined(entered, acts.but({"credential.kind": "oauth_token"}))
    return hidden(disguised(both, history, rng, who), history)


def key_of_somebody_gone(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """Whoever once looked after the key has left, kept a copy, and goes on using it at home, by hand, looking round."""
    at = moment(history, rng)
    visits = []
    wait = float(rng.exponential(3 * 86_400))
    for _ in range(int(rng.integers(1, 4))):
        done = own_steps(history, rng, 5) + gathered(history, rng, int(rng.poisson(4)))
        done += plan(history, rng, "discovery", own=0) if rng.random() < 0.4 else []
        visit = act(history, at, done, rng, after_seconds=wait, tempo=who.tempo, elsewhere=0.6)
        visits.append(new_session(visit, rng))
        wait += float(rng.exponential(86_400))
    return hidden(disguised(joined(*visits), history, rng, who), history)


def poisoned_build(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """A dependency runs along with the job: same machine, client, key and hour, but after what lies around."""
    at = moment(history, rng)
    done = plan(history, rng, "credential-access", "persistence", own=2)
    acts = act(history, at, done, rng, after_seconds=float(rng.exponential(30)), tempo=who.tempo)
    return hidden(reclothed(acts, history, rng, who.likeness), history)


def replayed_agent_token(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """A token an agent left in a transcript is used by hand for the agent's own kind of work, under its last intent."""
    at = moment(history, rng)
    done = [*own_steps(history, rng, int(rng.integers(4, 14))), *plan(history, rng, "discovery", own=1)]
    acts = act(history, at, done, rng, after_seconds=float(rng.exponential(1_800)), tempo=who.tempo)
    return hidden(disguised(acts, history, rng, who), history)
