"""A policy tried on the past: what was in force changes nothing, and what is stricter adds exactly what it says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.past_requests import KINDS, SPACE, events, lived, versioned
from support.recorded_decisions import sql

from features import get_settings
from features.event.arrow import table_of
from serving.policy.schema import Policy
from serving.policy_analysis.from_decision_log import Window, recorded_cases, revoked
from serving.policy_analysis.from_event_file import CannotBeRead, cases_of_file, imported_cases
from serving.policy_analysis.past_requests import Case, Label, Missing
from serving.policy_analysis.replay import Course, Tried, tried
from serving.policy_analysis.replay_counts import Changes, Tally
from serving.policy_analysis.review_window import collected
from serving.policy_analysis.select_requests import Requests, requests
from serving.store.store import Store
from serving.store.verdicts import Verdict

POLICY = Policy.load()


def changed(**parts: object) -> Policy:
    """The built-in policy with parts of it replaced."""
    return Policy.model_validate(POLICY.model_dump(by_alias=True) | parts)


def stated(trust: float) -> dict[str, object]:
    """Thresholds that ask for the same trust of everybody and for everything."""
    one = {sensitivity: {"trust": trust} for sensitivity in ("public", "internal", "confidential", "restricted")}
    return {kind: one for kind in KINDS}


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return lived(tmp_path_factory.mktemp("past"))


def cases(store: Store, labels: dict[str, Label] | None = None) -> list[Case]:
    found = recorded_cases(store, Window(space=SPACE), lambda version: versioned(), None, labels)
    return [case for case in found if isinstance(case, Case)]


def counted(found: Iterator[Tried | Missing]) -> Changes:
    tally = Tally()
    tally.add(found)
    return tally.changes()


def values(changes: Changes, *names: str) -> list[float]:
    return [changes.overall.figures[name].value for name in names]


def test_the_past_holds_what_is_to_be_tested(past: Store) -> None:
    """Requests that were allowed, challenged, and challenged and answered, a good number of each."""
    recorded = [case.recorded for case in cases(past) if case.recorded]
    rulings = [each.ruling for each in recorded]

    assert min(rulings.count("allow"), rulings.count("step_up"), sum(bool(each.answers) for each in recorded)) > 10


def test_a_review_counts_what_investigators_said(past: Store) -> None:
    """A request that was stopped and is known to be its owner's is an override."""
    stopped = next(
        case for case in cases(past) if case.recorded and case.recorded.ruling != "allow" and not case.legitimate
    )
    before = collected(iter(cases(past)))
    with past.transaction() as transaction:
        transaction.verdicts.append(Verdict(stopped.id, "owner", None, "kim", stopped.at))
    after = collected(requests(get_settings(), past, Requests(Window(space=SPACE)), versioned()))
    whose = stopped.event.identity.id

    assert after.counts[whose]["overridden"] == before.counts[whose]["overridden"] + 1


def test_what_was_in_force_changes_nothing(past: Store) -> None:
    """Replayed under its own policy and model, every recorded decision is ruled as it was, and for the same reasons."""
    found = [each for each in tried(iter(cases(past)), POLICY, None, revoked(past, SPACE)) if isinstance(each, Tried)]
    differing = [each.case.id for each in found if each.before.ruling != each.after.ruling]
    reasons = [
        each.case.id
        for each in found
        if each.before.floors != tuple(floor.id for floor in each.after.floors if floor.rules)
    ]

    assert (len(found), differing, reasons) == (100, [], [])


def test_answers_matter(past: Store) -> None:
    """Had nobody met a challenge, more would have been asked: the proofs of the log are what was replayed."""
    without = [
        replace(case, recorded=replace(case.recorded, answers=())) for case in cases(past) if case.recorded is not None
    ]

    assert counted(tried(iter(without), POLICY)).overall.figures["step_ups_added"].value > 0


def test_another_model_judges_recorded_features_anew(past: Store) -> None:
    """The same model, asked again, gives the trust that was recorded, to the last digits."""
    again = recorded_cases(past, Window(space=SPACE), lambda version: None, versioned())
    pairs = zip(cases(past), (case for case in again if isinstance(case, Case)), strict=True)
    apart = [
        max(abs(a.trust.now - b.trust.now), *map(lambda x, y: abs(x - y), a.trust.hazards, b.trust.hazards))
        for a, b in pairs
        if a.trust and b.trust
    ]

    assert (len(apart), max(apart) < 1e-9) == (100, True)


