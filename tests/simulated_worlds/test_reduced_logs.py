"""Deployments that log little: whole deployments without network, client, session or time, and guessing at sign-ins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

from features.event.arrow import EVENT_SCHEMA
from training.data.labels import events_to_frame
from training.scenarios.guessing import BACKGROUND, GUESSED, GUESSING, OWN_OLD_PASSWORD, SPRAYED
from training.simulation.log_kinds import REDUCED_LOGS
from training.simulation.world import simulate, world_parameters

MICROSECOND = pd.Timedelta(microseconds=1)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """A world in which nearly every deployment logs little, its labels beside its events."""
    parameters = replace(world_parameters(), identities=500, days=28, reduced_logs=0.8, identities_per_deployment=36)
    world = simulate(5, parameters=parameters)
    return events_to_frame(world.events).join(world.labels.to_pandas())


@pytest.fixture(scope="module")
def recorded(frame: pd.DataFrame) -> pd.DataFrame:
    """By deployment: whether each column is known anywhere."""
    known: pd.DataFrame = frame[EVENT_SCHEMA.names].notna().groupby(frame["deployment"]).any()
    return known


@pytest.mark.parametrize("columns", ["network.", "device.", "credential.", "session.", "action.category"])
def test_whole_deployments_lack_a_group_of_fields(recorded: pd.DataFrame, columns: str) -> None:
    """Neither benign nor malicious events hold it there."""
    names = [name for name in EVENT_SCHEMA.names if name.startswith(columns)]

    assert (~recorded[names].any(axis=1)).any()
    assert recorded[names].any(axis=1).any()


def test_every_kind_of_reduced_log_occurs(recorded: pd.DataFrame) -> None:
    """Each deployment records no more than one of the kinds, and all kinds are found."""
    known = [{name for name in recorded.columns if row[name]} for _, row in recorded.iterrows()]

    found = [log.name for log in REDUCED_LOGS if any(all(map(log.records, names)) for names in known)]
    assert found == [log.name for log in REDUCED_LOGS]


def test_some_logs_hold_sign_ins_alone(frame: pd.DataFrame) -> None:
    """Of all identity types: an SSH server knows services as well as people."""
    alone = frame.groupby("deployment")["action.category"].apply(lambda each: each.eq("authenticate").all())

    kinds = frame[frame["deployment"].isin(alone.index[alone])]["identity.type"].unique()
    assert alone.sum() >= 2
    assert {*kinds} == {"human", "service_account", "workload", "agent"}


def test_some_logs_know_no_time_of_day(frame: pd.DataFrame) -> None:
    """The sessions of an identity follow each other at even distances."""
    plain = frame[frame["compromised"].eq(0) & frame["situation"].isna() & frame["session.id"].notna()]
    starts = plain.groupby(["deployment", "identity.id", "session.id"])["time"].min().reset_index()
    starts = starts.sort_values("time", kind="stable")
    gaps = starts.groupby(["deployment", "identity.id"])["time"].diff().dropna()
    spread = gaps.groupby([starts["deployment"], starts["identity.id"]]).agg(lambda each: each.max() - each.min())

    even = (spread <= 2 * MICROSECOND).astype(float).groupby(level=0).mean()
    assert even.max() > 0.99
    assert even.min() < 0.6


def test_guessing_succeeds_now_and_then(frame: pd.DataFrame) -> None:
    """At one identity, from one address at many, and from the internet at names that mostly do not exist."""
    guesses = frame[frame["scenario"].isin(GUESSING)]
    own = frame[~frame["scenario"].isin(GUESSING)]["identity.id"].unique()
    entered = guesses["action.outcome"].eq("success").astype(float).groupby(guesses["scenario"]).mean()

    assert {*entered.index[entered > 0]} == {*GUESSING}
    assert entered.max() < 0.5
    named = guesses["identity.id"].isin(own).groupby(guesses["scenario"]).mean()
    assert named[GUESSED] == 1.0
    assert 0.5 < named[SPRAYED] < 1.0
    assert 0.0 < named[BACKGROUND] < 0.5
    assert frame["situation"].eq(OWN_OLD_PASSWORD).any()


def test_a_spray_comes_from_one_address(frame: pd.DataFrame) -> None:
    """And tries several identities within half an hour."""
    sprays = frame[frame["scenario"].eq(SPRAYED) & frame["network.ip"].notna()]
    by_address = sprays.groupby(["deployment", "network.ip"])["identity.id"].nunique()

    assert by_address.max() >= 5


def test_wide_vocabularies_are_as_wide_as_real_ones() -> None:
    """Identities of such deployments that act often do 60-190 distinct things; 2-10 % of the later ones are new."""
    parameters = replace(world_parameters(), identities=300, days=60, wide_vocabularies=1.0, reduced_logs=0.0)
    frame = events_to_frame(simulate(3, parameters=parameters).events)
    counts = frame.groupby("identity.id")["action.name"].agg(["size", "nunique"])
    often = frame[frame["identity.id"].isin(counts.index[counts["size"] >= 600])].sort_values("time", kind="stable")
    new = ~often.duplicated(["identity.id", "action.name"])
    later = often.groupby("identity.id").cumcount() >= 300

    assert 60 <= counts[counts["size"] >= 600]["nunique"].median() <= 190
    assert 0.02 <= new[later].mean() <= 0.10


def test_services_act_for_people() -> None:
    """For a few people of their own deployment each, at the hours of people."""
    world = simulate(4, identities=300, days=14)
    frame = events_to_frame(world.events).join(world.labels["deployment"].to_pandas())
    served = frame[frame["identity.acting_for"].notna()]
    others = frame[~frame["identity.type"].eq("human")]["identity.id"].unique()

    assert {*served["identity.type"]} == {"service_account", "agent"}
    assert not served["identity.acting_for"].isin(others).any()
    assert served.groupby("identity.id")["identity.acting_for"].nunique().between(1, 6).all()
    assert pc.count_distinct(world.labels["deployment"]).as_py() > 1
    assert np.isin(served["deployment"], frame["deployment"]).all()
