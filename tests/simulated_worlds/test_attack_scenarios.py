"""Attack scenarios: each turns any history of its identity types into an attacker's valid events."""

from __future__ import annotations

import re
from pathlib import Path

import grimp
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support.cloud_history import CLOUD_ACTIONS, cloud_history
from support.random_events import random_events

from features.event.arrow import EVENT_SCHEMA, events_of, table_of
from features.sources.file_import import import_files
from training.data.labels import events_to_frame, frame_to_events
from training.reference.attack_sequences import STRATUS, recorded_sequences, sequences_for
from training.reference.job_profiles import parse_steps
from training.scenarios.attacker import IN_PLACE, STRENGTHS, Attacker, draw_attacker
from training.scenarios.attacks.registry import SCENARIOS, AttackScenario
from training.scenarios.victims import PREFERENCES

ROOT = Path(__file__).parents[2]
each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
VOLUME_ONLY = ("key_of_somebody_gone", "insider_hoarding", "oauth_consent_grant")
"""Scenarios that do what the victim does, or only more of it, and need no recorded sequence."""
WITH_TACTICS = [scenario for scenario in SCENARIOS if scenario.name not in VOLUME_ONLY]


@pytest.fixture(scope="module")
def random_table() -> pa.Table:
    """Events of all identity types with unknown fields everywhere, as no single product would log them."""
    return table_of(random_events(1_500, seed=11, identities=12))


@pytest.fixture(scope="module")
def cloudtrail_table() -> pa.Table:
    """Real CloudTrail records."""
    files = sorted((ROOT / "data" / "panther").glob("*cloudtrail*.ndjson.gz"))
    return import_files("cloudtrail", files).table


