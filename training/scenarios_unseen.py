"""Four abuses the model is never trained on: they show what it makes of what nobody thought of.

Written before, and without sight of, the feature definitions. Nothing here may be tuned to what a model finds.
"""

from __future__ import annotations

from training.acts import joined
from training.deeds import Frame, Rng, act, hidden, moment, own_steps, plan
from training.intruder import attempts, disguised, intruder, moved, new_session, proven, reclothed


def phished_device_code(history: Frame, rng: Rng) -> Frame:
    """Talked into entering a code, the person signs the intruder in: a new session with a true, fresh second factor."""
    at = moment(history, rng)
    who = intruder(rng, near=(0.0, 0.1, 0.3, 0.45, 0.15), alike=(0.0, 0.5, 0.5), tempo=(0.2, 0.3, 0.5))
    wait = float(rng.exponential(5_400))
    entered = attempts(history, at, rng, outcomes=["success"], after_seconds=wait, tempo="by_hand")
    acts = act(history, at, plan(history, rng, "exfiltration", own=9), rng, after_seconds=wait + 40.0, tempo=who.tempo)
    acts = proven(new_session(acts, rng, credential=True), ("pwd", "mfa"), 2)
    both = joined(entered, acts.but({"credential.kind": "oauth_token"}))
    return hidden(disguised(both, history, rng, who), history)


def key_of_somebody_gone(history: Frame, rng: Rng) -> Frame:
    """Whoever once looked after the key has left, kept a copy, and goes on using it at home, as he always has."""
    at = int(rng.integers(2 * len(history) // 3, len(history)))
    who = intruder(rng, near=(0.0, 0.1, 0.7, 0.1, 0.1), alike=(0.0, 0.3, 0.7), tempo=(0.1, 0.6, 0.3))
    visits = []
    wait = float(rng.exponential(3 * 86_400))
    for _ in range(int(rng.integers(1, 4))):
        visit = act(
            history, at, own_steps(history, rng, 8) or plan(history, rng), rng, after_seconds=wait, tempo=who.tempo
        )
        visits.append(new_session(visit, rng))
        wait += float(rng.exponential(86_400))
    return hidden(disguised(joined(*visits), history, rng, who), history)


def poisoned_build(history: Frame, rng: Rng) -> Frame:
    """A dependency runs along with the job: same machine, client, key and hour, but after what lies around."""
    at = moment(history, rng)
    done = plan(history, rng, "credential-access", "persistence", own=2)
    acts = act(history, at, done, rng, after_seconds=float(rng.exponential(30)), tempo="scripted")
    return hidden(acts if rng.random() < 0.7 else reclothed(acts, history, rng, "other"), history)


def replayed_agent_token(history: Frame, rng: Rng) -> Frame:
    """A token an agent left in a transcript is used by hand for the agent's own kind of work, under its last intent."""
    at = moment(history, rng)
    done = [*own_steps(history, rng, int(rng.integers(4, 14))), *plan(history, rng, "discovery", own=1)]
    acts = act(history, at, done, rng, after_seconds=float(rng.exponential(1_800)), tempo="by_hand")
    nearness = str(rng.choice(["neighbour", "countryman", "rented", "abroad"], p=[0.15, 0.4, 0.3, 0.15]))
    acts = reclothed(moved(acts, rng, nearness), history, rng, "other")
    return hidden(acts, history)
