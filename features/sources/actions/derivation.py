"""The category of an action by its name alone, whatever a caller declares: vendors' tables, else the name's words."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

from features.event.identifiers import visible
from features.event.schema import Category
from features.sources.actions.generic_names import generic_category
from features.sources.aws.action_categories import listed_category


class DerivedCategory(NamedTuple):
    """A category, and what it was derived from: AWS's own table, the name's words, or nothing (then it is a write).

    AWS calls whatever changes something a write, so there the words may say more.
    """

    category: Category
    source: Literal["aws", "name", "nothing"]


@lru_cache(maxsize=65_536)
def derived_category(name: str) -> DerivedCategory:
    """The category of an action's name; a name that says nothing counts as a write.

    >>> derived_category("iam:CreateAccessKey")
    DerivedCategory(category='rotate_secret', source='aws')
    >>> derived_category("crm:ExportContacts")
    DerivedCategory(category='export', source='name')
    """
    name = visible(unicodedata.normalize("NFKC", name))
    by_words = generic_category(name)
    listed = listed_category(name)
    if listed:
        words_say_more = listed in ("write", "delete") and by_words not in (
            None,
            "read",
            "list",
            "authenticate",
            "write",
        )
        return DerivedCategory(by_words if words_say_more and by_words else listed, "aws")
    return DerivedCategory(by_words, "name") if by_words else DerivedCategory("write", "nothing")
