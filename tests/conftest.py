"""Fixtures that many tests share: running services."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.live_server import Server, new_home, served

from features.history.population import empty_population
from serving.launch.client import Service, started_service
from serving.store.chain.verify import verify_log
from serving.store.rebuild import rebuild_histories

LIVE = "live"
TIERS = ("service", "property", "training", "notebook", "integration", "slow")
"""Markers that keep a test out of the quick tier; a test with none of them is marked `unit`."""
TIER_OF = {
    "tests/attacks": "service",
    "tests/live_service": "service",
    "tests/simulated_worlds": "training",
    "tests/trust_model": "training",
    "tests/evidence": "training",
    "tests/policy_changes": "training",
    "tests/decision_records": "integration",
    "tests/project/test_launch.py": "service",
    **dict.fromkeys(
        (
            *(f"tests/drift_features/test_{name}.py" for name in ("parity", "fuzz", "numba_traps", "pandas_polars")),
            *(f"tests/drift_features/test_{name}.py" for name in ("batch_files", "golden_figures")),
            *(f"tests/rulings/test_{name}.py" for name in ("floor_proof", "monotone", "decision", "remedies")),
            *(f"tests/rulings/test_{name}.py" for name in ("yaml_limits", "repeated_challenges", "refused_proofs")),
            "tests/log_events/test_ip_lookup.py",
        ),
        "property",
    ),
    "tests/documentation/test_notebooks.py": "notebook",
    "tests/packaging": "integration",
    "tests/documentation": "integration",
}
"""The tier of every test in a file or below a folder that carries no marker of its own; the longest path decides."""
SERVERS = {LIVE, "small"}
"""Fixtures that start a server."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers (`pytest -n`), tests that share a server or a trained model stay on one of them, the most
    expensive first: nothing is set up twice, and no worker is left alone at the end."""
    group = {item: _group(item) for item in items}
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group[item]))
        if not any(item.get_closest_marker(tier) for tier in TIERS):
            item.add_marker(_tier(item))
    items.sort(key=lambda item: group[item] != LIVE)


def _tier(item: pytest.Item) -> str:
    """`service` for a test that uses a running server, else its folder's tier, else `unit`."""
    if SERVERS & set(getattr(item, "fixturenames", ())):
        return "service"
    path = item.nodeid.partition("::")[0]
    containing = [each for each in TIER_OF if path == each or path.startswith(f"{each}/")]
    return TIER_OF[max(containing, key=len)] if containing else "unit"


def _group(item: pytest.Item) -> str:
    return LIVE if LIVE in getattr(item, "fixturenames", ()) else item.nodeid.partition("::")[0]


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that scripts/serve started in an empty home of its own, first model included."""
    with started_service({"SESSION_TRUST_HOME": str(tmp_path_factory.mktemp("home"))}) as service:
        yield service


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One real server with a small champion, shared by all tests: use identities of your own.

    Whatever they sent, what it stored is what it recorded.
    """
    with served(new_home(tmp_path_factory.mktemp("small") / "home")) as server:
        yield server
    assert verify_log(server.store).breaks == ()
    assert rebuild_histories(server.store, empty_population(), write=False) == ()
