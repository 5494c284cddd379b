"""The feature catalogue: its table for people, its digest, and the sentence for a feature's value."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from features.catalogue.all import FEATURES, feature_names
from features.catalogue.registration import Feature, FeatureError
from features.catalogue.sentences.by_feature import WORDINGS
from features.hashing import digest_of
from features.history.layout import LAYOUT

_COLUMNS = ("name", "module", "unit", "direction", "always", "sentence", "tells", "reads")
if set(WORDINGS) != set(feature_names()):
    raise FeatureError(
        f"features and features/catalogue/sentences differ: {', '.join(sorted(set(WORDINGS) ^ set(feature_names())))}"
    )


def feature_catalogue() -> list[dict[str, Any]]:
    """One entry per feature, in column order: name, module, unit, direction, sentence and the others.

    `sentence` is said of values that speak for an attack, `usual` of harmless ones, `about` of all others.
    """
    return [
        {name: getattr(f, name) for name in _COLUMNS}
        | {"usual": WORDINGS[f.name].usual, "about": WORDINGS[f.name].about}
        for f in FEATURES
    ]


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


def sentence_for(feature: Feature, value: float, contribution: float | None = None) -> str:
    """The feature's sentence for one value, as an investigator reads it; it agrees with what the value contributes.

    >>> features = {feature.name: feature for feature in FEATURES}
    >>> sentence_for(features["country_rarity"], 3.0, 0.4)
    'The country is one this identity seldom acts from (an estimated 4.98 % of its requests).'
    >>> sentence_for(features["country_rarity"], 0.002, -0.4)
    'The country is one this identity mostly acts from (an estimated 99.8 % of its requests).'
    >>> sentence_for(features["country_rarity"], 3.0, -0.1)
    'How often this identity acts from the country: an estimated 4.98 % of its requests.'
    >>> sentence_for(features["country_rarity"], float("nan"), 0.1)
    'Not known: how often this identity acts from the country.'
    >>> sentence_for(features["device_is_new"], 0.0)
    'The device (or instance) is one this identity has used before.'
    >>> sentence_for(features["requests_above_usual"], 1.0986)
    "The session has made more requests than this identity's sessions usually do (3 times)."
    >>> sentence_for(features["pace"], 0.0)
    'How many requests come within about a minute: 0 requests.'
    """
    return WORDINGS[feature.name].sentence(feature.sentence, value, contribution)
