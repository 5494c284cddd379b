"""The first of many findings, on a screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console


def show_first(console: Console, findings: Sequence[object], most: int) -> None:
    """Print so many findings, a line each and just as they are, and how many there are besides."""
    for finding in findings[:most]:
        console.print(f"  {finding}", markup=False, highlight=False, soft_wrap=True)
    if len(findings) > most:
        console.print(f"  and {len(findings) - most} more")
