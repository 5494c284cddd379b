"""A deployment's own population: measured on its recent events, recorded with each of them, refused when damaged."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from support.engines import CALLER
from support.live_server import active_configuration, an_event, now
from support.recorded_decisions import open_store
from support.step_ups import sign_in_proof

from features.arrays import Array
from features.event.arrow import table_of
from features.event.schema import Event
from features.history.layout import OF_A_POPULATION
from features.history.packed_records import pack_record, unpack_record
from features.history.population import POPULATION, empty_population, measure_population
from serving import metrics
from serving.contracts.requests import FeedbackRequest, RevocationRequest, ScoreRequest, StepUpRequest
from serving.decision.inputs import SessionState
from serving.engine.writer import Engine
from serving.errors import InvalidField, ServingError
from serving.policy_analysis.past.from_decision_log import LogWindow, past_requests_from_log
from serving.policy_analysis.past.past_requests import PastRequest
from serving.policy_analysis.replays.replay import decide_again, read_past_request
from serving.policy_analysis.reviews.drift_tests import MATERIAL_PSI
from serving.policy_analysis.reviews.population_drift import drift_between, refresh_called_for
from serving.policy_analysis.reviews.review import Review
from serving.store.histories import LAYOUTS
from serving.store.populations.tables import populations
from serving.store.populations.window import read_window, thin_sessions
from serving.store.rebuild import rebuild_histories
from serving.store.schema import events, histories
from serving.store.store import Store
from serving.workers.population_refresh import LEAST_EVENTS, Refresh, in_force, refresh_population
from serving.workers.population_worker import FIRST, PopulationWorker, take_up_population

IDENTITIES = 6
DAYS = timedelta(days=30)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path)


@pytest.fixture
def engine(tmp_path: Path, store: Store) -> Iterator[Engine]:
    engine = Engine(store, active_configuration(tmp_path))
    yield engine
    engine.close()


def shipped(seed: int, *, count: int = 240, days: float = 10.0, **more: Any) -> list[Event]:
    """Successful events of a few people over the last days, in the order of time."""
    rng, end = np.random.default_rng(seed), now() - timedelta(minutes=5)
    found = []
    for place in range(count):
        person, at = place % IDENTITIES, end - timedelta(days=days * (1 - place / count))
        name = f"files:{('Get', 'List', 'Head', 'Put')[int(rng.integers(4))]}"
        body = an_event(f"person-{person}", f"s-{person}-{at:%d}", action={"name": name, "outcome": "success"})
        body |= {"id": f"{seed}-{place}", "time": at.isoformat(), "session": {"id": f"s-{person}-{at:%d}"}}
        body["network"] = body["network"] | {"ip": f"192.0.2.{person}"}
        found.append(Event.model_validate(body | more))
    return found


def refresh(engine: Engine, at: datetime | None = None) -> Refresh:
    """Measure the population as the command does, and have the engine take it up."""
    result = refresh_population(engine.store, engine.active, at or now())
    take_up_population(engine, at or now())
    return result


def score(engine: Engine, **groups: Any) -> dict[str, Any]:
    """The decision on a new request."""
    return engine.score(ScoreRequest.model_validate({"event": an_event(**groups)}), CALLER)


def test_the_next_decision_names_the_population_that_was_measured(engine: Engine) -> None:
    """The model's before, the deployment's own after, without a restart; nothing else changes."""
    engine.ingest(shipped(1), (), CALLER)
    before = score(engine, identity_id="person-1")
    result = refresh(engine)
    after = score(engine, identity_id="person-1")
    changed = {name for name in after["versions"] if after["versions"][name] != before["versions"][name]}

    assert result.own is not None
    assert before["versions"]["population"] == engine.active.prior.digest
    assert after["versions"]["population"] == result.own.snapshot.digest
    assert changed == {"population"}
    assert after["threshold"] == before["threshold"]


def test_a_replay_reproduces_a_decision_with_its_own_population(engine: Engine) -> None:
    """The one its record names, whatever is in force now; the chain records no other one in force."""

    def replayed(population: str | None) -> dict[str, Any]:
        request = {"event": an_event("person-1") | {"time": then}, "mode": "replay", "population": population}
        answers = engine.score(ScoreRequest.model_validate(request), CALLER)
        return {name: answers[name] for name in ("explanation", "trust", "versions")}

    then = (now() - timedelta(days=1)).isoformat()
    engine.ingest(shipped(1), (), CALLER)
    by_model = replayed(None)
    score(engine)
    refresh(engine)
    own = replayed(None)
    before = _put_in_force(engine.store)
    again = replayed(by_model["versions"]["population"])
    score(engine)

    assert again == by_model
    assert own["versions"] != by_model["versions"]
    assert own["explanation"] != by_model["explanation"]
    assert _put_in_force(engine.store) == before
    assert rebuild_histories(engine.store, empty_population(), write=False) == ()


def test_a_policy_replay_keeps_the_trust_of_each_population(engine: Engine) -> None:
    """Decisions before and after a refresh are decided again by what was read then, and name it."""
    engine.ingest(shipped(1), (), CALLER)
    answers = [score(engine, identity_id="person-1")]
    refresh(engine)
    answers.append(score(engine, identity_id="person-2"))
    past = [each for each in past_requests_from_log(engine.store, LogWindow(), lambda version: None)]
    again = [
        decide_again(
            each, read_past_request(each, engine.active.policy), engine.active.policy, None, SessionState(), ()
        )
        for each in past
        if isinstance(each, PastRequest)
    ]

    assert [each.trust and each.trust.now for each in again] == [each["trust"]["now"] for each in answers]
    assert [each.versions.population for each in again] == [each["versions"]["population"] for each in answers]
    assert len({each.versions.population for each in again}) == 2


UNUSABLE = {"unknown": ("replay", "no population sha256:0 is stored"), "enforced": ("enforce", "with mode replay only")}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_replay_names_a_population_that_is_stored(engine: Engine, name: str) -> None:
    """Any other is refused by the field's name, and so is a request of this moment that names one."""
    mode, why = UNUSABLE[name]
    request = ScoreRequest.model_validate({"event": an_event(), "mode": mode, "population": "sha256:0"})

    with pytest.raises(InvalidField, match=why):
        engine.score(request, CALLER)


