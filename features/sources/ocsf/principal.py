"""Who acts in an OCSF event: the actor's user, or the user who signs in.

**Identity** is the mail address in lower case, else the unique id, else the name. An ARN of AWS is read as in
CloudTrail: the session of a role belongs to the role, and not to the name of the session.

**Identity type** follows from `type_id`: a user or an administrator is a person, a system a workload, a service a
service account. An application that acts without a user is a service account.
"""

from __future__ import annotations

from features.event.schema import IdentityType
from features.sources.aws.arn_principal import principal_named
from features.sources.aws.principal import Principal
from features.sources.formats.records import NobodyKnown, Record
from features.sources.mapping.log_map import Fields
from features.sources.mapping.paths import object_at, value_at
from features.sources.mapping.values import short_text, text_value

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


def _of_aws(record: Record) -> Principal | None:
    """The principal of AWS whose ARN is the user's id, or the issuer of the session."""
    user, issuer = _user(record), text_value(value_at(record, "actor.session.issuer"))
    arns = (text_value(user.get("uid")), text_value(user.get("uid_alt")), text_value(user.get("name")), issuer)
    return next((found for arn in arns if arn and (found := principal_named(arn, issuer))), None)


def identity_type(record: Record) -> IdentityType | None:
    """The type of who acts; None where the event does not say it."""
    of_aws = _of_aws(record)
    if of_aws:
        return of_aws.type
    user = _user(record)
    known = _TYPES.get(str(user.get("type_id"))) or _NAMED.get(str(user.get("type")).lower().replace(" ", ""))
    if known or user:
        return known
    return "service_account" if text_value(value_at(record, "actor.app_uid")) else None


def set_actor(record: Record, fields: Fields) -> None:
    """Set who acts; raises NobodyKnown where the event names nobody."""
    user, of_aws = _user(record), _of_aws(record)
    mail = text_value(user.get("email_addr"))
    names = (text_value(user.get("uid")), text_value(user.get("name")))
    name = of_aws.identity if of_aws else mail.lower() if mail else next(filter(None, names), None)
    name = name or text_value(value_at(record, "actor.app_uid")) or text_value(value_at(record, "actor.invoked_by"))
    if name is None or name.lower() in _NOBODY:
        raise NobodyKnown("an act of nobody in particular")
    fields["identity.id"] = short_text(name.lower() if "@" in name and not of_aws else name)
    fields["identity.acting_for"] = short_text(of_aws.acting_for) if of_aws else None
    fields["identity.type"] = identity_type(record) or ("human" if user else "workload")
