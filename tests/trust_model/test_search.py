"""The search: later rows of other identities validate, and the cheapest recipe that is as good is chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training import Recipe, prepare, simulate, world_parameters
from training.metrics.bootstrap import Estimate
from training.model.recipe import read_recipe, write_recipe
from training.pipeline.dataset import Dataset
from training.search.recipe_search import (
    SearchResult,
    Trial,
    cheapest_as_good,
    make_folds,
    run_trial,
    search_recipes,
)
from training.search.report import plot_search, search_table


@pytest.fixture(scope="module")
def data() -> Dataset:
    frequent_abuse = replace(world_parameters(), compromised_sessions=0.06)
    return prepare(simulate(5, identities=300, days=28, parameters=frequent_abuse), 5)


def make_trial(detection: float, cost: float, noise: float = 0.0) -> Trial:
    draws = detection + noise * np.random.default_rng(int(cost)).standard_normal(1_000)
    return Trial(Recipe(), Estimate(detection, 0, 1, 10), draws, cost, 0.1)


def test_folds_validate_on_later_rows_of_other_identities(data: Dataset) -> None:
    """And on nothing of the test or of calibration."""
    time, identity = data.targets.time, data.targets.identity
    for fold in make_folds(data, 5):
        assert not set(identity[fold.fit]) & set(identity[fold.validate])
        assert time[fold.fit].max() < time[fold.validate].min()
        assert not (data.split.test | data.split.calibrate)[np.concatenate([fold.fit, fold.validate])].any()


def test_the_search_starts_with_the_default_recipe_and_is_repeatable(data: Dataset) -> None:
    """It chooses no recipe that is more expensive and no better, and reports its progress."""
    shares: list[float] = []

    result = search_recipes(data, 5, trials=3, progress=lambda stage, share: shares.append(share))
    repeated = search_recipes(data, 5, trials=3)

    chosen = result.chosen
    assert result.trials[0].recipe == Recipe()
    assert len(result.trials) == 3
    assert [trial.recipe for trial in repeated.trials] == [trial.recipe for trial in result.trials]
    assert not any(t.cost < chosen.cost and t.detection.value >= chosen.detection.value for t in result.trials)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_deeper_recipe_costs_more_to_explain(data: Dataset) -> None:
    """By definition at most trees x leaves x depth squared."""
    folds = list(make_folds(data, 5))[:1]

    small, large = (
        run_trial(data, folds, replace(Recipe(), trees=20, depth=depth, leaves=leaves), 5)
        for depth, leaves in ((2, 3), (6, 15))
    )

    assert small.cost < large.cost
    assert small.cost <= 20 * 3 * 2**2


def test_every_tree_counts_towards_the_cost(data: Dataset) -> None:
    """Ten trees cost more than five."""
    folds = list(make_folds(data, 5))[:1]

    few, more = (run_trial(data, folds, replace(Recipe(), trees=trees, patience=1_000), 5).cost for trees in (5, 10))

    assert few < more


def test_the_cheapest_recipe_within_the_error_of_the_best_is_chosen() -> None:
    """The error is that of the paired difference."""
    best, cheap, too_weak = make_trial(0.60, 900, 0.05), make_trial(0.58, 300, 0.05), make_trial(0.30, 100, 0.05)

    assert cheapest_as_good([best, cheap, too_weak]) is cheap


def test_without_any_error_the_best_recipe_is_chosen() -> None:
    """Even if it is more expensive."""
    assert cheapest_as_good([make_trial(0.60, 900), make_trial(0.58, 300)]).cost == 900


def test_the_front_holds_what_no_other_recipe_beats_in_both(tmp_path: Path) -> None:
    """Table and plot show it, with the default and the chosen recipe marked."""
    trials = (make_trial(0.5, 500), make_trial(0.4, 600), make_trial(0.3, 100), make_trial(0.6, 900))
    result = SearchResult(trials, trials[0])

    plot_search(result, tmp_path / "trade-off.png", "simulated")

    assert [trial.cost for trial in result.front] == [100, 500, 900]
    assert [row[0] for row in search_table(result).rows] == ["", "default, chosen", ""]
    assert (tmp_path / "trade-off.png").stat().st_size > 5_000


def test_a_search_without_enough_abuse_is_refused(data: Dataset) -> None:
    """Every fold needs some to fit and some to validate on."""
    benign = replace(data, targets=replace(data.targets, malicious=np.zeros_like(data.targets.malicious)))

    with pytest.raises(ValueError, match="too little abuse"):
        search_recipes(benign, 5, trials=1)


def test_a_recipe_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Including values that differ from the defaults."""
    recipe = replace(Recipe(), trees=44, l2=0.5, augmentation=0)

    write_recipe(recipe, tmp_path / "recipe.yaml", "by hand")

    assert read_recipe(tmp_path / "recipe.yaml") == recipe


def test_the_former_name_of_augmentation_is_still_read(tmp_path: Path) -> None:
    """Recipe files of version 0.1 say `again`."""
    (tmp_path / "recipe.yaml").write_text("trees: 44\nagain: 3\n")

    assert read_recipe(tmp_path / "recipe.yaml") == Recipe(trees=44, augmentation=3)


def test_whole_numbers_are_read_where_a_fraction_is_allowed(tmp_path: Path) -> None:
    """`l2: 3` means 3.0."""
    (tmp_path / "recipe.yaml").write_text("l2: 3\n")

    recipe = read_recipe(tmp_path / "recipe.yaml")

    assert isinstance(recipe.l2, float)
    assert recipe == Recipe(l2=3.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("leafs: 3", "unknown key 'leafs'; did you mean 'leaves'"),
        ("leaves: three", "'leaves' is 'three': it must be a valid integer"),
        ("leaves: 3.5", "'leaves' is 3.5: it must be a valid integer"),
        ("leaves: true", "'leaves' is True: it must be a valid integer"),
        ("leaves: 0", "'leaves' is 0: it must be greater than 0"),
        ("l2: -1", "'l2' is -1: it must be greater than 0"),
        ("negatives_kept: 3", "'negatives_kept' is 3: it must be less than or equal to 1"),
        ("augmentation: -1", "'augmentation' is -1: it must be greater than or equal to 0"),
        ("- 3", "must hold one setting a line"),
        ("a: [", "not YAML"),
    ],
)
def test_a_wrong_recipe_is_refused_with_what_is_allowed(text: str, message: str, tmp_path: Path) -> None:
    """The message names the file."""
    (tmp_path / "recipe.yaml").write_text(text)

    with pytest.raises(ValueError, match=message) as refusal:
        read_recipe(tmp_path / "recipe.yaml")

    assert "recipe.yaml" in str(refusal.value)
