"""How the names of roles are compared: whatever their letter case, width, surrounding space and lookalike letters."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import pairwise

from features.event.lookalikes import comparable_name, in_plain_letters


def normalized_role(role: str) -> str:
    """The form in which two spellings of one role are equal: NFKC, letter case folded, trimmed, nothing invisible.

    >>> normalized_role(" OrganizationAccountAccessRole ") == normalized_role("organizationaccountaccessrole")
    True
    >>> normalized_role("\\uff21dmin\\u200b")
    'admin'
    """
    return " ".join(comparable_name(role).split())


def role_words(role: str) -> tuple[str, ...]:
    """The words of a role's name, as `SuperAdmin`, `cluster-admin` and `arn:aws:iam::1:role/Admin` write them.

    >>> role_words("SuperAdmin"), role_words("CORP/Domain_Admins")
    (('super', 'admin'), ('corp', 'domain', 'admins'))
    """
    return tuple(each.lower() for each in _WORD.findall(in_plain_letters(role)))


def short_name(role: str) -> str:
    """The last part of the name of a role that is an ARN, a path or a name in a domain, normalized.

    >>> short_name("arn:aws:iam::123456789012:root"), short_name("roles/owner"), short_name("CORP/Owner")
    ('root', 'owner', 'owner')
    """
    return re.split(r"[/:\\]", normalized_role(role))[-1].strip()


PRIVILEGED_WORDS = ("admin", "administrator", "superuser")
"""Words by which a role's name is privileged, unless a policy lists others."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@lru_cache
def normalized_roles(roles: tuple[str, ...]) -> frozenset[str]:
    """The normalized forms of a list of roles."""
    return frozenset(map(normalized_role, roles))


def matches_role(role: str, patterns: tuple[str, ...]) -> bool:
    """Whether a role's whole name, or its last part, matches one of the patterns (`*` and `?`)."""
    names = {normalized_role(role), short_name(role)}
    return any(fnmatchcase(name, pattern) for name in names for pattern in normalized_roles(patterns))


def has_word(role: str, words: tuple[str, ...]) -> bool:
    """Whether a word of a role's name is one of these, ends in one, or two side by side are one; in the plural as well.

    >>> [has_word(role, ("admin", "superuser")) for role in ("SuperAdmins", "super_user", "badminton")]
    [True, True, False]
    """
    own = role_words(role)
    pairs = (first + second for first, second in pairwise(own))
    return any(word.removesuffix("s").endswith(words) for word in (*own, *pairs))
