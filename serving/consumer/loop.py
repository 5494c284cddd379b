"""The loop of a consumer: read, ship, and only then commit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from features.sources.formats.records import NotAnEvent
from serving.consumer.delivery import EventsRoute
from serving.consumer.messages import Message, MessageReader, MessageStream, PlacedEvent
from serving.consumer.progress import RETRIES, ConsumerProgress
from serving.times import now

_LOOK_SECONDS = 0.25
"""How long a read waits at most, so that a signal is noticed."""


@dataclass(frozen=True)
class BatchLimits:
    """When events are shipped: whichever comes first."""

    events: int = 1_000
    seconds: float = 1.0


@dataclass
class Consumer:
    """Ships what a stream holds until its end, or until it is stopped; then everything that was read is stored."""

    stream: MessageStream
    reader: MessageReader
    route: EventsRoute
    limits: BatchLimits
    progress: ConsumerProgress
    say: Callable[[str], None]
    """Called with a sentence for each record that is rejected and each attempt that failed."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume. Raises StreamError, DeliveryError, or Stopped when the service took not everything that was read."""
        await self.stream.open()
        try:
            await self._consume(stopping)
        finally:
            await self.stream.close()

    async def _consume(self, stopping: asyncio.Event) -> None:
        events: list[PlacedEvent] = []
        began: float | None = None  # when the first message was read that is not yet committed
        while True:
            left = _LOOK_SECONDS if began is None else began + self.limits.seconds - time.monotonic()
            found = None if stopping.is_set() else await self._read(max(0.0, left))
            if found and began is None:
                began = time.monotonic()
            for message in found or ():
                events += self._events(message)
            due = began is not None and time.monotonic() - began >= self.limits.seconds
            if found is None or due or len(events) >= self.limits.events:
                await self._store(events, stopping)
                events, began = [], None
            if found is None:
                return

    async def _read(self, seconds: float) -> Sequence[Message] | None:
        return await self.stream.read(self.limits.events, min(seconds, _LOOK_SECONDS))

    def _events(self, message: Message) -> list[PlacedEvent]:
        events = []
        for found in self.reader.events(message):
            if isinstance(found, PlacedEvent):
                events.append(found)
                self.progress.count_record("event")
            elif isinstance(found, NotAnEvent):
                self.progress.count_record("left_out")
            else:
                self.progress.count_record("rejected")
                self.say(found)
        return events

    async def _store(self, events: list[PlacedEvent], stopping: asyncio.Event) -> None:
        """Ship the events, then commit: in this order, or a crash between them would lose what was read."""
        if events:
            delivered = await self.route.deliver(events, stopping, self._retried)
            for sentence in delivered.refused:
                self.say(sentence)
            newest = max((placed.event.time for placed in events if placed.event.time <= now()), default=None)
            self.progress.count_delivery(delivered.stored, delivered.duplicates, len(delivered.refused), newest, now())
        await self.stream.commit()
        await self.update_lag()

    async def update_lag(self) -> None:
        """Measure how far the consumer is behind."""
        self.progress.set_lag(await self.stream.lag())

    def _retried(self, why: str) -> None:
        RETRIES.inc()
        self.say(f"{why}; trying again")
