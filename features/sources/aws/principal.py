"""Who acts in a CloudTrail record, and through what: read from its `userIdentity`.

**Identity.** Only IAM users and the root user have an ARN built for them where the record leaves it out. A role is
identified by the role's ARN, or by its unique id in another account, so that it keeps its history from one session to
the next. A person who works through a role is identified by the role with the person's own name. SAML and web
identities are identified by their provider and name, Identity Center users by their id in the identity store. The
account is never an identity: where a record names no principal, or hides its name, nobody is known (`NobodyKnown`).

**Identity type** follows from what an attacker with the credential cannot change, never from the client, and from each
record alone:

- A role session is a workload unless a person uses it: single sign-on, a source identity or an Identity Center user
  behind it, a second factor, or a session name that is an email address. Whoever opens a session may choose its name,
  but an unknown name starts a new identity; it cannot take over the history of a known one.
- An IAM user that signs requests with a long-lived key and without a second factor is a service account; any other use
  is a person's.
- An AWS service that acts for itself, or in its own service-linked role, is a workload that the platform attests.
- Root, federated users, SAML and Identity Center users are people. A web identity is a person if its provider serves
  consumers.

**Delegates.** An AWS service that acts in somebody's name (`invokedBy`) is a workload of its own, one for each
principal it acts for: whoever it acts for keeps their own client, rhythm, device and network.

**Session** is the access key with its creation date. A workload's **instance** is the name of its role session, unless
an SDK generated that name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from features.event.schema import IdentityType
from features.event.user_agent import agent_of
from features.sources.formats.records import NobodyKnown, Record, part_of, text_of

_PEOPLE = frozenset({"Directory", "FederatedUser", "IdentityCenterUser", "Root", "SAMLUser"})
_ROLES = frozenset({"AWSAccount", "AssumedRole", "Role"})
_CONSUMER_PROVIDERS = re.compile(r"accounts\.google\.com|graph\.facebook\.com|www\.amazon\.com|cognito-identity")
_SINGLE_SIGN_ON = re.compile(r":(assumed-)?role/(.*AWSReservedSSO|aws-reserved/sso\.)")
_SERVICE_LINKED = re.compile(r":role/aws-service-role/|:assumed-role/AWSServiceRoleFor")
_GENERATED_NAME = re.compile(r"(botocore-session|aws-go-sdk|aws-sdk-[\w-]+|AWSCLI-Session|AssumeRoleSession)?[-\d]*$")
_OFFSET = re.compile(r"[+-]\d\d:?\d\d$")
_NO_NAME = re.compile(r"hidden_due_to_security_reasons|anonymous(_principal)?|redacted|unknown|none|null|[-*x.]*", re.I)
"""What stands where a name would be: hidden because it may be a mistyped password, or nobody's."""


@dataclass(frozen=True)
class Principal:
    """Who acts in a record. Texts are as the record has them, however long; None is unknown."""

    kind: str
    """`userIdentity.type`, or `AWSService` where AWS itself acts."""
    identity: str
    type: IdentityType
    role: str | None = None
    acting_for: str | None = None
    key: str | None = None
    session: str | None = None
    began_at: str | None = None
    instance: str | None = None
    second_factor: bool | None = None
    """Whether the session was opened with a second factor."""
    attested: bool = False
    """Whether AWS vouches for it: nobody else can act as an AWS service or in a service-linked role."""


def principal_of(user: Record, account: str | None, service: str | None) -> Principal:
    """The principal of a record: its `userIdentity`, the account that received it, and the service that made it if it
    tells of what a service did by itself.

    Raises NobodyKnown where the record does not say who acts, ValueError for a type that is not known.
    """
    invoked_by = text_of(user.get("invokedBy"))
    kind = text_of(user.get("type"))
    if kind == "AWSService" or (kind is None and (invoked_by or service)):
        return _service(invoked_by or service)
    principal = _own_principal(user, kind, account)
    if invoked_by is None or principal.attested or agent_of(invoked_by).family == "console":
        return principal
    return replace(
        principal,
        identity=f"{principal.identity} via {invoked_by}",
        type="workload",
        acting_for=principal.identity,
        instance=None,
        second_factor=None,
        attested=True,
    )


