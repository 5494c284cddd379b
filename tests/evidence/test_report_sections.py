"""Every section of the evidence on a made-up test, from a model to tables and figures by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.synthetic_dataset import made_up

from features.catalogue.all import feature_names
from training.evaluation import context
from training.evaluation.context import EvaluationContext, SectionResult
from training.evaluation.report import detection, refits
from training.evaluation.targets import GOALS
from training.model.fit import Recipe
from training.pipeline.train import fit

RECIPE = Recipe(trees=8, smallest_leaf=5)
QUICK = ("recall", "step_ups", "early", "truth", "lifetimes")
"""Sections that need the case alone."""


@pytest.fixture(scope="module")
def evaluation_context() -> EvaluationContext:
    data = made_up()
    matrix = data.matrix.copy()
    matrix[:, feature_names().index("privilege_of_action")] = np.arange(len(matrix)) % 4
    data = replace(data, matrix=matrix)
    return context.evaluation_context(fit(data, RECIPE, 1), data, 1)


@pytest.fixture(scope="module")
def found(case: EvaluationContext) -> dict[str, SectionResult]:
    quick = {name: getattr(detection, name)(case) for name in QUICK}
    return quick | {
        "fair": detection.fair(case, 1),
        "rivals": detection.rivals(case, RECIPE, 1),
        "remembered": refits.remembered(case, RECIPE, 1, lambda what: None),
        "sign_ins": refits.sign_ins(case, RECIPE, 1),
    }


def test_every_row_of_every_table_is_as_wide_as_its_head(found: dict[str, SectionResult]) -> None:
    """And no table is empty."""
    tables = [table for tables, _ in found.values() for table in tables]

    assert all(table.rows and {len(row) for row in table.rows} == {len(table.columns)} for table in tables)


def test_the_sections_measure_what_the_targets_ask(found: dict[str, SectionResult]) -> None:
    """But for what only a simulated world or a certain abuse has."""
    figures = {name for _, figures in found.values() for name in figures}
    abuse = ("recall/0.001/agent", "recall/0.01/agent", "recall/0.001/insider")
    elsewhere = (*abuse, "expiry/over_oracle", "future/", "ratio/", "left_out", "poisoned")
    asked = {goal.key for goal in GOALS if not goal.key.startswith(elsewhere)}

    assert asked - figures == set()


def test_shuffled_labels_are_worth_nothing(found: dict[str, SectionResult]) -> None:
    """While true ones are, by either split."""
    figures = found["remembered"][1]

    assert (figures["shuffled"].value < 3.0, figures["shuffled_by_identity"].value < 3.0) == (True, True)


def test_noise_is_told_from_a_leak(found: dict[str, SectionResult]) -> None:
    """Shuffled labels are also measured with every victim alike, and by the area under the ROC; true ones are not."""
    table = found["remembered"][0][0]
    area = {row[0]: float(row[3].split(",")[0]) for row in table.rows if row[3]}

    assert (0.3 < found["remembered"][1]["shuffled/area"].value < 0.7, area["split by identity and time"] > 0.8) == (
        True,
        True,
    )


def test_a_log_without_sign_ins_has_no_figure_for_them(found: dict[str, SectionResult]) -> None:
    """Unknown, instead of nought."""
    assert {str(figure) for figure in found["sign_ins"][1].values()} == {"-"}


def test_the_model_beats_rules_that_see_nothing(found: dict[str, SectionResult]) -> None:
    """No rule's feature tells anything in this world, and the model's does."""
    figures = found["rivals"][1]

    assert figures["baseline/static rules/0.01/all"].value < found["recall"][1]["recall/0.01/all"].value
