"""A decision is on the disk before it is answered: seen in the system calls, in their order."""

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

SETTLE_SECONDS = 2.0
"""After this long an earlier request is committed, by the mutant as well."""
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
"""A mutant: it answers callers before the transaction has been committed."""

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is missing; scripts/test installs it")


@contextmanager
def traced(server: Server, log: Path) -> Iterator[None]:
    """The system calls of a server's processes, written to a file meanwhile."""
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


def is_durable_first(server: Server, folder: Path) -> bool:
    """Whether the write-ahead log was synchronised before the first byte of the response, for a lone request."""
    server.score(an_event("durable"))
    time.sleep(SETTLE_SECONDS)
    with traced(server, folder / "calls"):
        decision_id = server.score(an_event("durable"))["decision_id"]
    lines = (folder / "calls").read_text().splitlines()
    sent = next(n for n, line in enumerate(lines) if (decision_id in line and "send" in line) or "HTTP/1.1 200" in line)
    return any(SYNCED.search(line) for line in lines[:sent])


def test_a_decision_is_durable_before_it_is_answered(small: Server, tmp_path: Path) -> None:
    """The write-ahead log is synchronised first, and the response is sent then."""
    assert is_durable_first(small, tmp_path)


@pytest.mark.slow
def test_a_server_that_answers_first_is_detected(tmp_path: Path) -> None:
    """The check above fails for a mutant."""
    (tmp_path / "sitecustomize.py").write_text(ANSWERS_FIRST)
    home = new_home(tmp_path / "home")
    with served(home, PYTHONPATH=f"{tmp_path}:{ROOT}") as mutant:
        assert not is_durable_first(mutant, tmp_path)
