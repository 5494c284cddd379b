"""`session-trust serve`: from nothing to a service that answers."""

from __future__ import annotations

import os
import sys
import time

import typer

from features.settings import SettingsError, get_settings
from serving.launch.preparation import configuration_fault, prepare
from serving.launch.process import become_server
from serving.launch.readiness import announce_from_child, print_progress

serve_app = typer.Typer(add_completion=False)


@serve_app.command("serve")
def serve() -> None:
    """Start the service; everything it needs to know comes from the environment.

    If no registered model answers yet, the one that ships with session-trust is registered first. Once the service
    answers, a curl line is printed and, last, `READY {"url": …, "key_file": …, "investigate_url": …}`.

    Example: `SESSION_TRUST_PORT=8080 session-trust serve`
    """
    began = time.monotonic()
    try:
        settings = get_settings()
    except SettingsError as error:
        print_progress(str(error))
        raise typer.Exit(2) from error
    fault = configuration_fault(settings)
    if fault:
        print_progress(fault)
        raise typer.Exit(2)
    code = prepare(settings)
    if code:
        raise typer.Exit(code)
    sys.stdout.flush()
    announce_from_child(settings, began)
    os.environ["PYTHONUNBUFFERED"] = "1"  # the log of a service is read while it runs
    become_server(settings)
