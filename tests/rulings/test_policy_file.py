"""A policy file with an error is refused as a whole, with file, line and key."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.decisions import DOUBTED, NOW, POLICY, an_event, decide_on

from features.catalogue.all import feature_names
from serving.investigate.policy import policy_page
from serving.model.active import RefusedFile
from serving.policy.fact_types import FACT_TYPES
from serving.policy.loader import read_yaml
from serving.policy.rules import FACTS
from serving.policy.schema import BUILT_IN, Floor, Policy, PolicyError

WRONG = [
    ("fact: credential_exposed, is", "fact: credential_exposde, is", "did you mean 'credential_exposed'"),
    ("in: [admin_console]", "in: [admin_consol]", "action.category is never 'admin_consol'"),
    ("above: 1000", "above: .nan", "finite number"),
    ("id: approve-payment", "id: admin-console", "duplicate floors: admin-console"),
    ("threshold_mode: enforce", "threshold_mode: shadwo", "'enforce' or 'shadow'"),
    ("threshold_mode: enforce", "threshold_mood: enforce", "threshold_mood"),
    ("deny_below: {human: 0.02, ", "deny_below: {", "deny_below lacks human"),
    ("public: {budget: 0.0005}", "public: {budget: 0.0005, trust: 0.5}", "either `budget` or `trust`"),
    ("version: 1", "version: 2", "version"),
    ("cache_seconds: 5", "cache_secnds: 5", "cache_secnds: there is no such key; did you mean 'cache_seconds'"),
    ("{aal: 2, max_age_seconds: 900}", "{aal: 2, max_age_secs: 900}", "; did you mean 'max_age_seconds'"),
    ("threshold_mode: enforce", "threshold_mode: shadwo", "did you mean 'shadow'"),
    ("cache_seconds: 5", "cache_seconds: 5\ncache_seconds: 6", "cache_seconds is a duplicate .first in line"),
    ("{human: 0.02, ", "{human: 0.02, human: 0.03, ", "deny_below.human is a duplicate"),
    (
        'urn:session-trust:aal1": {aal: 1}',
        'urn:a\\", max_age=\\"9": {aal: 1}',
        "acr_levels.*String should match pattern",
    ),
    ('urn:session-trust:aal1": {aal: 1}', 'urn:a\\r\\nSet-Cookie: x": {aal: 1}', "acr_levels.*should match pattern"),
    ("({action.name}) needs", "({action.nam}) needs", "quotes {action.nam}, .*did you mean 'action.name'"),
    ("({action.name}) needs", "({action.name) needs", "an unmatched brace"),
    ("version: 1", "version: 1\neffective_from: 2026-02-01T00:00:00Z\nexpires: 2026-01-01T00:00:00Z", "expires before"),
    ("version: 1", "version: 1\nexpires: 2026-01-01T00:00:00", "timezone"),
    ("human: [{type: interactive_mfa}]", "human: [{type: owner_approval}]", "interactive_mfa is for people"),
    ("agent: [owner_approval]", "workload: [owner_approval]", "owner_approval is not among its remedies"),
    ("max_age_seconds: 300}", "max_age_seconds: 0300}", "0300 has a leading zero"),
    ("requires: {aal: 2", "requires: {aal: yes", "'yes' is text, so write the number"),
    ("requires: {aal: 2", "requires: {aal: true", "true is not a number"),
    ("max_age_seconds: 300}", "max_age_seconds: yes}", "'yes' is text"),
    ("max_age_seconds: 300}", 'max_age_seconds: "300"}', "'300' is text"),
    ("version: 1", "version: true", "version: it must be the whole number 1"),
    ("privileged_roles: [administrator", 'privileged_roles: [" "', "it names no role"),
    ("    3: {overall_seconds: 43200, inactivity_seconds: 900}\n", "", "assurance lacks level 3"),
]


@pytest.mark.parametrize(("right", "wrong", "message"), WRONG, ids=[message for *_, message in WRONG])
def test_an_error_names_the_key_and_what_would_be_right(right: str, wrong: str, message: str, tmp_path: Path) -> None:
    """A misspelling never silently disables a floor."""
    text = BUILT_IN.read_text()
    assert right in text
    (tmp_path / "policy.yaml").write_text(text.replace(right, wrong))

    with pytest.raises(PolicyError, match=message):
        Policy.load(tmp_path / "policy.yaml")


FLOOR = "{fact: travel_km_per_hour, above: 1000}"
CONDITIONS = [
    ("{fact: device.user_agent, above: 3}", "device.user_agent is a text, so test it with `in"),
    ("{fact: device.user_agent, is: true}", "device.user_agent is a text, so test it with `in"),
    ('{fact: network.asn, in: ["64500"]}', "network.asn is a number, so test it with `above`"),
    ("{fact: travel_km_per_hour, is: true}", "travel_km_per_hour is a number, so test it with `above`"),
    ('{fact: device.managed, in: ["yes"]}', "device.managed is true or false, so test it with `is"),
    ("{fact: credential_exposed, above: 0}", "credential_exposed is true or false, so test it with `is"),
    ("{fact: time, above: 0}", "time is a time, which no condition can test"),
    ("{fact: credential.scope, in: [admin]}", "credential.scope is a list, which no condition can test"),
    ("{fact: resource.sensitivity, in: [restrictd]}", "never 'restrictd'.*did you mean 'restricted'"),
    ("{fact: credential.environment, in: [prod]}", "credential.environment is never 'prod'; it is one of production"),
    ("{fact: action.outcome, in: [ok]}", "action.outcome is never 'ok'; it is one of success"),
    ("{fact: network.country, in: [de]}", "network.country is never 'de'; did you mean 'DE'"),
    ("{fact: network.reputation, above: 1}", "network.reputation is never above 1"),
    ("{fact: entitlements_unused_share, above: 1.5}", "entitlements_unused_share is never above 1"),
    ("{fact: privilege_of_action, above: 3}", "privilege_of_action is never above 3"),
    ("{fact: authentication.aal, above: 3}", "authentication.aal is never above 3"),
    ("{fact: identity.type, in: [agent]}", "it can never apply: its conditions exclude each other"),
    ("{fact: person_like_client, is: true}", "it can never apply: its conditions exclude each other"),
]


@pytest.mark.parametrize(("condition", "message"), CONDITIONS, ids=[condition for condition, _ in CONDITIONS])
def test_a_condition_that_fails_or_never_holds_is_refused_by_line(condition: str, message: str, tmp_path: Path) -> None:
    """In a floor on people; a comparison with another type would fail at every request."""
    text = BUILT_IN.read_text()
    line = next(n for n, each in enumerate(text.splitlines(), 1) if "id: impossible-travel" in each)
    (tmp_path / "policy.yaml").write_text(text.replace(FLOOR, condition))

    with pytest.raises(PolicyError, match=rf"policy\.yaml:({line + 2}|{line + 4}):.*{message}"):
        Policy.load(tmp_path / "policy.yaml")


TOGETHER = [
    ("{fact: credential_exposed, is: true}, {fact: credential_exposed, is: false}", True),
    ("{fact: credential_exposed, is: true}, {fact: credential_exposed, is: true}", False),
    ("{fact: credential_exposed, is: true}, {fact: device.managed, is: false}", False),
    ("{fact: action.category, in: [read, list]}, {fact: action.category, in: [write]}", True),
    ("{fact: action.category, in: [read, list]}, {fact: action.category, in: [list]}", False),
]


@pytest.mark.parametrize(("conditions", "never"), TOGETHER)
def test_conditions_that_exclude_each_other_are_refused(conditions: str, never: bool) -> None:
    """A flag that is both true and false, and values without a common one."""
    text = "{id: tried, kind: signal, requires: {aal: 1, max_age_seconds: 60}, sentence: x, references: [], when: [%s]}"
    if never:
        with pytest.raises(PolicyError, match="its conditions exclude each other"):
            read_yaml(text % conditions, Floor)
    else:
        assert len(read_yaml(text % conditions, Floor).when) == 2


EXCLUDED_BY_TYPE = [
    ("human", "{fact: person_like_rhythm, above: 0}", True),
    ("human", "{fact: person_like_rhythm, above: -1}", False),
    ("human", "{fact: machine_like_rhythm, above: 0}", False),
    ("human", "{fact: person_like_client, is: false}", False),
    ("agent", "{fact: machine_like_rhythm, above: 0}", True),
    ("agent", "{fact: person_like_rhythm, above: 0}", False),
]


@pytest.mark.parametrize(("kind", "condition", "never"), EXCLUDED_BY_TYPE)
def test_a_feature_that_is_zero_for_an_identity_type_never_exceeds_it(kind: str, condition: str, never: bool) -> None:
    """A floor on people's machine-like timing cannot guard machines."""
    when = f"[{{fact: identity.type, in: [{kind}]}}, {condition}]"
    text = "{id: tried, kind: signal, requires: {aal: 1, max_age_seconds: 60}, sentence: x, references: [], when: %s}"
    if never:
        with pytest.raises(PolicyError, match="its conditions exclude each other"):
            read_yaml(text % when, Floor)
    else:
        assert read_yaml(text % when, Floor).id == "tried"


