"""Handlers for what other systems report: results of challenges, revocations, verdicts."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from serving.api.authentication import current_request
from serving.contracts.requests import FeedbackRequest, RevocationRequest, StepUpRequest


async def report_step_up(request: Request) -> Response:
    """POST /step-ups."""
    report = StepUpRequest.model_validate(await request.json())
    return JSONResponse(await run_in_threadpool(request.app.state.engine.step_up, report))


async def revoke(request: Request) -> Response:
    """POST /revocations."""
    revocation = RevocationRequest.model_validate(await request.json())
    caller = current_request.get().caller
    return JSONResponse(await run_in_threadpool(request.app.state.engine.revoke, revocation, caller))


async def give_feedback(request: Request) -> Response:
    """POST /decisions/{id}/feedback."""
    feedback = FeedbackRequest.model_validate(await request.json())
    caller, id = current_request.get().caller, request.path_params["id"]
    return JSONResponse(await run_in_threadpool(request.app.state.engine.feedback, id, feedback, caller))