def _service(name: str | None) -> Principal:
    if name is None:
        raise NobodyKnown("a request of an AWS service that is not named")
    return Principal("AWSService", name, "workload", attested=True)


def _own_principal(user: Record, kind: str | None, account: str | None) -> Principal:
    """The principal whose credentials are used, whoever uses them."""
    key, began = text_of(user.get("accessKeyId")), began_at(user)
    name, factor = (_session_name(user) if kind in _ROLES else None), second_factor(user)
    identity_type, person = _type_and_person(user, kind)
    arns = text_of(user.get("arn")) or "", text_of(_issuer(user).get("arn")) or ""
    opened = key or name
    return Principal(
        kind=kind or "",
        identity=_identity(user, kind, person, account),
        type=identity_type,
        role=_role(user),
        acting_for=_person_behind(user) if kind in _ROLES else None,
        key=key,
        session=f"{opened}@{began}" if opened and began else opened,
        began_at=began,
        instance=name if identity_type == "workload" else None,
        second_factor=factor,
        attested=any(_SERVICE_LINKED.search(arn) for arn in arns),
    )


def _type_and_person(user: Record, kind: str | None) -> tuple[IdentityType, str | None]:
    """The identity type by the rules above; for a person in a role also their name, if there is one."""
    if kind in _ROLES:
        return _role_user(user)
    if kind == "IAMUser":
        return ("service_account" if _signs_with_long_lived_key(user) else "human"), None
    if kind == "WebIdentityUser":
        consumer = _CONSUMER_PROVIDERS.search(str(user.get("identityProvider")))
        return ("human" if consumer else "workload"), None
    if kind in _PEOPLE:
        return "human", None
    if kind == "Unknown":
        if name_in(user.get("userName")):  # how Identity Center recorded people until 2025
            return "human", None
        raise NobodyKnown("a request of an unknown principal")
    raise ValueError(f"userIdentity.type {kind!r} does not say who acts")


def _role_user(user: Record) -> tuple[IdentityType, str | None]:
    """Whether a person uses this role session, and the name that tells this person from others in the role."""
    name, behind = _session_name(user), _person_behind(user)
    arns = (user.get("arn"), _issuer(user).get("arn"))
    if any(_SINGLE_SIGN_ON.search(str(arn)) for arn in arns):
        return "human", name or behind
    if behind or (name and "@" in name):
        return "human", behind or name
    return ("human", name) if second_factor(user) else ("workload", None)


def _person_behind(user: Record) -> str | None:
    """The person on whose behalf a role acts: set by its trust policy, or by Identity Center."""
    context = part_of(user, "sessionContext")
    source = name_in(context.get("sourceIdentity")) or name_in(user.get("sourceIdentity"))
    return source or _identity_center_user(user)


def _identity_center_user(user: Record) -> str | None:
    behalf = part_of(user, "onBehalfOf") or part_of(user, "sessionContext", "onBehalfOf")
    return name_in(behalf.get("userId"))


def _identity(user: Record, kind: str | None, person: str | None, account: str | None) -> str:
    """The id under which the principal's history is kept; raises NobodyKnown if there is none."""
    own, unique, name = text_of(user.get("arn")), name_in(user.get("principalId")), name_in(user.get("userName"))
    account = text_of(user.get("accountId")) or account
    if kind in _ROLES:
        role_name = name_in(_issuer(user).get("userName")) or name
        by_name = f"{account}:{role_name}" if account and role_name else role_name
        found = _role_identity(user, own, unique, person) or by_name
    elif kind in ("IAMUser", "Root"):
        part = "root" if kind == "Root" else name and f"user/{name}"
        found = own or (f"arn:aws:iam::{account}:{part}" if part and account else unique) or name
    elif kind in ("SAMLUser", "WebIdentityUser"):
        provider = name_in(user.get("identityProvider"))
        found = _without_case(unique or (f"{provider}:{name}" if provider and name else name))
    else:  # Identity Center, directories, federated users
        found = own or _identity_center_user(user) or (None if unique == account else unique) or _without_case(name)
    if found is None or found == account:
        raise NobodyKnown("a request that names no principal")
    return found


