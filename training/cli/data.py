"""`python -m training simulate | graft | labels pull`: labelled worlds, made or put together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.table import Table

from features.cli.output import fail
from features.cli.progress import progress_bar
from features.event.arrow import conform
from training.cli.shared_options import RATE, Events, Labels, Seed, console, parameters_of
from training.data.labels import World, unlabelled
from training.data.verdicts import CAP, pull, read
from training.scenarios.injection import additions, graft
from training.scenarios.registry import SCENARIOS, named
from training.simulation.world import cores_for, towns
from training.simulation.writer import write

world_app = typer.Typer()
labels_app = typer.Typer(help="What is known of events.", no_args_is_help=True, rich_markup_mode="markdown")
world_app.add_typer(labels_app, name="labels")

Out = Annotated[Path, typer.Option(help="Where the events go, as Parquet.")]
LabelsOut = Annotated[
    Path | None, typer.Option(help="Where their labels go, as Parquet; without, beside them: NAME.labels.parquet.")
]
Parameters = Annotated[
    Path | None,
    typer.Option(
        exists=True, dir_okay=False, help="Your own numbers for the world, as YAML; see training/simulation/world.yaml."
    ),
]


@world_app.command("simulate")
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
    numbers = parameters_of(parameters, identities, days)
    with progress_bar("simulating", console) as bar:
        made = towns(seed, numbers, bar.update, processes=cores_for(numbers))
        summary = write(made, out, beside(out, labels))
    console.print(summary)


@world_app.command("graft")
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
    if {out.resolve(), beside(out, labels).resolve()} & {events.resolve()}:
        fail(console, f"{events} would be overwritten; name another --out")
    try:
        chosen = SCENARIOS if scenarios is None else named(scenarios)
        given = conform(pq.read_table(events))
    except ValueError as error:
        fail(console, error)
    with progress_bar("grafting", console) as bar:
        world = graft(
            given,
            rate=rate,
            seed=seed,
            scenarios=chosen,
            progress=bar.update,
        )
    write([world], out, beside(out, labels))
    if not pq.read_table(out).slice(0, len(given)).equals(given):
        fail(console, f"the first {len(given)} rows of {out} are not those of {events}: don't use it, and report this")
    came = additions(given, world, rate)
    table = Table("scenario", "victims", "events", title=f"added after your {len(given)} events, which are unchanged")
    for row in came.rows:
        table.add_row(*map(str, row))
    Console().print(table)
    console.print(f"{came.touched} of {came.sessions} sessions touched; {came.asked} asked for")
    if came.shortfall:
        console.print(came.shortfall, markup=False)


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


def beside(out: Path, labels: Path | None) -> Path:
    """Where labels go when nobody says: beside their events."""
    return labels or out.with_suffix(".labels.parquet")
