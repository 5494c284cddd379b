"""Legitimate activity: when each identity acts, what it does, from where and with what; whole columns at a time.

Nothing is unknown here. What a deployment's log does not record is removed afterwards (`missing_fields.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from training.reference.job_profiles import (
    APPLICATION_JOBS,
    CLOUD_JOBS,
    IMPACT_BY_CATEGORY,
    parse_steps,
    rare_cloud_actions,
)
from training.simulation.identities import AGENT, HUMAN, SERVICE, Array, Rng
from training.simulation.low_discrepancy import pick_share
from training.simulation.parameters import WorldParameters

DAY = 86_400.0
START = np.datetime64("2026-01-05T00:00:00", "us")
"""The first moment of every world, a Monday."""
BROWSER, PHONE, TERMINAL, LIBRARY = range(4)
"""Kinds of clients by number."""
SUCCESS, FAILURE, DENIED = range(3)
"""Outcomes by number."""
_CLOUD_STEPS = [step for text in CLOUD_JOBS.values() for step in parse_steps(text)]
_APPLICATION_STEPS = [step for text in APPLICATION_JOBS.values() for step in parse_steps(text)]
_RARE_STEPS = [step for step in rare_cloud_actions() if step not in _CLOUD_STEPS]
SIGN_INS = (parse_steps("signin:ConsoleLogin/authenticate")[0], parse_steps("session.sign_in/authenticate")[0])
"""The sign-in to a cloud, and the one to an application."""
STEPS = (*dict.fromkeys([*_CLOUD_STEPS, *_APPLICATION_STEPS, *_RARE_STEPS]), *SIGN_INS)
"""Every action of the world; elsewhere an action is its number in this tuple."""
_NUMBER = {step: number for number, step in enumerate(STEPS)}
_READS = np.array([step.category in ("read", "list") for step in STEPS])
_ROWS_PER_DRAW = 10_000
_LONGEST_SESSION = 150
_BROKEN_DAYS = 3
_BROKEN_DENIAL_RATE = 0.6
_TRAVEL_HOSTS = 97
_UNTIMED_GAP_SECONDS = 20.0


def draw_sessions(rng: Rng, identities: pd.DataFrame, parameters: WorldParameters) -> pd.DataFrame:
    """One row per session, in order of identity and start: identity (row number), day, start in seconds since START,
    number of events, sign-ins, networks and client."""
    days = np.arange(parameters.days)
    weekend = np.where(days % 7 >= 5, identities["weekend"].to_numpy()[:, None], 1.0)
    active = (days >= identities["first_day"].to_numpy()[:, None]) & (
        rng.random((len(identities), parameters.days)) < identities["activity"].to_numpy()[:, None]
    )
    counts = rng.poisson(identities["sessions_per_day"].to_numpy()[:, None] * weekend * active)
    identity, day = np.repeat(np.argwhere(counts), counts[counts > 0], axis=0).T
    owner = identities.iloc[identity].reset_index(drop=True)
    hour = owner["start_hour"] + owner["hours_spread"] * np.abs(rng.normal(0, 1.2, len(identity))) - owner["zone"]
    console = np.where(owner["console"], 2.0, 1.0)
    actions = np.ceil(owner["actions"] * rng.lognormal(0, 0.6, len(identity)) * console).astype(int)
    sessions = pd.DataFrame({"identity": identity, "day": day, "start": day * DAY + hour * 3_600})
    sessions = sessions.assign(
        **_draw_sign_ins(rng, owner, parameters), **_draw_networks_and_client(rng, owner, day, parameters)
    )
    others = np.where(owner["sign_ins_only"], 0, np.minimum(actions, _LONGEST_SESSION))
    sessions["actions"] = others + sessions["sign_ins"]
    sessions = sessions.sort_values(["identity", "start"], kind="stable", ignore_index=True)
    return _space_untimed_evenly(sessions, identities, parameters)


def _space_untimed_evenly(
    sessions: pd.DataFrame, identities: pd.DataFrame, parameters: WorldParameters
) -> pd.DataFrame:
    """The sessions, where the log knows their order alone, at even distances over the days of the world."""
    by_identity = sessions.groupby("identity")["start"]
    share = (by_identity.cumcount() + 0.5) / by_identity.transform("size")
    untimed = identities["untimed"].to_numpy()[sessions["identity"]]
    start = np.where(untimed, share * parameters.days * DAY, sessions["start"])
    return sessions.assign(start=start, day=np.where(untimed, start // DAY, sessions["day"]).astype(int))


def _draw_sign_ins(rng: Rng, owner: pd.DataFrame, parameters: WorldParameters) -> dict[str, Array]:
    """By session: sign-ins at its start (all but the last fail), missed prompts among them, and the age of the proof of
    identity in seconds."""
    n, human = len(owner), owner["type"].to_numpy() == HUMAN
    signs_in = (human & (rng.random(n) < 0.75)) | owner["sign_ins_only"].to_numpy()
    mistyped = np.where(rng.random(n) < parameters.mistyped_sign_ins, rng.geometric(0.6, n), 0)
    missed = np.where(rng.random(n) < parameters.missed_prompts, rng.geometric(0.6, n), 0)
    return {
        "sign_ins": np.where(signs_in, 1 + mistyped + missed, 0),
        "missed": np.where(signs_in, missed, 0),
        "proof_age": np.where(signs_in, 0.0, rng.exponential(3 * 3_600, n)),
    }


def _draw_networks_and_client(
    rng: Rng, owner: pd.DataFrame, day: Array, parameters: WorldParameters
) -> dict[str, Array]:
    """By session: network and host, those it moves to on the way (at `moves_at` of its events), and kind of client."""
    n, human = len(owner), owner["type"].to_numpy() == HUMAN
    away = (day >= owner["trip_day"]) & (day < owner["trip_day"] + owner["trip_days"])
    phone, gateway = rng.random(n) < owner["by_phone"], rng.random(n) < owner["by_gateway"]
    office = rng.random(n) < owner["at_office"]
    cases = [gateway, away, phone, office & human]
    gateway_host = owner["host"] % parameters.gateway_addresses
    travel_host = owner["host"] + owner["trip_day"] % _TRAVEL_HOSTS
    leased = owner["host"] + day // parameters.address_lease_days
    spread = owner["host"] + rng.integers(0, owner["addresses"])
    networks = [owner[name] for name in ("gateway", "abroad", "mobile", "office")]
    hosts: list[Any] = [gateway_host, travel_host, rng.integers(0, 1 << 16, n), owner["deployment"]]
    moves = human & (rng.random(n) < 0.06)
    to_gateway = rng.random(n) < 0.4
    return {
        "network": np.select(cases, networks, owner["home"]),
        "host": np.select(cases, hosts, np.where(human, leased, spread)),
        "moves_at": np.where(moves, rng.uniform(0.2, 0.9, n), 2.0),
        "next_network": np.where(to_gateway, owner["gateway"], owner["mobile"]),
        "next_host": np.where(to_gateway, gateway_host, rng.integers(0, 1 << 16, n)),
        "device_seen": rng.random(n) >= np.where(human, 0.06, 0.02),
        "attested": rng.random(n) >= 0.08,
        "client": np.select([phone, rng.random(n) < owner["by_terminal"], ~human], [PHONE, TERMINAL, LIBRARY], BROWSER),
    }


def draw_events(
    rng: Rng, identities: pd.DataFrame, sessions: pd.DataFrame, parameters: WorldParameters
) -> dict[str, Array]:
    """By event, still as numbers: session and identity (row numbers), position in the session, seconds since START,
    action (in STEPS), outcome, whether it is a sign-in."""
    session = np.repeat(np.arange(len(sessions)), sessions["actions"])
    first = np.r_[0, np.cumsum(sessions["actions"])[:-1]]
    position = np.arange(len(session)) - first[session]
    identity = sessions["identity"].to_numpy()[session]
    sign_in = position < sessions["sign_ins"].to_numpy()[session]
    gap, on_page = _draw_gaps(rng, identities, sessions, session, identity, sign_in)
    gap[position == 0] = 0.0
    elapsed = np.cumsum(gap)
    seconds = sessions["start"].to_numpy()[session] + elapsed - elapsed[first][session]
    action = _draw_actions(rng, identities, identity, on_page, parameters)
    on_cloud = identities["cloud"].to_numpy()[identity[sign_in]]
    action[sign_in] = np.where(on_cloud, _NUMBER[SIGN_INS[0]], _NUMBER[SIGN_INS[1]])
    events = {"session": session, "identity": identity, "position": position, "seconds": seconds}
    events |= {"action": action, "sign_in": sign_in}
    return events | {"outcome": _draw_outcomes(rng, identities, sessions, events, parameters)}


def _draw_gaps(
    rng: Rng, identities: pd.DataFrame, sessions: pd.DataFrame, session: Array, identity: Array, sign_in: Array
) -> tuple[Array, Array]:
    """By event: seconds since the event before, and whether both belong to the same page of a web console.

    Events come in bursts: a console's page and an automation's batch follow each other within fractions of a second.
    """
    n, kind = len(identity), identities["type"].to_numpy()[identity]
    console = identities["console"].to_numpy()[identity] & (sessions["client"].to_numpy()[session] == BROWSER)
    burst_share = np.select([console, kind == HUMAN, kind == AGENT], [0.93, 0.25, 0.2], 0.5)
    burst = (rng.random(n) < burst_share) & ~sign_in
    usual = identities["session_hours"].to_numpy()[identity] * 3_600 / sessions["actions"].to_numpy()[session]
    median = np.select([sign_in, kind == HUMAN, kind == AGENT], [9.0, 40.0, 5.0], usual)
    pause = median * rng.lognormal(0, np.where(kind == SERVICE, 0.5, 1.2), n)
    gap = np.where(burst, rng.exponential(0.15, n), np.minimum(pause, 4 * 3_600.0))
    untimed = identities["untimed"].to_numpy()[identity]
    return np.where(untimed, _UNTIMED_GAP_SECONDS, gap), burst & console


def _draw_actions(
    rng: Rng, identities: pd.DataFrame, identity: Array, on_page: Array, parameters: WorldParameters
) -> Array:
    """By event: an action of the identity's own repertoire; on a console's page, one of its reads."""
    repertoires = _draw_repertoires(rng, identities, parameters)
    cumulative = np.cumsum(repertoires, axis=1).astype(np.float32)
    cumulative_reads = np.cumsum(repertoires * _READS, axis=1).astype(np.float32)
    n = len(identity)
    action = np.empty(n, np.int64)
    for rows in np.array_split(np.arange(n), max(1, n // _ROWS_PER_DRAW)):
        table = np.where(on_page[rows, None], cumulative_reads[identity[rows]], cumulative[identity[rows]])
        action[rows] = (table < rng.random((len(rows), 1), np.float32) * table[:, -1:] * 0.999999).sum(axis=1)
    return np.minimum(action, len(STEPS) - len(SIGN_INS) - 1)


def _draw_repertoires(rng: Rng, identities: pd.DataFrame, parameters: WorldParameters) -> Array:
    """How often each identity does each action, shape (identities, actions); rows sum to 1.

    Mostly its job's actions, some more than others; now and then any of its job's, or any of the cloud's or of all
    applications'; in the cloud also a few rare actions of its own.
    """
    exploration, rare_count = parameters.exploration, parameters.rare_actions_per_identity
    frequency = np.zeros((len(identities), len(STEPS)))
    cloud_steps = {*_CLOUD_STEPS, *_RARE_STEPS}
    is_cloud = np.array([step in cloud_steps for step in STEPS])
    rare = np.array([_NUMBER[step] for step in _RARE_STEPS])
    for row, (job, on_cloud) in enumerate(zip(identities["job"], identities["cloud"], strict=True)):
        own = [_NUMBER[step] for step in parse_steps((CLOUD_JOBS | APPLICATION_JOBS)[job])]
        weight = (np.arange(len(own)) + 1.5) ** -1.2 * rng.lognormal(0, 0.8, len(own))
        weight[1:] *= rng.random(len(own) - 1) < 0.75
        frequency[row, own] = weight / weight.sum() * (1 - exploration)
        frequency[row, own] += 0.85 * exploration / len(own)
        frequency[row, is_cloud == on_cloud] += 0.15 * exploration / (is_cloud == on_cloud).sum()
        if on_cloud:
            own_rare = rng.choice(rare, rare_count, replace=False)
            frequency[row] *= 1 - parameters.rare_action_share
            frequency[row, own_rare] += parameters.rare_action_share * rng.dirichlet(np.ones(rare_count))
    frequency[:, -len(SIGN_INS) :] = 0.0
    shares: Array = frequency / frequency.sum(axis=1, keepdims=True)
    return shares


def _draw_outcomes(
    rng: Rng, identities: pd.DataFrame, sessions: pd.DataFrame, events: dict[str, Array], parameters: WorldParameters
) -> Array:
    """By event: failures and denials now and then, more while a permission is broken; all sign-ins but a session's last
    fail."""
    n, identity, session = len(events["identity"]), events["identity"], events["session"]
    day = sessions["day"].to_numpy()[session]
    broken_day = identities["broken_day"].to_numpy()[identity]
    broken = (day >= broken_day) & (day < broken_day + _BROKEN_DAYS)
    affected = pick_share(np.arange(len(STEPS)), parameters.broken_actions, base=3)[events["action"]]
    failure_rate = np.where(broken & affected, _BROKEN_DENIAL_RATE, identities["failing"].to_numpy()[identity])
    wrong = rng.random(n) < failure_rate
    vain = events["sign_in"] & (events["position"] < sessions["sign_ins"].to_numpy()[session] - 1)
    first_missed = (sessions["sign_ins"] - 1 - sessions["missed"]).to_numpy()[session]
    missed = vain & (events["position"] >= first_missed)
    reason = np.where(broken | (rng.random(n) < 0.5), DENIED, FAILURE)
    usual = np.where(wrong & ~events["sign_in"], reason, SUCCESS)
    return np.where(missed, DENIED, np.where(vain, FAILURE, usual))


def action_columns(action: Array) -> dict[str, Any]:
    """The Event's `action.*` columns (without the outcome) and `resource.type` of these actions, each of shape (n,)."""
    impacts = [IMPACT_BY_CATEGORY[step.category] for step in STEPS]
    columns = {
        "action.name": [step.action for step in STEPS],
        "action.category": [step.category for step in STEPS],
        "action.impact": [impact for impact, _ in impacts],
        "action.reversible": [reversible for _, reversible in impacts],
        "resource.type": [step.resource_type for step in STEPS],
    }
    return {name: np.array(values, dtype=object)[action] for name, values in columns.items()}
