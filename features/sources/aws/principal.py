"""Who acts in a CloudTrail record: identity, identity type, session and instance, read from its `userIdentity`.

**Identity.** A role is identified by the ARN of the session's issuer and every other principal by its own ARN, so that
a role keeps its history from one session to the next. A person who works through a shared role is identified by the
role session's ARN, which ends in their name.

**Identity type** follows from what an attacker with the credential cannot change, never from the client:

- A role session is a workload unless a person uses it: single sign-on, a second factor, or a session name that is an
  email address. Whoever opens a session may choose its name, but an unknown name starts a new identity; it cannot
  take over the history of a known one.
- An IAM user that signs requests with a long-lived key and without a second factor is a service account. One that
  signs in, has a session or shows a second factor is a person (in the whole import, see `file_import.py`).
- An AWS service that acts for itself, or in its own service-linked role, is a workload that the platform attests.
- Root, federated users, SAML and Identity Center users are people. A web identity is a person if its provider serves
  consumers.

**Session** is the access key with its creation date. A workload's **instance** is the name of its role session, unless
an SDK generated that name.
"""

from __future__ import annotations

import re

from features.event.schema import IdentityType
from features.sources.formats.records import Record, part_of, text_of

_TYPES: dict[str, IdentityType] = {
    "AWSAccount": "workload",
    "AWSService": "workload",
    "AssumedRole": "workload",
    "Directory": "human",
    "FederatedUser": "human",
    "IAMUser": "human",
    "IdentityCenterUser": "human",
    "Role": "workload",
    "Root": "human",
    "SAMLUser": "human",
    "WebIdentityUser": "workload",
}
_CONSUMER_PROVIDERS = re.compile(r"accounts\.google\.com|graph\.facebook\.com|www\.amazon\.com|cognito-identity")
_SINGLE_SIGN_ON = re.compile(r":(assumed-)?role/(.*AWSReservedSSO|aws-reserved/sso\.)")
_SERVICE_LINKED = re.compile(r":role/aws-service-role/|:assumed-role/AWSServiceRoleFor")
_GENERATED_NAME = re.compile(r"(botocore-session|aws-go-sdk|aws-sdk-[\w-]+|AWSCLI-Session|AssumeRoleSession)?[-\d]*$")


def utc(text: str) -> str:
    """A CloudTrail time with its offset: times without one are UTC."""
    return text if re.search(r"(Z|[+-]\d\d:?\d\d)$", text) else f"{text}Z"


def began_at(user_identity: Record) -> str | None:
    """When the session was created, or None if the record does not say."""
    created = text_of(part_of(user_identity, "sessionContext", "attributes").get("creationDate"))
    return utc(created) if created else None


def _issuer(user_identity: Record) -> Record:
    return part_of(user_identity, "sessionContext", "sessionIssuer")


def second_factor(user_identity: Record) -> bool | None:
    """Whether the session was opened with a second factor, or None if the record does not say."""
    authenticated = str(part_of(user_identity, "sessionContext", "attributes").get("mfaAuthenticated")).lower()
    return {"true": True, "false": False}.get(authenticated)


def _session_name(user_identity: Record) -> str | None:
    """The name of a role session, or None if an SDK generated it."""
    arn, principal = str(user_identity.get("arn") or ""), str(user_identity.get("principalId") or "")
    name = arn.rpartition("/")[2] if arn.count("/") > 1 and ":assumed-role/" in arn else principal.partition(":")[2]
    return None if _GENERATED_NAME.fullmatch(name) else name


def identity_type(user_identity: Record) -> IdentityType:
    """The identity type of the principal; raises ValueError if the record does not determine it."""
    kind = text_of(user_identity.get("type"))
    if kind == "Unknown" and text_of(user_identity.get("userName")):  # how Identity Center recorded people until 2025
        return "human"
    if kind not in _TYPES:
        raise ValueError(f"userIdentity.type {kind!r} does not say who acts")
    if kind == "IAMUser":
        return "service_account" if _signs_with_long_lived_key(user_identity) else "human"
    if kind in ("AssumedRole", "Role", "AWSAccount"):
        return "human" if _is_person(user_identity) else "workload"
    if kind == "WebIdentityUser" and _CONSUMER_PROVIDERS.search(str(user_identity.get("identityProvider"))):
        return "human"
    return _TYPES[kind]


def _signs_with_long_lived_key(user_identity: Record) -> bool:
    key = text_of(user_identity.get("accessKeyId"))
    return key is not None and not key.startswith("ASIA") and not second_factor(user_identity)


def _is_person(user_identity: Record) -> bool:
    """Whether a person uses this role session."""
    single_sign_on = any(
        _SINGLE_SIGN_ON.search(str(arn)) for arn in (user_identity.get("arn"), _issuer(user_identity).get("arn"))
    )
    return single_sign_on or second_factor(user_identity) is True or "@" in (_session_name(user_identity) or "")


def identity(user_identity: Record, kind: IdentityType, record: Record) -> str:
    """The id under which the principal's history is kept; raises ValueError if the record names no principal."""
    account = text_of(user_identity.get("accountId")) or text_of(record.get("recipientAccountId"))
    own, issuer, user = (
        text_of(user_identity.get("arn")),
        text_of(_issuer(user_identity).get("arn")),
        text_of(user_identity.get("userName")),
    )
    if user_identity.get("type") in ("AssumedRole", "Role") and not (kind == "human" and _session_name(user_identity)):
        own = issuer or (own and _role_of(own))
    elif own is None and user and account:
        own = f"arn:aws:iam::{account}:{'root' if user_identity.get('type') == 'Root' else f'user/{user}'}"
    others = (user_identity.get("invokedBy"), user_identity.get("principalId"), user, account)
    name = next((text for text in (own, issuer, *others) if text_of(text)), None)
    if name is None:
        raise ValueError("userIdentity names no principal")
    return str(name)


def _role_of(session_arn: str) -> str:
    """The ARN of a role, from the ARN of a session in it (which leaves the role's path out)."""
    prefix, _, rest = session_arn.partition(":assumed-role/")
    return f"{prefix.replace(':sts:', ':iam:')}:role/{rest.partition('/')[0]}" if rest else session_arn


def role(user_identity: Record) -> str | None:
    """The name of the assumed role, or None."""
    if text_of(_issuer(user_identity).get("userName")):
        return str(_issuer(user_identity)["userName"])
    _, _, rest = str(user_identity.get("arn") or "").partition(":assumed-role/")
    return rest.partition("/")[0] or None


def session(user_identity: Record) -> str | None:
    """The session: the access key (or the role session's name) with its creation date."""
    key, created = text_of(user_identity.get("accessKeyId")) or _session_name(user_identity), began_at(user_identity)
    return f"{key}@{created}" if key and created else key


def instance(user_identity: Record, kind: IdentityType) -> str | None:
    """The instance of a workload that acts, or None for other identity types."""
    return _session_name(user_identity) if kind == "workload" else None


def attested(user_identity: Record) -> bool:
    """Whether AWS attests the principal: nobody else can act as an AWS service or in a service-linked role."""
    arns = (user_identity.get("arn"), _issuer(user_identity).get("arn"))
    return user_identity.get("type") == "AWSService" or any(_SERVICE_LINKED.search(str(arn)) for arn in arns)
