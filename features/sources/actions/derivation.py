"""The category of an action by its name alone, whatever a caller declares: vendors' tables, else the name's words."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

from features.event.action_harm import HARMFUL, harm_rank
from features.event.identifiers import visible
from features.event.lookalikes import comparable_name
from features.event.schema import Category
from features.sources.actions.generic_names import generic_category
from features.sources.actions.vendor_tables import vendor_categories
from features.sources.aws.action_categories import listed_category


class DerivedCategory(NamedTuple):
    """A category, and what it was derived from: AWS's own table, another vendor's, the name's words, or nothing (then
    it is a write).

    AWS calls whatever changes something a write, so there the words may say more. Names of other vendors may mean
    something else elsewhere, so of their table and the words the one counts that says more.
    """

    category: Category
    source: Literal["aws", "vendor", "name", "nothing"]


@lru_cache(maxsize=65_536)
def derived_category(name: str) -> DerivedCategory:
    """The category of an action's name; a name that says nothing counts as a write.

    >>> derived_category("iam:CreateAccessKey")
    DerivedCategory(category='rotate_secret', source='aws')
    >>> derived_category("crm:ExportContacts"), derived_category("SearchExported").source
    (DerivedCategory(category='export', source='name'), 'vendor')
    """
    name = visible(unicodedata.normalize("NFKC", name))
    by_words, by_aws = generic_category(name), listed_category(name)
    if by_aws:
        more = by_words and harm_rank(by_aws) == 1 and harm_rank(by_words) == HARMFUL
        return DerivedCategory(by_words if more and by_words else by_aws, "aws")
    by_vendor = vendor_categories().get(comparable_name(name))
    if by_vendor and (by_words is None or harm_rank(by_vendor) > harm_rank(by_words)):
        return DerivedCategory(by_vendor, "vendor")
    return DerivedCategory(by_words, "name") if by_words else DerivedCategory("write", "nothing")
