"""Which entry of the deployment's inventory matches an action, a resource or an identity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import get_args

from features.event.lookalikes import comparable_name
from features.event.schema import Environment, Sensitivity
from features.inventory.entries import ActionEntry, AssetEntry, IdentityEntry, Inventory

SENSITIVITIES: tuple[Sensitivity, ...] = get_args(Sensitivity)
"""From the least strict to the strictest."""
ENVIRONMENTS: tuple[Environment, ...] = ("development", "staging", "production")
"""From the least strict to the strictest."""


def matching_action(inventory: Inventory, name: str) -> ActionEntry | None:
    """The first entry for an action's name."""
    return next((entry for entry in inventory.actions if _matches(entry.match, name)), None)


def matching_identity(inventory: Inventory, identity: str) -> IdentityEntry | None:
    """The first entry for an identity's id."""
    return next((entry for entry in inventory.identities if _matches(entry.match, identity)), None)


def matching_assets(inventory: Inventory, id: str | None, type: str | None) -> tuple[AssetEntry, ...]:
    """Every entry for a resource. An entry with patterns of an id does not match a resource without one."""
    return tuple(
        entry
        for entry in inventory.assets
        if (entry.id is None or (id is not None and _matches(entry.id, id)))
        and (entry.type is None or (type is not None and _matches(entry.type, type)))
    )


def stricter_sensitivity(values: Iterable[Sensitivity | None]) -> Sensitivity | None:
    """The highest sensitivity; None if none is known."""
    return max(filter(None, values), key=SENSITIVITIES.index, default=None)


def stricter_environment(values: Iterable[Environment | None]) -> Environment | None:
    """Production before staging before development; None if none is known."""
    return max(filter(None, values), key=ENVIRONMENTS.index, default=None)


@lru_cache(maxsize=65_536)
def _matches(patterns: Sequence[str], text: str) -> bool:
    return _compiled(patterns).match(comparable_name(text)) is not None


@lru_cache(maxsize=4_096)
def _compiled(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(translate(comparable_name(pattern)) for pattern in patterns))
