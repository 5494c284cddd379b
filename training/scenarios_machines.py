"""How machines lose a credential, and how an agent loses its task."""

from __future__ import annotations

import numpy as np
import pandas as pd

from training.acts import Acts, joined
from training.deeds import Frame, Rng, act, hidden, in_cloud, moment, plan
from training.intruder import disguised, intruder, new_session

_UNFINISHED = ("answer the customer and attach the list", "clean up old records", "share the folder as asked")


def stolen_service_key(history: Frame, rng: Rng) -> Frame:
    """A long-lived key copied from a laptop or a backup is used beside the service, which goes on as ever."""
    at = moment(history, rng, _older_half(history))
    acts = _with_the_key(history, at, rng, ("discovery", "credential-access", "exfiltration"), visits=2)
    return hidden(acts, history)


def secret_in_repository(history: Frame, rng: Rng) -> Frame:
    """A key lies in a repository; whoever finds it tries what it can do, mostly by script, mostly within the hour."""
    at = moment(history, rng, history["credential.exposed"].eq(True))
    acts = _with_the_key(history, at, rng, ("credential-access", "execution", "persistence"), visits=1, scripted=True)
    seen = rng.random() < 0.4
    return hidden(acts.but({"credential.exposed": True}) if seen else acts, history)


def instance_role_theft(history: Frame, rng: Rng) -> Frame:
    """The temporary keys of a role are read from its machine and used elsewhere until they expire."""
    at = moment(history, rng)
    who = intruder(rng, near=(0.12, 0.28, 0.15, 0.35, 0.1), alike=(0.2, 0.35, 0.45), tempo=(0.5, 0.4, 0.1))
    goals = rng.choice(
        ["ec2-steal-instance-credentials", "discovery", "credential-access", "exfiltration", "persistence"], 2
    )
    done = plan(history, rng, *map(str, goals), own=6)
    acts = act(history, at, done, rng, after_seconds=float(rng.exponential(2_400)), tempo=who.tempo)
    name = acts.first("device.id")
    stolen = disguised(acts, history, rng, who)
    if in_cloud(history):
        stolen = stolen.but({"device.id": name})
    return hidden(stolen.but({"credential.attested_at": None}) if who.nearness != "same" else stolen, history)


def agent_redirected(history: Frame, rng: Rng) -> Frame:
    """Something the agent read tells it to do another thing: same network, client, token; only the deeds differ."""
    at = moment(history, rng)
    goal = str(rng.choice(["exfiltration", "credential-access", "impact", "execution", "persistence"]))
    done = plan(history, rng, goal, own=2)
    acts = act(history, at, done, rng, after_seconds=float(rng.exponential(20)), tempo="scripted")
    if rng.random() < 0.3:
        acts = acts.but({"session.intent": str(rng.choice(_UNFINISHED))})
    return hidden(acts, history)


def _with_the_key(
    history: Frame, at: int, rng: Rng, goals: tuple[str, ...], visits: int, scripted: bool = False
) -> Acts:
    """One or more visits with the owner's own key, each a session of its own where the log tells sessions apart."""
    who = intruder(rng, near=(0.05, 0.2, 0.2, 0.4, 0.15), alike=(0.1, 0.35, 0.55), tempo=(0.5, 0.4, 0.1))
    wait, seen = float(rng.exponential(1_200 if scripted else 12 * 3_600)), []
    for _ in range(int(rng.integers(1, visits + 1))):
        goal = str(rng.choice(goals))
        done = plan(history, rng, "discovery", goal, own=4) if rng.random() < 0.4 else plan(history, rng, goal, own=5)
        seen.append(new_session(act(history, at, done, rng, after_seconds=wait, tempo=who.tempo), rng))
        wait += float(rng.exponential(86_400))
    return disguised(joined(*seen), history, rng, who)


def _older_half(history: Frame) -> pd.Series:
    """Where the key is at least as old as it usually is."""
    age = (history["time"] - history["credential.issued_at"]).dt.total_seconds()
    return age >= np.nanmedian(age) if age.notna().any() else pd.Series(True, history.index)
