"""What one decision costs on a live server, over HTTP, and how much of that is floors and ruling: all of one run.

The server is one of its own, with an empty store and the champion of the registry the settings name.
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
from scripts.benchmarks.timing import side_by_side
from scripts.lib.client import ROOT, Service, started_service
from training import champion, simulate

RESULTS = ROOT / "benchmarks/results.json"
WARM = 100
"""Requests before anything is measured."""
AT_ONCE = 16
"""Callers of the loaded server."""
EXPLAINED, ROUNDS = 100, 9
"""Requests explained in a round by either explainer; the fastest round counts."""
PROMISED = 0.05
"""What floors and ruling may take of the time of one request."""
STAGE = re.compile(r'session_trust_stage_seconds_sum\{stage="(\w+)"\} (\S+)')
WHOLE = re.compile(r"session_trust_score_seconds_sum (\S+)")

Figures = dict[str, float]
console = Console(stderr=True)


class Caller:
    """One connection that is kept open."""

    def __init__(self, service: Service) -> None:
        self._connection = HTTPConnection(urlsplit(service.url).netloc, timeout=60)
        self._headers = {
            "Authorization": f"Bearer {service.key_file.read_text().strip()}",
            "Content-Type": "application/json",
        }

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """One request; raises RuntimeError when the answer is no 200."""
        self._connection.request(method, path, body, self._headers)
        answer = self._connection.getresponse()
        read = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}: {read[:500].decode()}")
        return read

    def score(self, event: dict[str, Any]) -> float:
        """Seconds from the request for a decision to its answer, the request made now."""
        body = json.dumps({"event": event | {"time": datetime.now(UTC).isoformat()}}).encode()
        began = perf_counter()
        self.ask("POST", "/score", body)
        return perf_counter() - began

    def spent(self) -> tuple[Figures, float]:
        """Seconds the server has spent on decisions so far, by stage and as a whole."""
        said = self.ask("GET", "/metrics").decode()
        whole = WHOLE.search(said)
        return {stage: float(sum_) for stage, sum_ in STAGE.findall(said)}, float(whole[1]) if whole else 0.0


def requests(count: int) -> list[dict[str, Any]]:
    """Simulated requests in their order of time, without ids and times of their own."""
    table = simulate(1).events.slice(0, count)
    return [event.model_dump(mode="json", exclude={"id", "time"}, exclude_none=True) for event in events_of(table)]


def alone(caller: Caller, asked: Sequence[dict[str, Any]]) -> Figures:
    """One request after the other: latency, and what the time of one went into."""
    before, whole_before = caller.spent()
    seconds = [caller.score(event) for event in asked]
    after, whole = caller.spent()
    stages = {stage: (after[stage] - before.get(stage, 0.0)) / len(asked) for stage in after}
    server, client = (whole - whole_before) / len(asked), float(np.mean(seconds))
    split = {f"milliseconds: {stage}": value * 1e3 for stage, value in stages.items()}
    return {
        "requests": len(asked),
        **_latency(seconds),
        **split,
        "milliseconds: its turn and the commit": (server - sum(stages.values())) * 1e3,
        "milliseconds: HTTP": (client - server) * 1e3,
        "floors and ruling over one /score": stages["ruling"] / client,
        "floors and ruling over the server's part of it": stages["ruling"] / server,
    }


def loaded(service: Service, asked: Sequence[dict[str, Any]]) -> Figures:
    """Many callers at once."""
    shares = [asked[place::AT_ONCE] for place in range(AT_ONCE)]

    def run(share: Sequence[dict[str, Any]]) -> list[float]:
        caller = Caller(service)
        return [caller.score(event) for event in share]

    began = perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        seconds = [each for share in pool.map(run, shares) for each in share]
    took = perf_counter() - began
    return {"callers": AT_ONCE, "requests": len(asked), "requests a second": len(asked) / took, **_latency(seconds)}


def explaining(model: TrustModel) -> Figures:
    """One explanation, by the service's own code and by SHAP's explainer, which gives the same."""
    import shap  # takes seconds

    rows = replay(simulate(1).events.slice(0, EXPLAINED), model.population)
    explainer, ours = shap.TreeExplainer(model.now), explain_forest(model.now)
    own, theirs = side_by_side(
        [
            lambda: [ours.shap_values(row) for row in rows],
            lambda: [explainer.shap_values(row[None], check_additivity=False) for row in rows],
        ],
        ROUNDS,
    )
    each = 1e3 / len(rows)
    return {
        "milliseconds": own * each,
        "milliseconds, SHAP's explainer": theirs * each,
        "theirs over ours": theirs / own,
    }


def _latency(seconds: Sequence[float]) -> Figures:
    p50, p99 = np.percentile(seconds, (50, 99)) * 1e3
    return {"milliseconds, p50": float(p50), "milliseconds, p99": float(p99)}


def main(
    count: Annotated[
        int, typer.Option("--requests", min=WARM, help="How many are timed, alone and under load.")
    ] = 2_000,
) -> None:
    """Measure, print, and keep the figures in benchmarks/results.json; exits 1 where floors and ruling take too much.

    Example: `scripts/bench serving`
    """
    here, asked = get_settings(), requests(WARM + 2 * count)
    model = champion(here)
    if model is None:
        raise typer.BadParameter("no version answers yet: python -m training retrain --promote")
    with tempfile.TemporaryDirectory() as home:
        where = {"HOME": home, "TRACKING_URI": here.tracking_uri, "ARTIFACTS": here.artifacts}
        with started_service({f"SESSION_TRUST_{name}": value for name, value in where.items()}) as service:
            caller = Caller(service)
            for event in asked[:WARM]:
                caller.score(event)
            parts = {
                "alone": alone(caller, asked[WARM : WARM + count]),
                "loaded": loaded(service, asked[WARM + count :]),
            }
    parts["explaining"] = explaining(model)
    for name, figures in parts.items():
        for what, value in figures.items():
            console.print(f"{name:8} {what:60} {value:12,.3f}", highlight=False, soft_wrap=True)
    _keep(parts)
    raise typer.Exit(0 if parts["alone"]["floors and ruling over one /score"] <= PROMISED else 1)


def _keep(parts: dict[str, Figures]) -> None:
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "at": datetime.now(UTC).isoformat()[:16]}
    kept = {name: {what: round(value, 4) for what, value in figures.items()} for name, figures in parts.items()}
    results["serving"] = {**kept, "machine": machine}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
