"""What many tests share: one service, started as a user starts it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from serving_live import Server, new_home, served

from scripts.client import Service, started_service


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that scripts/serve brought up in an empty home of its own, first model and all."""
    with started_service({"SESSION_TRUST_HOME": str(tmp_path_factory.mktemp("home"))}) as service:
        yield service


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One real server with a small champion, shared by every test that asks for it: use identities of your own."""
    with served(new_home(tmp_path_factory.mktemp("small") / "home")) as server:
        yield server
