"""Agents: hijacked runs of AgentDojo's workspace suite, and what a model challenges of tau-bench's clean runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.model.bundle import TrustModel
from features.model.trust_curve import probability
from training.evaluation.context import SectionResult
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate, bootstrap_weights, estimate
from training.metrics.evaluation import YARDSTICK_BUDGET as BUDGET
from training.metrics.policy_constants import UNSTATED_SENSITIVITY_BUDGET
from training.metrics.ranking import auc_draws
from training.metrics.session_recall import threshold_at_budget
from training.real_records.agentdojo import Run, RunEvents, read_agentdojo, read_tau_bench
from training.real_records.scoring import SOURCE, own_population, risk_threshold, score_events
from training.real_records.shared_logs import AGENT_RUNS, AIRLINE_RUNS

HIJACKS, CLEAN = "Hijacked agents (AgentDojo)", "An airline's agent (tau-bench)"
PREFIX = "workspace"
"""What names of AgentDojo's actions begin with."""
WINDOW = 0.25
"""The share of the airline's runs that comes first: the deployment's own window."""


@dataclass(frozen=True)
class ScoredRuns:
    """Each run by its riskiest call."""

    score: Array
    """Log-odds, shape (runs,)."""
    group: Array
    """What intervals resample: the number of the agent or of the task, shape (runs,)."""
    clean: Array
    hijacked: Array

    def above(self, seed: int) -> Array:
        """In each resample, the probability that a hijacked run ranks above another attacked one."""
        attacked = ~self.clean
        bootstrap = bootstrap_weights(self.group, seed)
        return auc_draws(self.score[attacked], self.hijacked[attacked], self.group[attacked], bootstrap)

    def caught(self, seed: int) -> dict[str, Array]:
        """In each resample, the shares of hijacked and of other attacked runs above what BUDGET of clean runs reach."""
        bootstrap = bootstrap_weights(self.group, seed)
        weights = bootstrap.weights[:, bootstrap.columns(self.group)]
        clean = np.flatnonzero(self.clean)
        falling = clean[np.argsort(-self.score[clean], kind="stable")]
        challenged = threshold_at_budget(self.score[falling], weights[:, falling], BUDGET).challenged(self.score)
        shares = {}
        for name, runs in (("hijacked", self.hijacked), ("other attacked", ~self.clean & ~self.hijacked)):
            with np.errstate(invalid="ignore"):
                shares[name] = (challenged * weights)[:, runs].sum(axis=1) / weights[:, runs].sum(axis=1)
        return shares

    def challenged(self, model: TrustModel, runs: Array, seed: int) -> Array:
        """In each resample, the share of some runs that the shipped policy challenges."""
        limit = risk_threshold(model, "agent", UNSTATED_SENSITIVITY_BUDGET)
        bootstrap, group = bootstrap_weights(self.group[runs], seed), self.group[runs]
        totals = bootstrap.totals(probability(self.score[runs]) > limit, group)
        shares: Array = totals / bootstrap.totals(np.ones(len(group)), group)
        return shares


def agents_section(models: Sequence[TrustModel], folder: Path, seed: int) -> SectionResult:
    """Both sources, each with its own population; figures are means over the models."""
    runs, airline = read_agentdojo(folder / AGENT_RUNS), read_tau_bench(folder / AIRLINE_RUNS)
    hijacks, figures = _hijacks(models, runs, seed)
    clean, more = _clean_runs(models, airline, seed)
    return [hijacks, clean], figures | more


def attempts_of_runs(runs: Sequence[Run]) -> tuple[list[tuple[pa.Table, Array]], pa.Table]:
    """Events of every run that called a tool, each preceded by its agent's clean runs on other tasks.

    An agent keeps its name, so each part holds one run of every agent. A part is a table and the number of each event's
    run, -1 for events of preceding runs. Also returns the deployment's window: each clean run once.
    """
    clean: dict[str, list[Run]] = {}
    judged: dict[str, list[int]] = {}
    for number, run in enumerate(runs):
        if run.calls:
            judged.setdefault(run.agent, []).append(number)
            if not run.attacked:
                clean.setdefault(run.agent, []).append(run)
    window, parts = RunEvents(), []
    for agent, own in clean.items():
        for place, run in enumerate(own):
            window.add(run, place, agent, PREFIX, -1, texts=False)
    for turn in zip_longest(*judged.values()):
        events = RunEvents()
        for number in (number for number in turn if number is not None):
            run = runs[number]
            before = [other for other in clean.get(run.agent, ()) if other.task != run.task]
            for place, other in enumerate(before):
                events.add(other, place, run.agent, PREFIX, -1, texts=False)
            events.add(run, len(before), run.agent, PREFIX, number)
        parts.append((events.table(), np.array(events.numbers)))
    return parts, window.table()


