"""What came of a request that CloudTrail records: by its error, or by the response of a sign-in."""

from __future__ import annotations

import re
from functools import lru_cache

from features.event.schema import Outcome
from features.sources.formats.records import Record, part_of, text_of

_DENIED = re.compile(
    r"""Access.?Denied|Unauthori[sz]ed|NotAuthori[sz]ed|Forbidden|NotPermitted|AuthorizationError|AuthFailure
    |InsufficientPrivileges|OperationNotPermitted|AllAccessDisabled|IDPRejectedClaim
    |Unrecogni[sz]edClient|Invalid(ClientTokenId|AccessKeyId|Signature|Token|IdentityToken|GrantException)\b
    |InvalidSignature|SignatureDoesNotMatch|IncompleteSignature|MissingAuthenticationToken|AuthorizationHeaderMalformed
    |Expired(Token|Credential)|(Token|Credentials?|Request)Expired""",
    re.IGNORECASE | re.VERBOSE,
)
"""Refused for lack of rights, or for a credential that does not count."""
_DRY_RUN = re.compile(r"(^|\.)DryRunOperation$")
_SIGN_INS = ("ConsoleLogin", "CheckMfa")


def outcome_of(record: Record) -> Outcome | None:
    """Success, failure or denied; None for a dry run that would have succeeded, since nothing was done."""
    error = text_of(record.get("errorCode")) or text_of(record.get("errorMessage"))
    if error is not None:
        return _outcome_of_error(error)
    response = part_of(record, "responseElements")
    details = part_of(record, "serviceEventDetails")
    answers = [*(response.get(name) for name in _SIGN_INS), *details.values()] if response or details else ()
    return "failure" if "Failure" in answers else "success"


@lru_cache(4_096)
def _outcome_of_error(error: str) -> Outcome | None:
    if _DRY_RUN.search(error):
        return None
    return "denied" if _DENIED.search(error) else "failure"
