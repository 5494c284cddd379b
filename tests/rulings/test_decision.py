"""The ruling is the strictest of everything that has a say, and never fails open."""

import math
from datetime import timedelta
from itertools import product
from typing import Any, get_args

import numpy as np
import pytest
from support.judging import (
    DOUBTED,
    NOW,
    POLICY,
    PROOF_OF,
    TRUSTED,
    ago,
    an_event,
    attestation,
    judged,
    strong_proof,
)

from features.catalogue.all import feature_names
from features.event.schema import Category, Event, IdentityType
from features.model.trust_curve import TrustCurve
from serving.decision.decide import Decision, Proof, Revocation, Scope, SessionState
from serving.policy.rules import RemedyType

PRIVILEGED = (
    "admin_console",
    "approve_payment",
    "change_security_setting",
    "rotate_secret",
    "manage_access",
    "assume_privilege",
)
KINDS = get_args(IdentityType)


def test_an_ordinary_request_of_a_trusted_session_is_allowed() -> None:
    """Nothing has a say against it."""
    assert judged(an_event()).ruling == "allow"


def test_too_little_trust_asks_for_proof() -> None:
    """Below the threshold the model asks."""
    decision = judged(an_event(), trust=DOUBTED)

    assert (decision.ruling, decision.because) == ("step_up", ("the model",))


def test_hardly_any_trust_is_denied_whatever_the_proof() -> None:
    """Below the deny threshold no proof helps."""
    lost = TrustCurve(6.0, (0.0,) * 4)
    standing = SessionState(challenged_at={"earlier": ago(120)})

    assert (
        judged(an_event(), trust=lost, proofs=[strong_proof(decision_id="earlier")], standing=standing).ruling == "deny"
    )


def test_a_revoked_session_is_denied() -> None:
    """Revocation wins over trust and proof."""
    standing = SessionState(revocation=Revocation(None, ago(5), "investigator", "stolen"))
    decision = judged(an_event(), standing=standing, proofs=[strong_proof()])

    assert (decision.ruling, decision.wire()["session"]["action"]) == ("deny", "end")


def test_an_expired_session_is_asked_even_if_the_request_looks_clean() -> None:
    """`valid_until` is checked beside the present trust."""
    assert judged(an_event(), standing=SessionState(valid_until=ago(1))).ruling == "step_up"


def test_a_challenged_request_does_not_extend_the_session() -> None:
    """Only an allow moves `valid_until`: else one would wait out an expiry by retrying."""
    until = ago(1)

    assert judged(an_event(), standing=SessionState(valid_until=until)).valid_until == until


@pytest.mark.parametrize(
    "trust",
    [None, TrustCurve(math.nan, (0.0,) * 4), TrustCurve(math.inf, (0.0,) * 4), TrustCurve(-9.0, (math.nan,) * 4)],
)
@pytest.mark.parametrize(("kind", "category"), [*product(KINDS, ["read", "write", None])])
def test_without_a_model_it_fails_closed(trust: TrustCurve | None, kind: str, category: str | None) -> None:
    """A person may prove himself for a harmless look; all else is denied; both are marked."""
    decision = judged(an_event(kind, category), trust=trust)

    expected = "step_up" if (kind, category) == ("human", "read") else "deny"
    assert (decision.ruling, decision.degraded) == (expected, "the model gave no trust")


def test_a_threshold_that_is_no_number_fails_closed() -> None:
    """Nothing can be compared with it, so nothing is allowed by it."""
    assert judged(an_event("workload", "write"), threshold=math.nan).ruling == "deny"


def test_a_claim_from_where_the_session_moved_to_does_not_settle_the_model() -> None:
    """The owner's newer sign-in says nothing of the thief's network."""
    newer = strong_proof(seconds_ago=5)
    moved = {"asn_changed_in_session": 1.0}

    assert judged(an_event(), trust=DOUBTED, standing=ASKED, proofs=[newer], features=moved).ruling == "step_up"


def test_a_stated_fault_is_marked_and_closes_too() -> None:
    """Whatever else is wrong, the engine says what."""
    decision = judged(an_event("workload", "write"), degraded="the history is stale")

    assert (decision.ruling, decision.degraded) == ("deny", "the history is stale")


@pytest.mark.parametrize(("category", "ruling"), [("read", "allow"), ("write", "step_up"), (None, "step_up")])
def test_where_too_little_is_known_the_class_of_the_action_rules(category: str | None, ruling: str) -> None:
    """Thin context only adds: an unknown category counts as a write."""
    assert judged(an_event(category=category), features={"context_known_fraction": 0.1}).ruling == ruling


