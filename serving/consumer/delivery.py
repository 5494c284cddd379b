"""Ships events to a service and does not give up while it is only away: an event counts as stored when it says so."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from pydantic import ValidationError
from pydantic_core import from_json

from features.sources.mapping.values import short_text
from serving.consumer.messages import PlacedEvent
from serving.contracts.responses import IngestResponse

SHORTEST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds between two attempts: doubled each time."""
_AGAIN = {408, 425, 429, 500, 502, 503, 504}
"""Statuses after which the same request may succeed."""
_MOST_BYTES = 4 * 1024 * 1024
"""Of a batch before it is compressed: half of what the route takes."""
_SECONDS = 120
"""How long a service may take to answer."""
_PLACE = re.compile(r"(line|record) (\d+)")


class DeliveryError(RuntimeError):
    """Events that the service will not take however often they are sent; the message says why and what to do."""


class Stopped(Exception):
    """The consumer was stopped before the service took the events."""


class _Unavailable(Exception):
    """The service did not take the events now."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect as it is: whoever it names would get the key, and could say that events are stored."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


@dataclass
class Delivered:
    """What became of shipped events."""

    stored: int = 0
    duplicates: int = 0
    refused: list[str] = field(default_factory=list)
    """A sentence for each event that the service refused."""


@dataclass(frozen=True)
class EventsRoute:
    """`POST /events` of a service."""

    url: str
    key: str = field(repr=False)
    importer: str | None
    """The source by whose rules the events were read; None for events in our own form."""

    async def deliver(
        self, events: Sequence[PlacedEvent], stopping: asyncio.Event, retried: Callable[[str], None]
    ) -> Delivered:
        """Ship events in order, each again until it is stored; `retried` is told why an attempt failed.

        Raises DeliveryError, and Stopped when `stopping` is set while the service takes none.
        """
        delivered = Delivered()
        for batch, body in _batches(events):
            answer = await self._sent(body, stopping, retried)
            delivered.stored += answer.folded
            delivered.duplicates += answer.duplicates
            delivered.refused += [_placed(sentence, batch) for sentence in answer.broken]
        return delivered

    async def _sent(self, body: bytes, stopping: asyncio.Event, retried: Callable[[str], None]) -> IngestResponse:
        wait = SHORTEST_WAIT
        while True:
            try:
                return await asyncio.to_thread(self._post, body)
            except _Unavailable as error:
                if stopping.is_set():
                    raise Stopped(str(error)) from None
                retried(str(error))
            try:
                await asyncio.wait_for(stopping.wait(), wait)
            except TimeoutError:
                wait = min(LONGEST_WAIT, 2 * wait)

    def _post(self, body: bytes) -> IngestResponse:
        query = f"?{urlencode({'importer': self.importer})}" if self.importer else ""
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
        }
        request = urllib.request.Request(f"{self.url}/events{query}", data=body, headers=headers)
        try:
            with _OPENER.open(request, timeout=_SECONDS) as response:
                return _taken(from_json(response.read()))
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error) from None
        except ValidationError as error:
            raise _Unavailable(f"{self.url} does not answer as `POST /events` does: {_fault(error)}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise _Unavailable(f"{self.url} does not answer: {getattr(error, 'reason', error)}") from None

    def _refusal(self, error: urllib.error.HTTPError) -> Exception:
        if 300 <= error.code < 400:
            return DeliveryError(_redirected(self.url, error))
        said = _detail(error)
        if error.code in _AGAIN:
            return _Unavailable(f"{self.url} answers {error.code}: {said}")
        return DeliveryError(f"{self.url} refuses events with {error.code}: {said.rstrip('.')}{_remedy(error.code)}")


def _taken(answer: Any) -> IngestResponse:
    """An answer of the service, which may be a later one and say more."""
    known = {name: answer.get(name) for name in IngestResponse.model_fields} if isinstance(answer, dict) else answer
    return IngestResponse.model_validate(known)


def _redirected(url: str, error: urllib.error.HTTPError) -> str:
    to = short_text(error.headers.get("Location")) or "nowhere"
    return (
        f"{url} answers {error.code}, a redirect to {to!r}, which is not followed: the key would go there; "
        "name the service itself with --service"
    )


def _fault(error: ValidationError) -> str:
    first = error.errors(include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'its body'}: {first['msg']}"


def _remedy(status: int) -> str:
    return "; give a key of scope `events` with --key-file" if status in (401, 403) else ""


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.loads(error.read())
        return str(problem.get("detail") or problem.get("title"))
    except (ValueError, AttributeError, OSError):
        return str(error.reason)


def _batches(events: Sequence[PlacedEvent]) -> Iterator[tuple[Sequence[PlacedEvent], bytes]]:
    """The events in bodies that the route takes."""
    lines: list[bytes] = []
    size = begun = 0
    for number, placed in enumerate(events):
        line = placed.event.model_dump_json(exclude_none=True).encode()
        if lines and size + len(line) > _MOST_BYTES:
            yield events[begun:number], gzip.compress(b"\n".join(lines), 1)
            lines, size, begun = [], 0, number
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield events[begun:], gzip.compress(b"\n".join(lines), 1)


def _placed(sentence: str, batch: Sequence[PlacedEvent]) -> str:
    """A sentence of the service with the place where the event was read, instead of its place in the body."""
    match = _PLACE.match(sentence)
    if match is None:
        return sentence
    number = int(match[2]) - (match[1] == "line")
    place = batch[number].place if number < len(batch) else match[0]
    return f"{place}: {sentence.partition(': ')[2]}"
