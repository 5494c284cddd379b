"""The published rival for logins: SIMPLE of Freeman et al. (NDSS 2016), extended by Wiefling et al. (TOPS 2022).

How much commoner address and client are among all logins than among this user's, each by several levels, weighted as
published. Another client is what it looks at, and all it looks at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.arrays import Array
from features.event.user_agent import agent_of
from training.data.labels import World
from training.metrics.bootstrap import BootstrapWeights, Estimate, estimate
from training.metrics.evaluation import TestSet
from training.metrics.session_recall import limit_of

ADDRESS = (("ip", 0.6), ("asn", 0.3), ("country", 0.1))
CLIENT = (("user_agent", 0.539), ("family", 0.268), ("system", 0.188), ("interactive", 0.005))
"""Levels and their published weights; the client's are whole text, browser with version, system, kind of device."""
CLIENT_PARTS = ("family", "system", "interactive")
WHO_AND_WHEN = ("time", "identity.id", "action.category", "action.outcome")
RECALL = 0.98
HISTORIES = (12, 39)
"""Logins before, at least, at which the published curves are read."""


@dataclass(frozen=True)
class Logins:
    """Sign-ins: their row numbers, how many successful ones of the identity came before, and SIMPLE-EXTEND's score."""

    rows: Array
    before: Array
    score: Array


def logins(world: World) -> Logins:
    """Every sign-in of a world, scored by those before it; who is refused teaches nothing."""
    events = world.events.select([*WHO_AND_WHEN, "network.ip", "network.asn", "network.country", "device.user_agent"])
    frame: pd.DataFrame = events.to_pandas()
    rows = np.flatnonzero(frame["action.category"].eq("authenticate").to_numpy(bool, na_value=False))
    rows = rows[np.argsort(frame["time"].to_numpy()[rows], kind="stable")]
    frame = frame.iloc[rows]
    whole = frame["device.user_agent"].astype(object)
    clients = {text: agent_of(text) for text in whole.dropna().unique()}
    levels = {
        "ip": frame["network.ip"],
        "asn": frame["network.asn"],
        "country": frame["network.country"],
        "user_agent": whole,
        **{part: whole.map({t: getattr(c, part) for t, c in clients.items()}) for part in CLIENT_PARTS},
    }
    seen = pd.DataFrame({name: values.astype(object).fillna("unknown").astype(str) for name, values in levels.items()})
    seen["who"], seen["learnt"] = frame["identity.id"].to_numpy(), frame["action.outcome"].eq("success").to_numpy(int)
    before = (seen.groupby("who")["learnt"].cumsum() - seen["learnt"]).to_numpy()
    return Logins(rows, before, _score(seen, before))


def _score(seen: pd.DataFrame, before: Array) -> Array:
    all_before = (seen["learnt"].cumsum() - seen["learnt"]).to_numpy()
    score = np.zeros(len(seen))
    for levels in (ADDRESS, CLIENT):
        everybody, own = np.zeros(len(seen)), np.zeros(len(seen))
        for name, weight in levels:
            common = (_earlier(seen, [name]) + 1) / (all_before + 2)
            everybody += weight * common
            own += weight * (_earlier(seen, ["who", name]) + common) / (before + 1)
        score += np.log(everybody) - np.log(own)
    return score


def _earlier(seen: pd.DataFrame, keys: list[str]) -> Array:
    """How many successful logins before had the same values."""
    earlier: Array = (seen.groupby(keys, sort=False)["learnt"].cumsum() - seen["learnt"]).to_numpy()
    return earlier


def asked(tested: TestSet, these: Logins, score: Array, history: int, drawn: BootstrapWeights) -> Estimate:
    """Step-ups per legitimate login at RECALL of intruders' logins, among those with so much history before; `score`
    has one entry a login."""
    use = np.isin(these.rows, tested.rows) & (these.before >= history)
    rows, score = these.rows[use], score[use]
    malicious, place = tested.targets.malicious[rows], drawn.place(tested.targets.identity[rows])
    if not malicious.any() or malicious.all():
        return Estimate(np.nan, np.nan, np.nan, int(malicious.sum()))
    intruders, owners = np.flatnonzero(malicious), np.flatnonzero(~malicious)
    rising = intruders[np.argsort(score[intruders], kind="stable")]
    # the lowest intruders' scores, up to what may be missed, set the limit
    limit = limit_of(-score[rising], drawn.weights[:, place[rising]], 1 - RECALL)
    weights = drawn.weights[:, place[owners]]
    challenged = np.stack(
        [np.bincount(place[owners], score[owners] >= -level, len(drawn.people)) for level in np.unique(limit.score)]
    )
    draws = (drawn.weights @ challenged.T)[
        np.arange(len(weights)), np.searchsorted(np.unique(limit.score), limit.score)
    ]
    return estimate(draws / np.maximum(weights.sum(axis=1), 1e-300), len(intruders))
