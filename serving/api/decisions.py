"""Handlers that read decisions, verdicts and findings, and the queries they share with the investigator's pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from serving.api.problems import invalid_fields
from serving.errors import DecisionNotFound
from serving.store.decision_log import DecisionRecord, DecisionSummary
from serving.store.findings import StoredFinding
from serving.store.schema import LIVE
from serving.store.store import Store
from serving.store.verdicts import Verdict, last_of_each

PAGE = 100
"""How many decisions a search finds at most."""
CRITERIA = {"identity": "identity", "session": "session", "ruling": "ruling", "space": "namespace"}
"""Query parameters of a search, and what the store calls them."""


async def list_decisions(request: Request) -> Response:
    """GET /decisions."""
    rows = await run_in_threadpool(find_decisions, request.app.state.engine.store, request.query_params)
    return JSONResponse({"decisions": [_listed(row) for row in rows]})


async def read_decision(request: Request) -> Response:
    """GET /decisions/{id}."""
    record, _ = await run_in_threadpool(load_decision, request.app.state.engine.store, request.path_params["id"])
    return JSONResponse(json.loads(record.payload()) | {"at": record.at.isoformat()})


async def export_verdicts(request: Request) -> Response:
    """GET /feedback."""
    rows = await run_in_threadpool(_export, request.app.state.engine.store)
    return Response("".join(json.dumps(row) + "\n" for row in rows), media_type="application/x-ndjson")


async def list_findings(request: Request) -> Response:
    """GET /findings."""
    rows = await run_in_threadpool(load_findings, request.app.state.engine.store)
    return JSONResponse({"findings": [_finding(row) for row in rows]})


def find_decisions(store: Store, criteria: Mapping[str, str]) -> tuple[DecisionSummary, ...]:
    """The newest decisions that match; of live ones unless `space` says otherwise. Raises Problem 400 for a criterion
    that does not exist: a misspelt one must not match everything."""
    unknown = sorted(set(criteria) - set(CRITERIA))
    if unknown:
        raise invalid_fields([{"loc": (name,), "msg": f"search by {', '.join(CRITERIA)}"} for name in unknown])
    wanted: dict[str, Any] = {CRITERIA[name]: value for name, value in criteria.items() if value}
    with store.reading() as transaction:
        if "identity" in wanted:
            namespace = wanted.get("namespace", LIVE)
            wanted["identity"] = transaction.identity_types.known_spelling(namespace, wanted["identity"])
        return transaction.decisions.search(**wanted, limit=PAGE)


def load_decision(store: Store, id: str) -> tuple[DecisionRecord, tuple[Verdict, ...]]:
    """A decision and the current verdicts on it. Raises DecisionNotFound."""
    with store.reading() as transaction:
        record = transaction.decisions.get(id)
        if record is None:
            raise DecisionNotFound(f"There is no decision {id}, or it was erased.")
        return record, last_of_each(transaction.verdicts.of_decision(id))


def load_findings(store: Store) -> tuple[StoredFinding, ...]:
    """The findings of live decisions, newest first."""
    with store.reading() as transaction:
        return transaction.findings.newest()


def _export(store: Store) -> list[dict[str, Any]]:
    with store.reading() as transaction:
        return list(transaction.verdicts.export())


def _finding(row: StoredFinding) -> dict[str, Any]:
    return {**vars(row), "first_at": row.first_at.isoformat(), "last_at": row.last_at.isoformat()}


def _listed(row: DecisionSummary) -> dict[str, Any]:
    return {
        "decision_id": row.id,
        "at": row.at.isoformat(),
        "ruling": row.ruling,
        "identity": row.identity,
        "session": row.session,
        "erased": row.erased,
    }
