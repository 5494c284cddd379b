"""Handlers of the investigator's pages. What a page shows is rendered in `serving/investigate`."""

from __future__ import annotations

import secrets

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from serving.api.admission.well_formed import cookies
from serving.api.authentication import COOKIE, PAGES, SIGN_IN, current_request
from serving.api.browser.forms import own_form
from serving.api.browser.sessions import SCOPE, SECONDS
from serving.api.decisions import find_decisions, load_decision, load_findings
from serving.contracts.requests import FeedbackForm, FeedbackRequest, SignInForm, SignOutForm
from serving.investigate.decision import decision_page
from serving.investigate.policy import policy_page
from serving.investigate.search import search_page
from serving.investigate.sign_in import sign_in_page
from serving.store.api_keys import authenticate

FORM_COOKIE = "session_trust_form"
"""The cookie that ties the sign-in form to the browser it was sent to."""
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
    return _page(search_page(rows, criteria, form_token=_form_token(request)))


async def show_decision(request: Request) -> Response:
    """GET /investigate/decisions/{id}."""
    engine = request.app.state.engine
    record, verdicts = await run_in_threadpool(load_decision, engine.store, request.path_params["id"])
    simulated = engine.active.model_tags.get("data") == "simulated"
    return _page(decision_page(record, verdicts, simulated, form_token=_form_token(request)))


async def show_policy(request: Request) -> Response:
    """GET /investigate/policy."""
    engine = request.app.state.engine
    findings = await run_in_threadpool(load_findings, engine.store)
    active, token = engine.active, _form_token(request)
    return _page(policy_page(active.policy, active.refused_files, findings, form_token=token))


async def submit_feedback(request: Request) -> Response:
    """POST /investigate/decisions/{id}/feedback, the form below a decision."""
    id, form = request.path_params["id"], await own_form(request, FeedbackForm)
    feedback = FeedbackRequest(verdict=form.verdict, note=(form.note or "").strip() or None)
    await run_in_threadpool(request.app.state.engine.feedback, id, feedback, current_request.get().caller)
    return RedirectResponse(f"{PAGES}/decisions/{id}", 303)


async def show_sign_in(request: Request) -> Response:
    """GET /investigate/login: the form, and a cookie that only this browser holds, so that a form that another site
    made up is recognised."""
    form_id = secrets.token_hex(16)
    response = _page(sign_in_page(failed=False, form_token=request.app.state.sessions.form_token(form_id)))
    _set_cookie(request, response, FORM_COOKIE, form_id, SIGN_IN)
    return response


async def submit_sign_in(request: Request) -> Response:
    """POST /investigate/login: a key becomes a session in a cookie, out of reach of scripts and other sites."""
    state = request.app.state
    form_id = cookies(request.scope).get(FORM_COOKIE, "")
    form = await own_form(request, SignInForm, sign_in_id=form_id)
    caller = await run_in_threadpool(authenticate, state.engine.store, f"Bearer {form.key.strip()}")
    if caller is None or SCOPE not in caller.scopes:
        state.failed_attempts.refuse(request.scope, "sign_in")
        return _page(sign_in_page(failed=True, form_token=state.sessions.form_token(form_id)), 403)
    response = RedirectResponse(PAGES, 303)
    _set_cookie(request, response, COOKIE, state.sessions.begin(caller), PAGES)
    response.delete_cookie(FORM_COOKIE, path=SIGN_IN)
    return response


async def sign_out(request: Request) -> Response:
    """POST /investigate/logout: the session ends here, whoever else holds its cookie."""
    await own_form(request, SignOutForm)
    session = current_request.get().session
    if session is not None:
        request.app.state.sessions.end(session)
    response = RedirectResponse(SIGN_IN, 303)
    response.delete_cookie(COOKIE, path=PAGES)
    return response


def _set_cookie(request: Request, response: Response, name: str, value: str, path: str) -> None:
    secure = request.url.scheme == "https"
    response.set_cookie(name, value, SECONDS, path=path, secure=secure, httponly=True, samesite="strict")


def _form_token(request: Request) -> str | None:
    """What the forms on a page carry; None for a caller who sends a key with every request."""
    session = current_request.get().session
    return request.app.state.sessions.form_token(session.id) if session else None


def _page(html: str, status: int = 200) -> Response:
    return HTMLResponse(html, status, _HEADERS)
