"""What was learnt from a simulation is held against real people at work before it may answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from features.arrays import Array
from features.enrichment.ip_lookup import NetworkTables, lookup
from features.history.population import unmeasured
from features.model.bundle import TYPES, Calibration, TrustModel
from training.promotion.checks import carried_over
from training.promotion.real_record_check import Asked, expired, ordinary
from training.real_records.otrf import logged, stolen
from training.real_records.scoring import seen

THRESHOLDS = {kind: [[0.001, 0.5], [0.01, 0.5]] for kind in TYPES}


@dataclass(frozen=True)
class Always:
    """Says the same of everything."""

    margin: float

    def decision_function(self, matrix: Array) -> Array:
        return np.full(len(matrix), self.margin)


def saying(now: float, hazard: float) -> TrustModel:
    """A model that says the same log-odds of every request, and of every interval."""
    return TrustModel(Always(now), Always(hazard), Calibration(), unmeasured(), THRESHOLDS)


@pytest.fixture(scope="module")
def tables() -> NetworkTables:
    return lookup()


def test_a_model_that_trusts_everybody_asks_nobody(tables: NetworkTables) -> None:
    """Of the person's requests and the cloud's own: 92 of the incident's 103 records."""
    assert ordinary(saying(-9.0, -20.0), tables) == Asked(requests=92, below=0, expired=0)


def test_a_model_that_trusts_nobody_is_refused_with_what_it_asked(tables: NetworkTables) -> None:
    """Everybody would be challenged."""
    check = carried_over(ordinary(saying(9.0, -20.0), tables))

    assert (check.passed, str(check)) == (
        False,
        "carried over: of 92 ordinary requests on record 92 challenged, 0 after expiry (at most 5% asked for)",
    )


def test_sessions_that_expire_between_two_clicks_are_found_out(tables: NetworkTables) -> None:
    """Trust in every request, and none in the next five minutes: whoever pauses for longer is asked ever after."""
    asked = ordinary(saying(-9.0, 0.0), tables)

    assert (asked.below, asked.expired > 40, carried_over(asked).passed) == (0, True, False)


def test_what_has_expired_stays_so_and_other_sessions_do_not_mind(tables: NetworkTables) -> None:
    """Row by row: after a session's first expired request all of its own are, and no request without a session is."""
    model = saying(-9.0, 0.0)
    of = seen(model, logged(), tables)
    over = expired(model, of)
    frame = of.events.select(["identity.id", "session.id", "time"]).to_pandas().assign(over=over)
    frame = frame.sort_values("time", kind="stable")
    known = frame.dropna(subset=["session.id"])

    assert all(each.is_monotonic_increasing for _, each in known.groupby(["identity.id", "session.id"])["over"])
    assert not frame[frame["session.id"].isna()]["over"].any()
    assert int(stolen(of).sum()) == 11
