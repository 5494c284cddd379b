"""Abuse grafted onto histories that the simulator did not make."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import grimp
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.random_events import START, random_events
from typer.testing import CliRunner

from features.event.arrow import EVENT_SCHEMA, events_of, table_of
from features.event.schema import Event
from features.sources.file_import import import_files
from training.cli.main import app
from training.data.labels import LABELS, frame_of, table_of_frame, unlabelled
from training.data.sessions import sessions_in
from training.reference.attack_sequences import STRATUS, chains, serving
from training.reference.job_profiles import steps
from training.scenarios.attacker import IN_PLACE, STRENGTHS, Attacker, intruder
from training.scenarios.injection import additions, graft
from training.scenarios.registry import SCENARIOS, Scenario

ROOT = Path(__file__).parents[2]
each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
VOLUME = ("key_of_somebody_gone", "insider_hoarding", "oauth_consent_grant")
AIMING = [scenario for scenario in SCENARIOS if scenario.name not in VOLUME]
"""All but those whose point is to do what was always done, or only more of it."""
CLOUD_DAY = ("ec2:DescribeInstances", "s3:GetObject", "iam:ListUsers", "logs:GetLogEvents", "sts:GetCallerIdentity")


@pytest.fixture(scope="module")
def random_table() -> pa.Table:
    """Events of all kinds of identities with gaps everywhere, as no log of one product would be."""
    return table_of(random_events(1_500, seed=11, identities=12))


@pytest.fixture(scope="module")
def cloudtrail_table() -> pa.Table:
    """Real CloudTrail records."""
    files = sorted((ROOT / "data" / "panther").glob("*cloudtrail*.ndjson.gz"))
    return import_files("cloudtrail", files).table


def cloud_history(kind: str) -> pd.DataFrame:
    """A hand-made history of one identity of a cloud: two sessions a day, no sign-in."""
    events = [
        Event.model_validate(
            {
                "time": START + timedelta(hours=12 * (place // 10), minutes=place % 10),
                "identity": {"id": "somebody", "type": kind},
                "session": {"id": f"session-{place // 10}"},
                "action": {"name": CLOUD_DAY[place % 5], "outcome": "success"},
                "network": {"ip": "203.0.113.7", "asn": 64496, "country": "DE"},
                "device": {"user_agent": "aws-cli/2.15.30 Python/3.11.8 Linux/5.10 botocore/2.4.5"},
                "credential": {"id": f"key-{place // 10}", "kind": "access_key"},
            }
        )
        for place in range(200)
    ]
    return frame_of(table_of(events))


def acts_of(scenario: Scenario, history: pd.DataFrame, seed: int) -> pd.DataFrame:
    """What an intruder does whom the scenario's odds draw."""
    rng = np.random.default_rng(seed)
    return scenario.function(history, rng, intruder(rng, scenario.odds))


def victims(table: pa.Table, scenario: Scenario) -> list[pd.DataFrame]:
    """The histories a scenario can be applied to."""
    frame = frame_of(table).sort_values("time", kind="stable")
    frame = frame[frame["identity.type"].isin(scenario.identity_types)]
    return [part.reset_index(drop=True) for _, part in frame.groupby("identity.id")]


@each_scenario
def test_a_scenario_applies_to_foreign_histories(
    scenario: Scenario, random_table: pa.Table, cloudtrail_table: pa.Table
) -> None:
    """Whatever a log holds, the intruder's acts are valid events of the victim, in the victim's columns."""
    found = [*victims(random_table, scenario), *victims(cloudtrail_table, scenario)[:20]]
    assert found

    for seed, history in enumerate(found):
        acts = acts_of(scenario, history, seed)
        events = list(events_of(table_of_frame(acts)))
        assert {event.identity.id for event in events} == set(history["identity.id"])
        assert list(acts.columns) == list(EVENT_SCHEMA.names)


@each_scenario
def test_a_scenario_changes_nothing(scenario: Scenario) -> None:
    """The victim's own events are read, never written; the same generator gives the same acts."""
    history = cloud_history(scenario.identity_types[0])
    before = history.copy(deep=True)

    once, again = (acts_of(scenario, history, 5) for _ in range(2))
    pd.testing.assert_frame_equal(history, before)
    pd.testing.assert_frame_equal(once, again)


