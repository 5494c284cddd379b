"""Legitimate surprises: what looks like abuse and is somebody's ordinary work. Without them every novelty is an alarm.

Made with the same hands as the abuse (`deeds.py`), so that only what is done, from where and when can tell them apart.
To add one, write its function and name it in SITUATIONS. Those of `legitimate_escalation` rightly use more than usual
(another place, another right, another volume), so that blocking them can be counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from features.event.schema import IdentityType
from training.reference.job_profiles import BROWSERS, INTENTS
from training.scenarios.actions import Frame, Rng, act, hidden, like, moment, own_steps, plan
from training.scenarios.attacker import Odds, attempts, disguised, intruder, moved, new_session, proven, reclothed
from training.scenarios.event_batch import Acts, joined
from training.scenarios.hard_negatives import attack_lookalikes

HUMAN: Final = "human"
SERVICE: Final = "service_account"
WORKLOAD: Final = "workload"
AGENT: Final = "agent"


@dataclass(frozen=True)
class Situation:
    """One legitimate surprise; `function` as a Scenario's, without intruder: the acts are the owner's. `strangers`:
    they are not, nothing came of them, and nobody labels them."""

    name: str
    identity_types: tuple[IdentityType, ...]
    function: Callable[[Frame, Rng], Frame]
    legitimate_escalation: bool = False
    strangers: bool = False
    prefers: str | None = None


def _usual(history: Frame, rng: Rng, count: float, tempo: str, after: float, *tactics: str) -> Acts:
    """The owner's own kind of work, and whatever the occasion asks for."""
    done = plan(history, rng, *tactics, own=count)
    return act(history, moment(history, rng), done, rng, after_seconds=float(rng.exponential(after)), tempo=tempo)


def new_laptop(history: Frame, rng: Rng) -> Frame:
    """The old one is handed in: another device, soon managed, often another client, after a fresh sign-in."""
    acts = new_session(_usual(history, rng, 12, "by_hand", 40_000), rng, credential=True)
    acts = proven(reclothed(acts, history, rng, str(rng.choice(["cloned", "other"]))), ("pwd", "mfa"), 2)
    managed = bool(rng.random() < 0.8)
    fresh = {"device.id": like(history["device.id"].iloc[-1], rng), "device.managed": managed}
    fresh["device.compliant"] = bool(rng.random() < (0.9 if managed else 0.4))
    fresh["device.user_agent"] = BROWSERS[rng.integers(len(BROWSERS))].format(v=rng.integers(128, 137))
    return hidden(acts.but(fresh), history)


def conference_travel(history: Frame, rng: Rng) -> Frame:
    """His own laptop on a hotel's or a conference's network, abroad as often as not."""
    acts = new_session(_usual(history, rng, 12, "by_hand", 60_000), rng, credential=True)
    return hidden(moved(acts, rng, str(rng.choice(["countryman", "abroad"]))), history)


def vpn_switched_on(history: Frame, rng: Rng) -> Frame:
    """In the middle of a session the address becomes a gateway's."""
    return hidden(moved(_usual(history, rng, 10, "by_hand", 300), rng, "rented"), history)


def break_glass_at_night(history: Frame, rng: Rng) -> Frame:
    """On call: woken, signed in from home, doing in haste what he seldom does."""
    night = float(rng.uniform(8, 14)) * 3_600
    tactics = rng.choice(["execution", "credential-access", "discovery", "persistence", "privilege-escalation"], 2)
    acts = new_session(_usual(history, rng, 5, "by_hand", 60.0, *map(str, tactics)), rng, credential=True)
    acts = acts.later(night)
    fresh = {"session.started_at": acts.first("time"), "credential.issued_at": acts.first("time")}
    acts = proven(acts.but(fresh), ("hwk", "user") if rng.random() < 0.4 else ("pwd", "mfa"), 2)
    return hidden(moved(acts, rng, str(rng.choice(["same", "neighbour", "countryman"]))), history)


