"""What the service decided, replayed with the same policy and catalogues, is decided the same: rulings and floors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.live_server import active_configuration, an_event, now, settings_of
from support.past_requests import CALLER, registered_model, small_explainer

from serving.contracts.requests import RevocationRequest, ScoreRequest, StepUpRequest
from serving.deployment.catalogue_files import Catalogues, load_catalogues
from serving.engine.writer import Engine
from serving.policy.schema import Policy
from serving.policy_analysis.past.from_decision_log import LogWindow, past_requests_from_log
from serving.policy_analysis.past.past_reports import read_reports
from serving.policy_analysis.past.past_requests import PastRequest
from serving.policy_analysis.replays.replay import ReplayedRequest, replay_policy
from serving.policy_analysis.tuning.tune import tuning_sample
from serving.store.api_keys import Caller
from serving.store.store import Store

CATALOGUES = {
    "actions": '- {match: ["deploy:*"], category: invoke_workflow, impact: high, reversible: false}',
    "assets": "- {id: [vault], sensitivity: restricted}",
    "identities": "- {match: [bot], type: workload}\n- {match: [boss], type: human, role: SuperAdmin}",
}
POLICY = Policy.load()
ASKING = Caller("asking", frozenset(["score"]))
"""A caller that may assert nothing."""
TASK = json.dumps([{"type": "agent_action", "actions": ["read"], "locations": ["r1"], "datatypes": ["document"]}])


class Traffic:
    """Requests of this moment and what is reported beside them, through a real engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def ask(self, identity: str, session: str | None = "s1", caller: Caller = CALLER, **groups: Any) -> dict[str, Any]:
        """The answer to a request."""
        request = ScoreRequest.model_validate({"event": an_event(identity, session, **groups)})
        return dict(self.engine.score(request, caller))

    def report(self, answer: dict[str, Any], result: str) -> None:
        """The result of a step-up."""
        body = answer["remedies"][0]["body"] | {"result": result}
        proof = body.pop("proof") | {"made_at": now().isoformat(), "amr": ["pwd", "hwk"]}
        self.engine.step_up(StepUpRequest.model_validate(body | ({"proof": proof} if result == "completed" else {})))

    def revoke(self, identity: str, session: str | None) -> None:
        """A revocation by an investigator."""
        request = RevocationRequest.model_validate({"identity": identity, "session": session, "reason": "stolen"})
        self.engine.revoke(request, CALLER)


def record(traffic: Traffic) -> None:
    """Requests whose rulings rest on everything that counts beside the request itself."""
    export: dict[str, Any] = {"action": {"name": "crm:Export", "category": "read"}, "resource": {"id": "vault"}}
    for name in ("service:Do", "4720", "deploy:All", "files:Get", "LoginAs"):
        traffic.ask("ada", action={"name": name, "category": "read"})
    traffic.ask("ada", caller=ASKING, **export)
    traffic.ask("bot", action={"name": "deploy:All"})
    traffic.ask("boss", action={"name": "files:Put", "category": "write"})
    challenge = traffic.ask("carl", **export)
    traffic.report(challenge, "completed")
    traffic.ask("carl", **export)
    for _ in range(6):
        traffic.report(traffic.ask("dora", **export), "failed")
    traffic.ask("dora")
    for session in ("s1", "s2"):
        traffic.ask("eve", session, ASKING)
    traffic.revoke("EVE", "s1")
    for later in ("s1", "s2", "s3", None):
        traffic.ask("eve", later, ASKING)
    traffic.revoke("finn", None)
    traffic.ask("Finn")
    agent: dict[str, Any] = {"identity": {"type": "agent"}, "credential": {"kind": "access_key"}}
    started = now().isoformat()
    for intent, action in ((TASK, "read"), (None, "read"), (None, "delete"), ("[{", "read")):
        declared = {"id": "s1", "started_at": started, "intent": intent}
        event = an_event("agent", **agent, action={"name": f"files:{action.title()}", "category": action})
        traffic.engine.score(ScoreRequest.model_validate({"event": event | {"session": declared}}), CALLER)
    for number in range(25):
        traffic.ask("gil", caller=ASKING, resource={"id": f"r{number}"})
    for lost in ({"id": None}, {"id": None, "user_agent": None}):
        traffic.ask("gil", caller=ASKING, device=lost)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Catalogues]:
    """The log of that traffic, and the catalogues it was decided with."""
    home = tmp_path_factory.mktemp("agreeing")
    for name, entries in CATALOGUES.items():
        (home / f"{name}.yaml").write_text(f"version: 1\n{name}:\n{entries}\n")
    known = load_catalogues(home)
    store = Store(settings_of(home).database_url)
    store.migrate()
    engine = Engine(store, active_configuration(home, champion=small_explainer(), catalogues=known))
    record(Traffic(engine))
    engine.close()
    return store, known


def requests_of(store: Store) -> list[PastRequest]:
    read = past_requests_from_log(store, LogWindow(), lambda version: registered_model())
    return [each for each in read if isinstance(each, PastRequest)]


def test_every_recorded_decision_is_decided_the_same(past: tuple[Store, Catalogues]) -> None:
    """Rulings, and the floors that demand proof."""
    store, known = past
    replayed = replay_policy(iter(requests_of(store)), POLICY, None, read_reports(store), known)
    rows = [
        (each.request.event.identity.id, each.request.event.action.name, each.before, each.after)
        for each in replayed
        if isinstance(each, ReplayedRequest)
    ]
    differing = [
        (identity, name, before, after.ruling, after.because)
        for identity, name, before, after in rows
        if (before.ruling, before.floors)
        != (after.ruling, tuple(floor.id for floor in after.floors if floor.demands_proof))
    ]

    assert differing == []
    assert len(rows) > 50
    assert {before.ruling for *_, before, _ in rows} == {"allow", "step_up", "deny"}


def test_without_the_catalogues_another_policy_is_tried(past: tuple[Store, Catalogues]) -> None:
    """They are part of what decides."""
    store, _ = past
    replayed = replay_policy(iter(requests_of(store)), POLICY, None, read_reports(store))
    changed = [
        each.request.event.identity.id
        for each in replayed
        if isinstance(each, ReplayedRequest) and each.before.floors != _floors(each)
    ]

    assert {"bot", "carl", "dora"} <= set(changed)


def _floors(replayed: ReplayedRequest) -> tuple[str, ...]:
    return tuple(floor.id for floor in replayed.after.floors if floor.demands_proof)


def test_tuning_reads_requests_as_the_service_does(past: tuple[Store, Catalogues]) -> None:
    """By the type and sensitivity that count."""
    store, known = past
    with_them, without = (tuning_sample(iter(requests_of(store)), POLICY, each)[0] for each in (known, Catalogues()))

    assert (with_them["sensitivity"] != without["sensitivity"]).any()
    assert (with_them["identity_type"] != without["identity_type"]).any()
