"""The published login baseline: SIMPLE of Freeman et al. (NDSS 2016), extended by Wiefling et al. (TOPS 2022).

The score says how much more common a login's address and client are among all logins than among this user's, each on
several levels, weighted as published. It looks at nothing but address and client.
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
from training.metrics.session_recall import threshold_at_budget

ADDRESS_LEVELS = (("ip", 0.6), ("asn", 0.3), ("country", 0.1))
CLIENT_LEVELS = (("user_agent", 0.539), ("family", 0.268), ("system", 0.188), ("interactive", 0.005))
"""Levels and their published weights; those of the client are its whole text, browser with version, operating system,
and kind of device."""
PARSED_LEVELS = ("family", "system", "interactive")
COLUMNS = ("time", "identity.id", "action.category", "action.outcome")
RECALL = 0.98
HISTORIES = (12, 39)
"""Numbers of earlier logins, at least, at which the published curves are read."""


@dataclass(frozen=True)
class ScoredLogins:
    """Logins in order of time."""

    rows: Array
    """Their row numbers."""
    before: Array
    """How many earlier successful logins the identity has."""
    score: Array
    """The score of SIMPLE-EXTEND."""


def score_logins(world: World) -> ScoredLogins:
    """Score every login of a world by those before it. Refused logins teach nothing."""
    events = world.events.select([*COLUMNS, "network.ip", "network.asn", "network.country", "device.user_agent"])
    frame: pd.DataFrame = events.to_pandas()
    rows = np.flatnonzero(frame["action.category"].eq("authenticate").to_numpy(bool, na_value=False))
    rows = rows[np.argsort(frame["time"].to_numpy()[rows], kind="stable")]
    frame = frame.iloc[rows]
    agents = frame["device.user_agent"].astype(object)
    parsed = {text: agent_of(text) for text in agents.dropna().unique()}
    levels = {
        "ip": frame["network.ip"],
        "asn": frame["network.asn"],
        "country": frame["network.country"],
        "user_agent": agents,
        **{name: agents.map({text: getattr(a, name) for text, a in parsed.items()}) for name in PARSED_LEVELS},
    }
    logins = pd.DataFrame(
        {name: values.astype(object).fillna("unknown").astype(str) for name, values in levels.items()}
    )
    logins["identity"] = frame["identity.id"].to_numpy()
    logins["succeeded"] = frame["action.outcome"].eq("success").to_numpy(int)
    before = (logins.groupby("identity")["succeeded"].cumsum() - logins["succeeded"]).to_numpy()
    return ScoredLogins(rows, before, _score(logins, before))


def _score(logins: pd.DataFrame, before: Array) -> Array:
    all_before = (logins["succeeded"].cumsum() - logins["succeeded"]).to_numpy()
    score = np.zeros(len(logins))
    for levels in (ADDRESS_LEVELS, CLIENT_LEVELS):
        everybody, own = np.zeros(len(logins)), np.zeros(len(logins))
        for name, weight in levels:
            common = (_earlier(logins, [name]) + 1) / (all_before + 2)
            everybody += weight * common
            own += weight * (_earlier(logins, ["identity", name]) + common) / (before + 1)
        score += np.log(everybody) - np.log(own)
    return score


def _earlier(logins: pd.DataFrame, keys: list[str]) -> Array:
    """How many earlier successful logins had the same values."""
    earlier: Array = (logins.groupby(keys, sort=False)["succeeded"].cumsum() - logins["succeeded"]).to_numpy()
    return earlier


def login_step_up_rate(
    test_set: TestSet, logins: ScoredLogins, score: Array, history: int, bootstrap: BootstrapWeights
) -> Estimate:
    """Step-ups per legitimate login where RECALL of the malicious logins is reached.

    Only logins with at least `history` earlier ones count; `score` has one entry a login.
    """
    used = np.isin(logins.rows, test_set.rows) & (logins.before >= history)
    rows, score = logins.rows[used], score[used]
    is_malicious = test_set.targets.malicious[rows]
    column = bootstrap.columns(test_set.targets.identity[rows])
    if not is_malicious.any() or is_malicious.all():
        return Estimate.unknown(int(is_malicious.sum()))
    malicious, legitimate = np.flatnonzero(is_malicious), np.flatnonzero(~is_malicious)
    rising = malicious[np.argsort(score[malicious], kind="stable")]
    # the lowest malicious scores, up to the share that may be missed, set the threshold
    threshold = threshold_at_budget(-score[rising], bootstrap.weights[:, column[rising]], 1 - RECALL)
    weights = bootstrap.weights[:, column[legitimate]]
    levels = np.unique(threshold.score)
    challenged = np.stack(
        [np.bincount(column[legitimate], score[legitimate] >= -level, len(bootstrap.identities)) for level in levels]
    )
    draws = (bootstrap.weights @ challenged.T)[np.arange(len(weights)), np.searchsorted(levels, threshold.score)]
    return estimate(draws / np.maximum(weights.sum(axis=1), 1e-300), len(malicious))
