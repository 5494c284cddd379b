"""Who acts in a CloudTrail record: what its `userIdentity` says of the principal, its kind, session and instance.

**The name.** A role is known by the ARN of the session's issuer, everybody else by the ARN of their own, so that a role
keeps its habits from one session to the next. A person who works through a shared role is known by the role
session's ARN, which ends in their name.

**The kind** is told by what a thief of the credential cannot change, never by the client:

- a role session is a workload, unless a person stands behind it: single sign-on, a second factor, or a session
  named by a mail address (which whoever opens a session may choose: it can make a stranger, never an old friend);
- an IAM user that signs requests with a long-lived key and without a second factor is a service account; one that
  signs in, has a session or shows a second factor is a person (within one import, everywhere: see `sources.py`);
- a service of AWS acting for itself, or in its own service-linked role, is a workload that the platform vouches for;
- root, federated users, SAML and Identity Center users are people; of web identities, those of a consumer's provider.

**The session** is the access key with its creation date. A workload's **instance** is the name of its role session,
unless an SDK made that name up.
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
_MADE_UP_NAME = re.compile(r"(botocore-session|aws-go-sdk|aws-sdk-[\w-]+|AWSCLI-Session|AssumeRoleSession)?[-\d]*$")


def utc(text: str) -> str:
    """CloudTrail's times are UTC, whether they say so or not."""
    return text if re.search(r"(Z|[+-]\d\d:?\d\d)$", text) else f"{text}Z"


def began_at(who: Record) -> str | None:
    """When the session was created."""
    created = text_of(part_of(who, "sessionContext", "attributes").get("creationDate"))
    return utc(created) if created else None


def _issuer(who: Record) -> Record:
    return part_of(who, "sessionContext", "sessionIssuer")


def second_factor(who: Record) -> bool | None:
    """Whether the session was opened with a second factor; None where nothing is said of it."""
    said = str(part_of(who, "sessionContext", "attributes").get("mfaAuthenticated")).lower()
    return {"true": True, "false": False}.get(said)


def _session_name(who: Record) -> str | None:
    """The name of a role session, where whoever began it gave one."""
    arn, principal = str(who.get("arn") or ""), str(who.get("principalId") or "")
    name = arn.rpartition("/")[2] if arn.count("/") > 1 and ":assumed-role/" in arn else principal.partition(":")[2]
    return None if _MADE_UP_NAME.fullmatch(name) else name


def identity_type(who: Record) -> IdentityType:
    """What kind of identity acts; raises ValueError where that cannot be told."""
    kind = text_of(who.get("type"))
    if kind == "Unknown" and text_of(who.get("userName")):  # Identity Center's way of naming people until 2025
        return "human"
    if kind not in _TYPES:
        raise ValueError(f"userIdentity.type {kind!r} does not say who acts")
    if kind == "IAMUser":
        return "service_account" if _signs_with_long_lived_key(who) else "human"
    if kind in ("AssumedRole", "Role", "AWSAccount"):
        return "human" if _person_behind(who) else "workload"
    if kind == "WebIdentityUser" and _CONSUMER_PROVIDERS.search(str(who.get("identityProvider"))):
        return "human"
    return _TYPES[kind]


def _signs_with_long_lived_key(who: Record) -> bool:
    key = text_of(who.get("accessKeyId"))
    return key is not None and not key.startswith("ASIA") and not second_factor(who)


def _person_behind(who: Record) -> bool:
    """Whether a role session is a person's."""
    single_sign_on = any(_SINGLE_SIGN_ON.search(str(arn)) for arn in (who.get("arn"), _issuer(who).get("arn")))
    return single_sign_on or second_factor(who) is True or "@" in (_session_name(who) or "")


def identity(who: Record, kind: IdentityType, record: Record) -> str:
    """The name under which habits are kept; raises ValueError where there is none."""
    account = text_of(who.get("accountId")) or text_of(record.get("recipientAccountId"))
    own, issuer, user = text_of(who.get("arn")), text_of(_issuer(who).get("arn")), text_of(who.get("userName"))
    if who.get("type") in ("AssumedRole", "Role") and not (kind == "human" and _session_name(who)):
        own = issuer or (own and _role_of(own))
    elif own is None and user and account:
        own = f"arn:aws:iam::{account}:{'root' if who.get('type') == 'Root' else f'user/{user}'}"
    others = (who.get("invokedBy"), who.get("principalId"), user, account)
    found = next((text for text in (own, issuer, *others) if text_of(text)), None)
    if found is None:
        raise ValueError("userIdentity names nobody")
    return str(found)


def _role_of(session_arn: str) -> str:
    """The ARN of a role, from the ARN of a session in it (which leaves the role's path out)."""
    prefix, _, rest = session_arn.partition(":assumed-role/")
    return f"{prefix.replace(':sts:', ':iam:')}:role/{rest.partition('/')[0]}" if rest else session_arn


def role(who: Record) -> str | None:
    """The name of the role acted in."""
    if text_of(_issuer(who).get("userName")):
        return str(_issuer(who)["userName"])
    _, _, rest = str(who.get("arn") or "").partition(":assumed-role/")
    return rest.partition("/")[0] or None


def session(who: Record) -> str | None:
    """The session: the access key (or the role session's name) with its creation date."""
    key, created = text_of(who.get("accessKeyId")) or _session_name(who), began_at(who)
    return f"{key}@{created}" if key and created else key


def instance(who: Record, kind: IdentityType) -> str | None:
    """Which of a workload's instances acts."""
    return _session_name(who) if kind == "workload" else None


def attested(who: Record) -> bool:
    """Whether the platform itself vouches for what acts, as nobody else can act in its name."""
    arns = (who.get("arn"), _issuer(who).get("arn"))
    return who.get("type") == "AWSService" or any(_SERVICE_LINKED.search(str(arn)) for arn in arns)
