"""An ordinary life: when each identity acts, what it does, from where, with what. Whole columns at a time.

Everything is known here; what a deployment's log does not know is taken away afterwards (`knowledge.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from training.reference.job_profiles import APPS, CLOUD, IMPACTS, long_tail, steps
from training.simulation.identities import Array, Rng
from training.simulation.parameters import WorldParameters

DAY = 86_400.0
START = np.datetime64("2026-01-05T00:00:00", "us")
"""A Monday."""
_CLOUD = [step for words in CLOUD.values() for step in steps(words)]
_APPS = [step for words in APPS.values() for step in steps(words)]
SIGN_IN = (steps("signin:ConsoleLogin/authenticate")[0], steps("session.sign_in/authenticate")[0])
_TAIL = [step for step in long_tail() if step not in _CLOUD]
STEPS = (*dict.fromkeys([*_CLOUD, *_APPS, *_TAIL]), *SIGN_IN)
"""Every action of the world."""
_PLACE = {step: place for place, step in enumerate(STEPS)}
READING = np.array([step.category in ("read", "list") for step in STEPS])


def draw_sessions(rng: Rng, who: pd.DataFrame, world: WorldParameters) -> pd.DataFrame:
    """One row a session: identity, day, start in seconds, number of events; in order of identity and start."""
    days = np.arange(world.days)
    weekend = np.where(days % 7 >= 5, who["weekend"].to_numpy()[:, None], 1.0)
    awake = (days >= who["first_day"].to_numpy()[:, None]) & (
        rng.random((len(who), world.days)) < who["activity"].to_numpy()[:, None]
    )
    counts = rng.poisson(who["sessions_per_day"].to_numpy()[:, None] * weekend * awake)
    one, day = np.repeat(np.argwhere(counts), counts[counts > 0], axis=0).T
    mine = who.iloc[one].reset_index(drop=True)
    hour = mine["start_hour"] + mine["hours_spread"] * np.abs(rng.normal(0, 1.2, len(one))) - mine["zone"]
    actions = np.ceil(mine["actions"] * rng.lognormal(0, 0.6, len(one)) * np.where(mine["console"], 2.0, 1.0))
    table = pd.DataFrame({"one": one, "day": day, "start": day * DAY + hour * 3_600, "actions": actions.astype(int)})
    table = table.assign(**_signing_in(rng, mine, world), **_whereabouts(rng, mine, day))
    table["actions"] = np.minimum(table["actions"], 150) + table["sign_ins"]
    return table.sort_values(["one", "start"], kind="stable", ignore_index=True)


def _signing_in(rng: Rng, mine: pd.DataFrame, world: WorldParameters) -> dict[str, Array]:
    """Sign-ins at the start of a session, all but the last in vain, and how long ago proof was given."""
    n, human = len(mine), mine["type"].to_numpy() == 0
    shown = human & (rng.random(n) < 0.75)
    mistyped = np.where(rng.random(n) < world.mistyped_sign_ins, rng.geometric(0.6, n), 0)
    missed = np.where(rng.random(n) < world.missed_prompts, rng.geometric(0.6, n), 0)
    return {
        "sign_ins": np.where(shown, 1 + mistyped + missed, 0),
        "missed": np.where(shown, missed, 0),
        "proof_age": np.where(shown, 0.0, rng.exponential(3 * 3_600, n)),
    }


def _whereabouts(rng: Rng, mine: pd.DataFrame, day: Array) -> dict[str, Array]:
    """Network and host of a session, the ones it moves to on the way if it does, and the kind of client."""
    n, human = len(mine), mine["type"].to_numpy() == 0
    away = (day >= mine["trip_day"]) & (day < mine["trip_day"] + mine["trip_days"])
    phone, gateway = rng.random(n) < mine["by_phone"], rng.random(n) < mine["by_gateway"]
    office = rng.random(n) < mine["at_office"]
    cases = [gateway, away, phone, office & human]
    leased, spread = mine["host"] + day // 9, mine["host"] + rng.integers(0, mine["addresses"])
    network = np.select(cases, [mine[c] for c in ("gateway", "abroad", "mobile", "office")], mine["home"])
    host = np.select(
        cases,
        [mine["host"] % 16, mine["host"] + mine["trip_day"] % 97, rng.integers(0, 1 << 16, n), mine["deployment"]],
        np.where(human, leased, spread),
    )
    moves = human & (rng.random(n) < 0.06)
    tunnel = rng.random(n) < 0.4
    return {
        "network": network,
        "host": host,
        "moves_at": np.where(moves, rng.uniform(0.2, 0.9, n), 2.0),
        "next_network": np.where(tunnel, mine["gateway"], mine["mobile"]),
        "next_host": np.where(tunnel, mine["host"] % 16, rng.integers(0, 1 << 16, n)),
        "device_seen": rng.random(n) >= np.where(human, 0.06, 0.02),
        "attested": rng.random(n) >= 0.08,
        "client": np.select([phone, rng.random(n) < mine["by_terminal"], ~human], [1, 2, 3], 0),
    }


def draw_events(rng: Rng, who: pd.DataFrame, sessions: pd.DataFrame, world: WorldParameters) -> dict[str, Array]:
    """Per event: its session, place in it, seconds since START, action and outcome; still numbers only."""
    session = np.repeat(np.arange(len(sessions)), sessions["actions"])
    first = np.r_[0, np.cumsum(sessions["actions"])[:-1]]
    place = np.arange(len(session)) - first[session]
    one = sessions["one"].to_numpy()[session]
    signing = place < sessions["sign_ins"].to_numpy()[session]
    gap, burst = _gaps(rng, who, sessions, session, one, signing)
    gap[place == 0] = 0.0
    total = np.cumsum(gap)
    seconds = sessions["start"].to_numpy()[session] + total - total[first][session]
    action = _actions(rng, who, one, burst, world)
    action[signing] = np.where(who["cloud"].to_numpy()[one[signing]], _PLACE[SIGN_IN[0]], _PLACE[SIGN_IN[1]])
    columns = {"session": session, "one": one, "place": place, "seconds": seconds, "action": action, "burst": burst}
    return columns | {"signing": signing, "outcome": _outcomes(rng, who, sessions, columns | {"signing": signing})}


def _gaps(
    rng: Rng, who: pd.DataFrame, sessions: pd.DataFrame, session: Array, one: Array, signing: Array
) -> tuple[Array, Array]:
    """Seconds since the event before, and whether it came with it: a console's page, an automation's batch."""
    n, kind = len(one), who["type"].to_numpy()[one]
    console = who["console"].to_numpy()[one] & (sessions["client"].to_numpy()[session] == 0)
    together = np.select([console, kind == 0, kind == 3], [0.93, 0.25, 0.2], 0.5)
    burst = (rng.random(n) < together) & ~signing
    usual = who["session_hours"].to_numpy()[one] * 3_600 / sessions["actions"].to_numpy()[session]
    median = np.select([signing, kind == 0, kind == 3], [9.0, 40.0, 5.0], usual)
    pause = median * rng.lognormal(0, np.where(kind == 1, 0.5, 1.2), n)
    return np.where(burst, rng.exponential(0.15, n), np.minimum(pause, 4 * 3_600.0)), burst & console


def _actions(rng: Rng, who: pd.DataFrame, one: Array, burst: Array, world: WorldParameters) -> Array:
    """Mostly from the identity's own repertoire; now and then its job's; rarely anybody's in the same realm."""
    usual = _repertoires(rng, who, world)
    cumulated = np.cumsum(usual, axis=1).astype(np.float32)
    reading = np.cumsum(usual * READING, axis=1).astype(np.float32)
    n = len(one)
    action = np.empty(n, np.int64)
    for part in np.array_split(np.arange(n), max(1, n // 10_000)):
        table = np.where(burst[part, None], reading[one[part]], cumulated[one[part]])
        action[part] = (table < rng.random((len(part), 1), np.float32) * table[:, -1:] * 0.999999).sum(axis=1)
    return np.minimum(action, len(STEPS) - len(SIGN_IN) - 1)


def _repertoires(rng: Rng, who: pd.DataFrame, world: WorldParameters) -> Array:
    """How often each identity does each action; rows sum to 1."""
    exploration = world.exploration
    usual = np.zeros((len(who), len(STEPS)))
    cloud = np.array([step in {*_CLOUD, *_TAIL} for step in STEPS])
    tail = np.array([_PLACE[step] for step in _TAIL])
    for row, (job, on_cloud) in enumerate(zip(who["job"], who["cloud"], strict=True)):
        own = [_PLACE[step] for step in steps((CLOUD | APPS)[job])]
        weight = (np.arange(len(own)) + 1.5) ** -1.2 * rng.lognormal(0, 0.8, len(own))
        weight[1:] *= rng.random(len(own) - 1) < 0.75
        usual[row, own] = weight / weight.sum() * (1 - exploration)
        usual[row, own] += 0.85 * exploration / len(own)
        usual[row, cloud == on_cloud] += 0.15 * exploration / (cloud == on_cloud).sum()
        if on_cloud:
            mine = rng.choice(tail, world.own_rarities, replace=False)
            usual[row] *= 1 - world.rarities
            usual[row, mine] += world.rarities * rng.dirichlet(np.ones(world.own_rarities))
    usual[:, -len(SIGN_IN) :] = 0.0
    shares: Array = usual / usual.sum(axis=1, keepdims=True)
    return shares


def _outcomes(rng: Rng, who: pd.DataFrame, sessions: pd.DataFrame, of: dict[str, Array]) -> Array:
    """0 success, 1 failure, 2 denied: now and then, more where a permission broke, and all sign-ins but the last."""
    n, one, session = len(of["one"]), of["one"], of["session"]
    day = sessions["day"].to_numpy()[session]
    broken = (day >= who["broken_day"].to_numpy()[one]) & (day < who["broken_day"].to_numpy()[one] + 3)
    wrong = rng.random(n) < np.where(broken & (of["action"] % 3 == 0), 0.6, who["failing"].to_numpy()[one])
    vain = of["signing"] & (of["place"] < sessions["sign_ins"].to_numpy()[session] - 1)
    missed = vain & (of["place"] >= (sessions["sign_ins"] - 1 - sessions["missed"]).to_numpy()[session])
    plain = np.where(wrong & ~of["signing"], np.where(broken | (rng.random(n) < 0.5), 2, 1), 0)
    return np.where(missed, 2, np.where(vain, 1, plain))


def step_columns(action: Array) -> dict[str, Any]:
    """What an Event says of these actions."""
    impacts = [IMPACTS[step.category] for step in STEPS]
    said = {
        "action.name": [step.action for step in STEPS],
        "action.category": [step.category for step in STEPS],
        "action.impact": [impact for impact, _ in impacts],
        "action.reversible": [reversible for _, reversible in impacts],
        "resource.type": [step.resource_type for step in STEPS],
    }
    return {name: np.array(values, dtype=object)[action] for name, values in said.items()}
