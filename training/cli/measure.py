"""`session-trust training measure`: what models are worth on real logs, and what only simulated worlds can show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.cli.output import fail, print_plain
from features.cli.progress import progress_bar
from features.settings import get_settings
from training.cli.evaluate import NO_CHAMPION
from training.cli.shared_options import command_line, console, print_table

if TYPE_CHECKING:
    from features.model.bundle import TrustModel

measure_app = typer.Typer()


@measure_app.command("measure")
def measure_(
    logs: Annotated[
        Path,
        typer.Argument(
            exists=True,
            file_okay=False,
            envvar="SESSION_TRUST_REAL_LOGS",
            help="Folder with unix_commands/, lanl_auth_sample/, agentdojo/ and tau_bench/, which are not distributed.",
        ),
    ],
    models: Annotated[
        str, typer.Option(help="Registered versions, separated by commas; without, the one that answers.")
    ] = "",
    again: Annotated[
        str, typer.Option(help="Sections to measure anew, separated by commas, or `all`; others only where needed.")
    ] = "",
) -> None:
    """Measure models on real logs, and write the chapters that docs/evaluation.md begins with.

    Sections that were measured for the same models are kept, so an interrupted run goes on where it was.

    Example: `session-trust training measure ../logs --models 4,5,6`
    """
    from features.enrichment.ip_lookup import lookup
    from training.evaluation.measure.sections import SECTIONS, Inputs, measure_sections, yardsticks_of
    from training.evaluation.tables import FIGURES_FOLDER, read_chapters
    from training.promotion.registry import log_evaluation

    names = [section.name for section in SECTIONS]
    chosen = names if again == "all" else [name.strip() for name in again.split(",") if name.strip()]
    if unknown := [name for name in chosen if name not in names]:
        fail(console, f"--again {', '.join(unknown)}: there is no such section; there are {', '.join(names)}")
    versions = _versions(models)
    settings = get_settings()
    inputs = Inputs(versions, logs, lookup(settings.network_tables))
    command = command_line("measure", "LOGS", models=models or None)
    with progress_bar("measuring", console) as bar:
        try:
            figures = measure_sections(inputs, FIGURES_FOLDER, command, bar.stage, chosen)
        except (FileNotFoundError, ValueError) as error:
            fail(console, error)
    for table in yardsticks_of(read_chapters(FIGURES_FOLDER)):
        print_table(table, table.source)
    report = FIGURES_FOLDER.parent / "REPORT.md"
    log_evaluation(settings, versions[0].version, {key: figure.value for key, figure in figures.items()}, report)
    print_plain(console, f"{report}; docs/evaluation.md shows it after scripts/docs")


def _versions(models: str) -> tuple[TrustModel, ...]:
    """The models named, or the one that answers."""
    from features.model.bundle import ModelMismatch
    from training.promotion.registry import champion, load_version

    try:
        named = tuple(load_version(get_settings(), name.strip()) for name in models.split(",") if name.strip())
        found = named or tuple(model for model in (champion(get_settings()),) if model)
    except (ModelMismatch, LookupError) as error:
        fail(console, error)
    if not found:
        fail(console, NO_CHAMPION)
    return found
