"""Read a CSV export of assets (tags of a cloud, an inventory) or of identities (a directory, a review of rights).

Columns may be named in any letter case, also as AWS's Tag Editor names them (`Tag: Environment`). An export is of
identities when its id is one of a user or principal, or when it says who is privileged and nothing of sensitivity or
environment; a role, an administrator or a user beside those is a tag of an asset. What says nothing is counted. Several
rows, or columns, about one asset or identity are put together: the stricter value of each counts.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError

from features.event.identifiers import comparable_id
from features.event.schema import Environment, IdentityType, Sensitivity
from features.inventory.entries import AssetEntry, IdentityEntry
from features.inventory.matching import asset_of_both, identity_of_both

_IDENTITY_COLUMNS = frozenset(
    ("user", "username", "identity", "principal", "login", "email", "upn", "userprincipalname", "member")
)
_COLUMNS: dict[str, str] = {
    "id": f"id arn resourcearn identifier resourceid resource name {' '.join(_IDENTITY_COLUMNS)}",
    "kind": "type resourcetype identitytype",
    "sensitivity": "sensitivity classification dataclassification confidentiality",
    "environment": "environment env stage",
    "owner": "owner team manager",
    "role": "role jobtitle title",
    "privileged": "privileged admin isadmin administrator",
    "entitlements": "entitlements entitlementcount permissions",
}
_MEANING = {column: meaning for meaning, columns in _COLUMNS.items() for column in columns.split()}
_OF_ASSETS = {"sensitivity", "environment"}
_OF_IDENTITIES = {"role", "privileged", "entitlements"}
_VALUES: dict[str, dict[str, Any]] = {
    "sensitivity": {value: value for value in get_args(Sensitivity)}
    | {"private": "internal", "sensitive": "confidential", "secret": "restricted", "highlyconfidential": "restricted"},
    "environment": {value: value for value in get_args(Environment)}
    | {"prod": "production", "live": "production", "prd": "production"}
    | dict.fromkeys(("stage", "stg", "preprod", "uat", "qa", "test", "testing"), "staging")
    | dict.fromkeys(("dev", "sandbox", "lab"), "development"),
    "privileged": {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False},
    "type": {value.replace("_", ""): value for value in get_args(IdentityType)}
    | {"user": "human", "person": "human", "serviceprincipal": "service_account", "application": "workload"},
}


class ExportError(ValueError):
    """An export that cannot be used; the message says where and what to do."""


@dataclass(frozen=True)
class Export:
    """What an export says, and the cells that say nothing known, as `column: value`.

    Assets by each of their exact ids, identities by the form that all spellings of an id share (`comparable_id`).
    """

    assets: dict[str, AssetEntry]
    identities: dict[str, IdentityEntry]
    unread: Counter[str]


class _Cell(NamedTuple):
    column: str
    meaning: str
    text: str


class _Row(NamedTuple):
    line: int
    cells: tuple[_Cell, ...]

    def of(self, meaning: str) -> list[_Cell]:
        """The cells of one meaning, in the order of their columns."""
        return [cell for cell in self.cells if cell.meaning == meaning]


def read_export(file: Path) -> Export:
    """What a CSV file says. Raises ExportError naming file and line."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = [row for row in _rows(file, lines) if row.of("id")]
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"{file} cannot be read: {error}; save it as CSV in UTF-8") from error
    if not rows:
        raise ExportError(f"{file} has no rows with an id: name its column id, arn, or user")
    export = Export({}, {}, Counter())
    of_identities = _is_of_identities(rows)
    for row in rows:
        try:
            if of_identities:
                _add_identity(export, row)
            else:
                _add_asset(export, row)
        except ValidationError as error:
            raise ExportError(f"{file}, line {row.line}: {_sentence(error)}") from None
    return export


def _rows(file: Path, lines: Any) -> Iterator[_Row]:
    """The rows under the header, each with the cells whose columns mean something."""
    first = lines.readline()
    delimiter = max(",;\t", key=first.count)
    header = next(csv.reader([first], delimiter=delimiter), [])
    columns = [_plain(name.strip().removeprefix("Tag:").removeprefix("tag:")) for name in header]
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise ExportError(f"{file}, line {reader.line_num + 1}: is not CSV: {error}") from None
        if row is None:
            return
        cells = (
            _Cell(column, _MEANING[column], text.strip())
            for column, text in zip(columns, row, strict=False)
            if column in _MEANING and text.strip()
        )
        yield _Row(reader.line_num + 1, tuple(cells))


