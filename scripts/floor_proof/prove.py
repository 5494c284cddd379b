"""Proves a policy's floors on random requests.

No privileged request is allowed without the proof it needs, whatever the model says; and every floor has the status
that a second, independent evaluation of the policy file gives it. Exit codes: 0 both hold, 1 they do not, 2 the policy
cannot be read.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import repeat
from pathlib import Path
from random import Random
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from features.bounded_yaml.document import parse_yaml
from features.cli.output import fail
from features.cli.progress import progress_bar
from features.event.schema import Event
from features.model.trust_curve import TrustCurve
from scripts.floor_proof.known_names import CATALOGUES
from scripts.floor_proof.random_requests import NOW, Request, draw_request
from scripts.floor_proof.reference_floors import demands_proof, reference_statuses
from scripts.floor_proof.reference_rulings import asks_for_proof
from serving.decision.authorization_details import Detail
from serving.decision.decision import Decision, decide
from serving.decision.inputs import Proof, Revocation, Scope, SessionState, Versions
from serving.decision.lowest_trust import LowestTrust
from serving.decision.places.place import Habits, KnownPlaces, place_of, request_name
from serving.decision.readings import KnownTypes
from serving.deployment.catalogue_files import Catalogues
from serving.deployment.request_reading import read_request
from serving.policy.schema import BUILT_IN, Policy, PolicyError

KNOWN = Catalogues.model_validate(CATALOGUES)
BATCH = 2_000
"""Requests drawn from one seed."""
STATUSES = ("applied", "satisfied", "undecided")


@dataclass
class ProofResult:
    """What was tried, and every request that contradicts the proof."""

    requests: int = 0
    privileged: int = 0
    """Requests without a proof that an enforced floor demands."""
    asked: int = 0
    """Those, and requests without any proof where the lowest trust, an expiry or a revoked session asks for one."""
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each floor had each status."""
    rulings: Counter[str] = field(default_factory=Counter)
    allowed: list[Request] = field(default_factory=list)
    """Requests that were allowed without the proof that they were asked for."""
    disagreements: list[tuple[Request, dict[str, str], dict[str, str]]] = field(default_factory=list)
    """Requests with the statuses of the reference and of the service, where they differ."""

    def add(self, other: ProofResult) -> None:
        """Add another part of the proof."""
        self.requests += other.requests
        self.privileged += other.privileged
        self.asked += other.asked
        self.statuses += other.statuses
        self.rulings += other.rulings
        self.allowed += other.allowed
        self.disagreements += other.disagreements

    @property
    def holds(self) -> bool:
        """Whether nothing contradicts the proof, and something was tried."""
        return self.privileged > 0 and not self.allowed and not self.disagreements


def check_floors(policy: Policy, text: Any, seed: int, requests: int) -> ProofResult:
    """Decide random requests of a seed under a policy, and compare them with the reference's reading of its `text`."""
    rng, result = Random(seed), ProofResult()
    for _ in range(requests):
        request = draw_request(rng)
        decision = decide_request(request, policy)
        statuses = {floor.id: str(floor.status) for floor in decision.floors}
        expected = reference_statuses(text, request)
        privileged = demands_proof(text, expected)
        asked = privileged or (not request.proofs and asks_for_proof(text, request))
        result.requests += 1
        result.privileged += privileged
        result.asked += asked
        result.statuses.update(expected.items())
        result.rulings[decision.ruling] += 1
        if asked and decision.ruling == "allow":
            result.allowed.append(request)
        if statuses != expected:
            result.disagreements.append((request, expected, statuses))
    return result


