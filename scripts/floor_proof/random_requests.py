"""Requests of every kind, drawn at random near the edges where rules begin and end.

Plain values only, as they stand in JSON and in a policy file; nothing here knows how a ruling is made.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, cast, get_args

from features.event.schema import Category, CredentialKind, Environment, IdentityType, Impact, Sensitivity

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AGES = (-3600, -6, -5, -1, 0, 1, 59, 299, 300, 301, 599, 600, 601, 899, 900, 901, 3599, 3600, 3601, 43_201, 90_000)
"""Of proofs, in seconds: on both sides of every age a policy is likely to name, and from the future."""
FACTORS = ("pwd", "pin", "kba", "rba", "otp", "sms", "swk", "mfa", "hwk", "pop", "sc", "unheard-of")
"""Of RFC 8176: knowledge, none at all, possession that can be relayed, possession that cannot."""
TRUSTS = (math.nan, math.inf, -math.inf, -30.0, -12.0, -2.0, -0.5, 0.0, 0.5, 2.0, 5.0, 30.0)
"""Log-odds of compromise a model may give, sound or not."""
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
    "speed_km_per_hour": (0.0, 1_000.0, 1_000.1, 90_000.0),
}
"""Features that floors read, the harmless value first, with values on both sides of what they ask."""


@dataclass(frozen=True)
class Request:
    """One request with everything that is known of it."""

    event: dict[str, Any]
    features: dict[str, float]
    proofs: tuple[dict[str, Any], ...]
    log_odds: float | None
    """What the model says; None where it failed."""
    hazards: tuple[float, float, float, float]
    threshold: float | None
    asked: dict[str, datetime]
    """When the store's earlier decisions asked for proof."""
    valid_until: datetime | None
    revoked: bool
    prompts: int


class Draw:
    """Values of one request: mostly the harmless one that comes first, the more often the less odd it is to be."""

    def __init__(self, rng: Random) -> None:
        self.rng, self.odd = rng, rng.choice((0.03, 0.2, 0.7))

    def of(self, harmless: Any, *others: Any) -> Any:
        """The harmless value, or any of them."""
        return self.rng.choice((harmless, *others)) if self.rng.random() < self.odd else harmless

    def any(self, *values: Any) -> Any:
        """One of them, all alike."""
        return self.rng.choice(values)


def drawn(rng: Random) -> Request:
    """One request; the same generator gives the same one."""
    draw = Draw(rng)
    event = _event(draw)
    return Request(
        event=event,
        features={name: draw.of(*values, math.nan) for name, values in FACTS.items()},
        proofs=tuple(_proof(draw, event) for _ in range(draw.any(0, 1, 1, 2))),
        log_odds=draw.of(-12.0, None, *TRUSTS),
        hazards=draw.of((0.0,) * 4, (0.001, 0.01, 0.02, 0.05), (math.nan,) * 4, (2.0, 0.0, 0.0, 0.0)),
        threshold=draw.of(0.6, None, math.nan, 0.05, 0.3, 0.999),
        asked={"earlier": _ago(draw)} if draw.any(True, False) else {},
        valid_until=draw.of(None, _ago(draw)),
        revoked=draw.of(False, False, False, True),
        prompts=draw.of(0, 4, 5, 50),
    )


