"""Which identities attackers choose: what makes an attack likelier is visible beforehand, so a model can learn it.

Every identity is weighted by the number of days on which it acts. Without that, an identity that joined yesterday
would be attacked as often as one present all along, and sessions would be compromised more often late in the log.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]
PREFERENCE_FACTOR = 8.0
"""Assumption: how many times likelier an identity is chosen that has what a scenario prefers."""
PHISHING_RESISTANT = frozenset({"hwk", "pop", "sc", "wia"})
"""Authentication methods (RFC 8176) that nobody can be talked into handing over."""
_OLD_KEY_DAYS = 180.0
_DORMANT_DAYS = 14.0
_NEWCOMER_AFTER_DAYS = 5.0


def _any_by_identity(column: pd.Series, identity: pd.Series) -> pd.Series:
    return column.groupby(identity, sort=False).any()


def _unmanaged(events: pd.DataFrame, identity: pd.Series) -> pd.Series:
    return _any_by_identity(events["device.managed"].eq(False) & events["device.managed"].notna(), identity)


def _exposed(events: pd.DataFrame, identity: pd.Series) -> pd.Series:
    return _any_by_identity(events["credential.exposed"].eq(True), identity)


def _old_key(events: pd.DataFrame, identity: pd.Series) -> pd.Series:
    age = events["time"] - events["credential.issued_at"]
    return _any_by_identity(age > pd.Timedelta(days=_OLD_KEY_DAYS), identity)


def _weak_factor(events: pd.DataFrame, identity: pd.Series) -> pd.Series:
    weak = [amr is not None and not PHISHING_RESISTANT.intersection(amr) for amr in events["authentication.amr"]]
    return _any_by_identity(pd.Series(weak, events.index), identity)


def _dormant(events: pd.DataFrame, identity: pd.Series) -> pd.Series:
    gaps = events["time"].groupby(identity, sort=False).diff()
    return _any_by_identity(gaps > pd.Timedelta(days=_DORMANT_DAYS), identity)


def _newcomer(events: pd.DataFrame, identity: pd.Series) -> pd.Series:
    first = events["time"].groupby(identity, sort=False).min()
    late: pd.Series = first > events["time"].min() + pd.Timedelta(days=_NEWCOMER_AFTER_DAYS)
    return late


PREFERENCES: dict[str, Callable[[pd.DataFrame, pd.Series], pd.Series]] = {
    "unmanaged": _unmanaged,
    "exposed": _exposed,
    "old_key": _old_key,
    "weak_factor": _weak_factor,
    "dormant": _dormant,
    "newcomer": _newcomer,
}
"""By the name that a scenario's `prefers` holds: which identities have it, in order of first appearance."""


def victim_weights(events: pd.DataFrame) -> dict[str | None, Array]:
    """By preference (None for no preference): one weight per identity, in order of first appearance.

    The weight is the number of days on which the identity acted, times PREFERENCE_FACTOR where it has what is
    preferred. `events` are in order of time within each identity.
    """
    identity = events["identity.id"]
    days = events["time"].dt.floor("D").groupby(identity, sort=False).nunique().to_numpy(float)
    weights: dict[str | None, Array] = {None: days}
    for name, has_it in PREFERENCES.items():
        weights[name] = days * np.where(has_it(events, identity).to_numpy(bool), PREFERENCE_FACTOR, 1.0)
    return weights
