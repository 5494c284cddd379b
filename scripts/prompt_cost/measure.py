"""Let a month of each profile go through an engine in this process, and count who is asked how often.

    python scripts/prompt_cost/measure.py CHECKOUT --out FILE [--off RULE] [--individuals N]

`CHECKOUT` is a folder with a release of this repository: its engine, policy and shipped model are measured. Everybody
meets every challenge at once, with a proof of the kind the remedy names, and repeats the request; what is then asked
again counts again. `--off` switches one rule off. `scripts/prompt_cost/compare.py` runs it for both releases.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
ASKED_AT_MOST = 3
"""Challenges that are met for one request before it counts as given up."""
SECONDS_TO_ANSWER = 20
_HUMAN_DAYS, _MACHINE_DAYS = 7.0, 1.0
_PROOFS: dict[str, tuple[str, dict[str, Any]]] = {
    "interactive_mfa": ("authentication", {"amr": ["pwd", "hwk"]}),
    "attest_workload_identity": ("attestation", {}),
    "refresh_token": ("refresh", {}),
    "owner_approval": ("owner_approval", {}),
}
"""By the type of a remedy: the kind of proof, as every release reads it, and what it says."""


@dataclass
class Count:
    """What one profile met."""

    requests: int = 0
    step_ups: int = 0
    denied: int = 0
    given_up: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class Release:
    """The engine of a checkout, in a home of its own, with the model that it ships."""

    def __init__(self, checkout: Path, home: Path) -> None:
        sys.path.insert(0, str(checkout))
        os.environ["SESSION_TRUST_HOME"] = str(home)
        module = importlib.import_module
        settings = module("features.settings").get_settings()
        settings.ensure_home()
        shipping, registry = module("training.promotion.shipping"), module("training.promotion.registry")
        registry.promote(settings, shipping.register_exported(settings))
        active = module("serving.model.active").load_configuration(settings)
        assert active.missing is None, active.missing
        store = module("serving.store.store").Store(f"sqlite:///{home}/store.db")
        store.migrate()
        self.engine = module("serving.engine.writer").Engine(store, active)
        self._requests = module("serving.contracts.requests")
        self.trusts: dict[str, list[float]] = {}
        """What the model said, by identity type."""
        self._caller = module("serving.store.api_keys").Caller

    def ask_below(self, trusts: dict[str, float]) -> None:
        """Let the model ask below these trusts, by identity type, whatever the policy's budget is."""
        champion = self.engine.active.champion
        thresholds = {kind: [[0.0001, trust], [0.05, trust]] for kind, trust in trusts.items()}
        champion.model = replace(champion.model, thresholds=champion.model.thresholds | thresholds)

    def score(self, request: Any, at: Any, namespace: str) -> dict[str, Any]:
        """The decision on a request of a profile, made at a time."""
        caller = self._caller(request.key, frozenset((*request.scopes, "investigate")))
        groups = request.groups | {"action": request.groups["action"] | {"outcome": "success"}}
        event = {"time": at.isoformat(), "identity": {"id": request.identity, "type": request.kind}, **groups}
        body = {"mode": "replay", "space": namespace, "event": event}
        answer: dict[str, Any] = self.engine.score(self._requests.ScoreRequest.model_validate(body), caller)
        if answer["trust"]:
            self.trusts.setdefault(request.kind, []).append(answer["trust"]["now"])
        return answer

    def meet(self, decision: dict[str, Any], request: Any, at: Any) -> bool:
        """Report the proof that the first known remedy asks for; whether it counted."""
        kinds = [remedy["type"] for remedy in decision["remedies"] if remedy["type"] in _PROOFS]
        if not kinds:
            return False
        kind, more = _PROOFS[kinds[0]]
        report = {
            "decision_id": decision["decision_id"],
            "identity": request.identity,
            "session": request.groups.get("session", {}).get("id"),
            "result": "completed",
            "proof": {"made_at": at.isoformat(), "kind": kind, **more},
        }
        try:
            self.engine.step_up(self._requests.StepUpRequest.model_validate(report))
        except Exception as error:
            print(f"not accepted: {type(error).__name__}: {str(error)[:160]}", file=sys.stderr)
            return False
        return True


