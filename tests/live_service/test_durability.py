"""A decision lies on the disk before it is answered: what the kernel was asked for, in its order."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.live_server import ROOT, Server, an_event, descendants, new_home, served

SETTLES = 2.0
"""Seconds after which what was asked before is committed, by the mutant as well."""
CALLS = "fdatasync,fsync,sendto,sendmsg,write,writev"
SYNCED = re.compile(
    r"\b(?:fdatasync|fsync)\(\d+<[^>]*session-trust\.db-wal>|<\.\.\. (?:fdatasync|fsync) resumed>\)\s+= 0"
)
ANSWERS_FIRST = """
import serving.engine.writer

def commit(self, group):
    with self.store.transaction() as tx:
        for work, future in group:
            self._attempt(tx, work, future)()
        import time
        time.sleep(0.3)

serving.engine.writer.Engine._commit = commit
"""
"""A mutant: it tells the caller before the transaction has ended."""

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not here; scripts/test installs it")


@contextmanager
def watched(server: Server, log: Path) -> Iterator[None]:
    """What the processes of a server ask the kernel for, as long as this lasts."""
    pids = [option for pid in descendants(server.process.pid) for option in ("-p", str(pid))]
    command = ["strace", "-f", "-y", "-s", "4096", "-e", f"trace={CALLS}", "-o", str(log), *pids]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        for _ in range(len(pids) // 2):
            assert "attached" in tracer.stderr.readline()
        try:
            yield
        finally:
            time.sleep(1.0)
            tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=30)


def synced_first(server: Server, folder: Path) -> bool:
    """Whether the log was made durable before the first byte of the answer left, for a request nobody else makes."""
    server.score(an_event("durable"))
    time.sleep(SETTLES)
    with watched(server, folder / "calls"):
        decision = server.score(an_event("durable"))["decision_id"]
    lines = (folder / "calls").read_text().splitlines()
    sent = next(
        place for place, line in enumerate(lines) if (decision in line and "send" in line) or "HTTP/1.1 200" in line
    )
    return any(SYNCED.search(line) for line in lines[:sent])


def test_a_decision_is_durable_before_it_is_answered(small: Server, tmp_path: Path) -> None:
    """The write-ahead log is synchronised first, the answer is sent then."""
    assert synced_first(small, tmp_path)


@pytest.mark.slow
def test_a_server_that_answers_first_is_found_out(tmp_path: Path) -> None:
    """The same look at a mutant fails."""
    (tmp_path / "sitecustomize.py").write_text(ANSWERS_FIRST)
    home = new_home(tmp_path / "home")
    with served(home, PYTHONPATH=f"{tmp_path}:{ROOT}") as mutant:
        assert not synced_first(mutant, tmp_path)