def _role_identity(user: Record, own: str | None, unique: str | None, person: str | None) -> str | None:
    """The role, by its ARN or its unique id, without the name of the session; for a person with their name."""
    own = own or (unique if unique and unique.startswith("arn:") else None)
    if own and own.endswith(":root"):  # another account as a whole
        own = None
    issuer = text_of(_issuer(user).get("arn")) or (own and _role_of(own))
    if person and own and ":assumed-role/" in own:
        role = own.partition(":assumed-role/")[2].partition("/")[0]
        return f"{own.partition(':assumed-role/')[0]}:assumed-role/{role}/{_without_case(person)}"
    role_id = unique.partition(":")[0] if unique else name_in(_issuer(user).get("principalId"))
    if person:
        return f"{role_id or issuer}:{_without_case(person)}"
    return issuer or role_id


def _role_of(session_arn: str) -> str:
    """The ARN of a role, from the ARN of a session in it (which leaves the role's path out)."""
    prefix, _, rest = session_arn.partition(":assumed-role/")
    return f"{prefix.replace(':sts:', ':iam:')}:role/{rest.partition('/')[0]}" if rest else session_arn


def _without_case(name: str | None) -> str | None:
    """A person's name in one spelling: an identity provider may send an email address in any letter case."""
    head, at, domain = (name or "").rpartition("@")
    scope, colon, local = head.rpartition(":")
    return f"{scope}{colon}{local.lower()}@{domain.lower()}" if at else name


def name_in(value: object) -> str | None:
    """The text that names a principal; None for what only stands in its place, such as a hidden name.

    >>> name_in("kim"), name_in("HIDDEN_DUE_TO_SECURITY_REASONS"), name_in("ANONYMOUS_PRINCIPAL"), name_in(7)
    ('kim', None, None, None)
    """
    text = text_of(value)
    return None if text is None or _NO_NAME.fullmatch(text.strip()) else text


def utc(text: str) -> str:
    """A CloudTrail time with its offset: times without one are UTC."""
    return text if text[-1:] == "Z" or _OFFSET.search(text) else f"{text}Z"


def began_at(user: Record) -> str | None:
    """When the session was created, or None if the record does not say."""
    created = text_of(part_of(user, "sessionContext", "attributes").get("creationDate"))
    return utc(created) if created else None


def _issuer(user: Record) -> Record:
    return part_of(user, "sessionContext", "sessionIssuer")


def second_factor(user: Record) -> bool | None:
    """Whether the session was opened with a second factor, or None if the record does not say."""
    authenticated = str(part_of(user, "sessionContext", "attributes").get("mfaAuthenticated")).lower()
    return {"true": True, "false": False}.get(authenticated)


def _session_name(user: Record) -> str | None:
    """The name of a role session, or None if an SDK generated it."""
    arn, unique = str(user.get("arn") or ""), str(user.get("principalId") or "")
    name = arn.rpartition("/")[2] if arn.count("/") > 1 and ":assumed-role/" in arn else unique.partition(":")[2]
    return None if _GENERATED_NAME.fullmatch(name) else name_in(name)


def _signs_with_long_lived_key(user: Record) -> bool:
    key = text_of(user.get("accessKeyId"))
    return key is not None and not key.startswith("ASIA") and not second_factor(user)


def _role(user: Record) -> str | None:
    """The name of the assumed role, or None."""
    if text_of(_issuer(user).get("userName")):
        return str(_issuer(user)["userName"])
    _, _, rest = str(user.get("arn") or "").partition(":assumed-role/")
    return rest.partition("/")[0] or None
