"""The identities of a simulated world and what is usual for each: one row per identity, from which all else follows.

Drawn column by column; knows nothing of events, attacks or features.
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pandas as pd

from features.event.schema import IdentityType
from training.reference.job_profiles import BROWSERS, JOBS, LIBRARIES, PHONES, TERMINALS
from training.reference.networks import network_table, networks_of_kind
from training.simulation.log_kinds import CLOUDTRAIL, REDUCED, REDUCED_LOGS, WITHOUT_ADDRESS
from training.simulation.low_discrepancy import pick_share
from training.simulation.parameters import WorldParameters

Array = np.ndarray[Any, Any]
Rng = np.random.Generator
TYPES: tuple[str, ...] = get_args(IdentityType)
HUMAN, SERVICE, WORKLOAD, AGENT = range(4)
"""Identity types by number, in the order of TYPES."""
FACTORS: tuple[tuple[str, ...], ...] = (("pwd",), ("pwd", "otp"), ("pwd", "mfa"), ("hwk", "user"))
"""How people authenticate; their assurance levels are 1, 2, 2 and 3."""
NEVER_DAY = 10_000
"""The day of something that does not happen inside the data."""


def draw_identities(rng: Rng, parameters: WorldParameters, shard: int = 0) -> pd.DataFrame:
    """One row per identity: type, deployment, job, rates, networks, clients and credentials.

    Jobs are names; all other choices are numbers that index the tables of `training.reference`. `number` (the
    identity's) and `site` (its deployment's) are unique over all shards of a world.
    """
    n = parameters.identities
    deployments = _deployment_count(n, parameters)
    log_kinds = rng.permutation(_apportion_log_kinds(parameters, deployments, shard))
    by_cloudtrail = np.isin(log_kinds, (CLOUDTRAIL, WITHOUT_ADDRESS))
    cloud = by_cloudtrail | (rng.random(deployments) < 0.4)
    number = np.arange(n) + shard * parameters.identities_per_shard
    identities = pd.DataFrame({"number": number, "type": rng.choice(4, n, p=parameters.identity_types)})
    size = rng.lognormal(0, 0.5, deployments)
    identities["deployment"] = rng.choice(deployments, n, p=size / size.sum())
    first_site = shard * _deployment_count(parameters.identities_per_shard, parameters)
    identities["site"] = identities["deployment"] + first_site
    identities["log_kind"] = log_kinds[identities["deployment"]]
    for trait in ("sign_ins_only", "untimed"):
        kinds = [number for number, log in zip(REDUCED, REDUCED_LOGS, strict=True) if getattr(log, trait)]
        identities[trait] = np.isin(identities["log_kind"], kinds)
    served = identities["type"].isin((SERVICE, AGENT)).to_numpy()
    identities["for_people"] = served & pick_share(number, parameters.acting_for_people, base=7)
    identities["cloud"] = cloud[identities["deployment"]]
    types = zip(identities["type"], identities["cloud"], strict=True)
    identities["job"] = [_draw_job(rng, TYPES[kind], on_cloud) for kind, on_cloud in types]
    human = (identities["type"] == HUMAN).to_numpy()
    return identities.assign(
        **_draw_days(rng, parameters, n),
        **_draw_pace(rng, parameters, identities, human),
        **_draw_networks(rng, parameters, identities["deployment"].to_numpy(), human),
        **_draw_clients(rng, parameters, identities, human),
        **_draw_credentials(rng, parameters, identities),
    )


def _deployment_count(identities: int, parameters: WorldParameters) -> int:
    return max(6, identities // parameters.identities_per_deployment)


def _apportion(shares: tuple[float, ...], total: int) -> Array:
    """Numbers of log kinds in these shares, each at least once."""
    counts = np.maximum(1, np.round(np.array(shares) * total).astype(int))
    return np.repeat(np.arange(len(shares)), counts)


def _apportion_log_kinds(parameters: WorldParameters, deployments: int, shard: int) -> Array:
    """The log kind of each deployment, shape (deployments,): the reduced ones take turns from shard to shard."""
    reduced = round(parameters.reduced_logs * deployments)
    turns = [REDUCED[(shard * reduced + turn) % len(REDUCED)] for turn in range(reduced)]
    usual = np.resize(_apportion(parameters.log_kinds, deployments - reduced), deployments - reduced)
    return np.concatenate([usual, np.array(turns, np.int64)])


def _draw_job(rng: Rng, kind: str, cloud: bool) -> str:
    jobs = JOBS[kind][0 if cloud else 1]
    return jobs[int(rng.integers(len(jobs)))]


def _draw_days(rng: Rng, parameters: WorldParameters, n: int) -> dict[str, Array]:
    """When each identity begins, how often it is active, and the day of a trip, a new device, an exposed credential and
    a broken permission, if any."""
    days = parameters.days
    first = np.where(rng.random(n) < parameters.newcomers, rng.integers(0, max(1, days - 3), n), 0)
    trip = rng.random(n) < parameters.trip_per_day * days
    return {
        "first_day": first,
        "activity": np.where(rng.random(n) < parameters.sporadic, rng.uniform(0.05, 0.2, n), 1.0),
        "trip_day": np.where(trip, rng.integers(0, days, n), NEVER_DAY),
        "trip_days": rng.integers(2, 7, n),
        "device_day": np.floor(rng.exponential(1 / parameters.new_device_per_day, n)).astype(int),
        "exposed_day": np.where(rng.random(n) < parameters.exposed_share, rng.integers(0, days, n), NEVER_DAY),
        "exposed_days": rng.integers(4, 25, n),
        "broken_day": np.where(rng.random(n) < 0.05, rng.integers(0, days, n), NEVER_DAY),
    }


def _draw_pace(rng: Rng, parameters: WorldParameters, identities: pd.DataFrame, human: Array) -> dict[str, Array]:
    """How many sessions and actions, at which hours, how often they fail, and on which resources."""
    n, kind = len(identities), identities["type"].to_numpy()
    console = human & (rng.random(n) < parameters.console_share)
    by_day = human | identities["for_people"].to_numpy()
    return {
        "sessions_per_day": np.array(parameters.sessions_per_day)[kind] * rng.lognormal(0, 0.8, n),
        "actions": np.array(parameters.actions_per_session)[kind] * rng.lognormal(0, 0.3, n),
        "console": console,
        "start_hour": np.where(by_day, rng.normal(9.0, 1.2, n), rng.uniform(0, 24, n)),
        "hours_spread": np.where(by_day, rng.uniform(1.5, 3.5, n), np.where(rng.random(n) < 0.5, 0.2, 9.0)),
        "weekend": np.where(by_day, rng.beta(1, 9, n), np.where(rng.random(n) < 0.7, 1.0, 0.1)),
        "failing": parameters.failing_actions * rng.lognormal(0, 0.7, n),
        "session_hours": np.where(kind == WORKLOAD, rng.choice([1, 6, 12], n), np.where(kind == SERVICE, 1, 0.3)),
        "resources": rng.integers(4, 60, n),
        "first_resource": rng.integers(0, 400, n),
        "environment": rng.choice(3, n, p=(0.65, 0.15, 0.2)),
    }


def _draw_networks(rng: Rng, parameters: WorldParameters, deployment: Array, human: Array) -> dict[str, Array]:
    """Home, office, phone, gateway and travel networks of people; a cloud's or an office's network for machines."""
    n, homes, clouds = len(deployment), np.array(networks_of_kind("home")), np.array(networks_of_kind("hosting"))
    offices = rng.choice(homes, deployment.max() + 1)
    office = offices[deployment]
    countries = network_table()["country"].to_numpy()
    near = [_draw_nearby(rng, str(countries[o])) if rng.random() < 0.8 else rng.choice(homes) for o in office]
    home = np.where(human, near, np.where(rng.random(n) < 0.85, rng.choice(clouds, n), office))
    mobile = [_draw_nearby(rng, str(countries[h]), "mobile", "home") for h in np.where(human, home, office)]
    return {
        "home": home,
        "office": np.where(human, office, home),
        "mobile": np.array(mobile),
        "gateway": rng.choice(networks_of_kind("gateway", "vpn"), n),
        "abroad": np.where(human, rng.choice(homes, n), home),
        "zone": np.round(network_table()["longitude"].to_numpy()[home] / 15.0),
        "host": rng.integers(0, 1 << 16, n),
        "at_office": rng.beta(2, 2, n),
        "by_gateway": np.where(human, np.where(rng.random(n) < parameters.vpn_share, 0.9, 0.03), 0.0),
        "by_phone": np.where(human, rng.beta(1, 12, n), 0.0),
        "addresses": np.where(human, 1, rng.choice([1, 2, 8, 60, 300], n, p=(0.35, 0.2, 0.2, 0.15, 0.1))),
    }


def _draw_nearby(rng: Rng, country: str, *kinds: str) -> int:
    return int(rng.choice(networks_of_kind(*(kinds or ("home",)), country=country)))


def _draw_clients(rng: Rng, parameters: WorldParameters, identities: pd.DataFrame, human: Array) -> dict[str, Array]:
    n, cloud = len(identities), identities["cloud"].to_numpy()
    library = np.where(cloud, rng.integers(0, 5, n), rng.integers(5, len(LIBRARIES), n))
    return {
        "browser": rng.integers(0, len(BROWSERS), n),
        "phone": rng.integers(0, len(PHONES), n),
        "terminal": rng.integers(0, len(TERMINALS), n),
        "library": library,
        "by_terminal": np.where(human & cloud, rng.beta(1, 2, n), 0.0),
        "version": rng.integers(0, 56, n),
        "managed": rng.random(n) >= parameters.unmanaged_share,
    }


def _draw_credentials(rng: Rng, parameters: WorldParameters, identities: pd.DataFrame) -> dict[str, Array]:
    """Long-lived for service accounts and some agents, renewed with each session for all others."""
    n, kind = len(identities), identities["type"].to_numpy()
    powerful = identities["job"].isin(("operator", "administrator", "pipeline")).to_numpy()
    return {
        "long_lived": (kind == SERVICE) | ((kind == AGENT) & (rng.random(n) < 0.3)),
        "rotation": rng.choice(parameters.rotation_days, n),
        "age": rng.lognormal(np.log(120), 1.0, n),
        "factors": rng.choice(4, n, p=(0.2, 0.3, 0.3, 0.2)),
        "breadth": rng.integers(1, 9, n),
        "wildcard": rng.random(n) < 0.15,
        "privileged": powerful & (rng.random(n) < 0.8),
        "granted": np.round(rng.lognormal(3.2, 0.8, n)) + 1,
        "used_share": rng.beta(3, 3, n),
    }
