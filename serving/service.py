"""The service: two BentoML APIs over one engine, behind the edge, with our own routes beside them.

Importing this module opens nothing; the engine is made when BentoML makes the service.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import bentoml
from bentoml._internal.server.http_app import log_exception
from bentoml.exceptions import BentoMLException
from pydantic import RootModel, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from features.event.schema import Event
from features.settings import Settings, get_settings
from features.sources.registry import SOURCES
from serving import metrics
from serving.api.middleware import Edge, current
from serving.api.problems import about_field, problem_of
from serving.api.routes import application
from serving.contracts.requests import ScoreRequest
from serving.engine.writer import Engine
from serving.model.active import load_configuration, policy_file
from serving.store.api_keys import Caller, authenticate, ensure_key_file
from serving.store.store import Store
from serving.workers.policy_watcher import PolicyWatch

THREADS = 64
"""How many requests may wait for a commit together."""


class Records(RootModel[list[dict[str, Any]]]):
    """Events, or a vendor's native records, not yet read."""


@bentoml.service(
    name="session-trust",
    workers=1,
    threads=THREADS,
    traffic={"timeout": 60},
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
)
class SessionTrust:
    """Rules on requests, takes in logs."""

    def __init__(self) -> None:
        here = get_settings()
        store = Store(here.database_url)
        here.ensure_home()
        store.migrate()
        ensure_key_file(store, here.home)
        self.engine = Engine(store, load_configuration(here))
        metrics.READY.set(self.engine.here.champion is not None)
        PolicyWatch(self.engine, policy_file(here)).start()
        _door.open(self.engine)

    @bentoml.api(route="/score")  # type: ignore[untyped-decorator]  # BentoML does not type it
    def score(self, request: ScoreRequest, /) -> dict[str, Any]:
        """Decide one request: recorded first, then answered."""
        began = time.perf_counter()
        answer = _or_problem(lambda: self.engine.score(request, current.get().caller))
        if answer:
            _count(answer, request.event.identity.type)
            metrics.SECONDS.observe(time.perf_counter() - began)
        return answer

    @bentoml.api(route="/events")  # type: ignore[untyped-decorator]
    def events(self, records: Records, /) -> dict[str, Any]:
        """Let histories grow: events of ours, or with `?source=` a vendor's native records."""
        source = current.get().query.get("source")
        answer = _or_problem(lambda: self.engine.ingest(*_read(records.root, source), current.get().caller))
        for result in ("folded", "duplicates"):
            metrics.EVENTS.labels(result).inc(answer.get(result, 0))
        return answer


def _or_problem(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer; or nothing, with what went wrong left for the edge, which writes it as a problem."""
    try:
        return work()
    except Exception as error:
        current.get().fail(problem_of(error), error)
        return {}


def _read(records: list[dict[str, Any]], source: str | None) -> tuple[list[Event], list[str]]:
    """The events, and for a native log what could not be read; our own form is refused whole at its first error."""
    if source is None:
        return Many.model_validate(records).root, []
    if source not in SOURCES:
        raise about_field("source", f"is not one of {', '.join(sorted(SOURCES))}")
    events, broken = [], []
    for place, record in enumerate(records):
        try:
            events.append(SOURCES[source](record))
        except ValueError as error:
            broken.append(f"record {place}: {error}")
    return events, broken


class Many(RootModel[list[Event]]):
    """Events in our own form."""


def _count(answer: dict[str, Any], identity_type: str) -> None:
    metrics.DECISIONS.labels(answer["ruling"], identity_type).inc()
    if answer["degraded"]:
        metrics.DEGRADED.inc()
    if answer["prompt_avoided"]:
        metrics.PROMPTS_AVOIDED.labels(identity_type).inc()
    for finding in answer["findings"]:
        metrics.FINDINGS.labels(finding["kind"], finding["subject"]).inc()
    for floor in answer["floors"]:
        metrics.FLOORS.labels(floor["id"], floor.get("status", "shadow")).inc()


class _Door:
    """The edge, which BentoML wants before there is an engine."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._ours: ASGIApp | None = None

    def open(self, engine: Engine) -> None:
        self._engine, self._ours = engine, application(engine)

    def authenticate(self, header: str | None) -> Caller | None:
        return authenticate(self._engine.store, header) if self._engine else None

    async def ours(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._ours is not None  # BentoML makes the service before it listens
        await self._ours(scope, receive, send)


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether what BentoML logs is a mistake of ours.

    A caller's own would fill the log with traces that hold what he sent; he is told, and it is counted.
    """
    error = record.exc_info[1] if record.exc_info else None
    theirs = isinstance(error, ValidationError) or (isinstance(error, BentoMLException) and error.error_code < 500)
    return not theirs


logging.getLogger(log_exception.__module__).addFilter(_is_ours)

_door = _Door()
SessionTrust.add_asgi_middleware(  # type: ignore[attr-defined]  # bentoml.service makes the class a Service
    Edge, ours=_door.ours, authenticate=_door.authenticate
)


def run(here: Settings) -> None:
    """Become the server on the settings' address; signals go to BentoML itself."""
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    place = ["--host", here.host, "--port", str(here.port)]
    os.execv(sys.executable, [sys.executable, "-m", "bentoml", "serve", "serving.service:SessionTrust", *place])
