"""The lowest trust where a request comes from: for what it counts, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest
from support.decisions import NOW, POLICY, VERSIONS, WELL_KNOWN, an_event, strong_proof

from features.event.schema import Category
from features.model.trust_curve import TrustCurve
from serving.decision.decision import Decision, decide
from serving.decision.inputs import Scope, SessionState
from serving.decision.lowest_trust import LowestTrust, counted_trust, counted_trust_as_sent, trust_counted_in
from serving.decision.places.place import UNKNOWN_PLACE
from serving.decision.readings import Readings

LOW = LowestTrust(0.105, 0.105, 400.0, ("network",), NOW - timedelta(minutes=3))
VIEWING = {"read", "list", "authenticate"}
HIGH = TrustCurve(-3.0, (0.0, 0.0, 0.0, 0.0))


def decided(category: str | None, lowest: LowestTrust | None = LOW, **changes: Any) -> Decision:
    """The decision on a request that the model trusts, with a threshold of 0.6."""
    values: dict[str, Any] = {"trust": HIGH, "proofs": (), "session": SessionState()} | changes
    event = an_event("human", category, action={"name": "files:Do", "impact": "low"}, session={"id": "s1"})
    return decide(
        Readings(event),
        WELL_KNOWN,
        values["trust"],
        None,
        POLICY,
        values["proofs"],
        values["session"],
        id="decision",
        at=NOW,
        threshold=0.6,
        versions=VERSIONS,
        as_sent=values.get("as_sent"),
        lowest=lowest,
    )


@pytest.mark.parametrize("category", [*get_args(Category), None])
def test_it_counts_for_all_but_viewing_and_signing_in(category: str | None) -> None:
    """A category that nobody knows counts as one that changes something."""
    decision = decided(category)

    assert ("the model" in decision.because) == (category not in VIEWING)
    assert decision.counted_trust == (HIGH.now if category in VIEWING else 0.105)
    assert decision.trust == HIGH


@pytest.mark.parametrize(("trust", "ruled"), [(0.105, True), (0.999, False)])
def test_the_answer_names_it_beside_the_models_trust(trust: float, ruled: bool) -> None:
    """`now` stays the sum of the explanation; the sentence says what would raise it."""
    answer = decided("write", replace(LOW, trust=trust)).wire()["trust"]

    assert (answer["now"], answer["counted"]) == (HIGH.now, min(HIGH.now, trust))
    assert (answer["lowest"]["ruled"], answer["lowest"]["new"]) == (ruled, ["network"])
    if ruled:
        assert answer["lowest"]["sentence"] == (
            "The network of this request came into use 3 minutes ago. Trust there was 10.50 % at its lowest or at "
            "first sight, and more requests do not raise it for anything but reads. A proof made there does, or being "
            "allowed on 3 different days."
        )


@pytest.mark.parametrize(
    ("seconds_ago", "words"),
    [
        (0, "0 seconds ago"),
        (1, "1 second ago"),
        (59, "59 seconds ago"),
        (60, "1 minute ago"),
        (3_600, "1 hour ago"),
        (86_400, "1 day ago"),
        (200_000, "2 days ago"),
    ],
)
def test_the_sentence_says_since_when(seconds_ago: int, words: str) -> None:
    """In its largest unit; of several things at once."""
    lowest = replace(LOW, since=NOW - timedelta(seconds=seconds_ago), kinds=("network", "withheld"))
    sentence = lowest.wire(0.9, NOW, counts=True)["sentence"]

    assert f"The network and parts that are withheld of this request came into use {words}." in sentence


def test_what_was_withheld_never_denies_through_it() -> None:
    """Denial follows the lowest trust without stand-ins, as it follows the trust without them."""
    below_denial = POLICY.deny_below["human"] / 2
    withheld, plain = (replace(LOW, trust=below_denial, trust_as_sent=sent) for sent in (0.9, below_denial))

    assert [decided("write", lowest).ruling for lowest in (withheld, plain)] == ["step_up", "deny"]
    assert decided("write", plain, as_sent=HIGH).ruling == "deny"


def test_a_proof_of_the_session_settles_it_for_the_request() -> None:
    """As it settles what the model asks for; without a challenge before it does not."""
    proof = strong_proof(30, source="step_up", scope=Scope("write", None), decision_id="d1", trust_at_completion=0.105)
    asked = SessionState(challenged_at={"d1": NOW - timedelta(seconds=60)})

    assert decided("write", proofs=(proof,), session=asked).ruling == "allow"
    assert decided("write", proofs=(strong_proof(30),)).ruling == "step_up"


def test_only_a_claim_that_the_request_carries_proves_its_place() -> None:
    """A step-up settles its place when it is reported; what it elevates later may be elsewhere."""
    asked = SessionState(challenged_at={"d1": NOW - timedelta(seconds=60)})
    elevation = strong_proof(30, source="step_up", scope=Scope("write", None), decision_id="d1")
    claim = strong_proof(30)

    proven = [decided("write", proofs=(each,), session=asked).proven_at for each in (claim, elevation)]
    assert proven == [(UNKNOWN_PLACE,), ()]
    assert not decided("write", proofs=(claim,)).proven_at


@pytest.mark.parametrize(
    ("seconds", "lifetime"), [(400.0, 400), (10.0, POLICY.lifetime.shortest_seconds), (None, 28_800)]
)
@pytest.mark.parametrize("category", ["read", "write"])
def test_a_session_lasts_no_longer_than_it_leaves(category: str, seconds: float | None, lifetime: int) -> None:
    """Whatever is allowed there, and never less than the policy's shortest."""
    decision = decided(category, replace(LOW, trust=0.9, seconds=seconds))

    assert decision.lifetime is not None
    assert decision.lifetime.seconds == lifetime
    assert decision.valid_until == NOW + timedelta(seconds=lifetime)


