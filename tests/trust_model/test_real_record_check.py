"""The real-record check: a model trained on a simulation must leave real people at work alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from features.arrays import Array
from features.enrichment.ip_lookup import NetworkTables, lookup
from features.history.population import empty_population
from features.model.bundle import TYPES, Calibration, TrustModel
from training.promotion.checks import check_real_records
from training.promotion.real_record_check import RealRecordChallenges, challenge_real_records, expired_requests
from training.real_records.otrf import made_with_stolen_keys, read_events
from training.real_records.scoring import score_records

THRESHOLDS = {identity_type: [[0.001, 0.5], [0.01, 0.5]] for identity_type in TYPES}


@dataclass(frozen=True)
class ConstantModel:
    """Gives every row the same margin."""

    margin: float

    def decision_function(self, matrix: Array) -> Array:
        return np.full(len(matrix), self.margin)


def constant_model(now: float, hazard: float) -> TrustModel:
    """A model with the same log-odds for every request, and for every interval."""
    return TrustModel(ConstantModel(now), ConstantModel(hazard), Calibration(), empty_population(), THRESHOLDS)


@pytest.fixture(scope="module")
def tables() -> NetworkTables:
    return lookup()


def test_a_model_that_trusts_everybody_challenges_nobody(tables: NetworkTables) -> None:
    """Of the incident's 103 records, 92 are legitimate."""
    challenges = challenge_real_records(constant_model(-9.0, -20.0), tables)

    assert challenges == RealRecordChallenges(requests=92, below_threshold=0, expired=0)


def test_a_model_that_trusts_nobody_fails_with_the_number_of_challenges(tables: NetworkTables) -> None:
    """Every legitimate request would be challenged."""
    check = check_real_records(challenge_real_records(constant_model(9.0, -20.0), tables))

    assert not check.passed
    assert str(check) == (
        "real records: of 92 legitimate requests 92 challenged, 0 after expiry (required: at most 5%)"
    )


def test_sessions_that_expire_too_soon_fail_the_check(tables: NetworkTables) -> None:
    """Trust now but none in five minutes challenges everybody who pauses for longer."""
    challenges = challenge_real_records(constant_model(-9.0, 0.0), tables)

    assert challenges.below_threshold == 0
    assert challenges.expired > 40
    assert not check_real_records(challenges).passed


def test_an_expired_session_stays_expired_and_affects_no_other(tables: NetworkTables) -> None:
    """All later requests of the session are expired; requests without a session never are."""
    model = constant_model(-9.0, 0.0)
    records = score_records(model, read_events(), tables)

    expired = expired_requests(model, records)

    frame = records.events.select(["identity.id", "session.id", "time"]).to_pandas().assign(expired=expired)
    frame = frame.sort_values("time", kind="stable")
    in_session = frame.dropna(subset=["session.id"])
    by_session = in_session.groupby(["identity.id", "session.id"])["expired"]
    assert all(column.is_monotonic_increasing for _, column in by_session)
    assert not frame[frame["session.id"].isna()]["expired"].any()


def test_eleven_requests_are_made_with_stolen_keys(tables: NetworkTables) -> None:
    """They are left out of the check."""
    records = score_records(constant_model(-9.0, 0.0), read_events(), tables)

    assert int(made_with_stolen_keys(records).sum()) == 11
