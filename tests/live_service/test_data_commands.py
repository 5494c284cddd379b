"""`anchor`, `verify`, `erase`, `export` and `retention` as an operator types them, and the workers that do the same."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from support.chained_store import full_store
from support.engines import CALLER, score_request
from support.live_server import active_configuration
from support.operator_commands import operator_home, run_command
from support.recorded_decisions import a_record, open_store, run_sql

from features import Settings
from serving.engine.writer import Engine
from serving.policy.schema import BUILT_IN, Policy
from serving.store.chain.anchors import read_anchors
from serving.store.chain.hash_chain import POLICY
from serving.store.chain.verify import verify_log
from serving.times import now
from serving.workers.anchor_writer import AnchorWriter
from serving.workers.policy_watcher import PolicyWatcher
from serving.workers.retention import RetentionWorker


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The settings of an operator whose home is the test's folder."""
    with operator_home(tmp_path, monkeypatch) as home:
        yield home


def test_an_anchor_is_one_line_and_the_key_only_its_owners(home: Path) -> None:
    """On standard output or at the end of a file; the key is made on first use and kept."""
    full_store(home)
    code, line, _ = run_command("anchor")
    run_command("anchor", "--append", str(home / "anchors"))
    run_command("anchor", "--append", str(home / "anchors"))
    public = run_command("anchor", "--public-key")[1].strip()

    assert code == 0
    assert json.loads(line)["public_key"] == public
    assert len(read_anchors(home / "anchors")) == 2
    assert (home / "signing-key.pem").stat().st_mode & 0o777 == 0o600


def test_verify_says_what_it_does_not_prove(home: Path) -> None:
    """Without anchors, with them, and with histories: each output names what was not checked."""
    full_store(home)
    run_command("anchor", "--append", str(home / "anchors"))
    bare = run_command("verify")
    full = run_command("verify", "--anchors", str(home / "anchors"), "--histories")

    assert (bare[0], full[0]) == (0, 0)
    assert "not proven: that nobody rewrote the chains or cut off their ends" in bare[2]
    assert "not proven: that histories are what their events give" in bare[2]
    assert "0 rows came after it" in full[2]
    assert "both can be changed together" in full[2]


def test_verify_finds_a_forged_history_and_a_cut_off_end(home: Path) -> None:
    """Exit code 1, with the reason."""
    full_store(home)
    run_command("anchor", "--append", str(home / "anchors"))
    run_sql(home, "UPDATE histories SET version = 7", "DELETE FROM decisions WHERE id = 'd3'")
    run_sql(home, "DELETE FROM chain_rows WHERE subject = 'd3'")
    histories = run_command("verify", "--histories")
    anchored = run_command("verify", "--anchors", str(home / "anchors"))

    assert (histories[0], anchored[0]) == (1, 1)
    assert "histories differ from their events" in histories[2]
    assert "is missing" in anchored[2]


@pytest.mark.parametrize("arguments", ["--anchors none", "--anchors empty", "--anchors anchors --public-key other"])
def test_anchors_that_cannot_be_used_are_said(home: Path, arguments: str) -> None:
    """A file that is missing or empty is exit code 2; another key is a finding."""
    full_store(home)
    (home / "empty").write_text("")
    run_command("anchor", "--append", str(home / "anchors"))
    words = [str(home / word) if word in ("none", "empty", "anchors") else word for word in arguments.split()]
    code, _, message = run_command("verify", *words)

    assert code == (1 if "other" in arguments else 2)
    assert ("signed by another key" if "other" in arguments else str(home)) in message


def test_an_identity_is_erased_after_a_question(home: Path) -> None:
    """What will be erased and what remains is said first; without an answer nothing is erased."""
    full_store(home)
    refused = run_command("erase", "--identity", "ADA", "--reason", "request 7")
    erased = run_command("erase", "--identity", "ADA", "--reason", "request 7", "--yes")
    again = run_command("erase", "--identity", "ADA", "--reason", "request 7", "--yes")

    assert (refused[0], erased[0], again[0]) == (1, 0, 1)
    assert "to erase: 2 decisions, 3 histories, 1 events" in refused[2]
    assert "remains: that decisions were made" in refused[2]
    assert "nothing to erase" in again[2]
    assert run_command("verify", "--histories")[0] == 0


def test_a_kept_revocation_is_said(home: Path) -> None:
    """With why, and how to lift it."""
    full_store(home)
    code, _, message = run_command("erase", "--identity", "mallory", "--reason", "request 8", "--yes")

    assert code == 1
    assert "remains: 1 revocations" in message
    assert "/revocations/lift" in message


def test_a_decision_is_erased(home: Path) -> None:
    """One that is unknown is exit code 1."""
    full_store(home)
    codes = [run_command("erase", "--decision", "d2", "--reason", "r", "--yes")[0] for _ in range(2)]

    assert codes == [0, 1]
    assert run_command("verify")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    ["erase --reason r", "erase --reason r --identity a --decision d", "erase --identity a", "export",
     "export --identity a --decisions", "export --identity a --since 2026-01-01", "export --decisions --since soon",
     "retention --older-than 400"],
)  # fmt: skip
def test_a_wrong_command_is_refused(home: Path, arguments: str) -> None:
    """Exit code 2, and nothing is erased."""
    full_store(home)

    assert run_command(*arguments.split())[0] == 2
    assert verify_log(open_store(home)).erased == 0


