"""One thread works through requests in arrival order and commits them in groups.

A caller waits for its response until the transaction that records it has been committed: nothing is answered that was
not recorded first, and everyone who waits shares one write to the disk.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

from features.event.schema import Event
from serving.contracts.requests import FeedbackRequest, RevocationRequest, ScoreRequest, StepUpRequest
from serving.engine.replayed_population import compared_with
from serving.engine.reports import (
    Ingested,
    chunk_seconds,
    ingest_chunk,
    lift_revocation,
    prepare_shipment,
    record_verdict,
    revoke_access,
)
from serving.engine.score import decide_and_record, put_in_force
from serving.engine.score_context import check_score_request
from serving.engine.step_ups import report_step_up
from serving.engine.write_probe import WriteProbe
from serving.errors import ServingError, StaleHistory, StoreUnavailable
from serving.model.active import ActiveConfiguration
from serving.store.api_keys import Caller
from serving.store.store import Store, Transaction

log = logging.getLogger(__name__)

GROUP_SIZE = 32
"""How many requests share a commit at most."""

T = TypeVar("T")
Work = Callable[[Transaction], Any]


class Pending(Future[Any]):
    """What a caller waits for; `alone` when no other job is to wait for its commit."""

    def __init__(self, *, alone: bool) -> None:
        super().__init__()
        self.alone = alone


Job = tuple[Work, Pending]


class Engine:
    """The store's one writer in this process. Its methods may be called from any thread.

    Each raises an error of `serving/errors.py`, and then nothing of the request was written.
    """

    def __init__(self, store: Store, active: ActiveConfiguration) -> None:
        self.store = store
        self.active = active
        """Replaced as a whole when the policy changes."""
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._write_probe = WriteProbe(self.run)
        self._ingesting = threading.Lock()
        self._closing = threading.Lock()
        self._changing = threading.Lock()
        self._closed = False
        self._commit_seconds = 0.0
        """How long commits take lately; the longest of the last few."""
        self._thread = threading.Thread(target=self._loop, name="engine", daemon=True)
        self._thread.start()

    def change(
        self, change: Callable[[ActiveConfiguration], ActiveConfiguration]
    ) -> tuple[ActiveConfiguration, ActiveConfiguration]:
        """Change the active configuration, one change at a time; returns it as it was and as it is."""
        with self._changing:
            before = self.active
            self.active = change(before)
            return before, self.active

    def score(self, request: ScoreRequest, caller: Caller) -> dict[str, Any]:
        """Decide a request and record the decision; returns the decision once it is durable."""
        context = check_score_request(request, caller, self.active)
        if request.population is not None:
            as_then = compared_with(self.store, self.active, request.population)
            return self.run(lambda tx: decide_and_record(tx, context, as_then))
        return self.run(lambda tx: decide_and_record(tx, context, self.active))

    def ingest(
        self, events: Sequence[Event], broken: Sequence[str], caller: Caller, source: str | None = None
    ) -> dict[str, Any]:
        """Extend histories by shipped events; `broken` says which records could not be read, `source` whose log it is.

        A batch is committed in chunks, shorter ones where commits take long, and one chunk is queued at a time, of all
        batches together: a request that arrives meanwhile waits for one chunk. When the store fails on the way, the
        error says how far it came.
        """
        shipment, state = prepare_shipment(events, caller, source, self.active), Ingested()
        while state.done < len(events):
            try:
                with self._ingesting:
                    seconds = chunk_seconds(self._commit_seconds)
                    chunk = partial(ingest_chunk, shipment=shipment, before=state, active=self.active, seconds=seconds)
                    state = self.run(chunk, alone=True)
            except ServingError as error:
                if state.done == 0:
                    raise
                stored = f"the first {state.done:,} of {len(events):,} events are stored: send the others again"
                raise StoreUnavailable(f"{error}; {stored}") from error
        return {"folded": state.folded, "duplicates": state.duplicates, "broken": list(broken)}

    def step_up(self, request: StepUpRequest) -> dict[str, Any]:
        """Record the result of a challenge."""
        return self.run(lambda tx: report_step_up(tx, request, self.active))

    def revoke(self, request: RevocationRequest, caller: Caller) -> dict[str, Any]:
        """Deny a session or an identity from now on."""
        return self.run(lambda tx: revoke_access(tx, request, caller))

    def lift(self, request: RevocationRequest, caller: Caller) -> dict[str, Any]:
        """End the revocation of a session or an identity."""
        return self.run(lambda tx: lift_revocation(tx, request, caller))

    def feedback(self, decision_id: str, request: FeedbackRequest, caller: Caller) -> dict[str, Any]:
        """Record an investigator's verdict on a decision."""
        return self.run(lambda tx: record_verdict(tx, decision_id, request, caller))

    def record_configuration(self) -> None:
        """Record which policy and catalogues are in force, if the chain does not say so yet.

        Each decision does the same before it is recorded, so one that fails here is only recorded later.
        """
        self.run(lambda tx: put_in_force(tx, self.active.versions))

    def write_fault(self) -> str | None:
        """Why nothing can be written now, or None; found out by a write, of which there is one in a while at most."""
        return self._write_probe.fault()

    def run(self, work: Callable[[Transaction], T], timeout: float | None = None, *, alone: bool = False) -> T:
        """Queue some work and wait until what it wrote is durable; raises whatever the work raises, and TimeoutError
        when that takes longer than `timeout` seconds. What takes long is committed `alone`."""
        future = Pending(alone=alone)
        with self._closing:
            if self._closed:
                raise StoreUnavailable("the service is stopping")
            self._jobs.put((work, future))
        result: T = future.result(timeout)
        return result

    def close(self) -> None:
        """Finish what is queued, and stop."""
        with self._closing:
            self._closed = True
            self._jobs.put(None)
        self._thread.join()

    def _loop(self) -> None:
        first = self._jobs.get()
        while first is not None:
            group, waiting = self._next_group(first)
            self._commit(group)
            first = waiting[0] if waiting else self._jobs.get()

    def _next_group(self, first: Job) -> tuple[list[Job], tuple[Job | None, ...]]:
        """The jobs of the next commit, and what was taken from the queue after them: a job that is committed alone, or
        None for the end."""
        group = [first]
        _, future = first
        while len(group) < GROUP_SIZE and not future.alone:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None or job[1].alone:
                return group, (job,)
            group.append(job)
        return group, ()

    def _commit(self, group: list[Job]) -> None:
        """Do a group in one transaction, then answer each caller. When the transaction fails, nobody gets a result."""
        answers: list[Callable[[], None]] = []
        try:
            with self.store.transaction() as tx:
                for work, future in group:
                    answers.append(self._attempt(tx, work, future))
                worked = perf_counter()
            self._commit_seconds = max(perf_counter() - worked, 0.8 * self._commit_seconds)
        except BaseException as error:
            log.exception("a group of %d could not be committed", len(group))
            for _, future in group:
                future.set_exception(error)
            return
        for answer in answers:
            answer()

    def _attempt(self, tx: Transaction, work: Work, future: Future[Any]) -> Callable[[], None]:
        """Do one job of a group; returns the function that answers its caller. When the job fails, what it wrote is
        undone and what the others wrote stays. A history that another writer changed is tried once more."""
        for last in (False, True):
            try:
                with tx.part():
                    result = work(tx)
                return lambda: future.set_result(result)
            except StaleHistory as error:
                if last:
                    return lambda error=error: future.set_exception(error)  # type: ignore[misc]
            except Exception as error:
                return lambda error=error: future.set_exception(error)  # type: ignore[misc]
        raise AssertionError("unreachable")
