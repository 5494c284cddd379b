"""Mutation testing of the code that decides, run by scripts/mutate in a copy of the tree.

Prints the score of every file, and the mutants that no test noticed.
"""

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

MIN_SCORE = 0.9
"""The share of mutants that tests must notice."""
NOTICED = frozenset({"killed", "timeout", "segfault", "caught by type check"})
RUN = "import sys; sys.path.append(sys.argv.pop(1)); from mutmut.__main__ import cli; cli()"
"""The tool's own dependencies come last on the path, after the project's."""


def main(
    tool: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="The folder the mutation tester is installed in.")
    ],
    show: Annotated[int, typer.Option(min=0, help="The most survivors to print.")] = 1_000,
    workers: Annotated[int, typer.Option(min=1, help="How many mutants are tested at a time.")] = os.cpu_count() or 1,
) -> None:
    """Test every mutant and print which were noticed. Exit code 1 when too few were."""
    run = [sys.executable, "-c", RUN, str(tool)]
    subprocess.run([*run, "run", "--max-children", str(workers)], check=True)
    results = mutant_results(Path("mutants"), exit_code_meanings(tool))
    table = Table("file", "mutants", "noticed", "score", title="Mutants noticed by the tests")
    for file, statuses in sorted(results.items()):
        table.add_row(file, *_cells(Counter(statuses.values())))
    overall = Counter(status for statuses in results.values() for status in statuses.values())
    table.add_row("all", *_cells(overall))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    survivors = [name for each in results.values() for name, status in each.items() if status not in NOTICED]
    for name in survivors[:show]:
        print(f"\n{name}")
        subprocess.run([*run, "show", name], check=False)
    if score(overall) < MIN_SCORE:
        raise typer.Exit(1)


def exit_code_meanings(tool: Path) -> dict[int | None, str]:
    """What each exit code of a test run means to the tool."""
    sys.path.append(str(tool))
    from mutmut.stats import status_by_exit_code  # type: ignore[import-not-found]

    return dict(status_by_exit_code)


def mutant_results(tree: Path, meanings: dict[int | None, str]) -> dict[str, dict[str, str]]:
    """The status of each mutant, by file."""
    results = {}
    for meta in tree.rglob("*.py.meta"):
        codes = json.loads(meta.read_text())["exit_code_by_key"]
        if codes:
            file = str(meta.relative_to(tree)).removesuffix(".meta")
            results[file] = {name: meanings.get(code, f"exit code {code}") for name, code in codes.items()}
    return results


def score(counts: Counter[str]) -> float:
    """The share of mutants that were noticed; 0 when there are none."""
    return sum(counts[status] for status in NOTICED) / max(counts.total(), 1)


def _cells(counts: Counter[str]) -> tuple[str, str, str]:
    return str(counts.total()), str(sum(counts[status] for status in NOTICED)), f"{score(counts):.1%}"


if __name__ == "__main__":
    typer.run(main)
