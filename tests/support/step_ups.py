"""Challenging a session of a live server, and reporting the result."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from support.live_server import Server, an_event, now

from serving.store.schema import LIVE, SessionKey

OTHER_NETWORK = {"ip": "198.51.100.9", "asn": 64499, "country": "BR"}
"""A network that the small model distrusts when a session moves there."""


def sign_in_proof(seconds: float = 0.0) -> dict[str, Any]:
    """A phishing-resistant sign-in made now, or this many seconds later."""
    made_at = (now() + timedelta(seconds=seconds)).isoformat()
    return {"made_at": made_at, "kind": "interactive_mfa", "amr": ["pwd", "hwk"]}


def report_completed(server: Server, challenge: dict[str, Any], identity_id: str, **changes: Any) -> tuple[int, Any]:
    """Report that a challenge was met; the status and the response."""
    report = {"decision_id": challenge["decision_id"], "identity": identity_id, "session": "s1", "result": "completed"}
    return server.post("/step-ups", report | {"proof": sign_in_proof()} | changes)


def moved_session(server: Server, identity_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A session that moved to another network midway: the event, and the step-up it was answered with."""
    server.score(an_event(identity_id))
    event = an_event(identity_id, network=OTHER_NETWORK)
    return event, server.score(event)


def history_version(server: Server, identity_id: str, namespace: str = LIVE) -> int:
    """How many events were folded into an identity's history."""
    with server.store.reading() as tx:
        return tx.histories.read(SessionKey(namespace, identity_id))[1]
