"""The shell and Python blocks of a page, run one after another as a reader would paste them into one terminal.

A page that has such blocks is run by `scripts/docs --record`, which writes what they printed below them (between
`<!-- printed: NAME -->` and `<!-- end -->`), and by a test, which only wants them to succeed.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>sh|python)\n(?P<code>.*?)^ *```\n"
    r"(?:\s*<!-- (?P<mark>proven|printed): (?P<name>.*?) -->)?",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A block: its code, whether its output is shown and under which name, or where it is proven instead."""

    language: str
    code: str
    printed: str = ""
    proven: str = ""


class BlockFailed(Exception):
    """A block ended with an exit code other than 0; the message says which, and what it printed."""


def blocks(text: str) -> list[Block]:
    """Every `sh` and `python` block of a page, in its order."""
    found = []
    for match in BLOCK.finditer(text):
        indent = len(match["indent"])
        code = "".join(line[indent:] if line.strip() else line for line in match["code"].splitlines(keepends=True))
        mark = {match["mark"]: match["name"]} if match["mark"] else {}
        found.append(Block(match["language"], code, **mark))
    return found


def run(page: Sequence[Block], folder: Path, environment: Mapping[str, str]) -> list[str]:
    """What each block printed on both channels; raises BlockFailed at the first that fails.

    All blocks share one shell, so a variable that one sets is there for the next.
    """
    script = ["set -euo pipefail"]
    for number, block in enumerate(page):
        file = folder / f".block-{number}"
        file.write_text(block.code)
        command = f"source '{file}'" if block.language == "sh" else f"python '{file}'"
        script.append(f"echo {number} > '{folder}/.running'\n{command} > '{file}.out' 2>&1")
    process = subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=folder, env=dict(environment), capture_output=True, check=False
    )
    outputs = [
        each.read_text() if (each := folder / f".block-{number}.out").exists() else "" for number in range(len(page))
    ]
    if process.returncode != 0:
        failed = int((folder / ".running").read_text())
        raise BlockFailed(
            f"block {failed + 1} failed:\n{page[failed].code}\n{outputs[failed]}{process.stderr.decode()}"
        )
    return outputs
