"""`session-trust training log-sizes`: how much log gives how much."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.cli.output import fail, print_plain
from features.cli.progress import progress_bar
from training.cli.shared_options import Seed, command_line, console, print_table, simulated
from training.progress import StageTimer

log_sizes_app = typer.Typer()
ORDER = 5
"""The chapter's place in the report."""


@log_sizes_app.command("log-sizes")
def log_sizes_(
    sizes: Annotated[
        str, typer.Option(help="Identities and days of each log, separated by commas.")
    ] = "20x28,100x14,100x42,300x14,300x42,1000x42",
    identities: Annotated[int, typer.Option(min=100, help="Identities of the simulated company.")] = 1_800,
    days: Annotated[int, typer.Option(min=20, help="Days that it is simulated for.")] = 75,
    recipe: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Hyper-parameters as YAML.")] = None,
    seed: Seed = 5,
) -> None:
    """Train on own logs of several sizes, test each model beside the shipped one, and write the chapter of the report.

    Example: `session-trust training log-sizes --sizes 100x14,300x42`
    """
    from features.model.bundle import ModelMismatch
    from training.evaluation.studies.log_sizes import LogSize, log_sizes_table
    from training.evaluation.tables import Chapter, write_chapter
    from training.model.recipe import Recipe, read_recipe
    from training.promotion.shipping import load_shipped

    try:
        wanted = [LogSize(*map(int, each.split("x"))) for each in sizes.split(",")]
    except (TypeError, ValueError):
        fail(console, f"--sizes {sizes}: write IDENTITIESxDAYS, such as 100x14,300x42")
    try:
        shipped, chosen = load_shipped(), read_recipe(recipe) if recipe else Recipe()
    except (ModelMismatch, OSError, ValueError) as error:
        fail(console, error)
    world = simulated(seed, identities, days)
    with progress_bar("training on logs of several sizes", console) as bar:
        stage = StageTimer(bar.stage)
        table = log_sizes_table(world, wanted, shipped, chosen, seed, stage)
        stage.finish()
    print_table(table, "simulated")
    command = command_line("log-sizes", sizes=sizes, identities=identities, days=days, recipe=recipe, seed=seed)
    chapter = Chapter(ORDER, "Own logs", command, "simulated", dict(stage.seconds), (table,))
    print_plain(console, f"{write_chapter(chapter, 'log_sizes')}; docs/how-to shows it after scripts/docs")
