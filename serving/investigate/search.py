"""The page that lists decisions, and the form that searches them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from serving.investigate.rendering import RULING_WORDS, render
from serving.store.decision_log import DecisionSummary


def search_page(decisions: Sequence[DecisionSummary], criteria: Mapping[str, str]) -> str:
    """The decisions that match the criteria, newest first."""
    return render("search.html", decisions=decisions, criteria=criteria, ruling_words=RULING_WORDS)
