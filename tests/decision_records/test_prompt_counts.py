"""Prompts are counted by the minute: what a request reads of them does not grow with earlier challenges."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import pytest
from support.engines import CALLER, engine_without_model, score_request
from support.live_server import active_configuration
from support.recorded_decisions import a_record, add_step_up, after, open_store, record_decisions, run_sql

from serving.decision.inputs import Prompt, Proof, SessionState
from serving.policy.rules import Storm
from serving.store.chain.verify import verify_log
from serving.store.prompts.recount import recount_prompts
from serving.store.schema import SessionKey
from serving.store.store import MIGRATIONS, Store, Transaction

ADA = SessionKey("live", "ada", "s1")
STORM = Storm(prompts=5, window_seconds=600, unanswered=3)
PROMPT = Prompt("interactive_mfa", ("floor a",), unproven=True)
MOST_STEPS = 1.5
"""How many times the work of ten challenges any number of them may take."""


def ask(store: Store, *seconds: float, session: str = "s1", prompt: Prompt = PROMPT) -> None:
    """Record a challenge at each of these times."""
    with store.transaction() as tx:
        for second in seconds:
            record = a_record(0, id=f"d{second:g}{session}", at=after(second), ruling="step_up", session=session)
            tx.decisions.append(record, prompt)


def state_at(tx: Transaction, at: datetime, window_seconds: float = 600) -> SessionState:
    """The state of ada's session for a read of a bucket."""
    return tx.sessions.state(ADA, category="read", resource_type="bucket", at=at, window_seconds=window_seconds)


def steps_of(store: Store, work: Callable[[Transaction], object]) -> int:
    """How many steps SQLite's machine takes for some work: what it reads, whatever the machine."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with store.reading() as tx:
        work(tx)  # compiles the statements
        driver: Any = tx.connection.core.connection.driver_connection
        driver.set_progress_handler(count, 1)
        try:
            work(tx)
        finally:
            driver.set_progress_handler(None, 0)
    return steps


@pytest.mark.parametrize("session", ["s1", "new"])
def test_the_cost_of_a_request_does_not_grow(tmp_path: Path, session: str) -> None:
    """Of three thousand challenges within the window against ten, in the session asked about and in others."""
    steps = {}
    for count in (10, 3_000):
        (tmp_path / str(count)).mkdir()
        store = open_store(tmp_path / str(count))
        ask(store, *(590 * number / count for number in range(count)), session=session)
        for name, work in {
            "state": lambda tx: state_at(tx, after(600)),
            "proofs": lambda tx: (tx.sessions.proofs(ADA, after(600)), tx.proven_places.newest_proofs(ADA, after(600))),
            "open": lambda tx: tx.sessions.open_challenges(ADA, after(0)),
            "unanswered": lambda tx: tx.sessions.prompts.unanswered([ADA], after(600), STORM),
        }.items():
            steps[name, count] = steps_of(store, work)

    most_open = 3 if session == "s1" else MOST_STEPS  # the newest twenty of three thousand, and all ten of ten
    assert steps["state", 3_000] <= MOST_STEPS * steps["state", 10]
    assert steps["proofs", 3_000] <= MOST_STEPS * steps["proofs", 10]
    assert steps["open", 3_000] <= most_open * steps["open", 10]
    assert steps["unanswered", 3_000] <= MOST_STEPS * steps["unanswered", 10]


@pytest.mark.parametrize(
    ("at", "prompts"), [(0, 1), (59, 1), (60, 2), (180, 3), (639, 3), (659, 3), (660, 2), (779, 1), (780, 0)]
)
def test_prompts_are_counted_by_the_minute(tmp_path: Path, at: float, prompts: int) -> None:
    """Until the minute they were asked in lies outside the window: for up to a minute longer than it."""
    store = open_store(tmp_path)
    ask(store, 0, 60, 120)
    with store.reading() as tx:
        assert state_at(tx, after(at)).prompts_in_window == prompts


def test_a_state_counts_by_rule_and_by_remedy_of_its_scope(tmp_path: Path) -> None:
    """Rules of the whole identity; remedies of the same category and type of resource, unknown ones included."""
    store = open_store(tmp_path)
    ask(store, 1, 2)
    ask(store, 3, prompt=Prompt("owner_approval", ("floor a", "thin_context")))
    with store.transaction() as tx:
        for number, scope in enumerate(((None, "bucket"), ("read", None), (None, None))):
            changes = {"category": scope[0], "resource_type": scope[1]}
            tx.decisions.append(a_record(4, id=f"e{number}", ruling="step_up", **changes), PROMPT)
        state = state_at(tx, after(9))
        unknown = tx.sessions.state(ADA, category=None, resource_type=None, at=after(9))

    assert state.prompts_in_window == 6
    assert state.prompts_by_rule == {"floor a": 6, "thin_context": 1}
    assert state.prompts_by_remedy == {"interactive_mfa": 2, "owner_approval": 1}
    assert state.challenged_at == {"d3s1": after(3)}
    assert unknown.prompts_by_remedy == {"interactive_mfa": 1}
    assert unknown.challenged_at == {"e2": after(4)}


@pytest.mark.parametrize(
    ("asked", "answered", "total", "free_at"),
    [
        ((0, 1), (), 2, None),
        ((0, 1, 2), (), 3, 660),
        ((0, 70, 130), (), 3, 660),
        ((0, 1, 2, 70, 130), (), 5, 660),
        ((0, 70, 71, 130), (), 4, 720),
        ((0, 1, 2), (1,), 2, None),
    ],
)
def test_prompts_are_free_again_once_enough_of_them_are_past(
    tmp_path: Path, asked: tuple[float, ...], answered: tuple[float, ...], total: int, free_at: float | None
) -> None:
    """When so many minutes lie outside the window that fewer than three are left; an answered one never counted."""
    store = open_store(tmp_path)
    ask(store, *asked)
    with store.transaction() as tx:
        for second in answered:
            add_step_up(tx, decision_id=f"d{second}s1", at=after(second))
            add_step_up(tx, decision_id=f"d{second}s1", at=after(second))
        found = tx.sessions.prompts.unanswered([ADA, SessionKey("inline", "ada")], after(200), STORM)

    assert found == (total, None if free_at is None else after(free_at))
    assert recount_prompts(store, write=False) == ()


def test_only_the_newest_failures_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the bound count as the bound."""
    store = open_store(tmp_path)
    record_decisions(store, 1, ruling="step_up")
    with store.transaction() as tx:
        for _ in range(1_010):
            add_step_up(tx, result="failed")
        state = state_at(tx, after(20))

    assert state.failed_step_ups == 1_000


