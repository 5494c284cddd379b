"""Whole histories of whatever an Event may hold: nothing raises, nothing is infinite, unknown only where declared."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.random_events import random_events

from features.arrays import Array
from features.catalogue.all import FEATURES, feature_names
from features.engine.batch import replay
from features.engine.batch_state import BatchState
from features.engine.online import fold, vector
from features.event.arrow import EVENT_SCHEMA, table_of
from features.event.identifiers import visible
from features.event.numpy_row import row_from, row_of
from features.event.schema import (
    Category,
    CredentialKind,
    Environment,
    Event,
    IdentityType,
    Impact,
    Outcome,
    Sensitivity,
)
from features.history.layout import History
from features.history.population import empty_population, measure_population
from features.history.update import CHALLENGED

ALWAYS = np.array([f.always for f in FEATURES])
START, END = datetime(1970, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)

text = st.one_of(st.sampled_from(["a", "b", "c", "🛂" * 64, "x" * 256, " ", "\x00"]), st.text(min_size=1, max_size=20))
ids = text.map(visible).filter(bool)
"""Ids hold no character that cannot be seen; an event with one is refused."""
times = st.one_of(
    st.sampled_from([START, END, datetime(2026, 1, 1, tzinfo=UTC)]),
    st.datetimes(START.replace(tzinfo=None), END.replace(tzinfo=None)).map(lambda t: t.replace(tzinfo=UTC)),
    st.integers(0, 86_400).map(lambda s: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=s)),
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


def of(choices: Any) -> st.SearchStrategy[Any]:
    return maybe(st.sampled_from(get_args(choices)))


def group(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(fields)


counts = maybe(st.sampled_from([0, 1, 10_000_000]))
scopes = maybe(st.lists(text, max_size=64).map(tuple))
events = group(
    id=maybe(text),
    time=times,
    identity=group(
        id=st.sampled_from(["ada", "job"]),
        type=st.sampled_from(get_args(IdentityType)),
        role=maybe(text),
        entitlements_granted=counts,
        entitlements_used_90d=counts,
    ),
    session=group(id=maybe(st.sampled_from(["s1", "s2"])), started_at=maybe(times), intent=maybe(text)),
    action=group(
        name=text, category=of(Category), reversible=maybe(st.booleans()), impact=of(Impact), outcome=of(Outcome)
    ),
    resource=group(id=maybe(text), type=maybe(text), sensitivity=of(Sensitivity), environment=of(Environment)),
    network=group(
        ip=maybe(st.one_of(st.ip_addresses().map(str), text)),
        asn=maybe(st.sampled_from([1, 4_294_967_295])),
        country=maybe(st.sampled_from(["NL", "ZZ"])),
        latitude=maybe(st.sampled_from([-90.0, 90.0, 0.0, -0.0, 52.3, 1e-300])),
        longitude=maybe(st.sampled_from([-180.0, 180.0, 0.0, 4.9])),
        hosting=maybe(st.booleans()),
        anonymizer=maybe(st.booleans()),
        reputation=maybe(st.floats(0, 1)),
    ),
    device=group(
        id=maybe(ids),
        managed=maybe(st.booleans()),
        compliant=maybe(st.booleans()),
        user_agent=maybe(st.text(max_size=99)),
    ),
    authentication=group(acr=maybe(text), amr=scopes, time=maybe(times), aal=maybe(st.integers(1, 3))),
    credential=group(
        id=maybe(st.sampled_from(["k1", "k2"])),
        kind=of(CredentialKind),
        issued_at=maybe(times),
        expires_at=maybe(times),
        scope=scopes,
        exposed=maybe(st.booleans()),
        attested_at=maybe(times),
        privileged=maybe(st.booleans()),
        environment=of(Environment),
    ),
)


def faults(values: Array) -> list[str]:
    """The features that are infinite, or unknown although declared to be always known."""
    wrong = np.isinf(values) | (np.isnan(values) & ALWAYS)
    return [name for name, bad in zip(feature_names(), wrong.any(axis=0), strict=True) if bad]


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(events, min_size=1, max_size=30))
def test_any_history_can_be_replayed(raw: list[dict[str, Any]]) -> None:
    """In any order of times, from 1970 to 2100, with every field there or missing."""
    table = table_of([Event.model_validate(e) for e in raw])

    values = replay(table, measure_population(table))

    assert faults(values) == []


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(events, st.integers(0, CHALLENGED)), min_size=1, max_size=20))
def test_any_history_can_be_met_event_by_event(raw: list[tuple[dict[str, Any], int]]) -> None:
    """As the service meets it: in order of arrival, future and past mixed, with any verdict of its own."""
    history, values = History.empty(), []
    for content, outcome in raw:
        row = row_of(Event.model_validate(content))
        values.append(vector(row, history, empty_population()))
        fold(row, history, empty_population(), outcome)

    assert faults(np.array(values)) == []


@pytest.mark.parametrize("missing", [*EVENT_SCHEMA.names, "everything"])
def test_every_field_may_be_missing(missing: str) -> None:
    """A log that lacks a column altogether, or all that may be lacking, is read like any other."""
    needed = {"time", "identity.id", "identity.type", "action.name"}
    table = table_of(random_events(200, seed=2))
    lacking = [c for c in table.column_names if c not in needed and missing in (c, "everything")]

    values = replay(table.drop_columns(lacking), measure_population(table))

    assert faults(values) == []


def test_a_million_distinct_values_of_each_kind_fit() -> None:
    """Histories stay as large as they are, however many values flow through them."""
    state, rows = (
        BatchState(empty_population()),
        np.repeat(row_from({"known": 3.0, "category": 1, "verb": 7, "outcome": 1}), 50_000),
    )
    wrong: set[str] = set()
    for batch in range(20):
        for name in ("time", "action", "resource", "network", "asn", "instance", "credential_key"):
            rows[name] = batch * len(rows) + np.arange(1, len(rows) + 1)
        wrong.update(faults(state.read_and_update(rows)))

    assert wrong == set()
