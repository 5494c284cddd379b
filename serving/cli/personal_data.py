"""`session-trust erase | export | retention`: what an operator does with stored personal data."""

from __future__ import annotations

import getpass
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from features.cli.output import print_plain
from features.cli.progress import progress_bar
from serving.cli.shared_options import command_settings, console, existing_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving.store.privacy.erasure import Run, Target
    from serving.store.store import Store, Transaction

data_app = typer.Typer(rich_markup_mode="markdown", add_completion=False)
ROWS_BETWEEN_REPORTS = 500
BETWEEN_CHUNKS_SECONDS = 0.02
"""How long a command waits between two transactions, so that a running service writes in between."""

By = Annotated[str | None, typer.Option(help="Who erases; recorded. By default the name of the logged-in user.")]
Yes = Annotated[bool, typer.Option("--yes", help="Erase without asking.")]
To = Annotated[Path | None, typer.Option("--to", dir_okay=False, help="Write to this file, instead of printing.")]


@data_app.command("erase")
def erase_command(
    reason: Annotated[str, typer.Option(help="Why, such as the number of a request; recorded, so name nobody in it.")],
    identity: Annotated[str | None, typer.Option(help="The identity, in any spelling.")] = None,
    decision: Annotated[str | None, typer.Option(help="The id of one decision.")] = None,
    by: By = None,
    yes: Yes = False,
) -> None:
    """Erase all that is stored about an identity, or one decision. Exit code 1 when nothing is stored about it.

    Erased are events, histories, sessions, step-ups, challenges, findings, verdicts, the identity's type, and what
    decisions say; that a decision was made, when and with which ruling stays, and so does the record of the erasure.
    The hash chains stay valid. Revocations that still deny something stay too: lift them first.

    Example: `session-trust erase --identity ada@example.com --reason 'request 71' --yes`
    """
    from serving.store.privacy.erasure import Reason

    if (identity is None) == (decision is None):
        raise typer.BadParameter("name either an identity or a decision", param_hint="--identity / --decision")
    with command_settings() as settings:
        store = existing_store(settings)
        why = Reason(by or _user(), reason)
        if decision is not None:
            _erase_decision(store, decision, why, yes)
        elif identity is not None:
            _erase_identity(store, identity, why, yes)
        _empty_write_ahead_log(store)


def _erase_identity(store: Store, identity: str, why: Any, yes: bool) -> None:
    from serving.store.privacy.erasure import erase_rows, kept_revocations, rows_naming, spellings

    at = datetime.now(UTC)
    with store.reading() as transaction:
        names = spellings(transaction.connection, identity)
        found = rows_naming(transaction.connection, names, at)
        kept = kept_revocations(transaction.connection, names, at)
    targets = [target for rows in found.values() for target in rows]
    if not targets:
        console.print(f"nothing to erase is stored about {identity!r}", markup=False)
        _say_kept(kept)
        raise typer.Exit(1)
    print_plain(console, f"about {', '.join(map(repr, names))}:")
    _say_counts("to erase", {name: len(rows) for name, rows in found.items()})
    console.print("  remains: that decisions were made, when and with which ruling, and what others' records say")
    _say_kept(kept)
    _confirm(yes)
    with progress_bar("erasing", console) as bar:
        _say_counts("erased", erase_rows(_runner(store), targets, why, bar.update))
    with store.reading() as transaction:
        left = sum(map(len, rows_naming(transaction.connection, names, at).values()))
    if left:
        console.print(f"{left} rows were recorded meanwhile: run the command again")


def _erase_decision(store: Store, id: str, why: Any, yes: bool) -> None:
    with store.reading() as transaction:
        record = transaction.decisions.get(id)
    if record is None:
        console.print(f"there is no decision {id}, or it was erased before", markup=False)
        raise typer.Exit(1)
    print_plain(console, f"decision {id} of {record.at:%F %T}, its challenge, step-ups, findings and verdicts")
    console.print("  remains: that it was made, when and with which ruling, and the event in the identity's history")
    _confirm(yes)
    with store.transaction() as transaction:
        transaction.decisions.erase(id, at=datetime.now(UTC), by=why.by, reason=why.reason)
    console.print("erased")


