"""`python -m training evaluate | compare | importance`: what a model is worth, and what it rests on."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.table import Column, Table

from features import ModelMismatch, TrustModel, get_settings
from features.enrichment.ip_lookup import lookup
from training.cli.shared_options import (
    Labels,
    Seed,
    command_line,
    console,
    labelled_log,
    print_table,
    progress,
    refuse,
    show,
    simulated,
    simulated_worlds,
)
from training.data.labels import World, concatenate_worlds
from training.data.split import COMPARISON_SHARES, TRAINING_SHARES
from training.evaluation.real.chapter import AGENTDOJO, real_evidence
from training.evaluation.report.full import whole_evidence
from training.evaluation.studies.design_comparison import compare, summary
from training.evaluation.studies.version_comparison import against
from training.evaluation.tables import FOLDER, Part, write_part
from training.model.fit import Recipe
from training.model.importance import importance
from training.pipeline.dataset import Dataset, prepare
from training.pipeline.train import assess
from training.progress import Stages, in_words
from training.promotion.registry import champion, log_evidence, version_of
from training.real_records.scoring import REAL

evidence_app = typer.Typer()


@evidence_app.command("evaluate")
def evaluate_(
    events: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False)] = None,
    labels: Labels = None,
    report: Annotated[
        bool, typer.Option(help="Measure everything, for minutes; to MLflow and training/REPORT.md.")
    ] = False,
    agentdojo: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, envvar=AGENTDOJO, help="Runs of AgentDojo's workspace: for --report."
        ),
    ] = None,
    against_: Annotated[
        str | None, typer.Option("--against", help="A registered version to compare the champion with, side by side.")
    ] = None,
    worlds: Annotated[
        int | None, typer.Option(min=2, help="Judge it on so many simulated worlds, each with habits of its own.")
    ] = None,
    identities: Annotated[int | None, typer.Option(help="Of each simulated world.")] = None,
    days: Annotated[int | None, typer.Option(help="Of each simulated world.")] = None,
    seed: Seed = 2,
) -> None:
    """Evaluate the champion on other histories than it was made from: other seeds, or your own.

    Example: `python -m training evaluate --report --worlds 5`, or `python -m training evaluate --against 4`
    """
    try:
        model = champion(get_settings())
        rival = version_of(get_settings(), against_) if against_ else None
    except (ModelMismatch, LookupError) as error:
        refuse(str(error))
    if model is None:
        console.print("no version answers yet: python -m training retrain --promote")
        raise typer.Exit(2)
    if worlds and events:
        refuse(f"--worlds {worlds} are simulated, and {events} is not: leave one of them out")
    stages = Stages()
    stages("the world", 0.0)
    if worlds:
        histories = simulated_worlds(worlds, seed, identities, days)
    else:
        histories = [simulated(seed, identities, days) if events is None else labelled_log(events, labels, seed)]
    stages("features", 0.0)
    data = _prepared(model, histories, seed)
    if rival is not None:
        return _side_by_side(model, rival, data, seed)
    if not report:
        with console.status("evaluating"):
            evaluation = assess(model, data, Recipe(), seed)
        return show(evaluation, data.world.source)
    size = {"worlds": worlds, "identities": identities, "days": days, "seed": seed}
    _reported(model, data, command_line("evaluate", "--report", events, labels, **size), agentdojo, seed, stages)


def _prepared(model: TrustModel, several: list[World], seed: int) -> Dataset:
    """As the model's own population shows it; where there are several worlds, nothing of theirs is kept for fitting but
    what baselines need."""
    ends = np.cumsum([len(world.events) for world in several])[:-1]
    parts = COMPARISON_SHARES if len(several) > 1 else TRAINING_SHARES
    with progress("computing features") as told:
        return prepare(
            concatenate_worlds(several),
            seed,
            lambda done, of: told("computing features", done / of),
            population=model.population,
            parts=parts,
            worlds=tuple(ends.tolist()),
        )


def _reported(
    model: TrustModel, data: Dataset, command: str, agentdojo: Path | None, seed: int, stages: Stages
) -> None:
    """Measure everything, on simulated or the caller's histories and then on real records; to MLflow and the report."""
    stages("measuring", 0.0)
    with progress("measuring") as told:
        measuring = Stages(told)
        sections, figures = whole_evidence(model, data, Recipe(), seed, measuring)
    console.print(in_words(measuring.seconds), highlight=False)
    title = f"Model version {model.version}"
    stages("everything", 0.0)
    took = dict(stages.seconds)
    write_part(Part(1, title, command, data.world.source, took, tuple(sections)), "evaluate", FOLDER)
    with progress("real records") as told:
        lookups = lookup(get_settings().network_tables)
        real, real_figures = real_evidence(model, data, lookups, Recipe(), seed, told, agentdojo)
    stages("done", 1.0)
    command = f"{command} --agentdojo FILE" if agentdojo else command
    took = {"everything": stages.seconds["everything"]}
    written = write_part(Part(3, f"{title}, on real records", command, REAL, took, tuple(real)), "real", FOLDER)
    every = {name: each.value for name, each in (figures | real_figures).items()}
    log_evidence(get_settings(), model.version, every, written)
    console.print(f"{written}, and a run in MLflow that names version {model.version}")


