"""Worked examples for feature docstrings: a reading from a few plain values, everything else as if never seen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from features.columns import FIELDS, ROW
from features.history import CREDENTIAL, IDENTITY, SESSION, empty
from features.measures import Array
from features.population import unmeasured
from features.registry import Feature


def reading(feature: Feature, **records: dict[str, Any]) -> float:
    """What a feature reads from the values given, rounded to three places; a table is given as `{key: count}`."""
    arguments = [_record(name, records.get(name, {})) for name in feature.needs]
    return round(float(feature.function.py_func(*arguments)), 3)


def _record(name: str, values: dict[str, Any]) -> Any:
    record = _blank(name)
    for field, value in values.items():
        if isinstance(value, dict):
            _fill_table(record, field, value)
        else:
            record[field] = value
    return record.view(np.recarray)[0]


def _blank(name: str) -> Array:
    if name == "population":
        return unmeasured()
    if name != "event":
        return empty({"identity": IDENTITY, "session": SESSION, "credential": CREDENTIAL}[name])
    row = np.array([(*(field.unknown for field in FIELDS), math.nan)], ROW)
    return row


def _fill_table(record: Array, name: str, values: dict[int, float]) -> None:
    keys = f"{name}_key"
    amounts = next(f for f in (f"{name}_count", f"{name}_time", f"{name}_share") if f in (record.dtype.names or ()))
    where = (0, 1) if name_is_shared(amounts) else (0,)
    if name_is_shared(amounts):
        record[amounts][where] = 0.0
    for place, (key, amount) in enumerate(sorted(values.items())):
        record[keys][where][place] = key
        record[amounts][where][place] = amount


def name_is_shared(amounts: str) -> bool:
    """Whether a table belongs to the population, which has one per identity type (the examples use the first)."""
    return amounts.endswith("_share")
