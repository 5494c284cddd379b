"""The attacker's aim: a privileged action passes as a harmless one, since a gateway maps it wrongly or not at all.

Defends against honest callers that are incomplete or wrong; the subject chooses what it attempts.
"""

from __future__ import annotations

from typing import Any

import pytest
from support.live_server import Server, an_event
from support.step_ups import OTHER_NETWORK, moved_session, report_completed

STRICTNESS = {"allow": 0, "step_up": 1, "deny": 2}
TRICKS: dict[str, dict[str, Any]] = {
    "declared as a read": {"category": "read"},
    "declared as a listing": {"category": "list"},
    "declared as a sign-in": {"category": "authenticate", "outcome": "success"},
    "declared as a plain write": {"category": "write"},
    "without a category": {"category": None},
    "in another letter case": {"name": "IAM:CREATEACCESSKEY", "category": "read"},
    "with the service's host": {"name": "iam.amazonaws.com:CreateAccessKey", "category": "read"},
    "in wide letters": {"name": "\uff49\uff41\uff4d:CreateAccessKey", "category": "read"},
    "with spaces around": {"name": "  iam:CreateAccessKey ", "category": "read"},
    "by its words": {"name": "create_access_key", "category": "read"},
    "with a view behind it": {"name": "iam:CreateAccessKey#view", "category": "read"},
    "as a command that shows its result": {"name": "aws iam create-access-key --query AccessKey", "category": "read"},
    "with a view in the path's query": {"name": "POST /api/keys?scopes=read", "category": "read"},
    "with invisible characters": {"name": "create_acc\u200bess_k\u200bey", "category": "read"},
    "said to be harmless": {"category": "read", "impact": "low", "reversible": True},
    "as another privileged category": {"category": "export"},
}


def ruling_of(server: Server, identity: str, action: dict[str, Any]) -> dict[str, Any]:
    """The decision on an action of an identity that is known for reading."""
    for _ in range(3):
        server.score(an_event(identity, action={"name": "files:Get", "category": "read"}))
    return server.score(an_event(identity, action={"name": "iam:CreateAccessKey"} | action))


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_is_answered_less_strictly_than_the_plain_attack(small: Server, trick: str) -> None:
    """The floor of the action's own category applies, whatever the request says."""
    plain = ruling_of(small, f"plain {trick}", {"category": "rotate_secret"})
    tried = ruling_of(small, f"tried {trick}", TRICKS[trick])

    assert STRICTNESS[tried["ruling"]] >= STRICTNESS[plain["ruling"]] >= 1
    assert "rotate-secret" in {floor["id"] for floor in tried["floors"] if floor["status"] == "applied"}
    assert tried["action"]["derived"] == "rotate_secret"


def test_an_understated_action_is_a_finding_on_the_callers_key(small: Server) -> None:
    """It is in the answer, in the log, and says what to correct."""
    decision = ruling_of(small, "misread", {"category": "read"})
    kinds = {finding["kind"]: finding for finding in decision["findings"]}

    assert kinds["understated_action"]["subject"].startswith("key ")
    assert "was declared as read; AWS's own table says rotate_secret" in kinds["understated_action"]["sentence"]


def test_an_honest_declaration_is_no_finding(small: Server) -> None:
    """Nor is one that is stricter than the name."""
    for category in ("rotate_secret", "manage_access"):
        decision = ruling_of(small, f"honest {category}", {"category": category})

        assert [finding["kind"] for finding in decision["findings"]] == []


@pytest.mark.parametrize("name", ["iam:ListAccessKeys", "iam:GetPolicy", "secretsmanager:ListSecrets"])
def test_what_only_looks_privileged_is_not_asked_for(small: Server, name: str) -> None:
    """Viewing keys and policies stays viewing."""
    decision = ruling_of(small, f"viewer of {name}", {"name": name, "category": "read"})

    assert decision["ruling"] == "allow"
    assert [floor["id"] for floor in decision["floors"] if floor["status"] == "applied"] == []


def test_a_proof_for_a_read_does_not_cover_a_key_declared_as_a_read(small: Server) -> None:
    """A step-up is for the category that counts, so a read that was proven makes no key."""
    _, challenge = moved_session(small, "prover")
    report_completed(small, challenge, "prover")
    reading = small.score(an_event("prover", network=OTHER_NETWORK))
    action = {"name": "iam:CreateAccessKey", "category": reading["action"]["category"]}
    misnamed = small.score(an_event("prover", network=OTHER_NETWORK, action=action))

    assert (reading["ruling"], misnamed["ruling"]) == ("allow", "step_up")


WITHOUT_WORDS = {
    "4720": "manage-access",
    "EventID 1102": "change-security-setting",
    "benutzer_anlegen": "manage-access",
    "cr\u00e9er_cl\u00e9": "rotate-secret",
    "\u521b\u5efa\u7528\u6237": "manage-access",
    "\u0441reate_access_key": "rotate-secret",
    "LoginAs": "manage-access",
    "DCSync": "manage-access",
    "iam.serviceAccounts.signJwt": "manage-access",
    "Microsoft.Storage/storageAccounts/listKeys/action": "manage-access",
    "GRANT ALL ON accounts TO mallory": "manage-access",
    "useradd -o -u 0 backdoor": "manage-access",
    "GET /users/7/%64elete-mfa": "change-security-setting",
}
"""Names that the words of an English API do not give away, with the floor that each meets."""


@pytest.mark.parametrize("category", ["read", None])
@pytest.mark.parametrize(("name", "floor"), WITHOUT_WORDS.items())
def test_a_name_without_plain_words_meets_its_floor(small: Server, name: str, floor: str, category: str | None) -> None:
    """Numbers of Windows, other languages, lookalike letters, statements, and vendors' ways to hand out a secret."""
    decision = ruling_of(small, f"plain {name} {category}", {"name": name, "category": category})

    assert STRICTNESS[decision["ruling"]] >= 1
    assert floor in {each["id"] for each in decision["floors"] if each["status"] == "applied"}


def test_a_name_that_nobody_knows_is_no_read(small: Server) -> None:
    """Whatever is declared; what is wrong with it cannot be said, so it is no finding."""
    decision = ruling_of(small, "unknown", {"name": "frobnicate", "category": "read"})

    assert decision["action"] == {
        "category": "write",
        "declared": "read",
        "derived": "write",
        "derived_from": "nothing",
    }
    assert (decision["cache_seconds"], decision["findings"]) == (0, [])
