"""Kinds of logs by number, and what those record that record little: whole deployments without network, device, client,
credential, session, category or time of day.

A model that has only seen rich logs takes what is missing for a fact about the identity.
"""

from __future__ import annotations

from dataclasses import dataclass

DETAILED, SPARSE, CLOUDTRAIL, WITHOUT_ADDRESS = range(4)
"""Kinds of logs that record much, in the order of the parameter `log_kinds`."""
_ALWAYS = frozenset({"id", "time", "identity.id", "identity.type", "action.name"})


@dataclass(frozen=True)
class ReducedLog:
    """A kind of log that records little."""

    name: str
    recorded: tuple[str, ...]
    """Columns of the Event beside those of every log; a whole group ends with a dot."""
    sign_ins_only: bool = False
    """Whether only sign-ins are logged."""
    untimed: bool = False
    """Whether the order alone is known: sessions follow each other on an invented clock."""

    def records(self, column: str) -> bool:
        """Whether a column of the Event is recorded."""
        named = any(column == each or (each.endswith(".") and column.startswith(each)) for each in self.recorded)
        return named or column in _ALWAYS


_SESSION, _OUTCOME = ("session.id", "session.started_at"), ("action.category", "action.outcome")
_RESOURCE, _ADDRESS = ("resource.id", "resource.type"), ("network.ip", "network.asn", "network.country")
REDUCED_LOGS = (
    ReducedLog("directory", ("session.id", *_OUTCOME, "resource.id", "network.", "device.id", "device.user_agent")),
    ReducedLog("shell", (*_SESSION, "action.outcome")),
    ReducedLog("sign-ins", ("session.id", *_OUTCOME, "network.", "device.user_agent", "credential.kind"), True),
    ReducedLog("agent framework", (*_SESSION, "session.intent", *_OUTCOME, *_RESOURCE, "identity.acting_for")),
    ReducedLog("remote shell", (*_OUTCOME, *_ADDRESS, "network.hosting", "device.id")),
    ReducedLog("SSH sign-ins", (*_OUTCOME, "network.ip", "network.country", "credential.kind"), True),
    ReducedLog("untimed", ("session.id", *_OUTCOME, *_RESOURCE), untimed=True),
    ReducedLog("cluster audit", (*_OUTCOME, *_RESOURCE, "network.ip", "device.user_agent", "identity.acting_for")),
    ReducedLog("proxy", ("session.id", *_OUTCOME, "resource.id", "network.ip", "device.user_agent", "credential.id")),
)
"""Kinds that record little, numbered after the others: what directories, shells, sign-in pages, agents' frameworks, SSH
servers, clusters and proxies log."""
REDUCED = range(WITHOUT_ADDRESS + 1, WITHOUT_ADDRESS + 1 + len(REDUCED_LOGS))
"""Their numbers."""
