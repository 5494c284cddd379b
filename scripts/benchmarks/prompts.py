"""Benchmark: what a request costs of an identity that was asked for proof very often, against one asked seldom.

    python -m scripts.benchmarks.prompts [--challenges N]

Both requests take turns on one engine in this process, so the ratio is that of the same moment on the same machine.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from features.enrichment.ip_lookup import lookup
from features.settings import Settings
from scripts.benchmarks.timing import fastest_seconds
from serving.contracts.requests import ScoreRequest
from serving.decision.inputs import Prompt
from serving.engine.writer import Engine
from serving.model.active import ActiveConfiguration
from serving.policy.schema import Policy
from serving.store.api_keys import Caller
from serving.store.decision_log import DecisionRecord
from serving.store.store import Store

SELDOM = 10
ROUNDS = 300
CALLER = Caller("bench", frozenset({"score"}))
PROMPT = Prompt("interactive_mfa", ("floor credential-actions", "thin_context"), unproven=True)

console = Console(stderr=True)


def challenge(identity: str, number: int, times: int) -> DecisionRecord:
    """One of so many challenges of an identity within the last hour, each in another session."""
    at = datetime.now(UTC) - timedelta(seconds=3_500 * (times - number) / times)
    about: dict[str, Any] = {"category": "list", "resource_type": "document", "ruling": "step_up", "at": at}
    about |= {"space": "live", "caller": CALLER.id, "event_id": None, "body_digest": "", "version": 0, "body": {}}
    return DecisionRecord(f"{identity} {number}", identity=identity, session=f"stolen {number}", **about)


def request(identity: str) -> ScoreRequest:
    """A request that is answered with a step-up: without a model, that of any person who wants to view something."""
    event = {
        "time": datetime.now(UTC).isoformat(),
        "identity": {"id": identity, "type": "human"},
        "session": {"id": "s1"},
        "action": {"name": "files:List", "category": "list"},
        "resource": {"type": "document"},
    }
    return ScoreRequest.model_validate({"event": event})


def main(challenges: Annotated[int, typer.Option(help="Challenges of the identity asked often.")] = 60_000) -> None:
    """Measure and print the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/prompts.db")
        store.migrate()
        for identity, times in (("seldom", SELDOM), ("often", challenges)):
            with store.transaction() as tx:
                for number in range(times):
                    tx.decisions.append(challenge(identity, number, times), PROMPT)
        active = ActiveConfiguration(Settings(home=Path(folder)), Policy.load(), lookup(""), None, "there is none here")
        engine = Engine(store, active)
        calls = [lambda identity=identity: engine.score(request(identity), CALLER) for identity in ("seldom", "often")]
        try:
            seldom, often = fastest_seconds(calls, ROUNDS)
        finally:
            engine.close()
    console.print(
        f"a step-up after {challenges:,} challenges: {often * 1000:.2f} ms, {often / seldom:.2f} times the "
        f"{seldom * 1000:.2f} ms after {SELDOM}",
        highlight=False,
    )


if __name__ == "__main__":
    typer.run(main)
