"""Output helpers for commands: plain text, long lists cut short, one-sentence errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import typer
from rich.console import Console


def print_plain(console: Console, text: object) -> None:
    """Print text unchanged: no markup, no colours, no wrapping."""
    console.print(str(text), markup=False, highlight=False, soft_wrap=True)


def show_first(console: Console, items: Sequence[object], limit: int) -> None:
    """Print at most `limit` items, one per line, then how many more there are."""
    for item in items[:limit]:
        print_plain(console, f"  {item}")
    if len(items) > limit:
        console.print(f"  and {len(items) - limit} more")


def fail(console: Console, error: object, code: int = 2) -> NoReturn:
    """Print an error as one sentence instead of a traceback, and exit with `code`."""
    print_plain(console, error)
    raise typer.Exit(code)
