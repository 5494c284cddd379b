"""The Event's flat columns of simulated activity, as a log that records everything would hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from training.reference.job_profiles import BROWSERS, FRONT_ENDS, INTENTS, LIBRARIES, PHONES, TERMINALS
from training.reference.networks import network_columns
from training.simulation.activity import BROWSER, DAY, LIBRARY, PHONE, START, STEPS, action_columns
from training.simulation.identities import AGENT, FACTORS, HUMAN, TYPES, WORKLOAD, Array, Rng
from training.simulation.low_discrepancy import pick_share
from training.simulation.parameters import WorldParameters

_CLIENTS = (BROWSERS, PHONES, TERMINALS, LIBRARIES)
_UNKNOWN: Array = np.array(None, dtype=object)
_NO_TIME = np.datetime64("NaT")
_SENSITIVITIES = np.array(["public", "internal", "confidential", "restricted"], dtype=object)
_ENVIRONMENTS = np.array(["production", "staging", "development"], dtype=object)
_OUTCOMES = np.array(["success", "failure", "denied"], dtype=object)
_ASSURANCE_LEVELS = np.array([1, 2, 2, 3])
_PHONE_NUMBER = 9
"""The device number of a person's phone; computers are numbered from 0."""
_AUTOSCALED_ABOVE = 8
"""A machine with more addresses than this runs on changing instances, of which there are `_INSTANCES`."""
_INSTANCES = 4_096
_BROWSER_RELEASE_DAYS, _LIBRARY_RELEASE_DAYS = 28, 45
_NEVER_ROTATED_DAYS = 100_000
_MOST_CLIENTS = 6
"""People that a service or agent acts for, at most."""


def build_columns(
    rng: Rng,
    identities: pd.DataFrame,
    sessions: pd.DataFrame,
    events: dict[str, Array],
    parameters: WorldParameters,
) -> dict[str, Any]:
    """Every column of the Event by its flat name, one value per event."""
    owner = {name: identities[name].to_numpy()[events["identity"]] for name in identities.columns}
    session = {name: sessions[name].to_numpy()[events["session"]] for name in sessions.columns}
    credential = _credential(owner, session, events)
    return {
        "id": _format_each("{:016x}", rng.integers(0, 1 << 62, len(events["identity"]))),
        "time": _timestamps(events["seconds"]),
        **_identity(owner),
        "identity.acting_for": _acting_for(identities, owner, events),
        **_session(owner, session, events, credential["credential.id"], parameters),
        **action_columns(events["action"]),
        "action.outcome": _OUTCOMES[events["outcome"]],
        **_resource(rng, owner, events, parameters),
        **_network(session, events),
        **_device(owner, session, events, parameters),
        **_authentication(owner, session, events),
        **credential,
    }


def _timestamps(seconds: Array) -> Array:
    return START + (np.asarray(seconds) * 1e6).astype("timedelta64[us]")


def _format_each(pattern: str, *numbers: Array) -> Array:
    """One text per row; each distinct combination is formatted once. All numbers but the first must be below 2^20."""
    if len(numbers) == 1:
        distinct, inverse = np.unique(numbers[0], return_inverse=True)
        texts = [pattern.format(value) for value in distinct.tolist()]
    else:
        coded = np.zeros(len(numbers[0]), np.int64)
        for values in numbers:
            coded = coded * (1 << 20) + values.astype(np.int64)
        _, first, inverse = np.unique(coded, return_index=True, return_inverse=True)
        texts = [pattern.format(*row) for row in zip(*(values[first].tolist() for values in numbers), strict=True)]
    return np.array(texts, dtype=object)[inverse]


def _identity(owner: dict[str, Array]) -> dict[str, Any]:
    return {
        "identity.id": _format_each("id-{:05d}", owner["number"]),
        "identity.type": np.array(TYPES, dtype=object)[owner["type"]],
        "identity.role": np.asarray(owner["job"]),
        "identity.entitlements_granted": owner["granted"].astype(int),
        "identity.entitlements_used_90d": np.floor(owner["granted"] * owner["used_share"]).astype(int),
    }


def _acting_for(identities: pd.DataFrame, owner: dict[str, Array], events: dict[str, Array]) -> Array:
    """The person that a session of a service or agent serves, one of a few of its deployment."""
    people = identities[identities["type"] == HUMAN].sort_values("deployment", kind="stable")
    of_deployment = people["deployment"].to_numpy()
    first = np.searchsorted(of_deployment, owner["deployment"])
    count = np.searchsorted(of_deployment, owner["deployment"], side="right") - first
    client = events["session"] % (1 + owner["number"] % _MOST_CLIENTS)
    person = first + (owner["number"] * 31 + client) % np.maximum(count, 1)
    served = owner["for_people"] & (count > 0)
    acting_for = np.full(len(served), None, object)
    acting_for[served] = _format_each("id-{:05d}", people["number"].to_numpy()[person[served]])
    return acting_for


