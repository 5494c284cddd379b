"""Trust that is low only since something was withheld asks for proof; it never denies, nor narrows the factors."""

from __future__ import annotations

import pytest
from support.decisions import NOW, POLICY, VERSIONS, WELL_KNOWN, an_event, strong_proof

from features.model.trust_curve import TrustCurve
from serving.decision.decision import Decision, decide
from serving.decision.inputs import SessionState
from serving.decision.readings import Readings

HOPELESS, DOUBTFUL, FINE = (TrustCurve(odds, (0.0,) * 4) for odds in (9.0, 2.0, -9.0))


def decision(trust: TrustCurve, as_sent: TrustCurve | None, kind: str = "human", amr: tuple[str, ...] = ()) -> Decision:
    return decide(
        Readings(an_event(kind)),
        WELL_KNOWN,
        trust,
        None,
        POLICY,
        [strong_proof(amr=amr)] if amr else [],
        SessionState(challenged_at={}),
        id="decision",
        at=NOW,
        threshold=0.6,
        versions=VERSIONS,
        as_sent=as_sent,
    )


@pytest.mark.parametrize("kind", ["human", "workload", "service_account", "agent"])
def test_withholding_leads_to_a_step_up_and_never_to_a_denial(kind: str) -> None:
    """A trust as low as it was sent denies; one that is low by a stand-in asks."""
    assert decision(HOPELESS, HOPELESS, kind).ruling == "deny"
    assert decision(HOPELESS, FINE, kind).ruling == "step_up"


def test_withholding_does_not_narrow_the_factors() -> None:
    """Factors that can be relayed count as before; a trust that low as sent takes phishing-resistant ones only."""
    withheld, as_it_was_sent = (decision(DOUBTFUL, sent).remedies[0] for sent in (FINE, DOUBTFUL))

    assert ["pwd", "otp"] in withheld.details["amr_combinations"]
    assert ["pwd", "otp"] not in as_it_was_sent.details["amr_combinations"]


def test_a_trust_as_sent_that_is_lower_changes_nothing() -> None:
    """The higher of both is what denial follows, so an answer is never stricter than either of them."""
    assert decision(FINE, HOPELESS).ruling == "allow"
