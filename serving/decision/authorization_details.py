"""Matches a request against a task declared as authorization details (RFC 9396, section 2.2).

A detail grants the product of its members, so each member that is given must cover the request. A detail with an
unknown member covers nothing, since that member may narrow it. Free text authorises nothing, and nothing can be said to
lie outside it. What begins as JSON and is not a list of details authorises nothing, and everything lies outside it.

The first details that a session declares stay in force for it. Its requests may narrow them; leaving them out, breaking
or widening them gains nothing, since a request must be covered by both. More is authorised by a proof.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from features.event.identifiers import visible
from features.event.schema import Category, Event, Text, Texts

CATEGORIES = frozenset(get_args(Category))
MAX_DETAILS = 16
"""The most details one task may have."""
COUNTS_AS = "write"
"""The category that an action of unknown category counts as."""


class Detail(BaseModel):
    """One thing that is authorised."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    type: Text = Field(description="A type that the policy lists in `intent_types`.")
    actions: Texts = Field(default=(), description="Actions: vendors' names, or our categories.")
    locations: Texts = Field(default=(), description="Ids of resources.")
    datatypes: Texts = Field(default=(), description="Types of resources.")
    identifier: Text | None = Field(default=None, description="The id of one resource.")
    privileges: Texts = Field(default=(), description="Roles the task may be done in.")


Details = Annotated[tuple[Detail, ...], Field(max_length=MAX_DETAILS, strict=False)]
_LIKE_JSON = re.compile(r"""\[\s*(?:[\[{\]]|$)|\{\s*(?:["}]|$)""")
"""How a list or an object begins, and free text such as `[TASK-7] answer mail` does not."""
_DETAILS: TypeAdapter[tuple[Detail, ...]] = TypeAdapter(Details)


@lru_cache(4_096)
def parse_intent(intent: str | None) -> tuple[Detail, ...] | None:
    """The details a session's intent declares; None for free text or nothing, empty when they are not valid.

    >>> parse_intent("answer mail"), parse_intent('[{"type": "agent_action", "actions": ["read"]}]')[0].actions
    (None, ('read',))
    """
    text = visible(intent or "").strip()
    try:
        details: Any = json.loads(text)
    except (ValueError, RecursionError):
        return () if _LIKE_JSON.match(text) else None
    if not isinstance(details, list | dict):
        return None
    try:
        return _DETAILS.validate_python(details)
    except ValidationError:
        return ()


def kept_intent(kept: str | None, declared: str | None) -> str | None:
    """The intent a session goes on with after a request: the first that is valid, or a later one that narrows it.

    >>> wide, narrow = '[{"type": "a", "actions": ["read", "write"]}]', '[{"type": "a", "actions": ["read"]}]'
    >>> kept_intent(None, wide) == wide, kept_intent(wide, narrow) == narrow, kept_intent(narrow, wide) == narrow
    (True, True, True)
    """
    before, now = parse_intent(kept), parse_intent(declared)
    if not now:
        return kept
    return declared if not before or all(any(_narrows(each, whole) for whole in before) for each in now) else kept


def _narrows(detail: Detail, whole: Detail) -> bool:
    """Whether a detail covers nothing that another does not. A member that is not given covers everything, but for the
    actions, and for resources where none is named at all."""
    return (
        (detail.type, detail.model_extra) == (whole.type, whole.model_extra)
        and _names_resources(detail) == _names_resources(whole)
        and set(detail.actions) <= set(whole.actions)
        and all(
            not outer or (bool(inner) and set(inner) <= set(outer))
            for inner, outer in (
                (detail.locations, whole.locations),
                (detail.datatypes, whole.datatypes),
                (detail.privileges, whole.privileges),
                (_identifiers(detail), _identifiers(whole)),
            )
        )
    )


def _names_resources(detail: Detail) -> bool:
    return bool(detail.locations or detail.datatypes or detail.identifier is not None)


def _identifiers(detail: Detail) -> tuple[str, ...]:
    return (detail.identifier,) if detail.identifier is not None else ()


def action_names(event: Event) -> list[str]:
    """The names a detail may give an action: the vendor's, unless it is one of our categories, and its category."""
    category = event.action.category or COUNTS_AS
    return [category] if event.action.name in CATEGORIES else [event.action.name, category]


def narrowest_task(event: Event, types: Sequence[str]) -> dict[str, Any]:
    """The narrowest authorization detail that covers a request."""
    resource, role = event.resource, event.identity.role
    members = {"locations": resource.id, "datatypes": resource.type, "privileges": role}
    task = {"type": types[0], "actions": action_names(event)[:1]}
    return task | {member: [value] for member, value in members.items() if value is not None}


def uncovered_part(details: Sequence[Detail], event: Event, types: Collection[str]) -> str | None:
    """What of a request no detail covers, in words, by the detail that comes nearest; None when one covers it all.

    `types` are the types of details whose members mean what RFC 9396 says.
    """
    gaps = [list(_gaps(detail, event, types)) for detail in details]
    nearest = min(gaps, key=len, default=["anything at all"])
    return " and ".join(nearest) or None


def _gaps(detail: Detail, event: Event, types: Collection[str]) -> Iterator[str]:
    resource, role = event.resource, event.identity.role
    names = action_names(event)
    if detail.type not in types:
        yield f"what {detail.type} means, which the policy does not say"
    if detail.model_extra:
        yield f"what {', '.join(sorted(detail.model_extra))} means, which is not read here"
    if not set(names) & set(detail.actions):
        yield f"the action {names[0]}"
    if not _covers_resource(detail, resource.id, resource.type):
        yield f"the resource {resource.id or resource.type or 'that is not known'}"
    if detail.privileges and role not in detail.privileges:
        yield f"the role {role or 'that is not known'}"


def _covers_resource(detail: Detail, resource: str | None, resource_type: str | None) -> bool:
    """Whether a detail covers a resource; a known resource must be named by id or type."""
    ids = [*detail.locations, *([detail.identifier] if detail.identifier else [])]
    nothing_to_name = not ids and not detail.datatypes and resource is None and resource_type is None
    location_matches = not detail.locations or resource in detail.locations
    identifier_matches = detail.identifier is None or resource == detail.identifier
    type_matches = not detail.datatypes or resource_type in detail.datatypes
    named = bool(ids or detail.datatypes)
    return nothing_to_name or (named and location_matches and identifier_matches and type_matches)