FULL_EVENT = an_event(
    "agent",
    identity={"role": "clerk", "entitlements_granted": 4, "entitlements_used_90d": 1},
    session={"id": "s", "intent": "[1]"},
    action={"reversible": True, "impact": "low"},
    resource={"id": "r", "type": "t", "sensitivity": "internal", "environment": "production"},
    network={"ip": "203.0.113.7", "asn": 1, "country": "US", "latitude": 1.5, "longitude": 2.5, "reputation": 0.5}
    | {"hosting": True, "anonymizer": False},
    device={"id": "d", "managed": True, "compliant": True, "user_agent": "curl/8"},
    authentication={"acr": "a", "aal": 2},
    credential={"id": "c", "kind": "jwt_svid", "exposed": False, "privileged": False, "environment": "staging"},
)
FACT_VALUES: dict[str, dict[str, object]] = {
    "text": {"in": ["US"]},
    "flag": {"is": True},
    "number": {"above": 0},
}


@pytest.mark.parametrize("fact", FACTS)
def test_a_condition_that_is_accepted_never_raises(fact: str) -> None:
    """Whatever the fact, and whether a request knows it or not."""
    kind = FACT_TYPES[fact]
    if kind.kind in ("time", "list"):
        return
    test = {"in": [kind.choices[0]]} if kind.choices else FACT_VALUES[kind.kind]
    floor = Floor.model_validate(
        {
            "id": "tried",
            "kind": "action",
            "when": [{"fact": fact} | test],
            "requires": {"aal": 1, "max_age_seconds": 60},
            "sentence": f"It is {{{fact}}}.",
            "references": [],
        }
    )
    policy = POLICY.model_copy(update={"floors": (floor,)})
    for event in (an_event("human"), FULL_EVENT):
        decide_on(event, features=dict.fromkeys(feature_names(), 1.0), policy=policy)
        decide_on(event, features={}, policy=policy)


