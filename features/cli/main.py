"""The data scientist's way from logs to a matrix: `python -m features import | replay | catalogue | schema`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.table import Table

from features.catalogue.all import feature_names
from features.catalogue.describe import digest, feature_catalogue
from features.cli.output import fail, show_first
from features.cli.progress import progress_bar
from features.engine.batch_files import AnotherRun, replay_file
from features.event.schema import Event
from features.history.population import load, unmeasured
from features.sources.registry import SOURCES, import_files
from features.suggestions import did_you_mean

app = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode="markdown", add_completion=False)
console = Console(stderr=True)


class Form(StrEnum):
    """How the catalogue is printed."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def _known(source: str) -> str:
    """The name of a source, or an error that suggests one."""
    if source not in SOURCES:
        raise typer.BadParameter(f"there is no source {source!r}; {did_you_mean(source, sorted(SOURCES))}")
    return source


SHOWN = 10
"""How many broken records are named; the rest are counted."""


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(callback=_known, help=f"Whose log this is: {', '.join(sorted(SOURCES))}.")],
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Log files, gzipped or not.")],
    out: Annotated[Path, typer.Option(help="Where the events go, as Parquet.")],
) -> None:
    """Turn vendor logs into events. Broken records are counted (exit code 1), some named, never fatal to the rest.

    Example: `python -m features import cloudtrail trail.json.gz --out events.parquet`
    """
    with progress_bar("importing", console) as bar:
        report = import_files(source, files, bar.update)
    pq.write_table(report.table, out)
    console.print(f"{report.table.num_rows} events -> {out}; {len(report.broken)} broken records")
    show_first(console, report.broken, SHOWN)
    if report.broken and not report.table.num_rows:
        console.print(f"not one record reads as {source}: is it another vendor's log?")
    raise typer.Exit(1 if report.broken else 0)


@app.command("replay")
def replay_(
    events: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Events as Parquet.")],
    out: Annotated[Path, typer.Option(help="Folder for the matrix, as Parquet files.", file_okay=False)],
    population: Annotated[
        Path | None, typer.Option(help="A model's population.npy; without it those are unknown.")
    ] = None,
    parts: Annotated[
        int | None,
        typer.Option(min=1, max=1_000, help="Into how many parts identities are dealt out; one per 5 million."),
    ] = None,
) -> None:
    """Compute the features of every event, however large the file; broken off, it goes on where it was.

    The column `row` is an event's place in the file.

    Example: `python -m features replay events.parquet --out matrix.parquet`
    """
    snapshot = load(population) if population else unmeasured()
    try:
        with progress_bar("replaying", console) as bar:
            count = replay_file(events, out, snapshot, parts=parts, told=bar.update)
    except (AnotherRun, ValueError, OSError) as error:
        fail(console, error)
    console.print(f"{count} events, {len(feature_names())} features -> {out}")


@app.command("catalogue")
def catalogue_(form: Annotated[Form, typer.Option("--as", help="How to print it.")] = Form.TABLE) -> None:
    """Print every feature with its unit, direction and sentence.

    Example: `python -m features catalogue --as markdown`
    """
    if form is Form.JSON:
        print(json.dumps({"digest": digest(), "features": feature_catalogue()}, indent=1))
    elif form is Form.MARKDOWN:
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

    Example: `python -m features schema > data/event.schema.json`
    """
    print(event_schema())


def event_schema() -> str:
    """The JSON Schema of the Event, as text."""
    return json.dumps(Event.model_json_schema(), indent=1, sort_keys=True)
