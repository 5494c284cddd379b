"""Real records are measured source by source, each with a note on what it can show, and never called simulated."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.synthetic_dataset import make_dataset

from features.arrays import SECOND
from features.enrichment.ip_lookup import lookup
from features.event.arrow import events_of
from features.model.bundle import TrustModel
from features.sources.formats.records import records_of
from training.evaluation.context import SectionResult
from training.evaluation.real.agents import agents_section, attempts_of_runs, score_runs
from training.evaluation.real.entra_sign_ins import FILE, event_of, sign_ins_section
from training.evaluation.real.few_records import few_records_section
from training.evaluation.real.otrf_incident import incident_section
from training.evaluation.real.panther_rules import rule_tests_section
from training.evaluation.studies.ablations import refit
from training.evaluation.studies.techniques import SETTINGS, STRANGER, InjectedTechniques, techniques_section
from training.metrics.session_recall import Threshold
from training.model.recipe import Recipe
from training.pipeline.dataset import Dataset, prepare
from training.pipeline.train import fit
from training.progress import no_progress
from training.real_records.agentdojo import CALL_INTERVAL, RUN_INTERVAL, read_agentdojo, read_tau_bench
from training.real_records.scoring import SOURCE, area_under_roc
from training.real_records.shared_logs import AGENT_RUNS, AIRLINE_RUNS
from training.reference.attack_sequences import recorded_sequences
from training.scenarios.attacker import STRENGTHS
from training.simulation.world import simulate, world_parameters

RECIPE = Recipe(trees=8, smallest_leaf=5)


@pytest.fixture(scope="module")
def model() -> TrustModel:
    return fit(make_dataset(), RECIPE, 1)


@pytest.fixture(scope="module")
def small_dataset() -> Dataset:
    frequent_abuse = replace(world_parameters(), compromised_sessions=0.1)
    return prepare(simulate(1, identities=90, days=20, parameters=frequent_abuse), 1)


@pytest.fixture(scope="module")
def report(model: TrustModel) -> SectionResult:
    return few_records_section(model, lookup(), 1)


def run_record(task: int, *calls: str, attacked: bool = False, security: bool = True) -> dict[str, Any]:
    """One run as AgentDojo records it."""
    tool_calls = [
        {"function": {"name": call, "arguments": {"file_id": "7"} if "file" in call else {}}} for call in calls
    ]
    injection = "injection_task_3" if attacked else None
    metadata = {
        "model": "m",
        "user_task_id": f"user_task_{task}",
        "injection_task_id": injection,
        "security": security,
    }
    return {"metadata": metadata, "messages": [{"role": "assistant", "tool_calls": tool_calls}, {"role": "tool"}]}


@pytest.fixture
def runs_file(tmp_path: Path) -> Path:
    """Three clean runs of a model, and three attacked ones: one resisted, one was hijacked, one called no tool."""
    records = [run_record(task, "list_files", "get_file_by_id") for task in range(3)]
    records += [
        run_record(0, "list_files", attacked=True, security=False),
        run_record(1, "search_emails", "send_email", attacked=True),
        run_record(2, attacked=True, security=False),
    ]
    file = tmp_path / "dojo.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, records)).encode()))
    return file


def test_the_area_under_the_roc_counts_pairs() -> None:
    """Ties count half."""
    assert area_under_roc(np.array([2.0, 1.0]), np.array([1.0, 0.0])) == (1.0 + 1.0 + 0.5 + 1.0) / 4


@pytest.mark.parametrize(("positives", "negatives"), [([], [1.0]), ([1.0], []), ([], [])])
def test_the_area_under_the_roc_is_unknown_without_pairs(positives: list[float], negatives: list[float]) -> None:
    """NaN, not an error."""
    assert np.isnan(area_under_roc(np.array(positives), np.array(negatives)))


def test_every_source_has_a_table_of_its_own(report: SectionResult) -> None:
    """Each table is named for its source, says what data it shows, and is complete."""
    tables, figures = report
    names = ("OTRF", "msticpy", "Panther")

    assert [[name for name in names if name in table.title] for table in tables] == [[name] for name in names]
    assert [table.source for table in tables] == [SOURCE] * 3
    assert all(len(row) == len(table.columns) for table in tables for row in table.rows)
    assert {key.split("/")[0] for key in figures} == {"real"}


def test_stolen_requests_are_told_from_the_persons(model: TrustModel) -> None:
    """The incident holds eleven requests with the keys of a role, 87 of a person, and five of the cloud itself."""
    (table,), _ = incident_section(model, lookup(), 1)

    assert [row[1] for row in table.rows] == ["11", "87", "5", "", ""]


def test_rule_tests_are_counted_by_identity_type(model: TrustModel) -> None:
    """Types add up to all events: records that are repeats or no act of anybody are left out."""
    (table,), _ = rule_tests_section(model, lookup(), 1)
    counts = [int(row[1].split(";")[0]) for row in table.rows]

    assert counts[0] == 374
    assert sum(counts[1:]) == 374


def test_a_sign_in_that_occurs_twice_counts_once(model: TrustModel) -> None:
    """The file's 86 rows hold 45 sign-ins of six users."""
    (table,), _ = sign_ins_section(model, lookup(), 1)

    assert table.rows[0][1].split(";")[0] == "45"
    assert len(table.rows) == 7


def test_a_sign_in_record_becomes_an_event() -> None:
    """Country and outcome are kept; an empty device id is unknown."""
    event = next(event_of(record) for _, record in records_of(FILE) if isinstance(record, dict))

    assert event.network.country == "US"
    assert event.device.id is None
    assert event.action.category == "authenticate"
    assert event.action.outcome == "success"