def _side_by_side(model: TrustModel, rival: TrustModel, data: Dataset, seed: int) -> None:
    """The table, and a run in MLflow that names the challenger; the gate's own criteria are checked at retraining."""
    with console.status("comparing"):
        found, figures = against(model, rival, data, seed)
    print_table(found, data.world.source)
    with TemporaryDirectory() as folder:
        page = Path(folder) / "AGAINST.md"
        page.write_text(replace(found, title=f"{found.title} ({data.world.source})").markdown())
        log_evidence(get_settings(), rival.version, {name: each.value for name, each in figures.items()}, page)


@evidence_app.command("compare")
def compare_(
    worlds: Annotated[int, typer.Option(min=1, help="Simulated worlds, each of its own seed and parameters.")] = 5,
    identities: Annotated[int, typer.Option(help="Of each world.")] = 1_000,
    days: Annotated[int, typer.Option(help="Of each world.")] = 42,
    seed: Seed = 1,
) -> None:
    """Compare the pair of models with four other ways to a decay curve, each tuned as much; to training/REPORT.md.

    Example: `python -m training compare --worlds 5`
    """
    started = time.monotonic()
    with progress("comparing") as told:
        rows = list(compare(worlds, identities, days, seed, told))
    sections = summary(rows)
    command = command_line("compare", worlds=worlds, identities=identities, days=days, seed=seed)
    stages = {"everything": time.monotonic() - started}
    written = write_part(
        Part(2, "Five ways to a decay curve", command, "simulated", stages, sections), "compare", FOLDER
    )
    for each in sections:
        print_table(each, "simulated")
    console.print(str(written))


@evidence_app.command("importance")
def importance_(
    samples: Annotated[
        list[Path], typer.Argument(exists=True, dir_okay=False, help="Events as Parquet, each a sample.")
    ],
    out: Annotated[Path | None, typer.Option(help="Where the table goes as CSV, besides the screen.")] = None,
    seed: Seed = 1,
) -> None:
    """Show which features the champion rests on: their share in all SHAP contributions, by identity type.

    Example: `python -m training importance simulated.parquet incident.parquet`
    """
    here = get_settings()
    model = champion(here)
    if model is None:
        console.print("no model answers yet: python -m training retrain EVENTS --promote")
        raise typer.Exit(2)
    with console.status("explaining"):
        samples_ = {path.stem: pq.read_table(path) for path in samples}
        shares = importance(model, samples_, lookup(here.network_tables), seed)
    table = Table(Column("feature", no_wrap=True), *shares.columns)
    for name, row in shares.sort_values(list(shares.columns), ascending=False).iterrows():
        table.add_row(str(name), *(f"{value:.1%}" for value in row))
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    if out:
        shares.to_csv(out)
