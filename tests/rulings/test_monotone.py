"""More floors, less proof, more sensitivity and less trust never make a ruling less strict."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.decisions import POLICY, ago
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
    """With a floor, a ruling is at least as strict as without it."""
    without = POLICY.model_copy(update={"floors": tuple(each for each in POLICY.floors if each != floor)})

    assert strictness(request.decide()) >= strictness(request.decide(without))


@many
@given(requests())
def test_less_proof_is_never_less_strict(request: Request) -> None:
    """Whichever proof is left out."""
    ruling = strictness(request.decide())
    fewer = [request.proofs[:index] + request.proofs[index + 1 :] for index in range(len(request.proofs))]

    assert [proofs for proofs in fewer if strictness(request.decide(proofs=proofs)) < ruling] == []


def with_sensitivity(event: Event, sensitivity: str) -> Event:
    return event.model_copy(update={"resource": event.resource.model_copy(update={"sensitivity": sensitivity})})


@many
@given(requests())
def test_more_sensitivity_is_never_less_strict(request: Request) -> None:
    """From public to restricted, at the same threshold."""
    rulings = [strictness(request.decide(event=with_sensitivity(request.event, each))) for each in SENSITIVITIES]

    assert rulings == sorted(rulings)


@many
@given(requests())
def test_less_trust_is_never_less_strict(request: Request) -> None:
    """From full trust to hardly any."""
    rulings = [strictness(request.decide(trust=TrustCurve(odds, (0.0,) * 4))) for odds in (-9, -1, -0.3, 0.3, 1, 3, 6)]

    assert rulings == sorted(rulings)


def stronger(proof: Proof) -> list[Proof]:
    """The same proof with another factor, a higher level, a stronger acr, or made later."""
    return [
        replace(proof, amr=(*proof.amr, "hwk")) if proof.amr else proof,
        replace(proof, aal=3) if proof.aal else proof,
        replace(proof, acr="urn:session-trust:aal3") if proof.acr else proof,
        replace(proof, made_at=max(proof.made_at, ago(1))) if proof.made_at <= ago(0) else proof,
    ]


@many
@given(requests())
def test_stronger_proof_is_never_stricter(request: Request) -> None:
    """Whichever proof is strengthened, and in whichever way."""
    ruling = strictness(request.decide())
    strengthened = [
        (*request.proofs[:index], better, *request.proofs[index + 1 :])
        for index, proof in enumerate(request.proofs)
        for better in stronger(proof)
    ]

    assert [proofs for proofs in strengthened if strictness(request.decide(proofs=proofs)) > ruling] == []
