"""A policy replayed on past requests: the one in force changes nothing, a stricter one adds exactly what it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.past_requests import KINDS, NAMESPACE, record_requests, registered_model, some_events
from support.recorded_decisions import run_sql

from features import get_settings
from features.event.arrow import table_of
from serving.errors import AnalysisError
from serving.policy.schema import Policy
from serving.policy_analysis.past.from_decision_log import LogWindow, past_requests_from_log
from serving.policy_analysis.past.from_event_file import past_requests_from_events, past_requests_from_file
from serving.policy_analysis.past.past_reports import read_reports
from serving.policy_analysis.past.past_requests import Label, PastRequest, SkippedRequest
from serving.policy_analysis.past.select_requests import RequestSource, read_requests
from serving.policy_analysis.replays.replay import PolicyReplay, ReplayedRequest, replay_policy
from serving.policy_analysis.replays.replay_counts import ReplayCounts, ReplayResult
from serving.policy_analysis.reviews.review_window import summarise_window
from serving.store.store import Store
from serving.store.verdicts import Verdict

POLICY = Policy.load()
WINDOW = LogWindow(namespace=NAMESPACE)


def changed_policy(**parts: object) -> Policy:
    """The built-in policy with some parts replaced."""
    return Policy.model_validate(POLICY.model_dump(by_alias=True) | parts)


def equal_thresholds(trust: float) -> dict[str, object]:
    """Thresholds that need the same trust for every identity type and sensitivity."""
    cells = {sensitivity: {"trust": trust} for sensitivity in ("public", "internal", "confidential", "restricted")}
    return {kind: cells for kind in KINDS}


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return record_requests(tmp_path_factory.mktemp("past"))


def past_requests(store: Store, labels: dict[str, Label] | None = None) -> list[PastRequest]:
    requests = past_requests_from_log(store, WINDOW, lambda version: registered_model(), None, labels)
    return [request for request in requests if isinstance(request, PastRequest)]


def replayed(requests: Iterable[PastRequest | SkippedRequest], policy: Policy) -> ReplayResult:
    counts = ReplayCounts()
    counts.add(replay_policy(iter(requests), policy))
    return counts.result()


def values(result: ReplayResult, *names: str) -> list[float]:
    return [result.overall.figures[name].value for name in names]


def test_the_past_holds_requests_of_every_kind(past: Store) -> None:
    """Allowed, challenged, and challenged and completed: more than ten of each."""
    decisions = [request.decision for request in past_requests(past) if request.decision]
    rulings = [decision.ruling for decision in decisions]

    assert rulings.count("allow") > 10
    assert rulings.count("step_up") > 10
    assert sum(bool(decision.proofs) for decision in decisions) > 10


def test_a_review_counts_verdicts(past: Store) -> None:
    """A request that was stopped and is known to be legitimate is an override."""
    stopped = next(
        request
        for request in past_requests(past)
        if request.decision and request.decision.ruling != "allow" and not request.legitimate
    )
    before = summarise_window(iter(past_requests(past)))
    with past.transaction() as transaction:
        transaction.verdicts.append(Verdict(stopped.id, "owner", None, "kim", stopped.at))
    after = summarise_window(read_requests(get_settings(), past, RequestSource(WINDOW), registered_model()))
    identity = stopped.event.identity.id

    assert after.counts[identity]["overridden"] == before.counts[identity]["overridden"] + 1


def test_the_policy_in_force_changes_nothing(past: Store) -> None:
    """Under its own policy and model, every recorded decision is made again, with the same floors."""
    replay = replay_policy(iter(past_requests(past)), POLICY, None, read_reports(past, NAMESPACE))
    requests = [each for each in replay if isinstance(each, ReplayedRequest)]
    other_ruling = [each.request.id for each in requests if each.before.ruling != each.after.ruling]
    other_floors = [
        each.request.id
        for each in requests
        if each.before.floors != tuple(floor.id for floor in each.after.floors if floor.demands_proof)
    ]

    assert len(requests) == 100
    assert other_ruling == []
    assert other_floors == []


def test_recorded_proofs_are_replayed(past: Store) -> None:
    """Without the proofs that challenges really brought, more would be asked."""
    without_proofs = [
        replace(request, decision=replace(request.decision, proofs=()))
        for request in past_requests(past)
        if request.decision is not None
    ]

    assert replayed(without_proofs, POLICY).overall.figures["step_ups_added"].value > 0


def test_another_model_scores_recorded_features_again(past: Store) -> None:
    """The same model gives the recorded trust, to the last digits."""
    scored_again = past_requests_from_log(past, WINDOW, lambda version: None, registered_model())
    pairs = zip(past_requests(past), (r for r in scored_again if isinstance(r, PastRequest)), strict=True)
    differences = [
        max(abs(a.trust.now - b.trust.now), *map(lambda x, y: abs(x - y), a.trust.hazards, b.trust.hazards))
        for a, b in pairs
        if a.trust and b.trust
    ]

    assert len(differences) == 100
    assert max(differences) < 1e-9


def test_a_stricter_policy_adds_step_ups(past: Store) -> None:
    """When everything below full trust is challenged, step-ups are added, and the counts add up."""
    strict = replayed(past_requests(past), changed_policy(thresholds=equal_thresholds(0.999999)))
    before, after, added, removed = values(
        strict, "step_ups_before", "step_ups_after", "step_ups_added", "step_ups_removed"
    )

    assert added > 0
    assert after == before + added - removed


def test_a_removed_floor_no_longer_asks(past: Store) -> None:
    """Without floors only the model, expiry and thin context ask; what each floor demanded before is counted."""
    result = replayed(past_requests(past), changed_policy(floors=[]))
    recorded = [id for request in past_requests(past) if request.decision for id in request.decision.floors]

    assert {name: f["demands_before"].value for name, f in result.by_floor.items()} == {
        name: recorded.count(name) for name in set(recorded)
    }
    assert sum(f["demands_after"].value for f in result.by_floor.values()) == 0
    assert values(result, "step_ups_removed")[0] > 0


def test_harm_is_counted_by_label(past: Store) -> None:
    """A malicious request counts as stopped when it is challenged or denied, before and after."""
    malicious = {request.id: Label(compromised=True, source="test") for request in past_requests(past)[::3]}
    requests = past_requests(past, malicious)
    result = replayed(requests, POLICY)
    stopped = sum(r.decision.ruling != "allow" for r in requests if r.decision and r.label.compromised)

    assert values(result, "compromised") == [len(malicious)]
    assert values(result, "harm_stopped_before", "harm_stopped_after") == [stopped, stopped]
    assert result.source == "step-up, test"


@pytest.mark.parametrize(("compromised", "rulings"), [(0, ["step_up", "allow"]), (1, ["step_up", "step_up"])])
def test_only_legitimate_identities_answer_simulated_challenges(compromised: int, rulings: list[str]) -> None:
    """The same request again is allowed when legitimate, and challenged again when malicious."""
    strict = changed_policy(
        thresholds=equal_thresholds(0.999999), floors=[], thin_context={"below": 0.0001, "allow": []}
    )
    first = next(
        event for event in some_events(150) if event.identity.type == "human" and event.session.id and event.network.asn
    )
    second = first.model_copy(update={"id": "again", "time": first.time.replace(microsecond=999)})
    labels = pa.table({"compromised": [compromised, compromised]})
    replay = PolicyReplay(strict)
    requests = past_requests_from_events(table_of([first, second]), labels, registered_model())

    assert [replay.decide(request).ruling for request in requests if isinstance(request, PastRequest)] == rulings


def test_a_file_in_slices_equals_the_whole_table(tmp_path: Path) -> None:
    """Out of order on disk and in slices much smaller than the file, the requests are the same, in order of time."""
    table = table_of(some_events(120)[::-1])
    labels = pa.table({"compromised": pa.array([n % 2 for n in range(120)], pa.int8())})
    pq.write_table(table, tmp_path / "e.parquet", row_group_size=50)
    pq.write_table(labels, tmp_path / "l.parquet")
    files = (tmp_path / "e.parquet", tmp_path / "l.parquet")
    sliced = content(past_requests_from_file(*files, registered_model(), slice_rows=17))
    whole = content(past_requests_from_events(table, labels, registered_model()))

    assert sliced == whole
    assert [event for event, *_ in sliced] == some_events(120)


def content(requests: Iterator[PastRequest | SkippedRequest]) -> list[tuple[object, ...]]:
    return [(r.event, str(r.features), r.trust, r.label) for r in requests if isinstance(r, PastRequest)]


def test_labels_of_other_events_are_refused() -> None:
    """Labels must match the events row by row."""
    events = table_of(some_events(120))
    with pytest.raises(AnalysisError, match="120 rows, but there are 1 labels"):
        past_requests_from_events(events, pa.table({"compromised": [0]}), registered_model())
    with pytest.raises(AnalysisError, match="lack the column `compromised`"):
        past_requests_from_events(events, pa.table({"a": [0]}), registered_model())


def test_skipped_requests_are_counted_by_reason(tmp_path: Path) -> None:
    """An erased payload, a budget without its model, and features of another catalogue."""
    store = record_requests(tmp_path, 30)
    run_sql(tmp_path, "UPDATE decisions SET payload = NULL WHERE id = (SELECT min(id) FROM decisions)")
    without_model = replayed(past_requests_from_log(store, WINDOW, lambda version: None), POLICY)
    run_sql(
        tmp_path, 'UPDATE decisions SET payload = replace(payload, \'"features":"sha256:\', \'"features":"sha256:x\')'
    )
    other_features = replayed(past_requests_from_log(store, WINDOW, lambda version: None, registered_model()), POLICY)

    assert without_model.missing == {"its payload was erased": 1, "no model gives the threshold of a budget": 29}
    assert other_features.missing == {"its payload was erased": 1, "its features are of another catalogue": 29}
