"""A store in which every table has rows, written as the service writes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from support.recorded_decisions import a_record, after, open_store
from support.stored_events import EVENT

from features import Event
from features.event.schema import Authentication
from features.history.population import no_population
from serving.decision.findings import Finding
from serving.decision.inputs import Prompt, Proof, Scope
from serving.engine.stored_history import fold_and_store
from serving.store.api_keys import create_key, revoke_key
from serving.store.chain.hash_chain import CATALOGUES, POLICY
from serving.store.schema import SessionKey
from serving.store.seen_values import SeenValue
from serving.store.store import Store
from serving.store.verdicts import Verdict
from serving.times import microseconds, now

SIGNED_IN = EVENT.model_copy(update={"authentication": Authentication(time=after(0), amr=("pwd", "hwk"))})
ADA = SessionKey("live", "ada", "s1")
PROOF = Proof(after(9), "interactive_mfa", amr=("hwk", "pin"), scope=Scope("read", "bucket"), expires_at=after(90))


def full_store(folder: Path) -> Store:
    """A store with rows in every table: ada is asked and answers, bob is revoked and let in, keys come and go."""
    store = open_store(folder)
    gone, _ = (create_key(store, name, ["score"]) for name in ("gone", "gateway"))
    revoke_key(store, gone.partition(".")[0])
    with store.transaction() as tx:
        tx.chain.put_in_force({POLICY: "sha256:first", CATALOGUES: "sha256:entries"})
        _decide(tx, 1, "allow")
        tx.identity_types.declare("live", "ada", "human", fixing=None)
        tx.field_presence.observe("live", "gateway", EVENT, after(1))
        tx.claim_places.place_claims(["live"], SIGNED_IN)
        used = SeenValue("device laptop", after(1)).with_use("s1", 0.4, 0.5, 300.0).with_day(after(1))
        tx.seen_values.put("live", "ada", None, replace(used, settled_by="id:proof"))
    with store.transaction() as tx:
        tx.decisions.append(
            a_record(2, ruling="step_up"), Prompt("interactive_mfa", ("floor-a", "floor-b"), unproven=True)
        )
        tx.findings.add("live", "ada", "d2", after(2), [Finding("asked_too_often", "floor-a", "Asked again.")])
        tx.sessions.add_step_up(ADA, decision_id="d2", result="completed", proof=PROOF, at=after(9), version=2)
        tx.sessions.set_valid_until(ADA, after(90), "d2")
        tx.identity_types.declare("live", "ada", "workload", fixing="key 1")
        tx.verdicts.append(Verdict("d1", "owner", None, "eve", after(10)))
    bob = SessionKey("live", "bob", "s2")
    with store.transaction() as tx:
        tx.chain.put_in_force({POLICY: "sha256:second", CATALOGUES: "sha256:entries"})
        tx.revocations.revoke(bob, at=now(), by="soc", reason="phished")
        tx.revocations.lift(bob, at=now() + timedelta(seconds=1), by="soc", reason="clean")
        tx.revocations.revoke(SessionKey("live", "mallory"), at=now(), by="soc", reason="left")
        _decide(tx, 3, "deny", identity="bob", session="s2")
    return store


def _decide(tx, number: int, ruling: str, **changes: str) -> None:  # type: ignore[no-untyped-def]
    identity, session = changes.get("identity", "ada"), changes.get("session", "s1")
    event = EVENT.model_dump(mode="json") | {"session": {"id": session}, "id": f"e{number}"}
    event["identity"] = {"id": identity, "type": "human"}
    version = fold_and_store(tx, "live", Event.model_validate(event), 1, "score", no_population())
    record = a_record(number, ruling=ruling, version=version, **changes)
    end = microseconds(after(60)) if ruling == "allow" else None
    tx.decisions.append(replace(record, body={**record.body, "valid_until": end}))
    if end is not None:
        tx.sessions.set_valid_until(SessionKey("live", identity, session), after(60))
