"""Which document holds which generated part, and the command `scripts/docs` that writes them.

A part stands between `<!-- name -->` and `<!-- end -->` and follows from the code and the recordings alone, so that a
test can compare it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from features.catalogue.sentences.amounts import trust_number
from scripts.docgen import (
    ROOT,
    features_reference,
    http_reference,
    notebook_pages,
    operator_reference,
    pictures,
    policy_reference,
    recordings,
    results_pages,
    shell_blocks,
    sources_reference,
)
from scripts.docgen.http_examples import STRONGEST
from scripts.docgen.markdown import fenced, replace_parts, table
from serving.launch.client import Service, started_service
from serving.launch.readiness import curl_line

README = ROOT / "README.md"
DOCS = ROOT / "docs"
Parts = Mapping[str, Callable[[], str]]


def first_answer() -> str:
    """The curl line of the README, and the main members of what a service answered to it."""
    answer = recordings.load("answer")
    explanation = answer["explanation"]
    strongest = max(explanation["contributions"][:STRONGEST], key=lambda each: float(each["contribution"]))
    shown = {
        "decision_id": answer["decision_id"],
        "ruling": answer["ruling"],
        "because": answer["because"],
        "trust": {"now": min(round(answer["trust"]["now"], 4), 0.9999)},
        "remedies": [{"type": each["type"], "sentence": each["sentence"]} for each in answer["remedies"]],
        "explanation": {"contributions": [{name: strongest[name] for name in ("feature", "sentence")}]},
    }
    lines = [f' "{name}": {json.dumps(value, ensure_ascii=False)}' for name, value in shown.items()]
    curl = curl_line("http://127.0.0.1:3000", Path(".local/key"))
    return f"{fenced('sh', curl)}\n\n{fenced('json', '{' + chr(10) + (',' + chr(10)).join(lines) + chr(10) + '}')}"


def incident() -> str:
    """Five requests of the real incident, as the demo replayed them."""
    rows = [
        (
            each["time"],
            f"`{each['identity'][:16]}{'…' if len(each['identity']) > 16 else ''}`",
            f"`{each['action'][:28]}{'…' if len(each['action']) > 28 else ''}`",
            each["history"],
            trust_number(each["trust"], 3),
            f"`{each['ruling']}`",
            each["because"] or "",
        )
        for each in recordings.load("demo")["rows"]
    ]
    return table(("time", "identity", "action", "history", "trust", "ruling", "because"), rows)


def demo_output() -> str:
    """Everything the demo prints from the turn on."""
    return fenced("text", recordings.load("demo")["printed"])


def floor_example() -> str:
    """The floor of the recorded answer that applied."""
    floor = next(each for each in recordings.load("answer")["floors"] if each.get("status") == "applied")
    return fenced("json", json.dumps(floor, indent=1))


def printed(page: str, name: str) -> str:
    """What a block of a quickstart printed."""
    return fenced("text", recordings.load("quickstarts")[page][name])


def _quickstart(page: Path) -> Parts:
    names = [block.printed for block in shell_blocks.blocks(page.read_text()) if block.printed]
    return {f"printed: {name}": partial(printed, page.stem, name) for name in names}


DOCUMENTS: Mapping[Path, Parts] = {
    README: {
        "answer": first_answer,
        "incident": incident,
        "sources": partial(sources_reference.overview, "docs/reference/sources/"),
    },
    **{page: _quickstart(page) for page in recordings.QUICKSTARTS},
    DOCS / "reference/http-api.md": {
        "routes": lambda: http_reference.routes(recordings.calls()),
        "schemas": http_reference.schemas,
        "problems": lambda: http_reference.problems(recordings.calls()),
    },
    DOCS / "reference/policy-file.md": {
        "floor-example": floor_example,
        "floors": policy_reference.floors,
        "remedies": policy_reference.remedies,
        "factors": policy_reference.factors,
        "identity-providers": policy_reference.identity_provider_templates,
        "keys": policy_reference.keys,
        "shipped": lambda: fenced("yaml", policy_reference.shipped_file()),
    },
    DOCS / "reference/features.md": {
        "overview": features_reference.overview,
        "catalogue": features_reference.catalogue,
        "histories": features_reference.histories,
    },
    DOCS / "reference/settings.md": {"settings": operator_reference.settings},
    DOCS / "reference/commands.md": {"commands": operator_reference.commands},
    DOCS / "reference/metrics.md": {
        "metrics": operator_reference.metrics,
        "consumer-metrics": operator_reference.consumer_metrics,
    },
    DOCS / "reference/sources/index.md": {"sources": sources_reference.overview},
    **{
        page: {page.stem: partial(sources_reference.source_part, page.stem)}
        for page in sorted((DOCS / "reference/sources").glob("*.md"))
        if page.stem in sources_reference.SAMPLES and f"<!-- {page.stem} -->" in page.read_text()
    },
    DOCS / "evaluation.md": {
        "incident": incident,
        "demo": demo_output,
        "shipped": results_pages.shipped_model,
        "real": lambda: results_pages.chapters(real=True),
        "simulated": lambda: results_pages.chapters(real=False),
    },
    DOCS / "benchmarks.md": {
        "serving": results_pages.serving_benchmark,
        "features": results_pages.features_benchmark,
    },
}
"""The generated parts of each document, by name."""


def generated(document: Path) -> str:
    """A document with its generated parts as the code and the recordings say now."""
    return replace_parts(document.read_text(), {name: part() for name, part in DOCUMENTS[document].items()})


def write() -> None:
    """Write every generated part in place."""
    for document in DOCUMENTS:
        document.write_text(generated(document))


@contextmanager
def fresh_service() -> Iterator[Service]:
    """A service in an empty home, so that what it answers does not depend on what happened before."""
    with TemporaryDirectory() as home, started_service({"SESSION_TRUST_HOME": home}) as service:
        yield service


def record() -> None:
    """Run everything the pages show against a service in an empty home, and keep what came of it."""
    with fresh_service() as service:
        recordings.record_all(service)
        pictures.take_all(service)


def take_pictures() -> None:
    """Take the pictures alone, of a decision made for them."""
    with fresh_service() as service:
        pictures.take_all(service)


def build() -> int:
    """Execute the notebooks that changed, and build the site with warnings as errors."""
    for notebook in notebook_pages.stale():
        print(f"executing {notebook.relative_to(ROOT)}", flush=True)
        notebook_pages.execute(notebook)
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"], cwd=ROOT, check=False
    ).returncode


def main() -> int:
    """The command `scripts/docs`."""
    parser = argparse.ArgumentParser(prog="scripts/docs", description=__doc__)
    parser.add_argument("--record", action="store_true", help="first run what the pages show, pictures included")
    parser.add_argument("--pictures", action="store_true", help="first take the pictures again")
    parser.add_argument("--build", action="store_true", help="then execute the notebooks and build .local/site")
    arguments = parser.parse_args()
    if arguments.record:
        record()
    elif arguments.pictures:
        take_pictures()
    write()
    return build() if arguments.build else 0


if __name__ == "__main__":
    sys.exit(main())
