"""The data scientist's loop: `python -m training simulate | graft | retrain | evaluate | importance | promote`.

Exit codes: 0 done, 1 the gate refused, 2 it could not be done as asked.
"""

from __future__ import annotations

import sys
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
from training.evaluate import BUDGETS, Evaluation
from training.fit import Recipe
from training.graft import additions, graft
from training.importance import importance
from training.labels import World, conformed, unlabelled
from training.register import champion, promote
from training.retrain import assess, prepare, retrain
from training.scenarios import SCENARIOS, named
from training.world import WorldParameters, simulate, sized, towns, world_parameters
from training.written import write

app = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode="markdown", add_completion=False)
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
    _show(came.evaluation, _source(world))
    for check in came.checks:
        console.print(f"  {'passed' if check.passed else 'NOT PASSED'}: {check}", markup=False, highlight=False)
    fate = "answers from the next start on" if came.promoted else "is registered and does not answer"
    console.print(f"{settings().model_name} version {came.version} {fate}")
    raise typer.Exit(1 if came.shortfalls else 0)


@app.command("evaluate")
def evaluate_(
    events: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False)] = None,
    labels: Labels = None,
    seed: Seed = 2,
) -> None:
    """Evaluate the champion on other histories than it was made from: another seed, or your own.

    Example: `python -m training evaluate --seed 7`
    """
    try:
        model = champion(settings())
    except ModelMismatch as error:
        console.print(str(error), markup=False)
        raise typer.Exit(2) from error
    if model is None:
        console.print("no version answers yet: python -m training retrain --promote")
        raise typer.Exit(2)
    world = _simulated(seed, None, None) if events is None else _read(events, labels, seed)
    with _bar("evaluating") as told:
        data = prepare(world, seed, lambda done, of: told("computing features", 0.7 * done / of))
        evaluation = assess(model, data, Recipe(), seed)
    _show(evaluation, _source(world))


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
def promote_(version: Annotated[str, typer.Argument(help="The version's number.")]) -> None:
    """Let a registered version answer from the next start on, whatever the gate said of it.

    Example: `python -m training promote 3`
    """
    from mlflow.exceptions import MlflowException

    try:
        promote(settings(), version)
    except (ModelMismatch, MlflowException) as error:
        console.print(str(error), markup=False)
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
        return World(table, conformed(pq.read_table(labels))).sorted()
    console.print("no labels given: the events count as benign, and abuse is grafted onto them")
    grafted = graft(table, unlabelled(table, "yours"), rate=RATE, seed=seed)
    if shortfall := additions(table, grafted, RATE).shortfall:
        console.print(shortfall, markup=False)
    return grafted.sorted()


def _source(world: World) -> str:
    return "simulated" if "simulated" in world.labels["label_source"].unique().to_pylist() else "yours"


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
