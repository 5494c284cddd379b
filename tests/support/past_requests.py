"""A past to ask about: requests that a real engine ruled on in a replay's own space, with step-ups completed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from support.live_server import in_force_here, settings_of
from support.recorded_decisions import START
from support.small_champion import small_model

from features.event.schema import Event
from features.model.bundle import TrustModel
from serving.contracts.requests import ScoreRequest, StepUpProof, StepUpRequest
from serving.decision.jit_scopes import wanted
from serving.engine.writer import Engine
from serving.model.explainer import Explainer
from serving.policy.schema import ProofKind
from serving.store.api_keys import SCOPES, Caller
from serving.store.store import Store

SPACE = "replay:past"
CALLER = Caller("test", frozenset(SCOPES))


KINDS = ("human", "service_account", "workload", "agent")
CATEGORIES = ("read", "read", "list", "write", "export", "manage_access")


@cache
def explained() -> Explainer:
    """The small champion as version 1, whichever process asks."""
    return Explainer(replace(small_model(), version="1"))


def versioned() -> TrustModel:
    """The same, to be judged by."""
    return explained().model


def events(count: int, seed: int = 5) -> list[Event]:
    """Ordinary requests a minute apart; now and then from another network, or for what floors guard."""
    rng = np.random.default_rng(seed)
    return [_event(rng, place) for place in range(count)]


def _event(rng: np.random.Generator, place: int) -> Event:
    number, elsewhere = int(rng.integers(12)), rng.random() < 0.2
    kind, time = KINDS[number % 4], START + timedelta(minutes=place)
    signed_in = {} if rng.random() < 0.5 else {"amr": ["pwd", "otp"], "time": time - timedelta(minutes=4), "aal": 2}
    return Event.model_validate(
        {
            "id": f"e{place}",
            "time": time,
            "identity": {"id": f"identity-{number}", "type": kind},
            "session": {"id": None if rng.random() < 0.1 else f"session-{number}-{place // 60}"},
            "action": {"name": "files:Do", "category": CATEGORIES[int(rng.integers(6))], "impact": "low"},
            "resource": {"id": "r1", "type": "document", "sensitivity": "internal", "environment": "production"},
            "network": {"ip": "192.0.2.7", "asn": 64497 if elsewhere else 64496, "country": "DE", "anonymizer": False},
            "device": {"id": f"device-{number}", "compliant": True, "user_agent": "Boto3/1.34 os/linux"},
            "authentication": signed_in if kind == "human" else {},
            "credential": {"id": f"key-{number}", "kind": "oauth_token", "privileged": False, "exposed": False},
        }
    )


def lived(folder: Path, count: int = 100) -> Store:
    """A store in which so many requests were ruled on; every second challenge of a session was completed at once."""
    store = Store(settings_of(folder).database_url)
    store.migrate()
    engine = Engine(store, in_force_here(folder, champion=explained()))
    asked = 0
    for event in events(count):
        request = ScoreRequest(event=event, mode="replay", space="past")
        answer = engine.score(request, CALLER)
        if answer["ruling"] == "step_up" and event.session.id is not None:
            asked += 1
            if asked % 2:
                _complete(engine, answer["decision_id"], event)
    engine.close()
    return store


def _complete(engine: Engine, decision_id: str, event: Event) -> None:
    """As the identity provider of a person, or the issuer of a machine's credential, reports it."""
    made_at: datetime = event.time + timedelta(microseconds=1)
    human = event.identity.type == "human"
    lives: dict[str, Any] = {"scope": (wanted(event),), "expires_at": made_at + timedelta(minutes=10)}
    kind: ProofKind = "authentication" if human else "jit_credential"
    proof = StepUpProof(made_at=made_at, kind=kind, amr=("hwk",), **lives)
    engine.step_up(
        StepUpRequest(
            decision_id=decision_id,
            identity=event.identity.id,
            session=event.session.id,
            result="completed",
            proof=proof,
        )
    )
