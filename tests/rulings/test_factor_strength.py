"""What acr and amr values are worth, under the RFC and under every identity provider; a challenge asks for no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.decisions import DOUBTED, NOW, POLICY, TRUSTED, ago, an_event, decide_on

from features.event.authentication_methods import RFC_8176, level_of, resists_phishing
from features.event.row_fields import strength_of
from features.event.schema import Event
from features.model.trust_curve import TrustCurve
from serving.decision.inputs import Proof, Scope, SessionState
from serving.decision.proofs import claimed_proofs
from serving.policy.assurance import ProviderName, Unmapped, assurance_map, identity_providers
from serving.policy.schema import Policy

PROVIDERS: tuple[ProviderName, ...] = get_args(ProviderName)
KNOWLEDGE, INHERENCE = {"pwd", "pin", "wia"}, {"face", "fpt", "iris", "retina", "vbm"}
POSSESSION = {"otp", "sms", "tel", "swk", "pop", "hwk", "sc"}
KINDS = (KNOWLEDGE, POSSESSION, INHERENCE)


def policy_of(provider: ProviderName | None, **changes: Any) -> Policy:
    """The built-in policy for an identity provider, without our own acr values."""
    return POLICY.model_copy(update={"identity_provider": provider, "acr_levels": {}} | changes)


@pytest.mark.parametrize("value", sorted(KNOWLEDGE | POSSESSION | INHERENCE))
def test_one_factor_is_aal1(value: str) -> None:
    """Whatever it is, and however often it is listed."""
    assert level_of([value]) == level_of([value, value, "rba", "user", "geo"]) == 1


@pytest.mark.parametrize("pair", list(combinations(sorted(KNOWLEDGE | POSSESSION | INHERENCE), 2)), ids="-".join)
def test_two_factors_are_aal2_if_they_are_of_two_kinds(pair: tuple[str, str]) -> None:
    """A password and a PIN are both knowledge; AAL3 needs a key in hardware beside another kind of factor."""
    several = not any(set(pair) <= kind for kind in KINDS)
    expected = 1 if not several else 3 if {"hwk", "sc"} & set(pair) else 2

    assert level_of(pair) == expected


@pytest.mark.parametrize("value", ["rba", "geo", "user", "kba", "mca"])
def test_what_is_no_factor_adds_nothing(value: str) -> None:
    """Alone it proves nothing, and beside a factor it does not make a second one."""
    assert level_of([value]) == 0
    assert level_of([value, "otp"]) == 1


def test_the_table_holds_every_value_of_the_rfc() -> None:
    """And mfa stands for several factors that it does not name."""
    assert len(RFC_8176) == 21
    assert level_of(["mfa"]) == 2
    assert {value for value in RFC_8176 if resists_phishing([value])} == {"hwk", "pop", "sc"}


def test_the_models_scale_is_another_one() -> None:
    """Models were trained on it: a one-time code counts as strong there."""
    assert strength_of("otp") == 2.0


CLAIMS: list[tuple[str, dict[str, Any], int, bool]] = [
    ("an unknown value beside a mapped acr", {"amr": ("fido", "mfa"), "acr": "urn:session-trust:aal3"}, 3, True),
    ("an unknown value alone", {"amr": ("fido",)}, 0, False),
    ("an unknown value does not count as a second factor", {"amr": ("pwd", "fido")}, 1, False),
    ("an unknown acr does not count", {"amr": ("pwd", "otp"), "acr": "urn:of:somebody"}, 2, False),
    ("mfa leaves open which factors", {"amr": ("pwd", "mfa"), "acr": "urn:session-trust:aal3"}, 3, True),
    ("named factors limit the acr", {"amr": ("pwd", "otp"), "acr": "urn:session-trust:aal3"}, 2, False),
    ("one factor limits the acr", {"amr": ("hwk",), "acr": "urn:session-trust:aal3"}, 1, True),
    ("the acr limits the factors", {"amr": ("pwd", "hwk"), "acr": "urn:session-trust:aal1"}, 1, True),
    ("the aal limits both", {"amr": ("pwd", "hwk"), "acr": "urn:session-trust:aal3", "aal": 1}, 1, True),
    ("no factor limits the acr", {"amr": ("rba",), "acr": "urn:session-trust:aal3"}, 0, False),
    ("nothing is worth nothing", {"amr": ()}, 0, False),
]


@pytest.mark.parametrize(
    ("claim", "level", "resistant"), [case[1:] for case in CLAIMS], ids=[case[0] for case in CLAIMS]
)
def test_a_claim_is_worth_the_least_of_what_is_known(claim: dict[str, Any], level: int, resistant: bool) -> None:
    """A value that nobody maps says nothing, either way."""
    assurance = POLICY.assurance.assess(claim.get("acr"), claim["amr"], claim.get("aal"))

    assert (assurance.level, assurance.phishing_resistant) == (level, resistant)


@pytest.mark.parametrize("lists", ["last", "some"])
def test_only_a_list_of_all_factors_limits_an_acr(lists: str) -> None:
    """Where amr names the last factor only, the acr says what the sign-in as a whole was worth."""
    levels = {"loa2": POLICY.acr_levels["urn:session-trust:aal2"]}
    worth = [assurance_map(None, each, levels, {}).assess("loa2", ("otp",)).level for each in (None, lists)]  # type: ignore[arg-type]

    assert worth == [1, 2]


def test_a_value_that_counts_for_nothing_is_named() -> None:
    """In the sentence that says why, with the setting that would map it."""
    claim = {"time": ago(60), "amr": ["pwd", "fido"], "acr": "urn:of:somebody"}
    event = an_event(category="manage_access", authentication=claim)
    answer = decide_on(event, proofs=claimed_proofs(event)).wire()
    expected = (
        "The sign-in of 08:59:00 UTC does not count: it proves AAL1, and AAL2 is needed: two kinds of factor, or mfa; "
        "its amr value 'fido' is not known: map it in the policy under amr_values; its acr value 'urn:of:somebody' is "
        "not known: map it in the policy under acr_levels."
    )

    assert answer["refused_proofs"] == [expected]
    assert answer["floors"][0]["sentence"].endswith(expected)
    assert POLICY.assurance.assess("a", ("b", "pwd", "b")).unmapped == (Unmapped("amr", "b"), Unmapped("acr", "a"))


def test_a_policy_can_map_a_value_itself() -> None:
    """Beside its template, or instead of what the template or the RFC says."""
    fido = {"fido": {"factors": ["possession", "inherence"], "phishing_resistant": True}}
    mapped = Policy.model_validate(POLICY.model_dump(by_alias=True) | {"amr_values": fido | {"otp": {}}})

    assert POLICY.assurance.assess(None, ("fido",)).level == 0
    assert mapped.assurance.assess(None, ("fido",)).level == 2
    assert mapped.assurance.assess(None, ("pwd", "otp")).level == 1


# Identity providers


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_template_names_its_sources(provider: ProviderName) -> None:
    """Pages of the vendor, and what a deployment has to map itself."""
    template = identity_providers()[provider]

    assert all(source.startswith("https://") for source in template.sources)
    assert template.not_listed


PROVIDER_CLAIMS: list[tuple[ProviderName, str | None, tuple[str, ...], int, bool]] = [
    ("okta", "urn:okta:loa:2fa:any", (), 2, False),
    ("okta", "urn:okta:loa:2fa:any:ifpossible", (), 1, False),
    ("okta", "urn:okta:loa:2fa:any", ("pwd",), 1, False),
    ("okta", None, ("pop", "mfa"), 2, True),
    ("okta", None, ("pop",), 1, True),
    ("okta", None, ("pwd", "kba"), 1, False),
    ("entra-id", None, ("pwd", "mfa", "rsa"), 2, False),
    ("entra-id", None, ("ngcmfa",), 2, False),
    ("entra-id", None, ("wiaormfa",), 1, False),
    ("entra-id", "1", ("pwd",), 1, False),
    ("keycloak", "1", (), 1, False),
    ("keycloak", "0", (), 0, False),
    ("auth0", "http://schemas.openid.net/pape/policies/2007/06/multi-factor", (), 2, False),
    ("auth0", None, ("mfa",), 2, False),
    ("ping", "Single_Factor", ("mfa",), 1, False),
    ("ping", None, ("mfa", "mca", "user"), 2, False),
]


@pytest.mark.parametrize(("provider", "acr", "amr", "level", "resistant"), PROVIDER_CLAIMS)
def test_the_claims_of_a_provider(
    provider: ProviderName, acr: str | None, amr: tuple[str, ...], level: int, resistant: bool
) -> None:
    """As its documentation describes them."""
    assurance = policy_of(provider).assurance.assess(acr, amr)

    assert (assurance.level, assurance.phishing_resistant) == (level, resistant)


LOW = TrustCurve(0.2, (0.0,) * 4)
"""A trust at which only phishing-resistant proof counts."""
ASKED = st.sampled_from([("manage_access", TRUSTED), ("export", TRUSTED), ("read", DOUBTED), ("approve_payment", LOW)])


def proofs_asked_for(details: dict[str, Any], event: Event) -> list[Proof]:
    """A proof for every claim that a remedy names."""
    proof = Proof(
        NOW + timedelta(seconds=5),
        "interactive_mfa",
        scope=Scope(event.action.category, event.resource.type),
        decision_id="decision",
        asked_at=NOW,
        source="step_up",
    )
    lists = [*([value] for value in details["amr_values"]), *details["amr_combinations"]]
    return [replace(proof, acr=acr) for acr in details["acr_values"]] + [
        replace(proof, amr=tuple(amr)) for amr in lists
    ]


@settings(max_examples=200, deadline=None)
@given(
    provider=st.sampled_from((None, *PROVIDERS)),
    asked=ASKED,
    sensitivity=st.sampled_from(["internal", "confidential", "restricted"]),
    mapped=st.sampled_from([{}, {"acr_levels": POLICY.acr_levels}]),
)
def test_whatever_a_challenge_offers_is_accepted(
    provider: ProviderName | None, asked: tuple[str, TrustCurve], sensitivity: str, mapped: dict[str, Any]
) -> None:
    """For every identity provider: the claim is made as the remedy names it, and the same request is allowed."""
    policy, (category, trust) = policy_of(provider, **mapped), asked
    event = an_event(category=category, resource={"sensitivity": sensitivity}, session={"id": "s1"})
    decision = decide_on(event, trust=trust, policy=policy, threshold=0.6 if trust is not LOW else 0.3)
    later = NOW + timedelta(seconds=10)
    proofs = [proof for remedy in decision.remedies for proof in proofs_asked_for(remedy.details, event)]
    refused = [
        proof
        for proof in proofs
        if decide_on(
            event,
            trust=trust,
            policy=policy,
            threshold=0.6 if trust is not LOW else 0.3,
            proofs=[proof],
            session=SessionState(challenged_at={"decision": NOW}),
            at=later,
        ).ruling
        != "allow"
    ]

    assert bool(proofs) == (decision.ruling == "step_up")
    assert refused == []
