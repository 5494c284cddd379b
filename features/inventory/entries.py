"""What a deployment knows of its actions, assets and identities, beside what requests and logs say of them.

Each entry has patterns (`*` and `?`, any letter case). The first action and the first identity that match count; of
several matching assets the strictest sensitivity and environment do.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from features.bounded_yaml.scalars import FormatVersion
from features.event.schema import Category, Count, Environment, IdentityType, Impact, Sensitivity

Pattern = Annotated[str, Field(min_length=1, max_length=256)]
Patterns = Annotated[tuple[Pattern, ...], Field(min_length=1)]


class InventoryPart(BaseModel):
    """The base of every entry: frozen, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ActionEntry(InventoryPart):
    """What actions of some names are, whatever a caller or a vendor's table says of them."""

    match: Patterns
    """Patterns of the action's name."""
    category: Category
    impact: Impact | None = None
    reversible: bool | None = None


class AssetEntry(InventoryPart):
    """How sensitive resources of some ids or types are, and which environment they belong to."""

    id: Patterns | None = None
    """Patterns of the resource's id; without them, every id."""
    type: Patterns | None = None
    """Patterns of the resource's type; without them, every type."""
    sensitivity: Sensitivity | None = None
    environment: Environment | None = None
    owner: str | None = None


class IdentityEntry(InventoryPart):
    """What identities of some ids are."""

    match: Patterns
    """Patterns of the identity's id."""
    type: IdentityType | None = None
    role: str | None = None
    privileged: bool | None = None
    entitlements: Count | None = None
    """How many entitlements it was granted."""
    owner: str | None = None


class ActionsFile(InventoryPart):
    """The whole of `actions.yaml`."""

    version: FormatVersion
    actions: tuple[ActionEntry, ...]


class AssetsFile(InventoryPart):
    """The whole of `assets.yaml`."""

    version: FormatVersion
    assets: tuple[AssetEntry, ...]


class IdentitiesFile(InventoryPart):
    """The whole of `identities.yaml`."""

    version: FormatVersion
    identities: tuple[IdentityEntry, ...]


class Inventory(InventoryPart):
    """The entries of all three files; without files, none."""

    actions: tuple[ActionEntry, ...] = ()
    assets: tuple[AssetEntry, ...] = ()
    identities: tuple[IdentityEntry, ...] = ()
