"""Random requests of every kind, with values on both sides of every limit that rules have.

The values are plain, as in JSON and in a policy file; nothing here knows how a ruling is made.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, cast, get_args

from features.event.schema import Category, CredentialKind, Environment, IdentityType, Impact, Sensitivity
from scripts.floor_proof.known_names import NAMES
from scripts.floor_proof.random_places import random_place

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AGES = (-3600, -6, -5, -1, 0, 1, 59, 299, 300, 301, 599, 600, 601, 899, 900, 901, 3599, 3600, 3601, 43_201, 90_000)
"""Ages of proofs in seconds: on both sides of every age a policy is likely to name, and from the future."""
FACTORS = (
    "pwd",
    "pin",
    "kba",
    "rba",
    "otp",
    "sms",
    "swk",
    "face",
    "mfa",
    "hwk",
    "pop",
    "sc",
    "wia",
    "user",
    "fido",
    "rsa",
    "email",
)
"""Factors of RFC 8176 of every category, values that are no factor, and values that the RFC does not know."""
TRUSTS = (math.nan, math.inf, -math.inf, -30.0, -12.0, -2.0, -0.5, 0.0, 0.5, 2.0, 5.0, 30.0)
"""Log-odds of compromise that a model may give, valid or not."""
LOWEST = (0.01, 0.04, 0.2, 0.59, 0.6, 0.99)
"""The lowest trust at what is new, on both sides of thresholds and of where only some factors count."""
FACTS: dict[str, tuple[float, ...]] = {
    "asn_changed_in_session": (0.0, 1.0),
    "agent_changed_in_session": (0.0, 1.0),
    "device_changed_in_session": (0.0, 1.0),
    "context_known_fraction": (0.8, 0.2, 0.1, 0.0),
    "credential_age_days": (0.0, 90.0, 90.1, 4_000.0),
    "credential_environment_mismatch": (0.0, 1.0),
    "credential_exposed": (0.0, 1.0),
    "credential_instances_last_hour": (1.0, 2.0),
    "entitlements_unused_share": (0.0, 0.9, 0.95),
    "person_like_client": (0.0, 1.0),
    "travel_km_per_hour": (0.0, 1_000.0, 1_000.1, 90_000.0),
}
"""Features that floors read: the harmless value first, then values on both sides of their limits."""


@dataclass(frozen=True)
class Request:
    """One request with everything that is known about it."""

    event: dict[str, Any]
    assured: bool
    """Whether its caller may assert facts."""
    fixed_type: str | None
    """The identity's type, where somebody fixed it."""
    declared_types: tuple[str, ...]
    """The types that were declared for the identity before."""
    session_intent: str | None
    """The authorization details that the session declared before."""
    features: dict[str, float]
    proofs: tuple[dict[str, Any], ...]
    log_odds: float | None
    """What the model gives; None when it failed."""
    hazards: tuple[float, float, float, float]
    threshold: float | None
    challenged_at: dict[str, datetime]
    """When earlier decisions asked for proof, by decision id."""
    valid_until: datetime | None
    revoked: bool
    prompts: int
    failed_step_ups: int
    habits: dict[str, bool | None]
    """Whether the caller habitually says network, device and client of the identity; None where nobody knows."""
    proven_network: bool
    """Whether the identity has proven itself on this network with this device lately."""
    lowest: dict[str, float] | None
    """The lowest trust where the request comes from, with and without stand-ins, while that is new to the identity."""
    session_revoked_at: datetime | None
    """When another session of the identity was revoked."""


class Draw:
    """Draws the values of one request, which is unusual to a degree that is drawn as well."""

    def __init__(self, rng: Random) -> None:
        self.rng, self.unusual = rng, rng.choice((0.03, 0.2, 0.7))

    def mostly(self, harmless: Any, *others: Any) -> Any:
        """The harmless value, or in the unusual share of draws any of the values."""
        return self.rng.choice((harmless, *others)) if self.rng.random() < self.unusual else harmless

    def any(self, *values: Any) -> Any:
        """One of the values, all equally likely."""
        return self.rng.choice(values)


def draw_request(rng: Random) -> Request:
    """One request; a generator of the same seed gives the same one."""
    draw = Draw(rng)
    event = _event(draw)
    return Request(
        event=event,
        assured=draw.any(True, False),
        fixed_type=draw.mostly(None, *get_args(IdentityType)),
        declared_types=draw.mostly((), ("human",), ("workload",), ("human", "agent")),
        session_intent=json.dumps([_detail(draw)]) if draw.any(True, False) else None,
        features={name: draw.mostly(*values, math.nan) for name, values in FACTS.items()},
        proofs=tuple(_proof(draw, event) for _ in range(draw.any(0, 1, 1, 2))),
        log_odds=draw.mostly(-12.0, None, *TRUSTS),
        hazards=draw.mostly((0.0,) * 4, (0.001, 0.01, 0.02, 0.05), (math.nan,) * 4, (2.0, 0.0, 0.0, 0.0)),
        threshold=draw.mostly(0.6, None, math.nan, 0.05, 0.3, 0.999),
        challenged_at={"earlier": _ago(draw)} if draw.any(True, False) else {},
        valid_until=draw.mostly(None, _ago(draw)),
        revoked=draw.mostly(False, False, False, True),
        prompts=draw.mostly(0, 4, 5, 50),
        failed_step_ups=draw.mostly(0, 1, 4, 5, 50),
        habits={part: draw.any(True, draw.mostly(True, False, None)) for part in ("network", "device", "client")},
        proven_network=draw.mostly(False, True),
        lowest=draw.mostly(None, {"trust": draw.any(*LOWEST), "trust_as_sent": draw.any(*LOWEST)}),
        session_revoked_at=draw.mostly(None, _ago(draw)),
    )


