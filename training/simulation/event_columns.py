"""What the log would write down of each event, were everything known: the Event's flat columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from training.reference.job_profiles import BROWSERS, FRONT_ENDS, INTENTS, LIBRARIES, PHONES, TERMINALS
from training.reference.networks import facts
from training.simulation.activity import DAY, START, step_columns
from training.simulation.identities import FACTORS, TYPES, Array, Rng

_CLIENTS = (BROWSERS, PHONES, TERMINALS, LIBRARIES)
NOTHING: Array = np.array(None, dtype=object)
_LEVELS = np.array(["public", "internal", "confidential", "restricted"], dtype=object)
_PLACES = np.array(["production", "staging", "development"], dtype=object)
_OUTCOMES = np.array(["success", "failure", "denied"], dtype=object)


def columns(rng: Rng, who: pd.DataFrame, sessions: pd.DataFrame, of: dict[str, Array]) -> dict[str, Any]:
    """Every column of the Event by its flat name, one value an event."""
    mine = {name: who[name].to_numpy()[of["one"]] for name in who.columns}
    day = sessions["day"].to_numpy()[of["session"]]
    base = sessions["start"].to_numpy()[of["session"]]
    attested = sessions["attested"].to_numpy()[of["session"]]
    credential = _credential(mine, of, base, day, attested)
    return {
        "id": _texts("{:016x}", rng.integers(0, 1 << 62, len(day))),
        "time": _times(of["seconds"]),
        **_identity(mine, day),
        **_session(mine, of, base, credential["credential.id"]),
        **step_columns(of["action"]),
        "action.outcome": _OUTCOMES[of["outcome"]],
        **_resource(rng, mine, of),
        **_network(sessions, of),
        **_device(mine, sessions, of, day),
        **_authentication(mine, sessions, of, base),
        **credential,
    }


def _times(seconds: Array) -> Array:
    return START + (np.asarray(seconds) * 1e6).astype("timedelta64[us]")


def _texts(pattern: str, *numbers: Array) -> Array:
    """A text for each distinct combination of numbers, spread over the rows."""
    if len(numbers) == 1:
        distinct, place = np.unique(numbers[0], return_inverse=True)
        made = [pattern.format(value) for value in distinct.tolist()]
    else:
        coded = np.zeros(len(numbers[0]), np.int64)
        for values in numbers:
            coded = coded * (1 << 20) + values.astype(np.int64)
        _, first, place = np.unique(coded, return_index=True, return_inverse=True)
        made = [pattern.format(*row) for row in zip(*(values[first].tolist() for values in numbers), strict=True)]
    return np.array(made, dtype=object)[place]


def _identity(mine: dict[str, Array], day: Array) -> dict[str, Any]:
    kind, jobs = np.array(TYPES, dtype=object), np.asarray(mine["job"])
    return {
        "identity.id": _texts("id-{:05d}", mine["number"]),
        "identity.type": kind[mine["type"]],
        "identity.role": jobs,
        "identity.entitlements_granted": mine["granted"].astype(int),
        "identity.entitlements_used_90d": np.floor(mine["granted"] * mine["used_share"]).astype(int),
    }


def _session(mine: dict[str, Array], of: dict[str, Array], base: Array, key: Array) -> dict[str, Any]:
    """A cloud's long-lived key has no other session than itself."""
    keyed = mine["long_lived"] & mine["cloud"]
    own = _texts("s-{:08x}", of["session"] * 2_654_435_761 % (1 << 32))
    intent = np.array(INTENTS, dtype=object)[(mine["number"] + of["session"] % 2) % len(INTENTS)]
    return {
        "session.id": np.where(keyed, key, own),
        "session.started_at": np.where(keyed, np.datetime64("NaT"), _times(base)),
        "session.intent": np.where(mine["type"] == 3, intent, NOTHING),
    }


def _resource(rng: Rng, mine: dict[str, Array], of: dict[str, Array]) -> dict[str, Any]:
    """A deployment's resources are shared; each identity mostly uses a few of its own corner."""
    n = len(of["one"])
    near = np.minimum(rng.geometric(np.minimum(0.9, 3 / mine["resources"]), n), mine["resources"])
    number = np.where(rng.random(n) < 0.02, rng.integers(0, 500, n), mine["first_resource"] + near) % 500
    code = (number * 7_919 + mine["deployment"] * 104_729) % 1_000
    listed = np.isin(step_columns(of["action"])["action.category"], ("list", "authenticate"))
    nameless = of["signing"] | (listed & (rng.random(n) < 0.6))
    elsewhere = rng.random(n) < np.where(mine["type"] == 0, 0.2, 0.01)
    environment = np.where(elsewhere, code % 3, mine["environment"])
    level = np.searchsorted([150, 700, 920], code, side="right")
    return {
        "resource.id": np.where(nameless, NOTHING, _texts("r-{:03d}-{:04d}", mine["site"], number)),
        "resource.sensitivity": np.where(nameless, NOTHING, _LEVELS[level]),
        "resource.environment": np.where(nameless, NOTHING, _PLACES[environment]),
    }


def _network(sessions: pd.DataFrame, of: dict[str, Array]) -> dict[str, Array]:
    at = {name: sessions[name].to_numpy()[of["session"]] for name in sessions.columns}
    moved = of["place"] >= at["moves_at"] * at["actions"]
    network = np.where(moved, at["next_network"], at["network"])
    return facts(network, np.where(moved, at["next_host"], at["host"]))


