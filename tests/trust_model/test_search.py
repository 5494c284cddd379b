"""The search: judged by later rows of other identities, the cheapest of those as good, a recipe that can be read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training import Recipe, prepare, simulate, world_parameters
from training.metrics.bootstrap import Estimate
from training.model.recipe import read_recipe, write_recipe
from training.pipeline.dataset import Dataset
from training.search.report import picture, table
from training.search.recipe_search import Searched, Trial, cheapest, folds, search, tried


@pytest.fixture(scope="module")
def data() -> Dataset:
    often = replace(world_parameters(), compromised_sessions=0.06)
    return prepare(simulate(5, identities=300, days=28, parameters=often), 5)


def a_trial(detection: float, cost: float, noise: float = 0.0) -> Trial:
    draws = detection + noise * np.random.default_rng(int(cost)).standard_normal(1_000)
    return Trial(Recipe(), Estimate(detection, 0, 1, 10), draws, cost, 0.1)


def test_every_fold_is_judged_by_later_rows_of_other_identities_and_by_nothing_of_the_test(data: Dataset) -> None:
    for fold in folds(data, 5):
        assert not set(data.targets.identity[fold.fit]) & set(data.targets.identity[fold.validate])
        assert data.targets.time[fold.fit].max() < data.targets.time[fold.validate].min()
        assert not (data.split.test | data.split.calibrate)[np.concatenate([fold.fit, fold.validate])].any()


def test_the_search_begins_with_the_usual_recipe_is_repeatable_and_takes_none_that_is_dearer_and_no_better(
    data: Dataset,
) -> None:
    told: list[float] = []
    found = search(data, 5, trials=3, told=lambda what, share: told.append(share))
    assert found.trials[0].recipe == Recipe() and len(found.trials) == 3
    assert [t.recipe for t in search(data, 5, trials=3).trials] == [t.recipe for t in found.trials]
    assert not any(
        t.cost < found.chosen.cost and t.detection.value >= found.chosen.detection.value for t in found.trials
    )
    assert told == sorted(told) and told[-1] == 1.0


def test_a_deeper_recipe_costs_more_to_explain(data: Dataset) -> None:
    parts = list(folds(data, 5))[:1]
    small, large = (tried(data, parts, replace(Recipe(), trees=20, depth=d, leaves=n), 5) for d, n in ((2, 3), (6, 15)))
    assert small.cost < large.cost
    assert small.cost <= 20 * 3 * 2**2  # by definition: trees x leaves x depth squared, at most


def test_of_recipes_as_good_within_the_error_of_their_difference_the_cheapest_is_taken() -> None:
    best, cheap, cheapest_but_worse = a_trial(0.60, 900, 0.05), a_trial(0.58, 300, 0.05), a_trial(0.30, 100, 0.05)
    assert cheapest([best, cheap, cheapest_but_worse]) is cheap
    assert cheapest([a_trial(0.60, 900), a_trial(0.58, 300)]).cost == 900  # without any doubt the better one stays


def test_the_trade_off_holds_only_what_nothing_beats_in_both(tmp_path: Path) -> None:
    trials = (a_trial(0.5, 500), a_trial(0.4, 600), a_trial(0.3, 100), a_trial(0.6, 900))
    found = Searched(trials, trials[0])
    assert [t.cost for t in found.front] == [100, 500, 900]
    shown = table(found)
    assert [row[0] for row in shown.rows] == ["", "usual, taken", ""]
    picture(found, tmp_path / "trade-off.png", "simulated")
    assert (tmp_path / "trade-off.png").stat().st_size > 5_000


def test_too_little_abuse_to_search_on_is_said(data: Dataset) -> None:
    nothing = replace(data, targets=replace(data.targets, malicious=np.zeros_like(data.targets.malicious)))
    with pytest.raises(ValueError, match="too little abuse"):
        search(nothing, 5, trials=1)


def test_a_recipe_comes_back_as_it_was_written(tmp_path: Path) -> None:
    recipe = replace(Recipe(), trees=44, l2=0.5)
    write_recipe(recipe, tmp_path / "recipe.yaml", "by hand")
    assert read_recipe(tmp_path / "recipe.yaml") == recipe


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("leafs: 3", "did you mean 'leaves'"),
        ("leaves: three", "must be a whole number above 0"),
        ("leaves: 3.5", "must be a whole number above 0"),
        ("l2: -1", "must be a number above 0"),
        ("negatives_kept: 3", "at most 1"),
        ("- 3", "must name what it sets"),
        ("a: [", "is no YAML"),
    ],
)
def test_a_recipe_that_is_wrong_is_refused_with_what_to_write(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(ValueError, match=says) as refused:
        read_recipe(tmp_path / "recipe.yaml")
    assert "recipe.yaml" in str(refused.value)


def test_explaining_counts_every_tree(data: Dataset) -> None:
    parts = list(folds(data, 5))[:1]
    few, more = (tried(data, parts, replace(Recipe(), trees=n, patience=1_000), 5).cost for n in (5, 10))
    assert few < more
