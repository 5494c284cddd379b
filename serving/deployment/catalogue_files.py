"""`actions.yaml`, `assets.yaml` and `identities.yaml`: optional files beside the policy, read by the same loader.

Each is a list of entries with patterns (`*` and `?`, any letter case). The first action and the first identity that
match count; of several matching assets the strictest sensitivity and environment do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from features.event.schema import Category, Environment, IdentityType, Impact, Sensitivity
from features.hashing import digest_of
from serving.policy.loader import read_file, read_yaml
from serving.policy.rules import FormatVersion, PolicyPart

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

    version: FormatVersion
    actions: tuple[ActionEntry, ...]


class AssetsFile(PolicyPart):
    """The whole of `assets.yaml`."""

    version: FormatVersion
    assets: tuple[AssetEntry, ...]


class IdentitiesFile(PolicyPart):
    """The whole of `identities.yaml`."""

    version: FormatVersion
    identities: tuple[IdentityEntry, ...]


class Catalogues(PolicyPart):
    """The entries of all three files; without files, none."""

    actions: tuple[ActionEntry, ...] = ()
    assets: tuple[AssetEntry, ...] = ()
    identities: tuple[IdentityEntry, ...] = ()
    digest: str | None = None
    """Of the files that there are; None without any."""


def read_catalogues(folder: Path) -> Mapping[str, bytes]:
    """The contents of the files that stand in a folder, by path. Raises PolicyError.

    What stands in a file's place and cannot be read is an error: without its entries rulings would be less strict.
    """
    paths = (folder / name for name in FILES)
    return {str(path): read_file(path) for path in paths if os.path.lexists(path)}


def parse_catalogues(contents: Mapping[str, bytes]) -> Catalogues:
    """The entries of files by path. Raises PolicyError naming file, line, key and reason."""
    if not contents:
        return NO_CATALOGUES
    entries = {}
    for path, data in contents.items():
        name = Path(path).name.removesuffix(".yaml")
        entries[name] = getattr(read_yaml(data, _KINDS[name], path), name)
    joined = b"\0".join(Path(path).name.encode() + b"\0" + data for path, data in contents.items())
    return Catalogues(**entries, digest=digest_of(joined))


def load_catalogues(folder: Path) -> Catalogues:
    """Read the files that stand in a folder. Raises PolicyError naming file, line, key and reason."""
    return parse_catalogues(read_catalogues(folder))


NO_CATALOGUES = Catalogues()
_KINDS: Mapping[str, type[PolicyPart]] = {
    "actions": ActionsFile,
    "assets": AssetsFile,
    "identities": IdentitiesFile,
}
