"""How ids are written and compared.

Ids are kept in NFC, without characters that cannot be seen. Letter case is significant: two identities may differ by
it. A revocation is met by every spelling, since denying too much is noticed and denying too little is not.
"""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Categories of characters that cannot be seen: control, format (zero width), surrogates, unassigned, separators."""


def visible_id(text: str) -> str:
    """An id in NFC. Raises ValueError for one with a character that cannot be seen.

    >>> visible_id("Ame\\u0301lie") == "Am\\u00e9lie"
    True
    """
    for each in text:
        if unicodedata.category(each) in _UNSEEN:
            raise ValueError(f"must not contain the character U+{ord(each):04X}, which cannot be seen")
    return unicodedata.normalize("NFC", text)


def comparable_id(text: str) -> str:
    """The form that all spellings of an id share: NFKC, letter case folded, nothing invisible, no space around.

    >>> comparable_id("ADA@Example.com") == comparable_id("\\uff21da@example.com\\u200b")
    True
    """
    seen = "".join(each for each in text if unicodedata.category(each) not in _UNSEEN)
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold()).strip()
