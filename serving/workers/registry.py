"""The workers that run beside requests. To add one, write its module here and list it in `start_workers`."""

from __future__ import annotations

from serving.engine.writer import Engine
from serving.model.active import catalogue_folder, policy_file
from serving.workers.catalogue_watcher import CatalogueWatcher
from serving.workers.periodic import PeriodicWorker
from serving.workers.policy_watcher import PolicyWatcher


def start_workers(engine: Engine) -> tuple[PeriodicWorker, ...]:
    """Start every worker over one engine; returns them, to be stopped."""
    settings = engine.active.settings
    workers = (
        PolicyWatcher(engine, policy_file(settings)).worker(),
        CatalogueWatcher(engine, catalogue_folder(settings)).worker(),
    )
    for worker in workers:
        worker.start()
    return workers
