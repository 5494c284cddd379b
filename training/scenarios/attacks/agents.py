"""How an agent loses its task: same network, client and token; only the deeds differ.

Assumed, since no public log shows it request by request (injected tasks of AgentDojo need one to several calls): a
hijacked agent first gathers with tools it has, upon things it never touched, then does what its own work never asks
for, and does so at its own pace. It declares no new task unless told to, and its owner's task goes on around it.
"""

from __future__ import annotations

from training.scenarios.actions import Frame, Rng, act, gathered, hidden, moment, own_steps, plan, technique
from training.scenarios.attacker import Attacker

_UNFINISHED = ("answer the customer and attach the list", "clean up old records", "share the folder as asked")
_GOALS = ("exfiltration", "credential-access", "impact", "execution", "persistence")


def agent_redirected(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """Something the agent read tells it to do another thing, and it does that thing."""
    goals = rng.choice(_GOALS, int(rng.integers(1, 3)), replace=False)
    done = [*gathered(history, rng, 1 + int(rng.poisson(4))), *plan(history, rng, *map(str, goals), own=0)]
    done += gathered(history, rng, int(rng.poisson(2)))
    wait = float(rng.exponential(20))
    acts = act(history, moment(history, rng), done, rng, after_seconds=wait, tempo=who.tempo, elsewhere=0.8)
    if rng.random() < 0.3:
        acts = acts.but({"session.intent": str(rng.choice(_UNFINISHED))})
    return hidden(acts, history)


def poisoned_tool(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """A tool's poisoned description has the agent hand over what it finds, again and again amid its own task."""
    done = []
    for _ in range(int(rng.integers(2, 6))):
        done += own_steps(history, rng, int(rng.integers(0, 3)))
        done += [*gathered(history, rng, 1), *technique(history, rng, "exfiltration")]
    wait = float(rng.exponential(60))
    acts = act(history, moment(history, rng), done, rng, after_seconds=wait, tempo=who.tempo, elsewhere=0.6)
    return hidden(acts, history)
