"""Which entry of the deployment's inventory matches an action, a resource or an identity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import get_args

from features.event.lookalikes import comparable_name
from features.event.roles import PRIVILEGED_WORDS, has_word
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


def stricter_role(roles: Iterable[str | None]) -> str | None:
    """The first role whose name is privileged, else the first one; None if none is known."""
    known = list(filter(None, roles))
    return next((role for role in known if has_word(role, PRIVILEGED_WORDS)), next(iter(known), None))


def stricter_privilege(values: Iterable[bool | None]) -> bool | None:
    """True if any is, False if all that are known are; None if none is known."""
    known = [value for value in values if value is not None]
    return any(known) if known else None


def larger_count(counts: Iterable[int | None]) -> int | None:
    """The largest count; None if none is known, for 0 is known."""
    return max((count for count in counts if count is not None), default=None)


def asset_of_both(first: AssetEntry, second: AssetEntry) -> AssetEntry:
    """What two entries say of one asset: the stricter value of each, and the owner that was named last."""
    return first.model_copy(
        update={
            "sensitivity": stricter_sensitivity([first.sensitivity, second.sensitivity]),
            "environment": stricter_environment([first.environment, second.environment]),
            "owner": second.owner or first.owner,
        }
    )


def identity_of_both(first: IdentityEntry, second: IdentityEntry) -> IdentityEntry:
    """What two entries say of one identity: more privilege rather than less; the first one's type."""
    return first.model_copy(
        update={
            "type": first.type or second.type,
            "role": stricter_role([first.role, second.role]),
            "privileged": stricter_privilege([first.privileged, second.privileged]),
            "entitlements": larger_count([first.entitlements, second.entitlements]),
            "owner": second.owner or first.owner,
        }
    )


@lru_cache(maxsize=65_536)
def _matches(patterns: Sequence[str], text: str) -> bool:
    return _compiled(patterns).match(comparable_name(text)) is not None


@lru_cache(maxsize=4_096)
def _compiled(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(translate(comparable_name(pattern)) for pattern in patterns))