def _session(
    owner: dict[str, Array],
    session: dict[str, Array],
    events: dict[str, Array],
    credential_id: Array,
    parameters: WorldParameters,
) -> dict[str, Any]:
    """A cloud's long-lived key is its own session; agents declare their tasks in turn."""
    by_key = owner["long_lived"] & owner["cloud"]
    own = _format_each("s-{:08x}", events["session"] * 2_654_435_761 % (1 << 32))
    task = owner["number"] + events["session"] % parameters.tasks_per_agent
    intent = np.array(INTENTS, dtype=object)[task % len(INTENTS)]
    return {
        "session.id": np.where(by_key, credential_id, own),
        "session.started_at": np.where(by_key, _NO_TIME, _timestamps(session["start"])),
        "session.intent": np.where(owner["type"] == AGENT, intent, _UNKNOWN),
    }


def _resource(
    rng: Rng, owner: dict[str, Array], events: dict[str, Array], parameters: WorldParameters
) -> dict[str, Any]:
    """A deployment's resources are shared; each identity mostly uses a few neighbouring ones."""
    n, resources = len(events["identity"]), parameters.resources_per_deployment
    near = np.minimum(rng.geometric(np.minimum(0.9, 3 / owner["resources"]), n), owner["resources"])
    elsewhere = rng.random(n) < 0.02
    number = np.where(elsewhere, rng.integers(0, resources, n), owner["first_resource"] + near) % resources
    # A hash of the resource, not a draw: its sensitivity and environment are the same whoever uses it.
    code = (number * 7_919 + owner["deployment"] * 104_729) % 1_000
    listing = np.isin(action_columns(events["action"])["action.category"], ("list", "authenticate"))
    unnamed = events["sign_in"] | (listing & (rng.random(n) < 0.6))
    other_environment = rng.random(n) < np.where(owner["type"] == HUMAN, 0.2, 0.01)
    environment = np.where(other_environment, code % len(_ENVIRONMENTS), owner["environment"])
    bounds = np.round(np.cumsum(parameters.sensitivity[:-1]) * 1_000)
    level = np.searchsorted(bounds, code, side="right")
    return {
        "resource.id": np.where(unnamed, _UNKNOWN, _format_each("r-{:03d}-{:04d}", owner["site"], number)),
        "resource.sensitivity": np.where(unnamed, _UNKNOWN, _SENSITIVITIES[level]),
        "resource.environment": np.where(unnamed, _UNKNOWN, _ENVIRONMENTS[environment]),
    }


def _network(session: dict[str, Array], events: dict[str, Array]) -> dict[str, Array]:
    moved = events["position"] >= session["moves_at"] * session["actions"]
    network = np.where(moved, session["next_network"], session["network"])
    return network_columns(network, np.where(moved, session["next_host"], session["host"]))


def _device(
    owner: dict[str, Array], session: dict[str, Array], events: dict[str, Array], parameters: WorldParameters
) -> dict[str, Any]:
    """People have a computer, sometimes a new one, and a phone; machines have as many instances as addresses."""
    person, day, host = owner["type"] == HUMAN, session["day"], session["host"]
    device = np.where(session["client"] == PHONE, _PHONE_NUMBER, (day >= owner["device_day"]).astype(int))
    autoscaled = owner["addresses"] > _AUTOSCALED_ABOVE
    instance = np.where(autoscaled, host % _INSTANCES, host % np.maximum(1, owner["addresses"]))
    identifier = np.where(
        person,
        _format_each("d-{:05d}-{}", owner["number"], device),
        _format_each("i-{:05d}{:04x}", owner["number"], instance),
    )
    managed = person & owner["managed"] & (device < _PHONE_NUMBER) | (~person & (owner["type"] == WORKLOAD))
    recorded = session["device_seen"]
    device_week = owner["number"] * 31 + device * 17 + day // 7 * 13
    lapsed = pick_share(device_week, np.where(managed, *parameters.lapsed_devices), base=100)
    return {
        "device.id": np.where(recorded, identifier, _UNKNOWN),
        "device.managed": np.where(recorded, managed, _UNKNOWN),
        "device.compliant": np.where(recorded, ~lapsed, _UNKNOWN),
        "device.user_agent": _user_agents(owner, session, events["action"], device, parameters),
    }


