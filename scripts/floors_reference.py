"""The floors once more: written from the policy file's text alone, in another way than the service's.

Nothing here is imported from `serving`, and nothing there reads this: what both say of many requests is the policy.
"""

from __future__ import annotations

import math
from typing import Any

from scripts.requests_at_random import NOW, Request

Text = dict[str, Any]

RELAYED = {"face", "fpt", "iris", "mca", "mfa", "otp", "retina", "sms", "swk", "tel", "vbm"}
NOT_RELAYED = {"hwk", "pop", "sc", "wia"}
MACHINES = ("attestation", "jit_credential", "refresh", "intent", "owner_approval")
ENDS_IN = {
    "interactive_mfa": "authentication",
    "attest_workload_identity": "attestation",
    "refresh_token": "refresh",
    "intent_authorization": "intent",
}
"""Where the proof is not named like the remedy."""


def statuses(policy: Text, asked: Request) -> dict[str, str]:
    """Each floor that has something to say: applied, satisfied or undecided."""
    found = {}
    for floor in policy["floors"]:
        answers = [holds(policy, asked, condition) for condition in floor["when"]]
        if "no" in answers:
            continue
        unsure = floor.get("unknown") or {"action": "applied", "signal": "undecided"}[floor["kind"]]
        if "unknown" in answers and unsure == "undecided":
            found[floor["id"]] = "undecided"
        elif any(good_enough(policy, asked, floor["requires"], proof) for proof in asked.proofs):
            found[floor["id"]] = "satisfied"
        else:
            found[floor["id"]] = "applied"
    return found


def ruling_floor(policy: Text, said: dict[str, str]) -> bool:
    """Whether some floor in force demands a proof that is not there."""
    return any(said.get(floor["id"]) == "applied" for floor in policy["floors"] if floor.get("mode") != "shadow")


def holds(policy: Text, asked: Request, condition: Text) -> str:
    """yes, no or unknown."""
    value = fact(policy, asked, condition["fact"])
    if value is None:
        return "unknown"
    if "in" in condition:
        return "yes" if value in condition["in"] else "no"
    if "is" in condition:
        return "yes" if bool(value) == condition["is"] else "no"
    return "yes" if value > condition["above"] else "no"


def fact(policy: Text, asked: Request, name: str) -> Any:
    """What a condition asks for, None where it is unknown."""
    if name in asked.features:
        value = asked.features[name]
        return value if value == value else None  # noqa: PLR0124  (nothing but NaN differs from itself)
    event = asked.event
    if name == "bad_network":
        anonymizer, reputation = event["network"]["anonymizer"], event["network"]["reputation"]
        if anonymizer or (reputation is not None and reputation >= policy["bad_reputation"]):
            return True
        return None if anonymizer is None and reputation is None else False
    if name == "credential.privileged" and (event["identity"]["role"] or "").lower() in policy["privileged_roles"]:
        return True
    group, field = name.split(".")
    value = event[group][field]
    return "write" if value is None and name == "action.category" else value


def good_enough(policy: Text, asked: Request, requires: Text, proof: Text) -> bool:
    """Whether a proof is of a kind that counts, fresh, strong, for this and from here."""
    if not (remedy := remedy_of(policy, asked, requires, proof["kind"])):
        return False
    longest = remedy.get("max_age_seconds") or requires["max_age_seconds"]
    age = (NOW - proof["made_at"]).total_seconds()
    ends = proof["expires_at"]
    fresh = -policy["clock_tolerance_seconds"] <= age <= longest and (ends is None or ends > NOW)
    if "ttl_seconds" in remedy:
        fresh = fresh and ends is not None and (ends - proof["made_at"]).total_seconds() <= remedy["ttl_seconds"]
    strong = asked.event["identity"]["type"] != "human" or strong_enough(policy, asked, requires, proof)
    return fresh and strong and for_this(asked, proof) and from_here(asked, proof)


def remedy_of(policy: Text, asked: Request, requires: Text, kind: str) -> Text | None:
    """The remedy of this kind of identity that ends in this kind of proof, if it counts here."""
    who = asked.event["identity"]["type"]
    for remedy in policy["remedies"][who]:
        if ENDS_IN.get(remedy["type"], remedy["type"]) != kind:
            continue
        if remedy.get("when_doubted") is False and doubted(policy, asked):
            return None
        if asked.event["action"]["reversible"] is False and who in policy["irreversible_needs"]:
            return remedy if remedy["type"] in policy["irreversible_needs"][who] else None
        return remedy if who == "human" or kind in requires.get("accepts", MACHINES) else None
    return None


def doubted(policy: Text, asked: Request) -> bool:
    """Whether a thief may hold the session: trust below a threshold in force or unknown, or a leaked credential."""
    needed, who = asked.threshold, asked.event["identity"]["type"]
    watched = "shadow" in (policy["threshold_mode"], policy["thresholds"][who].get("mode"))
    below = needed is None or not math.isfinite(needed) or (trust_of(asked) or 0.0) < needed
    return (below and not watched) or asked.features["credential_exposed"] == 1.0


def trust_of(asked: Request) -> float | None:
    """Trust from log-odds of compromise, None where the model said nothing that means something."""
    sound = asked.log_odds is not None and math.isfinite(asked.log_odds) and all(0 <= h < 1 for h in asked.hazards)
    return 1 / (1 + math.exp(asked.log_odds)) if sound and asked.log_odds is not None else None


def strong_enough(policy: Text, asked: Request, requires: Text, proof: Text) -> bool:
    """A person's proof: its level by factors, acr and aal, and whether it can be relayed."""
    factors, worth = set(proof["amr"]), policy["acr_levels"].get(proof["acr"])
    said = [proof["aal"]] if proof["aal"] is not None else []
    if worth:
        said.append(worth["aal"])
    if factors:
        said.append(3 if factors & NOT_RELAYED else 2 if factors & RELAYED else 1 if factors - {"rba"} else 0)
    resists = bool(factors & NOT_RELAYED) if factors else bool(worth and worth.get("phishing_resistant"))
    must = (
        requires.get("phishing_resistant", False)
        or asked.event["resource"]["sensitivity"] in policy["phishing_resistant_sensitivities"]
        or (trust_of(asked) or 0.0) < policy["phishing_resistant_below"]
    )
    return min(said, default=0) >= requires["aal"] and (resists or not must)


def for_this(asked: Request, proof: Text) -> bool:
    """Within what it was given for."""
    category, kind = proof["scope"] or (asked.event["action"]["category"], None)
    return category == asked.event["action"]["category"] and kind in (None, asked.event["resource"]["type"])


def from_here(asked: Request, proof: Text) -> bool:
    """Not from another network or device, as far as either is known."""
    if proof["source"] == "claim":
        return 1.0 not in (asked.features[f"{what}_changed_in_session"] for what in ("asn", "device", "agent"))
    pairs = (proof["network_asn"], asked.event["network"]["asn"]), (proof["device_id"], asked.event["device"]["id"])
    return all(then is None or now is None or then == now for then, now in pairs)