@each_scenario
def test_cloud_abuse_is_recorded_abuse(scenario: Scenario) -> None:
    """In a cloud an intruder does what the owner does, signs in, or does what a recorded sequence holds."""
    recorded = {step.action for chain in chains() for step in chain.steps}
    history = cloud_history(scenario.identity_types[0])

    done = {name for seed in range(20) for name in _actions(scenario, history, seed)}
    assert done <= recorded | set(CLOUD_DAY) | {"signin:ConsoleLogin"}


@pytest.mark.parametrize("scenario", AIMING, ids=lambda s: s.name)
def test_recorded_sequences_are_kept_in_order(scenario: Scenario) -> None:
    """Scenarios with an aim in a cloud follow a whole chain, step by step."""
    history = cloud_history(scenario.identity_types[0])
    tries = [_actions(scenario, history, seed) for seed in range(10)]

    assert all(any(_holds(done, [step.action for step in chain.steps]) for chain in chains()) for done in tries)


@each_scenario
def test_no_client_names_the_tool(scenario: Scenario) -> None:
    """The recordings' user agent names the tool; no intruder ever shows it."""
    history = cloud_history(scenario.identity_types[0])
    agents = {a for seed in range(20) for a in acts_of(scenario, history, seed)["device.user_agent"]}

    assert [agent for agent in agents if "stratus" in str(agent).lower()] == []


def test_a_graft_leaves_the_originals_untouched(cloudtrail_table: pa.Table) -> None:
    """The table comes first and unchanged; what follows is the intruder's and labelled so."""
    world = graft(cloudtrail_table, rate=0.2, seed=1)

    own, added = world.labels.slice(0, len(cloudtrail_table)), world.labels.slice(len(cloudtrail_table))
    assert world.events.slice(0, len(cloudtrail_table)).equals(cloudtrail_table)
    assert set(own["compromised"].to_pylist()) == {0}
    assert set(added["compromised"].to_pylist()) == {1}


def test_a_graft_takes_tables_that_lack_columns(random_table: pa.Table) -> None:
    """A log that knows five fields is enough; what it never says stays unknown."""
    names = ["time", "identity.id", "identity.type", "session.id", "action.name"]
    world = graft(random_table.select(names), rate=0.2, seed=6)

    added = world.events.slice(len(random_table))
    assert len(added) > 0 and {n for n in added.column_names if added[n].null_count < len(added)} <= {*names}


def test_a_graft_is_repeatable_and_keeps_to_its_rate(random_table: pa.Table) -> None:
    """The same seed gives the same world; the share of sessions touched stays below the rate."""
    once, again = (graft(random_table, rate=0.1, seed=3) for _ in range(2))

    added = frame_of(once.events.slice(len(random_table)))
    assert once.events.equals(again.events)
    sessions = frame_of(random_table).dropna(subset="session.id").groupby(["identity.id", "session.id"]).ngroups
    assert 0 < added.groupby(["identity.id", "session.id"]).ngroups <= 0.1 * sessions


def test_an_identity_is_a_victim_once_and_never_after_the_end(random_table: pa.Table) -> None:
    """Two thieves in one history, or events beyond the last, would teach what never happens."""
    world = graft(random_table, rate=1.0, seed=2)
    added = frame_of(world.events.slice(len(random_table)))
    added["scenario"] = world.labels["scenario"].to_numpy()[len(random_table) :]

    assert (added.groupby("identity.id")["scenario"].nunique() == 1).all()
    assert added["time"].max() <= frame_of(random_table)["time"].max()


def test_intruders_prefer_what_is_known_to_be_weak() -> None:
    """An exposed key among twenty is found far more often than one in twenty times."""
    parts = [cloud_history("service_account").assign(**{"identity.id": f"id-{number}"}) for number in range(20)]
    parts[7]["credential.exposed"] = True
    table = table_of_frame(pd.concat(parts, ignore_index=True))
    leak = tuple(s for s in SCENARIOS if s.name == "secret_in_repository")

    victims_ = [graft(table, rate=0.003, seed=seed, scenarios=leak).events["identity.id"][-1] for seed in range(40)]
    assert 6 <= sum(victim.as_py() == "id-7" for victim in victims_) <= 30