def _user_agents(
    owner: dict[str, Array], session: dict[str, Array], action: Array, device: Array, parameters: WorldParameters
) -> Array:
    """User agents of the client's current release; a cloud's console stands in for the browser for some actions."""
    client = session["client"]
    names = ("browser", "phone", "terminal", "library")
    which = np.select([client == number for number in range(len(names))], [owner[name] for name in names])
    switches = pick_share(owner["number"], parameters.browser_changes, base=3)
    switched = (device == 1) & (client == BROWSER) & switches
    which = np.where(switched, (which + 1) % len(BROWSERS), which)
    release_days = np.where(client == LIBRARY, _LIBRARY_RELEASE_DAYS, _BROWSER_RELEASE_DAYS)
    release = (session["day"] + owner["version"]) // release_days
    ahead = owner["number"] % parameters.client_version_spread
    distinct, inverse = np.unique(np.stack((client, which, release, ahead)), axis=1, return_inverse=True)
    texts = [_CLIENTS[c][w].format(v=128 + r + a, m=12 + 3 * r + a) for c, w, r, a in distinct.T.tolist()]
    by_console = pick_share(np.arange(len(STEPS)), parameters.console_user_agents, base=5)[action]
    front_end = np.array(FRONT_ENDS, dtype=object)[action % len(FRONT_ENDS)]
    return np.where(owner["cloud"] & (client == BROWSER) & by_console, front_end, np.array(texts, object)[inverse])


def _authentication(owner: dict[str, Array], session: dict[str, Array], events: dict[str, Array]) -> dict[str, Any]:
    """People authenticate at the session's start or some hours before; machines by the credential they present."""
    person = (owner["type"] == HUMAN) & ~events["sign_in"]
    factors = np.empty(len(FACTORS), object)
    factors[:] = [list(factor) for factor in FACTORS]
    return {
        "authentication.amr": np.where(person, factors[owner["factors"]], _UNKNOWN),
        "authentication.aal": np.where(person, _ASSURANCE_LEVELS[owner["factors"]], _UNKNOWN),
        "authentication.time": np.where(person, _timestamps(session["start"] - session["proof_age"]), _NO_TIME),
    }


def _credential(owner: dict[str, Array], session: dict[str, Array], events: dict[str, Array]) -> dict[str, Any]:
    """Long-lived keys are rotated every so many days or never; all other credentials live as long as their session."""
    day, long_lived, kind, cloud = session["day"], owner["long_lived"], owner["type"], owner["cloud"]
    rotated = owner["rotation"] > 0
    period = np.where(rotated, owner["rotation"], _NEVER_ROTATED_DAYS)
    rotation = np.floor((day + owner["age"] % period) / period).astype(int)
    created = np.where(rotated, rotation * period - owner["age"] % period, -owner["age"]) * DAY
    key = _format_each("k-{:05d}-{}", owner["number"], rotation)
    own = _format_each("c-{:08x}", events["session"] * 40_503 % (1 << 32))
    issued = _timestamps(np.where(long_lived, created, session["start"]))
    lifetime_hours = np.where(kind == HUMAN, 10.0, np.maximum(owner["session_hours"], 1.0))
    expires = _timestamps(session["start"] + lifetime_hours * 3_600)
    exposed_until = owner["exposed_day"] + owner["exposed_days"]
    exposed = (day >= owner["exposed_day"]) & (day < exposed_until) & long_lived
    forms = np.where(cloud, "access_key", np.array(["session_cookie", "api_token", "x509_svid", "oauth_token"])[kind])
    forms = np.where((kind == HUMAN) & (owner["console"] | ~cloud), "session_cookie", forms)
    scopes = np.empty(10, object)
    scopes[:] = [["*"], *([f"scope-{i}" for i in range(count)] for count in range(1, 10))]
    none_yet = events["sign_in"]
    attested = (kind == WORKLOAD) & ~none_yet & session["attested"]
    return {
        "credential.id": np.where(none_yet, _UNKNOWN, np.where(long_lived, key, own)),
        "credential.kind": np.where(none_yet, _UNKNOWN, forms),
        "credential.issued_at": np.where(none_yet, _NO_TIME, issued),
        "credential.expires_at": np.where(none_yet | long_lived, _NO_TIME, expires),
        "credential.scope": np.where(none_yet, _UNKNOWN, scopes[np.where(owner["wildcard"], 0, owner["breadth"])]),
        "credential.exposed": np.where(none_yet, _UNKNOWN, exposed),
        "credential.attested_at": np.where(attested, _timestamps(session["start"]), _NO_TIME),
        "credential.privileged": np.where(none_yet, _UNKNOWN, owner["privileged"]),
        "credential.environment": np.where(none_yet | (kind == HUMAN), _UNKNOWN, _ENVIRONMENTS[owner["environment"]]),
    }