def test_exports_are_ndjson(home: Path) -> None:
    """To standard output, or to a file that only its owner can read."""
    full_store(home)
    printed = run_command("export", "--identity", "Ada")[1]
    code = run_command("export", "--decisions", "--since", "2026-03-01", "--to", str(home / "log.ndjson"))[0]
    rows = [json.loads(line) for line in (home / "log.ndjson").read_text().splitlines()]

    assert {json.loads(line)["table"] for line in printed.splitlines()} >= {"decisions", "events", "histories"}
    assert (code, [row["id"] for row in rows]) == (0, ["d1", "d2", "d3"])
    assert (home / "log.ndjson").stat().st_mode & 0o777 == 0o600
    assert run_command("export", "--identity", "nobody")[0] == 1


def test_retention_erases_all_that_is_old(home: Path) -> None:
    """However many runs that takes; a second call finds nothing."""
    full_store(home)
    codes = [run_command("retention", "--older-than", "30d", "--yes") for _ in range(2)]

    assert [code for code, *_ in codes] == [0, 0]
    assert "to erase: 3 decisions" in codes[0][2]
    assert "to erase: nothing" in codes[1][2]
    assert run_command("verify", "--histories")[0] == 0


def test_the_worker_appends_anchors_when_something_was_recorded(home: Path) -> None:
    """Not twice for the same heads."""
    store = full_store(home)
    worker = AnchorWriter(store, Settings(home=home, anchor_file=str(home / "anchors")))
    worker.write()
    worker.write()
    with store.transaction() as transaction:
        transaction.decisions.append(a_record(9))
    worker.write()

    assert len(read_anchors(home / "anchors")) == 2


def test_a_part_that_fails_leaves_no_policy_behind(home: Path) -> None:
    """What it recorded as in force is undone with it, and recorded again by the next decision."""
    store = open_store(home)
    with store.transaction() as transaction:
        with suppress(KeyError), transaction.part():
            transaction.chain.put_in_force({POLICY: "sha256:new"})
            raise KeyError
        transaction.chain.put_in_force({POLICY: "sha256:new"})
        query = "SELECT subject FROM chain_rows WHERE kind = 'policy'"
        subjects = transaction.connection.core.exec_driver_sql(query).scalars().all()

    assert subjects == ["sha256:new"]
    assert verify_log(store).ok


@pytest.fixture
def engine(home: Path) -> Iterator[Engine]:
    engine = Engine(open_store(home), active_configuration(home))
    yield engine
    engine.close()


def test_the_retention_worker_runs_once_a_day(engine: Engine) -> None:
    """And goes on at the next check when a run reached its bound."""
    with engine.store.transaction() as transaction:
        for number in range(5):
            transaction.decisions.append(a_record(number))
    at = [now()]
    worker = RetentionWorker(engine, 30, clock=lambda: at[0], most_rows=2)
    erased = []
    for hours in (0, 0, 0, 1, 25):
        at[0] += timedelta(hours=hours)
        if hours == 1:
            with engine.store.transaction() as transaction:
                transaction.decisions.append(a_record(9))
        worker.check()
        erased.append(verify_log(engine.store).erased)

    assert erased == [2, 4, 5, 5, 6]


def test_a_request_does_not_wait_for_retention(engine: Engine) -> None:
    """While thousands of decisions are erased, each other request is answered in time."""
    with engine.store.transaction() as transaction:
        for number in range(3_000):
            transaction.decisions.append(a_record(number, body={"note": "x" * 2_000}))
    erasing = Thread(target=RetentionWorker(engine, 30).check)
    erasing.start()
    waited = []
    while erasing.is_alive():
        began = time.perf_counter()
        engine.run(lambda tx: None)
        waited.append(time.perf_counter() - began)
    erasing.join()

    assert verify_log(engine.store).erased == 3_000
    assert len(waited) > 10
    assert sorted(waited)[len(waited) // 2] < 0.05


def test_policies_in_force_are_recorded(engine: Engine, home: Path) -> None:
    """The first of a process, each change, and never one twice; a decision follows the policy it was made by."""
    engine.record_configuration()
    engine.record_configuration()
    engine.score(score_request("ada"), CALLER)
    first, file = engine.active.policy, home / "policy.yaml"
    file.write_text(BUILT_IN.read_text().replace("cache_seconds: 5", "cache_seconds: 17"))
    PolicyWatcher(engine, file).check()
    engine.score(score_request("bob"), CALLER)
    with engine.store.reading() as transaction:
        query = "SELECT kind, subject FROM chain_rows WHERE kind IN ('policy', 'decision') ORDER BY sequence"
        rows = transaction.connection.core.exec_driver_sql(query).fetchall()

    assert [kind for kind, _ in rows] == [POLICY, "decision", POLICY, "decision"]
    assert [subject for kind, subject in rows if kind == POLICY] == [first.digest, Policy.load(file).digest]