def _is_of_identities(rows: Sequence[_Row]) -> bool:
    ids = {row.of("id")[0].column for row in rows}
    if ids & _IDENTITY_COLUMNS:
        return True
    said = {cell.meaning for row in rows for cell in row.cells}
    return not said & _OF_ASSETS and bool(said & _OF_IDENTITIES)


def _add_asset(export: Export, row: _Row) -> None:
    ids = _asset_ids(row)
    for sensitivity, environment in _pairs(export, row, "sensitivity", "environment"):
        entry = AssetEntry(id=ids, sensitivity=sensitivity, environment=environment, owner=_owner(row))
        for id in ids:
            known = export.assets.get(id)
            export.assets[id] = asset_of_both(known, entry) if known else entry
    _count(export, [cell for meaning in sorted(_OF_IDENTITIES) for cell in row.of(meaning)])


def _asset_ids(row: _Row) -> tuple[str, ...]:
    """Every id of a row, its ARN beside its identifier. A name or a user is one only where there is nothing else."""
    cells = row.of("id")
    ids = [cell.text for cell in cells if cell.column != "name" and cell.column not in _IDENTITY_COLUMNS]
    return tuple(dict.fromkeys(ids or [cells[0].text]))


def _add_identity(export: Export, row: _Row) -> None:
    first, *others = row.of("id")
    ids = dict.fromkeys([first.text, *(cell.text for cell in others if cell.column in _IDENTITY_COLUMNS)])
    kinds = [_value(export, "type", cell) for cell in row.of("kind")]
    entries = [
        IdentityEntry(
            match=tuple(ids),
            type=next(filter(None, kinds), None),
            role=role.text if role else None,
            privileged=privileged,
            entitlements=entitlements,
            owner=_owner(row),
        )
        for role, privileged, entitlements in _table(
            row.of("role"),
            [_value(export, "privileged", cell) for cell in row.of("privileged")],
            [_count_in(export, cell) for cell in row.of("entitlements")],
        )
    ]
    entry = reduce(identity_of_both, entries)
    for id in filter(None, dict.fromkeys(map(comparable_id, ids))):
        known = export.identities.get(id)
        if known and known.type and entry.type not in (None, known.type):
            export.unread[f"type: {entry.type} beside {known.type} of {id[:40]}"] += 1
        export.identities[id] = identity_of_both(known, entry) if known else entry
    _count(export, [cell for meaning in sorted(_OF_ASSETS) for cell in row.of(meaning)])


def _pairs(export: Export, row: _Row, *meanings: str) -> list[tuple[Any, ...]]:
    return _table(*([_value(export, meaning, cell) for cell in row.of(meaning)] for meaning in meanings))


def _table(*columns: Sequence[Any]) -> list[tuple[Any, ...]]:
    """As many rows as the longest column has values, at least one; None where a column has no more."""
    length = max(1, *map(len, columns))
    return [tuple(column[n] if n < len(column) else None for column in columns) for n in range(length)]


def _owner(row: _Row) -> str | None:
    return next((cell.text for cell in row.of("owner")), None)


def _value(export: Export, vocabulary: str, cell: _Cell) -> Any:
    """What a cell says in our words; None where it says nothing known, which is counted."""
    value = _VALUES[vocabulary].get(_plain(cell.text))
    if value is None:
        _count(export, [cell])
    return value


def _count_in(export: Export, cell: _Cell) -> int | None:
    """A number of entitlements, as spreadsheets write it (`1,204`, `12.0`)."""
    text = cell.text.replace(",", "").removesuffix(".0")
    if text.isascii() and text.isdecimal():
        return int(text[:20])
    _count(export, [cell])
    return None


def _count(export: Export, cells: Sequence[_Cell]) -> None:
    export.unread.update(f"{cell.meaning}: {cell.text[:40]}" for cell in cells)


def _plain(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    name = "id" if first["loc"][0] in ("id", "match") else str(first["loc"][0])
    return f"{name} {str(first['input'])[:40]!r} cannot be used: {first['msg']}; correct it or leave the row out"
