"""What a model should reach on real logs and beside them: for each figure, where it stood before and what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.model.bundle import TYPES
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate

YARDSTICKS_TITLE = "What is asked, and what is measured"
COLD_EVENTS = ("event 1", "events 2-3", "events 4-20")
"""Events of an identity without a past, as the report's section on them calls them."""


@dataclass(frozen=True)
class Yardstick:
    """One or several figures by their keys, all of which must lie within the bounds."""

    description: str
    before: str
    """What the champion of 18,400 simulated identities reached when the yardstick was set."""
    asked: str
    keys: tuple[str, ...]
    at_least: float = -np.inf
    at_most: float = np.inf
    elsewhere: str = ""
    """The command that measures it, where it is not this report."""

    def met(self, figures: Mapping[str, Estimate]) -> bool | None:
        """Whether every figure lies within the bounds; None where none lies outside and one was not measured."""
        values = [figures[key].value if key in figures else np.nan for key in self.keys]
        known = [value for value in values if np.isfinite(value)]
        if not all(self.at_least <= value <= self.at_most for value in known):
            return False
        return True if len(known) == len(values) else None

    def measured(self, figures: Mapping[str, Estimate]) -> str:
        """The figure with its interval; of several the lowest and the highest."""
        known = [figures[key] for key in self.keys if key in figures and np.isfinite(figures[key].value)]
        if not known:
            return self.elsewhere or "-"
        if len(known) <= 2:
            return " / ".join(each.interval(".2g") for each in known)
        values = [each.value for each in known]
        inside = sum(self.at_least <= value <= self.at_most for value in values)
        return f"{min(values):.2g} to {max(values):.2g}; {inside} of {len(self.keys)} within the bounds"


YARDSTICKS: tuple[Yardstick, ...] = (
    Yardstick(
        "shells, a colleague's sessions",
        ".02",
        "≥ .45",
        ("masquerade/shells/colleague/recall/0.01",),
        at_least=0.45,
    ),
    Yardstick(
        "shells, an outsider's sessions",
        ".02",
        "≥ .30",
        ("masquerade/shells/outsider/recall/0.01",),
        at_least=0.30,
    ),
    Yardstick("enterprise logons", ".26", "≥ .45", ("masquerade/logons/colleague/recall/0.01",), at_least=0.45),
    Yardstick(
        "benign sessions challenged at the shipped threshold, shells / logons",
        "-",
        "≤ .015",
        ("masquerade/shells/colleague/friction", "masquerade/logons/colleague/friction"),
        at_most=0.015,
    ),
    Yardstick(
        "null control, shells / logons: area under the ROC",
        "-",
        ".45-.55",
        ("masquerade/shells/colleague/null", "masquerade/logons/colleague/null"),
        at_least=0.45,
        at_most=0.55,
    ),
    Yardstick("sign-in worlds (simulated): guessing", ".29", "≥ .80", ("sign-ins/guessing/0.01",), at_least=0.80),
    Yardstick("sign-in worlds (simulated): spray", ".01", "≥ .80", ("sign-ins/spray/0.01",), at_least=0.80),
    Yardstick(
        "sign-in worlds (simulated): background guessing",
        ".02",
        "≥ .50",
        ("sign-ins/background/0.01",),
        at_least=0.50,
    ),
    Yardstick(
        "identities without a past (simulated): area under the ROC", ".77", "≥ .90", ("cold/auc",), at_least=0.90
    ),
    Yardstick(
        "the same, predicted over actual on events 1, 2-3 and 4-20 of each identity type",
        ".001 over .024",
        ".67-1.5",
        tuple(f"cold/{kind}/{events}" for kind in TYPES for events in COLD_EVENTS),
        at_least=0.67,
        at_most=1.5,
    ),
    Yardstick("hijacked agents: area under the ROC", ".53", "≥ .75", ("agents/auc",), at_least=0.75),
    Yardstick("hijacked agents caught at 1 % of clean runs", "0", "≥ .50", ("agents/caught/0.01",), at_least=0.50),
    Yardstick(
        "Stratus in the legitimate user's session (simulated histories)",
        ".09",
        "≥ .25",
        ("stratus/own session/0.01",),
        at_least=0.25,
    ),
    Yardstick(
        "area under the ROC lost by 5 % abuse in the window, shells / logons",
        ".31 at 18 %",
        "≤ .05",
        ("window/shells/colleague/0.05/lost", "window/logons/colleague/0.05/lost"),
        at_most=0.05,
    ),
    Yardstick(
        "log-odds of trust that a flood of reads buys for an export, most of any victim (simulated)",
        "-",
        "< .05",
        ("flooding/highest",),
        at_most=0.05,
    ),
    Yardstick("simulated recall at .1 %", ".78", "≥ .60", ("recall/0.001/all",), at_least=0.60),
    Yardstick("simulated recall at 1 %", ".93", "≥ .85", ("recall/0.01/all",), at_least=0.85),
    Yardstick("`valid_until` over a fixed lifetime (simulated)", "1.97", "≥ 1.5", ("expiry/over_fixed",), at_least=1.5),
    Yardstick("`valid_until` over an oracle (simulated)", "1.27", "≥ 1", ("expiry/over_oracle",), at_least=1.0),
    Yardstick(
        "replay rate with all features over the rate before them",
        "1",
        "≥ .5",
        ("replay/over_before",),
        at_least=0.5,
        elsewhere="`scripts/bench features`",
    ),
    Yardstick(
        "5 M events to a registered, evaluated model: seconds",
        "989-1,350",
        "≤ 1,800",
        ("training/seconds",),
        at_most=1_800.0,
        elsewhere="`scripts/bench training`",
    ),
)


def yardsticks_table(figures: Mapping[str, Estimate], models: str) -> Table:
    """Each yardstick: before, asked, measured, and whether it is met by the mean."""
    words = {True: "yes", False: "no", None: "not measured"}
    rows = tuple(
        (each.description, each.before, each.asked, each.measured(figures), words[each.met(figures)])
        for each in YARDSTICKS
    )
    met, measured = sum(row[4] == "yes" for row in rows), sum(row[4] != "not measured" for row in rows)
    note = (
        f"{met} of {measured} measured yardsticks are met, by the mean over draws and models ({models}); of "
        f"{len(rows)} in all. Recall is at 1 % of benign sessions challenged unless said otherwise. `before` is the "
        "champion of 18,400 simulated identities when the yardsticks were set. No source below was used in fitting, "
        "but for the clean runs of tau-bench."
    )
    return Table(YARDSTICKS_TITLE, ("figure", "before", "asked", "measured", "met"), rows, note)
