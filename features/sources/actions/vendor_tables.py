"""The categories of actions that the vendors' maps list by name, whichever way an action comes to be decided.

Only names that a map lists as they are: its patterns and views are made for names of its own vendor, and would say
something of every other name.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import cast

from features.bounded_yaml.document import parse_yaml, read_bounded
from features.event.action_harm import harm_rank
from features.event.schema import Category

_SOURCES = Path(__file__).parents[1]


@cache
def vendor_categories() -> dict[str, Category]:
    """The category of each listed name, in folded case; of several vendors that use it, the one that does most harm."""
    found: dict[str, Category] = {}
    for path in sorted(_SOURCES.glob("*/*.yaml")):
        categories = (parse_yaml(read_bounded(path), path.name).value.get("actions") or {}).get("categories") or {}
        for category, names in categories.items():
            for name in (name.casefold() for name in names if "*" not in name):
                found[name] = max(found.get(name, category), cast("Category", category), key=harm_rank)
    return found
