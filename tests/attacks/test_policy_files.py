"""A broken policy file: whatever stands in its place, the service goes on under the policy it had, and says so.

Aim: to stop the reload of policies for good, so that an operator's next, stricter policy never comes into force.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.live_server import Server, descendants, new_home, served

from serving.policy.schema import BUILT_IN

TEXT = BUILT_IN.read_text()
SOON = 20.0
"""Seconds within which a change must show; the file is looked at every two."""
MEMORY_BYTES = 200 << 20
"""How much more memory a trick may cost."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server, and the policy file it watches."""
    folder = tmp_path_factory.mktemp("watched")
    file = folder / "policy.yaml"
    file.write_text(TEXT)
    with served(new_home(folder / "home"), SESSION_TRUST_POLICY=str(file)) as server:
        yield server, file


def bomb(file: Path) -> None:
    """Aliases of aliases: nine to the tenth entries."""
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 11)]
    file.write_text("a0: &a0 [x]\n" + "".join(lines))


def sparse(file: Path, size: int) -> None:
    """Zero bytes that take no room on the disk."""
    file.touch()
    os.truncate(file, size)


TRICKS: dict[str, Callable[[Path], object]] = {
    "nine bytes: an alias within its own anchor": lambda file: file.write_text("&a [*a]\n\n"),
    "aliases of aliases": bomb,
    "a million brackets": lambda file: file.write_text("[" * 1_000_000),
    "a sparse file of a gigabyte": lambda file: sparse(file, 1 << 30),
    "a named pipe": os.mkfifo,
    "a directory": Path.mkdir,
    "an endless device": lambda file: file.symlink_to("/dev/zero"),
    "nothing": lambda file: None,
    "not UTF-8": lambda file: file.write_bytes(b"\xff" * 4_096),
    "a number read as octal elsewhere": lambda file: file.write_text(TEXT.replace("seconds: 300", "seconds: 0300")),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_broken_policy_file_is_shown_and_the_next_one_comes_into_force(
    watched: tuple[Server, Path], trick: str
) -> None:
    """`GET /policy` names the file and the policy that stays; readiness and decisions are as before."""
    server, file = watched
    before, memory = server.get("/policy")["digest"], resident(server)
    remove(file)
    TRICKS[trick](file)
    refused = until(server, lambda policy: bool(policy["refused_files"]))

    assert refused["digest"] == before
    assert [each["file"] for each in refused["refused_files"]] == [str(file)]
    assert f"the policy {before} stays in force" in refused["refused"]
    assert server.request("GET", "/readyz").status_code == 200
    assert "session_trust_policy_refused 1.0" in server.request("GET", "/metrics").text
    assert resident(server) - memory < MEMORY_BYTES

    remove(file)
    file.write_text(TEXT + f"# after {trick}\n")
    after = until(server, lambda policy: not policy["refused_files"])

    assert after["digest"] != before
    assert after["refused"] is None


def until(server: Server, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The answer of GET /policy once it is as it should be."""
    end = time.monotonic() + SOON
    policy: dict[str, Any] = server.get("/policy")
    while not holds(policy) and time.monotonic() < end:
        time.sleep(0.2)
        policy = server.get("/policy")
    assert holds(policy), policy["refused_files"]
    return policy


def resident(server: Server) -> int:
    """The memory of the server's processes in bytes."""
    pages = 0
    for pid in descendants(server.process.pid):
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE")


def remove(file: Path) -> None:
    """Take away whatever stands in the file's place."""
    if file.is_dir() and not file.is_symlink():
        file.rmdir()
    else:
        file.unlink(missing_ok=True)
