"""Every section of the report on a synthetic dataset, from a model to tables and figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.synthetic_dataset import make_dataset

from features.catalogue.all import feature_names
from training.evaluation.context import EvaluationContext, SectionResult, evaluation_context
from training.evaluation.report.sections import SECTIONS
from training.evaluation.targets import TARGETS
from training.model.recipe import Recipe
from training.pipeline.train import fit

RECIPE = Recipe(trees=8, smallest_leaf=5)
SLOW = {"closed loop", "poisoning", "ablations"}
"""Sections that refit or replay many times; they have tests of their own."""


@pytest.fixture(scope="module")
def context() -> EvaluationContext:
    data = make_dataset()
    matrix = data.matrix.copy()
    matrix[:, feature_names().index("privilege_of_action")] = np.arange(len(matrix)) % 4
    data = replace(data, matrix=matrix)
    return evaluation_context(fit(data, RECIPE, 1), data, 1, RECIPE)


@pytest.fixture(scope="module")
def results(context: EvaluationContext) -> dict[str, SectionResult]:
    return {section.name: section.run(context) for section in SECTIONS if section.name not in SLOW}


def test_section_names_are_unique() -> None:
    """Progress shows them."""
    names = [section.name for section in SECTIONS]

    assert len(set(names)) == len(names)


def test_tables_are_complete(results: dict[str, SectionResult]) -> None:
    """No table is empty, and every row is as wide as the header."""
    tables = [table for tables, _ in results.values() for table in tables]

    assert all(table.rows for table in tables)
    assert all(len(row) == len(table.columns) for table in tables for row in table.rows)


def test_sections_measure_every_target(results: dict[str, SectionResult]) -> None:
    """Except what needs a simulated world, certain scenarios, or a slow section."""
    measured = {key for _, figures in results.values() for key in figures}
    scenarios = ("recall/0.001/agent", "recall/0.01/agent", "recall/0.001/insider")
    elsewhere = (*scenarios, "expiry/over_oracle", "future/", "ratio/", "left_out", "poisoned")
    expected = {target.key for target in TARGETS if not target.key.startswith(elsewhere)}

    assert expected - measured == set()


@pytest.mark.parametrize("name", ["shuffled", "shuffled_by_identity"])
def test_shuffled_labels_give_no_skill(name: str, results: dict[str, SectionResult]) -> None:
    """Average precision stays below three times the prevalence, in the worst of five draws."""
    assert results["leaks"][1][name].value < 3.0


def test_true_labels_give_skill_where_shuffled_ones_do_not(results: dict[str, SectionResult]) -> None:
    """By the area under the ROC."""
    (table,), figures = results["leaks"]
    area = {row[0]: float(row[3].split(",")[0]) for row in table.rows if row[3]}

    assert 0.3 < figures["shuffled/area"].value < 0.7
    assert area["split by identity and time"] > 0.8


def test_a_log_without_logins_has_no_login_figures(results: dict[str, SectionResult]) -> None:
    """They are unknown, not zero."""
    assert {str(figure) for figure in results["login baseline"][1].values()} == {"-"}


def test_the_model_beats_rules_whose_features_say_nothing(results: dict[str, SectionResult]) -> None:
    """In this dataset one feature is informative, and no rule uses it."""
    rules = results["baselines"][1]["baseline/static rules/0.01/all"]

    assert rules.value < results["recall"][1]["recall/0.01/all"].value