def _device(mine: dict[str, Array], sessions: pd.DataFrame, of: dict[str, Array], day: Array) -> dict[str, Any]:
    """People have a computer, now and then a new one, and a telephone; machines as many instances as addresses."""
    client, host = (sessions[name].to_numpy()[of["session"]] for name in ("client", "host"))
    nth = np.where(client == 1, 9, (day >= mine["device_day"]).astype(int))
    instance = np.where(mine["addresses"] > 8, host % 4_096, host % np.maximum(1, mine["addresses"]))
    person = mine["type"] == 0
    identifier = np.where(
        person, _texts("d-{:05d}-{}", mine["number"], nth), _texts("i-{:05d}{:04x}", mine["number"], instance)
    )
    managed = person & mine["managed"] & (nth < 9) | (~person & (mine["type"] == 2))
    seen = sessions["device_seen"].to_numpy()[of["session"]]
    lapsed = (mine["number"] * 31 + nth * 17 + day // 7 * 13) % 100 < np.where(managed, 4, 45)
    return {
        "device.id": np.where(seen, identifier, NOTHING),
        "device.managed": np.where(seen, managed, NOTHING),
        "device.compliant": np.where(seen, ~lapsed, NOTHING),
        "device.user_agent": _user_agents(mine, of["action"], client, day, nth),
    }


def _user_agents(mine: dict[str, Array], action: Array, client: Array, day: Array, nth: Array) -> Array:
    names = ("browser", "phone", "terminal", "library")
    which = np.select([client == place for place in range(4)], [mine[name] for name in names])
    which = np.where((nth == 1) & (client == 0) & (mine["number"] % 3 == 0), (which + 1) % len(BROWSERS), which)
    release = (day + mine["version"]) // np.where(client == 3, 45, 28)
    kinds: Sequence[Array] = (client, which, release, mine["number"] % 4)
    distinct, place = np.unique(np.stack(kinds), axis=1, return_inverse=True)
    made = [_CLIENTS[c][w].format(v=128 + r + a, m=12 + 3 * r + a) for c, w, r, a in distinct.T.tolist()]
    front = mine["cloud"] & (client == 0) & (action % 5 < 2)
    return np.where(front, np.array(FRONT_ENDS, dtype=object)[action % len(FRONT_ENDS)], np.array(made, object)[place])


def _authentication(
    mine: dict[str, Array], sessions: pd.DataFrame, of: dict[str, Array], base: Array
) -> dict[str, Any]:
    """People at the session's start or some hours before it; machines prove themselves by what they present."""
    person = (mine["type"] == 0) & ~of["signing"]
    factors = np.empty(len(FACTORS), object)
    factors[:] = [list(factor) for factor in FACTORS]
    age = sessions["proof_age"].to_numpy()[of["session"]]
    return {
        "authentication.amr": np.where(person, factors[mine["factors"]], NOTHING),
        "authentication.aal": np.where(person, np.array([1, 2, 2, 3])[mine["factors"]], NOTHING),
        "authentication.time": np.where(person, _times(base - age), np.datetime64("NaT")),
    }


def _credential(
    mine: dict[str, Array], of: dict[str, Array], base: Array, day: Array, attested: Array
) -> dict[str, Any]:
    """Long-lived keys are renewed every so many days or never; others live as long as their session."""
    period = np.where(mine["rotation"] > 0, mine["rotation"], 100_000)
    nth = np.floor((day + mine["age"] % period) / period).astype(int)
    born = np.where(mine["rotation"] > 0, nth * period - mine["age"] % period, -mine["age"]) * DAY
    long_lived, kind, cloud = mine["long_lived"], mine["type"], mine["cloud"]
    key, own = _texts("k-{:05d}-{}", mine["number"], nth), _texts("c-{:08x}", of["session"] * 40_503 % (1 << 32))
    issued = _times(np.where(long_lived, born, base))
    exposed = (day >= mine["exposed_day"]) & (day < mine["exposed_day"] + mine["exposed_days"]) & long_lived
    temporary = np.where(kind == 0, 10.0, np.maximum(mine["session_hours"], 1.0))
    forms = np.where(cloud, "access_key", np.array(["session_cookie", "api_token", "x509_svid", "oauth_token"])[kind])
    forms = np.where((kind == 0) & (mine["console"] | ~cloud), "session_cookie", forms)
    unsigned = of["signing"]
    scope = np.empty(10, object)
    scope[:] = [["*"], *([f"scope-{i}" for i in range(count)] for count in range(1, 10))]
    return {
        "credential.id": np.where(unsigned, NOTHING, np.where(long_lived, key, own)),
        "credential.kind": np.where(unsigned, NOTHING, forms),
        "credential.issued_at": np.where(unsigned, np.datetime64("NaT"), issued),
        "credential.expires_at": np.where(
            unsigned | long_lived, np.datetime64("NaT"), _times(base + temporary * 3_600)
        ),
        "credential.scope": np.where(unsigned, NOTHING, scope[np.where(mine["wildcard"], 0, mine["breadth"])]),
        "credential.exposed": np.where(unsigned, NOTHING, exposed),
        "credential.attested_at": np.where((kind == 2) & ~unsigned & attested, _times(base), np.datetime64("NaT")),
        "credential.privileged": np.where(unsigned, NOTHING, mine["privileged"]),
        "credential.environment": np.where(unsigned | (kind == 0), NOTHING, _PLACES[mine["environment"]]),
    }
