"""Random events for tests: every field sometimes unknown, few distinct values, many ties in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import numpy as np

from features.event.schema import (
    Category,
    CredentialKind,
    Environment,
    Event,
    IdentityType,
    Impact,
    Outcome,
    Sensitivity,
)

START = datetime(2026, 1, 5, tzinfo=UTC)
AGENTS = (
    "aws-cli/2.15.30 Python/3.11.8 Linux/5.10 botocore/2.4.5",
    "aws-cli/1.18.136 Python/3.8.5 Darwin/19.6.0 botocore/1.17.59",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "Boto3/1.34 md/Botocore#1.34 ua/2.0 os/linux#5.10 lang/python#3.11",
)
ACTIONS = ("iam:CreateAccessKey", *(f"service:Operation{number}" for number in range(1, 50)))
"""One of them is an action that attackers were seen using."""


def random_events(count: int, seed: int, identities: int = 40, hours: float = 480.0) -> list[Event]:
    """Events of made-up identities in no particular order, ties in time among them."""
    rng = np.random.default_rng(seed)
    fits = np.random.default_rng((seed, 1))
    return [
        Event.model_validate(_event(rng, place, identities, hours) | {"task_fit": _task_fit(fits)})
        for place in range(count)
    ]


def _task_fit(rng: np.random.Generator) -> dict[str, Any]:
    """What is measured of an agent's call; drawn by itself, so that the other fields of an event stay as they were."""
    if rng.random() < 0.5:
        return {}
    in_task, in_output = rng.dirichlet((1.0, 1.0, 1.0))[:2].tolist()
    outside = int(rng.integers(4))
    with_output = rng.random() < 0.7
    return {
        "similarity": float(rng.random()),
        "arguments_in_task": in_task,
        "arguments_in_output": in_output if with_output else None,
        "entities_outside_task": outside,
        "entities_from_output": int(rng.integers(outside + 1)) if with_output else None,
    }


def _event(rng: np.random.Generator, place: int, identities: int, hours: float) -> dict[str, Any]:
    def maybe(*values: Any) -> Any:
        return None if rng.random() < 0.15 else values[int(rng.integers(len(values)))]

    time = START + timedelta(seconds=int(rng.integers(0, int(hours * 3600))), milliseconds=500 * int(rng.integers(2)))
    number = int(rng.integers(identities))
    return {
        "id": maybe(f"event-{place}"),
        "time": time,
        "identity": {
            "id": f"identity-{number}",
            "type": get_args(IdentityType)[number % 4],
            "entitlements_granted": maybe(0, 5, 40),
            "entitlements_used_90d": maybe(0, 3, 50),
        },
        "session": {
            "id": maybe(*(f"session-{i}" for i in range(5))),
            "started_at": maybe(time - timedelta(hours=1)),
            "intent": maybe("book a trip", "answer mail"),
        },
        "action": {
            "name": ACTIONS[int(rng.integers(50))],
            "category": maybe(*get_args(Category)),
            "impact": maybe(*get_args(Impact)),
            "outcome": maybe("success", "success", "success", *get_args(Outcome)),
        },
        "resource": {
            "id": maybe(*(f"resource-{i}" for i in range(30))),
            "type": maybe("bucket", "user"),
            "sensitivity": maybe(*get_args(Sensitivity)),
            "environment": maybe(*get_args(Environment)),
        },
        "network": {
            "ip": maybe("203.0.113.7", "198.51.100.9", "2001:db8::1", "08.1.250.216", "ec2.amazonaws.com"),
            "asn": maybe(64496, 64497, 64498),
            "country": maybe("DE", "FR", "BR"),
            "latitude": maybe(-90.0, 0.0, 52.5),
            "longitude": maybe(-180.0, 0.0, 13.4),
            "hosting": maybe(True, False),
            "anonymizer": maybe(True, False),
            "reputation": maybe(0.0, 0.25, 1.0),
        },
        "device": {
            "id": maybe("laptop", "phone", "i-0123"),
            "managed": maybe(True, False),
            "compliant": maybe(True, False),
            "user_agent": maybe(*AGENTS),
        },
        "authentication": {
            "amr": maybe((), ("rba",), ("pwd",), ("pwd", "otp"), ("hwk",)),
            "time": maybe(time - timedelta(minutes=5), time + timedelta(minutes=5)),
            "aal": maybe(1, 2, 3),
        },
        "credential": {
            "id": maybe("key-1", "key-2"),
            "kind": maybe(*get_args(CredentialKind)),
            "issued_at": maybe(time - timedelta(days=200)),
            "expires_at": maybe(time + timedelta(days=1)),
            "scope": maybe((), ("a", "b"), ("*",)),
            "exposed": maybe(True, False),
            "environment": maybe(*get_args(Environment)),
        },
    }
