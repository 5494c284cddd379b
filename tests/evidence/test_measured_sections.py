"""Sections are measured once for each set of models, stored, and shown from what is stored."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.small_champion import register
from support.synthetic_dataset import make_dataset
from typer.testing import CliRunner

from features.enrichment.ip_lookup import lookup
from features.model.bundle import TrustModel
from features.settings import Settings
from training.cli.main import app
from training.data.split import COMPARISON_SHARES
from training.evaluation.context import SectionResult
from training.evaluation.measure import sections
from training.evaluation.measure.sections import SECTIONS, Inputs, MeasuredSection, measure_sections, yardsticks_of
from training.evaluation.measure.sign_ins import KINDS, measure_sign_ins, of_sign_ins
from training.evaluation.measure.stored import StoredSection, digest_of_inputs, read_section
from training.evaluation.report.cold_identities import POSITIONS
from training.evaluation.studies.flooding import PLACES, READS, measure_flooding
from training.evaluation.tables import Table, read_chapters
from training.evaluation.yardsticks import COLD_EVENTS, YARDSTICKS, Yardstick, yardsticks_table
from training.metrics.bootstrap import Estimate
from training.model.recipe import Recipe
from training.pipeline.dataset import prepare
from training.pipeline.train import fit
from training.progress import ProgressCallback, no_progress
from training.simulation.world import resize, simulate, world_parameters


@pytest.fixture(scope="module")
def model() -> TrustModel:
    return fit(make_dataset(), Recipe(trees=8, smallest_leaf=5), 1)


def counted(name: str, runs: list[str], simulated: bool = False) -> MeasuredSection:
    """A section that notes each time it runs."""

    def run(inputs: Inputs, progress: ProgressCallback) -> SectionResult:
        runs.append(name)
        return [Table(name, ("a",), (("1",),))], {f"{name}/figure": Estimate(0.5, 0.4, math.nan, 3)}

    return MeasuredSection(name, run, 1.0, simulated)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two small sections instead of the real ones; the names of those that ran."""
    names: list[str] = []
    monkeypatch.setattr(sections, "SECTIONS", (counted("one", names), counted("two", names, simulated=True)))
    return names


@pytest.fixture
def measured(tmp_path: Path, model: TrustModel) -> Callable[..., dict[str, Estimate]]:
    inputs = Inputs((model,), tmp_path, lookup())
    return lambda *again: measure_sections(inputs, tmp_path / "figures", "measure LOGS", no_progress, again)


def test_what_was_measured_is_not_measured_again(runs: list[str], measured: Callable[..., dict[str, Estimate]]) -> None:
    """Unless its section is named."""
    first, second = measured(), measured()
    measured("two")

    assert runs == ["one", "two", "two"]
    assert first.keys() == second.keys() == {"one/figure", "two/figure"}


