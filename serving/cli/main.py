"""The operator's loop: `python -m serving start | keys | verify | rebuild | policy`.

Exit codes: 0 all is well, 1 a finding (a broken log, a history that differs, a policy that is wrong), 2 it could not be
done as asked.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from features.cli.output import show_first
from serving.cli.policy import policy_app
from serving.cli.policy_analysis import policy_history_app
from serving.cli.shared_options import console, plainly, store_of
from serving.store.api_keys import SCOPES, create_key, list_keys, revoke_key
from serving.store.rebuild import rebuild_histories
from serving.store.store import Store
from serving.store.verify import verify_log

app = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode="markdown", add_completion=False)
keys = typer.Typer(help="Who may call, and for what.", no_args_is_help=True)
app.add_typer(keys, name="keys")
app.add_typer(policy_app, name="policy")
policy_app.add_typer(policy_history_app)
SHOWN = 20
"""How many findings are printed in full."""


@app.command()
def start() -> None:
    """Start the service; everything it needs to know comes from the environment.

    Example: `SESSION_TRUST_PORT=8080 python -m serving start`
    """
    with plainly() as here:
        from serving.service import run  # imports the whole server, which no other command needs

        here.ensure_home()
        run(here)


@app.command("verify")
def verify_() -> None:
    """Prove that no decision was changed or removed since it was recorded. Exit code 1 names where one was.

    Keep the heads it prints somewhere else: what stands after the last head that was copied could be cut off unseen.

    Example: `python -m serving verify`
    """
    with plainly() as here:
        report = verify_log(store_of(here))
        console.print(f"{len(report.heads)} chains, {report.rows} rows, {report.erased} erased payloads")
        for head in report.heads:
            print(f"{head.chain} {head.sequence} {head.hash}")
        console.print("the log is what was written" if report.ok else f"{len(report.breaks)} breaks:")
        show_first(console, report.breaks, SHOWN)
        raise typer.Exit(0 if report.ok else 1)


@app.command("rebuild")
def rebuild_(
    write: Annotated[bool, typer.Option("--write", help="Replace the histories that differ.")] = False,
) -> None:
    """Recompute every history from the events, in the order they arrived. Exit code 1 when any differs.

    Example: `python -m serving rebuild --write`
    """
    columns = (TextColumn("rebuilding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with plainly() as here, Progress(*columns, console=console) as bar:
        task = bar.add_task("rebuilding", total=None)
        store = store_of(here)
        differences = rebuild_histories(
            store, write=write, progress=lambda done, of: bar.update(task, completed=done, total=of)
        )
        console.print(f"{len(differences)} differences{' were found, and histories replaced' if write else ''}")
        show_first(console, differences, SHOWN)
        raise typer.Exit(1 if differences else 0)


@keys.command("list")
def keys_list() -> None:
    """List every key, never its secret.

    Example: `python -m serving keys list`
    """
    with plainly() as here:
        table = Table("id", "name", "scopes", "created", "revoked")
        for key in list_keys(store_of(here)):
            revoked = f"{key.revoked_at:%F %T}" if key.revoked_at else ""
            table.add_row(key.id, key.name, " ".join(key.scopes), f"{key.created_at:%F %T}", revoked)
        Console().print(table)


@keys.command("create")
def keys_create(
    name: Annotated[str, typer.Argument(help="Who or what it is for.")],
    scope: Annotated[list[str], typer.Option(help=f"One of {', '.join(SCOPES)}; may be repeated.")],
) -> None:
    """Make a key and print it, once: only its digest is kept.

    Example: `python -m serving keys create gateway --scope score --scope assure`
    """
    with plainly() as here:
        here.ensure_home()
        store = Store(here.database_url)
        store.migrate()
        try:
            print(create_key(store, name, scope))
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--scope") from error


@keys.command("revoke")
def keys_revoke(id: Annotated[str, typer.Argument(help="The part of the key before the dot.")]) -> None:
    """Make a key worthless from now on. Exit code 1 when there is none of this id that still works.

    Example: `python -m serving keys revoke 0123456789abcdef`
    """
    with plainly() as here:
        revoked = revoke_key(store_of(here), id)
        console.print(f"key {id} {'is revoked' if revoked else 'does not exist or was revoked before'}")
        raise typer.Exit(0 if revoked else 1)
