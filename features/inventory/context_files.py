"""Read what a deployment knows from `actions.yaml`, `assets.yaml`, `identities.yaml`, or exports as CSV."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from features.bounded_yaml.composer import YamlError
from features.bounded_yaml.document import parse_yaml, read_bounded
from features.inventory.entries import ActionsFile, AssetEntry, AssetsFile, IdentitiesFile, IdentityEntry, Inventory
from features.inventory.exports import ExportError, read_export
from features.inventory.matching import asset_of_both, identity_of_both

_YAML_FILES: dict[str, Any] = {"actions": ActionsFile, "assets": AssetsFile, "identities": IdentitiesFile}


class ContextError(ValueError):
    """A file of context that cannot be used; the message says where and why."""


@dataclass(frozen=True)
class Context:
    """What is known beside a log."""

    inventory: Inventory = field(default_factory=Inventory)
    assets: Mapping[str, AssetEntry] = field(default_factory=dict)
    """Assets of an export, by their exact id."""
    identities: Mapping[str, IdentityEntry] = field(default_factory=dict)
    """Identities of an export, by the form that all spellings of an id share."""
    unread: Counter[str] = field(default_factory=Counter)
    """Cells of an export that say nothing known, as `column: value`."""


def read_context(files: list[Path]) -> Context:
    """What some files say together: the stricter value, of exports that name one id. Raises ContextError."""
    parts: dict[str, tuple[Any, ...]] = {}
    context = Context(assets={}, identities={})
    for file in files:
        if file.suffix.lower() == ".csv":
            context = _with_export(context, file)
        else:
            name, entries = _yaml_entries(file)
            parts[name] = (*parts.get(name, ()), *entries)
    return Context(Inventory(**parts), context.assets, context.identities, context.unread)


def _yaml_entries(file: Path) -> tuple[str, tuple[Any, ...]]:
    try:
        document = parse_yaml(read_bounded(file), str(file))
        value = document.value if isinstance(document.value, dict) else {}
        name = next((name for name in _YAML_FILES if name in value), None)
        if name is None:
            raise ContextError(f"{file} holds none of {', '.join(_YAML_FILES)}")
        read = TypeAdapter(_YAML_FILES[name]).validate_json(json.dumps(value), strict=True)
    except YamlError as error:
        raise ContextError(str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        line, column = document.position(map(str, first["loc"]))
        place = f"{file}:{line}:{column}: {'.'.join(map(str, first['loc']))}"
        raise ContextError(f"{place}: {first['msg']}; {str(first['input'])[:40]!r} cannot stand there") from error
    return name, getattr(read, name)


def _with_export(context: Context, file: Path) -> Context:
    try:
        export = read_export(file)
    except ExportError as error:
        raise ContextError(str(error)) from error
    assets, identities = dict(context.assets), dict(context.identities)
    for id, asset in export.assets.items():
        assets[id] = asset_of_both(assets[id], asset) if id in assets else asset
    for id, identity in export.identities.items():
        identities[id] = identity_of_both(identities[id], identity) if id in identities else identity
    return Context(context.inventory, assets, identities, context.unread + export.unread)
