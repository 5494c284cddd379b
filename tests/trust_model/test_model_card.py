"""The model card and the run's report: every figure comes from the evaluation, and fairness is part of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support.synthetic_dataset import make_dataset

from features.catalogue.describe import digest
from features.event.arrow import EVENT_SCHEMA
from features.model.bundle import TrustModel
from training.data.labels import World
from training.metrics.evaluation import BUDGETS, Evaluation, TestSet, challenge_probability
from training.metrics.fairness import GroupTreatment, group_treatment
from training.model.explanations import INTERVAL, explain_hazard, explain_now
from training.model.recipe import Recipe
from training.pipeline.dataset import Dataset
from training.pipeline.run_report import write_run_report
from training.pipeline.train import evaluate, fit
from training.promotion.checks import Check
from training.promotion.model_card import TEMPLATE, render_model_card
from training.reference.regions import UNKNOWN, region_of

RECIPE = Recipe(trees=8, smallest_leaf=5)
CHECKS = [Check("no leak", True, "1.2 times the prevalence", "at most 3"), Check("monotone", False, "7 probes", "none")]


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Half of the identities in Europe, a quarter in Asia, and a quarter in an unknown region."""
    plain = make_dataset()
    countries = np.array(["NL", "FR", "JP", None], dtype=object)[(plain.targets.identity // 4) % 4]
    place = plain.world.events.column_names.index("network.country")
    field = EVENT_SCHEMA.field("network.country")
    events = plain.world.events.set_column(place, field, pa.array(countries, pa.string()))
    return replace(plain, world=World(events, plain.world.labels))


@pytest.fixture(scope="module")
def model(data: Dataset) -> TrustModel:
    return fit(data, RECIPE, 1)


@pytest.fixture(scope="module")
def evaluation(model: TrustModel, data: Dataset) -> Evaluation:
    return evaluate(model, data, RECIPE, 1)


@pytest.fixture(scope="module")
def fairness(model: TrustModel, data: Dataset, evaluation: Evaluation) -> list[GroupTreatment]:
    score = model.now_log_odds(data.test_set.matrix)
    return group_treatment(data.test_set, score, evaluation.sessions, data.world.events, 1)


def numbers_in(text: str) -> set[str]:
    return set(re.findall(r"\d[\d,]*(?:\.\d+)?%?", text))


def measured_numbers(test_set: TestSet, evaluation: Evaluation, fairness: list[GroupTreatment]) -> set[str]:
    """Every number of the evaluation, as a card may write it."""
    figures = evaluation.figures
    texts = [text for _, _, recalls in evaluation.rows() for text in recalls]
    texts += [f"{group.name} {group.step_ups_per_1000} {group.recall}" for group in fairness]
    texts += [str(check) for check in CHECKS] + [f"1 of {len(CHECKS)} not passed"]
    texts += [f"{value:.2f} {value:.1%} {value:.0f}" for value in figures.values()]
    texts += [f"{figures['compromised_sessions'] + figures['benign_sessions']:.0f}", f"{len(test_set.rows):,}"]
    texts += [f"{budget:.1%}" for budget in BUDGETS] + [str(test_set.matrix.shape[1]), digest()]
    return {number for text in texts for number in numbers_in(text)}


def test_every_figure_of_the_card_was_measured(
    data: Dataset, evaluation: Evaluation, fairness: list[GroupTreatment]
) -> None:
    """Except numbers that stand in the template, such as those of the framework's functions."""
    text = render_model_card(data.test_set, evaluation, CHECKS, fairness, "simulated")
    in_template = numbers_in(re.sub("{.*?}", "", TEMPLATE))

    assert numbers_in(text) - measured_numbers(data.test_set, evaluation, fairness) - in_template == set()
    assert len(numbers_in(text)) > 50


@pytest.mark.parametrize(
    "phrase",
    ["NOT PASSED: monotone", "the promotion checks: 1 of 2 not passed", "MAP 1.1", "MEASURE 2.11", "MANAGE 4.1"],
)
def test_the_card_shows_failed_checks_and_the_frameworks_headings(
    phrase: str, data: Dataset, evaluation: Evaluation, fairness: list[GroupTreatment]
) -> None:
    """NIST AI RMF 1.0, function by function."""
    assert phrase in render_model_card(data.test_set, evaluation, CHECKS, fairness, "simulated")


def test_challenges_of_a_group_are_those_of_its_requests(
    model: TrustModel, data: Dataset, evaluation: Evaluation, fairness: list[GroupTreatment]
) -> None:
    """Step-ups per 1,000 legitimate requests of a region, counted by hand."""
    test_set, score = data.test_set, model.now_log_odds(data.test_set.matrix)
    challenged = challenge_probability(test_set, score, evaluation.sessions, 0.005)
    countries = data.world.events["network.country"].take(test_set.rows).to_pandas()
    european = (countries.map(region_of) == "Europe").to_numpy() & ~test_set.malicious
    by_name = {group.name: group for group in fairness}

    assert by_name["Europe"].step_ups_per_1000.value == pytest.approx(1_000 * challenged[european].mean())
    assert {name for name in by_name if by_name[name].group == "region"} == {"Europe", "Asia", UNKNOWN}


def test_every_country_of_the_address_tables_has_a_region() -> None:
    """Except Antarctica, and codes that name no country."""
    folder = Path(__file__).parents[2] / "data" / "reference" / "ip-location-db"
    tables = [pd.read_csv(file, header=None, keep_default_na=False)[2] for file in folder.glob("asn-country-*.csv*")]
    codes = set(pd.concat(tables).unique())

    assert {code for code in codes if region_of(code) == UNKNOWN} <= {"", "AQ", "EU", "AP", "ZZ", "None"}
    assert len(codes) > 200


def test_contributions_sum_to_the_log_odds(model: TrustModel, data: Dataset) -> None:
    """Of the now-model and of the hazard model, unknown values included."""
    rows, background = data.test_set.matrix[:50].copy(), data.test_set.matrix[50:90]
    rows[::3, 5] = np.nan

    for explanations in (explain_now(model, rows), explain_hazard(model, rows, background, 1)):
        sums = explanations.base + explanations.contributions.sum(axis=1)
        assert np.abs(sums - explanations.log_odds).max() < 1e-9


def test_hazard_contributions_are_relative_to_the_background(model: TrustModel, data: Dataset) -> None:
    """Those of the background itself average to zero; the interval is named beside the features."""
    background = data.test_set.matrix[50:90]

    explanations = explain_hazard(model, background, background, 1)

    assert np.abs(explanations.contributions.mean(axis=0)).max() < 1e-9
    assert explanations.names[-1] == INTERVAL


def test_the_run_report_holds_all_plots(
    model: TrustModel, data: Dataset, evaluation: Evaluation, tmp_path: Path
) -> None:
    """None is empty, and tables lie beside them."""
    write_run_report(tmp_path, model, data, evaluation, CHECKS, 1)
    sizes = {path.stem: path.stat().st_size for path in tmp_path.glob("*.png")}

    assert set(sizes) == {"reliability", "friction_recall", "decay_calibration", "shap_summary", "shap_dependence"}
    assert min(sizes.values()) > 5_000
    assert "Europe" in (tmp_path / "slices.json").read_text()
