"""Agents' calls with arguments and outputs, hijacked and not: what simulated agents do not have.

A simulated agent has a task and actions, but nothing to say. Real runs of a benchmark bring arguments and outputs, and
hijacked ones are made of them. Each run, hijacked or not, is the last of an identity of its own, after up to MOST_BEFORE
other runs of the same agent, so that new and known agents are met alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from features.arrays import Array
from features.engine.batch import replay
from features.event.arrow import table_of
from features.event.schema import Event
from training.model.fit import Examples, row_examples
from training.real_records.agent_runs import Run, agent_events
from training.real_records.tau_bench import PREFIX, airline_runs
from training.scenarios.hijacked_runs import hijacks

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
    """The calls of every run, by default of `airline_runs`, and of each run hijacked REPETITIONS times."""
    rng = np.random.default_rng(seed)
    runs = runs or airline_runs()
    labelled = [(run, len(run.calls)) for run in runs]
    labelled += [each for _ in range(REPETITIONS) for each in hijacks(runs, rng)]
    events: list[Event] = []
    target: list[int] = []
    for number, (run, first_hijacked) in enumerate(labelled):
        earlier, own = agent_events(list(_runs_before(run, runs, rng)), run, f"agent-{number}", PREFIX)
        events += earlier + own
        target += [_NOT_COUNTED] * len(earlier) + [int(place >= first_hijacked) for place in range(len(own))]
    labels = np.array(target)
    counted = labels != _NOT_COUNTED
    return AgentCalls(replay(table_of(events), population)[counted], labels[counted] == 1)


_NOT_COUNTED = -1


def _runs_before(run: Run, runs: tuple[Run, ...], rng: np.random.Generator) -> Iterator[Run]:
    others = [other for other in runs if other.task_id != run.task_id]
    for number in rng.choice(len(others), int(rng.integers(MOST_BEFORE + 1)), replace=False):
        yield others[number]
