"""Who lives in the simulated world, and what is usual for each: one row an identity, everything else follows from it.

Drawn in whole columns; knows nothing of events, abuse or features.
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pandas as pd

from features.event.schema import IdentityType
from training.reference.job_profiles import BROWSERS, JOBS, LIBRARIES, PHONES, TERMINALS
from training.reference.networks import networks, places
from training.simulation.parameters import WorldParameters

Array = np.ndarray[Any, Any]
Rng = np.random.Generator
TYPES: tuple[str, ...] = get_args(IdentityType)
MUCH, LITTLE, CLOUDTRAIL, BLIND = range(4)
"""What a deployment's log knows."""
FACTORS: tuple[tuple[str, ...], ...] = (("pwd",), ("pwd", "otp"), ("pwd", "mfa"), ("hwk", "user"))
"""How people prove themselves; their assurance levels are 1, 2, 2 and 3."""


def draw_identities(rng: Rng, world: WorldParameters, town: int = 0) -> pd.DataFrame:
    """One row an identity: type, deployment, job, rates, places, clients, credentials; numbers index the tables.

    `number` and `site` (a deployment's) are those of one town alone.
    """
    n = world.identities
    deployments = _deployments(n, world)
    kinds = rng.permutation(np.resize(_apportioned(world.knowledge, deployments), deployments))
    cloud = (kinds >= CLOUDTRAIL) | (rng.random(deployments) < 0.4)
    number = np.arange(n) + town * world.identities_per_town
    who = pd.DataFrame({"number": number, "type": rng.choice(4, n, p=world.shares)})
    who["deployment"] = rng.integers(0, deployments, n)
    who["site"] = who["deployment"] + town * _deployments(world.identities_per_town, world)
    who["knowledge"], who["cloud"] = kinds[who["deployment"]], cloud[who["deployment"]]
    who["job"] = [_job(rng, TYPES[kind], on_cloud) for kind, on_cloud in zip(who["type"], who["cloud"], strict=True)]
    human = (who["type"] == 0).to_numpy()
    return who.assign(
        **_days(rng, world, n),
        **_pace(rng, world, who, human),
        **_networks(rng, world, who["deployment"].to_numpy(), human),
        **_clients(rng, world, who, human),
        **_credentials(rng, world, who),
    )


