"""A policy file with other thresholds, and beside them how they were chosen; everything else stays as it is written."""

from __future__ import annotations

import math
import re
from textwrap import wrap
from typing import Any

from serving.policy.rules import IDENTITY_TYPES
from serving.policy.schema import Policy
from serving.policy_analysis.intervals import Figure
from serving.policy_analysis.tune import SENSITIVITIES, Tuned

_THRESHOLDS = re.compile(r"^thresholds:.*\n(?:[ \t]+.*\n|\n)*", re.MULTILINE)
_DIGITS = 1e9


class NoThresholds(ValueError):
    """A policy file whose thresholds cannot be found in its text."""


def written(text: str, policy: Policy, tuned: Tuned, friction: float, how: str) -> str:
    """The policy's text with the tuned thresholds; `how` says from which requests and by which model.

    Raises NoThresholds when `thresholds:` does not stand at the beginning of a line.
    """
    found = _THRESHOLDS.search(text)
    if found is None:
        raise NoThresholds("the policy has no line that begins with `thresholds:`")
    return text[: found.start()] + _comment(tuned, friction, how) + _block(policy, tuned) + text[found.end() :]


def _comment(tuned: Tuned, friction: float, how: str) -> str:
    chosen = tuned.chosen
    sentences = [
        f"Chosen by `python -m serving policy tune --friction {friction:.4%}` from {how} (labels: {tuned.source}).",
        f"On identities that did not choose them the model alone challenges {said(chosen.friction)} of legitimate "
        f"requests; {said(chosen.harm_stopped)} of intruders' requests are stopped, "
        f"{said(chosen.harm_stopped_without)} by the rest of the policy alone.",
        *(
            f"{kind}: chosen from {sum(tuned.counts[kind].values()):,} legitimate requests ("
            + ", ".join(f"{name} {count:,}" for name, count in tuned.counts[kind].items())
            + ")."
            for kind in tuned.trusts
        ),
    ]
    if tuned.kept:
        sentences.append(f"Too few requests to choose by: {', '.join(tuned.kept)}; left as they were.")
    return "".join(f"# {line}\n" for sentence in sentences for line in wrap(sentence, 116))


def _block(policy: Policy, tuned: Tuned) -> str:
    lines = ["thresholds:"]
    for kind in IDENTITY_TYPES:
        had = policy.thresholds[kind].model_dump(exclude_none=True, exclude_defaults=True)
        if kind in tuned.trusts:
            had |= {name: {"trust": rounded(tuned.trusts[kind][name])} for name in SENSITIVITIES}
        lines.append(f"  {kind}: {_flow(had)}")
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    """A mapping of mappings as YAML in one line."""
    if not isinstance(value, dict):
        return str(value)
    return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"


def rounded(trust: float) -> str:
    """A trust as it is written: rounded down, so that no more is challenged, and within what a policy takes.

    >>> rounded(0.12345678999), rounded(0.0), rounded(1.0)
    ('0.123456789', '0.000000001', '0.999999999')
    """
    return f"{min(max(math.floor(trust * _DIGITS) / _DIGITS, 1e-9), 1 - 1e-9):.9f}"


def said(figure: Figure) -> str:
    """A share with its interval."""
    if math.isnan(figure.value):
        return "an unknown share"
    return f"{figure.value:.3%} [{figure.low:.3%}, {figure.high:.3%}]"
