"""One request becomes one recorded decision, inside the transaction that makes it durable.

Gather, decide, record; the engine answers only after the commit. Nothing here is caught that the store raises: a
failed store gives no ruling.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from features.arrays import NEVER, Array
from features.catalogue.all import feature_names
from features.engine.online import fold, vector
from features.enrichment.ip_lookup import fill_event
from features.event.numpy_row import row_of
from features.event.schema import Event
from features.hashing import digest_of
from features.history.layout import History
from features.history.population import unmeasured
from features.history.update import CHALLENGED, DENIED, FAILURE, SUCCESS, UNKNOWN
from features.model.trust_curve import TrustCurve
from serving import metrics
from serving.api.problems import Problem, about_field
from serving.contracts.requests import ScoreRequest
from serving.decision.decision import Decision, decide
from serving.decision.inputs import Explanation, Prompt, Proof, SessionState
from serving.decision.proofs import claimed_proofs
from serving.decision.untrusted_claims import remove_claims
from serving.model.active import ActiveConfiguration
from serving.store.api_keys import Caller
from serving.store.decision_log import DecisionRecord
from serving.store.schema import LIVE, SessionKey
from serving.store.store import Transaction
from serving.times import now, time_of

log = logging.getLogger(__name__)

IDEMPOTENT = timedelta(minutes=5)
"""How long the same request of the same caller gives the same decision."""
OUTCOMES = {None: UNKNOWN, "success": SUCCESS, "failure": FAILURE, "denied": DENIED}
INLINE = "inline"
"""The space that decisions on inline histories are recorded under."""


@dataclass(frozen=True)
class Asked:
    """A request with everything it says made plain: who asks, about what, in which space, at what time."""

    request: ScoreRequest
    caller: Caller
    event: Event
    ignored: tuple[str, ...]
    space: str
    at: datetime
    body_digest: str

    @property
    def inline(self) -> bool:
        """Whether the request brings its own history."""
        return self.request.history is not None


def asked(request: ScoreRequest, caller: Caller, here: ActiveConfiguration) -> Asked:
    """Check what may be asked, and prepare the event; raises Problem."""
    if request.mode == "replay" and "investigate" not in caller.scopes:
        raise Problem(403, "mode replay needs a key of scope investigate.")
    if request.history is not None and "assure" not in caller.scopes:
        raise Problem(403, "an inline history needs a key of scope assure.")
    if request.space is not None and request.mode != "replay":
        raise about_field("space", "names the space of a replay; give it with mode replay only")
    event, ignored = (request.event, ()) if "assure" in caller.scopes else remove_claims(request.event)
    at = _time_of(request, event, here)
    return Asked(
        request=request,
        caller=caller,
        event=fill_event(event, here.networks),
        ignored=ignored,
        space=_space(request),
        at=at,
        body_digest=digest_of(request.model_dump_json().encode()),
    )


def _time_of(request: ScoreRequest, event: Event, here: ActiveConfiguration) -> datetime:
    """A replay happens at the event's time; in enforce mode that must be about now, and the later one counts."""
    if request.mode == "replay":
        return event.time
    present, skew = now(), here.settings.allowed_skew_seconds
    if abs((event.time - present).total_seconds()) > skew:
        why = f"lies more than {skew} s from the server's clock; past events need mode replay"
        raise about_field("event.time", why)
    return max(present, event.time)


def _space(request: ScoreRequest) -> str:
    if request.history is not None:
        return INLINE
    if request.mode == "replay":
        return f"replay:{request.space or secrets.token_hex(8)}"
    return LIVE


def answer(tx: Transaction, it: Asked, here: ActiveConfiguration) -> dict[str, Any]:
    """The decision, recorded; the same request again gives the same one."""
    again = _earlier(tx, it, here)
    if again is not None:
        return again
    with metrics.REMEMBERING.time():
        history, version = _history(tx, it)
    last_seen = _last_seen(history, it, here)
    row = row_of(it.event)
    values, trust, explanation, fault = _assessed(row, history, here)
    decision = _decided(tx, it, here, values, trust, explanation, fault, last_seen)
    with metrics.RECORDING.time():
        version = _learnt(tx, it, here, decision, row, history, version)
        wire = decision.wire() | {"ignored_claims": list(it.ignored)}
        _recorded(tx, it, decision, wire, values, version)
    return wire


