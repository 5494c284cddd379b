"""The data scientist's loop: `python -m training simulate | graft | labels | retrain | evaluate |
compare | importance | search | promote`.

Exit codes: 0 done, 1 the gate refused, 2 it could not be done as asked.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from features import ModelMismatch, get_settings
from training.cli.data import data_app
from training.cli.evaluate import evidence_app
from training.cli.search import search_app
from training.cli.shared_options import Labels, Seed, console, labelled_log, progress, refuse, show, simulated
from training.model.recipe_yaml import read_recipe
from training.pipeline.retrain import retrain
from training.progress import in_words
from training.promotion.registry import Forced, NotPromoted, promote

app = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode="markdown", add_completion=False)
app.add_typer(data_app)
app.add_typer(evidence_app)
app.add_typer(search_app)


@app.command("retrain")
def retrain_(
    events: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="Events; without, simulated.")
    ] = None,
    labels: Labels = None,
    promote: Annotated[bool, typer.Option(help="Let it answer if the gate passes.")] = False,
    identities: Annotated[int | None, typer.Option(help="Of a simulated world.")] = None,
    days: Annotated[int | None, typer.Option(help="Of a simulated world.")] = None,
    recipe: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="How to fit, as `search` found it.")
    ] = None,
    seed: Seed = 1,
) -> None:
    """Fit, calibrate, evaluate, check and register a model. Your own events without labels have abuse grafted on.

    Example: `python -m training retrain --promote`
    """
    try:
        how = read_recipe(recipe) if recipe else None
    except ValueError as error:
        refuse(str(error))
    begun = time.monotonic()
    world = simulated(seed, identities, days) if events is None else labelled_log(events, labels, seed)
    took = {"the world": time.monotonic() - begun}
    with progress("retraining") as told:
        try:
            came = retrain(world, get_settings(), seed=seed, recipe=how, promoted=promote, told=told)
        except ValueError as error:
            console.print(f"nothing was registered: {error}", markup=False)
            raise typer.Exit(2) from error
    show(came.evaluation, world.source)
    for check in came.checks:
        console.print(f"  {'passed' if check.passed else 'NOT PASSED'}: {check}", markup=False, highlight=False)
    console.print(f"{len(world.events):,} events: {in_words(took | dict(came.seconds))}", highlight=False)
    fate = "answers from the next start on" if came.promoted else "is registered and does not answer"
    console.print(f"{get_settings().model_name} version {came.version} {fate}")
    raise typer.Exit(1 if came.shortfalls else 0)


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
        promote(get_settings(), version, Forced(who, why) if force else None)
    except NotPromoted as error:
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    except (ModelMismatch, MlflowException, ValueError) as error:
        console.print(str(error), markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    console.print(f"version {version} answers from the next start on")
