"""Printing for commands: the first findings of many, one-sentence errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import typer
from rich.console import Console


def print_plain(console: Console, text: object) -> None:
    """Print text exactly as it is: no markup, no colours, no wrapping."""
    console.print(str(text), markup=False, highlight=False, soft_wrap=True)


def show_first(console: Console, findings: Sequence[object], most: int) -> None:
    """Print at most `most` findings, one a line, and how many more there are."""
    for finding in findings[:most]:
        print_plain(console, f"  {finding}")
    if len(findings) > most:
        console.print(f"  and {len(findings) - most} more")


def fail(console: Console, error: object, code: int = 2) -> NoReturn:
    """Print an error as one sentence instead of a traceback, and exit."""
    print_plain(console, error)
    raise typer.Exit(code)
