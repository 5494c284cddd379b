"""For each newer abuse, the ordinary day that looks most like it: who learns the abuse by its looks, blocks this.

Made by the same calls as its twin, so that only what stands in the log can tell them apart.
"""

from __future__ import annotations

from training.reference.job_profiles import INTENTS, LIBRARIES
from training.scenarios.actions import Frame, Rng, act, gathered, hidden, like, moment, plan, technique
from training.scenarios.attacker import attempts, moved, new_session, proven, reclothed
from training.scenarios.event_batch import joined


def migration_script(history: Frame, rng: Rng) -> Frame:
    """Everything is read here and written there, by a script that is run once."""
    read, write = gathered(history, rng, int(rng.integers(15, 60))), technique(history, rng, "lambda-overwrite-code")
    done = [*read, *(write or technique(history, rng, "execution")), *plan(history, rng, own=10)]
    wait = float(rng.exponential(3_600))
    return hidden(
        act(history, moment(history, rng), done, rng, after_seconds=wait, tempo="scripted", elsewhere=0.7), history
    )


def consented_application(history: Frame, rng: Rng) -> Frame:
    """A calendar, a CRM, a backup is rightly let in: its token reads much, from its makers' servers."""
    at, wait, visits = moment(history, rng), float(rng.exponential(7_200)), []
    for _ in range(int(rng.integers(1, 4))):
        visit = act(
            history,
            at,
            gathered(history, rng, int(rng.integers(5, 30))),
            rng,
            after_seconds=wait,
            tempo="scripted",
            elsewhere=0.6,
        )
        visits.append(new_session(visit, rng, credential=True))
        wait += 86_400.0
    client = LIBRARIES[rng.integers(5, len(LIBRARIES))].format(v=rng.integers(126, 136), m=rng.integers(8, 31))
    acts = moved(reclothed(joined(*visits), history, rng, "other"), rng, "rented")
    return hidden(acts.but({"device.user_agent": client, "credential.kind": "oauth_token"}), history)


def handover_before_leaving(history: Frame, rng: Rng) -> Frame:
    """Who leaves in peace reads through years of his own work, to hand it over."""
    at = moment(history, rng)
    wait, visits = float(rng.exponential(3_600)), []
    for _ in range(int(rng.integers(1, 4))):
        read = gathered(history, rng, int(rng.integers(12, 45)))
        visit = act(history, at, read, rng, after_seconds=wait, tempo="by_hand", elsewhere=0.3)
        visits.append(new_session(visit, rng, credential=True))
        wait += 86_400.0
    return hidden(joined(*visits), history)


def role_for_an_incident(history: Frame, rng: Rng) -> Frame:
    """Something is broken next door, and whoever may takes the role that may look there."""
    done = [*plan(history, rng, "lateral-movement", own=4), *gathered(history, rng, int(rng.integers(2, 9)))]
    wait = float(rng.exponential(3_600))
    acts = act(history, moment(history, rng), done, rng, after_seconds=wait, tempo="by_hand", elsewhere=0.5)
    return hidden(new_session(acts, rng, credential=True), history)


def capacity_for_the_sale(history: Frame, rng: Rng) -> Frame:
    """Twenty machines more for the weekend, started one after another."""
    launch = technique(history, rng, "ec2-launch-unusual-instances") or technique(history, rng, "execution")
    done = [*plan(history, rng, own=4), *(launch * int(rng.integers(2, 9)))]
    wait = float(rng.exponential(7_200))
    return hidden(act(history, moment(history, rng), done, rng, after_seconds=wait, tempo="scripted"), history)


def rescheduled_job(history: Frame, rng: Rng) -> Frame:
    """A job that failed at night is started again at noon, from the same place with the same key."""
    wait = float(rng.uniform(3, 21)) * 3_600
    acts = act(history, moment(history, rng), plan(history, rng, own=10), rng, after_seconds=wait, tempo="scripted")
    return hidden(new_session(acts, rng), history)


def factor_replaced(history: Frame, rng: Rng) -> Frame:
    """The telephone fell into the sea: the helpdesk sets a new factor, and the owner signs in with it."""
    at, wait = moment(history, rng), float(rng.exponential(12 * 3_600))
    outcomes = ["failure"] * int(rng.integers(0, 4)) + ["success"]
    entered = attempts(history, at, rng, outcomes=outcomes, after_seconds=wait, tempo="by_hand")
    later = entered.last_after(history["time"].iloc[at]) + 3.0
    acts = act(history, at, plan(history, rng, own=9), rng, after_seconds=later, tempo="by_hand")
    both = joined(entered, proven(new_session(acts, rng, credential=True), ("pwd", "mfa"), 2))
    both = both if rng.random() < 0.5 else both.but({"device.id": like(both.first("device.id"), rng)})
    return hidden(moved(both, rng, str(rng.choice(["same", "neighbour", "countryman"]))), history)


def long_research(history: Frame, rng: Rng) -> Frame:
    """The agent's task is a large one: it reads far more than usual, all of it of the kind it always reads."""
    read = gathered(history, rng, int(rng.integers(12, 50)))
    wait = float(rng.exponential(120))
    acts = act(history, moment(history, rng), read, rng, after_seconds=wait, tempo="scripted", elsewhere=0.7)
    told = rng.random() < 0.5
    return hidden(acts.but({"session.intent": INTENTS[rng.integers(len(INTENTS))]}) if told else acts, history)
