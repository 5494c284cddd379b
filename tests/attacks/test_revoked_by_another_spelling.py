"""The attacker's aim: a revoked identity or session goes on under another spelling, or without naming its session.

Defends against the subject, who may choose how its id is spelt, and against gateways that lose the session. Case 44.
"""

from __future__ import annotations

import unicodedata
from typing import Literal

import pytest
from support.live_server import Server, an_event, now

SPELLINGS = (
    "\u0410m\u00e9lie@example.com",
    "am\u00e9li\u0435@\u0435xample.com",
    "Amélie@example.com",
    "AMÉLIE@EXAMPLE.COM",
    "\uff21mélie@example.com",
    " Amélie@example.com ",
)


def revoke(server: Server, identity: str, session: str | None = None) -> None:
    assert server.post("/revocations", {"identity": identity, "session": session, "reason": "stolen"})[0] == 200


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_revoked_identity_is_denied(
    small: Server, spelling: str, form: Literal["NFC", "NFD"]
) -> None:
    """Unicode form, letter case, width, spaces and letters that look alike."""
    revoke(small, unicodedata.normalize("NFD", "amélie@example.com"))

    assert small.score(an_event(unicodedata.normalize(form, spelling)))["ruling"] == "deny"


@pytest.mark.parametrize(
    "character",
    ["\u200b", "\u200d", "\ufeff", "\x00", "\n", "\x7f", "\u202e", "\u2028", "\ufe0f", "\u034f", "\u3164", "\u2800"],
)
@pytest.mark.parametrize("group", ["identity", "session"])
def test_an_id_with_a_character_that_cannot_be_seen_is_refused(small: Server, group: str, character: str) -> None:
    """400 with the field's name; it would be a twin of another id."""
    event = an_event("twin")
    event[group] = event[group] | {"id": f"tw{character}in"}
    status, problem = small.post("/score", {"event": event})

    assert status == 400
    assert f"{group}.id" in str(problem)
    assert f"U+{ord(character):04X}" in str(problem)


def test_a_request_without_a_session_of_an_identity_with_a_revoked_one_steps_up(small: Server) -> None:
    """It may be the revoked one; a later proof of who asks ends that. Other sessions go on."""
    small.score(an_event("loser"))
    small.score(an_event("loser", session="s2"))
    revoke(small, "LOSER", "S1")
    named = small.score(an_event("loser", session="s1"))
    other = small.score(an_event("loser", session="s2"))
    event = an_event("loser")
    del event["session"]
    unnamed = small.score(event)
    proven = small.score(event | {"authentication": {"amr": ["pwd", "hwk"], "time": now().isoformat()}})

    assert (named["ruling"], other["ruling"], unnamed["ruling"]) == ("deny", "allow", "step_up")
    assert "a session of this identity is revoked, and the request names none" in unnamed["because"]
    assert "a session of this identity is revoked, and the request names none" not in proven["because"]


def test_a_new_session_of_an_identity_with_a_revoked_one_steps_up(small: Server) -> None:
    """Another session id gains nothing; a later proof of who asks does, and from then on that session goes on."""
    small.score(an_event("renamer", session="s1"))
    revoke(small, "renamer", "s1")
    renamed, again = (small.score(an_event("renamer", session="s9")) for _ in range(2))
    signed_in = {"amr": ["pwd", "hwk"], "time": now().isoformat()}
    proven = small.score(an_event("renamer", session="s8", authentication=signed_in))
    later = small.score(an_event("renamer", session="s8"))

    assert (renamed["ruling"], again["ruling"]) == ("step_up", "step_up")
    assert renamed["because"] == ["a session of this identity is revoked, and this one is new"]
    assert (proven["ruling"], later["ruling"]) == ("allow", "allow")


def test_an_administrator_can_lift_a_revocation(small: Server) -> None:
    """In any spelling; it stays on record, and there is nothing to lift twice."""
    revoke(small, "pardoned")
    before = small.score(an_event("pardoned"))["ruling"]
    body = {"identity": "Pardoned", "reason": "it was a drill"}
    lifted, again = small.post("/revocations/lift", body), small.post("/revocations/lift", body)

    assert (before, small.score(an_event("pardoned"))["ruling"]) == ("deny", "allow")
    assert (lifted[0], again[0]) == (200, 404)


def test_only_an_administrator_lifts(small: Server) -> None:
    """An investigator may revoke and not lift."""
    revoke(small, "kept")
    body = {"identity": "kept", "reason": "please"}

    assert small.post("/revocations/lift", body, key=small.key("investigate"))[0] == 403


def test_a_sign_in_that_a_new_session_claims_to_have_made_gains_nothing(small: Server) -> None:
    """Its outcome is what the caller says, and was not proven: the session stays new."""
    small.score(an_event("claimant", session="s1"))
    revoke(small, "claimant", "s1")
    sign_in = an_event("claimant", session="s9") | {
        "action": {"name": "idp:SignIn", "category": "authenticate", "outcome": "success"}
    }
    claimed, after = small.score(sign_in), small.score(an_event("claimant", session="s9"))

    assert (claimed["ruling"], after["ruling"]) == ("step_up", "step_up")
