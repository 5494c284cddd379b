"""What the features are, for people and for the check that a model and a build mean the same by them."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

from features.hashing import digest_of
from features.history import LAYOUT
from features.registry import Feature
from features.vector import FEATURES

_TOLD = ("name", "module", "unit", "direction", "always", "sentence", "tells", "reads")


def catalogue() -> list[dict[str, Any]]:
    """One entry per feature, in column order: name, module, unit, direction, sentence and what it tells apart."""
    return [{name: getattr(f, name) for name in _TOLD} for f in FEATURES]


def contract() -> dict[str, Any]:
    """What a model depends on: names and units in order, and the layout of histories."""
    return {"features": [[f.name, f.unit, f.direction] for f in FEATURES], "history": LAYOUT}


@cache
def digest() -> str:
    """The digest of the contract, stored with every model and every decision: once for each process, since it takes
    longer than a ruling."""
    return digest_of(json.dumps(contract(), sort_keys=True).encode())


def difference(theirs: dict[str, Any]) -> str:
    """How another build's contract differs from this one, in words; empty when it does not."""
    ours, others = contract()["features"], theirs.get("features", [])
    missing = [name for name, *_ in others if name not in {n for n, *_ in ours}]
    extra = [name for name, *_ in ours if name not in {n for n, *_ in others}]
    parts = []
    if missing:
        parts.append(f"this build lacks {', '.join(missing)}")
    if extra:
        parts.append(f"the model does not know {', '.join(extra)}")
    if not parts and ours != others:
        parts.append("the same features in another order, or with other units or directions")
    if theirs.get("history") != LAYOUT:
        parts.append("histories are laid out differently")
    return "; ".join(parts)


def said(feature: Feature, value: float) -> str:
    """The feature's sentence for one value, as an investigator reads it.

    >>> said(next(f for f in FEATURES if f.name == "device_is_new"), 0.0)
    'Not so: the device (or instance) is one this identity has not used before.'
    """
    begun = feature.sentence[0].lower() + feature.sentence[1:]
    if math.isnan(value):
        return f"Not known: whether {begun}"
    if feature.unit == "yes or no":
        return feature.sentence if value == 1.0 else f"Not so: {begun}"
    return f"{feature.sentence[:-1]} ({value:.3g} {feature.unit})."
