"""Fairness: how often each group is challenged, and how well it is protected, at the same budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from features.arrays import Array
from training.metrics.bootstrap import Estimate, bootstrap_weights
from training.metrics.evaluation import MAIN_BUDGET, TestSet, challenge_probability
from training.metrics.session_recall import ScoredSessions, recall_by_group, session_weights
from training.metrics.slices import Slice, all_slices
from training.reference.regions import region_of

GROUPS = ("overall", "identity type", "history")
"""Groups of slices that are compared, besides regions."""


@dataclass(frozen=True)
class GroupTreatment:
    """How one group is treated at the main budget."""

    group: str
    name: str
    step_ups_per_1000: Estimate
    """Challenges per 1,000 legitimate requests."""
    recall: Estimate
    """Share of compromised sessions caught."""


def group_treatment(
    test_set: TestSet, score: Array, sessions: ScoredSessions, events: pa.Table, seed: int
) -> list[GroupTreatment]:
    """Compare identity types, lengths of history and regions; `events` holds every row of the dataset."""
    identity, legitimate = test_set.identity, ~test_set.malicious
    bootstrap, weights = bootstrap_weights(identity, seed), session_weights(sessions, seed)
    challenges = 1_000.0 * challenge_probability(test_set, score, sessions, MAIN_BUDGET)
    slices = [part for part in all_slices(test_set, sessions) if part.group in GROUPS]
    slices += _regions(test_set, sessions, events)
    masks = {(part.group, part.name): part.sessions for part in slices}
    recall = recall_by_group(sessions, MAIN_BUDGET, weights, masks)
    treatment = []
    for part in slices:
        rows = part.rows & legitimate
        step_ups = bootstrap.mean(challenges[rows], identity[rows])
        treatment.append(GroupTreatment(part.group, part.name, step_ups, recall[part.group, part.name]))
    return treatment


def _regions(test_set: TestSet, sessions: ScoredSessions, events: pa.Table) -> Iterator[Slice]:
    """A slice for each region; an identity's region is where most of its legitimate requests come from."""
    targets, rows = test_set.targets, test_set.rows
    legitimate = rows[~targets.malicious[rows]]
    countries = events["network.country"].take(legitimate).to_pandas()
    frame = pd.DataFrame({"identity": targets.identity[legitimate], "country": countries})
    frame["region"] = frame["country"].map(region_of)
    usual = frame.groupby("identity")["region"].agg(lambda regions: regions.value_counts().index[0])
    home = usual.reindex(np.arange(int(targets.identity.max()) + 1), fill_value=region_of(None)).to_numpy()
    for region in sorted(set(usual)):
        yield Slice("region", region, home[sessions.identity] == region, home[targets.identity[rows]] == region)
