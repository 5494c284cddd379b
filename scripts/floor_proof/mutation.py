"""What scripts/mutate runs in a tree of its own: the mutation tester, then every file's score and the survivors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

LEAST = 0.9
"""The share of mutants that must be noticed."""
NOTICED = frozenset({"killed", "timeout", "segfault", "caught by type check"})
RUN = "import sys; sys.path.append(sys.argv.pop(1)); from mutmut.__main__ import cli; cli()"
"""The tool's own copies of what the project has as well come last."""


def main(
    tool: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Where the mutation tester is installed.")],
    show: Annotated[int, typer.Option(min=0, help="Print so many of the survivors.")] = 1_000,
    workers: Annotated[int, typer.Option(min=1, help="Mutants tested at a time.")] = os.cpu_count() or 1,
) -> None:
    """Test every mutant, print what was noticed, and fail where too little was."""
    run = [sys.executable, "-c", RUN, str(tool)]
    subprocess.run([*run, "run", "--max-children", str(workers)], check=True)
    found = verdicts(Path("mutants"), status_of(tool))
    table = Table("file", "mutants", "noticed", "score", title="Errors put in on purpose, and noticed by the tests")
    for file, said in sorted(found.items()):
        table.add_row(file, *_cells(Counter(said.values())))
    whole = Counter(status for said in found.values() for status in said.values())
    table.add_row("all", *_cells(whole))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    survivors = [name for said in found.values() for name, status in said.items() if status not in NOTICED]
    for name in survivors[:show]:
        print(f"\n{name}")
        subprocess.run([*run, "show", name], check=False)
    if score(whole) < LEAST:
        raise typer.Exit(1)


def status_of(tool: Path) -> dict[int | None, str]:
    """The tool's own reading of a test run's exit code."""
    sys.path.append(str(tool))
    from mutmut.stats import status_by_exit_code  # type: ignore[import-not-found]

    return dict(status_by_exit_code)


def verdicts(tree: Path, status: dict[int | None, str]) -> dict[str, dict[str, str]]:
    """By file: what became of each mutant."""
    found = {}
    for meta in tree.rglob("*.py.meta"):
        codes = json.loads(meta.read_text())["exit_code_by_key"]
        if codes:
            file = str(meta.relative_to(tree)).removesuffix(".meta")
            found[file] = {name: status.get(code, f"exit code {code}") for name, code in codes.items()}
    return found


def score(counts: Counter[str]) -> float:
    """The share that was noticed; of none, nothing was."""
    return sum(counts[status] for status in NOTICED) / max(counts.total(), 1)


def _cells(counts: Counter[str]) -> tuple[str, str, str]:
    return str(counts.total()), str(sum(counts[status] for status in NOTICED)), f"{score(counts):.1%}"


if __name__ == "__main__":
    typer.run(main)
