"""Operate the service: start it, manage keys, verify what it recorded, erase and export, work on the policy.

Exit codes: 0 all is well; 1 a finding (a broken log, a history that differs, an invalid policy); 2 the command could
not run.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from features.cli.output import fail
from serving.cli.decision_log import log_app
from serving.cli.log_consumer import consume_app
from serving.cli.personal_data import data_app
from serving.cli.policy import policy_app
from serving.cli.policy_analysis import policy_history_app
from serving.cli.population import population_app
from serving.cli.shared_options import command_settings, console, existing_store
from serving.cli.startup import serve_app
from serving.launch.preparation import configuration_fault
from serving.launch.process import become_server
from serving.scopes import SCOPES

app = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode="markdown", add_completion=False)
keys = typer.Typer(help="Manage the keys callers authenticate with.", no_args_is_help=True)
app.add_typer(serve_app)
app.add_typer(consume_app)
app.add_typer(log_app)
app.add_typer(data_app)
app.add_typer(keys, name="keys")
app.add_typer(policy_app, name="policy")
app.add_typer(population_app, name="population")
policy_app.add_typer(policy_history_app)


@app.command()
def start() -> None:
    """Start the service with the models that are registered, and no preparation: see `session-trust serve`.

    Example: `SESSION_TRUST_PORT=8080 python -m serving start`
    """
    with command_settings() as settings:
        settings.ensure_home()
        fault = configuration_fault(settings)
        if fault:
            fail(console, fault)
        become_server(settings)


@keys.command("list")
def keys_list() -> None:
    """List every key. Secrets are not stored, so they are not shown.

    Example: `session-trust keys list`
    """
    from serving.store.api_keys import list_keys

    with command_settings() as settings:
        table = Table("id", "name", "scopes", "created", "revoked")
        for key in list_keys(existing_store(settings)):
            revoked = f"{key.revoked_at:%F %T}" if key.revoked_at else ""
            table.add_row(key.id, key.name, " ".join(key.scopes), f"{key.created_at:%F %T}", revoked)
        Console().print(table)


@keys.command("create")
def keys_create(
    name: Annotated[str, typer.Argument(help="Who or what the key is for.")],
    scope: Annotated[list[str], typer.Option(help=f"One of {', '.join(SCOPES)}. Repeat it for several.")],
    asserts: Annotated[
        list[str] | None,
        typer.Option(help="`network`: this caller states country and operator, and sends no address to look up."),
    ] = None,
) -> None:
    """Create a key and print it, this once: only its digest is stored.

    Example: `session-trust keys create gateway --scope score --scope assure`
    """
    from serving.store.api_keys import create_key
    from serving.store.store import Store

    with command_settings() as settings:
        settings.ensure_home()
        store = Store(settings.database_url)
        store.migrate()
        try:
            print(create_key(store, name, [*scope, *(asserts or [])]))
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--scope") from error


@keys.command("revoke")
def keys_revoke(id: Annotated[str, typer.Argument(help="The part of the key before the dot.")]) -> None:
    """Revoke a key from now on. Exit code 1 when no valid key has this id.

    Example: `session-trust keys revoke 0123456789abcdef`
    """
    from serving.store.api_keys import revoke_key

    with command_settings() as settings:
        revoked = revoke_key(existing_store(settings), id)
        console.print(f"key {id} {'is revoked' if revoked else 'does not exist or was revoked before'}")
        raise typer.Exit(0 if revoked else 1)
