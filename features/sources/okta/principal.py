"""Who acts in a record of the Okta System Log, and with what.

**Identity** is the actor's login (`alternateId`) in lower case, as other sources name the same person, or its Okta id
where the log has no login. Okta itself (`SystemPrincipal`) is a workload that the platform attests. An actor that is an
address, or unknown, is nobody in particular.

**Identity type** follows from the actor's type. Okta keeps service accounts as users and does not mark them.
"""

from __future__ import annotations

from features.event.schema import IdentityType
from features.sources.formats.records import NobodyKnown, NotAnEvent, Record
from features.sources.mapping.log_map import Fields
from features.sources.mapping.paths import value_at
from features.sources.mapping.values import text_value

_TYPES: dict[str, IdentityType] = {
    "user": "human",
    "systemprincipal": "workload",
    "publicclientapp": "workload",
    "confidentialclientapp": "workload",
    "oauthclient": "workload",
    "app": "workload",
    "appinstance": "workload",
    "agent": "workload",
    "ad agent": "workload",
    "ldap agent": "workload",
    "scim": "workload",
    "serviceaccount": "service_account",
    "aiagent": "agent",
}
_NOBODY = ("unknown", "ip address", "none")
_FACTORS = {
    "PASSWORD": ["pwd"],
    "PASSWORD_IN_IMPORT": ["pwd"],
    "OTP": ["otp"],
    "SMS": ["sms"],
    "CALL": ["tel"],
    "U2F": ["hwk"],
    "WEBAUTHN": ["hwk"],
    "SIGNED_NONCE": ["pop"],
    "CERTIFICATE": ["sc"],
    "IWA": ["wia"],
    "PUSH": ["swk"],
}
"""RFC 8176 values of `authenticationContext.credentialType`; others prove no factor that is known."""


def identity_type(record: Record) -> IdentityType | None:
    """The type of the actor; None where its type is not one that Okta documents."""
    if value_at(record, "actor.alternateId") == "system@okta.com":
        return "workload"
    return _TYPES.get((text_value(value_at(record, "actor.type")) or "").lower())


def set_actor(record: Record, fields: Fields) -> None:
    """Set who acts; raises NobodyKnown for an actor that is nobody in particular."""
    kind = (text_value(value_at(record, "actor.type")) or "").lower()
    login = text_value(fields["identity.id"])
    if kind in _NOBODY or not login:
        raise NobodyKnown("an act of nobody in particular")
    if login.lower() == "unknown":
        login = text_value(value_at(record, "actor.id")) or "unknown"
    if login.lower() == "unknown":
        raise NobodyKnown("an act of nobody in particular")
    fields["identity.id"] = login.lower() if "@" in login else login
    fields["identity.type"] = identity_type(record) or "human"


def refuse_policy_steps(record: Record, fields: Fields) -> None:
    """Every sign-in with a second factor holds an evaluation that asks for it: that is no failure of the user."""
    asks = text_value(value_at(record, "outcome.result")) == "CHALLENGE"
    if asks and str(fields["action.name"]).startswith("policy."):
        raise NotAnEvent("an evaluation of a policy that asks for more")


def credential(record: Record, fields: Fields) -> None:
    """Set what the actor showed: an API token, a client of OAuth, or the session's cookie; and how it signed in."""
    if text_value(value_at(record, "transaction.detail.requestApiTokenId")):
        fields["credential.kind"] = "api_token"
    elif fields.get("credential.id"):
        fields["credential.kind"] = "oauth_token"
    elif fields.get("session.id") and fields["identity.type"] == "human":
        fields["credential.kind"] = "session_cookie"
    if fields["identity.type"] == "workload" and text_value(value_at(record, "actor.type")) == "SystemPrincipal":
        fields["credential.attested_at"] = fields["time"]
    used = text_value(value_at(record, "authenticationContext.credentialType")) or ""
    signed_in = fields["action.outcome"] == "success" and fields["action.name"].startswith(
        ("user.session.start", "user.authentication.auth_via_mfa", "user.authentication.verify")
    )
    if signed_in:
        fields["authentication.time"] = fields["time"]
        fields["authentication.amr"] = _FACTORS.get(used.upper()) or (
            ["mfa"] if fields["action.name"].endswith("auth_via_mfa") else None
        )
