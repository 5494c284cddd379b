"""One thread works through requests in arrival order and commits them in groups.

A caller waits for its answer until the transaction that records it has ended, so nothing is answered that was not
first recorded, and waiting for the disk is shared by all who wait.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from features.event.schema import Event
from serving.contracts.requests import FeedbackRequest, RevocationRequest, ScoreRequest, StepUpRequest
from serving.engine import reports, score
from serving.errors import StaleHistory, StoreUnavailable
from serving.model.active import ActiveConfiguration
from serving.store.api_keys import Caller
from serving.store.store import Store, Transaction

log = logging.getLogger(__name__)

GROUP = 32
"""How many requests share a commit at most."""

Work = Callable[[Transaction], dict[str, Any]]
Job = tuple[Work, "Future[dict[str, Any]]"]


class Engine:
    """The store's one writer in this process."""

    def __init__(self, store: Store, here: ActiveConfiguration) -> None:
        self.store = store
        self.here = here
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._door = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def score(self, request: ScoreRequest, caller: Caller) -> dict[str, Any]:
        """Decide, record, answer. Raises Problem or a ServingError, and then there is no ruling."""
        it = score.asked(request, caller, self.here)
        return self.do(lambda tx: score.answer(tx, it, self.here))

    def ingest(self, events: Sequence[Event], broken: Sequence[str], caller: Caller) -> dict[str, Any]:
        """Let histories grow by shipped events."""
        return self.do(lambda tx: reports.ingest(tx, events, broken, caller, self.here))

    def step_up(self, request: StepUpRequest) -> dict[str, Any]:
        """Take what became of a challenge."""
        return self.do(lambda tx: reports.step_up(tx, request, self.here))

    def revoke(self, request: RevocationRequest, caller: Caller) -> dict[str, Any]:
        """Deny a session or an identity from now on."""
        return self.do(lambda tx: reports.revoke(tx, request, caller))

    def feedback(self, decision_id: str, request: FeedbackRequest, caller: Caller) -> dict[str, Any]:
        """Take what an investigator says of a decision."""
        return self.do(lambda tx: reports.feedback(tx, decision_id, request, caller))

    def do(self, work: Work) -> dict[str, Any]:
        """Queue some work and wait until what it wrote is durable; raises whatever it raises."""
        future: Future[dict[str, Any]] = Future()
        with self._door:
            if self._closed:
                raise StoreUnavailable("the service is stopping")
            self._jobs.put((work, future))
        return future.result()

    def close(self) -> None:
        """Finish what is queued, and stop."""
        with self._door:
            self._closed = True
            self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            group, more = self._group(first)
            self._commit(group)
            if not more:
                return

    def _group(self, first: Job) -> tuple[list[Job], bool]:
        group = [first]
        while len(group) < GROUP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return group, True
            if job is None:
                return group, False
            group.append(job)
        return group, True

    def _commit(self, group: list[Job]) -> None:
        """Do a group in one transaction, then tell each caller; when the transaction fails, nobody has an answer."""
        done: list[Callable[[], None]] = []
        try:
            with self.store.transaction() as tx:
                for work, future in group:
                    done.append(self._part(tx, work, future))
        except BaseException as error:
            log.exception("a group of %d could not be committed", len(group))
            for _, future in group:
                future.set_exception(error)
            return
        for tell in done:
            tell()

    def _part(self, tx: Transaction, work: Work, future: Future[dict[str, Any]]) -> Callable[[], None]:
        """One request of a group; what it wrote is undone if it fails, what the others wrote is not."""
        for last in (False, True):
            try:
                with tx.part():
                    answer = work(tx)
                return lambda: future.set_result(answer)
            except StaleHistory as error:
                if last:
                    return lambda error=error: future.set_exception(error)  # type: ignore[misc]
            except Exception as error:
                return lambda error=error: future.set_exception(error)  # type: ignore[misc]
        raise AssertionError("unreachable")
