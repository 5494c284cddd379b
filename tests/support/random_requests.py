"""Random requests for property tests: events, features, proofs, session states and trust."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, get_args

from hypothesis import strategies as st
from support.decisions import NOW, POLICY, ago, an_event, decide_on

from features.event.schema import Category, CredentialKind, Event, IdentityType
from features.model.trust_curve import TrustCurve
from serving.decision.decision import Decision
from serving.decision.inputs import Proof, SessionState
from serving.decision.places.place import Habits, KnownPlaces
from serving.policy.rules import FACTS
from serving.policy.schema import Policy

SENSITIVITIES = ("public", "internal", "confidential", "restricted")
AMR = ("pwd", "otp", "sms", "mfa", "swk", "hwk", "pop", "rba")
ACRS = (None, *POLICY.acr_levels, "urn:of:somebody:else")
SIGNALS = {
    "credential_exposed": (0.0, 1.0),
    "credential_age_days": (1.0, 400.0),
    "credential_environment_mismatch": (0.0, 1.0),
    "credential_instances_last_hour": (1.0, 3.0),
    "person_like_client": (0.0, 1.0),
    "entitlements_unused_share": (0.1, 0.95),
    "travel_km_per_hour": (10.0, 5000.0),
    "asn_changed_in_session": (0.0, 1.0),
    "device_changed_in_session": (0.0, 1.0),
}
"""The features that rulings read, each with a harmless value and one that signals danger."""


def maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from((None, *values))


@dataclass(frozen=True)
class Request:
    """Everything a decision depends on."""

    event: Event
    features: Mapping[str, float]
    trust: TrustCurve | None
    threshold: float
    proofs: tuple[Proof, ...]
    session: SessionState

    def decide(self, policy: Policy = POLICY, **changes: Any) -> Decision:
        """The decision on this request, with some fields changed."""
        values = {name: changes.pop(name, getattr(self, name)) for name in self.__dataclass_fields__}
        return decide_on(values.pop("event"), policy=policy, **values, **changes)


@st.composite
def events(draw: st.DrawFn) -> Event:
    authenticated = draw(st.booleans())
    return an_event(
        draw(st.sampled_from(get_args(IdentityType))),
        draw(maybe(*get_args(Category))),
        identity={"role": draw(maybe("admin", "clerk"))},
        action={"reversible": draw(maybe(True, False)), "impact": draw(maybe("low", "high"))},
        resource={"type": draw(maybe("a")), "sensitivity": draw(maybe(*SENSITIVITIES)), "id": draw(maybe("r"))},
        network={
            "asn": draw(maybe(64496)),
            "ip": draw(maybe("203.0.113.7")),
            "anonymizer": draw(maybe(True, False)),
            "reputation": draw(maybe(0.1, 0.9)),
        },
        device={
            "id": draw(maybe("laptop")),
            "user_agent": draw(maybe("curl/8.4.0")),
            "compliant": draw(maybe(True, False)),
        },
        credential={"kind": draw(maybe(*get_args(CredentialKind))), "privileged": draw(maybe(True, False))},
        authentication={"aal": draw(maybe(1, 2, 3)), "time": ago(draw(st.integers(0, 200_000)))}
        if authenticated
        else {},
    )


@st.composite
def some_features(draw: st.DrawFn) -> dict[str, float]:
    signals = {name: draw(st.sampled_from((math.nan, *values))) for name, values in SIGNALS.items()}
    return signals | {"context_known_fraction": draw(st.sampled_from((math.nan, 0.1, 0.8)))}


@st.composite
def some_proofs(draw: st.DrawFn) -> Proof:
    kind = draw(
        st.sampled_from(["interactive_mfa", *(rule.type for rule in POLICY.remedies["workload"]), "owner_approval"])
    )
    made_at = ago(draw(st.integers(-10, 5_000)))
    return Proof(
        made_at,
        kind,
        draw(st.sampled_from(ACRS)),
        tuple(draw(st.lists(st.sampled_from(AMR), max_size=2, unique=True))),
        draw(maybe(1, 2, 3)),
        expires_at=made_at + timedelta(seconds=600) if draw(st.booleans()) else None,
        source=draw(st.sampled_from(("claim", "step_up"))),
    )


def habits() -> st.SearchStrategy[Habits]:
    """What a caller habitually says, or does not, or of which nobody knows."""
    known = st.sampled_from((True, False, None))
    return st.builds(Habits, known, known, known, known)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request of any kind, with any trust and any proof."""
    odds = draw(st.floats(-12.0, 6.0))
    session = SessionState(
        valid_until=draw(st.sampled_from((None, ago(1), ago(-900)))),
        prompts_in_window=draw(st.integers(0, 9)),
        challenged_at=draw(st.sampled_from(({}, {"earlier": ago(1_000)}))),
        last_seen=draw(st.sampled_from((None, ago(60), ago(2_000), ago(10_000)))),
        places=KnownPlaces(draw(habits()), draw(st.booleans())),
    )
    return Request(
        draw(events()),
        draw(some_features()),
        TrustCurve(odds, (0.0,) * 4) if draw(st.integers(0, 9)) else None,
        draw(st.sampled_from((0.3, 0.6, 0.9))),
        tuple(draw(st.lists(some_proofs(), max_size=2))),
        session,
    )


assert set(SIGNALS) <= set(FACTS)
__all__ = ["NOW", "SENSITIVITIES", "Request", "requests", "some_proofs"]
