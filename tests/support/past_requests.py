"""Past requests for tests: a real engine decides simulated events in a replay's namespace."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from support.live_server import active_configuration, settings_of
from support.recorded_decisions import START
from support.small_champion import small_model

from features.event.schema import Event
from features.model.bundle import TrustModel
from serving.contracts.requests import ScoreRequest, StepUpProof, StepUpRequest
from serving.decision.jit_scopes import narrowest_scope
from serving.engine.writer import Engine
from serving.model.explainer import Explainer
from serving.policy.schema import ProofKind
from serving.scopes import SCOPES
from serving.store.api_keys import Caller
from serving.store.store import Store

NAMESPACE = "replay:past"
CALLER = Caller("test", frozenset(SCOPES))


KINDS = ("human", "service_account", "workload", "agent")
ACTIONS = (
    ("files:Get", "read"),
    ("files:Read", "read"),
    ("files:List", "list"),
    ("files:Put", "write"),
    ("files:Export", "export"),
    ("files:GrantRole", "manage_access"),
)


@cache
def small_explainer() -> Explainer:
    """The small champion as version 1."""
    return Explainer(replace(small_model(), version="1"))


def registered_model() -> TrustModel:
    """The model of the same version."""
    return small_explainer().model


def some_events(count: int, seed: int = 5) -> list[Event]:
    """Events a minute apart; some from another network, some with actions that floors guard."""
    rng = np.random.default_rng(seed)
    return [_event(rng, number) for number in range(count)]


def _event(rng: np.random.Generator, number: int) -> Event:
    identity, other_network = int(rng.integers(12)), rng.random() < 0.2
    kind, time = KINDS[identity % 4], START + timedelta(minutes=number)
    name, category = ACTIONS[int(rng.integers(6))]
    signed_in = {} if rng.random() < 0.5 else {"amr": ["pwd", "otp"], "time": time - timedelta(minutes=4), "aal": 2}
    return Event.model_validate(
        {
            "id": f"e{number}",
            "time": time,
            "identity": {"id": f"identity-{identity}", "type": kind},
            "session": {"id": None if rng.random() < 0.1 else f"session-{identity}-{number // 60}"},
            "action": {"name": name, "category": category, "impact": "low"},
            "resource": {"id": "r1", "type": "document", "sensitivity": "internal", "environment": "production"},
            "network": {
                "ip": "192.0.2.7",
                "asn": 64497 if other_network else 64496,
                "country": "DE",
                "anonymizer": False,
            },
            "device": {"id": f"device-{identity}", "compliant": True, "user_agent": "Boto3/1.34 os/linux"},
            "authentication": signed_in if kind == "human" else {},
            "credential": {"id": f"key-{identity}", "kind": "oauth_token", "privileged": False, "exposed": False},
        }
    )


def record_requests(folder: Path, count: int = 100) -> Store:
    """A store with so many decisions; every second challenge of a session is completed at once."""
    store = Store(settings_of(folder).database_url)
    store.migrate()
    engine = Engine(store, active_configuration(folder, champion=small_explainer()))
    challenges = 0
    for event in some_events(count):
        request = ScoreRequest(event=event, mode="replay", space="past")
        answer = engine.score(request, CALLER)
        if answer["ruling"] == "step_up" and event.session.id is not None:
            challenges += 1
            if challenges % 2:
                _complete(engine, answer["decision_id"], event)
    engine.close()
    return store


def _complete(engine: Engine, decision_id: str, event: Event) -> None:
    """Report the step-up, as a person's identity provider or the issuer of a machine's credential does."""
    made_at: datetime = event.time + timedelta(microseconds=1)
    human = event.identity.type == "human"
    grant: dict[str, Any] = {"scope": (narrowest_scope(event),), "expires_at": made_at + timedelta(minutes=10)}
    kind: ProofKind = "interactive_mfa" if human else "jit_credential"
    proof = StepUpProof(made_at=made_at, kind=kind, amr=("pwd", "hwk"), **grant)
    engine.step_up(
        StepUpRequest(
            decision_id=decision_id,
            identity=event.identity.id,
            session=event.session.id,
            result="completed",
            proof=proof,
        )
    )
