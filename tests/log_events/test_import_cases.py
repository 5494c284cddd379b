"""Awkward but ordinary CloudTrail inputs of the kinds that public bug reports describe: each has one right reading.

The inputs are invented, with addresses of documentation ranges; the numbers are those of their files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from features.catalogue.all import feature_names
from features.engine.batch import replay
from features.history.population import empty_population
from features.sources.file_import import Imported, import_files

CASES = Path(__file__).parent / "cases"
ROLE = "arn:aws:iam::111122223333:role/app-reader"


def imported(number: int) -> Imported:
    """The import of a case's file."""
    return import_files("cloudtrail", sorted(CASES.glob(f"{number:02}-*.json")))


def column(case: Imported, name: str) -> list[Any]:
    """The values of a column, in the order of the records."""
    return list(case.table[name].to_pylist())


def counts(case: Imported) -> tuple[int, int]:
    """How many events there are, and how many unreadable records."""
    return case.report.events, case.report.unreadable_count


def test_identity_center_users_are_their_own_ids_and_never_the_account() -> None:
    """Case 1: three people of one account are three identities."""
    case = imported(1)

    assert counts(case) == (3, 0)
    assert [id[:4] for id in column(case, "identity.id")] == ["aaaa", "bbbb", "cccc"]
    assert set(column(case, "identity.type")) == {"human"}


def test_a_role_of_another_account_is_one_identity_in_all_its_sessions() -> None:
    """Case 2: the name of a role session is no part of who acts."""
    case = imported(2)

    assert counts(case) == (6, 0)
    assert set(column(case, "identity.id")) == {"AROAEXAMPLEROLE0002"}
    assert set(column(case, "identity.type")) == {"workload"}


def test_a_role_signs_in_without_a_password() -> None:
    """Case 3: the session says whether a second factor opened it, and when."""
    case = imported(3)

    assert column(case, "authentication.amr") == [["mfa"]]
    assert str(column(case, "authentication.time")[0]) == "2026-03-02 08:59:00+00:00"


def test_events_of_services_need_no_type() -> None:
    """Case 4: AWS itself acts, and vouches for it."""
    case = imported(4)

    assert counts(case) == (2, 0)
    assert column(case, "identity.id") == ["secretsmanager.amazonaws.com", "AWS Internal"]
    assert set(column(case, "identity.type")) == {"workload"}
    assert column(case, "credential.attested_at") == column(case, "time")


@pytest.mark.parametrize(
    ("number", "events", "named"),
    [(5, 1, "an Insight event, which is no request of anybody"), (6, 0, "a digest file, which holds no events")],
)
def test_what_is_no_event_is_named_for_what_it_is(number: int, events: int, named: str) -> None:
    """Cases 5 and 6: an Insight event and a digest file are no damage."""
    case = imported(number)

    assert counts(case) == (events, 0)
    assert case.report.not_events == {named: 1}


@pytest.mark.parametrize(
    ("number", "events", "wrapper"),
    [
        (7, 1, "EventBridge"),
        (8, 3, "CloudWatch Logs subscription"),
        (9, 3, "lookup-events"),
        (20, 1, "a query result"),
        (21, 1, "CloudTrail Lake"),
        (22, 1, "Elastic"),
    ],
)
def test_a_wrapper_is_recognised_opened_and_named(number: int, events: int, wrapper: str) -> None:
    """Cases 7 to 9 and 20 to 22: the same records, however they come."""
    case = imported(number)

    assert counts(case) == (events, 0)
    assert set(column(case, "identity.id")) == {ROLE}
    assert case.report.wrappers[wrapper] == (1 if wrapper == "a query result" else events)


def test_records_follow_each_other_without_a_newline() -> None:
    """Case 10: as Firehose writes them."""
    assert counts(imported(10)) == (5, 0)


def test_an_event_that_is_delivered_twice_is_one() -> None:
    """Case 12: the repeat is counted and named."""
    case = imported(12)

    assert counts(case) == (2, 0)
    assert case.report.duplicates == 1


def test_a_service_in_the_name_of_root_is_not_root() -> None:
    """Case 13: AWS Support works in root's name, from no client of root's."""
    case = imported(13)

    assert column(case, "identity.type") == ["workload"]
    assert column(case, "identity.id") == ["arn:aws:iam::111122223333:root via support.amazonaws.com"]
    assert column(case, "identity.acting_for") == ["arn:aws:iam::111122223333:root"]


def test_calls_of_a_service_leave_the_client_of_its_user_unchanged() -> None:
    """Case 14: CloudFormation calls in dora's name; her client did not change, and her next request shows it."""
    case = imported(14)
    matrix = dict(zip(feature_names(), replay(case.table, empty_population()).T, strict=True))
    rows = [row for row, id in enumerate(column(case, "identity.id")) if id.endswith("cloudformation.amazonaws.com")]

    assert rows == [5, 6, 7]
    assert not any(matrix["agent_changed_in_session"][row] == 1.0 for row in range(8))
    highest = matrix["highest_agent_rarity_in_session"]
    assert all(highest[row] <= highest[4] for row in rows)


def test_a_hidden_name_is_nobody() -> None:
    """Case 16: what may be a mistyped password belongs to nobody's history."""
    case = imported(16)

    assert counts(case) == (0, 0)
    assert case.report.nobody.total() == 3


def test_the_same_name_at_two_providers_is_two_identities() -> None:
    """Case 17: a SAML user, an IAM user of the same name, who stays a service account, and a web identity."""
    case = imported(17)

    assert counts(case) == (3, 0)
    assert len(set(column(case, "identity.id"))) == 3
    assert column(case, "identity.type") == ["human", "service_account", "workload"]


def test_odd_source_addresses_are_read_or_unknown() -> None:
    """Case 18: services, mapped addresses, lists, ports and scrambled ones."""
    case = imported(18)

    assert counts(case) == (9, 0)
    assert column(case, "network.ip") == [
        None,
        None,
        "2001:db8:1:2::3",
        "203.0.113.9",
        "203.0.113.9",
        "203.0.113.9",
        "2001:db8::9",
        None,
        None,
    ]


def test_a_network_activity_event_is_a_denied_request() -> None:
    """Case 19: of a user of another account."""
    case = imported(19)

    assert column(case, "action.outcome") == ["denied"]
    assert column(case, "identity.id") == ["AIDAEXAMPLE0003"]
    assert column(case, "action.category") == ["read"]


def test_the_person_behind_a_role_is_a_person() -> None:
    """Case 24: by the source identity, or by Identity Center."""
    case = imported(24)

    assert column(case, "identity.type") == ["human", "human"]
    assert len(set(column(case, "identity.id"))) == 2
    assert column(case, "identity.acting_for") == ["kim@example.com", "aaaa1111-0000-4000-8000-000000000009"]


def test_the_letter_case_of_an_email_address_makes_no_second_person() -> None:
    """Case 26: identity providers send it in either."""
    case = imported(26)

    assert counts(case) == (2, 0)
    assert len(set(column(case, "identity.id"))) == 1


def test_refused_failed_and_tried_requests_are_told_apart() -> None:
    """Case 27: a dry run did nothing, so nothing is known of its outcome."""
    expected = (
        "denied denied denied failure denied failure denied denied denied denied ? failure denied failure denied ?"
    )

    assert [outcome or "?" for outcome in column(imported(27), "action.outcome")] == [*expected.split(), "failure"]
