"""The data scientist's loop: `python -m training simulate | graft | labels | retrain | evaluate |
compare | importance | promote`.

Exit codes: 0 done, 1 the gate refused, 2 it could not be done as asked.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from features import ModelMismatch, settings
from features.columns import conform
from features.enrich import lookup
from training.comparison import compare, summary
from training.evaluate import BUDGETS, Evaluation
from training.fit import Recipe
from training.graft import additions, graft
from training.importance import importance
from training.labels import World, conform_labels, unlabelled
from training.register import Forced, NotPromoted, champion, log_evidence, promote
from training.retrain import assess, prepare, retrain
from training.scenarios import SCENARIOS, named
from training.tables import FOLDER, Part, write_part
from training.verdicts import CAP, pull, read
from training.whole import whole_evidence
from training.world import WorldParameters, simulate, sized, towns, world_parameters
from training.written import write

app = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode="markdown", add_completion=False)
labels_app = typer.Typer(help="What is known of events.", no_args_is_help=True, rich_markup_mode="markdown")
app.add_typer(labels_app, name="labels")
console = Console(stderr=True)

Seed = Annotated[int, typer.Option(help="The same seed and data give the same figures.")]
Events = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Events as Parquet.")]
Labels = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="Their labels; without, all are their owners' own.")
]
Out = Annotated[Path, typer.Option(help="Where the events go, as Parquet.")]
LabelsOut = Annotated[
    Path | None, typer.Option(help="Where their labels go, as Parquet; without, beside them: NAME.labels.parquet.")
]
Parameters = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="Your own numbers for the world, as YAML; see training/world.yaml."),
]
RATE = 0.0095


@contextmanager
def _bar(what: str) -> Iterator[Callable[[str, float], None]]:
    """A progress bar that is told what is being done and how much of the whole is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda description, share: bar.update(task, description=description, completed=share)


@app.command("simulate")
def simulate_(
    out: Out,
    labels: LabelsOut = None,
    identities: Annotated[int | None, typer.Option(help="How many; without, as the parameters say.")] = None,
    days: Annotated[int | None, typer.Option(help="How long; without, as the parameters say.")] = None,
    parameters: Parameters = None,
    seed: Seed = 1,
) -> None:
    """Simulate a world of ordinary lives with labelled abuse grafted on, town by town, in bounded memory.

    Rows are in order of time within each town of identities, so within each identity.

    Example: `python -m training simulate --identities 20000 --days 90 --out world.parquet`
    """
    numbers = _numbers(parameters, identities, days)
    with _bar("simulating") as told:
        made = towns(seed, numbers, lambda done, of: told("simulating", done / of))
        summary = write(made, out, _beside(out, labels))
    console.print(summary)


@app.command("graft")
def graft_(
    events: Events,
    out: Out,
    labels: LabelsOut = None,
    scenarios: Annotated[str | None, typer.Option(help="Which, separated by commas; without, all of them.")] = None,
    rate: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of sessions an intruder acts in.")] = RATE,
    seed: Seed = 1,
) -> None:
    """Graft labelled abuse onto your own benign log; your events stay as they are, and come first.

    Example: `python -m training graft events.parquet --scenarios agent_redirected,mfa_fatigue --rate 0.005
    --out labelled.parquet`
    """
    if {out.resolve(), _beside(out, labels).resolve()} & {events.resolve()}:
        _refuse(f"{events} would be overwritten; name another --out")
    try:
        chosen = SCENARIOS if scenarios is None else named(scenarios)
        given = conform(pq.read_table(events))
    except ValueError as error:
        _refuse(str(error))
    with _bar("grafting") as told:
        world = graft(
            given,
            rate=rate,
            seed=seed,
            scenarios=chosen,
            progress=lambda done, of: told("grafting", done / max(of, 1)),
        )
    write([world], out, _beside(out, labels))
    if not pq.read_table(out).slice(0, len(given)).equals(given):
        _refuse(f"the first {len(given)} rows of {out} are not those of {events}: don't use it, and report this")
    came = additions(given, world, rate)
    table = Table("scenario", "victims", "events", title=f"added after your {len(given)} events, which are unchanged")
    for row in came.rows:
        table.add_row(*map(str, row))
    Console().print(table)
    console.print(f"{came.touched} of {came.sessions} sessions touched; {came.asked} asked for")
    if came.shortfall:
        console.print(came.shortfall, markup=False)


