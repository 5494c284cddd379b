"""Evaluation targets, as data: the figures that a model of this project should at least reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate
from training.metrics.prompts import PROMPT_PERIODS


@dataclass(frozen=True)
class Target:
    """A figure, by its key, and bounds for it.

    The lower end of its interval must reach `at_least`, the upper end must not exceed `at_most`.
    """

    description: str
    key: str
    at_least: float | None = None
    at_most: float | None = None

    def is_met(self, figures: Mapping[str, Estimate]) -> bool | None:
        """Whether the target is met; None where the figure was not measured."""
        figure = figures.get(self.key)
        if figure is None or not np.isfinite(figure.value):
            return None
        low_enough = self.at_most is None or figure.high <= self.at_most
        return low_enough and (self.at_least is None or figure.low >= self.at_least)


TARGETS: tuple[Target, ...] = (
    Target(
        "recall of compromised sessions at 0.1 % of benign sessions challenged: at least .70",
        "recall/0.001/all",
        at_least=0.70,
    ),
    Target("recall of compromised sessions at 1 %: at least .87", "recall/0.01/all", at_least=0.87),
    Target("recall of redirected agents at 0.1 %: at least .50", "recall/0.001/agent_redirected", at_least=0.50),
    Target("recall of redirected agents at 1 %: at least .80", "recall/0.01/agent_redirected", at_least=0.80),
    Target("recall of insiders at 0.1 %: at least .40", "recall/0.001/insider_escalation", at_least=0.40),
    Target(
        "harmful actions stopped before they happen, with prompts by floors, at 0.1 %: at least .80",
        "stopped_with_prompts/0.001",
        at_least=0.80,
    ),
    *(
        Target(f"prompts on legitimate users, per {period}: at most 1", f"prompts/{group}/0.001", at_most=1.0)
        for group, (period, _) in PROMPT_PERIODS.items()
    ),
    Target(
        "requests of legitimate escalations denied, because no proof would help: at most .005",
        "escalations_denied",
        at_most=0.005,
    ),
    Target(
        "requests of legitimate escalations challenged at 0.1 %, on which no floor would prompt: at most .005",
        "escalations_beyond/0.001",
        at_most=0.005,
    ),
    Target(
        "takeovers that meet an expired session, over a fixed lifetime's: at least 4", "expiry/over_fixed", at_least=4.0
    ),
    Target("the same, over an oracle's: at least .65", "expiry/over_oracle", at_least=0.65),
    Target("future average precision at 2 h, over an oracle's: at least .50", "future/over_oracle", at_least=0.50),
    Target(
        "step-ups per legitimate login at recall .98, 39 logins before, country out: at most .05",
        "login/39/country out",
        at_most=0.05,
    ),
    Target("the same, 12 logins before: at most .17", "login/12/country out", at_most=0.17),
    *(
        Target(
            f"losses predicted over actual within {horizon} s: .8 to 1.25",
            f"decay/{horizon}",
            at_least=0.8,
            at_most=1.25,
        )
        for horizon in (300, 1_800, 7_200, 28_800)
    ),
    *(
        Target(
            f"malicious requests predicted over actual, {identity_type}: .8 to 1.25",
            f"ratio/{identity_type}",
            at_least=0.8,
            at_most=1.25,
        )
        for identity_type in ("human", "service_account", "workload", "agent")
    ),
    Target("calibration error (ECE): at most .01", "ece", at_most=0.01),
    Target("curves that rise: none", "rising", at_most=0.0),
    Target(
        "share of scenarios left out of training whose recall stays within .15: at least 12 of 16",
        "left_out/within",
        at_least=12 / 16,
    ),
    Target(
        "baselines beaten in every identity type, by the interval of the difference: all",
        "baselines/not_beaten",
        at_most=0.0,
    ),
    Target(
        "change of the step-up rate by 5 % attack rows in the history, at recall .98: at most .05",
        "poisoned",
        at_most=0.05,
    ),
    Target("shuffled labels, without constraints, worst of five, over prevalence: at most 3", "shuffled", at_most=3.0),
)


def targets_table(figures: Mapping[str, Estimate]) -> Table:
    """Each target beside its figure, and whether it is met."""
    words = {True: "yes", False: "no", None: "not measured"}
    rows = [
        (target.description, str(figures.get(target.key, "-")), words[target.is_met(figures)]) for target in TARGETS
    ]
    met = sum(row[2] == "yes" for row in rows)
    note = f"{met} of {len(rows)} met. The end of the interval counts, not the figure."
    return Table("Evaluation targets", ("target", "figure", "met?"), tuple(rows), note)
