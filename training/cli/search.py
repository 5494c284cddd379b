"""`python -m training search`: a recipe for your own data, and what the choice costs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from training.cli.shared_options import (
    Labels,
    Seed,
    command_line,
    console,
    labelled_log,
    print_table,
    progress,
    refuse,
    simulated,
)
from training.evaluation.tables import FOLDER, Part, write_part
from training.model.recipe import write_recipe
from training.pipeline.dataset import prepare
from training.search.report import picture, table
from training.search.recipe_search import search

search_app = typer.Typer()


@search_app.command("search")
def search_(
    events: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="Events; without, simulated.")
    ] = None,
    labels: Labels = None,
    out: Annotated[Path, typer.Option(help="Where the recipe goes, as YAML; a picture beside it.")] = Path(
        "recipe.yaml"
    ),
    minutes: Annotated[float, typer.Option(min=0.1, help="Begin no recipe after so long.")] = 10.0,
    trials: Annotated[int, typer.Option(min=1, help="Try so many recipes at most.")] = 60,
    report: Annotated[bool, typer.Option(help="Also into training/REPORT.md.")] = False,
    identities: Annotated[int | None, typer.Option(help="Of a simulated world.")] = None,
    days: Annotated[int | None, typer.Option(help="Of a simulated world.")] = None,
    seed: Seed = 1,
) -> None:
    """Search for a recipe that catches most, and of those that catch as much, the one cheapest to explain.

    Example: `python -m training search events.parquet --minutes 20 --out recipe.yaml`, then
    `python -m training retrain events.parquet --recipe recipe.yaml`
    """
    started = time.monotonic()
    world = simulated(seed, identities, days) if events is None else labelled_log(events, labels, seed)
    with progress("searching") as told:
        data = prepare(world, seed, lambda done, of: told("computing features", 0.1 * done / of))
        prepared = time.monotonic()
        try:
            found = search(
                data, seed, trials=trials, minutes=minutes, told=lambda what, share: told(what, 0.1 + 0.9 * share)
            )
        except ValueError as error:
            refuse(str(error))
    stages = {"world and features": prepared - started, "trying": time.monotonic() - prepared}
    bounds = {"trials": trials, "minutes": minutes, "identities": identities, "days": days, "seed": seed}
    command = command_line("search", events, labels, "--report" if report else None, **bounds)
    shown = table(found)
    write_recipe(found.chosen.recipe, out, f"{command} ({world.source}): detection {found.chosen.detection}")
    picture(found, out.with_suffix(".png"), world.source)
    print_table(shown, world.source)
    console.print(f"{out}, and a picture of the trade-off in {out.with_suffix('.png')}")
    if report:
        part = Part(4, "Hyper-parameters", command, world.source, stages, (shown,))
        console.print(str(write_part(part, "search", FOLDER)))
