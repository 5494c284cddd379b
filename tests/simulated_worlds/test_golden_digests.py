"""The default parameters give the same simulated worlds as in every release before.

Models, the report and every recorded figure depend on these worlds, so a change here is a decision, never a side
effect. To change them on purpose (a new scenario does), run this file with `-vv`, copy the digests that the failures
print into `GOLDEN`, and say in the CHANGELOG that models and figures must be made again.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pyarrow as pa
from support.random_events import random_events

from features.event.arrow import table_of
from training.data.labels import World
from training.scenarios.injection import inject_abuse
from training.simulation.world import simulate, world_parameters

GOLDEN = {
    "simulated": (
        "7bedeaa604a6f0936a43fca3ce9838ff7b042bf7cc1f72070bf8e76fed83cd9e",
        "9965fead996728b0457ffb0d0062850e30e329c5778a09ae41bbba599cd12e93",
    ),
    "injected": (
        "070180b0faa6d41d8526a982549f189a7a8b07d25e9c43f9438e5a9a3f95995a",
        "a851a9eca08ca1f3280072971b8c418b08128a9b778bcf470752a119de1eaeab",
    ),
}
"""By world: the digests of its events and of its labels."""


def digest(table: pa.Table) -> str:
    """SHA-256 of column names, types and values, in order; how the table is chunked does not matter."""
    sha = hashlib.sha256()
    for name in table.column_names:
        sha.update(f"{name}|{table[name].type}|{table[name].to_pylist()!r}".encode())
    return sha.hexdigest()


def digests(world: World) -> tuple[str, str]:
    return digest(world.events), digest(world.labels)


def test_default_parameters_give_the_same_world() -> None:
    """Identities, their activity, hard negatives, attacks and labels are the same to the last bit."""
    parameters = replace(world_parameters(), identities=90, identities_per_shard=50, days=12)

    assert digests(simulate(1, parameters=parameters)) == GOLDEN["simulated"]


def test_injection_adds_the_same_events_to_a_log_of_your_own() -> None:
    """Every scenario takes part: the rate is higher than these twelve identities can reach."""
    log = table_of(random_events(1_500, seed=11, identities=12))

    assert digests(inject_abuse(log, rate=0.9, seed=2)) == GOLDEN["injected"]
