"""Who acts in a record of Entra, Azure or Microsoft 365.

**Identity.** A person is the user principal name in lower case, as the other Microsoft logs and other vendors name the
same person, or the object id where there is none. A program is the object id of its service principal, else its
application's id. A display name identifies nobody.

**Identity type.** A user is a person. A managed identity, and Microsoft's own services, are workloads, which the
platform attests; any other service principal holds a secret or a certificate of its own and is a service account. An
agent identity of Entra is an agent.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from features.event.schema import IdentityType
from features.sources.formats.records import NobodyKnown, Record
from features.sources.mapping.log_map import Fields
from features.sources.mapping.paths import value_at
from features.sources.mapping.values import text_value

_NOBODY = re.compile(r"^(n/?a|not available|unknown|\{?pii removed\}?|00000000-0000-0000-0000-000000000000)$", re.I)
_MICROSOFT = re.compile(r"^(microsoft|azure|office|windows)\b|^NT AUTHORITY|\.servicehost\)?$|^S-1-5-18$", re.I)
_GUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.I)


class Principal(NamedTuple):
    """Who acts, and whether the platform attests it."""

    id: str
    type: IdentityType
    attested: bool = False


def first_of(record: Record, *paths: str) -> str | None:
    """The first of these fields that names somebody."""
    for path in paths:
        text = text_value(value_at(record, path))
        if text and not _NOBODY.match(text):
            return text
    return None


def person(name: str) -> Principal:
    """A person, by user principal name or object id."""
    return Principal(name.lower(), "human")


def program(name: str, managed: bool = False) -> Principal:
    """A program: a service account, unless Microsoft keeps its credential or runs it."""
    attested = managed or bool(_MICROSOFT.search(name))
    return Principal(
        name.lower() if _GUID.match(name) else name, "workload" if attested else "service_account", attested
    )


def signs_in(record: Record) -> Principal | None:
    """Who signs in, in a record of an Entra sign-in log; None for nobody in particular."""
    application = first_of(
        record, "servicePrincipalId", "Service principal ID", "servicePrincipalName", "Service principal name"
    )
    user = first_of(record, "userPrincipalName", "Username", "userId", "User ID")
    agent = first_of(record, "agent.agentType")
    if agent and agent.lower() != "notagentic":
        name = application or user
        return Principal(name.lower(), "agent") if name else None
    if user:
        return person(user)
    if application is None:
        return None
    managed = (first_of(record, "managedIdentityType", "Managed Identity type") or "none").lower()
    return program(application, managed != "none" or "managedidentity" in str(value_at(record, "category")).lower())


def initiates(record: Record) -> Principal | None:
    """Who did what an Entra audit record tells of; None for nobody in particular."""
    user = first_of(
        record,
        "initiatedBy.user.userPrincipalName",
        "initiatedBy.user.id",
        "ActorUserPrincipalName",
    )
    if user:
        return person(user)
    name = first_of(record, "initiatedBy.app.displayName", "ActorServicePrincipalName", "ActorDisplayName") or ""
    application = first_of(
        record, "initiatedBy.app.servicePrincipalId", "initiatedBy.app.appId", "ActorServicePrincipalId"
    )
    if application or name:
        return program(application or name, managed=bool(_MICROSOFT.search(name)))
    actor = first_of(record, "ActorObjectId")
    return person(actor) if actor else None


def set_principal(principal: Principal | None, fields: Fields) -> None:
    """Write who acts into an event's fields; raises NobodyKnown for nobody."""
    if principal is None:
        raise NobodyKnown("an act of nobody in particular")
    fields["identity.id"], fields["identity.type"] = principal.id, principal.type
    if principal.attested:
        fields["credential.attested_at"] = fields["time"]