def planned_key_rotation(history: Frame, rng: Rng) -> Frame:
    """A new key, at first beside the old one."""
    acts = _usual(history, rng, 10, "scripted", 3_600, *(["credential-access"] if rng.random() < 0.3 else []))
    issued = {"credential.id": like(acts.first("credential.id"), rng), "credential.issued_at": acts.first("time")}
    return hidden(new_session(acts, rng).but(issued), history)


def deploy_burst(history: Frame, rng: Rng) -> Frame:
    """A deployment or migration script: much at once, some of it never done before."""
    tactics = rng.choice(["execution", "lambda-overwrite-code", "persistence", "discovery"], int(rng.integers(1, 3)))
    return hidden(_usual(history, rng, 25, "scripted", 600, *map(str, tactics)), history)


def first_week(history: Frame, rng: Rng) -> Frame:
    """Before what was its first event: looking round, setting up, being refused."""
    early = act(
        history,
        0,
        plan(history, rng, "discovery", own=9),
        rng,
        after_seconds=-86_400.0 * rng.uniform(0.5, 5),
        tempo="by_hand",
    )
    refused = ["denied" if rng.random() < 0.15 else outcome for outcome in early.columns["action.outcome"]]
    return hidden(new_session(early.but({"action.outcome": refused}), rng, credential=True), history)


def quarter_end_export(history: Frame, rng: Rng) -> Frame:
    """Everything of three months is pulled at once, late in the day."""
    pulled = [*own_steps(history, rng, int(rng.integers(10, 40))), *plan(history, rng, "exfiltration", own=1)]
    tempo = str(rng.choice(["scripted", "by_hand"]))
    return hidden(act(history, moment(history, rng), pulled, rng, after_seconds=1_200.0, tempo=tempo), history)


def autoscaled(history: Frame, rng: Rng) -> Frame:
    """More instances of the same, from addresses never seen."""
    acts = new_session(_usual(history, rng, 12, "scripted", 900), rng, credential=True)
    acts = acts.but({"device.id": like(acts.first("device.id"), rng)})
    return hidden(moved(acts, rng, str(rng.choice(["neighbour", "rented"], p=[0.75, 0.25]))), history)


def moved_provider(history: Frame, rng: Rng) -> Frame:
    """The same job with the same key, from now on elsewhere, often with a newer client."""
    acts = moved(new_session(_usual(history, rng, 12, "scripted", 7_200), rng), rng, "rented")
    return hidden(acts if rng.random() < 0.5 else reclothed(acts, history, rng, "other"), history)


def job_run_by_hand(history: Frame, rng: Rng) -> Frame:
    """A developer runs the job, or looks for its fault, with its own credential from his desk."""
    acts = _usual(history, rng, 8, "by_hand", 5_000, *(["discovery"] if rng.random() < 0.3 else []))
    acts = moved(new_session(acts, rng), rng, str(rng.choice(["same", "countryman", "rented"], p=[0.3, 0.5, 0.2])))
    return hidden(reclothed(acts, history, rng, "other"), history)


def browser_upgrade(history: Frame, rng: Rng) -> Frame:
    """The same session goes on in a newer, or another, browser on the same device."""
    agent = BROWSERS[rng.integers(len(BROWSERS))].format(v=rng.integers(134, 138))
    return hidden(_usual(history, rng, 10, "by_hand", 500).but({"device.user_agent": agent}), history)


def forgotten_password(history: Frame, rng: Rng) -> Frame:
    """Several wrong passwords or missed prompts, then the right one, from the usual place or a cafe."""
    at, wrong = moment(history, rng), str(rng.choice(["failure", "denied"]))
    tried = [wrong] * int(rng.integers(2, 9)) + ["success"]
    after = float(rng.exponential(40_000))
    entered = attempts(history, at, rng, outcomes=tried, after_seconds=after, tempo="by_hand")
    later = entered.last_after(history["time"].iloc[at]) + 3.0
    acts = act(history, at, plan(history, rng, own=8), rng, after_seconds=later, tempo="by_hand")
    both = joined(entered, new_session(acts, rng, credential=True))
    return hidden(moved(both, rng, str(rng.choice(["same", "countryman"], p=[0.7, 0.3]))), history)