@pytest.mark.parametrize(
    "role", ["OrganizationAccountAccessRole", " admin ", "ADMIN", "\uff30owerUserAccess", "Adm\u200bin"]
)
def test_a_role_on_the_list_is_privileged_however_it_is_spelt(role: str, tmp_path: Path) -> None:
    """A list with capitals matches its roles, in the file as in the request."""
    roles = "privileged_roles: [OrganizationAccountAccessRole, Admin, PowerUserAccess]"
    text = re.sub(r"^privileged_roles: .*$", roles, BUILT_IN.read_text(), flags=re.MULTILINE)
    (tmp_path / "policy.yaml").write_text(text)
    policy = Policy.load(tmp_path / "policy.yaml")
    statuses = {
        name: {
            floor.id: floor.status
            for floor in decide_on(an_event("human", identity={"role": name}), policy=policy).floors
        }["privileged-credential"]
        for name in (role, "analyst")
    }

    assert statuses == {role: "applied", "analyst": "undecided"}


@pytest.mark.parametrize(("wrong", "line"), [("cache_secnds: 5", 3), ("floors: 7", 3), ("deny_below: {human: 2}", 3)])
def test_an_error_names_file_and_line(wrong: str, line: int, tmp_path: Path) -> None:
    """Editors can jump to it."""
    file = tmp_path / "policy.yaml"
    file.write_text(f"version: 1\n# a comment\n{wrong}\n")

    with pytest.raises(PolicyError, match=rf"policy\.yaml:{line}:\d+: {wrong.partition(':')[0]}"):
        Policy.load(file)


