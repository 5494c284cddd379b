"""The scopes of API keys, and what each lets a caller do."""

from __future__ import annotations

SCOPES = {
    "score": "request decisions",
    "events": "send log events",
    "assure": "assert proofs and the state of devices, report results of challenges, bring a history along",
    "network": "state the network's facts, such as country and operator, instead of having them looked up",
    "investigate": "read decisions and the policy, replay requests, give verdicts, revoke sessions",
    "admin": "read metrics, import past events that are as old as they say",
}