def stranger_sprays(history: Frame, rng: Rng) -> Frame:
    """Somebody tries common passwords, as somebody always does, and fails."""
    tries = ["failure"] * int(rng.integers(1, 7))
    after = float(rng.exponential(40_000))
    tried = attempts(history, moment(history, rng), rng, outcomes=tries, after_seconds=after, tempo="patient")
    return hidden(disguised(tried, history, rng, intruder(rng, Odds(near=(0.0, 0.05, 0.2, 0.5, 0.25)))), history)


def new_task(history: Frame, rng: Rng) -> Frame:
    """The agent is given, and declares, another task, and does what it needs."""
    tactics = rng.choice(["exfiltration", "execution", "discovery", "impact", "credential-access"], 1)
    acts = new_session(_usual(history, rng, 8, "scripted", 5_000, *map(str, tactics)), rng, credential=True)
    return hidden(acts.but({"session.intent": INTENTS[rng.integers(len(INTENTS))]}), history)


def access_review(history: Frame, rng: Rng) -> Frame:
    """An auditor, or his script, lists and reads all there is."""
    acts = _usual(history, rng, 3, str(rng.choice(["scripted", "by_hand"])), 3_000, "discovery", "discovery")
    return hidden(acts, history)


SITUATIONS: tuple[Situation, ...] = (
    Situation("new_laptop", (HUMAN,), new_laptop),
    Situation("conference_travel", (HUMAN,), conference_travel, legitimate_escalation=True),
    Situation("vpn_switched_on", (HUMAN,), vpn_switched_on),
    Situation("break_glass_at_night", (HUMAN,), break_glass_at_night, legitimate_escalation=True),
    Situation("planned_key_rotation", (SERVICE, WORKLOAD), planned_key_rotation, legitimate_escalation=True),
    Situation("deploy_burst", (HUMAN, SERVICE, WORKLOAD), deploy_burst, legitimate_escalation=True),
    Situation("first_week", (HUMAN, SERVICE, WORKLOAD, AGENT), first_week, True, prefers="newcomer"),
    Situation("quarter_end_export", (HUMAN, SERVICE), quarter_end_export, legitimate_escalation=True),
    Situation("autoscaled", (WORKLOAD,), autoscaled),
    Situation("moved_provider", (SERVICE, WORKLOAD), moved_provider),
    Situation("job_run_by_hand", (SERVICE, WORKLOAD, AGENT), job_run_by_hand),
    Situation("browser_upgrade", (HUMAN,), browser_upgrade),
    Situation("forgotten_password", (HUMAN,), forgotten_password),
    Situation("stranger_sprays", (HUMAN,), stranger_sprays, strangers=True),
    Situation("new_task", (AGENT,), new_task, legitimate_escalation=True),
    Situation("access_review", (HUMAN, SERVICE, WORKLOAD), access_review),
    Situation("migration_script", (HUMAN, SERVICE), attack_lookalikes.migration_script, legitimate_escalation=True),
    Situation("consented_application", (HUMAN,), attack_lookalikes.consented_application),
    Situation("handover_before_leaving", (HUMAN,), attack_lookalikes.handover_before_leaving),
    Situation(
        "role_for_an_incident",
        (HUMAN, SERVICE, WORKLOAD),
        attack_lookalikes.role_for_an_incident,
        legitimate_escalation=True,
    ),
    Situation(
        "capacity_for_the_sale",
        (SERVICE, WORKLOAD),
        attack_lookalikes.capacity_for_the_sale,
        legitimate_escalation=True,
    ),
    Situation("rescheduled_job", (SERVICE,), attack_lookalikes.rescheduled_job),
    Situation("factor_replaced", (HUMAN,), attack_lookalikes.factor_replaced),
    Situation("long_research", (AGENT,), attack_lookalikes.long_research),
)
