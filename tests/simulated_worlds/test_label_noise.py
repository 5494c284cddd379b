"""Labels as a company has them: late, partial, wrong, by session; the events themselves never change."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from training import WorldParameters, simulate, world_parameters
from training.data.labels import LABELS, World
from training.data.sessions import session_keys
from training.simulation.label_noise import late_labels, partial_labels, session_labels, truncate_at, wrong_labels


@pytest.fixture(scope="module")
def numbers() -> WorldParameters:
    return replace(world_parameters(), identities=220, days=21, compromised_sessions=0.05, label_delay_spread=1.5)


@pytest.fixture(scope="module")
def world(numbers: WorldParameters) -> World:
    return simulate(5, parameters=numbers)


def day(world: World, number: int) -> datetime:
    start: datetime = world.events["time"][0].as_py()
    return start + pd.Timedelta(days=number).to_pytimedelta()


def malicious(world: World) -> np.ndarray:
    rows: np.ndarray = world.labels["compromised"].fill_null(0).to_numpy() == 1
    return rows


def takeovers(world: World) -> set[tuple[str, str]]:
    rows = malicious(world)
    pairs = zip(world.events["identity.id"].to_pylist(), world.labels["scenario"].to_pylist(), strict=True)
    return {pair for pair, mine in zip(pairs, rows, strict=True) if mine}


def test_more_is_found_out_as_time_goes_by(world: World, numbers: WorldParameters) -> None:
    """What is known stays known, whole takeovers at a time; in the end everything is."""
    known = [takeovers(late_labels(world, day(world, d), numbers, 1)) for d in (2, 10, 30, 100_000)]

    assert all(before <= after for before, after in pairwise(known))
    assert len(known[0]) < len(known[1]) < len(known[2]) < len(known[3])
    assert known[3] == takeovers(world)


def test_half_is_found_out_within_the_median_delay(world: World, numbers: WorldParameters) -> None:
    """Of takeovers that began at one time, give or take."""
    quick = replace(numbers, label_delay_days=1e-9)
    begun = len(takeovers(truncate_at(world, day(world, 1))))
    shares = [
        len(takeovers(late_labels(world, day(world, 21), replace(numbers, label_delay_days=d), 3)))
        for d in (1e-9, 11, 1e9)
    ]

    assert begun < shares[0] == len(takeovers(late_labels(world, day(world, 21), quick, 8)))
    assert shares[0] > shares[1] > shares[2] == 0


@pytest.mark.parametrize("taken_for", ["unknown", "benign"])
def test_what_is_not_found_out_is_nobodys_or_the_owners(world: World, numbers: WorldParameters, taken_for: str) -> None:
    """As asked: null, or 0; without the name of an abuse or a strength; all other rows stay."""
    some = partial_labels(world, numbers, 2, taken_for=taken_for)  # type: ignore[arg-type]
    hidden = malicious(world) & ~malicious(some)

    labels = some.labels.to_pandas()[hidden]
    assert labels["compromised"].isna().all() if taken_for == "unknown" else labels["compromised"].eq(0).all()
    assert labels[["scenario", "strength"]].isna().all(axis=None) and len(labels) > 0
    assert some.labels.filter(~hidden).equals(world.labels.filter(~hidden)) and some.events.equals(world.events)


def test_so_many_are_found_as_are_said_to_be(world: World, numbers: WorldParameters) -> None:
    """All, none, and about the share."""
    every, none, some = (
        len(takeovers(partial_labels(world, replace(numbers, labels_found=s), 2))) / len(takeovers(world))
        for s in (1, 0, 0.6)
    )

    assert (every, none) == (1.0, 0.0) and 0.4 < some < 0.8


def test_wrong_labels_go_both_ways(world: World, numbers: WorldParameters) -> None:
    """Some takeovers are called benign, and whole benign sessions compromised, without a scenario; at 0 nothing changes."""
    noisy = wrong_labels(world, replace(numbers, labels_missed=0.3, labels_false_alarms=0.02), 4)
    accused = malicious(noisy) & ~malicious(world)
    keys = session_keys(world.events)
    whole = pd.Series(accused).groupby(keys).mean()

    assert 0.1 < 1 - len(takeovers(world) & takeovers(noisy)) / len(takeovers(world)) < 0.5
    assert set(whole[whole > 0]) == {1.0} and 0.005 < (whole > 0).mean() < 0.05
    assert noisy.labels.filter(accused)["scenario"].null_count == accused.sum()
    right = wrong_labels(world, replace(numbers, labels_missed=0.0, labels_false_alarms=0.0), 4)
    assert right.labels.equals(world.labels)


def test_an_investigator_marks_sessions_from_the_first_act_on(world: World) -> None:
    """What the owner did before stays his; what he did after counts as compromised."""
    marked = session_labels(world)
    frame = pd.DataFrame({"key": session_keys(world.events), "was": malicious(world), "is": malicious(marked)})
    frame["after"] = frame.groupby("key")["was"].cummax()
    known = frame[frame["key"] != 0]

    times_tie = world.events["time"].to_pandas().duplicated(keep=False)
    assert (known["is"] == known["after"])[~times_tie[known.index]].all()
    assert marked.labels.schema == LABELS and (frame["is"] & ~frame["was"]).any()


def test_a_cut_world_ends_there(world: World) -> None:
    """Nothing later is known, not even that the session went on."""
    early = truncate_at(world, day(world, 5))

    assert early.events["time"].to_pylist()[-1] <= day(world, 5) and 0 < len(early.events) < len(world.events)
    assert early.labels.equals(world.labels.slice(0, len(early.labels)))