def test_an_interrupted_run_goes_on(
    runs: list[str], measured: Callable[..., dict[str, Estimate]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the last whole section."""

    def broken(inputs: Inputs, progress: ProgressCallback) -> SectionResult:
        raise KeyboardInterrupt

    whole = sections.SECTIONS
    monkeypatch.setattr(sections, "SECTIONS", (whole[0], MeasuredSection("two", broken, 1.0)))
    with pytest.raises(KeyboardInterrupt):
        measured()
    monkeypatch.setattr(sections, "SECTIONS", whole)
    measured()

    assert runs == ["one", "two"]


def test_real_and_simulated_sections_are_chapters_of_their_own(
    runs: list[str], measured: Callable[..., dict[str, Estimate]], tmp_path: Path
) -> None:
    """The yardsticks come first, and every chapter says what data it shows."""
    measured()
    real, simulated = read_chapters(tmp_path / "figures")

    assert [table.title for table in real.tables] == ["What is asked, and what is measured", "one"]
    assert (real.source, simulated.source) == ("real records", "simulated")
    assert [table.title for table in simulated.tables] == ["two"]
    assert len(yardsticks_of([real, simulated])) == 1


def test_a_section_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Numbers that are unknown stay unknown."""
    figures = {"a": Estimate(0.25, math.nan, 1.0, 7)}
    StoredSection("digest", 1.5, (Table("t", ("a", "b"), (("1", "2"),), "note", "source"),), figures).write(
        tmp_path / "x.json"
    )
    found = read_section(tmp_path / "x.json")

    assert found is not None
    assert found.tables == (Table("t", ("a", "b"), (("1", "2"),), "note", "source"),)
    assert (found.figures["a"].value, found.figures["a"].count) == (0.25, 7)
    assert math.isnan(found.figures["a"].low)
    assert read_section(tmp_path / "y.json") is None


def test_other_inputs_have_another_digest(model: TrustModel) -> None:
    """Another section, another seed or one more model."""
    digests = {
        digest_of_inputs([model], "one", 1),
        digest_of_inputs([model], "two", 1),
        digest_of_inputs([model], "one", 2),
        digest_of_inputs([model, model], "one", 1),
    }

    assert len(digests) == 4


@pytest.mark.parametrize(
    ("values", "met", "text"),
    [
        ((0.6, 0.7), True, "0.6 [0.6, 0.6] / 0.7 [0.7, 0.7]"),
        ((0.6, 0.4), False, "0.6 [0.6, 0.6] / 0.4 [0.4, 0.4]"),
        ((0.6,), None, "0.6 [0.6, 0.6]"),
        ((), None, "-"),
        ((0.4,), False, "0.4 [0.4, 0.4]"),
    ],
)
def test_a_yardstick_is_met_by_all_its_figures(values: tuple[float, ...], met: bool | None, text: str) -> None:
    """One outside the bounds is enough to fail; one unknown is not enough to pass."""
    figures = {f"f{number}": Estimate.exact(value) for number, value in enumerate(values)}
    yardstick = Yardstick("two figures", "-", "≥ .5", ("f0", "f1"), at_least=0.5)

    assert yardstick.met(figures) is met
    assert yardstick.measured(figures) == text


def test_the_table_counts_what_is_met() -> None:
    """Of what was measured, and of all."""
    table = yardsticks_table({"agents/auc": Estimate.exact(0.8), "cold/auc": Estimate.exact(0.5)}, "1 model")

    assert table.note.startswith("1 of 2 measured yardsticks are met")
    assert f"of {len(YARDSTICKS)} in all" in table.note
    assert [row[4] for row in table.rows].count("not measured") == len(YARDSTICKS) - 2


def test_yardsticks_name_the_reports_events() -> None:
    """Identities without a past are measured at the same events."""
    assert tuple(POSITIONS) == COLD_EVENTS


def test_a_flood_begins_at_nothing(model: TrustModel) -> None:
    """Every place and number of reads has a figure for each victim, and none are gained without reads."""
    data = prepare(simulate(3, identities=60, days=20), 1)
    rise = measure_flooding(model, data, 1).rise

    assert rise.shape[:2] == (len(PLACES), len(READS))
    assert not rise[:, 0].any()
    assert np.isfinite(rise).all()


def test_the_command_measures_registered_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: list[str], model: TrustModel
) -> None:
    """Named ones, or the one that answers; figures, report and a run in MLflow are left behind."""
    settings = Settings(home=tmp_path / "home")
    for module in ("training.cli.measure", "training.promotion.registry"):
        monkeypatch.setattr(f"{module}.get_settings", lambda: settings, raising=False)
    monkeypatch.chdir(tmp_path)
    versions = [register(replace(model, version=""), settings) for _ in range(2)]
    logs = tmp_path / "logs"
    logs.mkdir()

    named = CliRunner().invoke(app, ["measure", str(logs), "--models", ",".join(versions)])
    (champion_named,) = read_chapters(tmp_path / "training/figures")[:1]
    answering = CliRunner().invoke(app, ["measure", str(logs)])

    assert (named.exit_code, answering.exit_code) == (0, 0)
    assert champion_named.title == "Model versions 1, 2, on real records"
    assert runs == ["one", "two"] * 2
    assert (tmp_path / "training/REPORT.md").exists()


def test_the_command_refuses_a_section_that_there_is_not(tmp_path: Path) -> None:
    """It names those that there are."""
    result = CliRunner().invoke(app, ["measure", str(tmp_path), "--again", "nonsense"])

    assert result.exit_code == 2
    assert ", ".join(section.name for section in SECTIONS) in " ".join(result.output.split())


def test_sign_ins_are_measured_where_nothing_else_is_logged(model: TrustModel) -> None:
    """Attacks that fail count as those that succeed, by visit."""
    parameters = replace(
        resize(world_parameters(), 1_080, 14), reduced_logs=1.0, guessed_identities=0.5, background_guessing=1.0
    )
    world = of_sign_ins(simulate(3, parameters=parameters))
    data = prepare(world, 1, population=model.population, parts=COMPARISON_SHARES)
    figures = measure_sign_ins(model, data, 1)

    assert set(world.events["action.category"].to_pylist()) == {"authenticate"}
    assert [figure.count > 0 for figure in figures.values()] == [True] * len(KINDS)
    assert {key.split("/")[1] for key in figures} == set(KINDS)
