"""The engine answers after the commit, keeps requests that share a commit apart, and closes in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.engines import CALLER, engine_without_model, score_request
from support.live_server import active_configuration, ago, an_event, now
from support.recorded_decisions import open_store

from features.event.schema import Event
from serving.engine import reports
from serving.engine.writer import Engine, Job, Work
from serving.errors import StaleHistory, StoreUnavailable
from serving.store.chain.verify import verify_log
from serving.store.schema import LIVE, SessionKey
from serving.store.store import Store, Transaction


class AnswersFirst(Engine):
    """A mutant: answers each caller as soon as its job is done, before anything is durable."""

    def _commit(self, group: list[Job]) -> None:
        with self.store.transaction() as tx:
            for work, future in group:
                self._attempt(tx, work, future)()


class WatchedStore:
    """A store that notes when a transaction is durable. It delays the commit a little, so that an answer that comes too
    early is noted first."""

    def __init__(self, store: Store, answered: threading.Event, notes: list[str]) -> None:
        self.store, self.answered, self.notes = store, answered, notes

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self.store.transaction() as tx:
            yield tx
            self.answered.wait(0.3)
        self.notes.append("durable")


def order_of_events(folder: Path, kind: type[Engine]) -> list[str]:
    """Which came first for one request, the commit or the answer."""
    answered, notes = threading.Event(), list[str]()
    watched: Any = WatchedStore(open_store(folder), answered, notes)
    with engine_without_model(watched, folder, kind) as engine:
        engine.score(score_request(), CALLER)
        notes.append("answered")
        answered.set()
    return notes


def test_nothing_is_answered_before_it_is_durable(tmp_path: Path) -> None:
    """A caller gets its decision once the transaction has been committed."""
    assert order_of_events(tmp_path, Engine) == ["durable", "answered"]


def test_an_engine_that_answers_first_is_detected(tmp_path: Path) -> None:
    """The check above can fail: it does for a mutant."""
    assert order_of_events(tmp_path, AnswersFirst) == ["answered", "durable"]


def test_every_answer_is_in_the_log(tmp_path: Path) -> None:
    """From many threads at once every answer is recorded, and the hash chain is intact."""
    store = open_store(tmp_path)
    with engine_without_model(store, tmp_path) as engine, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: engine.score(score_request(f"user-{n % 5}"), CALLER), range(200)))
    with store.reading() as tx:
        records = [tx.decisions.get(each["decision_id"]) for each in answers]

    assert [record and record.body["answer"] for record in records] == answers
    assert verify_log(store).ok


@contextmanager
def busy(engine: Engine) -> Iterator[None]:
    """Meanwhile the engine's thread is busy: jobs that are queued now share the next commit."""
    release, started = threading.Event(), threading.Event()

    def wait(tx: Transaction) -> dict[str, Any]:
        started.set()
        release.wait(10)
        return {}

    with ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(engine.run, wait)
        started.wait(10)
        yield
        release.set()
        blocked.result(10)


