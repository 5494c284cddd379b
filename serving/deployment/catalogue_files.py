"""`actions.yaml`, `assets.yaml` and `identities.yaml`: optional files beside the policy, read by the same loader.

Each is a list of entries with patterns (`*` and `?`, any letter case). The first action and the first identity that
match count; of several matching assets the strictest sensitivity and environment do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from features.hashing import digest_of
from features.inventory.entries import ActionsFile, AssetsFile, IdentitiesFile, Inventory
from serving.policy.loader import PolicyError, read_file, read_yaml

ACTIONS, ASSETS, IDENTITIES = "actions.yaml", "assets.yaml", "identities.yaml"
FILES = (ACTIONS, ASSETS, IDENTITIES)


class Catalogues(Inventory):
    """The entries of the files beside the policy, and which files they are of."""

    files: Mapping[str, str] = {}
    """The digest of each file that there is, by its name."""

    @property
    def digest(self) -> str | None:
        """The digest of all files together; None without any."""
        lines = [f"{name} {digest}" for name, digest in sorted(self.files.items())]
        return digest_of("\n".join(lines).encode()) if lines else None

    def with_file(self, name: str, data: bytes, entries: tuple[Any, ...]) -> Catalogues:
        """The same with the entries of a file in place of those it had."""
        return self.model_copy(update={_part(name): entries, "files": {**self.files, name: digest_of(data)}})

    def without_file(self, name: str) -> Catalogues:
        """The same without the entries of a file."""
        files = {other: digest for other, digest in self.files.items() if other != name}
        return self.model_copy(update={_part(name): (), "files": files})


def read_catalogue(path: Path) -> bytes | None:
    """The bytes of a catalogue file; None if there is none. Raises PolicyError when it cannot be read."""
    try:
        return read_file(path)
    except PolicyError as error:
        if isinstance(error.__cause__, FileNotFoundError) and not path.is_symlink():
            return None  # a link to nothing is an error: its entries make rulings stricter
        raise


def parse_catalogue(data: bytes, path: Path) -> tuple[Any, ...]:
    """The entries of one file. Raises PolicyError naming file, line, key and reason."""
    entries: tuple[Any, ...] = getattr(read_yaml(data, KINDS[path.name], str(path)), _part(path.name))
    return entries


def misnamed_files(folder: Path) -> dict[Path, str]:
    """The files of a folder that look like a catalogue and are none by their name, each with what to do.

    Nothing reads them: who wrote `assets.yml` believes that its entries count.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return {}
    meant = {f"{_part(name)}{suffix}": name for name in FILES for suffix in (".yaml", ".yml", ".json")}
    return {
        folder / name: f"{folder / name} is not read: name it {meant[name.casefold()]}"
        for name in names
        if name not in FILES and name.casefold() in meant
    }


def load_catalogues(folder: Path) -> Catalogues:
    """Read the files that stand in a folder.

    Raises PolicyError naming file, line, key and reason, of every file that is wrong: then none of them counts.
    """
    catalogues, wrong = NO_CATALOGUES, misnamed_files(folder)
    for path in (folder / name for name in FILES):
        try:
            data = read_catalogue(path)
            if data is not None:
                catalogues = catalogues.with_file(path.name, data, parse_catalogue(data, path))
        except PolicyError as error:
            wrong[path] = str(error)
    if wrong:
        raise PolicyError("\n".join(wrong.values()), str(next(iter(wrong))))
    return catalogues


def _part(name: str) -> str:
    return name.removesuffix(".yaml")


NO_CATALOGUES = Catalogues()
KINDS: dict[str, type[BaseModel]] = {ACTIONS: ActionsFile, ASSETS: AssetsFile, IDENTITIES: IdentitiesFile}
"""The model of each file."""
