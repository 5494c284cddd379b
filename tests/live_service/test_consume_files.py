"""`session-trust consume --follow`: a file that grows, is rotated or cut, and a pipe."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support.consumers import between, command, consume, consuming, event_line, stored
from support.live_server import ROOT, Server, ago, variables
from support.source_samples import DATA


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something; fails when it does not happen."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def lines(identity: str, numbers: Sequence[int], id: bool = True) -> bytes:
    """Events of an identity, one a line."""
    made = (event_line(identity, f"{identity}-{n}" if id else None, ago(5_000 - n)) for n in numbers)
    return b"".join(line + b"\n" for line in made)


def append(file: Path, data: bytes) -> None:
    """Write as a logger does."""
    with file.open("ab") as out:
        out.write(data)


def test_a_growing_file_is_stored_while_it_grows(small: Server, tmp_path: Path) -> None:
    """Half a line waits for its end; on SIGTERM everything that was read is stored, and half a line is left."""
    log = tmp_path / "app.ndjson"
    log.write_bytes(lines("follow-grow", range(3)))
    last = lines("follow-grow", [3])
    with consuming(small, "--follow", str(log), "--batch-seconds", "0.1") as process:
        until(lambda: len(stored(small, "follow-grow")) == 3)
        append(log, last[:40])
        time.sleep(1)
        before = len(stored(small, "follow-grow"))
        append(log, last[40:])
        until(lambda: len(stored(small, "follow-grow")) == 4)
        append(log, lines("follow-grow", [4])[:50])
        process.terminate()
        _, said = process.communicate(timeout=30)

    assert (before, process.returncode) == (3, 0), said
    assert "0 rejected" in said


def test_rotation_loses_nothing_also_while_nobody_follows(small: Server, tmp_path: Path) -> None:
    """Renamed while it is followed, with what its writer still appends; and twice while it is not."""
    log, batch = tmp_path / "app.ndjson", ("--batch-seconds", "0.1")
    log.write_bytes(lines("follow-rotate", range(5), id=False))
    with consuming(small, "--follow", str(log), *batch) as process:
        until(lambda: len(stored(small, "follow-rotate")) == 5)
        old = log.rename(tmp_path / "app.ndjson.1")
        append(old, lines("follow-rotate", [5], id=False))
        log.write_bytes(lines("follow-rotate", [6], id=False))
        until(lambda: len(stored(small, "follow-rotate")) == 7)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    append(log, lines("follow-rotate", [7], id=False))
    old.rename(tmp_path / "app.ndjson.3")
    log.rename(tmp_path / "app.ndjson.2")
    time.sleep(0.05)
    (tmp_path / "app.ndjson.1").write_bytes(lines("follow-rotate", [8], id=False))
    time.sleep(0.05)
    log.write_bytes(lines("follow-rotate", [9], id=False))
    done = consume(small, "--follow", str(log), "--until-end")
    ids = stored(small, "follow-rotate")

    assert done.returncode == 0, done.stderr
    assert len(ids) == len(set(ids)) == 10


def test_killed_between_store_and_checkpoint_nothing_is_twice(small: Server, tmp_path: Path) -> None:
    """Events without an id of their own get one from where they stand in the file."""
    log = tmp_path / "app.ndjson"
    log.write_bytes(lines("follow-kill", range(60), id=False))

    def kill(number: int) -> None:
        if number == 2:
            process.kill()

    options = ("--follow", str(log), "--batch-events", "10")
    with between(small, kill) as url, consuming(small, *options, service=url) as process:
        process.wait(60)
    before = len(stored(small, "follow-kill"))
    done = consume(small, *options, "--until-end")
    ids = stored(small, "follow-kill")

    assert before > 0
    assert done.returncode == 0, done.stderr
    assert len(ids) == len(set(ids)) == 60


def test_a_file_that_is_cut_and_begun_again_is_read_again(small: Server, tmp_path: Path) -> None:
    """As `copytruncate` of logrotate does it, also where it soon is longer than it was."""
    log = tmp_path / "app.ndjson"
    log.write_bytes(lines("follow-cut", range(2)))
    with consuming(small, "--follow", str(log), "--batch-seconds", "0.1") as process:
        until(lambda: len(stored(small, "follow-cut")) == 2)
        log.write_bytes(lines("follow-cut", range(10, 18)))
        until(lambda: len(stored(small, "follow-cut")) == 10)
        process.terminate()
        process.wait(30)
    append(log, lines("follow-cut", [18]))
    (tmp_path / "app.ndjson.1").write_bytes(log.read_bytes())
    log.write_bytes(lines("follow-cut", [19]))
    done = consume(small, "--follow", str(log), "--until-end")

    assert done.returncode == 0, done.stderr
    assert stored(small, "follow-cut") == [f"follow-cut-{n}" for n in (0, 1, *range(10, 20))]


def test_a_pipe_is_stored_to_its_end(small: Server) -> None:
    """A last line without an end counts; of one that is damaged the place is said."""
    text = lines("follow-pipe", range(50)) + b"{broken\n" + lines("follow-pipe", [50]).rstrip(b"\n")
    done = consume(small, "--follow", "-", stdin=text)

    assert len(stored(small, "follow-pipe")) == 51
    assert done.returncode == 1
    assert "of the pipe: is not JSON" in done.stderr


def test_a_pipe_into_a_service_that_is_away_says_what_is_lost(small: Server) -> None:
    """Stopped while the service takes nothing: what a pipe held cannot be read again."""
    with subprocess.Popen(
        command(small, "--follow", "-", service="http://127.0.0.1:9"),
        cwd=ROOT,
        env=variables(small.home),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(lines("follow-lost", [1]))
        process.stdin.flush()
        assert any(b"trying again" in line for line in process.stderr)
        process.terminate()
        said = process.stderr.read()

    assert process.returncode == 1
    assert b"a pipe cannot be read again: it is lost" in said


@pytest.mark.parametrize(
    ("source", "file", "events"),
    [("linux", "beats/auth_test.log", 6), ("google-workspace", "sentinel/google_workspace.csv", 4)],
)
def test_lines_of_text_and_rows_of_csv_grow_too(
    small: Server, tmp_path: Path, source: str, file: str, events: int
) -> None:
    """Written piece by piece, with the consumer begun anew in the middle."""
    data, log = (DATA / file).read_bytes(), tmp_path / "log"
    middle = data.index(b"\n", len(data) // 2) + 1
    log.write_bytes(data[:middle])
    first = consume(small, "--follow", str(log), "--source", source, "--until-end")
    append(log, data[middle:])
    second = consume(small, "--follow", str(log), "--source", source, "--until-end")

    def read(said: str) -> int:
        stored, duplicates = (int(part.split()[0]) for part in said.splitlines()[-1].split(", ")[1:3])
        return stored + duplicates

    assert read(first.stderr) + read(second.stderr) == events, first.stderr + second.stderr


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda log: log.write_bytes(b"\x1f\x8b\x08"), "is compressed"),
        (lambda log: log.mkdir(), "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_followed_says_why(
    small: Server, tmp_path: Path, write: Callable[[Path], object], said: str
) -> None:
    """With exit code 2."""
    write(log := tmp_path / "log")
    done = consume(small, "--follow", str(log), "--until-end")

    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
