"""What commands printed and services answered when `scripts/docs --record` ran them; the pages show it.

Recordings are files in `scripts/docgen/recorded/`. Nothing in them is typed by hand.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.docgen import ROOT, http_examples, shell_blocks
from scripts.docgen.http_examples import Recorded, shortened_decision
from serving.demo.incident import logged_events, replay_incident, stolen_calls
from serving.demo.result import ScoredEvent
from serving.launch.client import Service
from serving.launch.readiness import curl_line

FOLDER = Path(__file__).with_name("recorded")
QUICKSTARTS = tuple(
    ROOT / f"docs/quickstart/{name}.md" for name in ("data-scientist", "policy-engineer", "investigator")
)
PROGRESS = re.compile(r"[a-z][a-z ]*(?: …|(?:: \d+ %)? \(\d+ s\))")
"""A line by which a command shows, where there is no terminal, that it is at work."""
SHOWN_LINES = 26
"""How many lines of an output a page shows at most."""


def load(name: str) -> Any:
    """A recording; raises FileNotFoundError naming the command that makes it."""
    file = FOLDER / f"{name}.json"
    if not file.exists():
        raise FileNotFoundError(f"{file} is missing: run scripts/docs --record")
    return json.loads(file.read_text())


def save(name: str, content: object) -> None:
    """Keep a recording."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def calls() -> list[Recorded]:
    """The recorded HTTP calls."""
    return [Recorded(**each) for each in load("http")]


def record_all(service: Service) -> None:
    """Run everything the pages show against a service that has just started."""
    save("answer", record_answer(service))
    save("http", record_calls(service))
    save("demo", record_demo(service))
    save("quickstarts", {page.stem: record_page(page, service) for page in QUICKSTARTS})


def record_answer(service: Service) -> dict[str, Any]:
    """What a service answers to the curl line in the README."""
    command = ["bash", "-c", curl_line(service.url, service.key_file)]
    answer = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return dict(shortened_decision(answer))


def record_calls(service: Service) -> list[dict[str, Any]]:
    """Every example call of the API reference."""
    examples = (*http_examples.EXAMPLES, *http_examples.PROBLEMS)
    return [asdict(each) for each in http_examples.perform(service.url, service.key_file, examples)]


def record_demo(service: Service) -> dict[str, Any]:
    """The incident as the demo tells it: five requests, and everything it prints from the turn on."""

    def row(history: str, each: ScoredEvent) -> dict[str, Any]:
        return {
            "history": history,
            "time": f"{each.event.time:%H:%M:%S}",
            "identity": each.event.identity.id.rpartition("/")[2],
            "action": each.event.action.name,
            "trust": each.trust,
            "ruling": each.ruling,
            "because": each.reason,
            "drift": each.strongest_drift,
        }

    events = logged_events()
    replay = replay_incident(service, events, stolen_calls(events))
    first = replay.incident.index(replay.stolen[0])
    weakest = min(replay.with_history, key=lambda each: each.trust or 0.0)
    rows = [
        row("none", replay.incident[first - 1]),
        row("none", replay.stolen[0]),
        row("none", replay.stolen[-1]),
        row("known", replay.with_history[0]),
        row("known", weakest),
    ]
    demo = subprocess.run(
        [ROOT / "scripts/demo", "--turn"], env=service.environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return {"rows": rows, "printed": demo.stdout.rstrip()}


def record_page(page: Path, service: Service) -> dict[str, str]:
    """What the blocks of a page printed, by the names under which the page shows it."""
    found = shell_blocks.blocks(page.read_text())
    outputs = run_page(page, service)
    return {
        block.printed: _tidied(output, service) for block, output in zip(found, outputs, strict=True) if block.printed
    }


def run_page(page: Path, service: Service) -> list[str]:
    """Run the blocks of a page in a folder that looks like the repository, with the service's home as `.local`."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        mirror(Path(folder), service.key_file.parent)
        text = page.read_text().replace(http_examples.USUAL_URL, service.url)
        runnable = [block for block in shell_blocks.blocks(text) if not block.proven]
        outputs = shell_blocks.run(runnable, Path(folder), environment(service))
        return [output.replace(f"{folder}/", "") for output in outputs]


def environment(service: Service) -> Mapping[str, str]:
    """The variables under which the commands of a page find the service and this environment's programs."""
    return {**service.environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "120"}


def mirror(folder: Path, home: Path) -> None:
    """Links to everything in the repository, and to the home as `.local`, so that a page's files land in the folder."""
    for entry in ROOT.iterdir():
        if entry.name not in (".local", ".git"):
            (folder / entry.name).symlink_to(entry)
    (folder / ".local").symlink_to(home)


def _tidied(output: str, service: Service) -> str:
    """The output with the usual address and folders in place of this run's, and no longer than a page can show."""
    text = output.replace(service.url, http_examples.USUAL_URL).replace(str(service.key_file.parent), ".local")
    text = text.replace(f"{ROOT}/", "")
    lines = [line.rstrip() for line in text.strip("\n").splitlines() if not PROGRESS.fullmatch(line.strip())]
    more = len(lines) - SHOWN_LINES
    return "\n".join([*lines[:SHOWN_LINES], *([f"… and {more} more lines"] if more > 0 else [])])
