"""What somebody probably meant by a misspelt name, for error messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: object, known: Iterable[str]) -> str | None:
    """The known name most like the one given, or None when nothing is close.

    >>> nearest("credential_exposde", ["credential_exposed", "aal"])
    'credential_exposed'
    """
    return next(iter(get_close_matches(str(word), list(known), 1)), None)


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """The end of an error message about an unknown name: the nearest known name, or all of them when none is near.

    >>> did_you_mean("dayz", ["days", "identities"])
    "did you mean 'days'?"
    >>> did_you_mean("?", ["days", "identities"])
    'choose one of days, identities'
    """
    names = list(known)
    near = nearest(word, names)
    return f"did you mean {near!r}?" if near else f"choose one of {', '.join(names)}"