def _deployments(identities: int, world: WorldParameters) -> int:
    return max(4, identities // world.identities_per_deployment)


def _apportioned(shares: tuple[float, ...], total: int) -> Array:
    """Kinds of deployment in the wanted shares, each at least once."""
    counts = np.maximum(1, np.round(np.array(shares) * total).astype(int))
    return np.repeat(np.arange(len(shares)), counts)


def _job(rng: Rng, kind: str, cloud: bool) -> str:
    jobs = JOBS[kind][0 if cloud else 1]
    return jobs[int(rng.integers(len(jobs)))]


def _days(rng: Rng, world: WorldParameters, n: int) -> dict[str, Array]:
    """From when it acts, on how many of its days, and the trip, the change of device and the exposure it may have."""
    first = np.where(rng.random(n) < world.newcomers, rng.integers(0, max(1, world.days - 3), n), 0)
    trip = rng.random(n) < world.trip_per_day * world.days
    return {
        "first_day": first,
        "activity": np.where(rng.random(n) < world.sporadic, rng.uniform(0.05, 0.2, n), 1.0),
        "trip_day": np.where(trip, rng.integers(0, world.days, n), 10_000),
        "trip_days": rng.integers(2, 7, n),
        "device_day": np.floor(rng.exponential(1 / world.new_device_per_day, n)).astype(int),
        "exposed_day": np.where(rng.random(n) < world.exposed_share, rng.integers(0, world.days, n), 10_000),
        "exposed_days": rng.integers(4, 25, n),
        "broken_day": np.where(rng.random(n) < 0.05, rng.integers(0, world.days, n), 10_000),
    }


def _pace(rng: Rng, world: WorldParameters, who: pd.DataFrame, human: Array) -> dict[str, Array]:
    n, kind = len(who), who["type"].to_numpy()
    console = human & (rng.random(n) < world.console_share)
    return {
        "sessions_per_day": np.array(world.sessions_per_day)[kind] * rng.lognormal(0, 0.8, n),
        "actions": np.array(world.actions_per_session)[kind] * rng.lognormal(0, 0.3, n),
        "console": console,
        "start_hour": np.where(human, rng.normal(9.0, 1.2, n), rng.uniform(0, 24, n)),
        "hours_spread": np.where(human, rng.uniform(1.5, 3.5, n), np.where(rng.random(n) < 0.5, 0.2, 9.0)),
        "weekend": np.where(human, rng.beta(1, 9, n), np.where(rng.random(n) < 0.7, 1.0, 0.1)),
        "failing": world.failing_actions * rng.lognormal(0, 0.7, n),
        "session_hours": np.where(kind == 2, rng.choice([1, 6, 12], n), np.where(kind == 1, 1, 0.3)),
        "resources": rng.integers(4, 60, n),
        "first_resource": rng.integers(0, 400, n),
        "environment": rng.choice(3, n, p=(0.65, 0.15, 0.2)),
    }


def _networks(rng: Rng, world: WorldParameters, deployment: Array, human: Array) -> dict[str, Array]:
    """Home, office, telephone, gateway and journey for people; a cloud or an office for machines."""
    n, homes, clouds = len(deployment), np.array(places("home")), np.array(places("hosting"))
    offices = rng.choice(homes, deployment.max() + 1)
    office = offices[deployment]
    countries = networks()["country"].to_numpy()
    near = [_near(rng, str(countries[o])) if rng.random() < 0.8 else rng.choice(homes) for o in office]
    home = np.where(human, near, np.where(rng.random(n) < 0.85, rng.choice(clouds, n), office))
    mobile = [_near(rng, str(countries[h]), "mobile", "home") for h in np.where(human, home, office)]
    return {
        "home": home,
        "office": np.where(human, office, home),
        "mobile": np.array(mobile),
        "gateway": rng.choice(places("gateway", "vpn"), n),
        "abroad": np.where(human, rng.choice(homes, n), home),
        "zone": np.round(networks()["longitude"].to_numpy()[home] / 15.0),
        "host": rng.integers(0, 1 << 16, n),
        "at_office": rng.beta(2, 2, n),
        "by_gateway": np.where(human, np.where(rng.random(n) < world.vpn_share, 0.9, 0.03), 0.0),
        "by_phone": np.where(human, rng.beta(1, 12, n), 0.0),
        "addresses": np.where(human, 1, rng.choice([1, 2, 8, 60, 300], n, p=(0.35, 0.2, 0.2, 0.15, 0.1))),
    }


def _near(rng: Rng, country: str, *kinds: str) -> int:
    return int(rng.choice(places(*(kinds or ("home",)), country=country)))


def _clients(rng: Rng, world: WorldParameters, who: pd.DataFrame, human: Array) -> dict[str, Array]:
    n, cloud = len(who), who["cloud"].to_numpy()
    server = np.where(cloud, rng.integers(0, 5, n), rng.integers(5, len(LIBRARIES), n))
    return {
        "browser": rng.integers(0, len(BROWSERS), n),
        "phone": rng.integers(0, len(PHONES), n),
        "terminal": rng.integers(0, len(TERMINALS), n),
        "library": server,
        "by_terminal": np.where(human & cloud, rng.beta(1, 2, n), 0.0),
        "version": rng.integers(0, 56, n),
        "managed": rng.random(n) >= world.unmanaged_share,
    }


def _credentials(rng: Rng, world: WorldParameters, who: pd.DataFrame) -> dict[str, Array]:
    """Long-lived for service accounts and some agents, renewed with each session for everybody else."""
    n, kind = len(who), who["type"].to_numpy()
    return {
        "long_lived": (kind == 1) | ((kind == 3) & (rng.random(n) < 0.3)),
        "rotation": rng.choice(world.rotation_days, n),
        "age": rng.lognormal(np.log(120), 1.0, n),
        "factors": rng.choice(4, n, p=(0.2, 0.3, 0.3, 0.2)),
        "breadth": rng.integers(1, 9, n),
        "wildcard": rng.random(n) < 0.15,
        "privileged": who["job"].isin(("operator", "administrator", "pipeline")).to_numpy() & (rng.random(n) < 0.8),
        "granted": np.round(rng.lognormal(3.2, 0.8, n)) + 1,
        "used_share": rng.beta(3, 3, n),
    }