def test_a_proof_that_satisfies_a_floor_also_makes_up_for_thin_context() -> None:
    """Who has proved what the action needs is not asked again because little else is known."""
    thin = {"context_known_fraction": 0.1}

    assert judged(an_event("workload", "assume_privilege"), features=thin, proofs=[attestation()]).ruling == "allow"


def test_thin_context_never_lowers_what_the_model_asks() -> None:
    """Hiding fields must not buy an allow."""
    assert judged(an_event(), trust=DOUBTED, features={"context_known_fraction": 0.1}).ruling == "step_up"


# No loop ------------------------------------------------------------------------------------------------------------

ASKED = SessionState(challenged_at={"earlier": ago(120)}, valid_until=ago(1))


def completed(**changes: Any) -> Proof:
    given: dict[str, Any] = {
        "source": "step_up",
        "decision_id": "earlier",
        "scope": Scope("read", None),
        "expires_at": NOW + timedelta(minutes=5),
    }
    return strong_proof(**(given | changes))


def test_a_completed_step_up_settles_the_models_question_and_the_expiry() -> None:
    """Who has just proved himself is not asked again for the same."""
    assert judged(an_event(), trust=DOUBTED, standing=ASKED, proofs=[completed()]).ruling == "allow"


@pytest.mark.parametrize(
    ("why", "proof"),
    [
        ("made before it was asked for", completed(made_at=ago(130))),
        ("answers no decision that asked", completed(decision_id="another")),
        ("given for something else", completed(scope=Scope("write", None))),
        ("expired", completed(expires_at=ago(1))),
        ("from the future", completed(made_at=NOW + timedelta(minutes=1))),
        ("a single factor", completed(amr=("pwd",))),
        ("risk scoring is no factor", completed(amr=("rba",))),
        ("relayable, at a trust that needs better", completed(amr=("pwd", "otp"))),
        ("trust fell since", completed(trust_at_completion=0.9)),
        ("made on another network", completed(network_asn=64500)),
        ("made on another device", completed(device_id="phone")),
        ("an authentication claim, older than the question", strong_proof(seconds_ago=200)),
    ],
)
def test_what_does_not_settle_the_models_question(why: str, proof: Proof) -> None:
    """Each proof falls short for its own reason."""
    event = an_event(network={"asn": 64496}, device={"id": "laptop"})

    assert judged(event, trust=DOUBTED, standing=ASKED, proofs=[proof]).ruling == "step_up", why


def test_a_cookie_stolen_after_a_second_factor_does_not_pass_the_floors() -> None:
    """The owner's fresh time, on another network than the session began on, is worth nothing."""
    event = an_event(category="approve_payment")
    moved = {"asn_changed_in_session": 1.0}

    assert judged(event, proofs=[strong_proof()], features=moved).ruling == "step_up"


def test_after_a_step_up_on_a_doubted_session_the_lifetime_is_short() -> None:
    """The elevation helps, and ends soon."""
    lifetime = judged(an_event(), trust=DOUBTED, standing=ASKED, proofs=[completed()]).lifetime

    assert lifetime is not None and (lifetime.seconds, lifetime.limited_by) == (900, "step_up")


def test_no_lifetime_outlasts_the_assurance_level() -> None:
    """At AAL3 twelve hours after signing in are the end (SP 800-63B-4)."""
    event = an_event(authentication={"aal": 3, "time": NOW - timedelta(hours=11, minutes=59)})
    lifetime = judged(event).lifetime

    assert lifetime is not None and (lifetime.seconds, lifetime.limited_by) == (60, "assurance")


# Remedies -----------------------------------------------------------------------------------------------------------

MACHINES_REMEDIES: set[RemedyType] = {
    "attest_workload_identity",
    "refresh_token",
    "jit_credential",
    "intent_authorization",
    "owner_approval",
}


@pytest.mark.parametrize(("kind", "category"), [*product(("service_account", "workload", "agent"), get_args(Category))])
def test_a_machine_is_never_asked_for_a_persons_factor(kind: str, category: str) -> None:
    """And whenever it is asked, there is something it can do."""
    decision = judged(an_event(kind, category), trust=DOUBTED)
    offered = {remedy.type for remedy in decision.remedies}

    assert offered <= MACHINES_REMEDIES and offered and decision.wire()["challenge"] is None


def test_a_person_is_challenged_as_rfc_9470_says() -> None:
    """The header can be passed on as it is."""
    challenge = judged(an_event(category="approve_payment")).wire()["challenge"]

    assert challenge == (
        'Bearer error="insufficient_user_authentication", '
        'error_description="A different authentication level is required", '
        'acr_values="urn:session-trust:aal2 urn:session-trust:aal3", max_age="300"'
    )


