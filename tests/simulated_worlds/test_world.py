"""The simulated world: the same for the same seed, valid, rarely attacked, and as untidy as a real log."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

from features.enrichment.ip_lookup import lookup
from features.event.arrow import EVENT_SCHEMA, events_of
from training.data.labels import LABELS, World, benign_labels, events_to_frame
from training.reference.networks import network_columns, network_table
from training.scenarios.guessing import GUESSING
from training.simulation.world import simulate

RECORDED = [name for name in EVENT_SCHEMA.names if not name.startswith("task_fit.")]
"""Columns that a simulated log can record: its agents have tasks, but say nothing."""


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
    same, other = small(3), small(4)

    assert same.events.equals(world.events)
    assert same.labels.equals(world.labels)
    assert not other.events.equals(world.events)


def test_the_tables_have_the_promised_columns(world: World) -> None:
    """Events are of EVENT_SCHEMA, labels of LABELS, row beside row."""
    assert world.events.schema == EVENT_SCHEMA
    assert world.labels.schema == LABELS


def test_rows_are_valid_events(world: World) -> None:
    """Attackers' rows, hard negatives and every twentieth other row pass the strict Event."""
    plain = pc.is_null(world.labels["situation"]).to_numpy() & (world.labels["compromised"].to_numpy() == 0)
    chosen = np.flatnonzero(~plain | (np.arange(len(plain)) % 20 == 0))

    assert sum(1 for _ in events_of(world.events.take(chosen))) == len(chosen)


def test_events_have_ids_of_their_own(frame: pd.DataFrame) -> None:
    """Ties in time are broken by the id, so each event needs its own."""
    assert frame["id"].is_unique and frame["id"].notna().all()


def test_few_sessions_are_compromised(world: World, frame: pd.DataFrame) -> None:
    """An attacker acts in at most one session of a hundred, and in some; not counting who only guesses at sign-ins."""
    known = frame[frame["session.id"].notna() & ~frame["scenario"].isin(GUESSING)]

    touched = known.groupby(["identity.id", "session.id"])["compromised"].max().eq(1)
    assert 0 < touched.mean() <= 0.01


def test_sessions_are_compromised_as_often_early_as_late(frame: pd.DataFrame) -> None:
    """Both halves hold about as many, or a model fitted early would predict too few; the same for hard negatives."""
    known = frame[frame["session.id"].notna()]
    sessions = known.groupby(["identity.id", "session.id"]).agg(at=("time", "min"), compromised=("compromised", "max"))
    hard_negatives = frame[frame["situation"].notna()]["time"]
    halves = (sessions["at"] > sessions["at"].quantile(0.5)).rename("late")

    compromised = sessions["compromised"].eq(1).groupby(halves).sum()
    assert 0.4 < compromised[True] / compromised.sum() < 0.6
    assert 0.4 < (hard_negatives > sessions["at"].quantile(0.5)).mean() < 0.6


def test_every_identity_type_acts_and_is_attacked(frame: pd.DataFrame) -> None:
    """Benign and malicious events are of people, service accounts, workloads and agents."""
    kinds = {"human", "service_account", "workload", "agent"}

    found = [set(part["identity.type"]) for _, part in frame.groupby("compromised")]
    assert found == [kinds, kinds]


def test_only_malicious_events_name_a_scenario(frame: pd.DataFrame) -> None:
    """All others name none; a row is never both an attack and a hard negative."""
    abuse = frame["compromised"].eq(1)

    assert (frame["scenario"].notna() == abuse).all()
    assert not (abuse & frame["situation"].notna()).any()
    assert set(frame["label_source"]) == {"simulated"}


def test_the_victim_goes_on_in_a_compromised_session(frame: pd.DataFrame) -> None:
    """Where both act in a session, about half of its events or more are the victim's."""
    known = frame[frame["session.id"].notna()]
    benign = known.assign(benign=known["compromised"].eq(0).astype(float))

    shares = benign.groupby(["identity.id", "session.id"])["benign"].mean()
    shared = shares[shares.between(0, 1, inclusive="neither")]
    assert len(shared) >= 8
    assert 0.4 < shared.mean() < 0.85


def test_injected_events_hold_no_field_that_the_log_never_records(frame: pd.DataFrame) -> None:
    """A field that is unknown in all of an identity's own events is unknown in the injected ones too."""
    recorded = frame[RECORDED].notna()
    own_rows = frame["compromised"].eq(0) & frame["situation"].isna()

    anywhere = recorded.groupby(frame["identity.id"]).any()
    own = recorded[own_rows].groupby(frame["identity.id"]).any()
    assert (anywhere.loc[own.index] == own).all(axis=None)


def test_logs_differ_in_what_they_record(frame: pd.DataFrame) -> None:
    """Some deployments record no address, some nearly everything."""
    recorded = frame[RECORDED].notna().groupby(frame["identity.id"]).any()

    assert (~recorded["network.ip"]).any()
    assert recorded.mean(axis=1).max() > 0.8
    assert recorded.mean(axis=1).min() < 0.5


def test_some_identities_begin_inside_the_data(frame: pd.DataFrame) -> None:
    """Newly hired people and new services have no history at the start."""
    first = frame.groupby("identity.id")["time"].min()

    late = (first > frame["time"].min() + pd.Timedelta(days=5)).mean()
    assert 0.1 < late < 0.6


def test_consoles_read_in_bursts_of_equal_times(frame: pd.DataFrame) -> None:
    """A page of a web console is ten and more reads within two seconds, several at the same time."""
    people = frame[frame["identity.type"].eq("human") & frame["compromised"].eq(0) & frame["session.id"].notna()]
    pages = people.groupby(["identity.id", "session.id", people["time"].dt.floor("2s")])["time"]

    sizes, times = pages.size(), pages.nunique()
    assert ((sizes >= 10) & (times < sizes)).sum() > 50


def test_benign_actions_and_sign_ins_fail_now_and_then(frame: pd.DataFrame) -> None:
    """Neither a failed action nor a failed sign-in means an attack."""
    plain = frame[frame["compromised"].eq(0) & frame["situation"].isna()]
    failed = plain["action.outcome"].isin(["failure", "denied"])

    sign_in = plain["action.category"].eq("authenticate")
    assert 0.01 < failed[~sign_in].mean() < 0.1
    assert 0.02 < failed[sign_in].mean() < 0.3


def test_simulated_networks_match_the_bundled_tables() -> None:
    """Operator, country, hosting and anonymizer of simulated addresses equal those an import finds."""
    network = np.repeat(np.arange(len(network_table())), 3)
    said = network_columns(network, np.tile([1, 777, 4_001], len(network_table())))

    found = lookup().facts(said["network.ip"].tolist())
    for name in ("asn", "country", "hosting", "anonymizer"):
        assert (found[name] == said[f"network.{name}"]).all(), name


def test_labels_and_events_must_have_the_same_length(world: World) -> None:
    """Another number of labels than of events is refused."""
    with pytest.raises(ValueError, match="labels"):
        World(world.events, benign_labels(world.events.slice(1)))