def test_a_record_holds_it() -> None:
    """Read again it is the same; records of before have none."""
    assert LowestTrust.from_record(LOW.record()) == LOW
    assert LowestTrust.from_record(None) is None


@pytest.mark.parametrize(
    ("trust", "counted"),
    [(None, None), ({"now": 0.7}, 0.7), ({"now": 0.7, "counted": 0.1}, 0.1), ({"now": 0.7, "counted": 0.0}, 0.0)],
)
def test_a_recorded_answer_says_what_counted(trust: dict[str, float] | None, counted: float | None) -> None:
    """Before 0.3 it was the model's trust."""
    assert trust_counted_in({"trust": trust}) == counted


def test_a_higher_one_changes_nothing() -> None:
    """It is the lower of both that counts."""
    assert counted_trust(0.4, replace(LOW, trust=0.5), "write") == 0.4
    assert counted_trust(0.4, None, "write") == 0.4


@pytest.mark.parametrize(
    ("as_sent", "lowest", "category", "counted"),
    [
        (0.9, LOW, "write", 0.105),
        (0.9, LOW, None, 0.105),
        (0.9, LOW, "read", 0.9),
        (0.05, LOW, "write", 0.05),
        (0.9, None, "write", 0.9),
        (0.9, None, "read", 0.9),
        (None, LOW, "write", None),
        (None, LOW, "read", None),
        (None, None, "write", None),
    ],
)
def test_the_trust_without_stand_ins_is_no_higher_than_the_lowest(
    as_sent: float | None, lowest: LowestTrust | None, category: Any, counted: float | None
) -> None:
    """For what the lowest counts for; an unknown one stays unknown."""
    assert counted_trust_as_sent(as_sent, lowest, category) == counted


def test_the_answer_has_every_member() -> None:
    """It ruled where it is lower than the model's trust, and names everything that is new."""
    answer = replace(LOW, kinds=("network", "device", "client")).wire(0.105, NOW, counts=True)

    assert {name: answer[name] for name in ("trust", "new", "since", "ruled")} == {
        "trust": 0.105,
        "new": ["network", "device", "client"],
        "since": (NOW - timedelta(minutes=3)).isoformat(),
        "ruled": False,
    }
    assert answer["sentence"].startswith("The network, device and client of this request came into use 3 minutes ago.")
