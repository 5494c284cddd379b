"""What a decision's page says of trust and reasons agrees with the numbers of the answer."""

from __future__ import annotations

import re
from typing import Any

import pytest

from serving.investigate.charts import contribution_bars, trust_curve_chart


def trust(now: float, later: float) -> dict[str, Any]:
    return {"now": now, "curve": [{"after_seconds": 0, "trust": now}, {"after_seconds": 28_800, "trust": later}]}


@pytest.mark.parametrize(("now", "later"), [(1.0, 0.99996), (0.999999, 0.5), (0.5, 0.0), (0.9996, 0.00001)])
def test_the_curve_never_shows_a_certain_trust(now: float, later: float) -> None:
    """Neither in its labels nor in its caption."""
    curve = trust_curve_chart(trust(now, later))
    assert curve is not None
    words = [curve["caption"], *(label for _, label in curve["labels"])]

    assert not [each for each in words if re.search(r"\b(100|0)(\.0+)? ?%", each)]


@pytest.mark.parametrize(
    ("contribution", "effect", "raises"),
    [
        (1.0986, "raises the odds 3 times", True),
        (-0.6931, "lowers the odds 2 times", False),
        (0.0004, "hardly changes the odds", True),
        (-30.0, "lowers the odds over a million times", False),
    ],
)
def test_a_reason_is_a_multiple_of_the_odds(contribution: float, effect: str, raises: bool) -> None:
    """Beside its sentence, which agrees with it."""
    reasons = {"contributions": [{"feature": "pace", "contribution": contribution, "sentence": "It is so."}]}

    assert [(bar["effect"], bar["raises"]) for bar in contribution_bars(reasons)] == [(effect, raises)]