def attack(scenario: AttackScenario, history: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The events of an attacker drawn by the scenario's odds."""
    rng = np.random.default_rng(seed)
    return scenario.function(history, rng, draw_attacker(rng, scenario.odds))


def actions(scenario: AttackScenario, history: pd.DataFrame, seed: int) -> list[str]:
    return attack(scenario, history, seed)["action.name"].tolist()


def histories(table: pa.Table, scenario: AttackScenario) -> list[pd.DataFrame]:
    """The histories that a scenario can be applied to."""
    frame = events_to_frame(table).sort_values("time", kind="stable")
    frame = frame[frame["identity.type"].isin(scenario.identity_types)]
    return [rows.reset_index(drop=True) for _, rows in frame.groupby("identity.id")]


def contains_run(actions: list[str], run: list[str]) -> bool:
    return any(actions[start : start + len(run)] == run for start in range(len(actions)))


@each_scenario
def test_a_scenario_applies_to_any_history(
    scenario: AttackScenario, random_table: pa.Table, cloudtrail_table: pa.Table
) -> None:
    """Whatever a log records, the attacker's events are valid events of the victim, in the same columns."""
    applicable = [*histories(random_table, scenario), *histories(cloudtrail_table, scenario)[:20]]
    assert applicable

    for seed, history in enumerate(applicable):
        added = attack(scenario, history, seed)
        events = list(events_of(frame_to_events(added)))
        assert {event.identity.id for event in events} == set(history["identity.id"])
        assert list(added.columns) == list(EVENT_SCHEMA.names)


@each_scenario
def test_a_scenario_is_repeatable_and_leaves_the_history_alone(scenario: AttackScenario) -> None:
    """The victim's events are only read; the same generator gives the same events."""
    history = cloud_history(scenario.identity_types[0])
    before = history.copy(deep=True)

    first, second = (attack(scenario, history, 5) for _ in range(2))
    pd.testing.assert_frame_equal(history, before)
    pd.testing.assert_frame_equal(first, second)


@each_scenario
def test_attacks_on_a_cloud_use_recorded_actions(scenario: AttackScenario) -> None:
    """On a cloud an attacker signs in, does what the victim does, or does what a recorded sequence holds."""
    recorded = {step.action for sequence in recorded_sequences() for step in sequence.steps}
    history = cloud_history(scenario.identity_types[0])

    used = {name for seed in range(20) for name in actions(scenario, history, seed)}
    assert used <= recorded | set(CLOUD_ACTIONS) | {"signin:ConsoleLogin"}


@pytest.mark.parametrize("scenario", WITH_TACTICS, ids=lambda scenario: scenario.name)
def test_recorded_sequences_are_kept_in_order(scenario: AttackScenario) -> None:
    """A scenario with a tactic follows a whole recorded sequence on a cloud, step by step."""
    history = cloud_history(scenario.identity_types[0])
    sequences = [[step.action for step in sequence.steps] for sequence in recorded_sequences()]

    for seed in range(10):
        used = actions(scenario, history, seed)
        assert any(contains_run(used, sequence) for sequence in sequences), seed


@each_scenario
def test_no_user_agent_names_the_recording_tool(scenario: AttackScenario) -> None:
    """The recordings' user agent names the tool; an attacker never shows it."""
    history = cloud_history(scenario.identity_types[0])
    user_agents = {agent for seed in range(20) for agent in attack(scenario, history, seed)["device.user_agent"]}

    assert [agent for agent in user_agents if "stratus" in str(agent).lower()] == []


@each_scenario
def test_a_scenario_is_described(scenario: AttackScenario) -> None:
    """It has ATT&CK or ATLAS techniques, OWASP NHI risks, a sentence, and a preference that victims can have."""
    assert scenario.attack
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?|AML\.T\d{4}", name) for name in scenario.attack)
    assert all(re.fullmatch(r"NHI([1-9]|10):2025", name) for name in scenario.nhi)
    assert scenario.function.__doc__
    assert scenario.prefers in {None, *PREFERENCES}


def test_four_scenarios_are_held_out_for_every_identity_type() -> None:
    """At least sixteen are trained on; the held-out ones measure detection of attacks that were never shown."""
    held_out = [scenario for scenario in SCENARIOS if scenario.held_out]

    assert len(held_out) == 4
    assert len(SCENARIOS) - len(held_out) >= 16
    assert {kind for s in held_out for kind in s.identity_types} == {"human", "service_account", "workload", "agent"}


def test_attacks_on_machines_name_a_risk_of_machines() -> None:
    """OWASP's list is of non-human identities: every scenario that befalls only them is on it."""
    assert [s.name for s in SCENARIOS if "human" not in s.identity_types and not s.nhi] == []


@pytest.mark.parametrize(
    ("attacker", "strength"),
    [
        (Attacker("abroad", "same", "patient"), "naive"),
        (Attacker("hosting", "other", "scripted"), "naive"),
        (Attacker("same_country", "cloned", "patient"), "same_country"),
        (Attacker("same_operator", "other", "patient"), "same_network"),
        (Attacker("same_operator", "cloned", "by_hand"), "same_device"),
        (Attacker("same", "same", "patient"), "patient"),
    ],
)
def test_strength_is_what_an_attacker_matches_of_the_victim(attacker: Attacker, strength: str) -> None:
    """Each level includes those before it: patience from abroad is no strength."""
    assert attacker.strength == strength


def test_attackers_of_every_strength_are_drawn_and_most_are_naive() -> None:
    """With the default odds."""
    drawn = [draw_attacker(np.random.default_rng(seed)).strength for seed in range(2_000)]
    counts = {strength: drawn.count(strength) for strength in STRENGTHS}

    assert counts["naive"] == max(counts.values())
    assert min(counts.values()) > 20


def test_attacks_in_place_come_from_the_victims_network_and_client() -> None:
    """Among them insiders and hijacked agents."""
    in_place = [s for s in SCENARIOS if (s.odds.network, s.odds.device) == (IN_PLACE.network, IN_PLACE.device)]
    strengths = {draw_attacker(np.random.default_rng(seed), s.odds).strength for s in in_place for seed in range(40)}

    names = {scenario.name for scenario in in_place}
    assert {"insider_escalation", "insider_hoarding", "agent_redirected", "poisoned_tool"} <= names
    assert strengths == {"same_device", "patient"}


def test_a_hijacked_agent_does_its_own_kind_of_work_and_another() -> None:
    """It collects data with tools it has, does what its own work never needs, and keeps its network and client."""
    history = cloud_history("agent")
    redirected = next(s for s in SCENARIOS if s.name == "agent_redirected")
    attacks = [attack(redirected, history, seed) for seed in range(30)]

    for events in attacks:
        assert 0 < events["action.name"].isin(CLOUD_ACTIONS).mean() < 1
        assert len(events[["network.ip", "device.user_agent", "credential.id"]].drop_duplicates()) == 1


def test_recorded_sequences_come_in_order() -> None:
    """A user is created before it gets a key and a policy; pauses are never negative."""
    (sequence,) = sequences_for("iam-create-admin-user")

    assert [s.action for s in sequence.steps] == ["iam:CreateUser", "iam:CreateAccessKey", "iam:AttachUserPolicy"]
    assert all(step.pause_seconds >= 0 for each in recorded_sequences() for step in each.steps)
    assert len(recorded_sequences()) == len(list(STRATUS.glob("*.json")))


def test_a_misspelt_category_is_refused() -> None:
    """The categories of a job profile are checked when it is read."""
    with pytest.raises(ValueError, match="unknown category"):
        parse_steps("report.export/exprot")


def test_training_never_reads_the_demonstration_incident() -> None:
    """The incident of the demo and of the tests stays out of what a model learns from; only the promotion checks ask a
    finished model how often it would have challenged the people in it."""
    mentions = {p.stem for p in (ROOT / "training").rglob("*.py") if b"otrf" in p.read_bytes().lower()} - {"chapter"}
    graph = grimp.build_graph("training", cache_dir=None)
    teaching = ("model.fit", "pipeline.augmentation", "model.calibration", "cli.data")
    upstream = {module for name in teaching for module in graph.find_upstream_modules(f"training.{name}")}
    checking = graph.find_modules_that_directly_import("training.promotion.real_record_check")

    assert mentions == {"otrf", "otrf_incident", "few_records", "real_record_check"}
    assert "training.scenarios.injection" in upstream
    assert "training.evaluation.real.otrf_incident" not in upstream
    assert "training.real_records.otrf" not in upstream
    assert checking == {"training.promotion.checks", "training.pipeline.train"}