@app.command("retrain")
def retrain_(
    events: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="Events; without, simulated.")
    ] = None,
    labels: Labels = None,
    promote: Annotated[bool, typer.Option(help="Let it answer if the gate passes.")] = False,
    identities: Annotated[int | None, typer.Option(help="Of a simulated world.")] = None,
    days: Annotated[int | None, typer.Option(help="Of a simulated world.")] = None,
    seed: Seed = 1,
) -> None:
    """Fit, calibrate, evaluate, check and register a model. Your own events without labels have abuse grafted on.

    Example: `python -m training retrain --promote`
    """
    world = _simulated(seed, identities, days) if events is None else _read(events, labels, seed)
    with _bar("retraining") as told:
        try:
            came = retrain(world, settings(), seed=seed, promoted=promote, told=told)
        except ValueError as error:
            console.print(f"nothing was registered: {error}", markup=False)
            raise typer.Exit(2) from error
    _show(came.evaluation, world.source)
    for check in came.checks:
        console.print(f"  {'passed' if check.passed else 'NOT PASSED'}: {check}", markup=False, highlight=False)
    fate = "answers from the next start on" if came.promoted else "is registered and does not answer"
    console.print(f"{settings().model_name} version {came.version} {fate}")
    raise typer.Exit(1 if came.shortfalls else 0)


