"""Whom intruders choose: what makes a theft likelier is known before it happens, and a forecast can learn it.

An identity is as exposed as it acts on days, or who came yesterday would be robbed as often as who has been here all
along, and sessions would be compromised more often the later it is in the log, for no reason but that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]
DRAWN = 8.0
"""Assumption: how much likelier an identity is chosen that has what intruders look for."""
RESISTANT = frozenset({"hwk", "pop", "sc", "wia"})
"""Factors that nobody can be talked out of (RFC 8176)."""
_OLD_KEY_DAYS = 180.0
_SILENT_DAYS = 14.0
_HERE_ALREADY_DAYS = 5.0


def _true_anywhere(column: pd.Series, identity: pd.Series) -> pd.Series:
    return column.groupby(identity, sort=False).any()


def _unmanaged(events: pd.DataFrame, identity: pd.Series) -> pd.Series:
    return _true_anywhere(events["device.managed"].eq(False) & events["device.managed"].notna(), identity)


def _exposed(events: pd.DataFrame, identity: pd.Series) -> pd.Series:
    return _true_anywhere(events["credential.exposed"].eq(True), identity)


def _old_key(events: pd.DataFrame, identity: pd.Series) -> pd.Series:
    age = events["time"] - events["credential.issued_at"]
    return _true_anywhere(age > pd.Timedelta(days=_OLD_KEY_DAYS), identity)


def _weak_factor(events: pd.DataFrame, identity: pd.Series) -> pd.Series:
    weak = [amr is not None and not RESISTANT.intersection(amr) for amr in events["authentication.amr"]]
    return _true_anywhere(pd.Series(weak, events.index), identity)


def _dormant(events: pd.DataFrame, identity: pd.Series) -> pd.Series:
    gaps = events["time"].groupby(identity, sort=False).diff()
    return _true_anywhere(gaps > pd.Timedelta(days=_SILENT_DAYS), identity)


def _newcomer(events: pd.DataFrame, identity: pd.Series) -> pd.Series:
    first = events["time"].groupby(identity, sort=False).min()
    late: pd.Series = first > events["time"].min() + pd.Timedelta(days=_HERE_ALREADY_DAYS)
    return late


_LOOKED_FOR: dict[str, Callable[[pd.DataFrame, pd.Series], pd.Series]] = {
    "unmanaged": _unmanaged,
    "exposed": _exposed,
    "old_key": _old_key,
    "weak_factor": _weak_factor,
    "dormant": _dormant,
    "newcomer": _newcomer,
}


def attractions(events: pd.DataFrame) -> dict[str | None, Array]:
    """By what is looked for: the weight of each identity, in order of first appearance: the days on which it acted,
    times DRAWN for those that have it. Events are in order of time within each identity."""
    identity = events["identity.id"]
    days = events["time"].dt.floor("D").groupby(identity, sort=False).nunique().to_numpy(float)
    weights: dict[str | None, Array] = {None: days}
    for name, found in _LOOKED_FOR.items():
        weights[name] = days * np.where(found(events, identity).to_numpy(bool), DRAWN, 1.0)
    return weights