def test_a_stricter_policy_adds_step_ups_and_removes_none(past: Store) -> None:
    """Everything below full trust is asked once; what floors asked for before is still asked for."""
    strict = counted(tried(iter(cases(past)), changed(thresholds=stated(0.999999))))
    before, after, added, removed = values(
        strict, "step_ups_before", "step_ups_after", "step_ups_added", "step_ups_removed"
    )

    assert (added > 0, after) == (True, before + added - removed)


def test_a_removed_floor_no_longer_asks(past: Store) -> None:
    """Without floors only the model, expiry and thin context ask; each floor is counted as it was before."""
    changes = counted(tried(iter(cases(past)), changed(floors=[])))
    recorded = [id for case in cases(past) if case.recorded for id in case.recorded.floors]

    assert {name: f["demands_before"].value for name, f in changes.by_floor.items()} == {
        name: recorded.count(name) for name in set(recorded)
    }
    assert sum(f["demands_after"].value for f in changes.by_floor.values()) == 0
    assert values(changes, "step_ups_removed")[0] > 0


def test_harm_is_counted_by_label(past: Store) -> None:
    """An intruder's request counts as stopped when it is challenged or denied, under each policy."""
    foreign = {case.id: Label(compromised=True, source="test") for case in cases(past)[::3]}
    labelled = cases(past, foreign)
    changes = counted(tried(iter(labelled), POLICY))
    stopped = sum(case.recorded.ruling != "allow" for case in labelled if case.recorded and case.label.compromised)

    assert values(changes, "compromised", "harm_stopped_before", "harm_stopped_after") == [
        len(foreign),
        stopped,
        stopped,
    ]
    assert changes.source == "step-up, test"


def test_an_intruder_meets_no_challenge_and_an_owner_does() -> None:
    """The same request again: the owner's is allowed after the first challenge, the intruder's is asked each time."""
    strict = changed(thresholds=stated(0.999999), floors=[], thin_context={"below": 0.0001, "allow": []})
    first = next(
        event for event in events(150) if event.identity.type == "human" and event.session.id and event.network.asn
    )
    twice = table_of([first, first.model_copy(update={"id": "again", "time": first.time.replace(microsecond=999)})])
    rulings = {}
    for who in (0, 1):
        labels = pa.table({"compromised": [who, who]})
        course = Course(strict)
        found = [c for c in imported_cases(twice, labels, versioned()) if isinstance(c, Case)]
        rulings[who] = [course.ruled(case).ruling for case in found]

    assert rulings == {0: ["step_up", "allow"], 1: ["step_up", "step_up"]}


def test_a_file_in_slices_is_the_table_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of order on disk, in slices much smaller than the file, the cases are the same, in order of time."""
    monkeypatch.setattr(
        sys.modules["serving.policy_analysis.from_event_file"], "SLICE", 17
    )  # the package offers a function of that name
    table = table_of(events(120)[::-1])
    labels = pa.table({"compromised": pa.array([n % 2 for n in range(120)], pa.int8())})
    pq.write_table(table, tmp_path / "e.parquet", row_group_size=50)
    pq.write_table(labels, tmp_path / "l.parquet")
    sliced, whole = (
        [(case.event, str(case.features), case.trust, case.label) for case in found if isinstance(case, Case)]
        for found in (
            cases_of_file(tmp_path / "e.parquet", tmp_path / "l.parquet", versioned()),
            imported_cases(table, labels, versioned()),
        )
    )

    assert sliced == whole
    assert [event for event, *_ in sliced] == events(120)


def test_labels_of_other_events_are_refused() -> None:
    """Row by row, or not at all."""
    with pytest.raises(CannotBeRead, match="120 rows, but there are 1 labels"):
        imported_cases(table_of(events(120)), pa.table({"compromised": [0]}), versioned())
    with pytest.raises(CannotBeRead, match="lack the column `compromised`"):
        imported_cases(table_of(events(120)), pa.table({"a": [0]}), versioned())


def test_what_cannot_be_judged_is_counted(tmp_path: Path) -> None:
    """An erased payload, features of another build, and a budget without its model are each named."""
    store = lived(tmp_path, 30)
    sql(tmp_path, "UPDATE decisions SET payload = NULL WHERE id = (SELECT min(id) FROM decisions)")
    gone = counted(tried(recorded_cases(store, Window(space=SPACE), lambda version: None), POLICY))
    sql(tmp_path, 'UPDATE decisions SET payload = replace(payload, \'"features":"sha256:\', \'"features":"sha256:x\')')
    other = counted(tried(recorded_cases(store, Window(space=SPACE), lambda version: None, versioned()), POLICY))

    assert (gone.missing, other.missing) == (
        {"its payload was erased": 1, "no model tells the trust that a budget stands for": 29},
        {"its payload was erased": 1, "its features are of another catalogue": 29},
    )
