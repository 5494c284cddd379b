"""How the names of roles are compared: whatever their letter case, width and surrounding space."""

from __future__ import annotations

from functools import lru_cache

from features.event.identifiers import comparable_id


def normalized_role(role: str) -> str:
    """The form in which two spellings of one role are equal: NFKC, letter case folded, trimmed, nothing invisible.

    >>> normalized_role(" OrganizationAccountAccessRole ") == normalized_role("organizationaccountaccessrole")
    True
    >>> normalized_role("\\uff21dmin\\u200b")
    'admin'
    """
    return " ".join(comparable_id(role).split())


@lru_cache
def normalized_roles(roles: tuple[str, ...]) -> frozenset[str]:
    """The normalized forms of a list of roles."""
    return frozenset(map(normalized_role, roles))
