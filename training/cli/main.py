"""Train and evaluate models: `session-trust training simulate | graft | labels | doctor | retrain | evaluate |
log-sizes | measure | compare | importance | search | promote | export-model | register-model`.

Exit codes: 0 done, 1 refused by promotion checks, 2 it could not be done as asked.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from features.cli.output import fail, print_plain
from features.cli.progress import progress_bar
from features.settings import get_settings
from training.cli.data import data_app
from training.cli.doctor import doctor_app
from training.cli.evaluate import evaluation_app
from training.cli.log_sizes import log_sizes_app
from training.cli.measure import measure_app
from training.cli.model_files import model_files_app
from training.cli.search import search_app
from training.cli.shared_options import (
    RATE,
    Days,
    Identities,
    Labels,
    OptionalEvents,
    Seed,
    console,
    examine,
    histories_of,
    print_evaluation,
)
from training.progress import format_durations

app = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode="markdown", add_completion=False)
app.add_typer(data_app)
app.add_typer(doctor_app)
app.add_typer(evaluation_app)
app.add_typer(log_sizes_app)
app.add_typer(measure_app)
app.add_typer(search_app)
app.add_typer(model_files_app)


@app.command("retrain")
def retrain_(
    events: OptionalEvents = None,
    labels: Labels = None,
    promote: Annotated[bool, typer.Option(help="Promote the version if it passes its promotion checks.")] = False,
    identities: Identities = None,
    days: Days = None,
    recipe: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Hyper-parameters as YAML, as `search` writes them."),
    ] = None,
    seed: Seed = 1,
) -> None:
    """Fit, calibrate, evaluate, check and register a model. Abuse is injected into your own events without labels.

    Example: `session-trust training retrain --promote`
    """
    from training.model.recipe import read_recipe
    from training.pipeline.retraining import retrain

    try:
        chosen_recipe = read_recipe(recipe) if recipe else None
    except ValueError as error:
        fail(console, error)
    if events is not None and (obstacle := examine(events, 0.0 if labels else RATE).obstacle):
        fail(console, f"nothing was registered: {obstacle}")
    started = time.monotonic()
    world = histories_of(events, labels, identities, days, seed)
    seconds = {"histories": time.monotonic() - started}
    try:
        with progress_bar("retraining", console) as bar:
            result = retrain(
                world, get_settings(), seed=seed, recipe=chosen_recipe, promoted=promote, progress=bar.stage
            )
    except ValueError as error:
        fail(console, f"nothing was registered: {error}")
    print_evaluation(result.evaluation, world.source)
    for check in result.checks:
        print_plain(console, f"  {check.state}: {check}")
    print_plain(console, f"{len(world.events):,} events: {format_durations(seconds | dict(result.seconds))}")
    state = "answers from the next start on" if result.promoted else "is registered and does not answer"
    print_plain(console, f"{get_settings().model_name} version {result.version} {state}")
    raise typer.Exit(1 if result.shortfalls else 0)


@app.command("promote")
def promote_(
    version: Annotated[str, typer.Argument(help="The version's number.")],
    force: Annotated[bool, typer.Option(help="Promote although checks did not pass; needs --who and --why.")] = False,
    who: Annotated[str, typer.Option(help="Who decides to force it; recorded with the version.")] = "",
    why: Annotated[str, typer.Option(help="Why; recorded with the version.")] = "",
) -> None:
    """Make a registered version that passed its promotion checks answer from the next start on.

    A version that did not pass is refused with the reasons (exit code 1), unless the promotion is forced.

    Example: `session-trust training promote 3 --force --who "R. Ito" --why "drill in the test house"`
    """
    from features.model.bundle import ModelMismatch
    from training.promotion.registry import ForcedPromotion, NotPromoted, promote

    try:
        promote(get_settings(), version, ForcedPromotion(who, why) if force else None)
    except NotPromoted as error:
        fail(console, error, code=1)
    except (ModelMismatch, LookupError, OSError, ValueError) as error:
        fail(console, error)
    print_plain(console, f"version {version} answers from the next start on")
