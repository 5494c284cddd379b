"""What all of the data scientist's commands share: a bar, a world made or read, and a refusal in a sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NoReturn

import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from training.data.labels import World, benign_labels, conform_labels
from training.evaluation import tables
from training.metrics.evaluation import BUDGETS, Evaluation
from training.scenarios.injection import inject_abuse, summarize_injection
from training.simulation.parameters import draw_parameters
from training.simulation.world import (
    WorldParameters,
    process_count,
    resize,
    simulate,
    simulate_worlds,
    world_parameters,
)

console = Console(stderr=True)

Seed = Annotated[int, typer.Option(help="The same seed and data give the same figures.")]
Events = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Events as Parquet.")]
Labels = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="Their labels; without, all are their owners' own.")
]
RATE = 0.0095


@contextmanager
def progress(what: str) -> Iterator[Callable[[str, float], None]]:
    """A progress bar that is told what is being done and how much of it is; a line each where no bar can be seen."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=1.0)
        now = ""

        def told(description: str, share: float) -> None:
            nonlocal now
            bar.update(task, description=description, completed=share)
            if description != now and not console.is_terminal:
                console.print(f"{description} …", markup=False, highlight=False)
            now = description

        yield told


def simulated(seed: int, identities: int | None, days: int | None) -> World:
    """A world of the documented parameters."""
    numbers = numbers_of(None, identities, days)
    with progress("simulating") as told:
        return simulate(
            seed,
            parameters=numbers,
            progress=lambda done, of: told("simulating", done / of),
            processes=process_count(numbers),
        )


def simulated_worlds(count: int, seed: int, identities: int | None, days: int | None) -> list[World]:
    """Worlds whose habits differ: shares and rates are drawn anew, but for how many sessions are compromised."""
    usual = numbers_of(None, identities, days)
    drawn = [draw_parameters(seed + place, usual.identities, usual.days) for place in range(count)]
    numbers = [replace(each, compromised_sessions=usual.compromised_sessions) for each in drawn]
    cores = process_count(replace(usual, identities=count * usual.identities))
    with progress("simulating") as told:
        return list(simulate_worlds(seed, numbers, lambda done, of: told("simulating", done / of), processes=cores))


def numbers_of(file: Path | None, identities: int | None, days: int | None) -> WorldParameters:
    """The world's numbers: what was said on the command line, then in the file, then the usual."""
    try:
        return resize(world_parameters(file), identities, days)
    except ValueError as error:
        refuse(str(error))


def refuse(why: str) -> NoReturn:
    """Say why it cannot be done as asked, and end."""
    console.print(why, markup=False, soft_wrap=True)
    raise typer.Exit(2)


def labelled_log(events: Path, labels: Path | None, seed: int) -> World:
    table = pq.read_table(events)
    if labels is not None:
        return World(table, conform_labels(pq.read_table(labels))).sorted()
    console.print("no labels given: the events count as benign, and abuse is grafted onto them")
    grafted = inject_abuse(table, benign_labels(table, "yours"), rate=RATE, seed=seed)
    if shortfall := summarize_injection(table, grafted, RATE).shortfall:
        console.print(shortfall, markup=False)
    return grafted.sorted()


def show(evaluation: Evaluation, source: str) -> None:
    """The table of recalls, and the figures."""
    title = f"Recall of compromised sessions, 95 % interval over identities ({source}; open loop, floors off)"
    table = Table("group", "", *(f"{budget:.1%} challenged" for budget in BUDGETS), title=title)
    for group, name, shares in evaluation.rows():
        table.add_row(group, name, *map(str, shares))
    Console().print(table)
    figures: dict[str, Any] = {name: round(value, 4) for name, value in evaluation.figures.items()}
    Console().print(figures)


def command_line(name: str, *given: object, **options: object) -> str:
    """The command as it was given."""
    named = [f"--{option} {value}" for option, value in options.items() if value is not None]
    return " ".join(["python -m training", name, *(str(each) for each in given if each is not None), *named])


def print_table(found: tables.Table, source: str) -> None:
    """A table of figures on the screen, under the word that says what data it was."""
    shown = Table(*found.columns, title=f"{found.title} ({source})")
    for row in found.rows:
        shown.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 200).print(shown)
