"""What is kept of the networks, devices and clients that identities were seen with."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import alembic.command
import alembic.config
import pytest
from support.recorded_decisions import FILE, START, after, open_store, run_sql
from support.stored_events import EVENT

from features.engine.online import fold
from features.event.numpy_row import row_of
from features.event.schema import Event
from features.history.layout import LAYOUT, History
from features.history.population import empty_population, no_population
from features.history.update import SUCCESS
from serving.engine.new_values import values_of
from serving.engine.stored_history import OUTCOME_CODES, fold_and_store, key_of, store_folded
from serving.errors import StaleHistory
from serving.store.chain.verify import verify_log
from serving.store.rebuild import rebuild_histories
from serving.store.seen_values import (
    BY_DAYS,
    BY_HISTORY,
    MOST_NEW,
    MOST_SESSIONS,
    SeenValue,
    packed_histories,
    unpacked_histories,
)
from serving.store.store import MIGRATIONS, Store

NEW = SeenValue("device laptop", START)


def test_the_lowest_of_each_number_is_kept() -> None:
    """An unknown number changes nothing; nothing changes once it is settled."""
    used = NEW.with_use("s1", 0.4, 0.5, None).with_use("s1", 0.6, 0.3, 900.0).with_use("s1", None, None, None)

    assert (used.trust, used.trust_as_sent, used.seconds, used.sessions) == (0.4, 0.3, 900.0, ("s1",))
    settled = replace(used, settled_by="id:p")
    assert settled.with_use("s2", 0.0, 0.0, 0.0) == settled


def test_three_different_days_settle_it() -> None:
    """At least 24 hours apart, whatever the calendar says; a day of the past counts not at all."""
    midnights = NEW.with_day(START).with_day(START + timedelta(minutes=2)).with_day(START + timedelta(hours=23.9))
    two = midnights.with_day(START + timedelta(days=5)).with_day(START + timedelta(days=4))
    three = two.with_day(START + timedelta(days=6))

    assert (midnights.days, two.days, two.is_new) == (1, 2, True)
    assert (three.days, three.settled_by) == (3, BY_DAYS)


def test_too_many_sessions_count_as_any() -> None:
    """The names of a few are kept; one more, and every session may have used it."""
    few = NEW
    for number in range(MOST_SESSIONS):
        few = few.with_use(f"s{number}", 0.5, 0.5, None)
    many = few.with_use("one more", 0.5, 0.5, None)

    assert (few.used_in("s0"), few.used_in("other")) == (True, False)
    assert (many.sessions, many.used_in("other")) == (None, True)


def test_what_was_written_is_found_and_verifies(tmp_path: Path) -> None:
    """Asked for by name, or as one of the new ones; nothing is written where nothing changed."""
    store = open_store(tmp_path)
    used = NEW.with_use("s1", 0.4, 0.5, 900.0).with_day(START)
    with store.transaction() as tx:
        tx.seen_values.put("live", "ada", None, used)
        tx.seen_values.put("live", "ada", None, SeenValue("network AS1 DE", START, settled_by=BY_HISTORY))
        found = tx.seen_values.find("live", "ada", ["device laptop", "client curl"])
        tx.seen_values.put("live", "ada", found["device laptop"], found["device laptop"])
        new = tx.seen_values.find("live", "ada", ["network AS1 DE"], and_new=True)
        others = tx.seen_values.find("live", "eve", ["device laptop"], and_new=True)

    assert found == {"device laptop": replace(used, changes=1)}
    assert set(new) == {"device laptop", "network AS1 DE"}
    assert others == {}
    assert verify_log(store).breaks == ()


def test_of_many_new_values_the_lowest_are_read(tmp_path: Path) -> None:
    """Those that are left out were trusted more than all that are read."""
    with open_store(tmp_path).transaction() as tx:
        for number in range(MOST_NEW + 20):
            seen = SeenValue(f"device d{number}", START).with_use("s1", 0.9 - number / 1_000, 0.9, None)
            tx.seen_values.put("live", "ci", None, seen)
        found = tx.seen_values.find("live", "ci", [], and_new=True)

    assert set(found) == {f"device d{number}" for number in range(20, MOST_NEW + 20)}


def test_a_settled_value_can_be_new_again(tmp_path: Path) -> None:
    """With what it had; others stay settled. One that was never seen can be settled as well."""
    store = open_store(tmp_path)
    with store.transaction() as tx:
        tx.seen_values.put("live", "ada", None, NEW.with_use("s1", 0.4, 0.4, None))
        tx.seen_values.settle("live", "ada", ["device laptop", "client curl"], "id:p", after(5))
        tx.seen_values.settle("live", "ada", ["device laptop", "network AS1 DE"], "id:q", after(6))
        tx.seen_values.unsettle("live", "ada", "id:p")
        found = tx.seen_values.find("live", "ada", ["device laptop", "client curl", "network AS1 DE"])

    assert {value: (seen.settled_by, seen.trust) for value, seen in found.items()} == {
        "device laptop": (None, 0.4),
        "client curl": (None, None),
        "network AS1 DE": ("id:q", None),
    }
    assert verify_log(store).breaks == ()


def test_two_writers_do_not_overwrite_each_other(tmp_path: Path) -> None:
    """The second one starts again from what the first has written."""
    with open_store(tmp_path).transaction() as tx:
        tx.seen_values.put("live", "ada", None, NEW)
        with pytest.raises(StaleHistory):
            tx.seen_values.put("live", "ada", None, NEW)
        with pytest.raises(StaleHistory):
            tx.seen_values.put("live", "ada", replace(NEW, changes=7), replace(NEW, changes=7, days=2))


def test_the_histories_before_the_first_use_are_kept_while_it_is_new() -> None:
    """Bit by bit, in about a kilobyte; those of another layout are not read."""
    history = History.empty()
    history.identity["events"], history.session["events"] = 7, 3
    packed = packed_histories(history.identity, history.session)
    read = unpacked_histories(packed)
    other = zlib.compress(b"other" + zlib.decompress(packed)[5:])

    assert read is not None
    assert [each.tobytes() for each in read] == [history.identity.tobytes(), history.session.tobytes()]
    assert unpacked_histories(other) is None
    assert len(packed) < 2_000
    assert replace(NEW, earlier=packed, days=2).with_day(START).earlier is None


def device_event(user_agent: str | None = None, **groups: object) -> Event:
    event = {"time": START.isoformat(), "identity": {"id": "ada", "type": "human"}, "action": {"name": "x"}}
    return Event.model_validate(event | {"device": {"id": "d1", "user_agent": user_agent}} | groups)


def before_the_table(folder: Path, *used: Event) -> Store:
    """A store as 0.2 left it, with an identity whose history comes of these events."""
    store = Store(f"sqlite:///{folder / FILE}")
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.database.begin(write=True) as connection:
        config.attributes["connection"] = connection.core
        alembic.command.upgrade(config, "0005")
    run_sql(folder, f"INSERT INTO histories VALUES ('live', 'ada', 'identity', '', 1, '{LAYOUT}', x'00')")
    for version, event in enumerate(used, start=1):
        columns = "space, identity, outcome, source, version, body"
        outcome = OUTCOME_CODES[event.action.outcome]
        values = f"'live', 'ada', {outcome}, 'score', {version}, '{event.model_dump_json(exclude_none=True)}'"
        run_sql(folder, f"INSERT INTO events ({columns}) VALUES ({values})")
    store.migrate()
    return store


FIREFOX = "Mozilla/5.0 ({}; rv:120.0) Gecko/20100101 Firefox/120.0"
LINUX, WINDOWS = FIREFOX.format("X11; Linux x86_64"), FIREFOX.format("Windows NT 10.0; Win64; x64")


def used_before(user_agent: str, asn: int, country: str, outcome: str = "success") -> Event:
    network = {"asn": asn, "country": country}
    return device_event(user_agent, network=network, action={"name": "x", "outcome": outcome})


@pytest.mark.parametrize(
    ("user_agent", "asn", "country", "new"),
    [
        (LINUX, 64500, "DE", []),
        (LINUX, 64501, "BR", []),
        (LINUX, 64500, "BR", ["network AS64500 BR"]),
        (LINUX, 64501, "DE", ["network AS64501 DE"]),
        (WINDOWS, 64500, "DE", ["client Firefox on Windows"]),
        (LINUX, 64502, "FR", ["network AS64502 FR"]),
    ],
)
def test_what_was_used_before_the_table_is_not_new(
    tmp_path: Path, user_agent: str, asn: int, country: str, new: list[str]
) -> None:
    """As whole values: an operator with its country, a client with its system; what failed was never used, and what
    came after the upgrade is new, whatever the history of today knows. Of another identity everything is new."""
    store = before_the_table(
        tmp_path,
        used_before(LINUX, 64500, "DE"),
        used_before(LINUX, 64501, "BR"),
        used_before(LINUX, 64502, "FR", outcome="failure"),
    )
    event, history = used_before(user_agent, asn, country), History.empty()
    fold(row_of(event), history, empty_population(), SUCCESS)
    elsewhere = event.model_copy(update={"identity": event.identity.model_copy(update={"id": "eve"})})
    with store.reading() as tx:
        used, of_eve = (values_of(tx, "live", each, START, history).used for each in (event, elsewhere))

    assert [each.value for each in used if each.is_new] == new
    assert {each.settled_by for each in used if not each.is_new} == {BY_HISTORY}
    assert all(each.is_new for each in of_eve)
    assert verify_log(store).breaks == ()


@pytest.mark.parametrize(("hours", "folded"), [(0, 0), (0.5, 0.5), (24 * 40, 1), (-2, 0)])
def test_an_event_that_ages_by_arrival_is_rebuilt_as_it_was_folded(tmp_path: Path, hours: float, folded: float) -> None:
    """As old as it says up to an hour, and never of the future; both times stay in the table of events."""
    store, arrived = open_store(tmp_path), after(0)
    event = EVENT.model_copy(update={"time": arrived - timedelta(hours=hours)})
    with store.transaction() as tx:
        history, version = tx.histories.read(key_of("live", event))
        store_folded(tx, "live", event, SUCCESS, "events", no_population(), history, version, arrived)
        fold_and_store(tx, "live", EVENT.model_copy(update={"time": after(60)}), SUCCESS, "score", no_population())
        kept, _ = tx.histories.read(key_of("live", event))

    assert rebuild_histories(store, empty_population(), write=False) == ()
    assert (
        int(history.identity["clock"][0])
        == row_of(event.model_copy(update={"time": arrived - timedelta(hours=folded)}))["time"][0]
    )
    assert int(kept.identity["events"][0]) == 2
