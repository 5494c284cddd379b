"""Who acts in an OCSF event: the actor's user, or the user who signs in.

**Identity** is the mail address in lower case, else the unique id, else the name. A role's session (its issuer is
given) belongs to the role.

**Identity type** follows from `type_id`: a user or an administrator is a person, a system a workload, a service a
service account. An application that acts without a user is a service account. An issuer makes a workload.
"""

from __future__ import annotations

from features.event.schema import IdentityType
from features.sources.formats.records import NobodyKnown, Record
from features.sources.mapping.log_map import Fields
from features.sources.mapping.paths import object_at, value_at
from features.sources.mapping.values import text_value

_TYPES: dict[str, IdentityType] = {"1": "human", "2": "human", "3": "workload", "4": "service_account"}
_NAMED: dict[str, IdentityType] = {
    "user": "human",
    "admin": "human",
    "iamuser": "human",
    "root": "human",
    "system": "workload",
    "awsservice": "workload",
    "assumedrole": "workload",
    "service": "service_account",
    "serviceaccount": "service_account",
    "agent": "agent",
}
_NOBODY = frozenset(("unknown", "anonymous", "n/a"))


def _user(record: Record) -> Record:
    """In a sign-in the user who signs in, elsewhere the actor's user."""
    actor, subject = object_at(record, "actor.user"), object_at(record, "user")
    return subject or actor if str(record.get("class_uid")) in ("3002", "3003") else actor or subject


def _issuer(record: Record) -> str | None:
    return text_value(value_at(record, "actor.session.issuer")) if not object_at(record, "user") else None


def identity_type(record: Record) -> IdentityType | None:
    """The type of who acts; None where the event does not say it."""
    issuer = _issuer(record)
    if issuer and issuer.startswith("arn:"):
        return "workload"
    user = _user(record)
    known = _TYPES.get(str(user.get("type_id"))) or _NAMED.get(str(user.get("type")).lower().replace(" ", ""))
    if known or user:
        return known
    return "service_account" if text_value(value_at(record, "actor.app_uid")) else None


def set_actor(record: Record, fields: Fields) -> None:
    """Set who acts; raises NobodyKnown where the event names nobody."""
    user, issuer = _user(record), _issuer(record)
    mail = text_value(user.get("email_addr"))
    names = (text_value(user.get("uid")), text_value(user.get("name")))
    name = issuer if issuer and issuer.startswith("arn:") else mail.lower() if mail else next(filter(None, names), None)
    name = name or text_value(value_at(record, "actor.app_uid")) or text_value(value_at(record, "actor.invoked_by"))
    if name is None or name.lower() in _NOBODY:
        raise NobodyKnown("an act of nobody in particular")
    fields["identity.id"] = name.lower() if "@" in name and not name.startswith("arn:") else name
    fields["identity.type"] = identity_type(record) or ("human" if user else "workload")
