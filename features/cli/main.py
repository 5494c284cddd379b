"""Turn logs into events, and events into features: `session-trust features import | replay | catalogue | schema`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from features.catalogue.all import feature_names
from features.catalogue.describe import digest, feature_catalogue
from features.cli.log_import import import_logs
from features.cli.output import fail
from features.cli.progress import progress_bar
from features.cli.source_coverage import coverage_command
from features.engine.batch_files import AnotherRun, replay_file
from features.event.schema import Event
from features.history.population import empty_population, load_population

app = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode="markdown", add_completion=False)
console = Console(stderr=True)
app.command("import")(import_logs)
app.command("coverage")(coverage_command)


class OutputFormat(StrEnum):
    """Output format of the catalogue."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


@app.command("replay")
def replay_(
    events: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Events as Parquet.")],
    out: Annotated[
        Path, typer.Option(help="Folder to write the feature matrix to, as Parquet files.", file_okay=False)
    ],
    population: Annotated[
        Path | None, typer.Option(help="A model's population.npy; without it, population features are unknown.")
    ] = None,
    parts: Annotated[
        int | None,
        typer.Option(
            min=1, max=1_000, help="Number of parts to split identities into; by default one per 5 million events."
        ),
    ] = None,
) -> None:
    """Compute the features of every event in a file of any size; after an interruption it resumes where it stopped.

    The column `row` is the event's row number in the file.

    Example: `session-trust features replay events.parquet --out matrix.parquet`
    """
    snapshot = load_population(population) if population else empty_population()
    try:
        with progress_bar("replaying", console) as bar:
            count = replay_file(events, out, snapshot, parts=parts, progress=bar.update)
    except (AnotherRun, ValueError, OSError) as error:
        fail(console, error)
    console.print(f"{count} events, {len(feature_names())} features -> {out}")


@app.command("catalogue")
def catalogue_(
    output_format: Annotated[OutputFormat, typer.Option("--as", help="Output format.")] = OutputFormat.TABLE,
) -> None:
    """Print every feature with its unit, direction and sentence.

    Example: `session-trust features catalogue --as markdown`
    """
    if output_format is OutputFormat.JSON:
        print(json.dumps({"digest": digest(), "features": feature_catalogue()}, indent=1))
    elif output_format is OutputFormat.MARKDOWN:
        print(markdown())
    else:
        Console().print(_rich_table())


def markdown() -> str:
    """The catalogue as the Markdown table in features/README.md."""
    lines = ["| feature | drifts | unit | riskier when | says | tells |", "|---|---|---|---|---|---|"]
    for f in feature_catalogue():
        cells = f"`{f['name']}`", f["module"], f["unit"], _DIRECTION[f["direction"]], f["sentence"], f["tells"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


_DIRECTION = {1: "larger", -1: "smaller", 0: "either"}


def _rich_table() -> Table:
    table = Table("feature", "drifts", "unit", "riskier when", "says", "tells", title=digest())
    for f in feature_catalogue():
        table.add_row(f["name"], f["module"], f["unit"], _DIRECTION[f["direction"]], f["sentence"], f["tells"])
    return table


@app.command()
def schema() -> None:
    """Print the JSON Schema of an event, as kept in `data/event.schema.json`.

    Example: `session-trust features schema > data/event.schema.json`
    """
    print(event_schema())


def event_schema() -> str:
    """The JSON Schema of the Event, as indented text."""
    return json.dumps(Event.model_json_schema(), indent=1, sort_keys=True)
