"""`session-trust training evaluate | compare | importance`: what a model is worth, and which features it relies on."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from features.cli.output import fail, print_plain
from features.cli.progress import progress_bar
from features.settings import get_settings
from training.cli.shared_options import (
    Days,
    Identities,
    Labels,
    OptionalEvents,
    Seed,
    command_line,
    console,
    histories_of,
    print_evaluation,
    print_table,
    simulated_worlds,
    wide_console,
)
from training.progress import StageTimer, format_durations

if TYPE_CHECKING:
    from features.model.bundle import TrustModel
    from training.data.labels import World
    from training.pipeline.dataset import Dataset

evaluation_app = typer.Typer()
NO_CHAMPION = "no version answers yet: session-trust training retrain --promote"


@evaluation_app.command("evaluate")
def evaluate_(
    events: OptionalEvents = None,
    labels: Labels = None,
    report: Annotated[
        bool, typer.Option(help="Run the full report, for minutes to hours; to MLflow and training/REPORT.md.")
    ] = False,
    against: Annotated[
        str | None, typer.Option(help="A registered version to compare with the champion, side by side.")
    ] = None,
    worlds: Annotated[
        int | None, typer.Option(min=2, help="Evaluate on so many simulated worlds with different parameters.")
    ] = None,
    identities: Identities = None,
    days: Days = None,
    seed: Seed = 2,
) -> None:
    """Evaluate the champion on histories it was not trained on: another seed, or your own.

    Example: `session-trust training evaluate --report --worlds 5`, or `session-trust training evaluate --against 4`
    """
    from features.model.bundle import ModelMismatch
    from training.model.recipe import Recipe
    from training.pipeline.train import evaluate
    from training.promotion.registry import champion, load_version

    try:
        model = champion(get_settings())
        challenger = load_version(get_settings(), against) if against else None
    except (ModelMismatch, LookupError) as error:
        fail(console, error)
    if model is None:
        fail(console, NO_CHAMPION)
    if worlds and events:
        fail(console, f"--worlds {worlds} are simulated and {events} is not: leave one of them out")
    timer = StageTimer()
    timer("histories", 0.0)
    if worlds:
        histories = simulated_worlds(worlds, seed, identities, days)
    else:
        histories = [histories_of(events, labels, identities, days, seed)]
    timer("features", 0.0)
    data = _prepare(model, histories, seed)
    _require_abuse(data)
    if challenger is not None:
        _compare_versions(model, challenger, data, seed)
    elif report:
        size = {"worlds": worlds, "identities": identities, "days": days, "seed": seed}
        _write_report(model, data, command_line("evaluate", "--report", events, labels, **size), seed, timer)
    else:
        with progress_bar("evaluating", console):
            evaluation = evaluate(model, data, Recipe(), seed)
        print_evaluation(evaluation, data.world.source)


def _prepare(model: TrustModel, histories: list[World], seed: int) -> Dataset:
    """Features as the model's own population gives them. Of several worlds, only what baselines need is fitted on."""
    import numpy as np

    from training.data.labels import concatenate_worlds
    from training.data.split import COMPARISON_SHARES, TRAINING_SHARES
    from training.pipeline.dataset import prepare

    starts = np.cumsum([len(world.events) for world in histories])[:-1]
    with progress_bar("computing features", console) as bar:
        return prepare(
            concatenate_worlds(histories),
            seed,
            bar.update,
            population=model.population,
            parts=COMPARISON_SHARES if len(histories) > 1 else TRAINING_SHARES,
            world_starts=tuple(starts.tolist()),
        )


def _require_abuse(data: Dataset) -> None:
    """Refuse a test without labelled abuse, of which no recall can be measured."""
    import numpy as np

    test_set = data.test_set
    if not test_set.malicious.any():
        fail(
            console,
            f"the test part of these histories ({len(np.unique(test_set.identity))} identities, "
            f"{len(test_set.rows)} requests) holds no labelled abuse, so nothing can be measured: "
            "give histories of more identities, or add abuse with session-trust training graft",
        )


