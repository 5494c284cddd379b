"""What this release costs people beside an earlier one, and which of its rules costs what: simulated months.

    python -m scripts.prompt_cost.compare EARLIER_CHECKOUT [--individuals N]

Each release asks by its own model, at thresholds below which the same share of all these requests lies. Prints a table
and writes benchmarks/prompt_cost.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from scripts.prompt_cost.measure import RULES

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "prompt_cost.json"


def _measured(checkout: Path, out: Path, *arguments: str) -> dict[str, Any]:
    script = ROOT / "scripts/prompt_cost/measure.py"
    print(f"{checkout} {' '.join(arguments)}", flush=True)
    subprocess.run(
        [sys.executable, str(script), str(checkout), "--out", str(out), *arguments], check=True, cwd=checkout
    )
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def compare(earlier: Path, individuals: int) -> dict[str, Any]:
    """The prompts of both releases by profile, and those of this one without each rule."""
    size = ("--individuals", str(individuals))
    with TemporaryDirectory() as folder:
        before = _measured(earlier.resolve(), Path(folder) / "before.json", *size)
        now_file = Path(folder) / "now.json"
        now = _measured(ROOT, now_file, *size)
        off = {
            rule: _measured(ROOT, Path(folder) / "off.json", *size, "--off", rule, "--thresholds-of", str(now_file))
            for rule in RULES
        }
    return {"individuals": individuals, "before": before, "now": now, "off": off}


def print_comparison(result: dict[str, Any]) -> None:
    """The table: a row for each profile, a column for each rule that is switched off."""
    rates = {"before": result["before"], "now": result["now"], **{f"no {rule}": r for rule, r in result["off"].items()}}
    table = Table("profile", *rates, title="Prompts a person-week or machine-day (simulated months)")
    for profile in result["now"]["profiles"]:
        table.add_row(profile, *(f"{found['profiles'][profile]['rate']:.2f}" for found in rates.values()))
    total = [sum(each["step_ups"] for each in found["profiles"].values()) for found in rates.values()]
    table.add_row("all prompts", *map(str, total))
    Console(width=200).print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("earlier", type=Path)
    parser.add_argument("--individuals", type=int, default=2)
    options = parser.parse_args()
    comparison = compare(options.earlier, options.individuals)
    print_comparison(comparison)
    RESULTS.write_text(json.dumps(comparison, indent=1) + "\n")
    print(f"-> {RESULTS}")