def test_at_least_sixteen_are_trained_on_and_four_are_not() -> None:
    """Held-out scenarios show what the model makes of what it was never shown, for every kind of identity."""
    unseen = [scenario for scenario in SCENARIOS if scenario.held_out]

    assert (len(SCENARIOS) - len(unseen) >= 16, len(unseen)) == (True, 4)
    assert {kind for s in unseen for kind in s.identity_types} == {"human", "service_account", "workload", "agent"}


def test_machines_abuse_names_a_risk_of_machines() -> None:
    """OWASP's list is of non-human identities: whatever befalls only them is on it."""
    assert [s.name for s in SCENARIOS if "human" not in s.identity_types and not s.nhi] == []


@pytest.mark.parametrize(
    ("who", "strength"),
    [
        (Attacker("abroad", "same", "patient"), "naive"),
        (Attacker("rented", "other", "scripted"), "naive"),
        (Attacker("countryman", "cloned", "patient"), "same_country"),
        (Attacker("neighbour", "other", "patient"), "same_network"),
        (Attacker("neighbour", "cloned", "by_hand"), "same_device"),
        (Attacker("same", "same", "patient"), "patient"),
    ],
)
def test_strength_is_what_of_the_owner_an_intruder_matches(who: Attacker, strength: str) -> None:
    """Each rung includes those before it: patience from abroad is no strength."""
    assert who.strength == strength


def test_intruders_of_every_strength_come_and_most_are_clumsy() -> None:
    """With the odds of a cookie's thief."""
    drawn = [intruder(np.random.default_rng(seed)).strength for seed in range(2_000)]
    counts = {strength: drawn.count(strength) for strength in STRENGTHS}

    assert counts["naive"] == max(counts.values()) and min(counts.values()) > 20


def test_who_acts_in_place_has_no_other_place() -> None:
    """An insider and a hijacked agent come from the owner's own network with the owner's own client."""
    inside = [s for s in SCENARIOS if s.odds.near == IN_PLACE.near and s.odds.alike == IN_PLACE.alike]
    strengths = {intruder(np.random.default_rng(seed), s.odds).strength for s in inside for seed in range(40)}

    assert {"insider_escalation", "insider_hoarding", "agent_redirected", "poisoned_tool"} <= {s.name for s in inside}
    assert strengths == {"same_device", "patient"}


def test_the_strength_of_every_intruder_is_recorded(random_table: pa.Table) -> None:
    """On his own rows alone."""
    labels = graft(random_table, rate=0.5, seed=1).labels.to_pandas()

    assert labels["strength"].notna().equals(labels["compromised"].eq(1))
    assert set(labels["strength"].dropna()) <= {*STRENGTHS} and labels["strength"].nunique() >= 3


def test_a_hijacked_agent_does_its_own_kind_of_work_and_another() -> None:
    """It gathers with tools it has, and does what its own work never asks for, from where it always was."""
    history = cloud_history("agent")
    redirected = next(s for s in SCENARIOS if s.name == "agent_redirected")
    acts = [acts_of(redirected, history, seed) for seed in range(30)]

    own = [part["action.name"].isin(CLOUD_DAY).mean() for part in acts]
    assert all(0 < share < 1 for share in own)
    assert all(
        part[["network.ip", "device.user_agent", "credential.id"]].drop_duplicates().shape[0] == 1 for part in acts
    )


def test_sessions_are_counted_as_histories_tell_them_apart(random_table: pa.Table) -> None:
    """One of each identity and session, none where the session is unknown."""
    frame = frame_of(random_table).dropna(subset="session.id")

    assert sessions_in(random_table) == frame.groupby(["identity.id", "session.id"]).ngroups


def test_a_rate_that_cannot_be_reached_is_said(random_table: pa.Table) -> None:
    """A victim once at most: twelve identities cannot lose half of all sessions."""
    rates = 0.9, 0.02, 1e-6
    far, near, none = (additions(random_table, graft(random_table, rate=r, seed=2), r) for r in rates)

    assert far.shortfall is not None and f"{far.asked} of {far.sessions}" in far.shortfall
    assert far.touched < far.asked and near.shortfall is None
    assert none.shortfall is not None and "comes to none" in none.shortfall
    assert sum(victims_ for _, victims_, _ in far.rows) <= 12


