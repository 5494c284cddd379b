"""Requests out of the decision log, in order of time, a chunk in memory at a time.

Without another model, each is judged by the trust it was given then, and its budgets by the model that gave it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import sqlalchemy as sa
from pydantic import TypeAdapter

from features.catalogue.all import feature_names
from features.catalogue.describe import digest
from features.event.schema import Event
from features.model.bundle import TrustModel
from features.model.trust_curve import TrustCurve
from serving.decision.inputs import Proof, Revocation
from serving.policy_analysis.past_requests import UNLABELLED, Case, Cases, Label, Missing, Recorded, Told
from serving.store.decision_log import DecisionRecord
from serving.store.schema import LIVE, decisions, revocations, step_ups
from serving.store.store import Store, Transaction
from serving.times import microseconds, time_of

CHUNK = 2_000
"""Decisions in memory at a time; a payload is some twenty kilobytes."""
_PROOF = TypeAdapter(Proof)
COMPROMISED: dict[str, bool] = {"intruder": True, "owner": False}
"""What a verdict says of a request; unsure says nothing."""
Models = Callable[[str], TrustModel | None]
"""Finds a registered version; None where it is not there any more."""


@dataclass(frozen=True)
class Window:
    """Which decisions of the log: of one space, from one time (included) to another (not included)."""

    since: datetime | None = None
    until: datetime | None = None
    space: str = LIVE

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """As the log is searched."""
        asked = [decisions.c.space == self.space]
        if self.since:
            asked.append(decisions.c.at >= microseconds(self.since))
        if self.until:
            asked.append(decisions.c.at < microseconds(self.until))
        return asked


@dataclass(frozen=True)
class Row:
    """A decision of the log, and the proofs that came of it."""

    record: DecisionRecord
    answers: tuple[Proof, ...]


def verdict_labels(transaction: Transaction) -> dict[str, Label]:
    """What is known of decisions, by id: the last verdict on each; unsure says nothing."""
    last = {each.decision_id: each.verdict for each in transaction.verdicts.current()}
    return {
        id: Label(compromised=COMPROMISED[verdict], source="feedback")
        for id, verdict in last.items()
        if verdict in COMPROMISED
    }


def rows(store: Store, window: Window, told: Told | None = None) -> Iterator[list[Row | None]]:
    """The log in chunks; an erased decision is None."""
    with store.reading() as transaction:
        core = transaction.connection.core
        total = int(core.execute(sa.select(sa.func.count()).where(*window.conditions())).scalar_one())
    place, done = (-1, ""), 0
    while True:
        with store.reading() as transaction:  # one for each chunk: a long look would keep the log of writes from ending
            core = transaction.connection.core
            after = sa.tuple_(decisions.c.at, decisions.c.id) > sa.tuple_(*place)
            columns = sa.select(decisions.c.at, decisions.c.id, decisions.c.payload).where(*window.conditions(), after)
            found = core.execute(columns.order_by(decisions.c.at, decisions.c.id).limit(CHUNK)).all()
            answers = _answers(core, [row.id for row in found])
        if not found:
            return
        place, done = (found[-1].at, found[-1].id), done + len(found)
        yield [
            Row(DecisionRecord.from_payload(row.payload), answers.get(row.id, ())) if row.payload else None
            for row in found
        ]
        if told:
            told(min(done, total), total)


def _answers(core: sa.Connection, ids: Sequence[str]) -> dict[str, tuple[Proof, ...]]:
    found: dict[str, tuple[Proof, ...]] = {}
    asked = step_ups.c.decision_id.in_(ids) & (step_ups.c.result == "completed")
    wanted = sa.select(step_ups.c.decision_id, step_ups.c.proof).where(asked).order_by(step_ups.c.place)
    for decision_id, proof in core.execute(wanted):
        found[decision_id] = (*found.get(decision_id, ()), _PROOF.validate_json(proof))
    return found


def revoked(store: Store, space: str = LIVE) -> dict[str, list[Revocation]]:
    """Every revocation of a space by identity, oldest first."""
    by_identity: dict[str, list[Revocation]] = {}
    with store.reading() as transaction:
        wanted = sa.select(revocations).where(revocations.c.space == space).order_by(revocations.c.place)
        for row in transaction.connection.core.execute(wanted):
            each = Revocation(session=row.session, at=time_of(row.at), by=row.by, reason=row.reason)
            by_identity.setdefault(row.identity, []).append(each)
    return by_identity


def recorded_cases(
    store: Store,
    window: Window,
    models: Models,
    model: TrustModel | None = None,
    labels: Mapping[str, Label] | None = None,
    told: Told | None = None,
) -> Cases:
    """The log's decisions as cases. `model` judges all of them anew; `labels` say by decision what is known by now.

    A completed step-up is evidence that it was the owner, where no label says otherwise.
    """
    for chunk in rows(store, window, told):
        kept: list[Row] = []
        for row in chunk:
            if row is None:
                yield Missing("its payload was erased")
            elif model is not None and row.record.body["answer"]["versions"]["features"] != digest():
                yield Missing("its features are of another catalogue")
            else:
                kept.append(row)
        trusts = _judged(kept, model) if model else [_as_recorded(row.record.body["answer"]) for row in kept]
        for row, trust in zip(kept, trusts, strict=True):
            version = row.record.body["answer"]["versions"]["model"]
            yield _case(row, trust, model or (models(version) if version else None), labels or {})


def _as_recorded(answer: Mapping[str, Any]) -> TrustCurve | None:
    """The trust as it was answered; what an interval loses follows from the curve."""
    trust, explanation = answer["trust"], answer["explanation"]
    if trust is None or explanation is None:
        return None
    points = [point["trust"] for point in trust["curve"]]
    lost = (1.0 - later / sooner if sooner else 0.0 for sooner, later in pairwise(points))
    return TrustCurve(explanation["margin"], tuple(lost))


def _judged(rows_: Sequence[Row], model: TrustModel) -> list[TrustCurve | None]:
    """By another model, from the features as they were recorded."""
    if not rows_:
        return []
    known = [row.record.body["features"] for row in rows_]
    matrix = np.array(
        [[np.nan if each[n] is None else each[n] for n in feature_names()] for each in known], dtype=float
    )
    log_odds, hazards = model.now_log_odds(matrix), model.hazards(matrix)
    return [TrustCurve(float(now), tuple(each.tolist())) for now, each in zip(log_odds, hazards, strict=True)]


def _case(row: Row, trust: TrustCurve | None, model: TrustModel | None, labels: Mapping[str, Label]) -> Case:
    record, answer = row.record, row.record.body["answer"]
    proven = Label(compromised=False, source="step-up") if row.answers else UNLABELLED
    demanded = tuple(floor["id"] for floor in answer["floors"] if floor.get("status") == "applied")
    return Case(
        id=record.id,
        at=record.at,
        event=Event.model_validate(record.body["event"]),
        features={n: float("nan") if v is None else v for n, v in record.body["features"].items()},
        trust=trust,
        model=model,
        label=labels.get(record.id, proven),
        recorded=Recorded(
            ruling=answer["ruling"],
            floors=demanded,
            asked_by_model=answer["model_asks"] not in (None, "allow"),
            degraded=answer["degraded"],
            answers=row.answers,
        ),
    )
