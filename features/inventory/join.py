"""Fill in events what a deployment knows of their actions, assets and identities; the stricter of two values counts."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import pyarrow as pa

from features.event.arrow import conform
from features.event.identifiers import comparable_id
from features.inventory.context_files import Context
from features.inventory.entries import AssetEntry, IdentityEntry
from features.inventory.matching import (
    identity_of_both,
    larger_count,
    matching_action,
    matching_assets,
    matching_identity,
    stricter_environment,
    stricter_privilege,
    stricter_role,
    stricter_sensitivity,
)

_Row = dict[str, Any]


def with_context(table: pa.Table, context: Context) -> pa.Table:
    """A table of events with what the context says of each.

    The type of an identity, and the category of an action, are the deployment's own where it states them.
    """
    joined = conform(table)
    for columns, known in (
        (("resource.id", "resource.type", "resource.sensitivity", "resource.environment"), _known_asset),
        (("identity.id", "identity.type", "identity.role", "identity.entitlements_granted"), _known_identity),
        (("identity.id", "identity.role", "credential.privileged"), _known_privilege),
        (("action.name", "action.category", "action.impact", "action.reversible"), _known_action),
    ):
        joined = _filled(joined, columns, _of(known, context))
    return joined


def _of(known: Callable[[_Row, Context], _Row], context: Context) -> Callable[[_Row], _Row]:
    return lambda row: known(row, context)


def _filled(table: pa.Table, columns: tuple[str, ...], known: Callable[[_Row], _Row]) -> pa.Table:
    """The table with other values in some columns, worked out once for each combination that there is."""
    rows = table.select(list(columns)).to_pylist()
    changes = {key: known(dict(zip(columns, key, strict=True))) for key in {tuple(row.values()) for row in rows}}
    if not any(changes.values()):
        return table
    for column in columns:
        values = [changes[tuple(row.values())].get(column, row[column]) for row in rows]
        place = table.schema.get_field_index(column)
        table = table.set_column(place, table.schema.field(place), pa.array(values, table.schema.field(place).type))
    return table


def _known_asset(row: _Row, context: Context) -> _Row:
    id, kind = row["resource.id"], row["resource.type"]
    entries: list[AssetEntry] = list(matching_assets(context.inventory, id, kind))
    exported = context.assets.get(id) if id else None
    entries += [exported] if exported else []
    if not entries:
        return {}
    return {
        "resource.sensitivity": stricter_sensitivity([row["resource.sensitivity"], *(e.sensitivity for e in entries)]),
        "resource.environment": stricter_environment([row["resource.environment"], *(e.environment for e in entries)]),
    }


def _entry_of(identity: str, context: Context) -> IdentityEntry | None:
    """What is known of an identity: by its id, or in an export by the name that an ARN ends in, all of it together."""
    found = [
        matching_identity(context.inventory, identity),
        context.identities.get(comparable_id(identity)),
        context.identities.get(comparable_id(identity.rpartition("/")[2])) if "/" in identity else None,
    ]
    return reduce(identity_of_both, filter(None, found)) if any(found) else None


def _known_identity(row: _Row, context: Context) -> _Row:
    entry = _entry_of(row["identity.id"], context)
    if entry is None:
        return {}
    return {
        "identity.type": entry.type or row["identity.type"],
        "identity.role": stricter_role([row["identity.role"], entry.role]),
        "identity.entitlements_granted": larger_count([row["identity.entitlements_granted"], entry.entitlements]),
    }


def _known_privilege(row: _Row, context: Context) -> _Row:
    entry = _entry_of(row["identity.id"], context)
    if entry is None or entry.privileged is None:
        return {}
    return {"credential.privileged": stricter_privilege([row["credential.privileged"], entry.privileged])}


def _known_action(row: _Row, context: Context) -> _Row:
    entry = matching_action(context.inventory, row["action.name"])
    if entry is None:
        return {}
    stated = {"action.category": entry.category, "action.impact": entry.impact, "action.reversible": entry.reversible}
    return {name: value for name, value in stated.items() if value is not None}
