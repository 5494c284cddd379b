"""What the scope of a credential made for one task covers.

A scope is `category:type` or `category:type/id` of a resource, such as `export:bucket` or `export:bucket/payroll`;
`category:*` covers every resource, known or not. The category is always named: a credential for every kind of action is
standing access under another name. No other wildcard is read.
"""

from __future__ import annotations

from collections.abc import Iterable

from features.event.schema import Event
from serving.decision.authorization_details import COUNTS_AS

LONGEST = 256
"""Bytes an Event lets a scope have."""


def wanted(event: Event) -> str:
    """The least scope that covers a request."""
    category, kind = event.action.category or COUNTS_AS, event.resource.type
    scope = f"{category}:{kind or '*'}"
    return scope if len(scope.encode()) <= LONGEST else f"{category}:*"


def covers(scopes: Iterable[str], event: Event) -> bool:
    """Whether one of the scopes covers a request; what is not known of it is covered by `*` alone."""
    category, resource = event.action.category or COUNTS_AS, event.resource
    things = {"*", resource.type, f"{resource.type}/{resource.id}" if resource.type and resource.id else None}
    return any(scope.partition(":")[0] == category and scope.partition(":")[2] in things for scope in scopes)
