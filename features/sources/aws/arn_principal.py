"""The principal that an ARN names, in logs of others that write one: by the same rules as in CloudTrail."""

from __future__ import annotations

import re

from features.sources.aws.principal import Principal, principal_of

_PRINCIPAL = re.compile(r"^arn:aws[\w-]*:(iam|sts)::\d*:(?P<kind>root$|user/|role/|assumed-role/|federated-user/)")
_KINDS = {
    "root": "Root",
    "user/": "IAMUser",
    "role/": "Role",
    "assumed-role/": "AssumedRole",
    "federated-user/": "FederatedUser",
}


def principal_named(arn: str, issuer: str | None = None) -> Principal | None:
    """The principal of an ARN, and of its role's ARN where it is known; None for a text that is no principal's ARN.

    >>> found = principal_named("arn:aws:sts::111122223333:assumed-role/deploy/i-0abc")
    >>> found.identity, found.type
    ('arn:aws:iam::111122223333:role/deploy', 'workload')
    """
    match = _PRINCIPAL.match(arn)
    if match is None:
        return None
    session = {"sessionContext": {"sessionIssuer": {"arn": issuer}}} if issuer else {}
    return principal_of({"type": _KINDS[match["kind"]], "arn": arn, **session}, None, None)
