"""Build records for the examples in feature docstrings: values that are not given are unknown."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from features.arrays import Array
from features.catalogue.registration import Feature
from features.event.row_fields import FIELDS, ROW
from features.history.evidence.fields import EVIDENCE
from features.history.layout import CREDENTIAL, IDENTITY, SESSION, empty
from features.history.population import CODES, empty_population
from features.kernels.decayed_counts import add


def reading(feature: Feature, **records: dict[str, Any]) -> float:
    """The value of a feature for the given record fields, rounded to three decimals; tables are `{key: count}`."""
    arguments = [_record(name, records.get(name, {})) for name in feature.needs]
    return round(float(feature.function(*arguments)), 3)


def _record(name: str, values: dict[str, Any]) -> Any:
    record = _blank(name)
    for field, value in values.items():
        if isinstance(value, dict) and name == "evidence":
            for place, bits in value.items():
                record[field][0, place] = bits
        elif isinstance(value, dict):
            _fill_table(record[0], field, value)
        else:
            record[field] = value
    return record.view(np.recarray)[0]


def _blank(name: str) -> Array:
    if name == "population":
        return empty_population()
    if name == "event":
        return np.array([(*(field.unknown for field in FIELDS), math.nan)], ROW)
    record = empty({"identity": IDENTITY, "session": SESSION, "credential": CREDENTIAL, "evidence": EVIDENCE}[name])
    if name == "identity":
        record["weight"] = 1.0
    return record


def _fill_table(record: Any, name: str, values: dict[int, float]) -> None:
    """Fill a table: counts of an identity, times of a credential, or a population's shares of its first type."""
    if "people" in record.dtype.names:
        record["people"][1] = 100.0
        shares = {key: -math.log(share) for key, share in values.items()}
        _fill(record[f"{name}_rarity"][1], record[f"{name}_key"][1] if name not in CODES else None, shares)
    elif f"{name}_time" in record.dtype.names:
        record[f"{name}_key"][: len(values)] = list(values)
        record[f"{name}_time"][: len(values)] = list(values.values())
    else:
        keys = record[f"{name}_key"] if f"{name}_key" in record.dtype.names else None
        _fill(record[f"{name}_count"], keys, values)


def _fill(amounts: Array, keys: Array | None, values: dict[int, float]) -> None:
    for key, amount in values.items():
        if keys is None:
            amounts[key] = amount
        else:
            add(keys, amounts, key, amount)
