"""The shipped model's thresholds: what holds for an identity type until a deployment has seen enough of it."""

from __future__ import annotations

import json
from functools import cache

from features.data_files import data_folder


@cache
def shipped_thresholds() -> dict[str, list[list[float]]]:
    """By identity type: pairs of a friction budget and the trust below which that share of benign requests lies."""
    thresholds: dict[str, list[list[float]]] = json.loads((data_folder() / "model" / "thresholds.json").read_text())
    return thresholds
