"""Templates, and how pages write times and rulings."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from features.catalogue.sentences.amounts import odds, percent, trust_words

RULING_WORDS = {"allow": "was allowed", "step_up": "was asked for fresh proof", "deny": "was denied"}


def render(template: str, **values: Any) -> str:
    """A page from its template; a value the template needs and does not get is an error."""
    return _templates().get_template(template).render(**values)


def render_signed_in(template: str, form_token: str | None, **values: Any) -> str:
    """A page for a caller; with the token of a session, its forms carry the token and one of them signs out."""
    return render(template, form_token=form_token, signed_in=form_token is not None, **values)


def format_time(time: datetime) -> str:
    """A time as pages show it.

    >>> format_time(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    '2026-03-02 09:00:00 UTC'
    """
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["format_time"] = format_time
    environment.filters["trust_words"] = trust_words
    environment.filters["percent"] = percent
    environment.filters["odds"] = odds
    return environment
