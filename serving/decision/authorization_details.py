"""Whether a request falls inside a task: authorization details as RFC 9396, section 2.2, has them.

A detail grants the product of its members, so each member that is given must cover the request; one with a member
that is not read here, and may narrow it, covers nothing. Free text authorises nothing, and nobody can tell what is
outside it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from features.event.schema import Category, Event, Text, Texts

CATEGORIES = frozenset(get_args(Category))
DETAILS_LIMIT = 16
"""How many details one task may have."""
COUNTS_AS = "write"
"""What an action of unknown category counts as."""


class Detail(BaseModel):
    """One thing that is authorised. `actions` are vendors' names or our categories, `locations` and `identifier` ids of
    resources, `datatypes` their types, `privileges` the roles it may be done in."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    type: Text
    actions: Texts = ()
    locations: Texts = ()
    datatypes: Texts = ()
    identifier: Text | None = None
    privileges: Texts = ()


Details = Annotated[tuple[Detail, ...], Field(max_length=DETAILS_LIMIT, strict=False)]
_DETAILS: TypeAdapter[tuple[Detail, ...]] = TypeAdapter(Details)


@lru_cache(4_096)
def declared(intent: str | None) -> tuple[Detail, ...] | None:
    """The details a session declares; None for free text, of which nobody can tell what it covers.

    >>> declared("answer mail"), declared('[{"type": "agent_action", "actions": ["read"]}]')[0].actions
    (None, ('read',))
    """
    try:
        said: Any = json.loads(intent or "")
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, list):
        return None
    try:
        return _DETAILS.validate_python(said)
    except ValidationError:
        return ()


def words_of(event: Event) -> list[str]:
    """The words that name an action: the vendor's, unless it is one of our categories, and its category."""
    category = event.action.category or COUNTS_AS
    return [category] if event.action.name in CATEGORIES else [event.action.name, category]


def task_of(event: Event, types: Sequence[str]) -> dict[str, Any]:
    """The least that has to be authorised for a request, as an authorization detail."""
    resource, role = event.resource, event.identity.role
    named = {"locations": resource.id, "datatypes": resource.type, "privileges": role}
    task = {"type": types[0], "actions": words_of(event)[:1]}
    return task | {member: [value] for member, value in named.items() if value is not None}


def outside(details: Sequence[Detail], event: Event, types: Collection[str]) -> str | None:
    """What of a request no detail covers, in words, by the one that comes nearest; None where one covers it all.

    `types` are those whose members mean what RFC 9396 says.
    """
    lacking = [list(_lacking(each, event, types)) for each in details]
    nearest = min(lacking, key=len, default=["anything at all"])
    return " and ".join(nearest) or None


def _lacking(detail: Detail, event: Event, types: Collection[str]) -> Iterator[str]:
    resource, role = event.resource, event.identity.role
    words = words_of(event)
    if detail.type not in types:
        yield f"what {detail.type} means, which the policy does not say"
    if detail.model_extra:
        yield f"what {', '.join(sorted(detail.model_extra))} means, which is not read here"
    if not set(words) & set(detail.actions):
        yield f"the action {words[0]}"
    if not _named(detail, resource.id, resource.type):
        yield f"the resource {resource.id or resource.type or 'that is not known'}"
    if detail.privileges and role not in detail.privileges:
        yield f"the role {role or 'that is not known'}"


def _named(detail: Detail, resource: str | None, kind: str | None) -> bool:
    """Whether the resource is one a detail names; one that is known has to be named somehow."""
    ids = [*detail.locations, *([detail.identifier] if detail.identifier else [])]
    anything = not ids and not detail.datatypes and resource is None and kind is None
    among = not detail.locations or resource in detail.locations
    itself = detail.identifier is None or resource == detail.identifier
    typed = not detail.datatypes or kind in detail.datatypes
    return anything or (bool(ids or detail.datatypes) and among and itself and typed)
