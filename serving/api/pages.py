"""Handlers of the investigator's pages. What a page shows is rendered in `serving/investigate`."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from serving.api.authentication import COOKIE, PAGES, current_request
from serving.api.decisions import find_decisions, load_decision, load_findings
from serving.contracts.requests import FeedbackRequest
from serving.investigate.decision import decision_page
from serving.investigate.policy import policy_page
from serving.investigate.search import search_page
from serving.investigate.sign_in import sign_in_page
from serving.store.api_keys import authenticate

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""A page loads nothing, runs no script and is not stored."""


async def show_search(request: Request) -> Response:
    """GET /investigate."""
    criteria = {name: value for name, value in request.query_params.items() if value}
    rows = await run_in_threadpool(find_decisions, request.app.state.engine.store, criteria)
    return _page(search_page(rows, criteria))


async def show_decision(request: Request) -> Response:
    """GET /investigate/decisions/{id}."""
    engine = request.app.state.engine
    record, verdicts = await run_in_threadpool(load_decision, engine.store, request.path_params["id"])
    simulated = engine.active.model_tags.get("data") == "simulated"
    return _page(decision_page(record, verdicts, simulated))


async def show_policy(request: Request) -> Response:
    """GET /investigate/policy."""
    engine = request.app.state.engine
    findings = await run_in_threadpool(load_findings, engine.store)
    return _page(policy_page(engine.active.policy, tuple(engine.active.refused.values()), findings))


async def submit_feedback(request: Request) -> Response:
    """POST /investigate/decisions/{id}/feedback, the form below a decision."""
    id, form = request.path_params["id"], await request.form()
    fields = {"verdict": str(form.get("verdict", "")), "note": str(form.get("note", "")).strip() or None}
    feedback = FeedbackRequest.model_validate(fields)
    await run_in_threadpool(request.app.state.engine.feedback, id, feedback, current_request.get().caller)
    return RedirectResponse(f"{PAGES}/decisions/{id}", 303)


async def show_sign_in(request: Request) -> Response:
    """GET /investigate/login."""
    return _page(sign_in_page(failed=False))


async def submit_sign_in(request: Request) -> Response:
    """POST /investigate/login: a key becomes a cookie, out of reach of scripts and other sites."""
    key = str((await request.form()).get("key", "")).strip()
    caller = await run_in_threadpool(authenticate, request.app.state.engine.store, f"Bearer {key}")
    if caller is None or "investigate" not in caller.scopes:
        return _page(sign_in_page(failed=True), 403)
    response = RedirectResponse(PAGES, 303)
    response.set_cookie(COOKIE, key, path=PAGES, httponly=True, samesite="strict")
    return response


def _page(html: str, status: int = 200) -> Response:
    return HTMLResponse(html, status, _HEADERS)
