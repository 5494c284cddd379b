"""Labels as a company has them: late, incomplete, wrong, or by whole sessions; the events never change."""

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
from training.simulation.label_noise import (
    TakenFor,
    late_labels,
    partial_labels,
    session_labels,
    truncate_at,
    wrong_labels,
)


@pytest.fixture(scope="module")
def parameters() -> WorldParameters:
    return replace(world_parameters(), identities=220, days=21, compromised_sessions=0.05, label_delay_spread=1.5)


@pytest.fixture(scope="module")
def world(parameters: WorldParameters) -> World:
    return simulate(5, parameters=parameters)


def day(world: World, number: int) -> datetime:
    start: datetime = world.events["time"][0].as_py()
    return start + pd.Timedelta(days=number).to_pytimedelta()


def malicious(world: World) -> np.ndarray:
    rows: np.ndarray = world.labels["compromised"].fill_null(0).to_numpy() == 1
    return rows


def takeovers(world: World) -> set[tuple[str, str]]:
    """Identity and scenario of every takeover that the labels name."""
    pairs = zip(world.events["identity.id"].to_pylist(), world.labels["scenario"].to_pylist(), strict=True)
    return {pair for pair, labelled in zip(pairs, malicious(world), strict=True) if labelled}


def test_late_labels_grow_with_time(world: World, parameters: WorldParameters) -> None:
    """What is found stays found, whole takeovers at a time; in the end everything is."""
    found = [takeovers(late_labels(world, day(world, d), parameters, 1)) for d in (2, 10, 30, 100_000)]

    assert all(earlier <= later for earlier, later in pairwise(found))
    assert len(found[0]) < len(found[1]) < len(found[2]) < len(found[3])
    assert found[3] == takeovers(world)


def test_late_labels_depend_on_the_median_delay(world: World, parameters: WorldParameters) -> None:
    """Without delay everything is found at once; the longer the delay, the less is found by the end."""
    begun = len(takeovers(truncate_at(world, day(world, 1))))
    found = {
        (delay, seed): len(
            takeovers(late_labels(world, day(world, 21), replace(parameters, label_delay_days=delay), seed))
        )
        for delay, seed in ((1e-9, 3), (11, 3), (1e9, 3), (1e-9, 8))
    }

    assert begun < found[1e-9, 3]
    assert found[1e-9, 3] == found[1e-9, 8]
    assert found[1e-9, 3] > found[11, 3] > found[1e9, 3]
    assert found[1e9, 3] == 0


@pytest.mark.parametrize("taken_for", ["unknown", "benign"])
def test_takeovers_that_are_not_found_become_unknown_or_benign(
    world: World, parameters: WorldParameters, taken_for: TakenFor
) -> None:
    """`compromised` becomes null or 0 as requested, scenario and strength become null; all other rows stay."""
    partial = partial_labels(world, parameters, 2, taken_for=taken_for)
    hidden = malicious(world) & ~malicious(partial)

    labels = partial.labels.to_pandas()[hidden]
    assert len(labels) > 0
    assert labels["compromised"].isna().all() if taken_for == "unknown" else labels["compromised"].eq(0).all()
    assert labels[["scenario", "strength"]].isna().all(axis=None)
    assert partial.labels.filter(~hidden).equals(world.labels.filter(~hidden))
    assert partial.events.equals(world.events)


def test_partial_labels_name_the_share_that_is_found(world: World, parameters: WorldParameters) -> None:
    """All, none, and about the share."""
    everything, nothing, some = (
        len(takeovers(partial_labels(world, replace(parameters, labels_found=share), 2))) / len(takeovers(world))
        for share in (1, 0, 0.6)
    )

    assert everything == 1.0
    assert nothing == 0.0
    assert 0.4 < some < 0.8


def test_wrong_labels_miss_takeovers_and_accuse_benign_sessions(world: World, parameters: WorldParameters) -> None:
    """Some takeovers are called benign, and whole benign sessions compromised, without a scenario."""
    noisy = wrong_labels(world, replace(parameters, labels_missed=0.3, labels_false_alarms=0.02), 4)
    accused = malicious(noisy) & ~malicious(world)
    by_session = pd.Series(accused).groupby(session_keys(world.events)).mean()

    assert 0.1 < 1 - len(takeovers(world) & takeovers(noisy)) / len(takeovers(world)) < 0.5
    assert set(by_session[by_session > 0]) == {1.0}
    assert 0.005 < (by_session > 0).mean() < 0.05
    assert noisy.labels.filter(accused)["scenario"].null_count == accused.sum()


def test_without_errors_wrong_labels_change_nothing(world: World, parameters: WorldParameters) -> None:
    """At rates of 0 every label stays."""
    noisy = wrong_labels(world, replace(parameters, labels_missed=0.0, labels_false_alarms=0.0), 4)

    assert noisy.labels.equals(world.labels)


def test_session_labels_start_at_the_attackers_first_action(world: World) -> None:
    """The victim's actions before it stay benign; those after it count as compromised."""
    marked = session_labels(world)
    frame = pd.DataFrame({"key": session_keys(world.events), "was": malicious(world), "is": malicious(marked)})
    frame["after"] = frame.groupby("key")["was"].cummax()
    in_session = frame[frame["key"] != 0]

    ties = world.events["time"].to_pandas().duplicated(keep=False)
    assert (in_session["is"] == in_session["after"])[~ties[in_session.index]].all()
    assert marked.labels.schema == LABELS
    assert (frame["is"] & ~frame["was"]).any()


def test_a_truncated_world_ends_at_the_moment(world: World) -> None:
    """Nothing later is in it, not even that a session went on."""
    early = truncate_at(world, day(world, 5))

    assert early.events["time"].to_pylist()[-1] <= day(world, 5)
    assert 0 < len(early.events) < len(world.events)
    assert early.labels.equals(world.labels.slice(0, len(early.labels)))
