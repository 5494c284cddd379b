"""Two registered versions on the same events: what each reaches, and whether they differ beyond the interval.

Identities are drawn anew for both at once, so that what makes a test easy or hard for both cancels out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from features.arrays import Array
from features.model.bundle import TrustModel
from features.model.trust_curve import HORIZONS, probability
from training.evaluation.tables import Table
from training.metrics.bootstrap import BootstrapWeights, Estimate, bootstrap_weights, estimate
from training.metrics.calibration import ahead, precisions
from training.metrics.evaluation import BUDGETS, TestSet, challenges
from training.metrics.session_recall import Sessions, caught, resampled
from training.metrics.time_to_detect import detection
from training.pipeline.dataset import Dataset

NOTE = (
    "The same requests of the same identities, each version reading them against the population it was made with and "
    "spending its own budget. `differs` is the challenger less the champion, in resamples drawn for both at once: "
    "where its interval holds 0, nothing is shown. `better` says whom the difference speaks for."
)


@dataclass(frozen=True)
class Measure:
    """One figure of champion and challenger, by resample, each of shape (n,), and whether more of it is better."""

    name: str
    sides: list[Array]
    count: int
    more_is_better: bool

    @property
    def differs(self) -> Estimate:
        """The challenger's less the champion's."""
        return estimate(self.sides[1] - self.sides[0], self.count)

    @property
    def better(self) -> str:
        """Whom it speaks for, if for anybody."""
        found = self.differs
        if not np.isfinite(found.value) or found.low <= 0.0 <= found.high:
            return "neither"
        return "challenger" if (found.value > 0) == self.more_is_better else "champion"

    def row(self) -> tuple[str, ...]:
        """As a line of the table."""
        found = self.differs
        difference = f"{found.value:+.3g} [{found.low:+.3g}, {found.high:+.3g}]" if np.isfinite(found.value) else "-"
        return self.name, *(str(estimate(draws, self.count)) for draws in self.sides), difference, self.better


@dataclass(frozen=True)
class _Side:
    """One version's scores of the test, and its sessions under them."""

    model: TrustModel
    test_set: TestSet
    score: Array
    sessions: Sessions


def against(
    champion: TrustModel, challenger: TrustModel, data: Dataset, seed: int
) -> tuple[Table, dict[str, Estimate]]:
    """Side by side; figures are the differences."""
    sides = [_side(model, data) for model in (champion, challenger)]
    drawn = bootstrap_weights(data.targets.identity[data.test_set.rows], seed)
    measures = [*_recalled(sides, seed), *_early(sides, drawn), *_true(sides, drawn)]
    columns = ("", f"champion, version {champion.version}", f"challenger, version {challenger.version}", "differs")
    rows = tuple(each.row() for each in measures)
    figures = {f"against/{each.name}": each.differs for each in measures}
    return Table("Champion and challenger on the same events", (*columns, "better"), rows, NOTE), figures


def _side(model: TrustModel, data: Dataset) -> _Side:
    test_set = data.seen_by(model)
    score = model.now_log_odds(test_set.matrix)
    return _Side(model, test_set, score, test_set.sessions(score))


def _recalled(sides: list[_Side], seed: int) -> Iterator[Measure]:
    """Thresholds are set anew in every resample."""
    weights, compromised = resampled(sides[0].sessions, seed), sides[0].sessions.compromised
    total = weights[:, compromised].sum(axis=1)
    for budget in BUDGETS:
        hits = [(caught(side.sessions, budget, weights) * weights[:, compromised]).sum(axis=1) for side in sides]
        name = f"recall of compromised sessions at {budget:.1%}"
        yield Measure(name, [_over(each, total) for each in hits], int(compromised.sum()), True)


def _early(sides: list[_Side], drawn: BootstrapWeights) -> Iterator[Measure]:
    """Harm stopped and legitimate escalations challenged."""
    of, rows = sides[0].test_set.targets, sides[0].test_set.rows
    escalations = of.escalation[rows] & ~of.malicious[rows]
    whose = of.identity[rows[escalations]]
    for budget in BUDGETS:
        asked = [challenges(side.test_set, side.score, side.sessions, budget) for side in sides]
        found = [detection(side.test_set, each, drawn) for side, each in zip(sides, asked, strict=True)]
        harm = [each.harm for each in found]
        yield _mean(f"harmful acts stopped at {budget:.1%}", harm, found[0].whose, drawn, True)
        theirs = [each[escalations] for each in asked]
        yield _mean(f"legitimate escalations challenged at {budget:.1%}", theirs, whose, drawn, False)


def _true(sides: list[_Side], drawn: BootstrapWeights) -> Iterator[Measure]:
    """Ranking and error now, and ranking of losses within two hours."""
    of, rows = sides[0].test_set.targets, sides[0].test_set.rows
    malicious, identity = of.malicious[rows], of.identity[rows]
    risks = [probability(side.score) for side in sides]
    ranked = [precisions(malicious, risk, identity, drawn) for risk in risks]
    yield Measure("average precision", ranked, int(malicious.sum()), True)
    yield _mean("Brier score", [(risk - malicious) ** 2 for risk in risks], identity, drawn, False)
    soon = ahead(sides[0].test_set, HORIZONS[2])
    compromised_by = [
        1.0 - np.cumprod(1.0 - s.model.hazards(s.test_set.matrix[soon.rows]), axis=1)[:, 2] for s in sides
    ]
    ranked = [precisions(soon.compromised, each, soon.identity, drawn) for each in compromised_by]
    yield Measure("average precision of losses within two hours", ranked, int(soon.compromised.sum()), True)


def _mean(name: str, values: list[Array], whose: Array, drawn: BootstrapWeights, more_is_better: bool) -> Measure:
    count = drawn.totals(np.ones(len(whose)), whose)
    return Measure(name, [_over(drawn.totals(each, whose), count) for each in values], len(whose), more_is_better)


def _over(over: Array, under: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = over / under
    return found
