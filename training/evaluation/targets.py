"""What the evidence is held against: the targets of the project, as data. They are floors to beat, not to stop at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate
from training.metrics.prompts import SPANS


@dataclass(frozen=True)
class Goal:
    """A figure by its key, and bounds for it: its interval's lower end must reach `least`, its upper end `most`."""

    says: str
    key: str
    least: float | None = None
    most: float | None = None

    def reached(self, figures: Mapping[str, Estimate]) -> bool | None:
        """None where nothing was measured."""
        found = figures.get(self.key)
        if found is None or not np.isfinite(found.value):
            return None
        return (self.least is None or found.low >= self.least) and (self.most is None or found.high <= self.most)


GOALS: tuple[Goal, ...] = (
    Goal(
        "recall of compromised sessions at 0.1 % of benign sessions challenged: at least .70",
        "recall/0.001/all",
        least=0.70,
    ),
    Goal("recall of compromised sessions at 1 %: at least .87", "recall/0.01/all", least=0.87),
    Goal("recall of redirected agents at 0.1 %: at least .50", "recall/0.001/agent_redirected", least=0.50),
    Goal("recall of redirected agents at 1 %: at least .80", "recall/0.01/agent_redirected", least=0.80),
    Goal("recall of insiders at 0.1 %: at least .40", "recall/0.001/insider_escalation", least=0.40),
    Goal(
        "harmful acts stopped before they happen, with prompts by floors, at 0.1 %: at least .80",
        "stopped_with_prompts/0.001",
        least=0.80,
    ),
    *(
        Goal(f"prompts so on owners, a {span}: at most 1", f"prompts/{kind}/0.001", most=1.0)
        for kind, (span, _) in SPANS.items()
    ),
    Goal(
        "requests of legitimate escalations blocked, since no proof would help: at most .005",
        "escalations_denied",
        most=0.005,
    ),
    Goal(
        "requests of legitimate escalations challenged at 0.1 %, on which no floor would prompt: at most .005",
        "escalations_beyond/0.001",
        most=0.005,
    ),
    Goal("takeovers met by an expired session, over a fixed lifetime's: at least 4", "expiry/over_fixed", least=4.0),
    Goal("the same, over an oracle's: at least .65", "expiry/over_oracle", least=0.65),
    Goal("future average precision at 2 h, over an oracle's: at least .50", "future/over_oracle", least=0.50),
    Goal(
        "step-ups per legitimate login at recall .98, 39 logins before, country out: at most .05",
        "login/39/country out",
        most=0.05,
    ),
    Goal("the same, 12 logins before: at most .17", "login/12/country out", most=0.17),
    *(
        Goal(f"losses predicted over actual within {horizon} s: .8 to 1.25", f"decay/{horizon}", least=0.8, most=1.25)
        for horizon in (300, 1_800, 7_200, 28_800)
    ),
    *(
        Goal(f"malicious requests predicted over actual, {kind}: .8 to 1.25", f"ratio/{kind}", least=0.8, most=1.25)
        for kind in ("human", "service_account", "workload", "agent")
    ),
    Goal("calibration error (ECE): at most .01", "ece", most=0.01),
    Goal("curves that rise: none", "rising", most=0.0),
    Goal(
        "share of scenarios left out of training whose recall stays within .15: at least 12 of 16",
        "left_out/within",
        least=12 / 16,
    ),
    Goal("baselines beaten in every identity type, interval to interval: all", "baselines/not_beaten", most=0.0),
    Goal("step-up rate moved by 5 % attack rows in the history, at recall .98: at most .05", "poisoned", most=0.05),
    Goal("shuffled labels, constraints off, worst of five, over prevalence: at most 3", "shuffled", most=3.0),
)


def exactly(value: float, count: int = 1) -> Estimate:
    """A figure that has no interval."""
    return Estimate(value, value, value, count)


def table(figures: Mapping[str, Estimate]) -> Table:
    """Target, figure, and whether it is reached."""
    words = {True: "yes", False: "no", None: "not measured"}
    rows = [(goal.says, str(figures.get(goal.key, "-")), words[goal.reached(figures)]) for goal in GOALS]
    reached = sum(row[2] == "yes" for row in rows)
    note = f"{reached} of {len(rows)} reached. What counts is the end of the interval, not the figure."
    return Table("Target, figure, reached?", ("target of issue 5", "figure", "reached?"), tuple(rows), note)
