"""What is consumed: messages, each of which holds any number of records, and the events they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from features.event.schema import Event
from features.sources.file_import import event_or_reason, parser_of
from features.sources.formats.files import TooLarge, decompress, is_gzip
from features.sources.formats.records import JSON, NotAnEvent, records_in
from features.sources.log_source import LogSource
from features.sources.mapping.values import short_text

LARGEST_MESSAGE = 64 * 1024 * 1024
"""Bytes of one message, once decompressed."""
_LAYERS = 2
_FIRST = ("record 1", "line 1")


class Message(NamedTuple):
    """Something that is read as a whole: the value of a Kafka record, or the lines of a file that hold one value."""

    place: str
    """Where it was read, for people."""
    id: str
    """Where it was read, the same whenever it is read again: events without an id of their own get one from it."""
    data: bytes


class MessageStream(Protocol):
    """Where messages come from."""

    title: str
    """As progress names it."""
    repeatable: bool
    """Whether what was read and not committed can be read again."""

    async def open(self) -> None:
        """Go to the first message that was not committed. Raises StreamError where that is impossible."""

    async def read(self, most: int, seconds: float) -> Sequence[Message] | None:
        """The next messages, waiting for one so many seconds; None after the last one there will be."""

    async def commit(self) -> None:
        """Remember that every message read so far is stored."""

    async def lag(self) -> Mapping[str, int]:
        """How many records of each part of the stream are not yet stored; empty where nobody can know."""

    async def close(self) -> None:
        """Let go of whatever is held."""


class StreamError(RuntimeError):
    """A stream that cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class PlacedEvent:
    """An event and where it was read."""

    place: str
    event: Event


class MessageReader:
    """Turns messages into events, exactly as an import of the same records does.

    Without a source the records are events in our own form.
    """

    def __init__(self, source: LogSource | None) -> None:
        self._parse = Event.model_validate if source is None else parser_of(source)
        self._form = JSON if source is None else source.form

    def events(self, message: Message) -> Iterator[PlacedEvent | NotAnEvent | str]:
        """The events of a message; what a record is instead of one; or a sentence why it cannot be read."""
        text = _text_of(message.data)
        if isinstance(text, _Damaged):
            yield f"{message.place}: {text}"
            return
        for number, (position, record) in enumerate(records_in(text, form=self._form, unpacked_limit=LARGEST_MESSAGE)):
            place = message.place if position in _FIRST and number == 0 else f"{message.place}, {position}"
            found = event_or_reason(record, self._parse) if isinstance(record, dict) else record
            if isinstance(found, Event):
                yield PlacedEvent(place, _identified(found, message.id, number))
            else:
                yield found if isinstance(found, NotAnEvent) else f"{place}: {found}"


class _Damaged(str):
    """Why a message cannot be decompressed."""


def _text_of(data: bytes) -> str:
    for _ in range(_LAYERS):
        if not is_gzip(data):
            break
        try:
            data, damage = decompress(data, LARGEST_MESSAGE)
        except TooLarge as error:
            return _Damaged(error)
        if damage:
            return _Damaged(damage)
    return data.decode("utf-8-sig", errors="replace")


def _identified(event: Event, message_id: str, number: int) -> Event:
    """The event with an id: delivered twice, one without would count twice."""
    if event.id is not None:
        return event
    return event.model_copy(update={"id": short_text(f"{message_id}:{number}")})
