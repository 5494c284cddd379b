"""Running `session-trust …` inside the test's process."""

from __future__ import annotations

from typer.testing import CliRunner

from serving.cli.main import app


def run_command(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and error output of a command."""
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr
