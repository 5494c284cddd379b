"""No rule added, no proof withheld, no sensitivity raised and no trust lost ever makes a ruling less strict."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.judging import POLICY, ago
from support.random_requests import SENSITIVITIES, Request, requests

from features.event.schema import Event
from features.model.trust_curve import TrustCurve
from serving.decision.decision import Decision
from serving.decision.inputs import Proof

many = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


def strictness(decision: Decision) -> int:
    return ("allow", "step_up", "deny").index(decision.ruling)


@many
@given(requests(), st.sampled_from(POLICY.floors))
def test_a_floor_only_adds(request: Request, floor: object) -> None:
    """With a floor the ruling is at least as strict as without it."""
    without = POLICY.model_copy(update={"floors": tuple(each for each in POLICY.floors if each != floor)})

    assert strictness(request.ruled()) >= strictness(request.ruled(without))


@many
@given(requests())
def test_less_proof_is_never_less_strict(request: Request) -> None:
    """Whichever proof is withheld."""
    ruled = strictness(request.ruled())
    fewer = [request.proofs[:place] + request.proofs[place + 1 :] for place in range(len(request.proofs))]

    assert [proofs for proofs in fewer if strictness(request.ruled(proofs=proofs)) < ruled] == []


def of(event: Event, sensitivity: str) -> Event:
    return event.model_copy(update={"resource": event.resource.model_copy(update={"sensitivity": sensitivity})})


@many
@given(requests())
def test_what_is_more_sensitive_is_never_less_strict(request: Request) -> None:
    """From public to restricted, at the same threshold."""
    rulings = [strictness(request.ruled(event=of(request.event, each))) for each in SENSITIVITIES]

    assert rulings == sorted(rulings)


@many
@given(requests())
def test_less_trust_is_never_less_strict(request: Request) -> None:
    """From hardly any doubt to hardly any trust."""
    rulings = [strictness(request.ruled(trust=TrustCurve(odds, (0.0,) * 4))) for odds in (-9, -1, -0.3, 0.3, 1, 3, 6)]

    assert rulings == sorted(rulings)


def stronger(proof: Proof) -> list[Proof]:
    """The same proof with one more factor, a higher level, a better acr, or made later."""
    return [
        replace(proof, amr=(*proof.amr, "hwk")) if proof.amr else proof,
        replace(proof, aal=3) if proof.aal else proof,
        replace(proof, acr="urn:session-trust:aal3") if proof.acr else proof,
        replace(proof, made_at=max(proof.made_at, ago(1))) if proof.made_at <= ago(0) else proof,
    ]


@many
@given(requests())
def test_stronger_proof_is_never_stricter(request: Request) -> None:
    """Whichever proof is strengthened in whichever way."""
    ruled = strictness(request.ruled())
    better = [
        (*request.proofs[:place], each, *request.proofs[place + 1 :])
        for place, proof in enumerate(request.proofs)
        for each in stronger(proof)
    ]

    assert [proofs for proofs in better if strictness(request.ruled(proofs=proofs)) > ruled] == []