def _event(draw: Draw) -> dict[str, Any]:
    return {
        "time": NOW,
        "identity": {
            "id": "ada",
            "type": draw.any(*get_args(IdentityType)),
            "role": draw.of("analyst", None, "Administrator", "root"),
        },
        "session": {"id": draw.of("s1", None), "intent": _intent(draw)},
        "action": {
            "name": draw.of("service:Do", "read", "write"),
            "category": draw.any(None, *get_args(Category)),
            "reversible": draw.of(True, None, False),
            "impact": draw.any(None, *get_args(Impact)),
        },
        "resource": {
            "id": draw.any("r1", draw.of("r1", None, "r2")),
            "type": draw.of("invoice", None, "bucket"),
            "sensitivity": draw.any(None, *get_args(Sensitivity)),
            "environment": draw.of(None, *get_args(Environment)),
        },
        "network": {
            "asn": draw.of(64_500, None, 64_501),
            "anonymizer": draw.of(False, None, True),
            "reputation": draw.of(0.0, None, 0.79, 0.8, 1.0),
        },
        "device": {"id": draw.of("d1", None, "d2"), "compliant": draw.of(True, None, False)},
        "credential": {
            "id": draw.of("c1", None),
            "kind": draw.any(None, *get_args(CredentialKind)),
            "exposed": draw.of(False, None, True),
            "privileged": draw.of(False, None, True),
        },
    }


def _intent(draw: Draw) -> str | None:
    """What a session says of its task: nothing, free text, what is no authorization details, or some."""
    unsound = ("answer mail", "[answer mail]", "{}", "[]", "[1]", '[{"actions": ["write"]}]', '[{"type": 1}]')
    details = json.dumps([_detail(draw) for _ in range(draw.any(1, 1, 2))])
    return cast("str | None", draw.any(None, details, draw.any(*unsound)))


def _detail(draw: Draw) -> dict[str, Any]:
    """An authorization detail, near to what is asked for."""
    detail = {
        "type": draw.of("agent_action", "payment"),
        "actions": draw.any(["service:Do"], draw.rng.sample(get_args(Category), 5), draw.of(["read", "write"], [])),
        "locations": draw.any(["r1", "r2"], draw.of([], ["r2"])),
        "datatypes": draw.any(None, ["invoice"], ["bucket", "invoice"]),
        "identifier": draw.of(None, "r1", "r2"),
        "privileges": draw.of(None, ["analyst"], ["root", "Administrator"]),
        "amount": draw.of(None, 12),
    }
    return {member: value for member, value in detail.items() if value is not None}


def _scope(draw: Draw, event: dict[str, Any]) -> str:
    """The scope of a credential, near to what is asked for."""
    kind, category = event["resource"]["type"], event["action"]["category"] or "write"
    what = draw.of(kind or "*", "*", "invoice", "bucket", f"{kind}/r1", f"{kind}/r2", "", "None", "None/None")
    return cast("str", draw.of(f"{category}:{what}", f"write:{what}", f"*:{what}", "*", what, category))


def _proof(draw: Draw, event: dict[str, Any]) -> dict[str, Any]:
    human = event["identity"]["type"] == "human"
    machines = ("attestation", "jit_credential", "refresh", "intent", "owner_approval")
    right = ("authentication",) if human else machines
    ends = NOW + timedelta(seconds=draw.any(1, 600))
    return {
        "made_at": _ago(draw),
        "kind": draw.of(draw.any(*right), "authentication", *machines),
        "acr": draw.of(None, *(f"urn:session-trust:aal{level}" for level in (1, 2, 3)), "urn:unheard-of"),
        "amr": draw.of(("pwd", "hwk"), ("pwd", "otp"), tuple(draw.rng.sample(FACTORS, draw.rng.randrange(4)))),
        "aal": draw.of(None, 1, 2, 3),
        "scope": draw.of(None, ("write", None), (event["action"]["category"], event["resource"]["type"])),
        "expires_at": draw.any(ends, draw.of(None, NOW)),
        "decision_id": draw.of(None, "earlier", "unheard-of"),
        "source": draw.any("claim", "step_up"),
        "network_asn": draw.of(None, 64_500, 64_501),
        "device_id": draw.of(None, "d1", "d2"),
        "trust_at_completion": draw.of(None, 0.2, 0.9),
        "granted": tuple(_scope(draw, event) for _ in range(draw.of(1, 0, 2))),
        "task": [_detail(draw) for _ in range(draw.of(1, 0, 2))],
    }


def _ago(draw: Draw) -> datetime:
    return NOW - timedelta(seconds=draw.of(30, *AGES))
