"""The simulated world: the same for the same seed, valid, rarely attacked, and no tidier than life."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

from features.enrichment.ip_lookup import lookup
from features.event.arrow import EVENT_SCHEMA, events_of
from training.data.labels import LABELS, World, benign_labels, events_to_frame
from training.reference.networks import network_columns, network_table
from training.simulation.world import simulate


def small(seed: int) -> World:
    return simulate(seed, identities=240, days=21)


@pytest.fixture(scope="module")
def world() -> World:
    return small(3)


@pytest.fixture(scope="module")
def frame(world: World) -> pd.DataFrame:
    """Events with their labels beside them."""
    return events_to_frame(world.events).join(world.labels.to_pandas())


def test_the_same_seed_gives_the_same_world(world: World) -> None:
    """Events and labels are equal bit by bit; another seed gives others."""
    again, other = small(3), small(4)

    same = again.events.equals(world.events) and again.labels.equals(world.labels)
    assert (same, other.events.equals(world.events)) == (True, False)


def test_the_tables_have_the_promised_columns(world: World) -> None:
    """Events are of EVENT_SCHEMA, labels of LABELS, row beside row."""
    assert (world.events.schema, world.labels.schema) == (EVENT_SCHEMA, LABELS)


def test_rows_are_valid_events(world: World) -> None:
    """What an intruder does, what surprises, and every twentieth ordinary row pass the strict Event."""
    plain = pc.is_null(world.labels["situation"]).to_numpy() & (world.labels["compromised"].to_numpy() == 0)
    chosen = np.flatnonzero(~plain | (np.arange(len(plain)) % 20 == 0))

    assert sum(1 for _ in events_of(world.events.take(chosen))) == len(chosen)


def test_events_have_ids_of_their_own(frame: pd.DataFrame) -> None:
    """Ties in time are broken by the id, so each event needs its own."""
    assert frame["id"].is_unique and frame["id"].notna().all()


def test_few_sessions_are_compromised(world: World, frame: pd.DataFrame) -> None:
    """An intruder acts in at most one session of a hundred, and in some."""
    known = frame[frame["session.id"].notna()]

    touched = known.groupby(["identity.id", "session.id"])["compromised"].max().eq(1)
    assert 0 < touched.mean() <= 0.01
    assert world.summary()["compromised_sessions"] <= touched.sum()


def test_sessions_are_lost_as_often_early_as_late(frame: pd.DataFrame) -> None:
    """Of the sessions of the first half as many as of the second: else a model made early would foretell too few."""
    known = frame[frame["session.id"].notna()]
    sessions = known.groupby(["identity.id", "session.id"]).agg(at=("time", "min"), compromised=("compromised", "max"))
    surprised = frame[frame["situation"].notna()]["time"]
    halves = (sessions["at"] > sessions["at"].quantile(0.5)).rename("late")

    compromised = sessions["compromised"].eq(1).groupby(halves).sum()
    assert 0.4 < compromised[True] / compromised.sum() < 0.6
    assert 0.4 < (surprised > sessions["at"].quantile(0.5)).mean() < 0.6


def test_every_kind_of_identity_lives_and_is_attacked(frame: pd.DataFrame) -> None:
    """People, service accounts, workloads and agents, both in peace and in trouble."""
    kinds = {"human", "service_account", "workload", "agent"}

    found = [set(part["identity.type"]) for _, part in frame.groupby("compromised")]
    assert found == [kinds, kinds]


def test_only_an_intruders_acts_are_labelled(frame: pd.DataFrame) -> None:
    """Compromised rows name a scenario, all others none; a row is never both abuse and surprise."""
    abuse = frame["compromised"].eq(1)

    assert (frame["scenario"].notna() == abuse).all()
    assert not (abuse & frame["situation"].notna()).any()
    assert set(frame["label_source"]) == {"simulated"}


def test_the_owner_goes_on_in_a_lost_session(frame: pd.DataFrame) -> None:
    """Where a session is shared with an intruder, half of its events and more are its owner's."""
    known = frame[frame["session.id"].notna()]
    mine = known.assign(mine=known["compromised"].eq(0).astype(float)).groupby(["identity.id", "session.id"])["mine"]

    shares = mine.mean()
    shared = shares[shares.between(0, 1, inclusive="neither")]
    assert len(shared) >= 8
    assert 0.4 < shared.mean() < 0.85


def test_no_scenario_says_more_than_its_log(frame: pd.DataFrame) -> None:
    """A field that an identity's own events never tell is never told by what is grafted onto it."""
    said = frame[list(EVENT_SCHEMA.names)].notna().groupby(frame["identity.id"])
    ordinary = frame["compromised"].eq(0) & frame["situation"].isna()

    anywhere, own = said.any(), frame[ordinary][list(EVENT_SCHEMA.names)].notna().groupby(frame["identity.id"]).any()
    assert (anywhere.loc[own.index] == own).all(axis=None)


def test_logs_differ_in_what_they_know(frame: pd.DataFrame) -> None:
    """Some deployments know no address, some no device, some nearly everything."""
    columns = ["network.ip", "device.managed", "resource.sensitivity"]

    known = frame[columns].notna().groupby(frame["identity.id"]).any()
    assert (~known["network.ip"]).any() and known.all(axis=1).any()


def test_some_identities_begin_inside_the_data(frame: pd.DataFrame) -> None:
    """Hires and new services have no history, and are mostly nobody's victims."""
    first = frame.groupby("identity.id")["time"].min()

    late = (first > frame["time"].min() + pd.Timedelta(days=5)).mean()
    assert 0.1 < late < 0.6


def test_consoles_read_in_bursts_of_equal_times(frame: pd.DataFrame) -> None:
    """A page of a web console is ten and more reads within two seconds, several at the same time."""
    people = frame[frame["identity.type"].eq("human") & frame["compromised"].eq(0) & frame["session.id"].notna()]
    pages = people.groupby(["identity.id", "session.id", people["time"].dt.floor("2s")])["time"]

    sizes, times = pages.size(), pages.nunique()
    assert ((sizes >= 10) & (times < sizes)).sum() > 50


def test_failures_happen_in_ordinary_life(frame: pd.DataFrame) -> None:
    """Neither a failed action nor a failed sign-in means abuse."""
    plain = frame[frame["compromised"].eq(0) & frame["situation"].isna()]
    failed = plain["action.outcome"].isin(["failure", "denied"])

    signing = plain["action.category"].eq("authenticate")
    assert 0.01 < failed[~signing].mean() < 0.1
    assert 0.02 < failed[signing].mean() < 0.3


def test_networks_are_what_the_bundled_tables_say() -> None:
    """Operator, country, hosting and anonymiser of simulated addresses equal those an import would find."""
    network = np.repeat(np.arange(len(network_table())), 3)
    said = network_columns(network, np.tile([1, 777, 4_001], len(network_table())))

    found = lookup().facts(said["network.ip"].tolist())
    for name in ("asn", "country", "hosting", "anonymizer"):
        assert (found[name] == said[f"network.{name}"]).all(), name


def test_labels_belong_to_events(world: World) -> None:
    """A table of labels of another length is refused."""
    with pytest.raises(ValueError, match="labels"):
        World(world.events, benign_labels(world.events.slice(1)))