def decide_request(request: Request, policy: Policy) -> Decision:
    """The service's decision on a random request."""
    readings = read_request(
        Event.model_validate(request.event),
        policy,
        KNOWN,
        KnownTypes.from_record(
            {
                "fixed": request.fixed_type,
                "declared": request.declared_types,
                "intent": request.session_intent,
            }
        ),
        assured=request.assured,
    )
    return decide(
        readings,
        request.features,
        None if request.log_odds is None else TrustCurve(request.log_odds, request.hazards),
        None,
        policy,
        [_proof(request, proof) for proof in request.proofs],
        SessionState(
            revocation=Revocation(None, NOW, "investigator", "stolen") if request.revoked else None,
            session_revoked_at=request.session_revoked_at,
            valid_until=request.valid_until,
            prompts_in_window=request.prompts,
            challenged_at=request.challenged_at,
            failed_step_ups=request.failed_step_ups,
            places=KnownPlaces(Habits(**request.habits), request.proven_network),
        ),
        id="decision",
        at=NOW,
        threshold=request.threshold,
        versions=Versions(model=None, policy=policy.digest, features="sha256:random"),
        lowest=LowestTrust(**request.lowest, seconds=None, kinds=("network",), since=NOW) if request.lowest else None,
    )


def _proof(request: Request, values: dict[str, Any]) -> Proof:
    scope = Scope(*values["scope"]) if values["scope"] else None
    task = tuple(Detail.model_validate(detail) for detail in values["task"])
    made, again = values["made"], values["same_request"] and values["source"] == "step_up"
    place = None if made is None else place_of(Event.model_validate(request.event | made))
    name = request_name(Event.model_validate(request.event)) if again else "another"
    kept = {name: value for name, value in values.items() if name not in ("made", "same_request")}
    return Proof(**(kept | {"scope": scope, "task": task, "place": place, "request": name}))


def read_policy(path: Path) -> tuple[Policy, Any]:
    """A policy as the service reads it, and its plain YAML."""
    return Policy.load(path), parse_yaml(path.read_bytes(), str(path)).value


_read_once = cache(read_policy)


def _check_file(path: Path, seed: int, requests: int) -> ProofResult:
    """The same for a file, in a process of its own."""
    return check_floors(*_read_once(path), seed, requests)


def _batches(requests: int) -> Iterator[int]:
    yield from repeat(BATCH, requests // BATCH)
    if requests % BATCH:
        yield requests % BATCH


def main(
    policy: Annotated[Path, typer.Argument(help="The policy file.", exists=True, dir_okay=False)] = BUILT_IN,
    requests: Annotated[int, typer.Option(help="How many requests are drawn.", min=1)] = 1_000_000,
    seed: Annotated[int, typer.Option(help="The same seed draws the same requests.")] = 1,
) -> None:
    """Prove the floors of a policy.

    Example: `scripts/prove --requests 100000`
    """
    console = Console()
    try:
        loaded = Policy.load(policy)
    except PolicyError as error:
        fail(console, error)
    batches, result = list(_batches(requests)), ProofResult()
    seeds = range(seed * len(batches), (seed + 1) * len(batches))
    with ProcessPoolExecutor(os.cpu_count()) as pool, progress_bar("proving the floors") as bar:
        for part in pool.map(_check_file, repeat(policy), seeds, batches):
            result.add(part)
            bar.update(result.requests, requests)
    console.print(_table(result, loaded))
    console.print(_summary(result), markup=False, highlight=False)
    raise typer.Exit(0 if result.holds else 1)


def _table(result: ProofResult, policy: Policy) -> Table:
    table = Table("floor", "mode", *STATUSES, title="How often each floor had each status")
    for floor in policy.floors:
        table.add_row(floor.id, floor.mode, *(f"{result.statuses[floor.id, status]:,}" for status in STATUSES))
    return table


def _summary(result: ProofResult) -> str:
    rulings = ", ".join(f"{count:,} {ruling}" for ruling, count in sorted(result.rulings.items()))
    lines = [
        f"{result.requests:,} requests drawn ({rulings}); {result.privileged:,} lacked a proof that a floor demands, "
        f"{result.asked:,} that one or another rule demands.",
        f"{len(result.allowed):,} of those were allowed.",
        f"{len(result.disagreements):,} requests have other floors by the second evaluation of the policy.",
    ]
    lines += [f"allowed: {request}" for request in result.allowed[:2]]
    lines += [
        f"reference: {expected}; service: {statuses}; {request}"
        for request, expected, statuses in result.disagreements[:2]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    typer.run(main)