def test_a_run_follows_clean_runs_of_other_tasks(runs_file: Path) -> None:
    """By a made-up clock, in its agent's name. The run that called no tool is in no part."""
    parts, window = attempts_of_runs(read_agentdojo(runs_file))
    table, numbers = parts[4]
    hijacked = list(events_of(table))

    assert [np.unique(part_numbers).tolist() for _, part_numbers in parts] == [[-1, number] for number in range(5)]
    assert [event.session.id for event in hijacked] == ["run-0"] * 2 + ["run-1"] * 2 + ["run-2"] * 2
    assert numbers.tolist() == [-1] * 4 + [4] * 2
    assert (hijacked[1].time - hijacked[0].time).total_seconds() * SECOND == CALL_INTERVAL
    assert (hijacked[2].time - hijacked[0].time).total_seconds() * SECOND == RUN_INTERVAL
    assert hijacked[1].resource.id == "7"
    assert [event.action.name for event in hijacked[4:]] == ["workspace.search_emails", "workspace.send_email"]
    assert {event.identity.id for event in hijacked} == {"m"}
    assert window["identity.id"].to_pylist() == ["m"] * 6


def test_hijacked_runs_are_counted_apart(model: TrustModel, runs_file: Path) -> None:
    """Of three clean and three attacked runs one was hijacked and one recorded no tool call."""
    runs = read_agentdojo(runs_file)
    scored = score_runs(model, runs, *attempts_of_runs(runs))

    assert scored.clean.tolist() == [True, True, True, False, False]
    assert scored.hijacked.tolist() == [False, False, False, False, True]
    assert np.isfinite(scored.score).all()


def test_agents_are_measured_from_a_folder(model: TrustModel, runs_file: Path) -> None:
    """Both sources have a table; thoughts are no calls, and a quarter of the clean runs is the window."""
    folder = runs_file.parent
    trajectory = [
        {"role": "user", "content": "Cancel my flight."},
        {"role": "assistant", "tool_calls": [tau_call("think", {}), tau_call("get_user_details", {"user_id": "u"})]},
    ]
    airline = folder / AIRLINE_RUNS
    airline.parent.mkdir()
    airline.write_text(json.dumps([{"task_id": number, "traj": trajectory} for number in range(4)]))
    (folder / AGENT_RUNS).parent.mkdir()
    runs_file.rename(folder / AGENT_RUNS)
    (hijacks, clean), figures = agents_section([model, model], folder, 1)

    assert hijacks.note.startswith("1 of 3 attacked runs were hijacked; 0 of them")
    assert clean.note.startswith("4 clean runs of one agent with 4 calls")
    assert figures["agents/auc"].count == 1
    assert figures["agents/others/0.01"].count == 1
    assert figures["airline/friction"].count == 3


def tau_call(name: str, arguments: dict[str, str]) -> dict[str, Any]:
    """A tool call as tau-bench records it."""
    return {"function": {"name": name, "arguments": json.dumps(arguments)}}


def test_a_line_that_is_no_run_is_refused_by_number(tmp_path: Path) -> None:
    """The message names file and line."""
    (tmp_path / "x.jsonl").write_text(json.dumps(run_record(0, "list_files")) + '\n{"messages": []}\n')

    with pytest.raises(ValueError, match=r"x\.jsonl, line 2 is not an AgentDojo run"):
        read_agentdojo(tmp_path / "x.jsonl")


def test_a_run_that_is_none_is_refused_by_number(tmp_path: Path) -> None:
    """The message names file and run."""
    (tmp_path / "x.json").write_text(json.dumps([{"task_id": 1, "traj": []}, {"task_id": 2}]))

    with pytest.raises(ValueError, match=r"x\.json, run 2 is not a run of tau-bench"):
        read_tau_bench(tmp_path / "x.json")


def test_a_technique_is_left_out_with_every_session_that_uses_it(
    small_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refits leave out malicious sessions; every technique has a row, and all together have one."""
    masks: list[Any] = []

    def recording_refit(data: Dataset, recipe: Recipe, seed: int, *, rows: Any) -> Any:
        masks.append(rows)
        return refit(data, recipe, seed, rows=rows)

    monkeypatch.setattr("training.evaluation.studies.techniques.refit", recording_refit)
    (table,), figures = techniques_section(small_dataset, RECIPE, 1, no_progress)
    left_out = {row[1] for row in table.rows[:-1]} - {"0"}

    assert len(table.rows) == len(recorded_sequences()) + 1
    assert masks[0] is None
    assert (len(masks) > 1) == bool(left_out)
    assert all((small_dataset.targets.malicious & ~mask).any() for mask in masks[1:])
    assert set(figures) == {f"techniques/{model}/{setting}" for model in ("full", "without") for setting in SETTINGS}


def test_a_technique_is_caught_by_its_riskiest_request() -> None:
    """Of two victims, a request of the first reaches the threshold and none of the second does."""
    zeros = np.zeros(4, np.int64)
    injected = InjectedTechniques(np.zeros((4, 1)), zeros, zeros, np.array([0, 0, 1, 1]), np.array(["human", "human"]))
    thresholds = {"human": Threshold(np.array([0.5]), np.array([0.0]))}

    caught = injected.caught(np.array([0.1, 0.9, 0.2, 0.3]), thresholds)

    assert caught[0, 0].tolist() == [1.0, 0.0]


def test_the_injected_attacker_resembles_nobody() -> None:
    """The attacker is of the weakest strength, so a miss is due to the technique."""
    assert STRANGER.strength == STRENGTHS[0]


def test_calls_of_a_run_come_before_the_next_run() -> None:
    """The made-up clock keeps runs apart."""
    assert 0 < CALL_INTERVAL < RUN_INTERVAL
