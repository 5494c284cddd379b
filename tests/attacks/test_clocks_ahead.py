"""The attacker's aim: the sign-in that a challenged request carried counts as one made after the challenge.

The identity provider's clock may be ahead of the server's, and may state whole seconds. Defends against the subject
that sends the same cookie again at once; a person who signs in again is let in.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.engines import CALLER, score_request
from support.live_server import active_configuration, now
from support.recorded_decisions import open_store

from serving.engine import score_context
from serving.engine.writer import Engine
from serving.policy.schema import Policy

CELLS = {name: {"trust": 0.999999999} for name in ("public", "internal", "confidential", "restricted")}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine whose model always asks for a new sign-in."""
    built_in = Policy.load().model_dump(by_alias=True)
    policy = Policy.model_validate(built_in | {"thresholds": built_in["thresholds"] | {"human": CELLS}})
    engine = Engine(open_store(tmp_path), active_configuration(tmp_path, policy=policy))
    yield engine
    engine.close()


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("ahead", [4.0, 1.0, 0.0, -0.5])
def test_the_sign_in_of_a_challenged_request_is_no_newer_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, ahead: float, whole: bool
) -> None:
    """However far the clock is ahead within its tolerance; the next sign-in counts."""
    start = now().replace(microsecond=600_000)

    def ruling(signed_in: float, at: float) -> str:
        moment, time = start + timedelta(seconds=at), start + timedelta(seconds=signed_in + ahead)
        monkeypatch.setattr(score_context, "now", lambda: moment)
        claim = {"amr": ["pwd", "hwk"], "time": (time.replace(microsecond=0) if whole else time).isoformat()}
        request = score_request("early", time=moment.isoformat(), authentication=claim)
        return str(engine.score(request, CALLER)["ruling"])

    carried = [ruling(0.0, at) for at in (0.0, 0.2, 2.0, 6.0)]
    again = ruling(12.0, 12.0 + max(0.1, -ahead))

    assert carried == ["step_up"] * 4
    assert again == "allow"
