"""Letters of other scripts that look like Latin ones, so that a word is read as people read it.

The letters that Unicode's security data (UTS 39, confusables) give a Latin lower-case letter for, of the two scripts
that have many: Cyrillic and Greek. Names of roles and actions, patterns of catalogues and revoked
ids are compared in this form; ids are kept as they are written.
"""

from __future__ import annotations

import unicodedata

from features.event.identifiers import comparable_id, visible

_CYRILLIC = dict(zip("асԁеһіјӏоԛрѕѵԝхуԍќгѐёїӓӧў", "acdehijloqpsvwxygkreeiaoy", strict=True))
_GREEK = dict(zip("αγεικνορτυχϲϳ", "ayeikvoptuxcj", strict=True))
_CAPITALS = dict(zip("АВЕЅІЈКМНОРСТУХԌԚԜѴΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABESIJKMHOPCTYXGQWVABEZHIKMNOPTYX", strict=True))
_OTHERS = {"ı": "i", "ɑ": "a", "ɡ": "g", "ɩ": "i", "ⅼ": "l", "ո": "n", "օ": "o", "ս": "u", "հ": "h", "ց": "g"}
_LATIN = str.maketrans(_CYRILLIC | _GREEK | _CAPITALS | _OTHERS)


def is_latin(character: str) -> bool:
    """Whether a character is a Latin letter, plain or with marks.

    >>> is_latin("é"), is_latin("е")
    (True, False)
    """
    return unicodedata.name(character, "").startswith("LATIN ")


def as_read(text: str) -> str:
    """The text with Latin letters for those that look like them, in each word that has a Latin letter or becomes one.

    A word of another script that does not read as Latin all through stays as it is.

    >>> as_read("\\u0430dmin"), as_read("создать")
    ('admin', 'создать')
    """
    if text.isascii():
        return text
    latin = text.translate(_LATIN)
    words = zip(_runs(text), _runs(latin), strict=True)
    return "".join(read if _is_latin_word(read) or _has_latin(word) else word for word, read in words)


def in_plain_letters(text: str) -> str:
    """The text in NFKC without what cannot be seen, with Latin letters for their lookalikes."""
    return text if text.isascii() and text.isprintable() else as_read(unicodedata.normalize("NFKC", visible(text)))


def comparable_name(text: str) -> str:
    """The form that all spellings of a name share which look alike: that of ids, with Latin letters for lookalikes.

    >>> comparable_name("\u0410dmin") == comparable_name("ADMIN")
    True
    """
    return comparable_id(in_plain_letters(text))


def _runs(text: str) -> list[str]:
    """The text cut into runs of letters and of anything else."""
    runs: list[str] = []
    for place, each in enumerate(text):
        if place and each.isalpha() == text[place - 1].isalpha():
            runs[-1] += each
        else:
            runs.append(each)
    return runs


def _has_latin(word: str) -> bool:
    return any(each.isalpha() and is_latin(each) for each in word)


def _is_latin_word(word: str) -> bool:
    return all(is_latin(each) for each in word if each.isalpha())
