"""Read what a deployment knows from `actions.yaml`, `assets.yaml`, `identities.yaml`, or an export as CSV.

A CSV is a list of assets (tags of a cloud, an inventory) or of identities (a directory, a review of rights), by its
columns. Columns may be named in any letter case, also as AWS's Tag Editor names them (`Tag: Environment`).
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from features.bounded_yaml.composer import YamlError
from features.bounded_yaml.document import parse_yaml, read_bounded
from features.event.schema import Environment, IdentityType, Sensitivity
from features.inventory.entries import ActionsFile, AssetEntry, AssetsFile, IdentitiesFile, IdentityEntry, Inventory

_YAML_FILES: dict[str, Any] = {"actions": ActionsFile, "assets": AssetsFile, "identities": IdentitiesFile}
_IDENTITY_COLUMNS = "user username identity principal login email upn userprincipalname member"
_COLUMNS: dict[str, str] = {
    "id": f"id arn resourcearn identifier resourceid resource name {_IDENTITY_COLUMNS}",
    "kind": "type resourcetype identitytype",
    "sensitivity": "sensitivity classification dataclassification confidentiality",
    "environment": "environment env stage",
    "owner": "owner team manager",
    "role": "role jobtitle title",
    "privileged": "privileged admin isadmin administrator",
    "entitlements": "entitlements entitlementcount permissions",
}
_MEANING = {column: meaning for meaning, columns in _COLUMNS.items() for column in columns.split()}
_VALUES: dict[str, dict[str, Any]] = {
    "sensitivity": {value: value for value in get_args(Sensitivity)}
    | {"private": "internal", "sensitive": "confidential", "secret": "restricted", "highlyconfidential": "restricted"},
    "environment": {value: value for value in get_args(Environment)}
    | {"prod": "production", "live": "production", "prd": "production"}
    | dict.fromkeys(("stage", "stg", "preprod", "uat", "qa", "test", "testing"), "staging")
    | dict.fromkeys(("dev", "sandbox", "lab"), "development"),
    "privileged": {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False},
    "identity_type": {value.replace("_", ""): value for value in get_args(IdentityType)}
    | {"user": "human", "person": "human", "serviceprincipal": "service_account", "application": "workload"},
}


class ContextError(ValueError):
    """A file of context that cannot be used; the message says where and why."""


@dataclass(frozen=True)
class Context:
    """What is known beside a log."""

    inventory: Inventory = field(default_factory=Inventory)
    assets: Mapping[str, AssetEntry] = field(default_factory=dict)
    """Assets of an export, by their exact id."""
    identities: Mapping[str, IdentityEntry] = field(default_factory=dict)
    """Identities of an export, by their exact id."""
    unread: Counter[str] = field(default_factory=Counter)
    """Cells of an export that say nothing known, as `column: value`."""


def read_context(files: list[Path]) -> Context:
    """What some files say together; of two that name the same id exactly, the later one counts. Raises ContextError."""
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
        raise ContextError(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return name, getattr(read, name)


def _with_export(context: Context, file: Path) -> Context:
    try:
        rows = list(_rows(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ContextError(f"{file} cannot be read: {error}") from error
    if not rows:
        raise ContextError(f"{file} has no rows with an id: name its column id, arn, or user")
    assets, identities, unread = dict(context.assets), dict(context.identities), context.unread.copy()
    of_identities = any({"role", "privileged", "entitlements", "user"} & row.keys() for row in rows)
    for row in rows:
        if of_identities:
            identities[row["id"]] = _identity(row, unread)
        else:
            assets[row["id"]] = _asset(row, unread)
    return Context(context.inventory, assets, identities, unread)


def _rows(file: Path) -> Iterator[dict[str, str]]:
    """The rows with an id: their cells by what the columns mean."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            cells: dict[str, str] = {}
            for column, cell in row.items():
                name = _plain(str(column).removeprefix("Tag:").removeprefix("tag:"))
                meaning = _MEANING.get(name)
                if meaning and isinstance(cell, str) and cell.strip() and meaning not in cells:
                    cells[meaning] = cell.strip()
                    if name in _IDENTITY_COLUMNS.split():
                        cells["user"] = cell.strip()
            if "id" in cells:
                yield cells


def _plain(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _asset(row: dict[str, str], unread: Counter[str]) -> AssetEntry:
    return AssetEntry(
        id=(row["id"],),
        sensitivity=_value("sensitivity", row, "sensitivity", unread),
        environment=_value("environment", row, "environment", unread),
        owner=row.get("owner"),
    )


def _identity(row: dict[str, str], unread: Counter[str]) -> IdentityEntry:
    entitlements = row.get("entitlements", "")
    return IdentityEntry(
        match=(row["id"],),
        type=_value("identity_type", row, "kind", unread),
        role=row.get("role"),
        privileged=_value("privileged", row, "privileged", unread),
        entitlements=int(entitlements) if entitlements.isascii() and entitlements.isdecimal() else None,
        owner=row.get("owner"),
    )


def _value(vocabulary: str, row: dict[str, str], meaning: str, unread: Counter[str]) -> Any:
    """What a cell says in our words; None where it says nothing known, which is counted."""
    cell = row.get(meaning)
    value = _VALUES[vocabulary].get(_plain(cell)) if cell else None
    if cell and value is None:
        unread[f"{meaning}: {cell[:40]}"] += 1
    return value
