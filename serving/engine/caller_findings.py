"""Findings on a caller's key: what it declares otherwise than it is known to be."""

from __future__ import annotations

from collections.abc import Iterator

from serving import metrics
from serving.decision.findings import Finding
from serving.decision.readings import Readings
from serving.engine.score_context import ScoreContext

SOURCES = {
    "aws": "AWS's own table says",
    "name": "its name says",
    "nothing": "its name says nothing, so it counts as",
    "actions.yaml": "actions.yaml says",
}


def findings_on_caller(context: ScoreContext, readings: Readings) -> Iterator[Finding]:
    """A category that is less strict than the action's own, and an identity type that is not the fixed one."""
    caller, event, action = context.caller, context.event, readings.action
    if action is not None and action.understated:
        metrics.UNDERSTATED_ACTIONS.inc()
        yield Finding(
            "understated_action",
            f"key {caller.id}",
            f"{event.action.name} was declared as {action.declared}; {SOURCES[action.source]} {action.derived}. "
            "It is decided as both: correct the caller's mapping, or list the action in actions.yaml.",
        )
    if readings.other_type:
        metrics.OTHER_TYPES.inc()
        yield Finding(
            "other_identity_type",
            f"key {caller.id}",
            f"The identity was declared as {event.identity.type}; it is known as {readings.event.identity.type}. "
            "It is decided as both: correct the caller, or the type in identities.yaml.",
        )
