"""Every route that is not one of BentoML's two APIs: decisions, pages, reports from the identity provider, health."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from serving import metrics
from serving.api.middleware import COOKIE, current
from serving.api.openapi import document
from serving.api.problems import MEDIA_TYPE, Problem, about_fields, problem_of
from serving.contracts.requests import FeedbackRequest, RevocationRequest, StepUpRequest
from serving.engine.writer import Engine
from serving.errors import ServingError
from serving.investigate import pages
from serving.store.api_keys import authenticate
from serving.store.decision_log import DecisionRecord, DecisionSummary
from serving.store.findings import StoredFinding
from serving.store.verdicts import Verdict, last_of_each

PAGE = 100
_LOADS_NOTHING = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
SEARCHED = ("identity", "session", "ruling", "space")


def application(engine: Engine) -> Starlette:
    """Our routes over one engine; errors become problems here."""
    routes = [*_health(engine), *_reports(engine), *_decisions(engine), *_pages(engine), *_in_force(engine)]
    return Starlette(routes=routes, exception_handlers=_HANDLERS)


def _health(engine: Engine) -> list[Route]:
    async def livez(request: Request) -> Response:
        return Response("ok", media_type="text/plain")

    async def readyz(request: Request) -> Response:
        missing = engine.here.missing
        if missing:
            return _refused(Problem(503, missing))
        return JSONResponse({"ready": True, "model": engine.here.versions.model})

    async def counted(request: Request) -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", counted)]


def _reports(engine: Engine) -> list[Route]:
    async def step_ups(request: Request) -> Response:
        report = _read(StepUpRequest, await request.body())
        return JSONResponse(await run_in_threadpool(engine.step_up, report))

    async def revocations(request: Request) -> Response:
        wanted = _read(RevocationRequest, await request.body())
        return JSONResponse(await run_in_threadpool(engine.revoke, wanted, current.get().caller))

    return [Route("/step-ups", step_ups, methods=["POST"]), Route("/revocations", revocations, methods=["POST"])]


def _decisions(engine: Engine) -> list[Route]:
    async def decisions(request: Request) -> Response:
        rows = await run_in_threadpool(_search, engine, request.query_params)
        return JSONResponse({"decisions": [_listed(row) for row in rows]})

    async def decision(request: Request) -> Response:
        record = await run_in_threadpool(_decision, engine, request.path_params["id"])
        return JSONResponse(json.loads(record.payload()) | {"at": record.at.isoformat()})

    async def said(request: Request) -> Response:
        given = _read(FeedbackRequest, await request.body())
        told = await run_in_threadpool(engine.feedback, request.path_params["id"], given, current.get().caller)
        return JSONResponse(told)

    async def exported(request: Request) -> Response:
        rows = await run_in_threadpool(_exported, engine)
        return Response("".join(json.dumps(row) + "\n" for row in rows), media_type="application/x-ndjson")

    async def findings(request: Request) -> Response:
        rows = await run_in_threadpool(_found, engine)
        return JSONResponse({"findings": [_finding(row) for row in rows]})

    return [
        Route("/decisions", decisions),
        Route("/decisions/{id}", decision),
        Route("/decisions/{id}/feedback", said, methods=["POST"]),
        Route("/feedback", exported),
        Route("/findings", findings),
    ]


def _pages(engine: Engine) -> list[Route]:
    async def decision_page(request: Request) -> Response:
        record, said = await run_in_threadpool(_with_verdicts, engine, request.path_params["id"])
        return _page(pages.decision_page(record, said, engine.here.model_tags.get("data") == "simulated"))

    async def said(request: Request) -> Response:
        id, form = request.path_params["id"], await request.form()
        typed = {"verdict": str(form.get("verdict", "")), "note": str(form.get("note", "")).strip() or None}
        given = FeedbackRequest.model_validate(typed)
        await run_in_threadpool(engine.feedback, id, given, current.get().caller)
        return RedirectResponse(f"/investigate/decisions/{id}", 303)

    async def list_page(request: Request) -> Response:
        asked = {name: value for name, value in request.query_params.items() if value}
        return _page(pages.list_page(await run_in_threadpool(_search, engine, asked), asked))

    async def policy_page(request: Request) -> Response:
        shown = await run_in_threadpool(_found, engine)
        return _page(pages.policy_page(engine.here.policy, engine.here.policy_refused, shown))

    return [
        Route("/investigate", list_page),
        Route("/investigate/login", _login(engine), methods=["GET", "POST"]),
        Route("/investigate/policy", policy_page),
        Route("/investigate/decisions/{id}", decision_page),
        Route("/investigate/decisions/{id}/feedback", said, methods=["POST"]),
    ]


def _login(engine: Engine) -> Callable[[Request], Awaitable[Response]]:
    async def login(request: Request) -> Response:
        if request.method == "GET":
            return _page(pages.login_page(failed=False))
        key = str((await request.form()).get("key", "")).strip()
        caller = await run_in_threadpool(authenticate, engine.store, f"Bearer {key}")
        if caller is None or "investigate" not in caller.scopes:
            return _page(pages.login_page(failed=True), 403)
        answer = RedirectResponse("/investigate", 303)
        answer.set_cookie(COOKIE, key, path="/investigate", httponly=True, samesite="strict")
        return answer

    return login


def _in_force(engine: Engine) -> list[Route]:
    async def policy(request: Request) -> Response:
        here = engine.here
        said = {"digest": here.policy.digest, "refused": here.policy_refused}
        return JSONResponse(said | {"policy": here.policy.model_dump(mode="json", by_alias=True)})

    async def model(request: Request) -> Response:
        here = engine.here
        return JSONResponse({"version": here.versions.model, "missing": here.missing, "tags": dict(here.model_tags)})

    async def docs(request: Request) -> Response:
        return JSONResponse(document())

    return [Route("/policy", policy), Route("/model", model), Route("/docs.json", docs)]


def _read(kind: type[Any], body: bytes) -> Any:
    """The body as a model; raises pydantic's ValidationError, which becomes a 400 naming the field."""
    model: type[BaseModel] = kind
    return model.model_validate(json.loads(body))


