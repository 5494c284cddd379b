"""How ids are written and compared.

Ids are kept in NFC, without characters that cannot be seen. An identity is the same in any letter case and width, as
people type it: the spelling that came first is kept. Two that are stored apart, as from an earlier release, stay apart.
Ids of sessions, credentials and devices are made by machines and compared as they are. A revocation is met by every
spelling, letters that look alike included, since denying too much is noticed and denying too little is not.
"""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Categories of characters that cannot be seen: control, format (zero width), surrogates, unassigned, separators."""
_BLANK = frozenset(
    chr(code)
    for first, last in (
        (0x034F, 0x034F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x2800, 0x2800),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFFC),
        (0xE0000, 0xE0FFF),
    )
    for code in range(first, last + 1)
)
"""Others that show nothing: what Unicode calls default ignorable, the empty Braille pattern, the object replacement."""


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in _UNSEEN and character not in _BLANK


def visible(text: str) -> str:
    """The text without characters that cannot be seen."""
    return "".join(filter(_is_seen, text))


def visible_id(text: str) -> str:
    """An id in NFC. Raises ValueError for one with a character that cannot be seen.

    >>> visible_id("Ame\\u0301lie") == "Am\\u00e9lie"
    True
    """
    for each in text:
        if not _is_seen(each):
            raise ValueError(f"must not contain the character U+{ord(each):04X}, which cannot be seen")
    return unicodedata.normalize("NFC", text)


def comparable_id(text: str) -> str:
    """The form that all spellings of an id share: NFKC, letter case folded, nothing invisible, no space around.

    >>> comparable_id("ADA@Example.com") == comparable_id("\\uff21da@example.com\\u200b")
    True
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible(text)).casefold()).strip()
