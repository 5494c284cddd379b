"""Agents talked into another task: what changes in a run, and that nothing but its fit tells it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from features.arrays import Array
from features.catalogue.all import FEATURES, feature_names
from features.history.population import empty_population
from training.model.fit import unweighted_examples
from training.pipeline.agent_runs import HIJACKED, AgentCalls, agent_calls, airline_runs
from training.real_records.agentdojo import Run, RunEvents
from training.real_records.hijacked_runs import MOST_CALLS, hijacked, hijacks

INTENT = [number for number, feature in enumerate(FEATURES) if feature.module == "intent"]


@pytest.fixture(scope="module")
def calls() -> AgentCalls:
    return agent_calls(empty_population(), 1)


def column(calls: AgentCalls, name: str) -> Array:
    return calls.matrix[:, feature_names().index(name)]


def test_a_hijacked_run_goes_on_with_calls_of_another_task() -> None:
    """The task stays, the text that talked the agent over is the last it read, and the run ends with the change."""
    for run, first in hijacks(airline_runs(), np.random.default_rng(2)):
        own, taken = run.calls[:first], run.calls[first:]
        assert own
        assert 1 <= len(taken) <= MOST_CALLS
        assert {call.task for call in taken} == {own[-1].task}
        assert all(call.read == len(run.outputs) for call in taken)
        words = " ".join(str(value) for call in taken for value in call.arguments.values())
        assert all(word in run.outputs[-1] for word in words.split())


def test_a_hijacked_call_fits_the_task_less(calls: AgentCalls) -> None:
    """In the mean: it is less alike, with fewer of the task's words, and names more that the task does not."""
    for name in ("call_unlike_task", "change_outside_task", "entities_outside_task"):
        values = column(calls, name)
        assert values[calls.malicious].mean() > values[~calls.malicious].mean()


def test_intent_tells_hijacked_calls_of_tasks_never_seen() -> None:
    """Between halves of the tasks: fitted on one, tested on the other."""
    runs = airline_runs()
    tasks = sorted({run.task for run in runs})
    half = set(tasks[: len(tasks) // 2])
    fitting, testing = (
        agent_calls(empty_population(), 3, tuple(run for run in runs if (run.task in half) == first))
        for first in (True, False)
    )

    def area(columns: list[int]) -> float:
        model = HistGradientBoostingClassifier(max_depth=4, max_iter=60, min_samples_leaf=20)
        model.fit(fitting.matrix[:, columns], fitting.malicious)
        return float(roc_auc_score(testing.malicious, model.decision_function(testing.matrix[:, columns])))

    assert area(INTENT) > 0.75


def test_a_run_hijacked_by_its_own_task_cannot_be_told() -> None:
    """The null control: the calls taken over are those of the same task in another run, and so they fit it."""
    runs = airline_runs()
    rng = np.random.default_rng(5)
    same = [(run, [o for o in runs if o.task == run.task and o is not run]) for run in runs]
    pairs = [(run, hijacked(run, others[rng.integers(len(others))], rng)) for run, others in same if others]

    def unlike(run: Run, first: int) -> list[float]:
        events = RunEvents()
        events.add(run, 0, "a", "airline", 0)
        return [1.0 - row["task_fit.similarity"] for row in events.rows[first:]]

    own = [value for run, _ in pairs for value in unlike(run, max(len(run.calls) - MOST_CALLS, 0))]
    taken = [value for _, (run, first) in pairs for value in unlike(run, first)]
    area = roc_auc_score([0] * len(own) + [1] * len(taken), own + taken)
    assert 0.35 < area < 0.65


def test_calls_count_as_a_share_of_the_agents_requests(calls: AgentCalls) -> None:
    """In total, and hijacked ones as HIJACKED of that; without agents nothing is added."""
    examples = unweighted_examples(lambda numbers: np.zeros((len(numbers), len(FEATURES))), np.arange(100) % 10 == 0)
    agents = np.arange(100) < 50

    followed = calls.append_to(examples, agents, 0.5)
    added, target = followed.weight[100:], followed.target[100:]
    assert added.sum() == pytest.approx(0.5 * 45)
    assert added[target].sum() == pytest.approx(HIJACKED * added.sum())
    assert calls.append_to(examples, np.zeros(100, bool), 0.5) is examples
