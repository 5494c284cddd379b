"""A growing file, read on from where the service has stored it; rotation, truncation and restarts lose nothing.

A file is known by its number and its first message, not by its name: a rotated file is found again under its new name,
and a new one under the old name is read from its beginning, also where both begin alike.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from features.sources.formats.files import is_gzip
from features.sources.formats.records import RecordForm
from serving.consumer.line_framing import Framed, LineFraming
from serving.consumer.messages import Message, StreamError

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
"""How often a file is looked at that has not grown."""
ROTATED_SECONDS = 2.0
"""How long a rotated file is read on: its writer may not know yet."""
_PIECE = 1024 * 1024
_LONGEST_HEAD = 4096
"""Bytes of the first message by which a file is known."""


@dataclass(frozen=True)
class Checkpoint:
    """How far a file is stored: up to `offset`, in the file that begins with `head` bytes of this `digest`.

    The number of its device may be another after a restart, so it is not compared. Until release 0.2 neither number
    was written.
    """

    digest: str
    head: int
    offset: int
    device: int | None = None
    inode: int | None = None


class _Reading:
    """One file that is open, and how far it was read."""

    def __init__(self, path: Path, form: RecordForm, at: Checkpoint | None = None) -> None:
        self.path = path
        self.file: BinaryIO = path.open("rb")
        self.digest, self.head = (at.digest, at.head) if at else ("", 0)
        status = os.fstat(self.file.fileno())
        self._device, self._inode = at.device if at else None, at.inode if at else None
        if self._device is None or self._inode is None:
            self._device, self._inode = status.st_dev, status.st_ino
        header = _csv_header(path, form) if at else b""
        self.framing = LineFraming(form, at.offset if at else 0, header)
        self.read_to = at.offset if at else 0
        """Where the last message ends that was given out."""
        self._ready: deque[Framed] = deque()
        self.file.seek(self.read_to)

    def messages(self, most: int) -> list[Message]:
        """The next messages of the file."""
        if not self._ready:
            self._ready += self.framing.feed(self._piece())
        return self._named([self._ready.popleft() for _ in range(min(most, len(self._ready)))])

    def _piece(self) -> bytes:
        data = self.file.read(_PIECE)
        if is_gzip(data) and self.file.tell() == len(data):
            raise StreamError(f"{self.path} is compressed, so it does not grow: `zcat FILE | session-trust consume …`")
        return data

    def rest(self) -> list[Message]:
        """What is left in a file that nobody writes any more."""
        return self._named(self.framing.end())

    def _named(self, framed: list[Framed]) -> list[Message]:
        messages = []
        for start, end, data in framed:
            if not self.digest:
                self.head = min(end, _LONGEST_HEAD)
                self.digest = _digest(self.file, self.head)
            self.read_to = end
            id = f"{self.digest[:16]}:{self._device:x}-{self._inode:x}:{start:014}"
            messages.append(Message(f"{self.path}, byte {start:,}", id, data))
        return messages

    @property
    def checkpoint(self) -> Checkpoint | None:
        """What is remembered when everything that was read is stored; None before the first message."""
        if not self.digest:
            return None
        return Checkpoint(self.digest, self.head, self.read_to, self._device, self._inode)

    def was_truncated(self) -> bool:
        """Whether the file no longer begins as it did, or is shorter than what was read of it."""
        if self._ready:
            return False
        size = os.fstat(self.file.fileno()).st_size
        if size < self.file.tell():
            return True
        return bool(self.digest) and size >= self.head and _digest(self.file, self.head) != self.digest


class FollowedFile:
    """A file that grows. Its checkpoint is kept in a file of its own."""

    repeatable = True

    def __init__(self, path: Path, form: RecordForm, checkpoint: Path, *, end: bool = False) -> None:
        self.title = str(path)
        self._path, self._form, self._checkpoint, self._until_end = path, form, checkpoint, end
        self._reading: _Reading | None = None
        self._older: list[Path] = []
        self._rotated_at: float | None = None

    async def open(self) -> None:
        """Go to where the last run stored everything. Raises StreamError for a file that cannot be read."""
        at = read_checkpoint(self._checkpoint)
        if at is not None:
            self._older = files_since(self._path, at)
            if not self._older and self._path.exists():
                log.warning("%s is another file now; the former one is gone from byte %d on", self._path, at.offset)
        known = at if self._older else None
        first = self._older.pop(0) if self._older else self._path
        try:
            if first.exists() or self._until_end:
                self._reading = _Reading(first, self._form, known)
        except OSError as error:
            raise StreamError(f"{first} cannot be read: {error.strerror}") from error

    async def read(self, most: int, seconds: float) -> Sequence[Message] | None:
        """The next messages, of rotated files first."""
        until = time.monotonic() + seconds
        while True:
            messages = self._next(most)
            if messages is None or messages:
                return messages
            if time.monotonic() >= until:
                return []
            await asyncio.sleep(min(POLL_SECONDS, max(0.0, until - time.monotonic())))

    def _next(self, most: int) -> list[Message] | None:
        try:
            if self._reading is None:
                self._reading = _Reading(self._path, self._form)
            if self._reading.was_truncated():
                self._go_on_with_copy(self._reading)
            return self._reading.messages(most) or self._after_the_end(self._reading)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StreamError(f"{self._path} cannot be read: {error.strerror}") from error

    def _after_the_end(self, reading: _Reading) -> list[Message] | None:
        if reading.path != self._path or self._is_rotated(reading):
            if self._rotated_at is None:
                self._rotated_at = time.monotonic()
            older = reading.path != self._path
            if not older and time.monotonic() - self._rotated_at < ROTATED_SECONDS:
                return []
            rest = reading.rest()
            if not older and reading.checkpoint:  # it may have been rotated more than once
                self._older = files_since(self._path, reading.checkpoint)[1:]
            self._begin_with(self._older.pop(0) if self._older else self._path)
            return rest
        if self._until_end:
            return reading.rest() or None
        return []

    def _is_rotated(self, reading: _Reading) -> bool:
        try:
            now, held = self._path.stat(), os.fstat(reading.file.fileno())
        except FileNotFoundError:
            return False
        return (now.st_ino, now.st_dev) != (held.st_ino, held.st_dev)

    def _go_on_with_copy(self, reading: _Reading) -> None:
        """Of a file that was copied and then cut, read what was not read yet from the copy, if it is there."""
        at = reading.checkpoint
        first, *self._older = (files_since(self._path, at) if at else []) or [self._path]
        self._begin_with(first, at if first != self._path else None)

    def _begin_with(self, path: Path, at: Checkpoint | None = None) -> None:
        if self._reading is not None:
            self._reading.file.close()
        self._reading, self._rotated_at = None, None
        with suppress(FileNotFoundError):  # it is not made yet
            self._reading = _Reading(path, self._form, at)

    async def commit(self) -> None:
        """Write the checkpoint; it is durable when this returns."""
        at = self._reading.checkpoint if self._reading else None
        if at is not None:
            write_checkpoint(self._checkpoint, at)

    async def lag(self) -> Mapping[str, int]:
        """Nobody knows how many records the unread bytes are."""
        return {}

    async def close(self) -> None:
        """Close the file."""
        if self._reading is not None:
            self._reading.file.close()


def files_since(path: Path, at: Checkpoint) -> list[Path]:
    """The file of a checkpoint and those written after it, oldest first; none where it is gone.

    Rotation gives a file a name that begins with the old one (`auth.log.1`, `auth.log-20261130`). Where it copies the
    file and cuts it, the copy has another number: it is taken while the file itself is still in its place.
    """
    if path.exists() and begins_as(path, at):
        return [path]
    names = (each for each in path.parent.glob(f"{path.name}?*") if each.is_file() and each.suffix != ".gz")
    rotated = sorted(names, key=lambda each: each.stat().st_mtime_ns)
    if _is_numbered(path, at):
        at = replace(at, inode=None)
    first = next((number for number, each in enumerate(rotated) if begins_as(each, at)), None)
    return [] if first is None else [*rotated[first:], path]


def begins_as(path: Path, at: Checkpoint) -> bool:
    """Whether a file is the one of a checkpoint."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if at.inode not in (None, status.st_ino):
                return False
            return status.st_size >= at.offset and _digest(file, at.head) == at.digest
    except OSError:
        return False


def _is_numbered(path: Path, at: Checkpoint) -> bool:
    try:
        return path.stat().st_ino == at.inode
    except OSError:
        return False


def read_checkpoint(file: Path) -> Checkpoint | None:
    """What `write_checkpoint` wrote; None without a file. Raises StreamError for one that is damaged."""
    try:
        return Checkpoint(**json.loads(file.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StreamError(
            f"{file} says how far a log is stored and cannot be read: {error}; remove it to begin anew"
        ) from error


def write_checkpoint(file: Path, at: Checkpoint) -> None:
    """Replace a checkpoint as a whole."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = file.with_suffix(".new")
    with written.open("w") as out:
        json.dump(asdict(at), out)
        out.flush()
        os.fsync(out.fileno())
    written.replace(file)


def _csv_header(path: Path, form: RecordForm) -> bytes:
    framing = LineFraming(form)
    with path.open("rb") as file:
        while not framing.header and not framing.feed(line := file.readline()) and line:
            pass
    return framing.header


def _digest(file: BinaryIO, size: int) -> str:
    return hashlib.sha256(os.pread(file.fileno(), size, 0)).hexdigest()