def _event(draw: Draw) -> dict[str, Any]:
    return {
        "time": NOW,
        "identity": {
            "id": draw.mostly("ada", "bot", "boss", "chief"),
            "type": draw.any(*get_args(IdentityType)),
            "role": draw.mostly(
                "analyst",
                None,
                "Administrator",
                "root",
                " OWNER ",
                "\uff32oot",
                "ro\u200bot",
                "x-AdministratorAccess-7",
                "SuperAdmin",
                "cluster-admin",
                "CORP\\Domain Admins",
                "arn:aws:iam::123456789012:root",
                "roles/owner",
                "product owner",
                "badminton",
                "\u0430dmin",
            ),
        },
        "session": {"id": draw.mostly("s1", None), "intent": _intent(draw)},
        "action": {
            "name": draw.mostly("service:Do", *NAMES),
            "category": draw.any(None, *get_args(Category)),
            "reversible": draw.mostly(True, None, False),
            "impact": draw.any(None, *get_args(Impact)),
        },
        "resource": {
            "id": draw.any("r1", draw.mostly("r1", None, "r2")),
            "type": draw.mostly("invoice", None, "bucket"),
            "sensitivity": draw.any(None, *get_args(Sensitivity)),
            "environment": draw.mostly(None, *get_args(Environment)),
        },
        **(place := random_place(draw, NOW)),
        "device": place["device"] | {"compliant": draw.mostly(True, None, False)},
        "credential": {
            **place["credential"],
            "kind": draw.any(None, *get_args(CredentialKind)),
            "exposed": draw.mostly(False, None, True),
            "privileged": draw.mostly(False, None, True),
        },
    }


def _intent(draw: Draw) -> str | None:
    """A session's intent: none, free text, invalid authorization details, or valid ones."""
    invalid = (
        "answer mail",
        "[answer mail]",
        " \ufeff[{",
        '{"type": "agent_action"}',
        "{}",
        "[]",
        "[1]",
        '[{"actions": ["write"]}]',
        '[{"type": 1}]',
    )
    details = json.dumps([_detail(draw) for _ in range(draw.any(1, 1, 2))])
    return cast("str | None", draw.any(None, details, draw.any(*invalid)))


def _detail(draw: Draw) -> dict[str, Any]:
    """An authorization detail that nearly covers the request."""
    detail = {
        "type": draw.mostly("agent_action", "payment"),
        "actions": draw.any(["service:Do"], draw.rng.sample(get_args(Category), 5), draw.mostly(["read", "write"], [])),
        "locations": draw.any(["r1", "r2"], draw.mostly([], ["r2"])),
        "datatypes": draw.any(None, ["invoice"], ["bucket", "invoice"]),
        "identifier": draw.mostly(None, "r1", "r2"),
        "privileges": draw.mostly(None, ["analyst"], ["root", "Administrator"]),
        "amount": draw.mostly(None, 12),
    }
    return {member: value for member, value in detail.items() if value is not None}


def _scope(draw: Draw, event: dict[str, Any]) -> str:
    """The scope of a credential that nearly covers the request."""
    kind, category = event["resource"]["type"], event["action"]["category"] or "write"
    target = draw.mostly(kind or "*", "*", "invoice", "bucket", f"{kind}/r1", f"{kind}/r2", "", "None", "None/None")
    return cast("str", draw.mostly(f"{category}:{target}", f"write:{target}", f"*:{target}", "*", target, category))


def _proof(draw: Draw, event: dict[str, Any]) -> dict[str, Any]:
    human = event["identity"]["type"] == "human"
    former = ("attestation", "refresh", "intent")
    machines = ("attest_workload_identity", "jit_credential", "refresh_token", "intent_authorization", "owner_approval")
    usual = ("interactive_mfa",) if human else machines
    expires_at = NOW + timedelta(seconds=draw.any(1, 600))
    return {
        "made_at": _ago(draw),
        "kind": draw.mostly(draw.any(*usual), "interactive_mfa", "authentication", *machines, *former),
        "acr": draw.mostly(
            None,
            *(f"urn:session-trust:aal{level}" for level in (1, 2, 3)),
            "urn:unheard-of",
            "urn:okta:loa:2fa:any",
            "1",
        ),
        "amr": draw.mostly(("pwd", "hwk"), ("pwd", "otp"), tuple(draw.rng.sample(FACTORS, draw.rng.randrange(4)))),
        "aal": draw.mostly(None, 1, 2, 3),
        "scope": draw.mostly(
            None,
            ("write", None),
            (event["action"]["category"], None),
            (event["action"]["category"], event["resource"]["type"]),
        ),
        "expires_at": draw.any(expires_at, draw.mostly(None, NOW)),
        "decision_id": draw.mostly(None, "earlier", "unheard-of"),
        "source": draw.any("claim", "step_up"),
        "made": draw.mostly(random_place(draw, NOW), None),
        "same_request": draw.mostly(False, True),
        "trust_at_completion": draw.mostly(None, 0.2, 0.9),
        "granted": tuple(_scope(draw, event) for _ in range(draw.mostly(1, 0, 2))),
        "task": [_detail(draw) for _ in range(draw.mostly(1, 0, 2))],
    }


def _ago(draw: Draw) -> datetime:
    return NOW - timedelta(seconds=draw.mostly(30, *AGES))
