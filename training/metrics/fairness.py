"""Who is asked and who is protected: the same budget may weigh on some more than on others, and guard them less."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from features.arrays import Array
from training.metrics.bootstrap import Estimate, bootstrap_weights
from training.metrics.evaluation import MAIN, TestSet, challenges
from training.metrics.session_recall import Sessions, recalls, resampled
from training.metrics.slices import Slice, every_slice
from training.reference.regions import region_of

GROUPS = ("overall", "identity type", "history")
NOTE = (
    "At {budget:.1%} of benign sessions challenged in each identity type. A region is where most of an identity's own "
    "requests come from. Where intervals do not overlap, one group bears more than another: that is a question to "
    "whoever deploys the model, and no answer."
)


@dataclass(frozen=True)
class Treated:
    """One group: step-ups per 1,000 of its legitimate requests, and the share of its compromised sessions that is caught."""

    group: str
    name: str
    asked: Estimate
    caught: Estimate


def treated(tested: TestSet, score: Array, mine: Sessions, events: pa.Table, seed: int) -> list[Treated]:
    """By identity type, length of history and region; `events` are those of all rows there are."""
    identity, own = tested.targets.identity[tested.rows], ~tested.targets.malicious[tested.rows]
    drawn, weights = bootstrap_weights(identity, seed), resampled(mine, seed)
    asked = 1_000.0 * challenges(tested, score, mine, MAIN)
    parts = [part for part in every_slice(tested, mine) if part.group in GROUPS]
    parts += _regions(tested, mine, events)
    recall = recalls(mine, MAIN, weights, {(part.group, part.name): part.sessions for part in parts})
    found = []
    for part in parts:
        here, caught = part.rows & own, recall[part.group, part.name]
        share = Estimate(caught.value, caught.low, caught.high, caught.count)
        found.append(Treated(part.group, part.name, drawn.mean(asked[here], identity[here]), share))
    return found


def _regions(tested: TestSet, mine: Sessions, events: pa.Table) -> Iterator[Slice]:
    of, rows = tested.targets, tested.rows
    own = rows[~of.malicious[rows]]
    frame = pd.DataFrame({"identity": of.identity[own], "country": events["network.country"].take(own).to_pandas()})
    frame["region"] = frame["country"].map(region_of)
    usual = frame.groupby("identity")["region"].agg(lambda each: each.value_counts().index[0])
    home = usual.reindex(np.arange(int(of.identity.max()) + 1), fill_value=region_of(None)).to_numpy()
    for region in sorted(set(usual)):
        yield Slice("region", region, home[mine.identity] == region, home[of.identity[rows]] == region)