def _search(engine: Engine, asked: Mapping[str, str]) -> tuple[DecisionSummary, ...]:
    unknown = sorted(set(asked) - set(SEARCHED))
    if unknown:
        raise about_fields([{"loc": (name,), "msg": f"search by {', '.join(SEARCHED)}"} for name in unknown])
    wanted: dict[str, Any] = {name: asked[name] for name in SEARCHED if asked.get(name)}
    if "space" in wanted:
        wanted["namespace"] = wanted.pop("space")
    with engine.store.reading() as transaction:
        return transaction.decisions.search(**wanted, limit=PAGE)


def _decision(engine: Engine, id: str) -> DecisionRecord:
    with engine.store.reading() as transaction:
        record = transaction.decisions.get(id)
    if record is None:
        raise Problem(404, f"there is no decision {id}, or it was erased.")
    return record


def _with_verdicts(engine: Engine, id: str) -> tuple[DecisionRecord, tuple[Verdict, ...]]:
    record = _decision(engine, id)
    with engine.store.reading() as transaction:
        return record, last_of_each(transaction.verdicts.of_decision(id))


def _exported(engine: Engine) -> list[dict[str, Any]]:
    with engine.store.reading() as transaction:
        return list(transaction.verdicts.export())


def _found(engine: Engine) -> tuple[StoredFinding, ...]:
    with engine.store.reading() as transaction:
        return transaction.findings.newest()


def _finding(row: StoredFinding) -> dict[str, Any]:
    return {**vars(row), "first_at": row.first_at.isoformat(), "last_at": row.last_at.isoformat()}


def _listed(row: DecisionSummary) -> dict[str, Any]:
    about = {"identity": row.identity, "session": row.session, "erased": row.erased}
    return {"decision_id": row.id, "at": row.at.isoformat(), "ruling": row.ruling, **about}


def _page(html: str, status: int = 200) -> Response:
    """A page that loads nothing from anywhere and is kept nowhere."""
    headers = {
        "Content-Security-Policy": _LOADS_NOTHING,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(html, status, headers)


def _refused(problem: Problem) -> Response:
    return JSONResponse(problem.wire(), problem.status, media_type=MEDIA_TYPE)


async def _on_error(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return _refused(Problem(error.status_code, f"{request.method} {request.url.path}: {error.detail}."))
    return _refused(problem_of(error))


_HANDLERS: dict[Any, Callable[[Request, Exception], Any]] = dict.fromkeys(
    (HTTPException, Problem, ServingError, ValueError), _on_error
)
