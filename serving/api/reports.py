"""Handlers for what other systems report: shipped events, results of challenges, revocations, verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from features.garbage import no_full_collection
from serving import metrics
from serving.api.authentication import current_request
from serving.api.problems import Problem
from serving.api.route_spec import JSON, MIB
from serving.contracts.log_records import BodyTooLarge, decompressed, origin_of, parse_records
from serving.contracts.requests import FeedbackRequest, RevocationRequest, StepUpRequest
from serving.engine.writer import Engine
from serving.store.api_keys import Caller
from serving.times import now

DECOMPRESSED_LIMIT = 32 * MIB
"""Bytes of a batch of events once decompressed."""
BATCHES_AT_ONCE = 1
"""Batches of events that are read and folded at once. Others wait, and take no thread and no time from decisions."""


async def take_events(request: Request) -> Response:
    """POST /events."""
    state = request.app.state
    if not hasattr(state, "batches"):
        state.batches = CapacityLimiter(BATCHES_AT_ONCE)
    batch = request.headers["content-type"].partition(";")[0].strip().lower() != JSON
    body, query = await request.body(), dict(request.query_params)
    caller = current_request.get().caller
    result = await to_thread.run_sync(_ingest, state.engine, body, query, batch, caller, limiter=state.batches)
    return JSONResponse(result)


def _ingest(engine: Engine, body: bytes, query: Mapping[str, str], batch: bool, caller: Caller) -> dict[str, Any]:
    with no_full_collection():
        return _ingest_batch(engine, body, query, batch, caller)


def _ingest_batch(engine: Engine, body: bytes, query: Mapping[str, str], batch: bool, caller: Caller) -> dict[str, Any]:
    origin = origin_of(query, Path(engine.active.settings.maps))
    latest = now() + timedelta(seconds=engine.active.settings.allowed_skew_seconds)
    try:
        body = decompressed(body, DECOMPRESSED_LIMIT)
    except BodyTooLarge as error:
        raise Problem(413, f"The body is too large: {error}.") from None
    records = parse_records(body, origin.source, latest, batch=batch)
    result = engine.ingest(records.events, records.named, caller, origin.importer) | {"left_out": records.left_out}
    metrics.count_events(result, broken=len(records.broken))
    return result


async def report_step_up(request: Request) -> Response:
    """POST /step-ups."""
    report = StepUpRequest.model_validate(await request.json())
    return JSONResponse(await run_in_threadpool(request.app.state.engine.step_up, report))


async def revoke(request: Request) -> Response:
    """POST /revocations."""
    revocation = RevocationRequest.model_validate(await request.json())
    caller = current_request.get().caller
    return JSONResponse(await run_in_threadpool(request.app.state.engine.revoke, revocation, caller))


async def lift_revocation(request: Request) -> Response:
    """POST /revocations/lift."""
    lifted = RevocationRequest.model_validate(await request.json())
    caller = current_request.get().caller
    return JSONResponse(await run_in_threadpool(request.app.state.engine.lift, lifted, caller))


async def give_feedback(request: Request) -> Response:
    """POST /decisions/{id}/feedback."""
    feedback = FeedbackRequest.model_validate(await request.json())
    caller, id = current_request.get().caller, request.path_params["id"]
    return JSONResponse(await run_in_threadpool(request.app.state.engine.feedback, id, feedback, caller))
