"""What the features are, for people and for the check that a model and a build mean the same by them."""

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

_TOLD = ("name", "module", "unit", "direction", "always", "sentence", "tells", "reads")


def feature_catalogue() -> list[dict[str, Any]]:
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


def sentence_for(feature: Feature, value: float) -> str:
    """The feature's sentence for one value, as an investigator reads it.

    >>> of = {feature.name: feature for feature in FEATURES}
    >>> sentence_for(of["device_is_new"], 0.0)
    'Not so: the device (or instance) is one this identity has not used before.'
    >>> sentence_for(of["requests_above_usual"], math.log(3.0))
    "The session has made more requests than this identity's sessions usually do (3 times)."
    >>> sentence_for(of["requests_above_usual"], -1.0)
    "Not so: the session has made more requests than this identity's sessions usually do."
    >>> sentence_for(of["pace"], 0.0)
    'So many requests come within about a minute (0 requests).'
    """
    begun = feature.sentence[0].lower() + feature.sentence[1:]
    if math.isnan(value):
        return f"Not known: whether {begun}"
    if feature.unit == "yes or no":
        return feature.sentence if value == 1.0 else f"Not so: {begun}"
    if value <= 0.0 and not _SAYS_HOW_MUCH.search(feature.sentence):
        return f"Not so: {begun}"
    return f"{feature.sentence[:-1]} ({_amount(value, feature.unit)})."


_SAYS_HOW_MUCH = re.compile(r"\bso (much|many|strong|long)\b", re.IGNORECASE)
"""A sentence that holds whatever the amount; any other says that there is some."""


def _amount(value: float, unit: str) -> str:
    """A value with its unit, in words that need no formula.

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