def test_the_command_grafts_what_is_asked_for_and_nothing_else(random_table: pa.Table, tmp_path: Path) -> None:
    """Named scenarios alone; the file given stays as it is, and its rows come first in the new one."""
    given, out = tmp_path / "mine.parquet", tmp_path / "labelled.parquet"
    pq.write_table(random_table, given)
    before = given.read_bytes()
    chosen = ["--scenarios", "agent_redirected,mfa_fatigue", "--rate", "0.05"]
    came = CliRunner().invoke(app, ["graft", str(given), *chosen, "--out", str(out)])

    assert came.exit_code == 0, came.output
    labels = pq.read_table(tmp_path / "labelled.labels.parquet")
    assert set(labels["scenario"].drop_null().to_pylist()) == {"agent_redirected", "mfa_fatigue"}
    assert (given.read_bytes(), pq.read_table(out).slice(0, len(random_table))) == (before, random_table)
    assert "agent_redirected" in came.output and "unchanged" in came.output


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--scenarios", "agent_redirect"], "did you mean 'agent_redirected'"),
        (["--scenarios", " , "], "no scenario is named"),
        (["--out", "mine.parquet"], "would be overwritten"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(
    asked: list[str], said: str, random_table: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scenario that is none, or a name that is taken by the log itself."""
    monkeypatch.chdir(tmp_path)
    pq.write_table(random_table, "mine.parquet")
    came = CliRunner().invoke(app, ["graft", "mine.parquet", "--out", "new.parquet", *asked])

    assert (came.exit_code, said in " ".join(came.output.split())) == (2, True), came.output
    assert not Path("new.parquet").exists()


def test_labels_of_an_older_file_are_taken(random_table: pa.Table) -> None:
    """A file without strengths says unknown there."""
    old = unlabelled(random_table).drop_columns(["strength"])
    world = graft(random_table, old, rate=0.1, seed=3)

    assert world.labels.schema == LABELS and world.labels["strength"].slice(0, len(random_table)).null_count == len(old)


@each_scenario
def test_scenarios_name_what_they_are(scenario: Scenario) -> None:
    """ATT&CK or ATLAS techniques, OWASP NHI risks, and a sentence."""
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?|AML\.T\d{4}", name) for name in scenario.attack) and scenario.attack
    assert all(re.fullmatch(r"NHI([1-9]|10):2025", name) for name in scenario.nhi)
    assert scenario.function.__doc__


def test_recorded_sequences_come_in_order() -> None:
    """A user is made before it is given a key and a policy; pauses are never negative."""
    (chain,) = serving("iam-create-admin-user")

    assert [s.action for s in chain.steps] == ["iam:CreateUser", "iam:CreateAccessKey", "iam:AttachUserPolicy"]
    assert all(step.pause_seconds >= 0 for each in chains() for step in each.steps)
    assert len(chains()) == len(list(STRATUS.glob("*.json")))


def test_a_misspelt_category_is_refused() -> None:
    """The vocabulary is checked when it is read."""
    with pytest.raises(ValueError, match="names no category"):
        steps("report.export/exprot")


def test_training_never_reads_the_demonstration_incident() -> None:
    """The incident of the demo and of the tests stays out of what the model learns from; the gate alone asks, once a
    model is there, how often it would have asked the people in it."""
    reading = {p.stem for p in (ROOT / "training").rglob("*.py") if b"otrf" in p.read_bytes().lower()} - {"chapter"}
    graph = grimp.build_graph("training", cache_dir=None)
    teaching = ("model.fit", "pipeline.augmentation", "model.calibration", "cli.data")
    taught = {module for name in teaching for module in graph.find_upstream_modules(f"training.{name}")}
    asking = graph.find_modules_that_directly_import("training.promotion.real_record_check")

    assert reading == {"carried", "real_incident"}
    assert ("training.scenarios.injection" in taught, "training.evaluation.real.otrf_incident" in taught) == (
        True,
        False,
    )
    assert asking == {"training.promotion.checks", "training.pipeline.retrain"}


def _actions(scenario: Scenario, history: pd.DataFrame, seed: int) -> list[str]:
    return acts_of(scenario, history, seed)["action.name"].tolist()


def _holds(done: list[str], wanted: list[str]) -> bool:
    return any(done[place : place + len(wanted)] == wanted for place in range(len(done)))
