"""A followed file is known by its number beside its first message: files that begin alike are told apart."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

from features.sources.formats.records import JSON
from serving.consumer.followed_file import FollowedFile
from serving.consumer.messages import Message

FIRST = b'{"begins": "alike"}\n'


def follow(log: Path, checkpoint: Path) -> list[Message]:
    """What a run to the end of a file reads; everything is committed."""

    async def run() -> list[Message]:
        file = FollowedFile(log, JSON, checkpoint, end=True)
        found: list[Message] = []
        await file.open()
        while (messages := await file.read(100, 0.0)) is not None:
            found += messages
        await file.commit()
        await file.close()
        return found

    return asyncio.run(run())


def numbered(*numbers: int) -> bytes:
    """A line for each number."""
    return b"".join(b'{"n": %d}\n' % number for number in numbers)


def test_a_new_file_that_begins_as_the_former_is_read_from_its_beginning(tmp_path: Path) -> None:
    """The rotated one is read to its end before it; no two messages share an id."""
    log, checkpoint = tmp_path / "log", tmp_path / "at.json"
    log.write_bytes(FIRST + numbered(1))
    before = follow(log, checkpoint)
    log.rename(old := tmp_path / "log.1")
    with old.open("ab") as out:
        out.write(numbered(2))
    log.write_bytes(FIRST + numbered(3, 4))
    after = follow(log, checkpoint)

    assert [message.data for message in after] == [
        *numbered(2).splitlines(True),
        FIRST,
        *numbered(3, 4).splitlines(True),
    ]
    assert len({message.id for message in before + after}) == len(before) + len(after) == 6


def test_a_new_file_whose_former_one_is_gone_is_read_from_its_beginning(tmp_path: Path) -> None:
    """Also where another rotated file begins as the former one did."""
    log, checkpoint = tmp_path / "log", tmp_path / "at.json"
    log.write_bytes(FIRST + numbered(1))
    follow(log, checkpoint)
    log.rename(tmp_path / "log.2.gz")
    (tmp_path / "log.1").write_bytes(FIRST + numbered(2, 3))
    log.write_bytes(FIRST + numbered(4, 5))

    assert [message.data for message in follow(log, checkpoint)] == [FIRST, *numbered(4, 5).splitlines(True)]


def test_a_copy_of_a_file_that_was_cut_is_read_on(tmp_path: Path) -> None:
    """The copy has another number; its messages keep the ids that they have in the file."""
    log, checkpoint = tmp_path / "log", tmp_path / "at.json"
    log.write_bytes(FIRST + numbered(1))
    before = follow(log, checkpoint)
    with log.open("ab") as out:
        out.write(numbered(2))
    shutil.copy(log, tmp_path / "log.1")
    log.write_bytes(numbered(3))
    after = follow(log, checkpoint)

    assert [message.data for message in after] == numbered(2, 3).splitlines(True)
    assert after[0].id.rpartition(":")[0] == before[0].id.rpartition(":")[0]


def test_a_checkpoint_without_numbers_is_read(tmp_path: Path) -> None:
    """As release 0.2 wrote it; the next one has them, and another number of the device alone changes nothing."""
    log, checkpoint = tmp_path / "log", tmp_path / "at.json"
    log.write_bytes(FIRST + numbered(1))
    follow(log, checkpoint)
    written = json.loads(checkpoint.read_text())
    checkpoint.write_text(json.dumps({name: written[name] for name in ("digest", "head", "offset")}))
    with log.open("ab") as out:
        out.write(numbered(2))
    first = follow(log, checkpoint)
    again = json.loads(checkpoint.read_text())
    checkpoint.write_text(json.dumps(again | {"device": again["device"] + 1}))
    with log.open("ab") as out:
        out.write(numbered(3))
    second = follow(log, checkpoint)

    assert [message.data for message in first + second] == numbered(2, 3).splitlines(True)
    assert (again["device"], again["inode"]) == (log.stat().st_dev, log.stat().st_ino)
