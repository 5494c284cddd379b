"""`actions.yaml`, `assets.yaml` and `identities.yaml`: optional files beside the policy, read by the same loader.

Each is a list of entries with patterns (`*` and `?`, any letter case). The first action and the first identity that
match count; of several matching assets the strictest sensitivity and environment do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from features.event.schema import Category, Environment, IdentityType, Impact, Sensitivity
from features.hashing import digest_of
from serving.policy.loader import PolicyError, read_file, read_yaml
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


def read_catalogue(path: Path) -> bytes | None:
    """The bytes of a catalogue file; None if there is none. Raises PolicyError when it cannot be read."""
    try:
        return read_file(path)
    except PolicyError as error:
        if isinstance(error.__cause__, FileNotFoundError) and not path.is_symlink():
            return None  # a link to nothing is an error: its entries make rulings stricter
        raise


def parse_catalogues(contents: Mapping[str, bytes], folder: Path) -> Catalogues:
    """The entries of the files whose bytes are given by name.

    Raises PolicyError naming file, line, key and reason, of every file that is wrong: then none of them counts.
    """
    if not contents:
        return NO_CATALOGUES
    entries: dict[str, Any] = {}
    errors: list[PolicyError] = []
    for name, data in contents.items():
        part = name.removesuffix(".yaml")
        try:
            entries[part] = getattr(read_yaml(data, KINDS[name], str(folder / name)), part)
        except PolicyError as error:
            errors.append(error)
    if errors:
        raise PolicyError("\n".join(map(str, errors)), errors[0].file)
    return Catalogues(**entries, digest=contents_digest(contents))


def contents_digest(contents: Mapping[str, bytes]) -> str:
    """The digest of files by name."""
    return digest_of(b"\0".join(name.encode() + b"\0" + data for name, data in sorted(contents.items())))


def load_catalogues(folder: Path) -> Catalogues:
    """Read the files that stand in a folder. Raises PolicyError naming file, line, key and reason."""
    read = {name: read_catalogue(folder / name) for name in FILES}
    return parse_catalogues({name: data for name, data in read.items() if data is not None}, folder)


NO_CATALOGUES = Catalogues()
KINDS: dict[str, type[PolicyPart]] = {ACTIONS: ActionsFile, ASSETS: AssetsFile, IDENTITIES: IdentitiesFile}
"""The model of each file."""
