"""Removes what each deployment's log does not record: the same activity is fully known in one place, hardly in another.

Without this a model would learn that an unknown field means an attack, or safety.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from training.simulation.activity import STEPS
from training.simulation.identities import HUMAN, SERVICE, Array, Rng
from training.simulation.log_kinds import CLOUDTRAIL, DETAILED, REDUCED, REDUCED_LOGS, SPARSE, WITHOUT_ADDRESS
from training.simulation.low_discrepancy import pick_share
from training.simulation.parameters import WorldParameters

_ALWAYS_RECORDED = frozenset(
    {"id", "time", "identity.id", "identity.type", "session.id", "action.name", "action.category", "action.outcome"}
)
_RARELY_RECORDED = frozenset(
    {"network.reputation", "credential.exposed", "session.intent", "identity.entitlements_granted"}
)
_CLOUDTRAIL_COLUMNS = _ALWAYS_RECORDED | {
    "identity.role",
    "identity.acting_for",
    "session.started_at",
    "resource.id",
    "resource.type",
    "network.ip",
    "network.asn",
    "network.country",
    "network.hosting",
    "network.anonymizer",
    "device.id",
    "device.user_agent",
    "authentication.amr",
    "authentication.time",
    "credential.id",
    "credential.kind",
    "credential.issued_at",
}
"""What CloudTrail records, or the bundled address tables add to it."""
_BY_DATABASE = {"network.latitude": 0.3, "network.accuracy_km": 0.8}
"""The share of deployments of CloudTrail that look addresses up in a database of places; few of these lack radii."""
_CLOUDTRAIL_FACTORS = {"pwd": ("pwd",), "pwd otp": ("mfa",), "pwd mfa": ("mfa",), "hwk user": ("mfa",)}
"""CloudTrail records whether there was a second factor, not which one."""


def remove_unknown_fields(
    rng: Rng,
    identities: pd.DataFrame,
    events: dict[str, Array],
    columns: dict[str, Any],
    parameters: WorldParameters,
) -> dict[str, Any]:
    """The columns without what the log of each event's deployment does not record; times of some in whole seconds."""
    deployments = int(identities["deployment"].max()) + 1
    log_kinds = (
        identities.groupby("deployment")["log_kind"].first().reindex(range(deployments), fill_value=DETAILED).to_numpy()
    )
    deployment = identities["deployment"].to_numpy()[events["identity"]]
    by_cloudtrail = identities["log_kind"].isin((CLOUDTRAIL, WITHOUT_ADDRESS)).to_numpy()
    cloudtrail = by_cloudtrail[events["identity"]]
    recorded = {name: _draw_recording_deployments(rng, log_kinds, name)[deployment] for name in columns}
    recorded["network.longitude"] = recorded["network.latitude"]
    recorded["network.accuracy_km"] &= recorded["network.latitude"]
    _apply_cloudtrail_rules(recorded, identities, events, cloudtrail, parameters)
    recorded["session.id"] &= ~(cloudtrail & (columns["action.category"] == "authenticate"))
    recorded["session.started_at"] &= recorded["session.id"]
    factors = columns["authentication.amr"]
    columns = columns | {"authentication.amr": np.where(cloudtrail, _factors_in_cloudtrail(factors), factors)}
    kept = {
        name: values if recorded[name].all() else _blank_out(values, ~recorded[name])
        for name, values in columns.items()
    }
    whole_seconds = cloudtrail | pick_share(np.arange(deployments), parameters.whole_second_logs, base=2)[deployment]
    times = np.where(whole_seconds, kept["time"].astype("datetime64[s]"), kept["time"])
    kept["time"] = times.astype("datetime64[us]")
    return kept


def _apply_cloudtrail_rules(
    recorded: dict[str, Array],
    identities: pd.DataFrame,
    events: dict[str, Array],
    cloudtrail: Array,
    parameters: WorldParameters,
) -> None:
    """Mark what CloudTrail does not record: people's devices, instances whose session name an SDK made up, the role and
    the age of a service account's key, factors checked elsewhere, and the resources of many actions."""
    kind = identities["type"].to_numpy()[events["identity"]]
    number = identities["number"].to_numpy()
    unnamed = pick_share(number, parameters.cloudtrail_unnamed_instances, base=5)[events["identity"]]
    signs_in_elsewhere = pick_share(number, parameters.cloudtrail_without_authentication, base=10)[events["identity"]]
    name_lengths = np.array([len(step.action) for step in STEPS])
    no_resource = pick_share(name_lengths, parameters.cloudtrail_without_resource, base=3)[events["action"]]
    missing = {
        "device.id": (kind == HUMAN) | unnamed,
        "identity.role": kind == SERVICE,
        "credential.issued_at": kind == SERVICE,
        "authentication.amr": signs_in_elsewhere,
        "authentication.time": signs_in_elsewhere,
        "resource.id": no_resource,
        "resource.type": no_resource,
    }
    for name, rows in missing.items():
        recorded[name] &= ~(cloudtrail & rows)


def _factors_in_cloudtrail(amr: Array) -> Array:
    factors = np.empty(len(amr), object)
    factors[:] = [None if each is None else _CLOUDTRAIL_FACTORS[" ".join(each)] for each in amr]
    return factors


def _draw_recording_deployments(rng: Rng, log_kinds: Array, name: str) -> Array:
    """By deployment: whether its log records a column."""
    reduced = {kind: log.records(name) for kind, log in zip(REDUCED, REDUCED_LOGS, strict=True)}
    if name in _ALWAYS_RECORDED:
        return np.array([reduced.get(kind, True) for kind in log_kinds.tolist()])
    drawn = rng.random(len(log_kinds))
    rare = name in _RARELY_RECORDED
    by_database = _BY_DATABASE.get(name)
    in_cloudtrail = drawn < by_database if by_database else np.full(len(log_kinds), name in _CLOUDTRAIL_COLUMNS)
    by_kind = {
        DETAILED: drawn < (0.6 if rare else 0.95),
        SPARSE: drawn < (0.15 if rare else 0.6),
        CLOUDTRAIL: in_cloudtrail,
        WITHOUT_ADDRESS: np.zeros(len(log_kinds), bool) if name.startswith("network.") else in_cloudtrail,
    }
    by_kind |= {kind: np.full(len(log_kinds), recorded) for kind, recorded in reduced.items()}
    return np.select([log_kinds == kind for kind in by_kind], list(by_kind.values()), default=False)


def _blank_out(values: Array, unknown: Array) -> Array:
    """The values with null (NaT, NaN or None, by type) where they are unknown."""
    null = {"M": np.datetime64("NaT"), "f": np.nan}.get(values.dtype.kind)
    blanked: Array = np.where(unknown, np.array(null), values if null is not None else values.astype(object))
    return blanked