def test_a_proof_of_before_its_challenge_was_named_in_it_still_counts(tmp_path: Path) -> None:
    """Also after more challenges than were once read: proofs of 0.1 do not say when they were asked for."""
    store = open_store(tmp_path)
    ask(store, *range(1, 130))
    with store.transaction() as tx:
        proof = Proof(after(200), "interactive_mfa", amr=("hwk",), decision_id="d1s1", source="step_up")
        add_step_up(tx, decision_id="d1s1", proof=proof, at=after(200))
        (stored,) = tx.sessions.proofs(ADA, after(300))

    assert stored.asked_at == after(1)


def test_a_rebuild_writes_what_the_challenges_give(tmp_path: Path) -> None:
    """Whatever stands in the table; `verify` names each difference before."""
    store = open_store(tmp_path)
    ask(store, 1, 2, 70)
    run_sql(
        tmp_path,
        "UPDATE prompt_counts SET times = 9 WHERE counter = 'unanswered' AND minute % 2 = 0",
        "DELETE FROM prompt_counts WHERE counter = 'prompts'",
        "INSERT INTO prompt_counts VALUES ('live', 'eve', '', 1, 'prompts', 4)",
    )
    found = [each.reason for each in verify_log(store).breaks]
    differences = recount_prompts(store, write=True)

    assert len(found) == len(differences) == 4
    assert all("the challenges give" in reason for reason in found)
    assert verify_log(store).breaks == ()


def test_an_erased_challenge_is_not_counted(tmp_path: Path) -> None:
    """And takes nothing from the others."""
    store = open_store(tmp_path)
    ask(store, 1, 2)
    with store.transaction() as tx:
        tx.decisions.erase("d1s1", at=after(9), by="privacy office", reason="asked")
    with store.reading() as tx:
        state = state_at(tx, after(9))

    assert (state.prompts_in_window, state.prompts_by_rule) == (1, {"floor a": 1})
    assert verify_log(store).breaks == ()


def test_an_upgrade_counts_the_challenges_there_are(tmp_path: Path) -> None:
    """Under the names the service reads; none of them counts as unanswered."""
    store = Store(f"sqlite:///{tmp_path / 'session-trust.db'}")
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.database.begin(write=True) as connection:
        config.attributes["connection"] = connection.core
        alembic.command.upgrade(config, "0005")
    with closing(store):
        columns = "decision_id, space, identity, session, category, resource_type, asked_at, remedy, asked_by"
        at = int(after(1).timestamp()) * 1_000_000
        row = f"'live', 'ada', 's1', 'read', 'bucket', {at}, 'interactive_mfa', 'floor a'"
        run_sql(tmp_path, *(f"INSERT INTO challenges ({columns}) VALUES ('d{n}', {row})" for n in range(7)))
        store.migrate()
        with store.reading() as tx:
            state = state_at(tx, after(9))
            unanswered, _ = tx.sessions.prompts.unanswered([ADA], after(9), STORM)

    assert (state.prompts_in_window, state.prompts_by_rule) == (7, {"floor a": 7})
    assert state.prompts_by_remedy == {"interactive_mfa": 7}
    assert unanswered == 0


def test_prompts_of_inline_requests_count_with_the_live_ones(tmp_path: Path) -> None:
    """An attacker gains no second allowance by a request that carries its own history."""
    store = open_store(tmp_path)
    viewing: dict[str, Any] = {
        "authentication": {"aal": 1, "amr": ["pwd"]},
        "action": {"name": "files:List", "category": "list"},
    }
    with engine_without_model(store, tmp_path) as engine:
        policy = active_configuration(tmp_path).policy
        live = [engine.score(score_request("ada", **viewing), CALLER) for _ in range(policy.storm.unanswered - 1)]
        inline = [
            engine.score(score_request("ada", **viewing).model_copy(update={"history": ()}), CALLER) for _ in range(2)
        ]

    assert {each["retry_after_seconds"] for each in live} == {None}
    assert inline[0]["retry_after_seconds"] is None
    assert inline[1]["retry_after_seconds"] > 0
