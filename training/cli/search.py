"""`session-trust training search`: find a recipe for your own data, and what the choice costs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from features.cli.output import fail, print_plain
from features.cli.progress import progress_bar
from training.cli.shared_options import (
    Days,
    Identities,
    Labels,
    OptionalEvents,
    Seed,
    command_line,
    console,
    histories_of,
    print_table,
)
from training.progress import share_of, stage_counter

search_app = typer.Typer()


@search_app.command("search")
def search_(
    events: OptionalEvents = None,
    labels: Labels = None,
    out: Annotated[Path, typer.Option(help="Where the recipe goes, as YAML, with a plot beside it.")] = Path(
        "recipe.yaml"
    ),
    minutes: Annotated[float, typer.Option(min=0.1, help="Start no more recipes after so many minutes.")] = 10.0,
    trials: Annotated[int, typer.Option(min=1, help="Try so many recipes at most.")] = 60,
    report: Annotated[bool, typer.Option(help="Also write the table to training/REPORT.md.")] = False,
    identities: Identities = None,
    days: Days = None,
    seed: Seed = 1,
) -> None:
    """Search for the recipe that catches most, and of those that catch as much, the cheapest to explain.

    Example: `session-trust training search events.parquet --minutes 20 --out recipe.yaml`, then
    `session-trust training retrain events.parquet --recipe recipe.yaml`
    """
    from training.evaluation.tables import Chapter, write_chapter
    from training.model.recipe import write_recipe
    from training.pipeline.dataset import prepare
    from training.search.recipe_search import search_recipes
    from training.search.report import plot_search, search_table

    started = time.monotonic()
    world = histories_of(events, labels, identities, days, seed)
    with progress_bar("searching", console) as bar:
        data = prepare(world, seed, stage_counter(bar.stage, "computing features", 0.0, 0.1))
        prepared = time.monotonic()
        bar.stage("trying recipes", 0.1)
        try:
            result = search_recipes(data, seed, trials=trials, minutes=minutes, progress=share_of(bar.stage, 0.1, 1.0))
        except ValueError as error:
            fail(console, error)
    seconds = {"histories and features": prepared - started, "trials": time.monotonic() - prepared}
    bounds = {"trials": trials, "minutes": minutes, "identities": identities, "days": days, "seed": seed}
    command = command_line("search", events, labels, "--report" if report else None, **bounds)
    table = search_table(result)
    write_recipe(result.chosen.recipe, out, f"{command} ({world.source}): detection {result.chosen.detection}")
    plot_search(result, out.with_suffix(".png"), world.source)
    print_table(table, world.source)
    print_plain(console, f"{out}, and a plot of the trade-off in {out.with_suffix('.png')}")
    if report:
        chapter = Chapter(4, "Hyper-parameters", command, world.source, seconds, (table,))
        print_plain(console, write_chapter(chapter, "search"))
