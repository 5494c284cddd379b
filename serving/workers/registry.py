"""The workers that run beside requests. To add one, write its module here and list it in `start_workers`."""

from __future__ import annotations

from serving.engine.writer import Engine
from serving.model.active import catalogue_folder, policy_file
from serving.workers.anchor_writer import AnchorWriter
from serving.workers.catalogue_watcher import CatalogueWatcher
from serving.workers.periodic import PeriodicWorker
from serving.workers.policy_watcher import PolicyWatcher
from serving.workers.population_worker import PopulationWorker
from serving.workers.retention import RetentionWorker


def start_workers(engine: Engine) -> tuple[PeriodicWorker, ...]:
    """Start every worker over one engine; returns them, to be stopped."""
    settings = engine.active.settings
    workers: tuple[PeriodicWorker, ...] = (
        PolicyWatcher(engine, policy_file(settings)).worker(),
        CatalogueWatcher(engine, catalogue_folder(settings)).worker(),
        PopulationWorker(engine).worker(),
    )
    if settings.anchor_file:
        workers += (AnchorWriter(engine.store, settings).worker(),)
    if settings.retention_days:
        workers += (RetentionWorker(engine, settings.retention_days).worker(),)
    for worker in workers:
        worker.start()
    return workers
