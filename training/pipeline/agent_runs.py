"""Agents' calls with arguments and outputs, hijacked and not: what simulated agents do not have.

A simulated agent has a task and actions, but nothing to say. Real runs of a benchmark bring arguments and outputs, and
hijacked ones are made of them. Each run, hijacked or not, is the last of an identity of its own, after up to twenty
other runs of the same agent, so that new and known agents are met alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.data_files import data_folder
from features.engine.batch import replay
from features.history.population import measure_population
from training.model.fit import Examples, row_examples
from training.real_records.agentdojo import Run, RunEvents, read_tau_bench
from training.real_records.hijacked_runs import hijacks
from training.real_records.shared_logs import AIRLINE_RUNS

MOST_BEFORE = 20
"""Runs of an agent before the one that counts."""
HIJACKED = 0.01
"""The share of calls that count as hijacked. Nobody has published a rate; one that agents' other abuse has in a
simulated world, a tenth of this, would let no text an agent has read be suspicious enough to ask."""
REPETITIONS = 2
"""How often each run is hijacked."""


@dataclass(frozen=True)
class AgentCalls:
    """Labelled calls of agents."""

    matrix: Array
    """Their features, shape (n, features)."""
    malicious: Array
    """Shape (n,)."""

    def append_to(self, examples: Examples, agents: Array, share: float) -> Examples:
        """The given examples followed by these, which count as much as a share of the agents' benign requests.

        `agents` is a mask over the given examples; without benign requests of agents nothing is added.
        """
        total = share * examples.weight[agents & ~examples.target].sum()
        if not total:
            return examples
        called = row_examples(self.matrix, np.arange(len(self.malicious)), self.malicious)
        shares = np.where(self.malicious, HIJACKED, 1.0 - HIJACKED) * total
        counts = np.where(self.malicious, self.malicious.sum(), (~self.malicious).sum())
        return examples.followed_by(called.weighted(shares / counts))


def agent_calls(population: Array, seed: int, runs: tuple[Run, ...] | None = None) -> AgentCalls:
    """The calls of every run, by default of `airline_runs`, and of each run hijacked REPETITIONS times.

    Every other run is read by the given population, which knows none of it, the others by the agents' own.
    """
    rng = np.random.default_rng(seed)
    runs = runs or airline_runs()
    labelled = [(run, len(run.calls)) for run in runs]
    labelled += [each for _ in range(REPETITIONS) for each in hijacks(runs, rng)]
    events, target = RunEvents(), [np.empty(0, bool)]
    for number, (run, first_hijacked) in enumerate(labelled):
        before = list(_runs_before(run, runs, rng))
        for place, earlier in enumerate(before):
            events.add(earlier, place, f"agent-{number}", run.agent, _BEFORE, texts=False)
        events.add(run, len(before), f"agent-{number}", run.agent, number)
        target.append(np.arange(len(run.calls)) >= first_hijacked)
    numbers, table = np.array(events.numbers), events.table()
    counted = numbers != _BEFORE
    own = measure_population(table.filter(pa.array(~counted)))
    read_by_own = numbers[counted, None] % 2 == 1
    matrix = np.where(read_by_own, replay(table, own)[counted], replay(table, population)[counted])
    return AgentCalls(matrix, np.concatenate(target))


_BEFORE = -1


@cache
def airline_runs() -> tuple[Run, ...]:
    """The runs of tau-bench's airline agent (MIT, see `data/README.md`) with at least two calls, in the file's order.

    The model learns from them how calls fit a task. No attack is among them.
    """
    return tuple(run for run in read_tau_bench(data_folder() / AIRLINE_RUNS) if len(run.calls) >= _FEWEST_CALLS)


_FEWEST_CALLS = 2


def _runs_before(run: Run, runs: tuple[Run, ...], rng: np.random.Generator) -> Iterator[Run]:
    others = [other for other in runs if other.task != run.task]
    for number in rng.choice(len(others), min(len(others), int(rng.integers(MOST_BEFORE + 1))), replace=False):
        yield others[number]
