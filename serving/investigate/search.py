"""The page that lists decisions, and the form that searches them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from serving.investigate.rendering import RULING_WORDS, render_signed_in
from serving.store.decision_log import DecisionSummary


def search_page(
    decisions: Sequence[DecisionSummary], criteria: Mapping[str, str], *, form_token: str | None = None
) -> str:
    """The decisions that match the criteria, newest first. `form_token` is that of whoever is signed in."""
    return render_signed_in(
        "search.html", form_token, decisions=decisions, criteria=criteria, ruling_words=RULING_WORDS
    )
