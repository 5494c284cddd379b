"""`docs/evaluation.md` and `docs/benchmarks.md`: measured figures, as the commands that measured them left them."""

from __future__ import annotations

import json
import re
from typing import Any

from scripts.docgen import ROOT
from scripts.docgen.markdown import table

REPORT = ROOT / "training/REPORT.md"
CARD = ROOT / "data/model/MODEL_CARD.md"
MANIFEST = ROOT / "data/model/manifest.json"
SHOWN_GROUPS = ("overall", "identity type", "baseline")
RESULTS = ROOT / "benchmarks/results.json"
REAL = "(real records)"
BESIDE_REAL = "beside real records"
CHAPTER = re.compile(r"^## ", re.MULTILINE)
SECTION = re.compile(r"^### ", re.MULTILINE)
SHOWN_TABLES = (
    "Evaluation targets",
    "Time to detect",
    "Calibration",
    "Session expiry",
    "Baselines",
    "Prompts for everybody",
    "Open loop",
    "Logins alone",
    "Poisoning",
    "Left out of training",
    "Leaks",
    "Means over",
)
"""How the titles of those tables begin that the documentation shows of simulated chapters."""


def shipped_model() -> str:
    """The shipped model's recall, from the model card that its training run wrote."""
    figures = CARD.read_text().partition("**Figures**")[2].partition("Predicted over")[0]
    rows = [[cell.strip() for cell in line.strip("| \n").split("|")] for line in figures.splitlines() if "|" in line]
    wanted = [row for row in rows if row[0].startswith(SHOWN_GROUPS)]
    recall = table(("recall of compromised sessions, simulated", "0.1 %", "0.5 %", "1.0 % challenged"), wanted)
    return f"Made by `{json.loads(MANIFEST.read_text())['made_by']}`.\n\n{recall}"


def chapters(real: bool) -> str:
    """The chapters of the report on real records, or the others, in the report's own order.

    Of chapters on simulated worlds that were made for real records all is shown, of others what is in SHOWN_TABLES.
    """
    _, *found = CHAPTER.split(REPORT.read_text())
    wanted = [text for text in found if text.partition("\n")[0].endswith(REAL) is real]
    return "\n\n".join(f"## {_shortened(text).strip()}" for text in wanted)


def _shortened(chapter: str) -> str:
    title = chapter.partition("\n")[0]
    if title.endswith(REAL) or BESIDE_REAL in title:
        return chapter
    head, *tables = SECTION.split(chapter)
    shown = [table for table in tables if table.startswith(SHOWN_TABLES)]
    left = len(tables) - len(shown)
    rest = f"{left} more tables of this chapter are in `training/REPORT.md`.\n\n" if left else ""
    return f"{head}{rest}" + "".join(f"### {table}" for table in shown)


IN_WORDS = {
    "alone": "one caller",
    "loaded": "many callers at once",
    "explaining": "one explanation",
    "milliseconds, p50": "milliseconds, median",
    "milliseconds, p99": "milliseconds, 99th percentile",
    "milliseconds: remembered": "milliseconds reading the store",
    "milliseconds: features": "milliseconds computing features",
    "milliseconds: explanation": "milliseconds for trust and its explanation",
    "milliseconds: hazards": "milliseconds for the decay curve",
    "milliseconds: ruling": "milliseconds for floors and ruling",
    "milliseconds: record": "milliseconds writing",
    "milliseconds: its turn and the commit": "milliseconds in the queue and the commit",
    "milliseconds: HTTP": "milliseconds for HTTP",
    "floors and ruling over one /score": "floors and ruling, share of the whole",
    "floors and ruling over the server's part of it": "floors and ruling, share of the server's part",
    "milliseconds, SHAP's explainer": "milliseconds with the `shap` package's explainer",
    "theirs over ours": "the `shap` package's time over ours",
}
"""What a measurement is called in the documentation, where the file of results is terse."""


def features_benchmark() -> str:
    """What `scripts/bench features` and `scripts/bench disk` measured last."""
    results = json.loads(RESULTS.read_text())
    rows = [
        (part, what.replace("_", " "), _rounded(value))
        for part, figures in results["features"].items()
        for what, value in figures.items()
    ]
    return f"{table(('part', 'what', 'measured'), rows)}\n\nMeasured on {results['machine']}, shared with other work."


def serving_benchmark() -> str:
    """What `scripts/bench serving` measured last."""
    results: dict[str, Any] = json.loads(RESULTS.read_text())["serving"]
    machine = results["machine"]
    rows = [
        (IN_WORDS[part], IN_WORDS.get(what, what), _rounded(value))
        for part in ("alone", "loaded", "explaining")
        for what, value in results[part].items()
    ]
    measured_on = (
        f"{machine['cores']} cores with Python {machine['python']}, shared with other work, {machine['at']} UTC"
    )
    return f"{table(('part', 'what', 'measured'), rows)}\n\nMeasured on {measured_on}."


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"
