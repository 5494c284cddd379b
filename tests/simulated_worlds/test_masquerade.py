"""Masquerades: sessions of others moved into a victim's, in simulated worlds and in logs of your own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.arrays import Array
from features.event.arrow import EVENT_SCHEMA, events_of
from training.data.labels import World, benign_labels, events_to_frame
from training.scenarios.masquerade import MASQUERADE, Masquerades, move_sessions
from training.simulation.world import simulate

CONTEXT = ["network.ip", "device.id", "device.user_agent", "credential.id"]


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(6, identities=240, days=21)


@pytest.fixture(scope="module")
def inside(world: World) -> Array:
    """Identities that act in the first days."""
    early = world.events.filter(pc.less(world.events["time"], world.events["time"][len(world.events) // 7]))
    mask: Array = pc.is_in(world.events["identity.id"], value_set=early["identity.id"].unique()).to_numpy()
    return mask


@pytest.fixture(scope="module")
def made(world: World, inside: Array) -> Masquerades:
    return move_sessions(world, inside, 0.2, 3)


@pytest.fixture(scope="module")
def frame(made: Masquerades) -> pd.DataFrame:
    """The events with their labels and whether they were moved."""
    return events_to_frame(made.world.events).join(made.world.labels.to_pandas()).assign(moved=made.moved)


def test_moved_events_are_valid_and_labelled(made: Masquerades, frame: pd.DataFrame) -> None:
    """Rows are in order of time; what was moved is malicious, and nothing else changed its label."""
    moved = frame[frame["moved"]]

    assert len(list(events_of(made.world.events.filter(pa.array(made.moved)).slice(0, 300)))) == 300
    assert frame["time"].is_monotonic_increasing
    assert {*moved["scenario"]} == {MASQUERADE}
    assert (moved["compromised"] == 1).all()
    assert not frame[~frame["moved"]]["scenario"].eq(MASQUERADE).any()


def test_the_same_seed_moves_the_same_sessions(world: World, inside: Array, made: Masquerades) -> None:
    """To the last bit."""
    again = move_sessions(world, inside, 0.2, 3)

    assert again.world.events.equals(made.world.events)
    assert again.world.labels.equals(made.world.labels)


def test_the_victims_own_events_give_way(world: World, frame: pd.DataFrame) -> None:
    """No event of the victim comes after the first moved one in its session; what came before stays."""
    known = frame[frame["session.id"].notna()]
    keys = ["identity.id", "session.id"]
    first = known[known["moved"]].groupby(keys)["time"].min().rename("first").reset_index()
    joined = known.merge(first, on=keys)

    assert not (joined["time"] > joined["first"])[~joined["moved"]].any()
    assert (joined["time"] < joined["first"]).any()
    assert len(frame) - frame["moved"].sum() < len(world.events)


def test_somebody_else_of_the_same_deployment_acts(world: World, frame: pd.DataFrame) -> None:
    """Resources stay those of the deployment, and no field is known that its log never records."""
    recorded = frame[EVENT_SCHEMA.names].notna()
    own = recorded[~frame["moved"]].groupby(frame["deployment"]).any()
    moved = recorded[frame["moved"]].groupby(frame["deployment"]).any()

    assert not (moved & ~own.loc[moved.index]).any(axis=None)


def test_strong_intruders_keep_network_device_client_and_credential(made: Masquerades, frame: pd.DataFrame) -> None:
    """About 45 % of them; all others bring the donor's."""
    strong = frame[frame["moved"] & frame["strength"].eq("same_device") & frame["session.id"].notna()]
    own = set(map(tuple, frame[~frame["moved"]][["identity.id", *CONTEXT]].astype(str).to_numpy()))

    assert 0.38 < made.kept.mean() < 0.52
    moved = list(map(tuple, strong[["identity.id", *CONTEXT]].astype(str).to_numpy()))
    assert np.mean([each in own for each in moved]) > 0.6


def test_half_of_the_donors_are_outside_the_population(made: Masquerades) -> None:
    """As far as there are any of that type in the deployment."""
    assert 0.35 < made.outside.mean() < 0.6


def test_an_identitys_own_sessions_can_be_moved_as_a_control(world: World, inside: Array) -> None:
    """Every moved event is one of the same identity's."""
    made = move_sessions(world, inside, 0.2, 3, own=True)
    moved = events_to_frame(made.world.events.filter(pa.array(made.moved)))
    names = events_to_frame(world.events).groupby("identity.id")["action.name"].agg(set)

    assert len(moved) > 100
    assert all(
        name in names[identity] for identity, name in zip(moved["identity.id"], moved["action.name"], strict=True)
    )


def test_a_log_of_your_own_without_sessions_has_masquerades_too(world: World) -> None:
    """Days stand for sessions; where no other identity of the type is found, nothing is moved."""
    names = ["time", "identity.id", "identity.type", "action.name"]
    events = pa.table(
        [
            world.events[n] if n in names else pa.nulls(len(world.events), world.events.schema.field(n).type)
            for n in EVENT_SCHEMA.names
        ],
        schema=EVENT_SCHEMA,
    )
    own = World(events, benign_labels(events, "yours"))
    alone = own.events["identity.id"].to_numpy() == own.events["identity.id"][0].as_py()
    single = World(own.events.filter(pa.array(alone)), own.labels.filter(pa.array(alone)))

    assert move_sessions(own, np.ones(len(events), bool), 0.1, 1).moved.sum() > 100
    assert move_sessions(single, np.ones(int(alone.sum()), bool), 1.0, 1).moved.sum() == 0
