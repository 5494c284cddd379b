"""How much harm an action of a category does by itself."""

from __future__ import annotations

from features.event.schema import Category

HARMFUL = 2
_VIEWING: tuple[Category, ...] = ("read", "list", "authenticate")
_ORDINARY: tuple[Category, ...] = ("write", "delete")


def harm_rank(category: Category) -> int:
    """0 for viewing and signing in, 1 for ordinary changes, 2 for whatever does harm by itself.

    >>> [harm_rank(category) for category in ("list", "delete", "rotate_secret")]
    [0, 1, 2]
    """
    return 0 if category in _VIEWING else 1 if category in _ORDINARY else HARMFUL
