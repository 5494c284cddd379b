"""The model card is written from the run: no figure in it is anybody's own, and who is treated how is in it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support.synthetic_dataset import made_up

from features.catalogue.describe import digest
from features.event.arrow import EVENT_SCHEMA
from features.model.bundle import TrustModel
from training.data.labels import World
from training.metrics.evaluation import BUDGETS, Evaluation, TestSet, challenges
from training.metrics.fairness import Treated, treated
from training.model.explanations import INTERVAL, explained, explained_hazard
from training.model.fit import Recipe
from training.pipeline.dataset import Dataset
from training.pipeline.run_report import write_report
from training.pipeline.train import assess, fit
from training.promotion.checks import Check
from training.promotion.model_card import CARD, card
from training.reference.regions import UNKNOWN, region_of

RECIPE = Recipe(trees=8, smallest_leaf=5)
CHECKS = [Check("no leak", True, "1.2 times the prevalence", "at most 3"), Check("monotone", False, "7 probes", "none")]


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Half of the identities in Europe, a quarter in Asia, of the rest nothing is known."""
    plain = made_up()
    where = np.array(["NL", "FR", "JP", None], dtype=object)[(plain.targets.identity // 4) % 4]
    place = plain.world.events.column_names.index("network.country")
    events = plain.world.events.set_column(place, EVENT_SCHEMA.field("network.country"), pa.array(where, pa.string()))
    return replace(plain, world=World(events, plain.world.labels))


@pytest.fixture(scope="module")
def model(data: Dataset) -> TrustModel:
    return fit(data, RECIPE, 1)


@pytest.fixture(scope="module")
def evaluation(model: TrustModel, data: Dataset) -> Evaluation:
    return assess(model, data, RECIPE, 1)


@pytest.fixture(scope="module")
def fairness(model: TrustModel, data: Dataset, evaluation: Evaluation) -> list[Treated]:
    return treated(data.test_set, model.now_log_odds(data.test_set.matrix), evaluation.sessions, data.world.events, 1)


def numbers(text: str) -> list[str]:
    return re.findall(r"\d[\d,]*(?:\.\d+)?%?", text)


def allowed(tested: TestSet, evaluation: Evaluation, fairness: list[Treated]) -> set[str]:
    """Every figure of the evaluation, as a card may put it."""
    figures = evaluation.figures
    said = [str(each) for _, _, shares in evaluation.rows() for each in shares]
    said += [f"{each.name} {each.asked} {each.caught}" for each in fairness] + [str(check) for check in CHECKS]
    said += [f"{value:.2f} {value:.1%} {value:.0f}" for value in figures.values()]
    said += [f"{figures['compromised_sessions'] + figures['benign_sessions']:.0f}", f"{len(tested.rows):,}", digest()]
    said += [f"{budget:.1%}" for budget in BUDGETS] + [str(tested.matrix.shape[1]), "1 of 2 checks"]
    return {number for text in said for number in numbers(text)}


def test_every_figure_of_the_card_was_found_by_the_evaluation(
    data: Dataset, evaluation: Evaluation, fairness: list[Treated]
) -> None:
    """But for the numbers of the framework's own functions, which stand in the text."""
    text = card(data.test_set, evaluation, CHECKS, fairness, "simulated")
    found, own = allowed(data.test_set, evaluation, fairness), set(numbers(re.sub("{.*?}", "", CARD)))

    assert set(numbers(text)) - found - own == set()
    assert len(set(numbers(text))) > 50


def test_the_card_says_what_was_not_passed(data: Dataset, evaluation: Evaluation, fairness: list[Treated]) -> None:
    """And what the gate made of it, under the framework's own headings."""
    text = card(data.test_set, evaluation, CHECKS, fairness, "simulated")
    wanted = ("NOT PASSED: monotone", "the gate: 1 of 2 checks not passed", "MAP 1.1", "MEASURE 2.11", "MANAGE 4.1")

    assert [word for word in wanted if word not in text] == []


def test_groups_are_treated_as_their_requests_were(
    model: TrustModel, data: Dataset, evaluation: Evaluation, fairness: list[Treated]
) -> None:
    """Step-ups per 1,000 legitimate requests of a region, counted by hand."""
    tested, score = data.test_set, model.now_log_odds(data.test_set.matrix)
    asked = challenges(tested, score, evaluation.sessions, 0.005)
    countries = data.world.events["network.country"].take(tested.rows).to_pandas()
    here = (countries.map(region_of) == "Europe").to_numpy() & ~tested.targets.malicious[tested.rows]
    by_name = {each.name: each for each in fairness}

    assert by_name["Europe"].asked.value == pytest.approx(1_000 * asked[here].mean())
    assert {name for name in by_name if by_name[name].group == "region"} == {"Europe", "Asia", UNKNOWN}


def test_every_country_of_the_address_tables_lies_somewhere() -> None:
    """None is unknown but Antarctica, and codes that name no country."""
    folder = Path(__file__).parents[2] / "data" / "reference" / "ip-location-db"
    tables = [pd.read_csv(file, header=None, keep_default_na=False)[2] for file in folder.glob("asn-country-*.csv*")]
    codes = set(pd.concat(tables).unique())

    assert {code for code in codes if region_of(code) == UNKNOWN} <= {"", "AQ", "EU", "AP", "ZZ", "None"}
    assert len(codes) > 200


def test_what_features_add_makes_the_log_odds(model: TrustModel, data: Dataset) -> None:
    """Of now exactly; of the hazard as far as they go beyond the ordinary, whose own then add up to nothing."""
    rows, ordinary = data.test_set.matrix[:50].copy(), data.test_set.matrix[50:90]
    rows[::3, 5] = np.nan
    now, soon = explained(model, rows), explained_hazard(model, rows, ordinary, 1)
    usual = explained_hazard(model, ordinary, ordinary, 1)

    off = [np.abs(each.base + each.contributions.sum(axis=1) - each.log_odds).max() for each in (now, soon)]
    assert max(off) < 1e-9
    assert (np.abs(usual.contributions.mean(axis=0)).max() < 1e-9, soon.names[-1]) == (True, INTERVAL)


def test_the_folder_holds_all_plots(model: TrustModel, data: Dataset, evaluation: Evaluation, tmp_path: Path) -> None:
    """Each a picture, none empty, and the tables beside them."""
    write_report(tmp_path, model, data, evaluation, CHECKS, 1)
    pictures = {path.stem: path.stat().st_size for path in tmp_path.glob("*.png")}

    assert set(pictures) == {"reliability", "friction_recall", "decay_calibration", "shap_summary", "shap_dependence"}
    assert (min(pictures.values()) > 5_000, "Europe" in (tmp_path / "slices.json").read_text()) == (True, True)
