"""Ways around a proof that were tried once, and are closed."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from live_service.test_settled_rules import challenged, completed, proof, version
from support.live_server import Server, ago, an_event, in_force_here, now
from support.recorded_decisions import opened

from features.model.trust_curve import TrustCurve
from serving.contracts.requests import ScoreRequest
from serving.decision.inputs import Explanation
from serving.engine.writer import Engine
from serving.store.api_keys import SCOPES, Caller
from serving.store.schema import LIVE, SessionKey


def test_a_credential_that_proves_itself_is_a_claim_too(small: Server) -> None:
    """Who may only ask cannot say that his credential was made just now for just this."""
    event = an_event("jit", category="rotate_secret", identity={"type": "workload"})
    event["credential"] = {"id": "k", "kind": "jit_credential", "issued_at": ago(5), "expires_at": ago(-300)}
    answer = small.score(event, key=small.key("score"))

    assert (answer["ruling"], "credential.kind" in answer["ignored_claims"]) == ("step_up", True)


def test_a_proof_without_factors_renews_nothing(small: Server) -> None:
    """An expired session stays expired, the attempt teaches nothing, and the refusal says why."""
    small.score(an_event("empty"))
    with small.store.transaction() as tx:
        tx.sessions.set_valid_until(SessionKey(LIVE, "empty", "s1"), now() - timedelta(seconds=1))
    asked, before = small.score(an_event("empty")), version(small, "empty")
    status, problem = completed(small, asked, "empty", proof=proof() | {"amr": []})

    assert (status, problem["errors"][0]["field"], version(small, "empty")) == (400, "proof", before)


def test_a_proof_counts_once_whatever_time_it_claims(small: Server) -> None:
    """Neither an earlier nor a later one is taken for the same challenge, and nothing is learnt twice."""
    _, asked = challenged(small, "thrice")
    statuses = [completed(small, asked, "thrice", proof=proof(later))[0] for later in (3.0, 1.0, 4.0)]

    assert (statuses, version(small, "thrice")) == ([200, 409, 409], 3)


def test_a_proof_counts_once_without_a_session(small: Server) -> None:
    """Every request without a session is one of its own; its challenge is met once all the same."""
    asked = small.score(an_event("nowhere", session=None, category="manage_access"))

    assert [completed(small, asked, "nowhere", session=None)[0] for _ in range(2)] == [200, 409]


def test_a_replayed_success_is_learnt_once(small: Server) -> None:
    """A replay folds what the log says; a step-up reported for it does not fold it again."""
    event: dict[str, Any] = an_event("past", category="manage_access", time=ago(4_000))
    event["action"]["outcome"] = "success"
    asked = small.score(event, mode="replay", space="twice")
    made_at = (now() - timedelta(seconds=3_900)).isoformat()
    status, _ = completed(small, asked, "past", proof=proof() | {"made_at": made_at})

    assert (status, version(small, "past", "replay:twice")) == (200, 1)


class Broken:
    """A model that gives no number."""

    def __init__(self, champion: Any) -> None:
        self.model = champion.model

    def assess(self, values: Any) -> tuple[TrustCurve, Explanation]:
        return TrustCurve(math.nan, (0.0,) * 4), Explanation(math.nan, math.nan, ())


def test_a_model_that_gives_no_number_fails_closed_on_record(tmp_path: Any, small: Server) -> None:
    """The ruling is recorded and marked, and is no allow."""
    from support.small_champion import small_model

    from serving.model.explainer import Explainer

    store = opened(tmp_path)
    engine = Engine(store, in_force_here(tmp_path, champion=Broken(Explainer(small_model())), missing=None))
    try:
        request = ScoreRequest.model_validate({"event": an_event("nan", category="write")})
        answer = engine.score(request, Caller("test", frozenset(SCOPES)))
        with store.reading() as tx:
            kept = tx.decisions.get(answer["decision_id"])
    finally:
        engine.close()

    assert (answer["ruling"], answer["degraded"], kept is not None) == ("deny", "the model gave no number", True)


def a_task(**more: Any) -> dict[str, Any]:
    """An intent as an authorization server reports it, for what `an_event` does."""
    detail = {"type": "agent_action", "actions": ["files:Get"], "locations": ["r1"]} | more
    return {"made_at": now().isoformat(), "kind": "intent", "authorization_details": [detail]}


def test_an_intent_counts_for_what_it_authorises(small: Server) -> None:
    """Outside of it the report is refused with what is outside; inside, the same request is allowed, and no other."""
    event = an_event("task", category="export", identity={"type": "agent"}, resource={"sensitivity": "confidential"})
    asked = small.score(event)
    status, problem = completed(small, asked, "task", proof=a_task(locations=["r2"]))
    accepted, _ = completed(small, asked, "task", proof=a_task())
    again, elsewhere = small.score(event), small.score(event | {"resource": event["resource"] | {"id": "r2"}})

    assert (status, problem["errors"][0]) == (
        400,
        {"field": "proof", "detail": "the authorised task does not cover the resource r1"},
    )
    assert (asked["ruling"], accepted, again["ruling"], elsewhere["ruling"]) == ("step_up", 200, "allow", "step_up")


def a_credential(scope: str, seconds: float = 600.0) -> dict[str, Any]:
    """A credential for one task, as its issuer reports it."""
    ends = (now() + timedelta(seconds=seconds)).isoformat()
    return {"made_at": now().isoformat(), "kind": "jit_credential", "scope": [scope], "expires_at": ends}


def test_a_credential_counts_for_its_scope(small: Server) -> None:
    """What the remedy asks for does, once; another scope, a longer life or no end do not."""
    event = an_event("scoped", category="rotate_secret", identity={"type": "workload"})
    asked = small.score(event)
    scope = next(each["scope"][0] for each in asked["remedies"] if each["type"] == "jit_credential")
    endless = a_credential(scope) | {"expires_at": None}
    proofs = [a_credential("rotate_secret:table"), a_credential(scope, 1_000.0), endless, a_credential(scope)]
    statuses = [completed(small, asked, "scoped", proof=each)[0] for each in proofs]

    assert (scope, statuses) == ("rotate_secret:document", [400, 400, 400, 200])
    assert small.score(event)["ruling"] == "allow"