@data_app.command("export")
def export_command(
    identity: Annotated[str | None, typer.Option(help="The identity, in any spelling.")] = None,
    decisions: Annotated[bool, typer.Option("--decisions", help="Every decision of the range of time.")] = False,
    since: Annotated[str | None, typer.Option(help="Decisions from this time on, such as 2026-03-01.")] = None,
    until: Annotated[str | None, typer.Option(help="Decisions before this time.")] = None,
    to: To = None,
) -> None:
    """Export all that is stored about an identity, or the decision log, as NDJSON: a row of a table on each line.

    Exit code 1 when nothing is stored about the identity.

    Example: `session-trust export --decisions --since 2026-03-01 --until 2026-04-01 --to march.ndjson`
    """
    from serving.store.privacy.erasure import spellings
    from serving.store.privacy.export import count_decisions, count_of_identity, export_decisions, export_identity

    if (identity is None) != decisions:
        raise typer.BadParameter("export either an identity or the decisions", param_hint="--identity / --decisions")
    if identity is not None and (since or until):
        raise typer.BadParameter("a range of time is for --decisions", param_hint="--since / --until")
    begin, end = _time(since, "--since"), _time(until, "--until")
    with command_settings() as settings, _output(to) as file:
        store = existing_store(settings)
        if identity is None:
            rows: Iterable[Mapping[str, Any]] = export_decisions(store, begin, end)
            total = count_decisions(store, begin, end)
        else:
            with store.reading() as transaction:
                names = spellings(transaction.connection, identity)
            rows, total = export_identity(store, names), count_of_identity(store, names)
        count = 0
        with progress_bar("exporting", console) as bar:
            for count, row in enumerate(rows, start=1):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                if count % ROWS_BETWEEN_REPORTS == 0:
                    bar.update(count, max(count, total))
    what = "decisions" if identity is None else f"rows about {identity!r}"
    print_plain(console, f"{count:,} {what}, written to {to or 'standard output'}")
    raise typer.Exit(1 if identity is not None and count == 0 else 0)


@data_app.command("retention")
def retention_command(
    older_than: Annotated[str, typer.Option(help="The age in days, such as 400d.")],
    by: By = None,
    yes: Yes = False,
) -> None:
    """Erase decisions, and identities without newer events, that are older than so many days.

    With a decision go its challenge, step-ups, findings and verdicts. Ends of sessions and revocations that deny
    nothing go by their own age. Events of an identity that is still active stay: its history is computed from them.
    The service does the same every day if SESSION_TRUST_RETENTION_DAYS is set.

    Example: `session-trust retention --older-than 400d --yes`
    """
    from serving.store.privacy.erasure import Reason
    from serving.store.privacy.retention import age_of, erase_all_older, old_rows

    try:
        age = age_of(older_than)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--older-than") from error
    with command_settings() as settings:
        store, at = existing_store(settings), datetime.now(UTC)
        why = Reason(by or _user(), f"older than {age.days} days")
        targets = old_rows(store, at - age, at)
        _say_counts("to erase", _counts(targets))
        if targets:
            _confirm(yes)
        with progress_bar("erasing", console) as bar:
            erased = erase_all_older(store, _runner(store), age, at, why, bar.update)
        console.print(f"{erased} rows erased")
        _empty_write_ahead_log(store)


def _user() -> str:
    """The name of the logged-in user, or its number where it has no name."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return f"user {os.getuid()}"


def _runner(store: Store) -> Run:
    """Runs a chunk in a transaction of its own, and lets a running service write before the next."""

    def run(work: Callable[[Transaction], Any]) -> Any:
        with store.transaction() as transaction:
            result = work(transaction)
        time.sleep(BETWEEN_CHUNKS_SECONDS)
        return result

    return run


def _counts(targets: Iterable[Target]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for target in targets:
        counts[target.table.name] = counts.get(target.table.name, 0) + 1
    return counts


def _say_counts(words: str, counts: Mapping[str, int]) -> None:
    said = [f"{count} {name}" for name, count in counts.items() if count]
    print_plain(console, f"  {words}: {', '.join(said) or 'nothing'}")


def _say_kept(kept: int) -> None:
    if kept:
        words = (
            "without them the identity or session would be let in again. Lift them (POST /revocations/lift), or wait"
        )
        print_plain(console, f"  remains: {kept} revocations, since {words}")


def _confirm(yes: bool) -> None:
    if not yes and not typer.confirm("Erase this? It cannot be undone.", err=True):
        raise typer.Exit(1)


def _empty_write_ahead_log(store: Store) -> None:
    """Leave nothing of what was erased in SQLite's write-ahead log; while the service reads, it does so itself soon."""
    if store.database.file is not None:
        with store.database.engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a time such as 2026-03-01", param_hint=option) from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


@contextmanager
def _output(to: Path | None) -> Iterator[IO[str]]:
    """Standard output, or a new file that only its owner can read."""
    if to is None:
        yield sys.stdout
        return
    try:
        to.touch(mode=0o600)
        file = to.open("w")
    except OSError as error:
        raise typer.BadParameter(f"{to} cannot be written: {error.strerror}", param_hint="--to") from error
    with file:
        yield file