def replay(release: Release, requests: list[Any], namespace: str) -> Count:
    """Let the requests of a profile through, in order of time."""
    count = Count()
    for request in requests:
        count.requests += 1
        at = request.at
        for _ in range(ASKED_AT_MOST):
            decision = release.score(request, at, namespace)
            if decision["ruling"] == "allow":
                break
            if decision["ruling"] == "deny":
                count.denied += 1
                count.reasons[_reason(decision)] += 1
                break
            count.step_ups += 1
            count.reasons[_reason(decision)] += 1
            at += timedelta(seconds=SECONDS_TO_ANSWER)
            if not release.meet(decision, request, at):
                count.given_up += 1
                break
            at += timedelta(seconds=5)
        else:
            count.given_up += 1
    return count


def _reason(decision: dict[str, Any]) -> str:
    applied = [floor["id"] for floor in decision["floors"] if floor.get("status") == "applied"]
    return " + ".join(applied) or str(next(iter(decision["because"]), "the model"))


def thresholds_at(trusts: dict[str, list[float]], budget: float) -> dict[str, float]:
    """By identity type: the trust below which a share `budget` of the requests lies."""
    return {kind: sorted(values)[int(budget * len(values))] for kind, values in trusts.items()}


def main() -> None:
    """Measure one release, or one rule off."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--off", choices=sorted(RULES))
    parser.add_argument("--individuals", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", type=float, default=0.005, help="Share of requests below the model's thresholds.")
    parser.add_argument("--thresholds-of", type=Path, help="Take them from this result instead of measuring them.")
    options = parser.parse_args()
    profiles = importlib.import_module("scripts.prompt_cost.profiles")
    activity = {
        profile: profiles.requests_of(profile, options.individuals, options.seed)
        for profile in (*profiles.PEOPLE, *profiles.MACHINES)
    }
    with tempfile.TemporaryDirectory() as home:
        release = Release(options.checkout.resolve(), Path(home))
        if options.off:
            RULES[options.off]()
        if options.thresholds_of:
            thresholds = json.loads(options.thresholds_of.read_text())["thresholds"]
        else:
            release.ask_below({"human": 0.0, "workload": 0.0})
            for requests in activity.values():
                replay(release, requests, "measuring")
            thresholds = thresholds_at(release.trusts, options.budget)
        release.ask_below(thresholds)
        found: dict[str, Any] = {}
        for profile, requests in activity.items():
            began = time.monotonic()
            count = replay(release, requests, "month")
            unit = _HUMAN_DAYS if profile in profiles.PEOPLE else _MACHINE_DAYS
            rate = count.step_ups / options.individuals / (profiles.DAYS / unit)
            found[profile.__name__] = vars(count) | {"reasons": dict(count.reasons.most_common()), "rate": rate}
            print(f"{profile.__name__:34}{rate:8.2f}{count.denied:6}{time.monotonic() - began:6.0f} s", flush=True)
        release.engine.close()
    options.out.write_text(json.dumps({"thresholds": thresholds, "profiles": found}, indent=1) + "\n")


def _patch(module: str, name: str, replacement: Callable[..., Any]) -> Callable[[], None]:
    return lambda: setattr(pkgutil.resolve_name(module), name, replacement)


def _declared(event: Any, entry: Any) -> Any:
    reading = importlib.import_module("serving.decision.readings").ActionReading
    return reading(event.action.category, event.action.category, "declared")


def _one_type(event: Any, types: Any, policy: Any) -> list[Any]:
    return [importlib.import_module("serving.decision.readings").Reading(event)]


_READING, _SCORE = "serving.deployment.request_reading", "serving.engine.score"
RULES: dict[str, Callable[[], None]] = {
    "derived actions": _patch(_READING, "_action_reading", _declared),
    "sensitivity": _patch(_READING, "_with_known_asset", lambda event, catalogues, *, trusted_sensitivity: event),
    "types": _patch(_READING, "_typed", _one_type),
    "withheld": _patch(_SCORE, "withheld_groups", lambda event, habits: ()),
    "new values": _patch("serving.engine.new_values.RequestValues", "counted", lambda *arguments: None),
    "places": _patch("serving.decision.places.proof_place", "place_differences", lambda *places, **known: ()),
}
"""What `--off` can switch off: how."""


if __name__ == "__main__":
    main()
