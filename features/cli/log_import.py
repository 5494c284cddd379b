"""`session-trust features import`: vendor logs become events, and the report says what became of every record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer
from rich.console import Console

from features.cli.import_check import print_check
from features.cli.import_summary import knowledge_table, outcome_lines
from features.cli.output import fail, print_plain, show_first
from features.cli.progress import progress_bar
from features.enrichment.ip_lookup import fill, lookup
from features.inventory.context_files import Context, ContextError, read_context
from features.inventory.join import with_context
from features.settings import get_settings
from features.sources.file_import import Completion
from features.sources.formats.records import records_of
from features.sources.log_source import LogSource
from features.sources.mapping.map_file import MapError
from features.sources.mapping.mapped_source import GENERIC, source_of_map
from features.sources.parquet_import import import_to_parquet
from features.sources.registry import SOURCES
from features.suggestions import did_you_mean

console = Console(stderr=True)
MAX_SHOWN = 10
"""How many unreadable records, or cells of a context file, are listed; the rest are counted."""
_LOOKED_AT = 20
"""Records by which the source of a file is guessed."""


_NAMES = sorted((*SOURCES, GENERIC))


def registered_source(source: str) -> str:
    """Validate the name of a source; the error suggests a similar one."""
    if source not in _NAMES:
        raise typer.BadParameter(f"there is no source {source!r}; {did_you_mean(source, _NAMES)}")
    return source


def import_logs(
    source: Annotated[str, typer.Argument(callback=registered_source, help=f"Log source: {', '.join(_NAMES)}.")],
    files: Annotated[
        list[Path], typer.Argument(exists=True, dir_okay=False, help="Log files, plain or gzip-compressed.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Parquet file to write the events to; needed unless --check.")
    ] = None,
    addresses: Annotated[
        bool, typer.Option(help="Fill in operator, country and the like of the addresses that the log names.")
    ] = True,
    context: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="What is known beside the log: assets.yaml, identities.yaml, actions.yaml, or a CSV of tags, of an "
            "inventory or of a directory; may be given several times.",
        ),
    ] = None,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", exists=True, dir_okay=False, help="Map of the log (YAML), for the source `generic`."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Print the first records as the events they would be; write nothing.")
    ] = False,
) -> None:
    """Convert vendor logs of any size to events; after an interruption the same call goes on where it stopped.

    The report says what became of every record and what the events know. Unreadable records are listed and counted
    (exit code 1); all others are imported.

    Example: `session-trust features import cloudtrail trail.json.gz --out events.parquet`
    """
    log_source = named_source(source, map_file)
    if check:
        raise typer.Exit(1 if print_check(Console(), log_source, files) else 0)
    if out is None:
        raise typer.BadParameter("say where to write the events to, or --check", param_hint="--out")
    try:
        known = read_context(context or [])
        with progress_bar("importing", console) as bar:
            report = import_to_parquet(
                log_source,
                files,
                out,
                _completion(addresses, known),
                bar.update,
                beside=[*(context or []), *([map_file] if map_file else [])],
                variant="with addresses" if addresses else "without addresses",
            )
    except (OSError, ContextError) as error:
        fail(console, error)
    for line in outcome_lines(report, out):
        print_plain(console, line)
    show_first(console, report.unreadable, min(MAX_SHOWN, report.unreadable_count))
    if report.unreadable and not report.events:
        console.print(f"no record could be read as {source}: {_guess(files)}")
    show_first(console, [f"not understood: {cell}, {count:,} times" for cell, count in known.unread.items()], MAX_SHOWN)
    if report.events:
        console.print(knowledge_table(report))
    raise typer.Exit(1 if report.unreadable else 0)


def named_source(name: str, map_file: Path | None) -> LogSource:
    """The source of a name; `generic` is made from its map, and no other has one. Else the command ends."""
    if (name == GENERIC) != (map_file is not None):
        wrong = (
            "write a map first, see docs/reference/sources/generic.md" if name == GENERIC else f"{name} needs no map"
        )
        raise typer.BadParameter(wrong, param_hint="--map")
    if map_file is None:
        return SOURCES[name]
    try:
        return source_of_map(map_file)
    except MapError as error:
        fail(console, error)


def _completion(addresses: bool, context: Context) -> Completion:
    tables = lookup(get_settings().network_tables) if addresses else None

    def complete(table: pa.Table) -> pa.Table:
        return with_context(fill(table, tables) if tables else table, context)

    return complete


def _guess(files: list[Path]) -> str:
    """Which source the files seem to be of."""
    looks = (
        name
        for file in files
        for name, source in SOURCES.items()
        for _, (_, record) in zip(range(_LOOKED_AT), records_of(file, source.form), strict=False)
        if isinstance(record, dict) and source.recognises(record)
    )
    found = next(looks, None)
    return f"it looks like {found}" if found else "is this another vendor's log?"