def _write_report(model: TrustModel, data: Dataset, command: str, seed: int, timer: StageTimer) -> None:
    """Run the full report on these histories; write it to the report and to MLflow."""
    from training.evaluation.report.sections import full_report
    from training.evaluation.tables import Chapter, write_chapter
    from training.model.recipe import Recipe
    from training.promotion.registry import log_evaluation

    timer("measuring", 0.0)
    with progress_bar("measuring", console) as bar:
        sections = StageTimer(bar.stage)
        tables, figures = full_report(model, data, Recipe(), seed, sections)
        sections.finish()
    timer.finish()
    print_plain(console, format_durations(sections.seconds))
    title = f"Model version {model.version}"
    chapter = Chapter(3, title, command, data.world.source, dict(timer.seconds), tuple(tables))
    written = write_chapter(chapter, "evaluate")
    log_evaluation(get_settings(), model.version, {key: figure.value for key, figure in figures.items()}, written)
    print_plain(console, f"{written}, and a run in MLflow that names version {model.version}")


def _compare_versions(model: TrustModel, challenger: TrustModel, data: Dataset, seed: int) -> None:
    """Print the comparison and log it as a run that names the challenger. Promotion checks run at retraining."""
    from training.evaluation.studies.version_comparison import compare_versions
    from training.promotion.registry import log_evaluation

    with progress_bar("comparing", console):
        table, figures = compare_versions(model, challenger, data, seed)
    print_table(table, data.world.source)
    with TemporaryDirectory() as folder:
        page = Path(folder) / "AGAINST.md"
        page.write_text(replace(table, title=f"{table.title} ({data.world.source})").markdown())
        values = {key: figure.value for key, figure in figures.items()}
        log_evaluation(get_settings(), challenger.version, values, page)


@evaluation_app.command("compare")
def compare(
    worlds: Annotated[int, typer.Option(min=1, help="Number of simulated worlds, each with its own parameters.")] = 5,
    identities: Annotated[int, typer.Option(help="Number of identities in each world.")] = 1_000,
    days: Annotated[int, typer.Option(help="Number of days in each world.")] = 42,
    seed: Seed = 1,
) -> None:
    """Compare the pair of models with four other designs of a decay curve, tuned equally; to training/REPORT.md.

    Example: `session-trust training compare --worlds 5`
    """
    from training.evaluation.studies.design_comparison import compare_designs, comparison_tables, simulated_datasets
    from training.evaluation.tables import Chapter, write_chapter

    started = time.monotonic()
    with progress_bar("comparing", console) as bar:
        datasets = simulated_datasets(worlds, identities, days, seed, bar.stage)
        results = list(compare_designs(datasets, worlds, seed, bar.stage))
    tables = comparison_tables(results)
    command = command_line("compare", worlds=worlds, identities=identities, days=days, seed=seed)
    seconds = {"everything": time.monotonic() - started}
    chapter = Chapter(4, "Five designs of a decay curve", command, "simulated", seconds, tables)
    written = write_chapter(chapter, "compare")
    for table in tables:
        print_table(table, "simulated")
    print_plain(console, written)


@evaluation_app.command("importance")
def importance(
    samples: Annotated[
        list[Path], typer.Argument(exists=True, dir_okay=False, help="Events as Parquet, each file a sample.")
    ],
    out: Annotated[Path | None, typer.Option(help="Also write the table to this file, as CSV.")] = None,
    seed: Seed = 1,
) -> None:
    """Show which features the champion relies on: their share of all SHAP contributions, by identity type.

    Example: `session-trust training importance simulated.parquet incident.parquet`
    """
    import pyarrow.parquet as pq

    from features.enrichment.ip_lookup import lookup
    from training.model.importance import feature_importance
    from training.promotion.registry import champion

    settings = get_settings()
    model = champion(settings)
    if model is None:
        fail(console, NO_CHAMPION)
    with progress_bar("explaining", console):
        events = {path.stem: pq.read_table(path) for path in samples}
        shares = feature_importance(model, events, lookup(settings.network_tables), seed)
    table = Table(Column("feature", no_wrap=True), *shares.columns)
    for name, row in shares.sort_values(list(shares.columns), ascending=False).iterrows():
        table.add_row(str(name), *(f"{value:.1%}" for value in row))
    wide_console().print(table)
    if out:
        shares.to_csv(out)
