"""`session-trust doctor EVENTS`: what a log can teach, before minutes are spent on it."""

from __future__ import annotations

import typer

from training.cli.shared_options import Events, examine

doctor_app = typer.Typer()


@doctor_app.command("doctor")
def doctor_command(events: Events) -> None:
    """Say what your log holds, what a training on it would learn and what not, and what to do instead.

    Exit code 1 where no model can be trained on it.

    Example: `session-trust doctor events.parquet`
    """
    raise typer.Exit(1 if examine(events).obstacle else 0)
