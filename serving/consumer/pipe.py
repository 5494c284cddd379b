"""A pipe, read until its writer closes it. What was read and not stored is gone: nobody can read it again."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Mapping, Sequence
from uuid import uuid4

from features.sources.formats.files import is_gzip
from features.sources.formats.records import RecordForm
from serving.consumer.line_framing import Framed, LineFraming
from serving.consumer.messages import Message, StreamError

_PIECE = 65_536


class Pipe:
    """The messages of a file descriptor, as text."""

    repeatable = False

    def __init__(self, descriptor: int, form: RecordForm) -> None:
        self.title = "pipe"
        self._descriptor = descriptor
        self._framing = LineFraming(form)
        self._run = uuid4().hex[:16]
        self._begun = self._ended = False

    async def open(self) -> None:
        """Nothing is to be done."""

    async def read(self, most: int, seconds: float) -> Sequence[Message] | None:
        """The next messages; what an unfinished last line holds is one too."""
        if self._ended:
            return None
        data = await asyncio.to_thread(self._received, seconds)
        if data is None:
            return []
        if not self._begun and is_gzip(data):
            raise StreamError("the pipe is compressed: put `zcat` before it")
        self._begun = True
        if data:
            return self._named(self._framing.feed(data))
        self._ended = True
        return self._named(self._framing.end()) or None

    def _received(self, seconds: float) -> bytes | None:
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        return os.read(self._descriptor, _PIECE) if ready else None

    def _named(self, framed: list[Framed]) -> list[Message]:
        return [Message(f"byte {start:,} of the pipe", f"{self._run}:{start:014}", data) for start, _, data in framed]

    async def commit(self) -> None:
        """Nothing can be remembered of a pipe."""

    async def lag(self) -> Mapping[str, int]:
        """Nobody knows what its writer holds back."""
        return {}

    async def close(self) -> None:
        """The descriptor belongs to the process."""
