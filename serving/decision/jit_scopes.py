"""Matches the scopes of a just-in-time credential, made for one task, against a request.

A scope is `category:type` or `category:type/id` of a resource, such as `export:bucket` or `export:bucket/payroll`;
`category:*` covers every resource, known or not. The category is always named: a credential for every kind of action
is standing access under another name. There are no other wildcards.
"""

from __future__ import annotations

from collections.abc import Iterable

from features.event.schema import Event
from serving.decision.authorization_details import COUNTS_AS

MAX_BYTES = 256
"""The most bytes an Event allows in a scope."""


def narrowest_scope(event: Event) -> str:
    """The narrowest scope that covers a request."""
    category, resource_type = event.action.category or COUNTS_AS, event.resource.type
    scope = f"{category}:{resource_type or '*'}"
    return scope if len(scope.encode()) <= MAX_BYTES else f"{category}:*"


def covers(scopes: Iterable[str], event: Event) -> bool:
    """Whether one of the scopes covers a request; an unknown resource is covered by `*` alone."""
    category, resource = event.action.category or COUNTS_AS, event.resource
    targets = {"*", resource.type, f"{resource.type}/{resource.id}" if resource.type and resource.id else None}
    return any(scope.partition(":")[0] == category and scope.partition(":")[2] in targets for scope in scopes)
