"""Who acts in a record of GitHub's audit log.

**Identity** is the actor's login in lower case: GitHub compares logins so.

**Identity type.** A login that ends in `[bot]`, or that GitHub marks as a bot, is a program: GitHub's own are workloads
that it attests, a coding agent is an agent, any other app holds a key of its own and is a service account. Every
other user is a person, also through a token or a deploy key: GitHub does not mark machine users.
"""

from __future__ import annotations

from features.event.schema import IdentityType
from features.sources.formats.records import NobodyKnown, Record
from features.sources.mapping.log_map import Fields
from features.sources.mapping.paths import value_at
from features.sources.mapping.values import boolean, text_value

_GITHUBS_OWN = frozenset(
    ("github-actions[bot]", "dependabot[bot]", "github-merge-queue[bot]", "web-flow", "github", "github-actions")
)
_AGENTS = ("copilot", "claude", "codex", "devin", "cursor")


def identity_type(record: Record) -> IdentityType:
    """The type of the actor."""
    login = (text_value(value_at(record, "actor")) or "").lower()
    if login in _GITHUBS_OWN:
        return "workload"
    if login.endswith("[bot]") or boolean(value_at(record, "actor_is_bot")):
        return "agent" if login.startswith(_AGENTS) else "service_account"
    return "service_account" if login in ("deploy_key", "deploy key") else "human"


def set_actor(record: Record, fields: Fields) -> None:
    """Set who acts; raises NobodyKnown where GitHub names no actor."""
    login = text_value(fields["identity.id"])
    if login is None or login.lower() in ("ghost", "anonymous"):
        raise NobodyKnown("an act of nobody in particular")
    fields["identity.id"], fields["identity.type"] = login.lower(), identity_type(record)
    if fields["identity.type"] == "workload":
        fields["credential.attested_at"] = fields["time"]
