"""Whether the answer to a request has begun, and how answers are counted."""

from __future__ import annotations

from starlette.types import Message, Send

from serving.metrics import RESPONSES


class Answer:
    """The answer to a request; `section` is the first segment of its path, by which it is counted."""

    def __init__(self, section: str, send: Send) -> None:
        self.begun = False
        self._section = section
        self._send = send

    async def send(self, message: Message) -> None:
        """Send the next part."""
        if message["type"] == "http.response.start":
            self.begun = True
            RESPONSES.labels(self._section, message["status"]).inc()
        await self._send(message)
