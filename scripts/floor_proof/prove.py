"""Proves a policy's floors on requests drawn at random: no privileged request is allowed without the proof it needs,
whatever the model says, and every floor says what a second reading of the policy file says.

Exit codes: 0 both held, 1 they did not, 2 it could not be tried.
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
import yaml
from rich.console import Console
from rich.progress import track
from rich.table import Table

from features.event.schema import Event
from features.model.trust_curve import TrustCurve
from scripts.floor_proof.random_requests import NOW, Request, drawn
from scripts.floor_proof.reference_floors import ruling_floor, statuses
from serving.decision.authorization_details import Detail
from serving.decision.decide import Decision, Proof, Revocation, Scope, SessionState, Versions, decide
from serving.policy.schema import BUILT_IN, Policy, PolicyError

AT_ONCE = 2_000
"""Requests drawn from one seed."""
STATUSES = ("applied", "satisfied", "undecided")


@dataclass
class Findings:
    """What was seen, and what should not have been."""

    requests: int = 0
    privileged: int = 0
    """Requests for which a floor in force demanded a proof that was not there."""
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    rulings: Counter[str] = field(default_factory=Counter)
    allowed: list[Request] = field(default_factory=list)
    """Privileged, unproven, and allowed all the same."""
    disagreed: list[tuple[Request, dict[str, str], dict[str, str]]] = field(default_factory=list)
    """With what the reference said, and what the service did."""

    def add(self, other: Findings) -> None:
        """Count what another saw."""
        self.requests += other.requests
        self.privileged += other.privileged
        self.seen += other.seen
        self.rulings += other.rulings
        self.allowed += other.allowed
        self.disagreed += other.disagreed

    @property
    def held(self) -> bool:
        """Whether nothing was found, and something was tried."""
        return self.privileged > 0 and not self.allowed and not self.disagreed


def decided(asked: Request, policy: Policy) -> Decision:
    """The service's own decision on a drawn request."""
    event = Event.model_validate(asked.event)
    return decide(
        event,
        asked.features,
        None if asked.log_odds is None else TrustCurve(asked.log_odds, asked.hazards),
        None,
        policy,
        [_proof(proof) for proof in asked.proofs],
        SessionState(
            revocation=Revocation(None, NOW, "investigator", "stolen") if asked.revoked else None,
            valid_until=asked.valid_until,
            prompts_in_window=asked.prompts,
            challenged_at=asked.asked,
        ),
        id="decision",
        at=NOW,
        threshold=asked.threshold,
        versions=Versions(model=None, policy=policy.digest, features="sha256:drawn"),
    )


def _proof(said: dict[str, Any]) -> Proof:
    task = tuple(Detail.model_validate(each) for each in said["task"])
    return Proof(**(said | {"scope": Scope(*said["scope"]) if said["scope"] else None, "task": task}))


def proven(path: Path, seed: int, requests: int) -> Findings:
    """Requests of one seed, decided by the service and held against the reference."""
    policy, text = _read(path)
    rng, found = Random(seed), Findings()
    for _ in range(requests):
        asked = drawn(rng)
        decision = decided(asked, policy)
        said = {floor.id: str(floor.status) for floor in decision.floors}
        expected = statuses(text, asked)
        demands = ruling_floor(text, expected)
        found.requests += 1
        found.privileged += demands
        found.seen.update(expected.items())
        found.rulings[decision.ruling] += 1
        if demands and decision.ruling == "allow":
            found.allowed.append(asked)
        if said != expected:
            found.disagreed.append((asked, expected, said))
    return found


@cache
def _read(path: Path) -> tuple[Policy, Any]:
    return Policy.load(path), yaml.safe_load(path.read_text())


def _shares(requests: int) -> Iterator[int]:
    yield from repeat(AT_ONCE, requests // AT_ONCE)
    if requests % AT_ONCE:
        yield requests % AT_ONCE


def main(
    policy: Annotated[Path, typer.Argument(help="The policy file.", exists=True, dir_okay=False)] = BUILT_IN,
    requests: Annotated[int, typer.Option(help="How many are drawn.", min=1)] = 1_000_000,
    seed: Annotated[int, typer.Option(help="The same seed draws the same requests.")] = 1,
) -> None:
    """Prove the floors of a policy.

    Example: `scripts/prove --requests 100000`
    """
    console = Console()
    try:
        Policy.load(policy)
    except PolicyError as error:
        console.print(str(error), markup=False)
        raise typer.Exit(2) from error
    shares, found = list(_shares(requests)), Findings()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        parts = pool.map(proven, repeat(policy), range(seed * len(shares), (seed + 1) * len(shares)), shares)
        for part in track(parts, "proving the floors", len(shares), console=Console(stderr=True)):
            found.add(part)
    console.print(_table(found, Policy.load(policy)))
    console.print(_sentences(found), markup=False, highlight=False)
    raise typer.Exit(0 if found.held else 1)


def _table(found: Findings, policy: Policy) -> Table:
    table = Table("floor", "mode", *(f"{status}" for status in STATUSES), title="how often each floor was tried")
    for floor in policy.floors:
        table.add_row(floor.id, floor.mode, *(f"{found.seen[floor.id, status]:,}" for status in STATUSES))
    return table


def _sentences(found: Findings) -> str:
    rulings = ", ".join(f"{count:,} {ruling}" for ruling, count in sorted(found.rulings.items()))
    lines = [
        f"{found.requests:,} requests drawn ({rulings}); {found.privileged:,} lacked a proof that a floor demands.",
        f"{len(found.allowed):,} of those were allowed.",
        f"{len(found.disagreed):,} requests of which the second reading of the policy says something else.",
    ]
    lines += [f"allowed: {asked}" for asked in found.allowed[:2]]
    lines += [f"policy: {expected}; service: {said}; {asked}" for asked, expected, said in found.disagreed[:2]]
    return "\n".join(lines)


if __name__ == "__main__":
    typer.run(main)
