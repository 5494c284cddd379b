"""What a sign-in proved: the authentication methods that CloudTrail records of it."""

from __future__ import annotations

from typing import Any

from features.event.schema import Outcome
from features.sources.aws.principal import Principal
from features.sources.formats.records import Record, part_of

_IDENTITY_CENTER_FACTORS = {
    "PASSWORD": "pwd",
    "TOTP": "otp",
    "RESYNC_TOTP": "otp",
    "EMAIL_OTP": "otp",
    "WEBAUTHN": "hwk",
}
_IDENTITY_CENTER_SIGN_INS = ("CredentialVerification", "UserAuthentication")


def sign_in_factors(record: Record, principal: Principal, outcome: Outcome | None) -> dict[str, Any] | None:
    """The `amr` of a sign-in, and its `time` where that is not the event's; empty if it failed; None for other events.

    `MFAUsed` is recorded for IAM users and the root user; of a role, the session says whether a second factor opened
    it. The methods of another identity provider are not recorded.
    """
    name = record.get("eventName")
    if name != "ConsoleLogin" and name not in _IDENTITY_CENTER_SIGN_INS:
        return None
    if outcome != "success":
        return {}
    details = part_of(record, "additionalEventData")
    if name != "ConsoleLogin":
        return {"amr": _identity_center_factors(details)}
    if principal.kind in ("IAMUser", "Root"):
        return {"amr": _iam_factors(details)}
    return {"amr": ("mfa",), "time": principal.began_at} if principal.second_factor else {"amr": None}


def _identity_center_factors(details: Record) -> tuple[str, ...] | None:
    kinds = str(details.get("CredentialType")).split(",")
    return tuple(sorted({_IDENTITY_CENTER_FACTORS[kind] for kind in kinds if kind in _IDENTITY_CENTER_FACTORS})) or None


def _iam_factors(details: Record) -> tuple[str, ...] | None:
    if details.get("SamlProviderArn"):
        return None
    if details.get("MFAUsed") != "Yes":
        return ("pwd",) if details.get("MFAUsed") == "No" else None
    return ("pwd", "mfa", *(["hwk"] if ":u2f/" in str(details.get("MFAIdentifier")) else []))
