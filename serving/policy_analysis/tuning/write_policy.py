"""Writes tuned thresholds into the text of a policy file, with a comment on how they were chosen.

Only the `thresholds` section is written anew, by a ruamel.yaml round trip that keeps its comments. The rest of the file
stays as it is, to the byte: a round trip of the whole file would reformat lists and long lines.
"""

from __future__ import annotations

import math
from io import StringIO
from textwrap import wrap

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from serving.errors import AnalysisError
from serving.policy.rules import SENSITIVITIES
from serving.policy_analysis.intervals import percentage
from serving.policy_analysis.tuning.tune import TuningResult

_DIGITS = 1e9


def write_thresholds(text: str, tuned: TuningResult, friction: float, basis: str) -> str:
    """The policy's text with tuned thresholds; `basis` says which requests and model they were chosen by.

    Raises AnalysisError when `thresholds` is not a section of its own that begins at the start of a line.
    """
    lines = text.splitlines(keepends=True)
    first, last = _section_lines(text, lines)
    before, section, after = lines[:first], lines[first:last], lines[last:]
    return "".join([*before, _comment(tuned, friction, basis), _rewrite("".join(section), tuned), *after])


def _section_lines(text: str, lines: list[str]) -> tuple[int, int]:
    """The first line of the section, and the line after its last; comments that follow it belong to what follows."""
    document = YAML().load(text)
    if not isinstance(document, CommentedMap) or "thresholds" not in document:
        raise AnalysisError("the policy has no `thresholds` section")
    first, column = document.lc.key("thresholds")
    if column != 0 or document.fa.flow_style():
        raise AnalysisError("the policy's `thresholds` do not begin at the start of a line")
    later = [document.lc.key(key)[0] for key in document if document.lc.key(key)[0] > first]
    last = min(later, default=len(lines))
    while not lines[last - 1].strip() or lines[last - 1].startswith("#"):
        last -= 1
    return first, last


def _rewrite(section: str, tuned: TuningResult) -> str:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    try:
        document = yaml.load(section)
    except YAMLError as error:
        raise AnalysisError(
            "the policy's `thresholds` refer to an anchor of another section: write them out"
        ) from error
    thresholds = document["thresholds"]
    yaml.map_indent = thresholds.lc.col
    for identity_type, trusts in tuned.trusts.items():
        cells = thresholds[identity_type]
        if sum(other is cells for other in thresholds.values()) > 1:  # an alias: the other types keep the anchor's
            cells = thresholds[identity_type] = CommentedMap(cells)
            cells.fa.set_flow_style()
        for name in SENSITIVITIES:
            cells[name] = yaml.load(f"{{trust: {format_trust(trusts[name])}}}")
    stream = StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _comment(tuned: TuningResult, friction: float, basis: str) -> str:
    chosen = tuned.chosen
    sentences = [
        f"Chosen by `session-trust policy tune --friction {friction:.4%}` from {basis} (labels: {tuned.source}).",
        f"On identities not chosen on, the model alone challenges {percentage(chosen.friction)} of legitimate "
        f"requests; {percentage(chosen.harm_stopped)} of malicious requests are stopped, "
        f"{percentage(chosen.harm_stopped_without)} by the rest of the policy alone.",
        *(
            f"{identity_type}: chosen from {sum(tuned.counts[identity_type].values()):,} legitimate requests ("
            + ", ".join(f"{name} {count:,}" for name, count in tuned.counts[identity_type].items())
            + ")."
            for identity_type in tuned.trusts
        ),
    ]
    if tuned.kept:
        sentences.append(f"Left as they were, for too few requests: {', '.join(tuned.kept)}.")
    return "".join(f"# {line}\n" for sentence in sentences for line in wrap(sentence, 116))


def format_trust(trust: float) -> str:
    """A trust with nine decimals: rounded down, so that no more is challenged, and within what a policy accepts.

    >>> format_trust(0.12345678999), format_trust(0.0), format_trust(1.0)
    ('0.123456789', '0.000000001', '0.999999999')
    """
    return f"{min(max(math.floor(trust * _DIGITS) / _DIGITS, 1e-9), 1 - 1e-9):.9f}"
