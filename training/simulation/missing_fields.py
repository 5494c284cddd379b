"""What each deployment's log says at all: the same life is known fully in one place and thinly in another.

Without this a model learns that an unknown field means abuse, or safety.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from training.simulation.identities import BLIND, CLOUDTRAIL, LITTLE, MUCH, Array, Rng

ALWAYS = frozenset(
    {"id", "time", "identity.id", "identity.type", "session.id", "action.name", "action.category", "action.outcome"}
)
_RARE = frozenset({"network.reputation", "credential.exposed", "session.intent", "identity.entitlements_granted"})
_CLOUDTRAIL = ALWAYS | {
    "identity.role",
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
"""What CloudTrail and the bundled tables tell."""
_TOLD_AS: dict[str, tuple[str, ...] | None] = {
    "pwd": ("pwd",),
    "pwd otp": ("mfa",),
    "pwd mfa": ("mfa",),
    "hwk user": ("mfa",),
}
"""CloudTrail knows whether there was a second factor, not which."""


def forget(rng: Rng, who: pd.DataFrame, one: Array, columns: dict[str, Any]) -> dict[str, Any]:
    """The columns without what the deployment of each event's identity does not know, in whole seconds where it counts
    so."""
    deployments = int(who["deployment"].max()) + 1
    kinds = who.groupby("deployment")["knowledge"].first().reindex(range(deployments), fill_value=MUCH).to_numpy()
    deployment, kind, knowledge = (who[name].to_numpy()[one] for name in ("deployment", "type", "knowledge"))
    thin = knowledge >= CLOUDTRAIL
    told = {name: _knowing(rng, kinds, name)[deployment] for name in columns}
    told["network.longitude"] = told["network.latitude"]
    _tell_as_cloudtrail(told, columns, who["number"].to_numpy()[one], kind, thin)
    signing = columns["action.category"] == "authenticate"
    told["session.id"] &= ~(thin & signing)
    told["session.started_at"] &= told["session.id"]
    columns = columns | {
        "authentication.amr": np.where(thin, _factors(columns["authentication.amr"]), columns["authentication.amr"])
    }
    kept = {name: values if told[name].all() else _where(told[name], values) for name, values in columns.items()}
    whole = thin | (deployment % 2 == 0)
    kept["time"] = np.where(whole, kept["time"].astype("datetime64[s]"), kept["time"]).astype("datetime64[us]")
    return kept


def _tell_as_cloudtrail(
    told: dict[str, Array], columns: dict[str, Any], number: Array, kind: Array, thin: Array
) -> None:
    """No device of a person, no instance whose name an SDK made up, no age of a long-lived key, no factors asked for
    elsewhere, and of many actions not what they act upon."""
    told["device.id"] &= ~(thin & ((kind == 0) | (number % 5 == 0)))
    told["identity.role"] &= ~(thin & (kind == 1))
    told["credential.issued_at"] &= ~(thin & (kind == 1))
    for name in ("authentication.amr", "authentication.time"):
        told[name] &= ~(thin & (number % 10 < 3))
    silent = np.char.str_len(columns["action.name"].astype(str)) % 3 == 0
    for name in ("resource.id", "resource.type"):
        told[name] &= ~(thin & silent)


def _factors(amr: Array) -> Array:
    said = np.empty(len(amr), object)
    said[:] = [None if factors is None else _TOLD_AS[" ".join(factors)] for factors in amr]
    return said


def _knowing(rng: Rng, kinds: Array, name: str) -> Array:
    """Which deployments know a column."""
    if name in ALWAYS:
        return np.ones(len(kinds), bool)
    drawn = rng.random(len(kinds))
    address = name.startswith("network.")
    rare = name in _RARE
    place = drawn < 0.3 if name == "network.latitude" else np.full(len(kinds), name in _CLOUDTRAIL)
    cases = {MUCH: drawn < (0.6 if rare else 0.95), LITTLE: drawn < (0.15 if rare else 0.6), CLOUDTRAIL: place}
    cases[BLIND] = np.zeros(len(kinds), bool) if address else place
    return np.select([kinds == kind for kind in cases], list(cases.values()))


def _where(told: Array, values: Array) -> Array:
    unknown = {"M": np.datetime64("NaT"), "f": np.nan}.get(values.dtype.kind)
    kept: Array = np.where(told, values if unknown is not None else values.astype(object), np.array(unknown))
    return kept