def test_the_chain_records_each_population_in_force(engine: Engine) -> None:
    """Before the decisions that were made with it."""
    engine.ingest(shipped(1), (), CALLER)
    score(engine)
    result = refresh(engine)
    score(engine)
    assert result.own is not None
    assert _put_in_force(engine.store) == [engine.active.prior.digest, result.own.snapshot.digest]


def test_a_rebuild_follows_the_populations_that_were_used(engine: Engine) -> None:
    """After two refreshes every history is the same to the bit, sums of evidence included, whatever is in force."""
    digests = {engine.active.snapshot.digest}
    for seed in (1, 2, 3):
        engine.ingest(shipped(seed), (), CALLER)
        score(engine, identity_id="person-2")
        refresh(engine)
        digests.add(engine.active.snapshot.digest)
    with engine.store.reading() as tx:
        used = set(tx.connection.core.scalars(sa.select(events.c.population)))

    assert len(digests) == 4
    assert len(used) == 3
    assert rebuild_histories(engine.store, empty_population(), write=False) == ()


def test_a_changed_sum_of_evidence_is_found(engine: Engine) -> None:
    """Sums are compared now that it is recorded what events were folded with."""
    engine.ingest(shipped(1), (), CALLER)
    refresh(engine)
    engine.ingest(shipped(2), (), CALLER)
    _change_sums(engine.store, "person-0")
    found = rebuild_histories(engine.store, empty_population(), write=True)

    assert [(each.identity, each.reason) for each in found] == [
        ("person-0", "identity: the history is not what the events give")
    ]
    assert rebuild_histories(engine.store, empty_population(), write=False) == ()


def test_events_without_a_recorded_population_are_compared_without_sums(engine: Engine) -> None:
    """As databases before 0.3 have them; `rebuild --write` records what it folded them with."""
    engine.ingest(shipped(1), (), CALLER)
    with engine.store.transaction() as tx:
        tx.connection.core.execute(sa.update(events).values(population=None))
    before = rebuild_histories(engine.store, empty_population(), write=False)
    written = rebuild_histories(engine.store, empty_population(), write=True)
    with engine.store.reading() as tx:
        unrecorded = tx.connection.core.scalar(sa.select(sa.func.count()).where(events.c.population.is_(None)))

    assert (before, written, unrecorded) == ((), (), 0)
    assert rebuild_histories(engine.store, engine.active.population, write=False) == ()


DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "other bytes": lambda body: zlib.compress(_with_another_count(zlib.decompress(body))),
    "cut off": lambda body: body[:-40],
    "no population": lambda body: zlib.compress(b"nothing"),
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_population_is_refused(engine: Engine, how: str) -> None:
    """What was in force stays in force, and is shown beside why; a later refresh ends it."""
    engine.ingest(shipped(1), (), CALLER)
    refresh(engine)
    before = engine.active.snapshot
    engine.ingest(shipped(2), (), CALLER)
    refresh_population(engine.store, engine.active, now())
    _damage(engine.store, how)
    take_up_population(engine, now())
    fault, refused = (
        engine.active.population_fault,
        metrics.REGISTRY.get_sample_value("session_trust_population_refused"),
    )
    decision = score(engine)
    engine.ingest(shipped(3), (), CALLER)
    refresh(engine)

    assert fault is not None
    assert "cannot be used" in fault
    assert refused == 1.0
    assert decision["versions"]["population"] == before.digest
    assert engine.active.population_fault is None
    assert engine.active.snapshot.digest != before.digest


@pytest.mark.parametrize("how", DAMAGED)
def test_a_service_that_starts_with_a_damaged_population_uses_the_models(engine: Engine, how: str) -> None:
    """Never none."""
    engine.ingest(shipped(1), (), CALLER)
    refresh_population(engine.store, engine.active, now())
    _damage(engine.store, how)
    started = in_force(engine.store, replace(engine.active, own=None))

    assert started.snapshot.digest == engine.active.prior.digest
    assert started.population_fault is not None


def test_a_rebuild_writes_nothing_where_a_population_is_damaged(engine: Engine) -> None:
    """It says which, and leaves the histories as they are."""
    engine.ingest(shipped(1), (), CALLER)
    refresh(engine)
    engine.ingest(shipped(2), (), CALLER)
    before = _records(engine.store)
    _damage(engine.store, "other bytes")
    found = rebuild_histories(engine.store, empty_population(), write=True)

    assert {each.identity for each in found} == {f"person-{number}" for number in range(IDENTITIES)}
    assert all("another digest" in each.reason for each in found)
    assert _records(engine.store) == before


