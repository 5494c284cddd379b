"""The category of an action by its name alone, whatever a caller declares: vendors' tables, else the name's words."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

from features.event.schema import Category
from features.sources.actions.generic_names import generic_category
from features.sources.aws.action_categories import listed_category


class DerivedCategory(NamedTuple):
    """A category, and what it was derived from: AWS's own table, the name's words, or nothing (then it is a write)."""

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
    name = unicodedata.normalize("NFKC", name)
    listed = listed_category(name)
    if listed:
        return DerivedCategory(listed, "aws")
    by_words = generic_category(name)
    return DerivedCategory(by_words, "name") if by_words else DerivedCategory("write", "nothing")
