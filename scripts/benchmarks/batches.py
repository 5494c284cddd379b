"""Benchmark: how long `POST /score` waits while batches of events are taken in, and while connections hang idle.

    python -m scripts.benchmarks.batches [--events N] [--connections N]

A server is started for it in a home of its own. The first figures are of its engine alone, in this process: the longest
time for which a batch keeps another request from being committed.
"""

from __future__ import annotations

import gzip
import json
import resource
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any
from urllib.parse import urlsplit

import numpy as np
import typer
from rich.console import Console

from features.enrichment.ip_lookup import lookup
from features.event.schema import Event
from features.garbage import keep_what_is_loaded, no_full_collection
from features.settings import Settings
from scripts.benchmarks.serving import Caller
from serving.engine.writer import Engine
from serving.launch.client import started_service
from serving.model.active import ActiveConfiguration
from serving.policy.schema import Policy
from serving.service import SWITCH_SECONDS
from serving.store.api_keys import Caller as KeyCaller
from serving.store.store import Store

BATCHES = 3
"""Batches sent at once."""
LIMIT_SECONDS = 0.05
"""The longest a batch may hold the engine; the longest of all figures is the machine's as often as the engine's."""

console = Console(stderr=True)
Waits = list[float]


def event(number: int, **changes: Any) -> dict[str, Any]:
    """A past event of one of a thousand people."""
    return {
        "time": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
        "identity": {"id": f"person-{number % 1000}", "type": "human"},
        "session": {"id": f"s{number % 1000}"},
        "action": {"name": "files:Get", "category": "read", "outcome": "success"},
        "network": {"ip": f"198.51.100.{number % 250}"},
    } | changes


def waits_beside(work: Callable[[], object], times: int, ask: Callable[[], float]) -> Waits:
    """How long each request takes that is sent while the work is under way, one after another."""
    threads = [threading.Thread(target=work) for _ in range(times)]
    for thread in threads:
        thread.start()
    waits = []
    while any(thread.is_alive() for thread in threads):
        waits.append(ask())
    return waits


def engine_waits(events: int, folder: Path) -> Waits:
    """How long a job that does nothing waits for the engine while batches are folded."""
    store = Store(f"sqlite:///{folder}/engine.db")
    store.migrate()
    active = ActiveConfiguration(Settings(home=folder), Policy.load(), lookup(""), None, "there is none here")
    engine, caller = Engine(store, active), KeyCaller("bench", frozenset({"events"}))
    batch = [Event.model_validate(event(number)) for number in range(events)]

    def ask() -> float:
        start = perf_counter()
        engine.run(lambda tx: {})
        return perf_counter() - start

    def ship() -> None:
        with no_full_collection():  # as the route does: a full collection keeps every thread waiting
            engine.ingest(batch, [], caller)

    engine.ingest(batch[:100], [], caller)  # compiles what folds them
    keep_what_is_loaded()
    try:
        return waits_beside(ship, 1, ask)
    finally:
        engine.close()


def report(name: str, waits: Waits) -> None:
    """One line of figures."""
    middle, most, longest = np.quantile(waits, [0.5, 0.99, 1.0]) * 1000
    figures = f"median {middle:6.1f} ms   99 % {most:6.1f} ms   longest {longest:6.1f} ms   {len(waits):,} requests"
    console.print(f"{name:44} {figures}", highlight=False)


def main(
    events: Annotated[int, typer.Option(help="Events in a batch.")] = 20_000,
    connections: Annotated[int, typer.Option(help="Idle connections.")] = 3_000,
) -> None:
    """Measure and print; exits 1 when one job in a hundred waited for the engine for more than 50 ms."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        held = engine_waits(events, Path(folder))
        report(f"engine, beside a batch of {events:,} events", held)
        with started_service({"SESSION_TRUST_HOME": folder}) as service:
            asking, person = Caller(service), event(0)
            idle = [asking.score(person) for _ in range(300)][100:]
            report("/score alone", idle)
            body = gzip.compress(json.dumps([event(number) for number in range(events)]).encode())

            def ship() -> None:
                Caller(service).post("/events", body, "application/gzip")

            report(f"/score, beside {BATCHES} such batches", waits_beside(ship, BATCHES, lambda: asking.score(person)))
            where = urlsplit(service.url)
            _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            hanging = []
            for _ in range(connections):
                hanging.append(socket.create_connection((where.hostname or "", where.port or 0)))
                hanging[-1].sendall(b"POST /score HTTP/1.1\r\nHost: a\r\n")
            report(f"/score, beside {connections:,} idle connections", [asking.score(person) for _ in range(200)])
            for connection in hanging:
                connection.close()
    raise typer.Exit(1 if np.quantile(held, 0.99) > LIMIT_SECONDS else 0)


if __name__ == "__main__":
    typer.run(main)
