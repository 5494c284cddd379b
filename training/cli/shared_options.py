"""What the commands share: options, simulated and labelled histories, printed tables.

Commands import what they need when they run: scikit-learn and pandas take seconds, and `--help` needs neither.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from features.cli.output import fail, print_plain
from features.cli.progress import progress_bar

if TYPE_CHECKING:
    from training.data.labels import World
    from training.evaluation import tables
    from training.metrics.evaluation import Evaluation
    from training.pipeline.doctor import LogExamination
    from training.simulation.world import WorldParameters

console = Console(stderr=True)

OptionalEvents = Annotated[
    Path | None,
    typer.Argument(exists=True, dir_okay=False, help="Events as Parquet; without, they are simulated."),
]
Events = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Events as Parquet.")]
Labels = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="Labels of the events; without, all events count as benign."),
]
Identities = Annotated[int | None, typer.Option(help="Number of identities in each simulated world.")]
Days = Annotated[int | None, typer.Option(help="Number of days in each simulated world.")]
Seed = Annotated[int, typer.Option(help="The same seed and data give the same figures.")]
RATE = 0.0095
"""The share of sessions that injected abuse touches, where no rate is given."""


def simulated(seed: int, identities: int | None, days: int | None) -> World:
    """A world of the documented parameters."""
    from training.simulation.world import process_count, simulate

    parameters = parameters_of(None, identities, days)
    with progress_bar("simulating", console) as bar:
        return simulate(seed, parameters=parameters, progress=bar.update, processes=process_count(parameters))


def simulated_worlds(count: int, seed: int, identities: int | None, days: int | None) -> list[World]:
    """Worlds whose shares and rates are drawn anew; the share of compromised sessions stays as documented."""
    from training.simulation.parameters import draw_parameters
    from training.simulation.world import process_count, simulate_worlds

    usual = parameters_of(None, identities, days)
    drawn = [draw_parameters(seed + number, usual.identities, usual.days) for number in range(count)]
    parameters = [replace(each, compromised_sessions=usual.compromised_sessions) for each in drawn]
    processes = process_count(replace(usual, identities=count * usual.identities))
    with progress_bar("simulating", console) as bar:
        return list(simulate_worlds(seed, parameters, bar.update, processes=processes))


def parameters_of(file: Path | None, identities: int | None, days: int | None) -> WorldParameters:
    """World parameters: from the command line, then from the file, then the documented ones."""
    from training.simulation.world import resize, world_parameters

    try:
        return resize(world_parameters(file), identities, days)
    except ValueError as error:
        fail(console, error)


def histories_of(
    events: Path | None, labels: Path | None, identities: int | None, days: int | None, seed: int
) -> World:
    """A labelled log from files, or a simulated world where no file is given."""
    return simulated(seed, identities, days) if events is None else labelled_log(events, labels, seed)


def labelled_log(events: Path, labels: Path | None, seed: int) -> World:
    """A log with its labels; without labels, abuse is injected into it."""
    import pyarrow.parquet as pq

    from training.data.labels import World, benign_labels, conform_labels
    from training.scenarios.injection import inject_abuse, summarize_injection

    table = pq.read_table(events)
    if labels is not None:
        return World(table, conform_labels(pq.read_table(labels))).sorted()
    print_plain(console, "no labels given: all events count as benign, and abuse is injected")
    with progress_bar("injecting abuse", console) as bar:
        world = inject_abuse(table, benign_labels(table, "yours"), rate=RATE, seed=seed, progress=bar.update)
    if shortfall := summarize_injection(table, world, RATE).shortfall:
        print_plain(console, shortfall)
    return world.sorted()


def examine(events: Path, rate: float = RATE) -> LogExamination:
    """What a log holds and can teach, printed; `rate` is 0 where it has labels of its own."""
    import pyarrow.parquet as pq

    from training.pipeline.doctor import COLUMNS, examine_log

    try:
        present = [name for name in COLUMNS if name in pq.read_schema(events).names]
        found = examine_log(pq.read_table(events, columns=present), rate)
    except (OSError, ValueError) as error:
        fail(console, error)
    _print_examination(found)
    return found


def _print_examination(found: LogExamination) -> None:
    """Print the table by identity type, the fields, and what will be learnt and what not."""
    table = Table("identity type", "identities", "sessions", "days active (median)", "simulated attacks", "tested")
    for each in found.types:
        counts = (f"{each.identities:,}", f"{each.sessions:,}", f"{each.days:.0f}")
        table.add_row(each.name, *counts, f"{each.attacks:,}", f"about {each.tested:.0f}")
    Console().print(table)
    print_plain(console, f"{found.events:,} events of {found.identities:,} identities over {found.days:.1f} days")
    print_plain(console, "known: " + ", ".join(f"{name} {share:.0%}" for name, share in found.known.items()))
    for title, sentences in (("will be learnt", found.learnt), ("will not be learnt", found.not_learnt)):
        for sentence in sentences:
            print_plain(console, f"{title}: {sentence}")
    if found.obstacle:
        print_plain(console, found.obstacle)


def print_evaluation(evaluation: Evaluation, source: str) -> None:
    """Print the table of recalls, and the figures."""
    from training.metrics.evaluation import BUDGETS

    title = f"Recall of compromised sessions, 95 % interval over identities ({source}; open loop, without floors)"
    table = Table("group", "", *(f"{budget:.1%} challenged" for budget in BUDGETS), title=title)
    for group, name, recalls in evaluation.rows():
        table.add_row(group, name, *recalls)
    Console().print(table)
    shown = Table("figure", "value", "measured on", title=f"Figures ({source})")
    for name, value in evaluation.figures.items():
        shown.add_row(name, f"{value:.4g}", f"{evaluation.counts[name]:,}" if name in evaluation.counts else "")
    Console().print(shown)


def print_table(table: tables.Table, source: str) -> None:
    """Print a table of figures; its title says what data it shows."""
    shown = Table(*table.columns, title=f"{table.title} ({source})")
    for row in table.rows:
        shown.add_row(*row)
    wide_console().print(shown)


def wide_console() -> Console:
    """Standard output; where it is no terminal, wide enough for any table."""
    return Console(width=None if sys.stdout.isatty() else 200)


def command_line(name: str, *arguments: object, **options: object) -> str:
    """The command with the arguments and options that were given, for the report."""
    named = [f"--{option} {value}" for option, value in options.items() if value is not None]
    return " ".join(["session-trust training", name, *(str(each) for each in arguments if each is not None), *named])