def test_restricted_assets_ask_for_a_factor_that_cannot_be_relayed() -> None:
    """Codes from a phone do not do."""
    event = an_event(category="export", resource={"sensitivity": "restricted"})

    assert judged(event).remedies[0].details["amr_values"] == ["hwk", "pop", "sc"]


def test_an_agents_irreversible_action_needs_its_owner() -> None:
    """First of all remedies."""
    decision = judged(an_event("agent", "change_security_setting", action={"reversible": False}))

    assert decision.remedies[0].type == "owner_approval"


def test_an_automation_asked_too_often_gets_intent_authorisation() -> None:
    """Not one more prompt of the same kind."""
    decision = judged(an_event("workload", "rotate_secret"), standing=SessionState(prompts_in_window=5))

    assert decision.remedies[0].type == "intent_authorization"


# What no score can lower --------------------------------------------------------------------------------------------


def random_event(rng: np.random.Generator, category: str) -> Event:
    def maybe(*values: Any) -> Any:
        return None if rng.random() < 0.3 else values[int(rng.integers(len(values)))]

    return an_event(
        str(rng.choice(KINDS)),
        category,
        action={"impact": maybe("low", "medium", "high"), "reversible": maybe(True, False)},
        resource={"sensitivity": maybe("public", "internal", "confidential", "restricted"), "type": maybe("a", "b")},
        network={"asn": maybe(64496, 64497), "anonymizer": maybe(True, False), "reputation": maybe(0.0, 1.0)},
        device={"id": maybe("laptop"), "compliant": maybe(True, False), "managed": maybe(True, False)},
        credential={"kind": maybe("access_key", "session_cookie", "oauth_token"), "privileged": maybe(True, False)},
    )


def stale_proofs(rng: np.random.Generator) -> list[Proof]:
    stale = [
        strong_proof(seconds_ago=float(rng.uniform(3_601, 90_000))),
        attestation(seconds_ago=float(rng.uniform(3_601, 90_000))),
        strong_proof(amr=("rba",)),
        strong_proof(amr=("pwd",)),
        completed(expires_at=ago(1)),
    ]
    return [proof for proof in stale if rng.random() < 0.5]


def test_no_privileged_action_without_fresh_proof_is_ever_allowed() -> None:
    """Two thousand random requests and histories, the model forced to full trust, or broken."""
    rng = np.random.default_rng(20260302)
    allowed: list[tuple[str, Decision]] = []
    for number in range(2_000):
        category = PRIVILEGED[number % len(PRIVILEGED)]
        features = {name: float(rng.choice([math.nan, 0.0, 1.0, rng.normal(0, 100)])) for name in feature_names()}
        trust = (TrustCurve(-40.0, (0.0,) * 4), None, TrustCurve(math.nan, (0.0,) * 4))[0 if number % 4 else number % 3]
        standing = SessionState(challenged_at={"earlier": ago(9)}, valid_until=NOW + timedelta(hours=1))
        decision = judged(
            random_event(rng, category), trust=trust, features=features, proofs=stale_proofs(rng), standing=standing
        )
        if decision.ruling == "allow":
            allowed.append((category, decision))

    assert allowed == []


def test_less_trust_is_never_less_strict_and_more_proof_never_stricter() -> None:
    """Over random requests, in both directions."""
    rng = np.random.default_rng(7)
    strictness = ("allow", "step_up", "deny").index
    wrong = []
    for number in range(500):
        event = random_event(rng, get_args(Category)[number % len(get_args(Category))])
        features = {name: float(rng.choice([math.nan, 0.0, 1.0])) for name in feature_names()}
        rulings = [
            strictness(judged(event, trust=TrustCurve(x, (0.0,) * 4), features=features).ruling) for x in (-9, -1, 1, 5)
        ]
        proven = judged(event, trust=TRUSTED, features=features, proofs=[PROOF_OF[event.identity.type]]).ruling
        if rulings != sorted(rulings) or strictness(proven) > rulings[0]:
            wrong.append(event)

    assert wrong == []


def test_caching_is_for_harmless_looks_only() -> None:
    """A decision answers one request; only an allow of a low-impact read may be reused, and briefly."""
    answers = [
        judged(an_event(category=c, resource={"sensitivity": s}))
        for c, s in product(["read", "write"], ["internal", "restricted"])
    ]

    assert [a.cache_seconds for a in answers] == [POLICY.cache_seconds, 0, 0, 0]
