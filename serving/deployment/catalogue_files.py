"""`actions.yaml`, `assets.yaml` and `identities.yaml`: optional files beside the policy, read by the same loader.

Each is a list of entries with patterns (`*` and `?`, any letter case). The first action and the first identity that
match count; of several matching assets the strictest sensitivity and environment do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from features.event.schema import Category, Environment, IdentityType, Impact, Sensitivity
from features.hashing import digest_of
from serving.policy.loader import load_model
from serving.policy.rules import PolicyPart

Pattern = Annotated[str, Field(min_length=1, max_length=256)]
Patterns = Annotated[tuple[Pattern, ...], Field(min_length=1)]

ACTIONS, ASSETS, IDENTITIES = "actions.yaml", "assets.yaml", "identities.yaml"
FILES = (ACTIONS, ASSETS, IDENTITIES)


class ActionEntry(PolicyPart):
    """What actions of some names are, whatever a caller or a vendor's table says of them."""

    match: Patterns
    """Patterns of the action's name."""
    category: Category
    impact: Impact | None = None
    reversible: bool | None = None


class AssetEntry(PolicyPart):
    """How sensitive resources of some ids or types are, and which environment they belong to."""

    id: Patterns | None = None
    """Patterns of the resource's id; without them, every id."""
    type: Patterns | None = None
    """Patterns of the resource's type; without them, every type."""
    sensitivity: Sensitivity | None = None
    environment: Environment | None = None
    owner: str | None = None


class IdentityEntry(PolicyPart):
    """What identities of some ids are."""

    match: Patterns
    """Patterns of the identity's id."""
    type: IdentityType | None = None
    role: str | None = None
    privileged: bool | None = None
    entitlements: Annotated[int, Field(ge=0)] | None = None
    """How many entitlements it was granted."""
    owner: str | None = None


class ActionsFile(PolicyPart):
    """The whole of `actions.yaml`."""

    version: Literal[1]
    actions: tuple[ActionEntry, ...]


class AssetsFile(PolicyPart):
    """The whole of `assets.yaml`."""

    version: Literal[1]
    assets: tuple[AssetEntry, ...]


class IdentitiesFile(PolicyPart):
    """The whole of `identities.yaml`."""

    version: Literal[1]
    identities: tuple[IdentityEntry, ...]


class Catalogues(PolicyPart):
    """The entries of all three files; without files, none."""

    actions: tuple[ActionEntry, ...] = ()
    assets: tuple[AssetEntry, ...] = ()
    identities: tuple[IdentityEntry, ...] = ()
    digest: str | None = None
    """Of the files that there are; None without any."""


def load_catalogues(folder: Path) -> Catalogues:
    """Read the files that stand in a folder. Raises PolicyError naming file, line, key and reason."""
    paths = [folder / name for name in FILES]
    read = {path.name: load_model(path, kind) for path, kind in zip(paths, _KINDS, strict=True) if path.exists()}
    if not read:
        return Catalogues()
    entries = {
        name.removesuffix(".yaml"): getattr(file, name.removesuffix(".yaml")) for name, (file, _) in read.items()
    }
    contents = b"\0".join(name.encode() + b"\0" + data for name, (_, data) in read.items())
    return Catalogues(**entries, digest=digest_of(contents))


NO_CATALOGUES = Catalogues()
_KINDS: tuple[type[PolicyPart], ...] = (ActionsFile, AssetsFile, IdentitiesFile)
