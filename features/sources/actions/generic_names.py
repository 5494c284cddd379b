"""The category of an action by the words of its name, for names that no vendor's table knows.

A name is cut into words (`user.account.privilege.grant`, `Microsoft.Authorization/roleAssignments/write`,
`CreateAccessKey`, `DELETE /users/7/mfa`); of an address only method and path count. A name that only views something is
a view, whatever it views: `ListKeys` and `GetPolicy` are reads. A word that changes something, anywhere in the name,
ends that. Some words say by themselves that a secret is handed out or another's identity taken. A name without a known
verb, or partly in letters that cannot be read, is never a view.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from features.event.action_names.name_words import in_latin_letters, spoken, verbs_of, words_of
from features.event.action_names.vocabulary import (
    ACCESS,
    ACCOUNTS,
    ALONE,
    ASSUME,
    CHANGE,
    CODE,
    CONSOLES,
    DELETE,
    EXPORT,
    FETCHES,
    FUNDS,
    GRANTING,
    HANDED_OUT,
    KEY_OF,
    KEY_VERBS,
    LIST,
    MONEY,
    MOVE,
    NOUNS_AS_WELL,
    OFF,
    OPENING,
    PAY,
    PHRASES,
    REPOSITORIES,
    REVEALING,
    RUN,
    SECRETS,
    SECURITY,
    SECURITY_PAIRS,
    SENT_TO_SIGN_IN,
    SIGN_IN,
    VIEW,
    WORKFLOWS,
)
from features.event.schema import Category
from features.sources.actions.statements import statement_category
from features.sources.actions.windows_events import numbered_category

_POSTED_VIEW = re.compile(r"(?:^|/)(?P<operation>\w+)/action$", re.IGNORECASE)
"""In Azure whatever is neither read, written nor deleted."""


@lru_cache(maxsize=65_536)
def generic_category(name: str) -> Category | None:
    """The category of an action by its name alone: the number of an event, a statement, or words; None if it says
    nothing.

    >>> generic_category("user.account.privilege.grant"), generic_category("vault.ListKeys")
    ('manage_access', 'list')
    >>> generic_category("DELETE /users/7/mfa"), generic_category("frobnicate"), generic_category("roles")
    ('change_security_setting', None, None)
    """
    return numbered_category(name) or statement_category(name, _category_of_words) or _category_of_words(name)


def _category_of_words(name: str) -> Category | None:
    words = words_of(name)
    verbs = verbs_of(words)
    said = _said_outright(words) or ("assume_privilege" if _hands_out(name, words) else None)
    if said is not None:
        return said
    if _opens_console(words):
        return "admin_console"
    if _is_code_fetched(verbs, words):
        return "read"
    if _is_view(verbs, words):
        if not in_latin_letters(name).isascii():
            return None
        exports = words[0] in ("get", "head") and {*spoken(name).lower().split("/")} & EXPORT
        return "export" if exports else "list" if _first_view(verbs) in LIST else "read"
    changes = [verb for verb in verbs if verb not in VIEW]
    return (_privileged(words) if changes else None) or _ordinary(words, changes)


_SAID: tuple[tuple[Category, str], ...] = tuple(
    (cast("Category", category), f" {' '.join(phrase.split())} ")
    for category, phrases in PHRASES.items()
    for phrase in phrases.split("|")
) + tuple((cast("Category", category), f" {word} ") for category, words in ALONE.items() for word in words.split())


def _said_outright(words: tuple[str, ...]) -> Category | None:
    """The category that words say by themselves, whatever else stands in the name."""
    text = f" {' '.join(words)} "
    return next((category for category, phrase in _SAID if phrase in text), None)


def _hands_out(name: str, words: tuple[str, ...]) -> bool:
    """Whether a view answers with the value of a secret: `reveal_secret`, `storageAccounts/listKeys/action`."""
    posted, known = _POSTED_VIEW.search(name), set(words)
    shown = set(words_of(posted["operation"])) if posted else set()
    return bool(known & REVEALING and known & SECRETS) or bool(shown & HANDED_OUT and not shown & (CHANGE | DELETE))


def _is_code_fetched(verbs: list[str], words: tuple[str, ...]) -> bool:
    """Whether a name only fetches a repository, as `repo.download_zip` does."""
    fetched = bool(FETCHES & set(words) and REPOSITORIES & set(words))
    return fetched and set(verbs) <= VIEW | FETCHES


def _is_view(verbs: list[str], words: tuple[str, ...]) -> bool:
    """Whether a name only views: it begins with a view, and what changes something is only what is viewed."""
    if verbs[:1] == ["post"] and len(verbs) > 1 and verbs[-1] in LIST:
        verbs = verbs[1:]  # `POST /search`
    begins = verbs[:1] != [] and verbs[0] in VIEW and not {"or", "and", "then"} & set(words)
    return bool(verbs) and set(verbs) <= (VIEW | NOUNS_AS_WELL if begins else VIEW)


def _first_view(verbs: list[str]) -> str:
    return next(verb for verb in verbs if verb in VIEW)


def _opens_console(words: tuple[str, ...]) -> bool:
    return bool(CONSOLES & set(words)) and bool({"admin", "administration", "administrator"} & set(words))


def _privileged(words: tuple[str, ...]) -> Category | None:
    """The category whose misuse does harm by itself, if the name belongs to one."""
    return next((category for category, belongs in _PRIVILEGED if belongs(words, frozenset(words))), None)


def _is_key(words: tuple[str, ...]) -> bool:
    """Whether a name is about a cryptographic or access key, and not about the key of a table's row."""
    keys = [place for place, word in enumerate(words) if word in ("key", "keys")]
    beside = any(place and words[place - 1] in KEY_OF for place in keys)
    return beside or (bool(keys) and bool(KEY_VERBS & set(words)))


def _is_setting(known: frozenset[str]) -> bool:
    """Whether a name is about a defence: a factor, a log, a firewall."""
    singular = known | {word.removesuffix("s") for word in known}
    return bool(known & SECURITY) or any({*pair} <= singular for pair in SECURITY_PAIRS)


_PRIVILEGED: tuple[tuple[Category, Callable[[tuple[str, ...], frozenset[str]], Any]], ...] = (
    ("assume_privilege", lambda words, known: known & ASSUME or {"switch", "role"} <= known),
    ("approve_payment", lambda words, known: known & (PAY | MONEY) or (known & MOVE and known & FUNDS)),
    ("rotate_secret", lambda words, known: (known & SECRETS and "refresh" not in known) or _is_key(words)),
    (
        "change_security_setting",
        lambda words, known: _is_setting(known) or (known & OFF and "authentication" in known),
    ),
    ("manage_access", lambda words, known: known & (ACCESS | GRANTING) or (known & ACCOUNTS and known & OPENING)),
    ("export", lambda words, known: known & EXPORT),
    ("invoke_workflow", lambda words, known: known & RUN and known & WORKFLOWS),
    ("execute_code", lambda words, known: known & {"exec", "eval"} or (known & RUN and known & CODE)),
)
"""The first that a name's words belong to counts."""


def _ordinary(words: tuple[str, ...], changes: list[str]) -> Category | None:
    known = set(words)
    signs_in = known & SIGN_IN or ("in" in known and known & {"sign", "signed", "log", "logged"})
    starts = {"user", "session"} <= known and (changes[:1] in (["start"], ["open"]) or "end" in known)
    if ((signs_in or {"refresh", "token"} <= known) and set(changes) <= SENT_TO_SIGN_IN) or starts:
        return "authenticate"
    if not changes:
        return "write" if known & RUN else None
    return "delete" if changes[0] in DELETE else "write"