def run_together(engine: Engine, *jobs: Work) -> list[Any]:
    """Do some jobs in one commit, in this order; the result of each, or its exception."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        futures: list[Future[Any]] = []
        with busy(engine):
            for job in jobs:
                futures.append(pool.submit(engine.run, job))
                while engine._jobs.qsize() < len(futures):
                    threading.Event().wait(0.001)
        return [each.exception(10) or each.result() for each in futures]


def revoking(identity: str) -> Work:
    """A job that writes something: a revocation."""

    def work(tx: Transaction) -> dict[str, Any]:
        tx.revocations.revoke(SessionKey(LIVE, identity), at=now(), by="test", reason="test")
        return {"revoked": identity}

    return work


def failing(job: Work, error: Exception) -> Work:
    """The job, and then an error."""

    def work(tx: Transaction) -> dict[str, Any]:
        job(tx)
        raise error

    return work


def revoked(store: Store, identities: str) -> list[bool]:
    """Whether each identity is revoked."""
    with store.reading() as tx:
        states = [
            tx.sessions.state(SessionKey(LIVE, identity), category=None, resource_type=None, at=now())
            for identity in identities
        ]
    return [state.revocation is not None for state in states]


def test_a_job_that_fails_fails_alone(tmp_path: Path) -> None:
    """What it wrote is undone; what the others in its commit wrote is durable."""
    store, error = open_store(tmp_path), ValueError("this job's own")
    with engine_without_model(store, tmp_path) as engine:
        results = run_together(engine, revoking("a"), failing(revoking("b"), error), revoking("c"))

    assert results == [{"revoked": "a"}, error, {"revoked": "c"}]
    assert revoked(store, "abc") == [True, False, True]


def test_when_the_store_fails_no_job_of_the_commit_has_a_result(tmp_path: Path) -> None:
    """Neither those before the failure nor those after: nothing of them is durable. The next commit is."""
    store = open_store(tmp_path)

    def breaking(tx: Transaction) -> dict[str, Any]:
        tx.connection._failure = StoreUnavailable("the disk is full")
        return {}

    with engine_without_model(store, tmp_path) as engine:
        results = run_together(engine, revoking("a"), breaking, revoking("c"))
        next_result = engine.run(revoking("d"))

    assert [type(each) for each in results] == [StoreUnavailable] * 3
    assert next_result == {"revoked": "d"}


def stale(times: int) -> Callable[[Transaction], dict[str, Any]]:
    """A job whose history another writer has changed, this many times."""
    left = [StaleHistory("moved on")] * times

    def work(tx: Transaction) -> dict[str, Any]:
        if left:
            raise left.pop()
        return {"done": True}

    return work


def test_a_stale_history_is_tried_once_more(tmp_path: Path) -> None:
    """Another replica was faster: the second attempt succeeds, or the caller gets the error."""
    with engine_without_model(open_store(tmp_path), tmp_path) as engine:
        assert engine.run(stale(times=1)) == {"done": True}
        with pytest.raises(StaleHistory):
            engine.run(stale(times=2))


def test_closing_finishes_what_is_queued(tmp_path: Path) -> None:
    """Callers that wait are answered before the engine stops."""
    store = open_store(tmp_path)
    with engine_without_model(store, tmp_path) as engine, ThreadPoolExecutor(40) as pool:
        futures = [pool.submit(engine.score, score_request(f"user-{n}"), CALLER) for n in range(40)]
        while engine._jobs.qsize() == 0 and not all(each.done() for each in futures):
            pass
        answers = [each.result(20) for each in futures]

    assert len({each["decision_id"] for each in answers}) == 40


def test_a_closed_engine_refuses_jobs(tmp_path: Path) -> None:
    """Nobody waits for a thread that has ended."""
    with engine_without_model(open_store(tmp_path), tmp_path) as engine:
        pass

    with pytest.raises(StoreUnavailable):
        engine.run(revoking("late"))


def shipped(count: int) -> list[Event]:
    """Events of one identity, as a log shipper sends them."""
    return [Event.model_validate(an_event("shipper", id=f"e{number}", time=ago(90))) for number in range(count)]


def test_a_batch_of_events_lets_other_requests_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is committed in chunks; here each event fills the time of one, and a decision asked for meanwhile is answered
    before the batch has ended."""
    monkeypatch.setattr(reports, "CHUNK_SECONDS", 0.0)
    with engine_without_model(open_store(tmp_path), tmp_path) as engine, ThreadPoolExecutor(1) as pool:
        chunks, run = list[Work](), engine.run

        def counted(work: Work, timeout: float | None = None, *, alone: bool = False) -> Any:
            chunks.append(work)
            return run(work, timeout, alone=alone)

        monkeypatch.setattr(engine, "run", counted)
        batch = pool.submit(engine.ingest, shipped(300), ["record 300: is broken"], CALLER)
        while len(chunks) < 3:
            time.sleep(0.001)
        decision = engine.score(score_request(), CALLER)
        done_then = batch.done()
        result = batch.result(60)

    assert not done_then
    assert decision["ruling"] in ("step_up", "deny")
    assert result == {"folded": 300, "duplicates": 0, "broken": ["record 300: is broken"]}
    assert len(chunks) == 301


def test_a_chunk_ends_with_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted by a clock that says of each event that it took 6 ms: three of them fill the 15 ms."""
    clock = iter(0.006 * tick for tick in range(100))
    monkeypatch.setattr(reports, "perf_counter", lambda: next(clock))
    with open_store(tmp_path).transaction() as tx:
        active = active_configuration(tmp_path, champion=None, missing="there is none in this test")
        shipment = reports.prepare_shipment(shipped(50), CALLER, None, active)
        state = reports.ingest_chunk(tx, shipment, reports.Ingested(), active)

    assert state == reports.Ingested(done=3, folded=3)


def test_batches_do_not_share_a_commit(tmp_path: Path) -> None:
    """Or a decision would wait for a chunk of each: of all batches together one chunk is queued at a time."""
    with engine_without_model(open_store(tmp_path), tmp_path) as engine, ThreadPoolExecutor(8) as pool:
        with busy(engine):
            batches = [pool.submit(engine.ingest, shipped(3), [], CALLER) for _ in range(8)]
            time.sleep(0.2)
            queued = engine._jobs.qsize()
        results = [batch.result(20) for batch in batches]

    assert queued == 1
    assert sum(result["folded"] for result in results) == 3


def test_a_chunk_is_committed_alone(tmp_path: Path) -> None:
    """A decision that was queued with it waits for its own commit only; the order of arrival is kept."""
    order = list[str]()

    def noting(name: str) -> Work:
        return lambda tx: order.append(name)

    with engine_without_model(open_store(tmp_path), tmp_path) as engine, ThreadPoolExecutor(4) as pool:
        commit, groups = engine._commit, list[int]()
        engine._commit = lambda group: (groups.append(len(group)), commit(group))[1]  # type: ignore[func-returns-value, method-assign]
        with busy(engine):
            jobs = []
            for name in ("score", "chunk", "score again", "and again"):
                jobs.append(pool.submit(engine.run, noting(name), alone=name == "chunk"))
                while engine._jobs.qsize() < len(jobs):
                    time.sleep(0.001)
        for job in jobs:
            job.result(20)

    assert order == ["score", "chunk", "score again", "and again"]
    assert groups == [1, 1, 1, 2]


def test_a_store_that_fails_midway_says_how_far_a_batch_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was committed stays; the error names the number of events that need not be sent again."""
    monkeypatch.setattr(reports, "CHUNK_SECONDS", 0.0)
    with engine_without_model(open_store(tmp_path), tmp_path) as engine:
        left, run = [None] * 2, engine.run

        def failing(work: Work, timeout: float | None = None, *, alone: bool = False) -> Any:
            if not left:
                raise StoreUnavailable("the disk is full")
            left.pop()
            return run(work, timeout, alone=alone)

        monkeypatch.setattr(engine, "run", failing)
        with pytest.raises(StoreUnavailable, match="the disk is full; the first 2 of 5 events are stored"):
            engine.ingest(shipped(5), [], CALLER)
