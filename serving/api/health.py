"""Handlers for load balancers and operators: health, metrics, the policy and the model in force."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from serving import metrics
from serving.api.problems import Problem
from serving.model.active import ActiveConfiguration


async def liveness(request: Request) -> Response:
    """GET /livez."""
    return Response("ok", media_type="text/plain")


async def readiness(request: Request) -> Response:
    """GET /readyz."""
    engine = request.app.state.engine
    active = engine.active
    if active.missing:
        raise Problem(503, active.missing)
    if fault := await run_in_threadpool(engine.write_fault):
        raise Problem(503, f"Nothing can be recorded: {fault}.")
    return JSONResponse({"ready": True, "model": active.versions.model})


async def prometheus(request: Request) -> Response:
    """GET /metrics."""
    return Response(metrics.exposition(), media_type="text/plain; version=0.0.4")


async def active_policy(request: Request) -> Response:
    """GET /policy."""
    active = request.app.state.engine.active
    files = active.refused_files
    reasons = [f"{each.reason}; the policy {active.policy.digest} stays in force" for each in files]
    return JSONResponse(
        {
            "digest": active.policy.digest,
            "refused": "; ".join(reasons) or None,
            "refused_files": [
                {"file": each.file, "reason": each.reason, "since": each.since.isoformat()} for each in files
            ],
            "catalogues": {"digest": active.catalogues.digest, "files": dict(active.catalogues.files)},
            "policy": active.policy.model_dump(mode="json", by_alias=True),
        }
    )


async def active_model(request: Request) -> Response:
    """GET /model."""
    active = request.app.state.engine.active
    return JSONResponse(
        {
            "version": active.versions.model,
            "missing": active.missing,
            "tags": dict(active.model_tags),
            "population": _population(active),
        }
    )


def _population(active: ActiveConfiguration) -> dict[str, object]:
    """What events are compared with: since when, until when it is fresh, and why a newer one is not in force."""
    shown: dict[str, object] = {
        "digest": active.snapshot.digest,
        "measured_on": "own events" if active.own else "the model's data" if active.champion else "nothing",
        "refused": active.population_fault,
    }
    own = active.own
    if own is None:
        return shown
    times = {"measured_at": own.measured_at, "in_force_since": own.in_force_since, "fresh_until": own.fresh_until}
    facts = {"window_days": own.days, "rows": own.rows, "drift": own.drift, "why": own.why}
    return shown | {name: time.isoformat() for name, time in times.items()} | facts
