"""Running `session-trust …` inside the test's process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from features import get_settings
from serving.cli.main import app


@contextmanager
def operator_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The settings of an operator with this home and a wide terminal."""
    monkeypatch.setenv("SESSION_TRUST_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "200")
    get_settings.cache_clear()
    yield home
    get_settings.cache_clear()


def run_command(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and error output of a command."""
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr
