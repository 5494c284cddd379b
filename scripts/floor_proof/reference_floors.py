"""The floors once more, written from the policy file's text alone; nothing here is imported from `serving`."""

import json
import math
from typing import Any, get_args

from features.event.schema import Category
from scripts.floor_proof.random_requests import NOW, Request

Text = dict[str, Any]
RELAYED = {"face", "fpt", "iris", "mca", "mfa", "otp", "retina", "sms", "swk", "tel", "vbm"}
NOT_RELAYED = {"hwk", "pop", "sc", "wia"}
MACHINES = ("attestation", "jit_credential", "refresh", "intent", "owner_approval")
ENDS_IN = {"attest_workload_identity": "attestation", "refresh_token": "refresh", "intent_authorization": "intent"}
MEMBERS = {"type", "actions", "locations", "datatypes", "identifier", "privileges"}


def statuses(policy: Text, asked: Request) -> dict[str, str]:
    """Each floor that has something to say: applied, satisfied or undecided."""
    found = {}
    for floor in policy["floors"]:
        answers = [holds(policy, asked, condition) for condition in floor["when"]]
        unsure = floor.get("unknown") or {"action": "applied", "signal": "undecided"}[floor["kind"]]
        proven = any(good_enough(policy, asked, floor["requires"], proof) for proof in asked.proofs)
        if "no" not in answers:
            undecided = "unknown" in answers and unsure == "undecided"
            found[floor["id"]] = "undecided" if undecided else "satisfied" if proven else "applied"
    return found


def ruling_floor(policy: Text, said: dict[str, str]) -> bool:
    """Whether some floor in force demands a proof that is not there."""
    return any(said.get(floor["id"]) == "applied" for floor in policy["floors"] if floor.get("mode") != "shadow")


def holds(policy: Text, asked: Request, condition: Text) -> str:
    """yes, no or unknown."""
    if (value := fact(policy, asked, condition["fact"])) is None:
        return "unknown"
    if "above" in condition:
        return "yes" if value > condition["above"] else "no"
    return "yes" if (value in condition["in"] if "in" in condition else bool(value) == condition["is"]) else "no"


def fact(policy: Text, asked: Request, name: str) -> Any:
    """What a condition asks for, None where it is unknown."""
    event = asked.event
    if name in asked.features:
        return None if math.isnan(asked.features[name]) else asked.features[name]
    if name == "outside_intent":
        return outside_intent(policy, asked)
    if name == "bad_network":
        anonymizer, reputation = event["network"]["anonymizer"], event["network"]["reputation"]
        bad = anonymizer or (reputation is not None and reputation >= policy["bad_reputation"])
        return True if bad else None if anonymizer is None and reputation is None else False
    if name == "credential.privileged" and (event["identity"]["role"] or "").lower() in policy["privileged_roles"]:
        return True
    group, field = name.split(".")
    return "write" if event[group][field] is None and name == "action.category" else event[group][field]


def good_enough(policy: Text, asked: Request, requires: Text, proof: Text) -> bool:
    """Whether a proof is of a kind that counts, fresh, strong, for this and from here."""
    if (remedy := remedy_of(policy, asked, requires, proof["kind"])) is None:
        return False
    longest, ends = remedy.get("max_age_seconds") or requires["max_age_seconds"], proof["expires_at"]
    fresh = -policy["clock_tolerance_seconds"] <= (NOW - proof["made_at"]).total_seconds() <= longest
    fresh = fresh and (ends > NOW if ends is not None else "ttl_seconds" not in remedy)
    if "ttl_seconds" in remedy and fresh:
        fresh = (ends - proof["made_at"]).total_seconds() <= remedy["ttl_seconds"]
    strong = asked.event["identity"]["type"] != "human" or strong_enough(policy, asked, requires, proof)
    return fresh and strong and for_this(policy, asked, proof) and from_here(asked, proof)


def remedy_of(policy: Text, asked: Request, requires: Text, kind: str) -> Text | None:
    """The remedy of this kind of identity that ends in this kind of proof, if it counts here."""
    who = asked.event["identity"]["type"]
    named = {ENDS_IN.get(each["type"], each["type"]): each for each in policy["remedies"][who]}
    remedy = named.get("interactive_mfa" if kind == "authentication" else kind)
    if remedy is None or (remedy.get("when_doubted") is False and doubted(policy, asked)):
        return None
    if asked.event["action"]["reversible"] is False and who in policy["irreversible_needs"]:
        return remedy if remedy["type"] in policy["irreversible_needs"][who] else None
    return remedy if who == "human" or kind in requires.get("accepts", MACHINES) else None


