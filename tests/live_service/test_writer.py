"""The engine answers after the commit, keeps those who share a commit apart, and closes in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.live_server import an_event, in_force_here
from support.recorded_decisions import opened

from serving.contracts.requests import ScoreRequest
from serving.engine.writer import Engine, Job
from serving.errors import StaleHistory, StoreUnavailable
from serving.store.api_keys import SCOPES, Caller
from serving.store.schema import SessionKey
from serving.store.store import Store, Transaction
from serving.store.verify import verify

CALLER = Caller("test", frozenset(SCOPES))


@contextmanager
def engine_over(store: Store, folder: Path, kind: type[Engine] = Engine) -> Iterator[Engine]:
    """An engine that is closed in the end."""
    engine = kind(store, in_force_here(folder, champion=None, missing="there is none in this test"))
    try:
        yield engine
    finally:
        engine.close()


def a_request(who: str = "ada", **groups: Any) -> ScoreRequest:
    return ScoreRequest.model_validate({"event": an_event(who, **groups)})


class AnswersFirst(Engine):
    """The mutant: tells each caller as soon as its part is done, before anything is durable."""

    def _commit(self, group: list[Job]) -> None:
        with self.store.transaction() as tx:
            for work, future in group:
                self._attempt(tx, work, future)()


class Watched:
    """A store that says when a transaction is durable, and gives whoever answers too early the time to be seen."""

    def __init__(self, store: Store, answered: threading.Event, seen: list[str]) -> None:
        self.store, self.answered, self.seen = store, answered, seen

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self.store.transaction() as tx:
            yield tx
            self.answered.wait(0.3)
        self.seen.append("durable")


def order(folder: Path, kind: type[Engine]) -> list[str]:
    """What came first, the commit or the answer, for one request."""
    answered, seen = threading.Event(), list[str]()
    watched: Any = Watched(opened(folder), answered, seen)
    with engine_over(watched, folder, kind) as engine:
        engine.score(a_request(), CALLER)
        seen.append("answered")
        answered.set()
    return seen


def test_nothing_is_answered_before_it_is_durable(tmp_path: Path) -> None:
    """The caller hears of a decision once its transaction has ended."""
    assert order(tmp_path, Engine) == ["durable", "answered"]


def test_an_engine_that_answers_first_is_found_out(tmp_path: Path) -> None:
    """The check above can fail: it does for a mutant."""
    assert order(tmp_path, AnswersFirst) == ["answered", "durable"]


def test_what_was_answered_is_in_the_log(tmp_path: Path) -> None:
    """From many threads at once, every answer is recorded and the chain is whole."""
    store = opened(tmp_path)
    with engine_over(store, tmp_path) as engine, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: engine.score(a_request(f"who-{n % 5}"), CALLER), range(200)))
    with store.reading() as tx:
        found = [tx.decisions.get(each["decision_id"]) for each in answers]

    assert ([each and each.body["answer"] for each in found], verify(store).ok) == (answers, True)


@contextmanager
def held(engine: Engine) -> Iterator[None]:
    """While held, the engine's thread is busy: what is asked meanwhile shares the next commit."""
    go, busy = threading.Event(), threading.Event()

    def wait(tx: Transaction) -> dict[str, Any]:
        busy.set()
        go.wait(10)
        return {}

    with ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(engine.run, wait)
        busy.wait(10)
        yield
        go.set()
        blocked.result(10)


def group_of(engine: Engine, *works: Callable[[Transaction], dict[str, Any]]) -> list[Any]:
    """Do some work in one commit, in this order; what each caller heard."""
    with ThreadPoolExecutor(len(works)) as pool:
        futures: list[Future[Any]] = []
        with held(engine):
            for work in works:
                futures.append(pool.submit(engine.run, work))
                while engine._jobs.qsize() < len(futures):
                    threading.Event().wait(0.001)
        return [each.exception(10) or each.result() for each in futures]


def revoking(who: str) -> Callable[[Transaction], dict[str, Any]]:
    def work(tx: Transaction) -> dict[str, Any]:
        at = ScoreRequest.model_validate({"event": an_event()}).event.time
        tx.sessions.revoke(SessionKey("live", who), at=at, by="t", reason="t")
        return {"revoked": who}

    return work


def failing(work: Callable[[Transaction], dict[str, Any]], error: Exception) -> Callable[[Transaction], dict[str, Any]]:
    def fail(tx: Transaction) -> dict[str, Any]:
        work(tx)
        raise error

    return fail


def test_who_fails_in_a_group_fails_alone(tmp_path: Path) -> None:
    """What he wrote is undone, what the others wrote is durable."""
    store, error = opened(tmp_path), ValueError("his own fault")
    with engine_over(store, tmp_path) as engine:
        heard = group_of(engine, revoking("a"), failing(revoking("b"), error), revoking("c"))
    with store.reading() as tx:
        at = a_request().event.time
        states = [tx.sessions.state(SessionKey("live", who), category=None, resource_type=None, at=at) for who in "abc"]
    revoked = [state.revocation for state in states]

    assert (heard, [each is not None for each in revoked]) == (
        [{"revoked": "a"}, error, {"revoked": "c"}],
        [True, False, True],
    )


def test_when_the_store_fails_nobody_in_the_group_has_an_answer(tmp_path: Path) -> None:
    """Neither those before nor those after: nothing of it is durable."""
    store = opened(tmp_path)

    def breaking(tx: Transaction) -> dict[str, Any]:
        tx.connection._failure = StoreUnavailable("the disk is full")
        return {}

    with engine_over(store, tmp_path) as engine:
        heard = group_of(engine, revoking("a"), breaking, revoking("c"))
        after = engine.run(revoking("d"))

    assert ([type(each) for each in heard], after) == ([StoreUnavailable] * 3, {"revoked": "d"})


@pytest.mark.parametrize("fails, expected", [(1, {"done": True}), (2, StaleHistory)])
def test_a_stale_history_is_tried_once_more(tmp_path: Path, fails: int, expected: Any) -> None:
    """Another replica was faster; the second time there is an answer, or the caller is told."""
    left = [StaleHistory("moved on")] * fails

    def work(tx: Transaction) -> dict[str, Any]:
        if left:
            raise left.pop()
        return {"done": True}

    with engine_over(opened(tmp_path), tmp_path) as engine:
        heard = group_of(engine, work)[0]

    assert expected in (heard, type(heard))


def test_closing_finishes_what_is_queued(tmp_path: Path) -> None:
    """Whoever waits is answered before the engine stops."""
    store = opened(tmp_path)
    with engine_over(store, tmp_path) as engine, ThreadPoolExecutor(40) as pool:
        futures = [pool.submit(engine.score, a_request(f"who-{n}"), CALLER) for n in range(40)]
        while engine._jobs.qsize() == 0 and not all(each.done() for each in futures):
            pass
        answers = [each.result(20) for each in futures]

    assert len({each["decision_id"] for each in answers}) == 40


def test_whoever_asks_a_closed_engine_is_told(tmp_path: Path) -> None:
    """Nobody waits for a thread that has ended."""
    with engine_over(opened(tmp_path), tmp_path) as engine:
        pass
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(engine.run, revoking("late"))

        assert isinstance(asked.exception(5), StoreUnavailable)