@app.command("evaluate")
def evaluate_(
    events: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False)] = None,
    labels: Labels = None,
    report: Annotated[
        bool, typer.Option(help="Measure everything, for minutes; to MLflow and training/REPORT.md.")
    ] = False,
    identities: Annotated[int | None, typer.Option(help="Of a simulated world.")] = None,
    days: Annotated[int | None, typer.Option(help="Of a simulated world.")] = None,
    seed: Seed = 2,
) -> None:
    """Evaluate the champion on other histories than it was made from: another seed, or your own.

    Example: `python -m training evaluate --report --seed 7`
    """
    started = time.monotonic()
    try:
        model = champion(settings())
    except ModelMismatch as error:
        console.print(str(error), markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    if model is None:
        console.print("no version answers yet: python -m training retrain --promote")
        raise typer.Exit(2)
    world = _simulated(seed, identities, days) if events is None else _read(events, labels, seed)
    simulated = time.monotonic()
    with _bar("evaluating") as told:
        data = prepare(
            world, seed, lambda done, of: told("computing features", 0.7 * done / of), population=model.population
        )
        prepared = time.monotonic()
        if not report:
            evaluation = assess(model, data, Recipe(), seed)
    if not report:
        return _show(evaluation, world.source)
    with _bar("measuring") as told:
        tables, figures = whole_evidence(model, data, Recipe(), seed, told)
    stages = {"the world": simulated - started, "features": prepared - simulated}
    stages["measuring"] = time.monotonic() - prepared
    command = _command("evaluate", "--report", events, labels, identities=identities, days=days, seed=seed)
    part = Part(1, f"Model version {model.version}", command, world.source, stages, tuple(tables))
    written = write_part(part, "evaluate", FOLDER)
    log_evidence(settings(), model.version, {name: each.value for name, each in figures.items()}, written)
    console.print(f"{written}, and a run in MLflow that names version {model.version}")


def _command(name: str, *given: object, **options: object) -> str:
    """The command as it was given."""
    named = [f"--{option} {value}" for option, value in options.items() if value is not None]
    return " ".join(["python -m training", name, *(str(each) for each in given if each is not None), *named])


@app.command("compare")
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
    with _bar("comparing") as told:
        rows = list(compare(worlds, identities, days, seed, told))
    tables = summary(rows)
    command = _command("compare", worlds=worlds, identities=identities, days=days, seed=seed)
    stages = {"everything": time.monotonic() - started}
    written = write_part(Part(2, "Five ways to a decay curve", command, "simulated", stages, tables), "compare", FOLDER)
    for each in tables:
        table = Table(*each.columns, title=f"{each.title} (simulated)")
        for row in each.rows:
            table.add_row(*row)
        Console(width=None if sys.stdout.isatty() else 160).print(table)
    console.print(str(written))


@labels_app.command("pull")
def labels_pull(
    verdicts: Annotated[str, typer.Argument(help="Exported verdicts: a file of JSON Lines, or an http address.")],
    events: Events,
    out: Annotated[Path, typer.Option(help="Where the labels go, as Parquet.")],
    labels: Labels = None,
    key_file: Annotated[Path | None, typer.Option(exists=True, help="Holds the bearer key for the address.")] = None,
    cap: Annotated[int, typer.Option(min=1, help="Verdicts of one identity that count at most.")] = CAP,
) -> None:
    """Take investigators' verdicts on decisions into the labels of a log; at most so many of each identity count.

    Example: `python -m training labels pull verdicts.jsonl events.parquet --out labels.parquet`
    """
    table = pq.read_table(events)
    try:
        before = pq.read_table(labels) if labels else unlabelled(table, "yours")
        pulled = pull(World(table, before).conformed(), read(verdicts, key_file), cap=cap)
    except (OSError, ValueError) as error:
        console.print(str(error), markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    pq.write_table(pulled.world.labels, out)
    console.print(
        f"{pulled.taken} verdicts taken, {pulled.capped} beyond the cap of {cap} an identity, "
        f"{pulled.unknown} about events that are not in the log or not of that identity"
    )


@app.command("importance")
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
    here = settings()
    model = champion(here)
    if model is None:
        console.print("no model answers yet: python -m training retrain EVENTS --promote")
        raise typer.Exit(2)
    with console.status("explaining"):
        tables = {path.stem: pq.read_table(path) for path in samples}
        shares = importance(model, tables, lookup(here.network_tables), seed)
    table = Table(Column("feature", no_wrap=True), *shares.columns)
    for name, row in shares.sort_values(list(shares.columns), ascending=False).iterrows():
        table.add_row(str(name), *(f"{value:.1%}" for value in row))
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    if out:
        shares.to_csv(out)


@app.command("promote")
def promote_(
    version: Annotated[str, typer.Argument(help="The version's number.")],
    force: Annotated[bool, typer.Option(help="Although it did not pass the gate; needs --who and --why.")] = False,
    who: Annotated[str, typer.Option(help="Who decides to force it: kept with the version.")] = "",
    why: Annotated[str, typer.Option(help="Why: kept with the version.")] = "",
) -> None:
    """Let a registered version that passed the gate answer from the next start on.

    One that did not is refused with its reasons (exit code 1), unless somebody takes it upon himself.

    Example: `python -m training promote 3 --force --who "R. Ito" --why "drill in the test house"`
    """
    from mlflow.exceptions import MlflowException

    try:
        promote(settings(), version, Forced(who, why) if force else None)
    except NotPromoted as error:
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    except (ModelMismatch, MlflowException, ValueError) as error:
        console.print(str(error), markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    console.print(f"version {version} answers from the next start on")


def _simulated(seed: int, identities: int | None, days: int | None) -> World:
    numbers = _numbers(None, identities, days)
    with _bar("simulating") as told:
        return simulate(seed, parameters=numbers, progress=lambda done, of: told("simulating", done / of))


def _numbers(file: Path | None, identities: int | None, days: int | None) -> WorldParameters:
    """The world's numbers: what was said on the command line, then in the file, then the usual."""
    try:
        return sized(world_parameters(file), identities, days)
    except ValueError as error:
        _refuse(str(error))


def _refuse(why: str) -> NoReturn:
    """Say why it cannot be done as asked, and end."""
    console.print(why, markup=False, soft_wrap=True)
    raise typer.Exit(2)


def _beside(out: Path, labels: Path | None) -> Path:
    """Where labels go when nobody says: beside their events."""
    return labels or out.with_suffix(".labels.parquet")


def _read(events: Path, labels: Path | None, seed: int) -> World:
    table = pq.read_table(events)
    if labels is not None:
        return World(table, conform_labels(pq.read_table(labels))).sorted()
    console.print("no labels given: the events count as benign, and abuse is grafted onto them")
    grafted = graft(table, unlabelled(table, "yours"), rate=RATE, seed=seed)
    if shortfall := additions(table, grafted, RATE).shortfall:
        console.print(shortfall, markup=False)
    return grafted.sorted()


def _show(evaluation: Evaluation, source: str) -> None:
    """The table of recalls, and the figures."""
    title = f"Recall of lost sessions, 95 % interval over identities ({source}; open loop, floors off)"
    table = Table("group", "", *(f"{budget:.1%} challenged" for budget in BUDGETS), title=title)
    for group, name, shares in evaluation.rows():
        table.add_row(group, name, *map(str, shares))
    Console().print(table)
    figures: dict[str, Any] = {name: round(value, 4) for name, value in evaluation.figures.items()}
    Console().print(figures)


if __name__ == "__main__":
    app()
