"""The feature catalogue: its table for people, its digest, and the sentence for a feature's value."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from typing import Any

from features.catalogue.all import FEATURES
from features.catalogue.registration import Feature
from features.hashing import digest_of
from features.history.layout import LAYOUT

_COLUMNS = ("name", "module", "unit", "direction", "always", "sentence", "tells", "reads")


def feature_catalogue() -> list[dict[str, Any]]:
    """One entry per feature, in column order: name, module, unit, direction, sentence and the others."""
    return [{name: getattr(f, name) for name in _COLUMNS} for f in FEATURES]


def contract() -> dict[str, Any]:
    """What a model depends on: the names, units and directions of features in order, and the layout of histories."""
    return {"features": [[f.name, f.unit, f.direction] for f in FEATURES], "history": LAYOUT}


@cache
def digest() -> str:
    """The digest of the contract, stored with every model and every decision.

    Cached, because computing it takes longer than a decision.
    """
    return digest_of(json.dumps(contract(), sort_keys=True).encode())


def difference(other: dict[str, Any]) -> str:
    """Describe how another build's contract differs from this one; empty if it does not."""
    ours, others = contract()["features"], other.get("features", [])
    missing = [name for name, *_ in others if name not in {n for n, *_ in ours}]
    extra = [name for name, *_ in ours if name not in {n for n, *_ in others}]
    parts = []
    if missing:
        parts.append(f"this build lacks {', '.join(missing)}")
    if extra:
        parts.append(f"the model does not know {', '.join(extra)}")
    if not parts and ours != others:
        parts.append("the same features in another order, or with other units or directions")
    if other.get("history") != LAYOUT:
        parts.append("histories are laid out differently")
    return "; ".join(parts)


def sentence_for(feature: Feature, value: float) -> str:
    """The feature's sentence for one value, as an investigator reads it.

    >>> features = {feature.name: feature for feature in FEATURES}
    >>> sentence_for(features["device_is_new"], 0.0)
    'Not so: the device (or instance) is one this identity has not used before.'
    >>> sentence_for(features["requests_above_usual"], math.log(3.0))
    "The session has made more requests than this identity's sessions usually do (3 times)."
    >>> sentence_for(features["requests_above_usual"], -1.0)
    "Not so: the session has made more requests than this identity's sessions usually do."
    >>> sentence_for(features["pace"], 0.0)
    'So many requests come within about a minute (0 requests).'
    """
    sentence = feature.sentence[0].lower() + feature.sentence[1:]
    if math.isnan(value):
        return f"Not known: whether {sentence}"
    if feature.unit == "yes or no":
        return feature.sentence if value == 1.0 else f"Not so: {sentence}"
    if value <= 0.0 and not _STATES_AN_AMOUNT.search(feature.sentence):
        return f"Not so: {sentence}"
    return f"{feature.sentence[:-1]} ({_amount(value, feature.unit)})."


_STATES_AN_AMOUNT = re.compile(r"\bso (much|many|strong|long)\b", re.IGNORECASE)
"""Matches sentences that are true for any amount; all others claim that there is some."""


def _amount(value: float, unit: str) -> str:
    """A value with its unit, as text without formulas.

    >>> _amount(math.log(1 + 12), "log(1 + requests)"), _amount(0.25, "share")
    ('12 requests', '25 %')
    """
    if unit.startswith("log(1 + "):
        return f"{math.expm1(value):.3g} {unit.removeprefix('log(1 + ').removesuffix(')')}"
    if unit == "log ratio":
        return f"{math.exp(value):.3g} times"
    if unit == "share":
        return f"{100.0 * value:.3g} %"
    return f"{value:.3g} {unit}"