@pytest.mark.parametrize(
    ("kind", "dates", "ruling", "degraded"),
    [
        ("human", {}, "allow", False),
        ("human", {"expires": NOW}, "step_up", True),
        ("workload", {"expires": NOW}, "deny", True),
        ("workload", {"expires": NOW + timedelta(seconds=1)}, "allow", False),
        ("workload", {"effective_from": NOW + timedelta(seconds=1)}, "deny", True),
        ("workload", {"effective_from": NOW}, "allow", False),
    ],
)
def test_a_policy_outside_its_dates_fails_closed(
    kind: str, dates: dict[str, datetime], ruling: str, degraded: bool
) -> None:
    """A person may step up to view something harmless, all else is denied, and the decision says why."""
    decision = decide_on(an_event(kind), policy=POLICY.model_copy(update=dates))

    assert decision.ruling == ruling
    assert (decision.degraded is not None and "the policy" in decision.degraded) is degraded


def test_thresholds_in_shadow_mode_ask_for_nothing() -> None:
    """Those of workloads are only recorded; those of people are enforced."""
    thresholds = {**POLICY.thresholds, "workload": POLICY.thresholds["workload"].model_copy(update={"mode": "shadow"})}
    policy = POLICY.model_copy(update={"thresholds": thresholds})
    decisions = [decide_on(an_event(kind), trust=DOUBTED, policy=policy) for kind in ("workload", "human")]

    assert [(d.ruling, d.model_asks, d.model_would_ask) for d in decisions] == [
        ("allow", "allow", "step_up"),
        ("step_up", "step_up", None),
    ]


def test_the_shipped_policy_has_nineteen_floors() -> None:
    """Eight guard actions, eleven respond to signals."""
    kinds = [floor.kind for floor in Policy.load().floors]

    assert kinds.count("action") == 8
    assert kinds.count("signal") == 11


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """Neither a missing nor a broken file counts as an empty policy."""
    (tmp_path / "broken.yaml").write_text("floors: [")

    for name in ("missing.yaml", "broken.yaml"):
        with pytest.raises(PolicyError, match=name):
            Policy.load(tmp_path / name)


def test_the_policy_page_says_why_a_newer_file_is_refused() -> None:
    """It shows every floor, and escapes what a file may say."""
    html = policy_page(POLICY, [RefusedFile("next.yaml", "next.yaml:3: <script> is no key", NOW)], ())

    assert "&lt;script&gt; is no key" in html
    assert "<script>" not in html
    assert [floor.id for floor in POLICY.floors if floor.id not in html] == []


@pytest.mark.parametrize(
    ("role", "privileged"),
    [
        ("SuperAdmin", True),
        ("superadmin", True),
        ("cluster-admin", True),
        ("Global Administrator", True),
        ("CORP\\Administrators", True),
        ("DOMAIN\\Domain Admins", True),
        ("arn:aws:iam::aws:policy/AdministratorAccess", True),
        ("arn:aws:iam::123456789012:role/Admin", True),
        ("arn:aws:iam::123456789012:role/team/OrganizationAccountAccessRole", True),
        ("arn:aws:iam::123456789012:root", True),
        ("roles/owner", True),
        ("roles/iam.securityAdmin", True),
        ("system:masters", True),
        ("\u0430dmin", True),
        ("\uff21dmin", True),
        ("super_u\u0455er", True),
        ("badminton", False),
        ("product owner", False),
        ("administrative clerk", False),
        ("root cause analyst", False),
        ("minister", False),
        ("analyst", False),
        ("arn:aws:iam::123456789012:role/reader", False),
    ],
)
def test_names_of_administrators_are_privileged_by_their_words(role: str, privileged: bool) -> None:
    """Words and last parts of names, not parts of words."""
    assert POLICY.is_privileged_role(role) is privileged