SMALL: dict[str, tuple[dict[str, Any], str]] = {
    "few events": ({"count": 60}, f"60 events that may be measured, and {LEAST_EVENTS} are needed"),
    "a short time": ({"days": 0.2}, "hours, and a day is needed"),
    "one identity": ({"identity": {"id": "ada", "type": "human"}}, "1 identities"),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_window_that_is_not_worth_it_leaves_the_models_in_force(engine: Engine, name: str) -> None:
    """And why is said, and kept."""
    more, why = SMALL[name]
    engine.ingest(shipped(1, **more), (), CALLER)
    result = refresh(engine)
    with engine.store.reading() as tx:
        noted = tx.populations.why(engine.active.prior.digest)

    assert result.refused is not None
    assert why in result.refused
    assert noted is not None
    assert result.refused in noted
    assert engine.active.own is None


def test_without_a_model_nothing_is_measured(engine: Engine) -> None:
    """Nothing could judge the window."""
    without = replace(engine.active, champion=None, missing="there is none")

    with pytest.raises(ServingError, match="nothing can judge the window: there is none"):
        refresh_population(engine.store, without, now())


def test_events_of_another_time_are_not_in_the_window(engine: Engine) -> None:
    """By the time they were folded with."""
    engine.ingest(shipped(1, days=20.0), (), CALLER)
    window = read_window(engine.store, now() - timedelta(days=10, minutes=10), now())

    assert len(window.events) == 120


def test_what_was_decided_against_is_left_out(engine: Engine) -> None:
    """Challenges that nobody answered and denied requests; one whose proof came is in the window."""
    export = {"category": "export", "resource": {"sensitivity": "restricted"}, "authentication": {"amr": ["pwd"]}}
    answered, ignored = (score(engine, identity_id=name, **export) for name in ("ada", "bob"))
    _prove(engine, answered)
    engine.revoke(RevocationRequest(identity="carol", reason="stolen"), CALLER)
    denied = score(engine, identity_id="carol")
    window = read_window(engine.store, now() - DAYS, now())

    assert [each["ruling"] for each in (answered, ignored, denied)] == ["step_up", "step_up", "deny"]
    assert {event.identity.id for event in window.events} == {"ada"}
    assert window.left_out == {"challenged and not proven": 1, "denied": 1}


def test_revoked_and_abused_sessions_are_left_out_whole(engine: Engine) -> None:
    """With what they did before it was noticed."""
    first = [score(engine, identity_id=name) for name in ("ada", "bob", "carol")]
    engine.revoke(RevocationRequest(identity="ada", session="s1", reason="stolen"), CALLER)
    engine.feedback(first[1]["decision_id"], FeedbackRequest(verdict="intruder"), CALLER)
    score(engine, identity_id="bob")
    window = read_window(engine.store, now() - DAYS, now())

    assert [each["ruling"] for each in first] == ["allow"] * 3
    assert [event.identity.id for event in window.events] == ["carol"]
    assert window.left_out == {"of a revoked session": 1, "of a session that an investigator found abused": 2}


def test_sessions_that_say_unusually_little_are_left_out() -> None:
    """Half of what is usual for their type here is enough."""
    rows = np.zeros(
        5, [("identity_type", "i8"), ("identity_key", "i8"), ("session_key", "i8"), ("time", "i8"), ("known", "f8")]
    )
    rows["identity_key"], rows["session_key"] = (1, 2, 3, 4, 5), 7
    rows["known"] = (20.0, 20.0, 21.0, 10.0, 9.0)

    assert thin_sessions(rows).tolist() == [False, False, False, False, True]


@pytest.mark.parametrize("share", [0.02, 0.05, 0.15])
def test_abuse_in_the_window_that_was_challenged_does_not_teach(engine: Engine, share: float) -> None:
    """At 2, 5 and 15 % of the events, all that the rulings met is left out, and no benign event with it."""
    engine.ingest(shipped(1), (), CALLER)
    attacks = round(240 * share / (1 - share))
    for number in range(attacks):
        score(engine, identity_id=f"person-{number % IDENTITIES}", session=f"attack-{number}", **_ABUSE)
    window = read_window(engine.store, now() - DAYS, now())
    result = refresh(engine)

    assert window.left_out == {"challenged and not proven": attacks}
    assert result.own is not None
    assert not any(event.action.name == "s3:GetObjectTorrent" for event in result.window.events)
    assert len(result.window.events) == 240


@pytest.mark.parametrize("share", [0.02, 0.05, 0.15])
def test_an_imported_log_is_first_judged_by_the_model(engine: Engine, share: float) -> None:
    """Sessions that move to another network are distrusted by the small model, and nobody decided about them."""
    benign = shipped(1)
    moved = [event for place, event in enumerate(shipped(2)) if place < round(240 * share)]
    attacks = [
        event.model_copy(update={"network": event.network.model_copy(update={"asn": 64499, "country": "BR"})})
        for event in moved
    ]
    engine.ingest(sorted([*benign, *attacks], key=lambda event: event.time), (), CALLER)
    result = refresh(engine)
    taught = sum(event.network.asn == 64499 for event in result.window.events)

    assert result.own is not None
    assert taught <= 0.2 * len(attacks)
    assert len(result.window.events) - taught >= 0.95 * len(benign)


_ABUSE: dict[str, Any] = {
    "action": {"name": "s3:GetObjectTorrent", "category": "export"},
    "resource": {"sensitivity": "restricted"},
    "authentication": {"amr": ["pwd"], "aal": 1},
}


def test_one_identity_does_not_fill_the_window(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its share the newest events of an identity count."""
    monkeypatch.setattr("serving.store.populations.window.MOST_OF_IDENTITY", 10)
    engine.ingest(shipped(1), (), CALLER)
    window = read_window(engine.store, now() - DAYS, now())

    assert len(window.events) == 10 * IDENTITIES
    assert window.left_out == {"beyond an identity's share": 240 - 10 * IDENTITIES}


def test_the_models_population_comes_back_when_the_own_one_is_withdrawn(engine: Engine) -> None:
    """From the next request on; histories stay what their events give."""
    engine.ingest(shipped(1), (), CALLER)
    refresh(engine)
    score(engine)
    with engine.store.transaction() as tx:
        withdrawn = tx.populations.withdraw()
    take_up_population(engine, now())

    assert withdrawn
    assert score(engine)["versions"]["population"] == engine.active.prior.digest
    assert rebuild_histories(engine.store, empty_population(), write=False) == ()


def test_populations_that_nothing_names_are_removed(engine: Engine) -> None:
    """A day after they were measured, and never the one in force."""
    engine.ingest(shipped(1), (), CALLER)
    for days in (3, 1, 0):
        refresh(engine, now() - timedelta(days=days))
        engine.ingest(shipped(10 + days, count=12), (), CALLER) if days == 3 else None
    with engine.store.reading() as tx:
        kept = tx.connection.core.scalar(sa.select(sa.func.count()).select_from(populations))

    assert kept == 4 - 1


class _Process:
    """A refresh that runs until it is told its exit code."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.killed = False

    def poll(self) -> int | None:
        return self.code

    def kill(self) -> None:
        self.killed = True

    def wait(self) -> int:
        return -9


def test_the_worker_has_the_population_measured_when_it_is_due(engine: Engine) -> None:
    """Not at once, one at a time, and again a day after the last."""
    began = now()
    times, started = [began], list[_Process]()

    def start(settings: object) -> Any:
        started.append(_Process())
        return started[-1]

    worker = PopulationWorker(engine, clock=lambda: times[-1], start=start)
    counts = []

    def check(at: datetime) -> None:
        times.append(at)
        worker.check()
        counts.append(len(started))

    check(began)
    check(began + FIRST)
    check(began + FIRST)
    engine.ingest(shipped(1), (), CALLER)
    refresh_population(engine.store, engine.active, began + FIRST)
    started[0].code = 0
    check(began + FIRST)
    check(began + timedelta(hours=20))
    check(began + timedelta(hours=25))

    assert counts == [0, 1, 1, 1, 1, 2]
    assert engine.active.own is not None


def test_the_worker_ends_a_refresh_that_takes_too_long(engine: Engine) -> None:
    """And tries again hours later."""
    times, process = [now()], _Process()
    worker = PopulationWorker(engine, clock=lambda: times[-1], start=lambda settings: process)  # type: ignore[arg-type,return-value]
    for hours in (1, 3):
        times.append(times[0] + timedelta(hours=hours))
        worker.check()

    assert process.killed


def _put_in_force(store: Store) -> list[str]:
    with store.reading() as tx:
        query = sa.text("SELECT subject FROM chain_rows WHERE kind = 'population' ORDER BY sequence")
        return list(tx.connection.core.scalars(query))


def _records(store: Store) -> list[bytes]:
    with store.reading() as tx:
        return list(tx.connection.core.scalars(sa.select(histories.c.record).order_by(*histories.primary_key)))


def _change_sums(store: Store, identity: str) -> None:
    same = (histories.c.identity == identity) & (histories.c.kind == "identity")
    with store.transaction() as tx:
        packed = tx.connection.core.scalar(sa.select(histories.c.record).where(same))
        record = unpack_record(packed or b"", LAYOUTS["identity"])
        name = next(name for name in OF_A_POPULATION if name in (record.dtype.names or ()))
        record[name] += 0.25
        tx.connection.core.execute(sa.update(histories).where(same).values(record=pack_record(record)))


def _damage(store: Store, how: str) -> None:
    """Change the bytes of the newest population."""
    with store.transaction() as tx:
        newest = tx.populations.newest()
        assert newest is not None
        same = populations.c.number == newest.number
        body = tx.connection.core.scalar(sa.select(populations.c.body).where(same))
        tx.connection.core.execute(sa.update(populations).where(same).values(body=DAMAGED[how](body or b"")))


def _with_another_count(packed: bytes) -> bytes:
    population: Array = unpack_record(packed, POPULATION)
    population["people"] += 1.0
    return pack_record(population)


def _prove(engine: Engine, decision: dict[str, Any]) -> None:
    proof = {"identity": "ada", "session": "s1", "result": "completed", "proof": sign_in_proof()}
    engine.step_up(StepUpRequest.model_validate_json(json.dumps({"decision_id": decision["decision_id"], **proof})))


def test_a_review_says_when_a_refresh_or_a_new_model_is_called_for(engine: Engine) -> None:
    """Damaged, no longer fresh, or moved by a material PSI; nothing before the first refresh and after one like it."""
    said = [refresh_called_for(engine.store, now())]
    engine.ingest(shipped(1, count=1_200), (), CALLER)
    refresh(engine)
    said.append(refresh_called_for(engine.store, now()))
    said.append(refresh_called_for(engine.store, now() + timedelta(days=31)))
    with engine.store.transaction() as tx:
        tx.connection.core.execute(sa.update(populations).values(drift=0.31))
    said.append(refresh_called_for(engine.store, now()))
    _damage(engine.store, "cut off")
    said.append(refresh_called_for(engine.store, now()))
    review = Review((), (), (), (100, 100)).with_population(said[-1])

    assert said[:2] == [None, None]
    assert "session-trust population refresh" in str(said[2])
    assert "PSI of 0.31" in str(said[3])
    assert "cannot be used" in str(said[4])
    assert review.due
    assert [each.what for each in review.reexamine] == ["population"]


def test_drift_is_of_what_most_events_show() -> None:
    """The same world twice hardly moves; one whose people do something else does; few events say nothing."""
    worlds: tuple[dict[str, Any], ...] = ({}, {}, {"device": {"user_agent": "curl/8.1"}})
    usual, again, other = (
        measure_population(table_of(shipped(seed, count=1_200, **more))) for seed, more in enumerate(worlds)
    )
    few = measure_population(table_of(shipped(4)))

    assert (drift_between(usual, again) or 0.0) < 0.05
    assert (drift_between(usual, other) or 0.0) > MATERIAL_PSI
    assert drift_between(usual, few) is None