def _earlier(tx: Transaction, it: Asked, here: ActiveConfiguration) -> dict[str, Any] | None:
    if it.event.id is None:
        return None
    since = it.at - IDEMPOTENT
    key = SessionKey(it.space, it.event.identity.id)
    earlier = tx.decisions.latest_for_event(key, caller=it.caller.id, event_id=it.event.id, since=since)
    if earlier is None:
        return None
    if earlier.body_digest != it.body_digest:
        raise Problem(409, f"event {it.event.id!r} was already asked about with other content.")
    decision: dict[str, Any] = earlier.body["answer"]
    versions = decision["versions"]
    current = here.versions
    unchanged = (versions["model"], versions["policy"]) == (current.model, current.policy)
    live = SessionKey(LIVE, it.event.identity.id, it.event.session.id)
    revoked = tx.sessions.state(live, category=None, resource_type=None, at=it.at).revocation
    return decision if unchanged and (revoked is None or decision["ruling"] == "deny") else None


def _history(tx: Transaction, it: Asked) -> tuple[History, int]:
    event = it.event
    if it.request.history is not None:
        return _inline(it.request.history, event), 0
    return tx.histories.read(SessionKey(it.space, event.identity.id, event.session.id, event.credential.id))


def _last_seen(history: History, it: Asked, here: ActiveConfiguration) -> datetime | None:
    """When the session last did something that succeeded; not known where it has no id, or where habits come from
    logs, which lag behind."""
    lagging = here.settings.habits_from == "events" and it.request.mode == "enforce" and not it.inline
    last = int(history.session["last"][0])
    return None if lagging or it.event.session.id is None or last == NEVER else time_of(last)


def _inline(events: tuple[Event, ...], event: Event) -> History:
    """The history that the given events alone make, in their order of time; those at or after the event are refused."""
    history = History.empty()
    for place, past in sorted(enumerate(events), key=lambda each: each[1].time):
        if past.identity.id != event.identity.id:
            raise about_field(f"history.{place}.identity.id", "is another identity than the event's")
        if past.time >= event.time:
            raise about_field(f"history.{place}.time", "is not before the event's")
        same_session = event.session.id is not None and past.session.id == event.session.id
        same_credential = event.credential.id is not None and past.credential.id == event.credential.id
        blank = History.empty()
        session = history.session if same_session else blank.session
        credential = history.credential if same_credential else blank.credential
        fold(row_of(past), History(history.identity, session, credential), OUTCOMES[past.action.outcome])
    return history


def _assessed(
    row: Array, history: History, here: ActiveConfiguration
) -> tuple[dict[str, float], TrustCurve | None, Explanation | None, str | None]:
    """Features, trust and explanation; whatever fails is named, and leaves the rest unknown."""
    champion = here.champion
    with metrics.FEATURES.time():
        values = vector(row, history, champion.model.population if champion else unmeasured())
    known = dict(zip(feature_names(), values.tolist(), strict=True))
    if champion is None:
        return known, None, None, here.missing
    try:
        trust, explanation = champion.assess(values)
        if not math.isfinite(explanation.margin):
            return known, None, None, "the model gave no number"
        return known, trust, explanation, None
    except Exception as error:  # a broken model must not become an unrecorded request, nor an allow
        log.exception("the model failed")
        return known, None, None, f"the model failed: {error}"


def _decided(
    tx: Transaction,
    it: Asked,
    here: ActiveConfiguration,
    values: dict[str, float],
    trust: TrustCurve | None,
    explanation: Explanation | None,
    fault: str | None,
    last_seen: datetime | None,
) -> Decision:
    event, policy = it.event, here.policy
    where = LIVE if it.inline else it.space
    with metrics.REMEMBERING.time():
        standing, proofs = _standing(tx, it, where, here)
    if it.inline:  # what was asked of inline histories lies in their own space, and so do the proofs that answer it
        beside, more = _standing(tx, it, INLINE, here)
        standing, proofs = _together(standing, beside), (*proofs, *more)
    versions = here.versions
    with metrics.RULING.time():
        return decide(
            event,
            values,
            trust,
            explanation,
            policy,
            (*claimed_proofs(event), *proofs),
            replace(standing, last_seen=last_seen),
            id=new_id(it.at),
            at=it.at,
            threshold=here.threshold(event),
            versions=versions,
            degraded=fault,
            enforceable=it.request.mode == "enforce",
        )


