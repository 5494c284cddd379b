"""Champion and challenger are compared on the same events, in the same resamples, with intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from support.synthetic_dataset import make_dataset
from typer.testing import CliRunner

from features.arrays import Array
from features.model.bundle import TrustModel
from training.cli.main import app
from training.evaluation.studies.version_comparison import Comparison, compare_versions
from training.model.recipe import Recipe
from training.pipeline.dataset import Dataset
from training.pipeline.train import fit

RECIPE = Recipe(trees=8, smallest_leaf=5)


@dataclass(frozen=True)
class GuessingModel:
    """Scores rows at random."""

    def decision_function(self, matrix: Array) -> Array:
        return np.random.default_rng(1).normal(size=len(matrix)) - 4.0


@pytest.fixture(scope="module")
def data() -> Dataset:
    return make_dataset()


@pytest.fixture(scope="module")
def model(data: Dataset) -> TrustModel:
    return replace(fit(data, RECIPE, 1), version="1")


def test_a_version_does_not_differ_from_itself(model: TrustModel, data: Dataset) -> None:
    """In no figure and in no resample."""
    _, figures = compare_versions(model, model, data, 1)
    known = [figure for figure in figures.values() if np.isfinite(figure.value)]

    assert {(figure.value, figure.low, figure.high) for figure in known} == {(0.0, 0.0, 0.0)}


def test_the_better_version_is_named_where_the_difference_shows(model: TrustModel, data: Dataset) -> None:
    """A champion that guesses is worse than a fitted challenger in some figures, and better in none."""
    table, _ = compare_versions(replace(model, now=GuessingModel(), version="0"), model, data, 1)
    better = {row[0]: row[-1] for row in table.rows}

    assert table.columns[1:3] == ("champion, version 0", "challenger, version 1")
    assert better["recall of compromised sessions at 1.0%"] == "challenger"
    assert better["average precision"] == "challenger"
    assert "champion" not in better.values()


@pytest.mark.parametrize(
    ("challenger", "more_is_better", "better"),
    [(1.0, True, "champion"), (1.0, False, "challenger"), (2.0, True, "neither")],
)
def test_less_may_be_better(challenger: float, more_is_better: bool, better: str) -> None:
    """Challenged escalations, for example, should be few."""
    draws = [np.full(9, 2.0), np.full(9, challenger)]

    assert Comparison("", draws, 9, more_is_better).better == better


def test_an_unknown_version_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2."""
    monkeypatch.setenv("SESSION_TRUST_HOME", str(tmp_path))

    result = CliRunner().invoke(app, ["evaluate", "--against", "7"])

    assert result.exit_code == 2
    assert "there is no version 7" in " ".join(result.output.split())
