"""The workers that run beside requests. To add one, write its module here and list it in `start_workers`."""

from __future__ import annotations

from serving.engine.writer import Engine
from serving.model.active import policy_file
from serving.workers.periodic import PeriodicWorker
from serving.workers.policy_watcher import PolicyWatcher


def start_workers(engine: Engine) -> tuple[PeriodicWorker, ...]:
    """Start every worker over one engine; returns them, to be stopped."""
    workers = (PolicyWatcher(engine, policy_file(engine.active.settings)).worker(),)
    for worker in workers:
        worker.start()
    return workers
