"""Benchmark: latency and throughput of `POST /score` over HTTP, and the share of it that floors and ruling take.

The server is started for it, with an empty store and the champion of the registry that the settings name.
"""

from __future__ import annotations

import json
import os
import platform
import re
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection
from time import perf_counter
from typing import Annotated, Any
from urllib.parse import urlsplit

import numpy as np
import typer
from rich.console import Console

from features.engine.batch import replay
from features.event.arrow import events_of
from features.model.bundle import TrustModel
from features.model.tree_shap import explain_forest
from features.settings import get_settings
from scripts.benchmarks.timing import fastest_seconds, read_results, write_results
from serving.launch.client import Service, started_service
from training import champion, simulate

WARM_UP = 100
"""Requests before anything is measured."""
CALLERS = 16
"""Concurrent callers of the loaded server."""
EXPLAINED, ROUNDS = 100, 9
"""Requests each explainer explains per round, and rounds; the fastest round counts."""
RULING_LIMIT = 0.05
"""The largest share of a request's time that floors and ruling may take."""
STAGE = re.compile(r'session_trust_stage_seconds_sum\{stage="(\w+)"\} (\S+)')
TOTAL = re.compile(r"session_trust_score_seconds_sum (\S+)")

Figures = dict[str, float]
console = Console(stderr=True)


class Caller:
    """A connection that is kept open."""

    def __init__(self, service: Service) -> None:
        self._connection = HTTPConnection(urlsplit(service.url).netloc, timeout=60)
        self._headers = {
            "Authorization": f"Bearer {service.key_file.read_text().strip()}",
            "Content-Type": "application/json",
        }

    def request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Send one request; returns the body. Raises RuntimeError when the status is not 200."""
        self._connection.request(method, path, body, self._headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status}: {content[:500].decode()}")
        return content

    def post(self, path: str, body: bytes, media_type: str) -> bytes:
        """Send a body that is no JSON."""
        self._headers = self._headers | {"Content-Type": media_type}
        return self.request("POST", path, body)

    def score(self, event: dict[str, Any]) -> float:
        """Seconds from sending the event, dated now, to the decision."""
        body = json.dumps({"event": event | {"time": datetime.now(UTC).isoformat()}}).encode()
        start = perf_counter()
        self.request("POST", "/score", body)
        return perf_counter() - start

    def server_seconds(self) -> tuple[Figures, float]:
        """Seconds the server has spent on decisions so far: by stage, and in total."""
        metrics = self.request("GET", "/metrics").decode()
        total = TOTAL.search(metrics)
        return {stage: float(sum_) for stage, sum_ in STAGE.findall(metrics)}, float(total[1]) if total else 0.0


def requests(count: int) -> list[dict[str, Any]]:
    """Simulated events in time order, without id and time."""
    table = simulate(1).events.slice(0, count)
    return [event.model_dump(mode="json", exclude={"id", "time"}, exclude_none=True) for event in events_of(table)]


def one_at_a_time(caller: Caller, events: Sequence[dict[str, Any]]) -> Figures:
    """One request after another: latency, and what the time of one is spent on."""
    before, total_before = caller.server_seconds()
    seconds = [caller.score(event) for event in events]
    after, total = caller.server_seconds()
    stages = {stage: (after[stage] - before.get(stage, 0.0)) / len(events) for stage in after}
    server, client = (total - total_before) / len(events), float(np.mean(seconds))
    split = {f"milliseconds: {stage}": value * 1e3 for stage, value in stages.items()}
    return {
        "requests": len(events),
        **_latency(seconds),
        **split,
        "milliseconds: its turn and the commit": (server - sum(stages.values())) * 1e3,
        "milliseconds: HTTP": (client - server) * 1e3,
        "floors and ruling over one /score": stages["ruling"] / client,
        "floors and ruling over the server's part of it": stages["ruling"] / server,
    }


def under_load(service: Service, events: Sequence[dict[str, Any]]) -> Figures:
    """Many callers at the same time."""
    parts = [events[start::CALLERS] for start in range(CALLERS)]

    def run(part: Sequence[dict[str, Any]]) -> list[float]:
        caller = Caller(service)
        return [caller.score(event) for event in part]

    start = perf_counter()
    with ThreadPoolExecutor(CALLERS) as pool:
        seconds = [each for part in pool.map(run, parts) for each in part]
    elapsed = perf_counter() - start
    return {
        "callers": CALLERS,
        "requests": len(events),
        "requests a second": len(events) / elapsed,
        **_latency(seconds),
    }


def explanation(model: TrustModel) -> Figures:
    """One explanation by the service's own code, and by SHAP's explainer, whose results are the same."""
    import shap  # takes seconds

    rows = replay(simulate(1).events.slice(0, EXPLAINED), model.population)
    explainer, ours = shap.TreeExplainer(model.now), explain_forest(model.now)
    own, shap_seconds = fastest_seconds(
        [
            lambda: [ours.shap_values(row) for row in rows],
            lambda: [explainer.shap_values(row[None], check_additivity=False) for row in rows],
        ],
        ROUNDS,
    )
    each = 1e3 / len(rows)
    return {
        "milliseconds": own * each,
        "milliseconds, SHAP's explainer": shap_seconds * each,
        "theirs over ours": shap_seconds / own,
    }


def _latency(seconds: Sequence[float]) -> Figures:
    p50, p99 = np.percentile(seconds, (50, 99)) * 1e3
    return {"milliseconds, p50": float(p50), "milliseconds, p99": float(p99)}


def main(
    count: Annotated[
        int, typer.Option("--requests", min=WARM_UP, help="How many are timed one at a time, and under load.")
    ] = 2_000,
) -> None:
    """Measure, print, and keep the figures in benchmarks/results.json. Exit code 1 when floors take too long.

    Example: `scripts/bench serving`
    """
    settings, events = get_settings(), requests(WARM_UP + 2 * count)
    model = champion(settings)
    if model is None:
        raise typer.BadParameter("no model is registered yet: session-trust training register-model")
    with tempfile.TemporaryDirectory() as home:
        environment = {"HOME": home, "TRACKING_URI": settings.tracking_uri, "ARTIFACTS": settings.artifacts}
        with started_service({f"SESSION_TRUST_{name}": value for name, value in environment.items()}) as service:
            caller = Caller(service)
            for event in events[:WARM_UP]:
                caller.score(event)
            parts = {
                "alone": one_at_a_time(caller, events[WARM_UP : WARM_UP + count]),
                "loaded": under_load(service, events[WARM_UP + count :]),
            }
    parts["explaining"] = explanation(model)
    for name, figures in parts.items():
        for figure, value in figures.items():
            console.print(f"{name:8} {figure:60} {value:12,.3f}", highlight=False, soft_wrap=True)
    _keep(parts)
    raise typer.Exit(0 if parts["alone"]["floors and ruling over one /score"] <= RULING_LIMIT else 1)


def _keep(parts: dict[str, Figures]) -> None:
    results = read_results()
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "at": datetime.now(UTC).isoformat()[:16]}
    kept = {name: {figure: round(value, 4) for figure, value in figures.items()} for name, figures in parts.items()}
    results["serving"] = {**kept, "machine": machine}
    write_results(results)


if __name__ == "__main__":
    typer.run(main)