def doubted(policy: Text, asked: Request) -> bool:
    """Whether a thief may hold the session: trust below a threshold in force or unknown, or a leaked credential."""
    needed, who = asked.threshold, asked.event["identity"]["type"]
    watched = "shadow" in (policy["threshold_mode"], policy["thresholds"][who].get("mode"))
    below = needed is None or not math.isfinite(needed) or trust_of(asked) < needed
    return (below and not watched) or asked.features["credential_exposed"] == 1.0


def trust_of(asked: Request) -> float:
    """Trust from log-odds of compromise, none where the model said nothing that means something."""
    odds = math.nan if asked.log_odds is None else asked.log_odds
    return 1 / (1 + math.exp(odds)) if math.isfinite(odds) and all(0 <= h < 1 for h in asked.hazards) else 0.0


def strong_enough(policy: Text, asked: Request, requires: Text, proof: Text) -> bool:
    """A person's proof: its level by factors, acr and aal, and whether it can be relayed."""
    factors, worth = set(proof["amr"]), policy["acr_levels"].get(proof["acr"])
    shown = 3 if factors & NOT_RELAYED else 2 if factors & RELAYED else 1 if factors - {"rba"} else 0
    said = [proof["aal"], worth["aal"] if worth else None, shown if factors else None]
    resists = bool(factors & NOT_RELAYED) if factors else bool(worth and worth.get("phishing_resistant"))
    sensitive = asked.event["resource"]["sensitivity"] in policy["phishing_resistant_sensitivities"]
    must = requires.get("phishing_resistant") or sensitive or trust_of(asked) < policy["phishing_resistant_below"]
    return min((each for each in said if each is not None), default=0) >= requires["aal"] and (resists or not must)


def for_this(policy: Text, asked: Request, proof: Text) -> bool:
    """Within what it was given for: by the step-up, by the credential's scope, by the authorised task."""
    action, resource = asked.event["action"]["category"], asked.event["resource"]
    category, about = proof["scope"] or (action, None)
    within, kind = category == action and about in (None, resource["type"]), resource["type"]
    good = ["*", *([kind] if kind else []), *([f"{kind}/{resource['id']}"] if kind and resource["id"] else [])]
    if proof["kind"] == "jit_credential":
        return within and bool({f"{action or 'write'}:{what}" for what in good} & set(proof["granted"]))
    return within and (proof["kind"] != "intent" or any(authorises(policy, asked, each) for each in proof["task"]))


def outside_intent(policy: Text, asked: Request) -> bool | None:
    """Whether the declared task leaves the request out; None where it is told in no authorization details."""
    try:
        task = json.loads(asked.event["session"]["intent"] or "")
    except ValueError:
        return None
    sound = all(isinstance(each, dict) and isinstance(each.get("type"), str) for each in task)
    return not (sound and any(authorises(policy, asked, each) for each in task)) if isinstance(task, list) else None


def authorises(policy: Text, asked: Request, detail: Text) -> bool:
    """Whether every member of an authorization detail covers the request, and one of them names the resource."""
    resource, role = asked.event["resource"], asked.event["identity"]["role"]
    names = {asked.event["action"]["category"] or "write"} | ({asked.event["action"]["name"]} - set(get_args(Category)))
    known = not set(detail) - MEMBERS and detail["type"] in policy["intent_types"]
    members = ("locations", resource["id"]), ("datatypes", resource["type"]), ("privileges", role)
    fits = all(value in detail[member] for member, value in members if detail.get(member))
    named = any(detail.get(each) for each in ("locations", "datatypes", "identifier"))
    itself = detail.get("identifier") in (None, resource["id"]) and (named or not (resource["id"] or resource["type"]))
    return known and fits and itself and bool(names & set(detail.get("actions", ())))


def from_here(asked: Request, proof: Text) -> bool:
    """Not from another network or device, as far as either is known."""
    if proof["source"] == "claim":
        return 1.0 not in (asked.features[f"{what}_changed_in_session"] for what in ("asn", "device", "agent"))
    pairs = (proof["network_asn"], asked.event["network"]["asn"]), (proof["device_id"], asked.event["device"]["id"])
    return all(then is None or now is None or then == now for then, now in pairs)
