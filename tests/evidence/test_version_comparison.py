"""Champion and challenger are compared on the same events, by the same resamples, to a difference with its interval."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from support.synthetic_dataset import made_up
from typer.testing import CliRunner

from features.arrays import Array
from features.model.bundle import TrustModel
from training.cli.main import app
from training.evaluation.studies.version_comparison import Measure, against
from training.model.fit import Recipe
from training.pipeline.dataset import Dataset
from training.pipeline.train import fit

RECIPE = Recipe(trees=8, smallest_leaf=5)


@dataclass(frozen=True)
class Guessing:
    """Knows nothing of the rows."""

    def decision_function(self, matrix: Array) -> Array:
        return np.random.default_rng(1).normal(size=len(matrix)) - 4.0


@pytest.fixture(scope="module")
def data() -> Dataset:
    return made_up()


@pytest.fixture(scope="module")
def model(data: Dataset) -> TrustModel:
    return replace(fit(data, RECIPE, 1), version="1")


def test_a_version_differs_from_itself_by_nothing(model: TrustModel, data: Dataset) -> None:
    """In no figure, in no resample."""
    _, figures = against(model, model, data, 1)
    known = [each for each in figures.values() if np.isfinite(each.value)]

    assert {(each.value, each.low, each.high) for each in known} == {(0.0, 0.0, 0.0)}


def test_who_is_better_is_said_only_where_it_shows(model: TrustModel, data: Dataset) -> None:
    """One that guesses stops and ranks less than one that learnt, and never more."""
    table, _ = against(replace(model, now=Guessing(), version="0"), model, data, 1)
    better = {row[0]: row[-1] for row in table.rows}

    assert table.columns[1:3] == ("champion, version 0", "challenger, version 1")
    assert (better["recall of compromised sessions at 1.0%"], better["average precision"]) == (
        "challenger",
        "challenger",
    )
    assert "champion" not in better.values()


def test_less_may_be_better() -> None:
    """Of what is asked of legitimate escalations, say."""
    more, less = np.full(9, 2.0), np.full(9, 1.0)
    found = [Measure("", [more, less], 9, good).better for good in (True, False)]

    assert (found, Measure("", [more, more], 9, True).better) == (["champion", "challenger"], "neither")


def test_a_version_that_is_not_there_is_named(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the model it would be of."""
    monkeypatch.setenv("SESSION_TRUST_HOME", str(tmp_path))
    found = CliRunner().invoke(app, ["evaluate", "--against", "7"])

    assert (found.exit_code, "there is no version 7" in " ".join(found.output.split())) == (2, True)