def score_runs(
    model: TrustModel, runs: Sequence[Run], parts: Sequence[tuple[pa.Table, Array]], window: pa.Table
) -> ScoredRuns:
    """Score every run that called a tool; `parts` and `window` are what `attempts_of_runs` returns."""
    highest, population = np.full(len(runs), -np.inf), own_population(model, window)
    for events, numbers in parts:
        own = np.flatnonzero(numbers >= 0)
        np.maximum.at(highest, numbers[own], score_events(model, events, population, own))
    judged = np.isfinite(highest)
    agent = np.unique([run.agent for run in runs], return_inverse=True)[1]
    clean, hijacked = np.array([not run.attacked for run in runs]), np.array([run.hijacked for run in runs])
    return ScoredRuns(highest[judged], agent[judged], clean[judged], hijacked[judged])


def _hijacks(models: Sequence[TrustModel], runs: Sequence[Run], seed: int) -> tuple[Table, dict[str, Estimate]]:
    parts, window = attempts_of_runs(runs)
    scored = [score_runs(model, runs, parts, window) for model in models]
    hijacked, clean = int(scored[0].hijacked.sum()), scored[0].clean
    caught = [each.caught(seed) for each in scored]
    friction = [each.challenged(model, clean, seed) for model, each in zip(models, scored, strict=True)]
    others = int((~clean & ~scored[0].hijacked).sum())
    figures = {
        "agents/auc": _mean([each.above(seed) for each in scored], hijacked),
        f"agents/caught/{BUDGET:g}": _mean([each["hijacked"] for each in caught], hijacked),
        f"agents/others/{BUDGET:g}": _mean([each["other attacked"] for each in caught], others),
        "agents/friction": _mean(friction, int(clean.sum())),
    }
    named = zip(
        (
            "a hijacked run ranks above another attacked run",
            f"hijacked runs caught where {BUDGET:.0%} of clean runs are challenged",
            "other attacked runs challenged there",
            "clean runs challenged by the shipped policy",
        ),
        figures.values(),
        strict=True,
    )
    rows = tuple((name, str(figure)) for name, figure in named)
    return Table(HIJACKS, ("", "figure"), rows, _note(runs), SOURCE), figures


def _clean_runs(models: Sequence[TrustModel], runs: Sequence[Run], seed: int) -> tuple[Table, dict[str, Estimate]]:
    called = [run for run in runs if run.calls]
    events = RunEvents()
    for place, run in enumerate(called):
        events.add(run, place, run.agent, "airline", place)
    table, numbers = events.table(), np.array(events.numbers)
    first = int(WINDOW * len(called))
    window = table.filter(pa.array(numbers < first))
    task = np.unique([run.task for run in called], return_inverse=True)[1]
    late, draws = np.arange(first, len(called)), []
    for model in models:
        highest = np.full(len(called), -np.inf)
        every, population = np.arange(len(table)), own_population(model, window)
        np.maximum.at(highest, numbers, score_events(model, table, population, every))
        clean = np.ones(len(called), bool)
        draws.append(ScoredRuns(highest, task, clean, ~clean).challenged(model, late, seed))
    figures = {"airline/friction": _mean(draws, len(late))}
    note = (
        f"{len(called)} clean runs of one agent with {len(table)} calls, one after another; the first {WINDOW:.0%} are "
        "the deployment's own window. Intervals are over tasks. There is no attack in them: the table shows "
        "friction. From these same runs models learn how calls fit a task, so it may be too low; AgentDojo's are never "
        "learnt from."
    )
    rows = (("clean runs challenged by the shipped policy", str(figures["airline/friction"])),)
    return Table(CLEAN, ("", "figure"), rows, note, SOURCE), figures


def _mean(draws: Sequence[Array], count: int) -> Estimate:
    return estimate(np.mean(draws, axis=0), count)


def _note(runs: Sequence[Run]) -> str:
    hijacked = [run for run in runs if run.hijacked]
    silent = sum(not run.calls for run in hijacked)
    attacked = sum(run.attacked for run in runs)
    return (
        f"{len(hijacked)} of {attacked} attacked runs were hijacked; {silent} of them, and others, recorded no tool "
        "call, and no log would show them. Each run comes after the clean runs of its agent on other tasks, a run "
        "every half hour and a call every five seconds, neither of which is real; intervals are over agents. One "
        "injected task of one suite says nothing about others, and labels are of whole runs, so not when a hijack was "
        "detected."
    )
