"""How machines lose a credential, and what is done with it."""

from __future__ import annotations

from training.scenarios.actions import Frame, Rng, act, gathered, hidden, in_cloud, like, moment, plan, technique
from training.scenarios.attacker import Attacker, disguised, new_session
from training.scenarios.event_batch import Acts, joined


def stolen_service_key(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """A long-lived key copied from a laptop or a backup is used beside the service, which goes on as ever."""
    at = moment(history, rng)
    wait = float(rng.exponential(12 * 3_600))
    goals = ("discovery", "credential-access", "exfiltration")
    return hidden(_with_the_key(history, at, rng, who, goals, visits=2, wait=wait), history)


def secret_in_repository(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """A key lies in a repository; whoever finds it tries what it can do, mostly by script, mostly within the hour."""
    at = moment(history, rng, history["credential.exposed"].eq(True))
    wait = float(rng.exponential(1_200))
    goals = ("credential-access", "execution", "persistence")
    acts = _with_the_key(history, at, rng, who, goals, visits=1, wait=wait)
    seen = rng.random() < 0.4
    return hidden(acts.but({"credential.exposed": True}) if seen else acts, history)


def instance_role_theft(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """The temporary keys of a role are read from its machine and used elsewhere until they expire."""
    at = moment(history, rng)
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


def leaked_ci_token(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """A build prints its token into a log that others read: used at once, in the job's own session, while it lives."""
    at = moment(history, rng)
    goals = rng.choice(["credential-access", "persistence", "execution", "lambda-overwrite-code"], 2, replace=False)
    done = plan(history, rng, *map(str, goals), own=1)
    acts = act(history, at, done, rng, after_seconds=float(rng.exponential(900)), tempo=who.tempo)
    return hidden(disguised(acts, history, rng, who), history)


def cron_key_off_schedule(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """The key of a job that runs by the clock is used at another hour, often from within the house."""
    at = moment(history, rng)
    goal = str(rng.choice(["exfiltration", "credential-access", "discovery"]))
    done = plan(history, rng, goal, own=6)
    wait = float(rng.uniform(3, 21)) * 3_600
    acts = new_session(act(history, at, done, rng, after_seconds=wait, tempo=who.tempo), rng)
    return hidden(disguised(acts, history, rng, who), history)


def assumed_role_chain(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """From one role into the next: fresh credentials in the same name, used on what the first never touched."""
    at = moment(history, rng)
    done = [*plan(history, rng, "lateral-movement", own=2), *technique(history, rng, "credential-access")]
    done += gathered(history, rng, int(rng.poisson(4)))
    wait = float(rng.exponential(1_800))
    acts = act(history, at, done, rng, after_seconds=wait, tempo=who.tempo, elsewhere=0.8)
    return hidden(disguised(new_session(acts, rng, credential=True), history, rng, who), history)


def token_from_another_pod(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """Out of a container and into a neighbour's token: same cluster and network, another instance, never attested."""
    at = moment(history, rng)
    done = plan(history, rng, "discovery", str(rng.choice(["credential-access", "execution", "exfiltration"])), own=3)
    acts = act(history, at, done, rng, after_seconds=float(rng.exponential(1_200)), tempo=who.tempo)
    taken = disguised(acts, history, rng, who)
    return hidden(taken.but({"device.id": like(acts.first("device.id"), rng), "credential.attested_at": None}), history)


def cryptomining(history: Frame, rng: Rng, who: Attacker) -> Frame:
    """A key is good for machines: as many are started as it may, again and again, and most of it is refused."""
    at = moment(history, rng, history["credential.exposed"].eq(True))
    launch = technique(history, rng, "ec2-launch-unusual-instances") or technique(history, rng, "execution")
    done = [*plan(history, rng, "discovery", own=1), *(launch * int(rng.integers(3, 12)))]
    acts = act(history, at, done, rng, after_seconds=float(rng.exponential(6 * 3_600)), tempo=who.tempo)
    return hidden(disguised(new_session(acts, rng), history, rng, who), history)


def _with_the_key(
    history: Frame, at: int, rng: Rng, who: Attacker, goals: tuple[str, ...], visits: int, wait: float
) -> Acts:
    """One or more visits with the owner's own key, each a session of its own where the log tells sessions apart."""
    seen = []
    for _ in range(int(rng.integers(1, visits + 1))):
        goal = str(rng.choice(goals))
        done = plan(history, rng, "discovery", goal, own=4) if rng.random() < 0.4 else plan(history, rng, goal, own=5)
        seen.append(new_session(act(history, at, done, rng, after_seconds=wait, tempo=who.tempo), rng))
        wait += float(rng.exponential(86_400))
    return disguised(joined(*seen), history, rng, who)
