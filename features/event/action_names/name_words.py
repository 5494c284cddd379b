"""Cuts the name of an action into words: in lower case, in English, in their plain form."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from posixpath import normpath
from urllib.parse import unquote

from features.event.action_names import vocabulary
from features.event.action_names.other_languages import english_words, unmarked, with_stems_in_english
from features.event.action_names.vocabulary import CHANGING, RUN, VIEW
from features.event.lookalikes import as_read

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ADDRESS = re.compile(r"(?P<method>[A-Za-z]+)[ :]+(?:https?://[^/ ]+)?(?P<path>/[^?#]*)(?P<rest>.*)", re.DOTALL)
_PARAMETERS = re.compile(r";[^/]*")
_OVERRIDE = re.compile(r"[?&]_method=([A-Za-z]+)")
_VERSION = re.compile(r"^v?\d+(alpha|beta)?\d*$")
_SHORTEST, _LONGEST = 5, 48
"""Lengths of words that may be several without anything between them."""


def words_of(name: str) -> tuple[str, ...]:
    """The words of an action's name in lower case, in English and in their plain form, without versions.

    >>> words_of("google.iam.admin.v1.CreateServiceAccountKey")
    ('google', 'iam', 'admin', 'create', 'service', 'account', 'key')
    >>> words_of("DELETE https://search.example.com/users/7/2fa?view=1"), words_of("UserDisabled")
    (('delete', 'users', 'mfa'), ('user', 'disable'))
    >>> words_of("cr\u00e9er_cl\u00e9"), words_of("benutzer_anlegen"), words_of("createuser")
    (('create', 'key'), ('user', 'create'), ('create', 'user'))
    """
    name = re.sub("2fa", " mfa ", in_latin_letters(spoken(name)), flags=re.IGNORECASE)
    words = (word.lower() for word in _WORD.findall(name))
    known = (part for word in words if not _VERSION.match(word) and word != "v" for part in _parts(word))
    return tuple(map(_plain, known))


def verbs_of(words: tuple[str, ...]) -> list[str]:
    """Those of a name's words that say what is done: they view, change or run something."""
    return [word for word in words if word in VIEW or word in CHANGING or word in RUN]


def verb_of(name: str) -> str:
    """The verb of an action's name: its first known one; else its second word, since the first names a service.

    >>> [verb_of(name) for name in ("iam:CreateAccessKey", "DELETE /users/7", "sh:grep -v", "login", "...")]
    ['create', 'delete', 'grep', 'login', '...']
    """
    words = words_of(name)
    verbs = verbs_of(words)
    return verbs[0] if verbs else words[1] if len(words) > 1 else words[0] if words else name


def in_latin_letters(name: str) -> str:
    """A name with English words for those of other scripts that are known, and Latin letters for their lookalikes."""
    return name if name.isascii() else unmarked(as_read(with_stems_in_english(name)))


def spoken(name: str) -> str:
    """Of an address the method and the path that a server sees: what follows is the caller's own text. A method may be
    overridden."""
    address = _ADDRESS.fullmatch(name.strip())
    if address is None:
        return name
    override = _OVERRIDE.search(address["rest"])
    path = _PARAMETERS.sub("", unquote(unquote(address["path"])))
    return f"{override[1] if override else address['method']} {normpath(path)}"


def _parts(word: str) -> tuple[str, ...]:
    """A word as several, where it is nothing but words that are known, and in English."""
    english = english_words()
    if word in english:
        return (english[word],)
    if word in _known() or not _SHORTEST <= len(word) <= _LONGEST or _plain(word) != word:
        return (word,)
    parts = _cut(word)
    return tuple(english.get(part, part) for part in parts) if parts else (word,)


@lru_cache(maxsize=65_536)
def _cut(word: str) -> tuple[str, ...]:
    """The fewest words that are known and make up a word; none if there are none."""
    if word in _known():
        return (word,)
    ways = (
        (word[:length], *rest)
        for length in range(len(word) - 2, 2, -1)
        if word[:length] in _known() and (rest := _tail(word[length:]))
    )
    return min(ways, key=len, default=())


def _tail(word: str) -> tuple[str, ...]:
    return (word,) if word == "as" else _cut(word)


@cache
def _known() -> frozenset[str]:
    """Every word that means something here, from three letters on."""
    sets = (value for value in vars(vocabulary).values() if isinstance(value, frozenset))
    return frozenset(word for word in set().union(*sets) | set(english_words()) if len(word) > 2) - {
        "set",
        "put",
        "add",
        "off",
        "pat",
    } | {"add"}


@lru_cache(maxsize=65_536)
def _plain(word: str) -> str:
    """A participle as its verb, where the verb is known."""
    for base in (
        word.removesuffix("d"),
        word.removesuffix("ed"),
        word.removesuffix("ing"),
        word.removesuffix("ing") + "e",
    ):
        if base != word and base in VIEW | CHANGING:
            return base
    return word
