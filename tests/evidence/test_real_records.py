"""Real records are measured source by source, each with a sentence on what it can show, and never called simulated."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.made_up_test import made_up

from features.enrichment.ip_lookup import lookup
from features.event.arrow import events_of
from features.model.bundle import TrustModel
from features.sources.reader import records_of
from training.evaluation.context import SectionResult
from training.evaluation.real.agentdojo import CALL, RUN, agents, events_of_runs, runs
from training.evaluation.real.chapter import real_evidence
from training.evaluation.real.entra_sign_ins import SIGN_INS, sign_in_of, sign_ins
from training.evaluation.real.otrf_incident import incident
from training.evaluation.real.panther_rules import rule_tests
from training.evaluation.real.stratus_techniques import LOOKS, STRANGER, Done, techniques
from training.evaluation.studies.ablations import refitted
from training.metrics.session_recall import Limit
from training.model.fit import Recipe
from training.pipeline.dataset import Dataset, prepare
from training.pipeline.train import fit
from training.real_records.scoring import REAL, ranks_above
from training.reference.attack_sequences import recorded_sequences
from training.scenarios.attacker import STRENGTHS
from training.simulation.world import simulate, world_parameters

RECIPE = Recipe(trees=8, smallest_leaf=5)


@pytest.fixture(scope="module")
def model() -> TrustModel:
    return fit(made_up(), RECIPE, 1)


@pytest.fixture(scope="module")
def small() -> Dataset:
    often = replace(world_parameters(), compromised_sessions=0.1)
    return prepare(simulate(1, identities=90, days=20, parameters=often), 1)


@pytest.fixture(scope="module")
def found(model: TrustModel, small: Dataset) -> SectionResult:
    return real_evidence(model, small, lookup(), RECIPE, 1, lambda what, share: None)


def run(task: int, *calls: str, attack: bool = False, security: bool = True, model: str = "m") -> dict[str, Any]:
    """One run as AgentDojo records it."""
    made = [{"function": {"name": call, "arguments": {"file_id": "7"} if "file" in call else {}}} for call in calls]
    about = {"model": model, "user_task_id": f"user_task_{task}", "security": security}
    about |= {"injection_task_id": "injection_task_3" if attack else None}
    return {"metadata": about, "messages": [{"role": "assistant", "tool_calls": made}, {"role": "tool"}]}


@pytest.fixture
def dojo(tmp_path: Path) -> Path:
    """Three clean runs of a model, and three attacked ones of which one was talked into it and one did nothing."""
    told = [run(n, "list_files", "get_file_by_id") for n in range(3)]
    told += [
        run(0, "list_files", attack=True, security=False),
        run(1, "search_emails", "send_email", attack=True),
        run(2, attack=True, security=False),
    ]
    file = tmp_path / "dojo.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, told)).encode()))
    return file


def test_ranks_are_counted_pair_by_pair() -> None:
    """Ties count half; where there is nothing to compare, nothing is known."""
    assert ranks_above(np.array([2.0, 1.0]), np.array([1.0, 0.0])) == (1.0 + 1.0 + 0.5 + 1.0) / 4
    assert np.isnan(ranks_above(np.array([]), np.array([1.0])))


def test_every_source_is_a_table_of_its_own(found: SectionResult) -> None:
    """Under the name of what it is, with what it can show and what it cannot."""
    tables, figures = found
    names = ("OTRF", "msticpy", "Panther", "AgentDojo", "Stratus")

    assert [[name for name in names if name in table.title] for table in tables] == [[name] for name in names]
    assert [t.source for t in tables] == [REAL] * 4 + ["recorded actions, simulated histories"]
    assert all({len(row) for row in t.rows} == {len(t.columns)} for t in tables)
    assert {name.split("/")[0] for name in figures} == {"real"}


def test_without_a_file_of_runs_it_says_so(found: SectionResult) -> None:
    """And where to name one."""
    table = found[0][3]

    assert (table.rows, "--agentdojo FILE" in table.note) == ((("all", "not measured"),), True)


def test_the_stolen_calls_are_told_from_the_persons(model: TrustModel) -> None:
    """Eleven calls with the keys of a role, 87 of a person, five of the cloud itself."""
    (table,), _ = incident(model, lookup(), 1)

    assert [row[1] for row in table.rows] == ["11", "87", "5", "", ""]


def test_rule_tests_are_counted_by_type(model: TrustModel) -> None:
    """Whoever is in them."""
    (table,), _ = rule_tests(model, lookup(), 1)
    counts = [int(row[1].split(";")[0]) for row in table.rows]

    assert (counts[0], sum(counts[1:])) == (440, 440)


def test_a_sign_in_twice_in_the_file_counts_once(model: TrustModel) -> None:
    """86 rows hold 45 sign-ins of six users."""
    (table,), _ = sign_ins(model, lookup(), 1)

    assert (table.rows[0][1].split(";")[0], len(table.rows)) == ("45", 7)


def test_a_sign_in_keeps_what_entra_says() -> None:
    """Who, when, from where, with what, and whether by several factors; an empty device id is unknown."""
    event = next(sign_in_of(record) for _, record in records_of(SIGN_INS) if not isinstance(record, str))

    assert (event.network.country, event.device.id, event.action.category, event.action.outcome) == (
        "US",
        None,
        "authenticate",
        "success",
    )


def test_an_attacked_run_stands_behind_the_clean_ones_of_other_tasks(dojo: Path) -> None:
    """In order, by a plain clock; the run that called nothing has no event."""
    events, of_run = events_of_runs(runs(dojo))
    mine = [e for e in events_of(events) if e.identity.id == "m/4"]

    assert [e.session.id for e in mine] == ["run-0"] * 2 + ["run-1"] * 2 + ["run-2"] * 2
    assert (mine[1].time - mine[0].time, mine[2].time - mine[0].time) == (CALL, RUN)
    assert (mine[1].resource.id, [e.action.name for e in mine][4:]) == (
        "7",
        ["workspace.search_emails", "workspace.send_email"],
    )
    assert np.unique(of_run).tolist() == [-1, 3, 4]


def test_hijacked_runs_are_counted_apart(model: TrustModel, dojo: Path) -> None:
    """One of three attacked was talked into it, and one recorded nothing."""
    (table,), figures = agents(model, lookup(), dojo, 1)

    assert table.note.startswith("1 of 3 attacked runs were talked into it; 0 of them")
    assert (figures["agents/above"].count, figures["agents/other attacked runs/0.005"].count) == (1, 1)


def test_a_line_that_is_no_run_is_named(tmp_path: Path) -> None:
    """With its file and number."""
    (tmp_path / "x.jsonl").write_text(json.dumps(run(0, "list_files")) + '\n{"messages": []}\n')

    with pytest.raises(ValueError, match=r"x\.jsonl, line 2 is no run of AgentDojo"):
        runs(tmp_path / "x.jsonl")


def test_a_technique_is_left_out_with_all_who_do_it(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fitted on rows in which no intruder did all of it; every technique is a row, and a row for all."""
    rows: list[Any] = []

    def watched(data: Dataset, recipe: Recipe, seed: int, *, kept: Any) -> Any:
        rows.append(kept)
        return refitted(data, recipe, seed, kept=kept)

    monkeypatch.setattr("training.evaluation.real.stratus_techniques.refitted", watched)
    (table,), figures = techniques(small, RECIPE, 1, lambda what: None)
    removed = {row[1] for row in table.rows[:-1]} - {"0"}

    assert len(table.rows) == len(recorded_sequences()) + 1
    assert (len(rows) > 1, {bool(each is None) for each in rows[:1]}) == (bool(removed), {True})
    assert all((small.targets.malicious & ~each).any() for each in rows[1:])
    assert set(figures) == {f"techniques/{which}/{look}" for which in ("full", "without") for look in LOOKS}


def test_a_technique_is_caught_by_its_riskiest_act() -> None:
    """Two victims of one technique: of one an act reaches the limit, of the other none does."""
    nothing = np.zeros(4, np.int64)
    done = Done(np.zeros((4, 1)), nothing, nothing, np.array([0, 0, 1, 1]), np.array(["human", "human"]))
    limit = {"human": Limit(np.array([0.5]), np.array([0.0]))}

    caught = done.caught(np.array([0.1, 0.9, 0.2, 0.3]), limit)

    assert caught[0, 0].tolist() == [1.0, 0.0]


def test_the_stranger_resembles_nobody() -> None:
    """He is of the weakest kind there is, so that what is not caught of him is the technique's doing."""
    assert (STRANGER.strength, timedelta(0) < CALL < RUN) == (STRENGTHS[0], True)
