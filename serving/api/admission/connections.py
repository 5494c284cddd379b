"""Connections on which nothing comes: each has some seconds, and all together take a bounded number.

uvicorn, which BentoML starts, waits for a header without end, and as long for the rest of a body it has refused. Its
protocol is replaced by one that does not; there is no setting for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
from typing import Any, ClassVar

import h11
import uvicorn.protocols.http.auto
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0
"""How long the header of a request may take, and the rest of a body whose request has been answered."""
ANSWER_SECONDS = 30.0
"""How long a client may leave an answer unread that does not fit into the buffers."""
MOST_WAITING = 1_000
"""Connections that may wait for one of these at once; for a new one, that which has waited longest is closed."""


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, with a deadline for each header."""

    waiting: ClassVar[dict[PatientProtocol, None]] = {}
    """Connections without a complete header, in the order in which they began to wait."""
    _unread: asyncio.TimerHandle | None = None
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first header."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Read on; a connection that was kept alive waits for its next header from the first byte of it."""
        super().data_received(data)
        if self._is_incomplete():
            self._wait()
        else:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """The request is answered, perhaps before all of its body has come."""
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        self._stop_waiting_for_reader()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read its answer: give it some time, then free what the answer takes."""
        super().pause_writing()
        self._unread = self.loop.call_later(ANSWER_SECONDS, self._give_up)

    def resume_writing(self) -> None:
        """The client reads on."""
        super().resume_writing()
        self._stop_waiting_for_reader()

    def _should_upgrade(self) -> bool:
        """No: there is no other protocol here, and a request that offers one is answered as it is."""
        return False

    def _is_incomplete(self) -> bool:
        """Whether a header is due, or the rest of a body whose request has been answered."""
        answered = self.conn.our_state is h11.DONE
        return self.conn.their_state is h11.IDLE or (answered and self.conn.their_state is h11.SEND_BODY)

    def _wait(self) -> None:
        if self._deadline is not None or self.transport.is_closing():
            return
        self._deadline = self.loop.call_later(HEADER_SECONDS, self._give_up)
        self.waiting[self] = None
        if len(self.waiting) > MOST_WAITING:
            next(iter(self.waiting))._give_up()

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self.waiting.pop(self, None)

    def _stop_waiting_for_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _give_up(self) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.abort()


def limit_waiting_connections() -> None:
    """Let the servers of this process use the protocol above, and as many files as the machine allows."""
    auto: Any = uvicorn.protocols.http.auto
    auto.AutoHTTPProtocol = PatientProtocol
    with contextlib.suppress(ValueError, OSError):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
