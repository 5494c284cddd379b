"""Verdicts of investigators are stored, proved and shown, and become labels for training and for reviews."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import httpx
import pyarrow.parquet as pq
import pytest
from support.html_pages import Page, form_token, page, sign_in
from support.live_server import Server, an_event
from support.recorded_decisions import a_record, after, open_store, record_decisions, run_sql
from typer.testing import CliRunner

from features.event.arrow import table_of
from features.event.schema import Event
from serving.decision.findings import Finding
from serving.policy_analysis.past.from_decision_log import verdict_labels
from serving.store.chain.verify import verify_log
from serving.store.store import Store
from serving.store.verdicts import Verdict, VerdictValue, last_of_each
from training.cli.main import app


def give_verdict(store: Store, decision: str, verdict: VerdictValue, by: str = "kim", seconds: float = 20.0) -> None:
    with store.transaction() as transaction:
        transaction.verdicts.append(Verdict(decision, verdict, "a note", by, after(seconds)))


def test_the_last_verdict_of_each_investigator_counts(tmp_path: Path) -> None:
    """All are stored."""
    store = open_store(tmp_path)
    record_decisions(store, 1)
    for by, verdict in (("kim", "owner"), ("lee", "unsure"), ("kim", "intruder")):
        give_verdict(store, "d1", verdict, by)  # type: ignore[arg-type]
    with store.reading() as transaction:
        verdicts = transaction.verdicts.of_decision("d1")

    assert [each.verdict for each in verdicts] == ["owner", "unsure", "intruder"]
    assert {each.by: each.verdict for each in last_of_each(verdicts)} == {"kim": "intruder", "lee": "unsure"}


def test_verdicts_are_exported_by_event_id(tmp_path: Path) -> None:
    """Without the note; an event without an id cannot be named."""
    store = open_store(tmp_path)
    record_decisions(store, 1)
    record_decisions(store, 2, event_id=None)
    give_verdict(store, "d1", "intruder")
    give_verdict(store, "d2", "owner")
    with store.reading() as transaction:
        exported = list(transaction.verdicts.export())

    assert exported == [
        {
            "event_id": "e1",
            "identity": "ada",
            "verdict": "intruder",
            "at": after(20).isoformat(),
            "by": "kim",
            "decision_id": "d1",
        }
    ]


def test_verdicts_are_labels_of_decisions(tmp_path: Path) -> None:
    """The last on each decision, whoever gave it; `unsure` gives no label."""
    store = open_store(tmp_path)
    record_decisions(store, 1, 2, 3)
    give_verdict(store, "d1", "intruder", "kim", 20)
    give_verdict(store, "d1", "owner", "lee", 30)
    give_verdict(store, "d2", "unsure")
    with store.reading() as transaction:
        labels = verdict_labels(transaction)

    assert {id: label.compromised for id, label in labels.items()} == {"d1": False}


TAMPERED = {
    "UPDATE feedback SET payload = replace(payload, 'intruder', 'owner')": "is not what was recorded",
    "DELETE FROM feedback": "the verdict on decision d1 is missing",
    "UPDATE feedback SET payload = NULL": "no erasure was recorded",
    "INSERT INTO feedback (decision_id, chain, sequence, payload) SELECT 'd1', chain, 99, payload FROM feedback": (
        "the verdict on decision d1 is in no chain"
    ),
    "UPDATE feedback SET decision_id = 'd2'": "the verdict on decision d1 is missing",
}


@pytest.mark.parametrize("statement", TAMPERED, ids=lambda each: " ".join(each.split()[:4]))
def test_a_changed_verdict_is_found(tmp_path: Path, statement: str) -> None:
    """It is in the same chain as the decisions."""
    store = open_store(tmp_path)
    record_decisions(store, 1, 2)
    give_verdict(store, "d1", "intruder")
    before = verify_log(store)
    run_sql(tmp_path, statement)

    assert before.ok
    assert any(TAMPERED[statement] in str(each) for each in verify_log(store).breaks)


def test_a_verdict_is_erased_with_its_decision(tmp_path: Path) -> None:
    """The note is gone, and the chain still verifies."""
    store = open_store(tmp_path)
    record_decisions(store, 1)
    give_verdict(store, "d1", "intruder")
    with store.transaction() as transaction:
        transaction.decisions.erase("d1", at=after(60), by="ops", reason="asked for")
    with store.reading() as transaction:
        verdicts = transaction.verdicts.of_decision("d1")

    assert verdicts == ()
    assert verify_log(store).ok


def test_findings_are_erased_with_their_decision(tmp_path: Path) -> None:
    """They name an identity."""
    store = open_store(tmp_path)
    with store.transaction() as transaction:
        transaction.decisions.append(a_record(1))
        findings = [Finding("standing_fault", "floor x", "It has too many rights.")]
        transaction.findings.add("live", "ada", "d1", after(1), findings)
        before = transaction.findings.newest()
        transaction.decisions.erase("d1", at=after(60), by="ops", reason="asked for")
        left = transaction.findings.newest()

    assert [(each.identity, each.times, each.first_at) for each in before] == [("ada", 1, after(1))]
    assert left == ()


def decided_event(small: Server, identity: str) -> tuple[dict[str, object], str]:
    """An event with an id of its own, and the decision on it."""
    event = an_event(identity, id=uuid4().hex)
    return event, small.score(event)["decision_id"]


def test_a_verdict_becomes_a_label(small: Server, tmp_path: Path) -> None:
    """Given over HTTP, shown on the page, and pulled by the command of training over HTTP."""
    event, decision = decided_event(small, "reported")
    key = tmp_path / "key"
    key.write_text(small.key("investigate"))
    for verdict in ("unsure", "intruder"):
        body = {"verdict": verdict, "note": "called <Ada>"}
        assert small.post(f"/decisions/{decision}/feedback", body, key.read_text())[0] == 200
    pq.write_table(table_of([Event.model_validate(event)]), tmp_path / "events.parquet")
    command = ["labels", "pull", f"{small.url}/feedback", str(tmp_path / "events.parquet")]
    out = tmp_path / "labels.parquet"
    result = CliRunner().invoke(app, [*command, "--out", str(out), "--key-file", str(key)])

    text = page(small, f"/investigate/decisions/{decision}").text

    assert result.exit_code == 0, result.output
    assert pq.read_table(out)["compromised"].to_pylist() == [1]
    assert "malicious: an attacker made it" in text
    assert "called <Ada>" in text
    assert "undetermined" in text.partition("Save verdict")[0].partition("note")[2]


def test_the_page_takes_a_verdict_without_javascript(small: Server) -> None:
    """By a form, with the cookie of the sign-in."""
    _, decision = decided_event(small, "formed")
    address = f"/investigate/decisions/{decision}"
    with httpx.Client(base_url=small.url, headers={"origin": small.url}) as browser:
        sign_in(browser, small.full_key)
        form = {"verdict": "owner", "note": "", "form_token": form_token(browser.get(address).text)}
        answer = browser.post(f"{address}/feedback", data=form)
        shown = Page(browser.get(address).text)

    assert answer.status_code == 303
    assert answer.headers["location"] == f"/investigate/decisions/{decision}"
    assert "legitimate: the identity's owner made it" in shown.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"verdict": "not_owner"}, 400),
        ({"verdict": "owner", "by": "somebody else"}, 400),
        ({"verdict": "owner", "note": "x" * 3_000}, 400),
        ({"verdict": "owner", "note": "x" * 20_000}, 413),
        ({}, 400),
    ],
)
def test_an_invalid_verdict_is_refused(small: Server, body: dict[str, str], status: int) -> None:
    """Also one that names its investigator, who is known by the key."""
    _, decision = decided_event(small, "refused")

    assert small.post(f"/decisions/{decision}/feedback", body)[0] == status


def test_a_verdict_on_an_unknown_decision_is_refused(small: Server) -> None:
    """With status 404."""
    assert small.post("/decisions/x/feedback", {"verdict": "owner"})[0] == 404


def test_the_export_is_json_lines(small: Server) -> None:
    """One verdict on each line."""
    _, decision = decided_event(small, "lined")
    small.post(f"/decisions/{decision}/feedback", {"verdict": "owner"})
    answer = small.request("GET", "/feedback")
    lines = [json.loads(line) for line in answer.text.splitlines()]

    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert [line["verdict"] for line in lines if line["decision_id"] == decision] == ["owner"]
