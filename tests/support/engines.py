"""Engines inside the test's process, for what cannot be seen over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.live_server import active_configuration, an_event

from serving.contracts.requests import ScoreRequest
from serving.engine.writer import Engine
from serving.scopes import SCOPES
from serving.store.api_keys import Caller
from serving.store.store import Store

CALLER = Caller("test", frozenset(SCOPES))
"""A caller whose key has every scope."""


def score_request(identity_id: str = "ada", **groups: Any) -> ScoreRequest:
    """A request about an event of this moment; groups of it are replaced."""
    return ScoreRequest.model_validate({"event": an_event(identity_id, **groups)})


@contextmanager
def engine_without_model(store: Store, home: Path, kind: type[Engine] = Engine) -> Iterator[Engine]:
    """An engine that has no champion; it is closed in the end."""
    engine = kind(store, active_configuration(home, champion=None, missing="there is none in this test"))
    try:
        yield engine
    finally:
        engine.close()