def _together(standing: SessionState, beside: SessionState) -> SessionState:
    """What was asked in two spaces."""
    return replace(
        standing,
        challenged_at={**standing.challenged_at, **beside.challenged_at},
        prompts_in_window=standing.prompts_in_window + beside.prompts_in_window,
        prompts_by_remedy=Counter(standing.prompts_by_remedy) + Counter(beside.prompts_by_remedy),
        prompts_by_rule=Counter(standing.prompts_by_rule) + Counter(beside.prompts_by_rule),
    )


def _standing(
    tx: Transaction, it: Asked, space: str, here: ActiveConfiguration
) -> tuple[SessionState, tuple[Proof, ...]]:
    """What a space knows of the session, and the proofs it holds."""
    event, window = it.event, here.policy.storm.window_seconds
    key = SessionKey(space, event.identity.id, event.session.id)
    standing = tx.sessions.state(
        key, category=event.action.category, resource_type=event.resource.type, at=it.at, window_seconds=window
    )
    return standing, tx.sessions.proofs(key, it.at)


def new_id(at: datetime) -> str:
    """A ULID: sorts by time, and nobody guesses the next."""
    number = (int(at.timestamp() * 1000) << 80) | secrets.randbits(80)
    return "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[(number >> shift) & 31] for shift in range(125, -1, -5))


def _learnt(
    tx: Transaction,
    it: Asked,
    here: ActiveConfiguration,
    decision: Decision,
    row: Array,
    history: History,
    version: int,
) -> int:
    """Fold the event as its ruling says, and let an allow renew the session; an inline history touches nothing."""
    event = it.event
    if it.inline:
        return version
    key = SessionKey(it.space, event.identity.id, event.session.id, event.credential.id)
    if decision.ruling == "allow" and decision.valid_until is not None:
        tx.sessions.set_valid_until(key, decision.valid_until)
    if it.request.mode == "enforce" and here.settings.habits_from == "events":
        return version
    if event.id is not None and tx.histories.has_event(it.space, event.identity.id, event.id):
        return version
    outcome = folded_as(it, decision)
    fold(row, history, outcome)
    version = tx.histories.write(key, history, version)
    tx.histories.append_event(it.space, event, outcome=outcome, source="score", version=version)
    return version


def folded_as(it: Asked, decision: Decision) -> int:
    """An allow is taken for success and all else for a challenge, since nobody knows yet what comes of a request; a
    sign-in and a replay have happened, and say so themselves."""
    event = it.event
    if it.request.mode == "replay" or (event.action.category == "authenticate" and event.action.outcome is not None):
        return OUTCOMES[event.action.outcome]
    return SUCCESS if decision.ruling == "allow" else CHALLENGED


def _recorded(
    tx: Transaction, it: Asked, decision: Decision, wire: dict[str, Any], values: dict[str, float], version: int
) -> None:
    event = it.event
    body = {
        "answer": wire,
        "event": event.model_dump(mode="json", exclude_none=True),
        "features": {name: None if math.isnan(value) else value for name, value in values.items()},
        "mode": "inline" if it.inline else it.request.mode,
    }
    tx.decisions.append(
        DecisionRecord(
            id=decision.id,
            space=it.space,
            caller=it.caller.id,
            identity=event.identity.id,
            session=event.session.id,
            event_id=event.id,
            body_digest=it.body_digest,
            category=event.action.category,
            resource_type=event.resource.type,
            ruling=decision.ruling,
            at=decision.at,
            version=version,
            body=body,
        ),
        Prompt(decision.remedies[0].type, decision.asked_by) if decision.remedies else None,
    )
    tx.findings.add(it.space, event.identity.id, decision.id, decision.at, decision.findings)
