"""A vendor's table of actions: category, impact and whether an action can be undone, by the vendor's own names.

A name is compared without regard to letter case. `*` in a listed name stands for any text; a name listed as it is comes
first, then patterns of a category whose misuse does harm by itself that name a view (`*pods.exec.get`), then the views
(regular expressions for names that only look at something, whatever it is). Of the other patterns the harmful come
first, so that no broad pattern for writes hides one of them; then the one with the most characters. Names that a table
does not list have no category here; the generic reading of names fills them in for all vendors alike
(`features/sources/file_import.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from features.event.schema import Category, Impact

_MOST_NAMES_KEPT = 65_536
_ORDINARY: tuple[Category, ...] = ("read", "list", "write", "delete", "authenticate")
"""Categories whose patterns come last."""


class ActionFacts(NamedTuple):
    """What a table says of an action; None is unknown."""

    category: Category | None
    impact: Impact | None
    reversible: bool | None


class _Names:
    """A value for each of many names, some of them patterns."""

    def __init__(
        self, groups: Mapping[Any, Iterable[str]], first: Mapping[Any, str] | None = None, last: Iterable[str] = ()
    ) -> None:
        exact: dict[str, Any] = {}
        patterns: list[tuple[str, Any]] = []
        for value, names in groups.items():
            for name in names:
                folded = name.casefold()
                if "*" in folded:
                    patterns.append((folded, value))
                else:
                    exact[folded] = value
        patterns.sort(key=lambda pattern: (pattern[1] in last, -len(pattern[0].replace("*", ""))))
        self._exact = exact
        self._patterns = [(re.compile(_expression(pattern), re.DOTALL), value) for pattern, value in patterns]
        self._first = [(re.compile(expression, re.IGNORECASE), value) for value, expression in (first or {}).items()]
        self._before = [
            (re.compile(_expression(pattern), re.DOTALL), value)
            for pattern, value in patterns
            if value not in last and any(view.search(f".{pattern.replace('*', '')}") for view, _ in self._first)
        ]
        """Patterns that come before the views, since they name one."""

    def get(self, folded: str) -> Any:
        if folded in self._exact:
            return self._exact[folded]
        for pattern, value in self._before:
            if pattern.fullmatch(folded):
                return value
        for expression, value in self._first:
            if expression.search(folded):
                return value
        return next((value for pattern, value in self._patterns if pattern.fullmatch(folded)), None)


def _expression(pattern: str) -> str:
    return ".*".join(re.escape(part) for part in pattern.split("*"))


@dataclass(frozen=True)
class ActionTable:
    """Looks up what is known of a vendor's actions.

    >>> table = ActionTable.of({"delete": ["*.destroy"], "manage_access": ["team.*"]}, {"high": ["team.destroy"]})
    >>> table.facts("repo.destroy"), table.facts("team.destroy").impact, table.facts("star").category
    (ActionFacts(category='delete', impact=None, reversible=None), 'high', None)
    """

    _categories: _Names
    _impacts: _Names
    _reversible: _Names
    _known: dict[str, ActionFacts] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        categories: Mapping[Category, Iterable[str]],
        impacts: Mapping[Impact, Iterable[str]] | None = None,
        irreversible: Iterable[str] = (),
        reversible: Iterable[str] = (),
        views: Mapping[Category, str] | None = None,
    ) -> ActionTable:
        """A table from lists of names."""
        return cls(
            _Names(categories, views, _ORDINARY), _Names(impacts or {}), _Names({False: irreversible, True: reversible})
        )

    def facts(self, name: str) -> ActionFacts:
        """What is known of an action."""
        known = self._known.get(name)
        if known is None:
            folded = name.casefold()
            known = ActionFacts(self._categories.get(folded), self._impacts.get(folded), self._reversible.get(folded))
            if len(self._known) < _MOST_NAMES_KEPT:
                self._known[name] = known
        return known
