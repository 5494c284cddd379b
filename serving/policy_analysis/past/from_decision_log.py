"""Past requests from the decision log, in order of time, one chunk in memory at a time.

Unless another model is given, each request keeps the trust it was given then, and budgets use the model that gave it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

import numpy as np
import sqlalchemy as sa

from features.catalogue.all import feature_names
from features.catalogue.describe import digest
from features.event.schema import Event
from features.model.bundle import TrustModel
from features.model.trust_curve import TrustCurve
from serving.decision.inputs import RECORDED_PROOF, Proof
from serving.decision.lowest_trust import LowestTrust
from serving.decision.places.place import KnownPlaces
from serving.decision.readings import KnownTypes
from serving.policy_analysis.past.past_requests import (
    UNLABELLED,
    Label,
    PastRequest,
    PastRequests,
    Progress,
    RecordedDecision,
    SkippedRequest,
)
from serving.store.decision_log import DecisionRecord
from serving.store.schema import LIVE, decisions, step_ups
from serving.store.store import Store, Transaction
from serving.times import microseconds, time_of

CHUNK = 2_000
"""Decisions in memory at a time; a payload takes some twenty kilobytes."""
COMPROMISED_BY_VERDICT: dict[str, bool] = {"intruder": True, "owner": False}
"""The label of each verdict; `unsure` gives none."""
ModelLookup = Callable[[str], TrustModel | None]
"""Finds a registered version; None when it no longer exists."""


@dataclass(frozen=True)
class LogWindow:
    """A part of the log: the decisions of a namespace from one time (included) to another (not included)."""

    since: datetime | None = None
    until: datetime | None = None
    namespace: str = LIVE

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """The window as conditions on the table of decisions."""
        conditions = [decisions.c.space == self.namespace]
        if self.since:
            conditions.append(decisions.c.at >= microseconds(self.since))
        if self.until:
            conditions.append(decisions.c.at < microseconds(self.until))
        return conditions


@dataclass(frozen=True)
class LoggedDecision:
    """A decision of the log, and the proofs that its challenge brought."""

    record: DecisionRecord
    proofs: tuple[Proof, ...]


def verdict_labels(transaction: Transaction) -> dict[str, Label]:
    """Labels by decision id, from the last verdict on each; `unsure` gives none."""
    last = {verdict.decision_id: verdict.verdict for verdict in transaction.verdicts.current()}
    return {
        id: Label(compromised=COMPROMISED_BY_VERDICT[verdict], source="feedback")
        for id, verdict in last.items()
        if verdict in COMPROMISED_BY_VERDICT
    }


def read_log(
    store: Store, window: LogWindow, progress: Progress | None = None
) -> Iterator[list[LoggedDecision | None]]:
    """The decisions of a window in chunks; an erased decision is None."""
    with store.reading() as transaction:
        core = transaction.connection.core
        total = int(core.execute(sa.select(sa.func.count()).where(*window.conditions())).scalar_one())
    position, done = (-1, ""), 0
    while True:
        with store.reading() as transaction:  # one for each chunk: a long one would keep the write-ahead log growing
            core = transaction.connection.core
            later = sa.tuple_(decisions.c.at, decisions.c.id) > sa.tuple_(*position)
            query = sa.select(decisions.c.at, decisions.c.id, decisions.c.payload).where(*window.conditions(), later)
            rows = core.execute(query.order_by(decisions.c.at, decisions.c.id).limit(CHUNK)).all()
            proofs = _completed_proofs(core, [row.id for row in rows])
        if not rows:
            return
        position, done = (rows[-1].at, rows[-1].id), done + len(rows)
        yield [_logged_decision(row.payload, proofs.get(row.id, ())) for row in rows]
        if progress:
            progress(min(done, total), total)


def _logged_decision(payload: str | None, proofs: tuple[Proof, ...]) -> LoggedDecision | None:
    return LoggedDecision(DecisionRecord.from_payload(payload), proofs) if payload else None


def _completed_proofs(core: sa.Connection, ids: Sequence[str]) -> dict[str, tuple[Proof, ...]]:
    proofs: dict[str, tuple[Proof, ...]] = {}
    columns = (step_ups.c.decision_id, step_ups.c.result, step_ups.c.at, step_ups.c.proof)
    query = sa.select(*columns).where(step_ups.c.decision_id.in_(ids)).order_by(step_ups.c.place)
    for decision_id, result, at, proof in core.execute(query):
        before = proofs.get(decision_id, ())
        if result == "completed":
            proofs[decision_id] = (*before, RECORDED_PROOF.validate_json(proof))
        elif result == "failed":  # it ends the elevation that was opened
            proofs[decision_id] = tuple(replace(each, expires_at=_earlier(each, time_of(at))) for each in before)
    return proofs


def _earlier(proof: Proof, at: datetime) -> datetime:
    return at if proof.expires_at is None else min(proof.expires_at, at)


def past_requests_from_log(
    store: Store,
    window: LogWindow,
    models: ModelLookup,
    model: TrustModel | None = None,
    labels: Mapping[str, Label] | None = None,
    progress: Progress | None = None,
) -> PastRequests:
    """The requests of a window of the log.

    `models` finds the model that a decision names, `model` scores every request anew instead. `labels` are by decision
    id; without a label, a completed step-up is evidence that the request was legitimate.
    """
    for chunk in read_log(store, window, progress):
        readable: list[LoggedDecision] = []
        for decision in chunk:
            if decision is None:
                yield SkippedRequest("its payload was erased")
            elif model is not None and decision.record.body["answer"]["versions"]["features"] != digest():
                yield SkippedRequest("its features are of another catalogue")
            else:
                readable.append(decision)
        trusts = _score_again(readable, model) if model else [_recorded_trust(each) for each in readable]
        for decision, trust in zip(readable, trusts, strict=True):
            version = decision.record.body["answer"]["versions"]["model"]
            used = model or (models(version) if version else None)
            yield _past_request(decision, trust, used, labels or {}, scored_again=model is not None)


def _recorded_trust(decision: LoggedDecision) -> TrustCurve | None:
    """The trust that was answered; the hazard of each interval follows from the curve."""
    answer = decision.record.body["answer"]
    trust, explanation = answer["trust"], answer["explanation"]
    if trust is None or explanation is None:
        return None
    points = [point["trust"] for point in trust["curve"]]
    hazards = (1.0 - later / sooner if sooner else 0.0 for sooner, later in pairwise(points))
    return TrustCurve(explanation["margin"], tuple(hazards))


def _trust_as_sent(trust: TrustCurve | None, as_sent: float | None) -> TrustCurve | None:
    """The recorded trust without stand-ins for what was withheld; None where nothing was."""
    if trust is None or as_sent is None or as_sent == trust.now or not 0 < as_sent < 1:
        return None
    return TrustCurve(math.log((1 - as_sent) / as_sent), trust.hazards)


def _score_again(decisions_: Sequence[LoggedDecision], model: TrustModel) -> list[TrustCurve | None]:
    """The trust that another model gives the recorded features."""
    if not decisions_:
        return []
    recorded = [each.record.body["features"] for each in decisions_]
    names = feature_names()
    matrix = np.array([[np.nan if row[name] is None else row[name] for name in names] for row in recorded], dtype=float)
    log_odds, hazards = model.now_log_odds(matrix), model.hazards(matrix)
    return [TrustCurve(float(now), tuple(row.tolist())) for now, row in zip(log_odds, hazards, strict=True)]


def _past_request(
    decision: LoggedDecision,
    trust: TrustCurve | None,
    model: TrustModel | None,
    labels: Mapping[str, Label],
    *,
    scored_again: bool,
) -> PastRequest:
    """A logged decision as a request. What the lowest trust was by another model is not known."""
    record, answer = decision.record, decision.record.body["answer"]
    by_proof = Label(compromised=False, source="step-up") if decision.proofs else UNLABELLED
    return PastRequest(
        id=record.id,
        at=record.at,
        event=Event.model_validate(record.body["event"]),
        features={name: float("nan") if value is None else value for name, value in record.body["features"].items()},
        trust=trust,
        model=model,
        label=labels.get(record.id, by_proof),
        decision=RecordedDecision(
            ruling=answer["ruling"],
            floors=tuple(floor["id"] for floor in answer["floors"] if floor.get("status") == "applied"),
            asked_by_model=answer["model_asks"] not in (None, "allow"),
            degraded=answer["degraded"],
            proofs=decision.proofs,
            population=answer["versions"].get("population"),
        ),
        assured=record.body.get("assured", True),
        as_sent=_trust_as_sent(trust, record.body.get("trust_as_sent")),
        types=KnownTypes.from_record(record.body.get("types", {})),
        places=KnownPlaces.from_record(record.body.get("places")),
        lowest=None if scored_again else LowestTrust.from_record(record.body.get("lowest")),
    )
