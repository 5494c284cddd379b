"""The service: a BentoML API over one engine, behind our middleware and beside our Starlette application.

Importing this module opens nothing. BentoML makes the service, and with it the engine, before it listens.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bentoml
from bentoml._internal.server.http_app import log_exception
from bentoml.exceptions import BentoMLException
from pydantic import ValidationError

from features.garbage import keep_what_is_loaded
from features.settings import get_settings
from serving import metrics
from serving.api.admission.connections import limit_waiting_connections
from serving.api.application import create_application
from serving.api.authentication import current_request
from serving.api.middleware import ApiMiddleware
from serving.api.problems import problem_from
from serving.api.route_spec import RouteTable
from serving.api.routes import ROUTES
from serving.contracts.requests import ScoreRequest
from serving.engine.writer import Engine
from serving.model.active import load_configuration
from serving.store.api_keys import ensure_key_file
from serving.store.chain.signing_key import ensure_signing_key
from serving.store.store import Store
from serving.times import now
from serving.workers.population_worker import take_up_population
from serving.workers.registry import start_workers

SWITCH_SECONDS = 0.0005
"""How long one thread of Python may keep the others waiting; by default ten times as long. A decision changes hands
several times, and each time it waited for a thread that reads a batch of events."""
THREADS = 64
"""How many requests may wait for a commit together."""

application = create_application(ROUTES)


@bentoml.service(
    name="session-trust",
    workers=1,
    threads=THREADS,
    traffic={"timeout": 60},
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
)
class SessionTrust:
    """Decides requests."""

    def __init__(self) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        settings = get_settings()
        store = Store(settings.database_url)
        settings.ensure_home()
        store.migrate()
        ensure_key_file(store, settings.home)
        ensure_signing_key(Path(settings.signing_key))
        self.engine = Engine(store, load_configuration(settings))
        take_up_population(self.engine, now())
        self.engine.record_configuration()
        metrics.READY.set(self.engine.active.champion is not None)
        self.workers = start_workers(self.engine)
        application.state.engine = self.engine
        keep_what_is_loaded()

    @bentoml.api(route="/score")  # type: ignore[untyped-decorator]  # BentoML does not type it
    def score(self, request: ScoreRequest, /) -> dict[str, Any]:
        """Decide one request. The decision is recorded first and answered then."""
        began = time.perf_counter()
        decision = _result_or_problem(lambda: self.engine.score(request, current_request.get().caller))
        if decision:
            metrics.count_decision(decision, request.event.identity.type, time.perf_counter() - began)
        return decision


def _result_or_problem(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The result; or nothing, with the problem left in the request's context, where the middleware answers with it.

    BentoML would answer an exception in a form of its own.
    """
    try:
        return work()
    except Exception as error:
        current_request.get().problem = problem_from(error)
        return {}


def _is_server_fault(record: logging.LogRecord) -> bool:
    """Whether what BentoML logs is a fault of the server. A caller's fault is answered and counted instead: logged, it
    would fill the log with tracebacks that hold whatever the caller sent."""
    error = record.exc_info[1] if record.exc_info else None
    callers_fault = isinstance(error, ValidationError) or (
        isinstance(error, BentoMLException) and error.error_code < 500
    )
    return not callers_fault


logging.getLogger(log_exception.__module__).addFilter(_is_server_fault)

limit_waiting_connections()
SessionTrust.add_asgi_middleware(  # type: ignore[attr-defined]  # bentoml.service makes the class a Service
    ApiMiddleware, application=application, table=RouteTable(ROUTES)
)
