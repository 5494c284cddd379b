"""A second, independent evaluation of floors, from the text of a policy file; nothing is imported from `serving`."""

import json
import math
from functools import cache
from pathlib import Path
from typing import Any, get_args

import yaml

from features.event.schema import Category
from scripts.floor_proof.random_requests import NOW, Request
from scripts.floor_proof.reference_places import counts_at
from scripts.floor_proof.reference_readings import is_privileged, reference_readings, spelling
from scripts.floor_proof.reference_trust import counted_trust, stated_trust

Text = dict[str, Any]
PROVIDERS = Path(__file__).parents[2] / "serving/policy/identity_providers.yaml"
KNOWLEDGE, INHERENCE = {"pwd", "pin", "wia"}, {"face", "fpt", "iris", "retina", "vbm"}
POSSESSION = {"otp", "sms", "tel", "swk", "pop", "hwk", "sc"}
NO_FACTOR = {"kba", "mca", "geo", "user", "rba"}
MACHINES = ("attest_workload_identity", "jit_credential", "refresh_token", "intent_authorization", "owner_approval")
OLD_NAMES = {
    "authentication": "interactive_mfa",
    "attestation": "attest_workload_identity",
    "refresh": "refresh_token",
    "intent": "intent_authorization",
}
MEMBERS = {"type", "actions", "locations", "datatypes", "identifier", "privileges"}


def reference_statuses(policy: Text, request: Request) -> dict[str, str]:
    """The status of each relevant floor: applied, satisfied or undecided."""
    statuses = {}
    first, readings = reference_readings(policy, request)
    for floor in policy["floors"]:
        proven = any(satisfies(policy, first, floor["requires"], proof) for proof in request.proofs)
        when_unknown = floor.get("unknown") or {"action": "applied", "signal": "undecided"}[floor["kind"]]
        found = set()
        for reading, only in readings:
            answers = [holds(policy, reading, condition) for condition in floor["when"]]
            if "no" not in answers and (only is None or floor["id"] in only):
                undecided = "unknown" in answers and when_unknown == "undecided"
                found.add("undecided" if undecided else "satisfied" if proven else "applied")
        if found:
            statuses[floor["id"]] = "undecided" if found == {"undecided"} else min(found - {"undecided"})
    return statuses


def demands_proof(policy: Text, statuses: dict[str, str]) -> bool:
    """Whether an enforced floor demands a proof that is missing."""
    return any(statuses.get(floor["id"]) == "applied" for floor in policy["floors"] if floor.get("mode") != "shadow")


def holds(policy: Text, request: Request, condition: Text) -> str:
    """Whether a condition holds: yes, no or unknown."""
    if (value := fact(policy, request, condition["fact"])) is None:
        return "unknown"
    if "above" in condition:
        return "yes" if value > condition["above"] else "no"
    if condition["fact"] == "identity.role":
        return "yes" if spelling(value) in {spelling(role) for role in condition["in"]} else "no"
    return "yes" if (value in condition["in"] if "in" in condition else bool(value) == condition["is"]) else "no"


def fact(policy: Text, request: Request, name: str) -> Any:
    """The value of a fact; None when it is unknown."""
    event = request.event
    if name in request.features:
        return None if math.isnan(request.features[name]) else request.features[name]
    if name == "failed_step_ups":
        return request.failed_step_ups
    if name == "outside_intent":
        return outside_intent(policy, request)
    if name == "bad_network":
        anonymizer, reputation = event["network"]["anonymizer"], event["network"]["reputation"]
        bad = anonymizer or (reputation is not None and reputation >= policy["bad_reputation"])
        return True if bad else None if anonymizer is None and reputation is None else False
    if name == "credential.privileged" and is_privileged(policy, event["identity"]["role"]):
        return True
    group, field = name.split(".")
    return event[group][field]


def satisfies(policy: Text, request: Request, requires: Text, proof: Text) -> bool:
    """Whether a proof is of an accepted kind, fresh, strong, in scope, and of this network and device."""
    if (remedy := remedy_of(policy, request, requires, named(proof["kind"]))) is None:
        return False
    longest, expires_at = remedy.get("max_age_seconds") or requires["max_age_seconds"], proof["expires_at"]
    fresh = -policy["clock_tolerance_seconds"] <= (NOW - proof["made_at"]).total_seconds() <= longest
    fresh = fresh and (expires_at > NOW if expires_at is not None else "ttl_seconds" not in remedy)
    if "ttl_seconds" in remedy and fresh:
        fresh = (expires_at - proof["made_at"]).total_seconds() <= remedy["ttl_seconds"]
    strong = request.event["identity"]["type"] != "human" or strong_enough(policy, request, requires, proof)
    return fresh and strong and in_scope(policy, request, proof) and counts_at(request, proof)


def remedy_of(policy: Text, request: Request, requires: Text, kind: str) -> Text | None:
    """The remedy of this identity type that produces this kind of proof, if it counts for the request."""
    identity_type = request.event["identity"]["type"]
    remedy = next((each for each in policy["remedies"][identity_type] if each["type"] == kind), None)
    if remedy is None or (remedy.get("when_doubted") is False and doubted(policy, request)):
        return None
    if request.event["action"]["reversible"] is False and identity_type in policy["irreversible_needs"]:
        return remedy if remedy["type"] in policy["irreversible_needs"][identity_type] else None
    return remedy if identity_type == "human" or kind in map(named, requires.get("accepts", MACHINES)) else None


def named(kind: str) -> str:
    """The present name of a kind of proof."""
    return OLD_NAMES.get(kind, kind)


def doubted(policy: Text, request: Request) -> bool:
    """Whether an attacker may hold the session: trust below an enforced or unknown threshold, an exposed credential."""
    needed, identity_type = request.threshold, request.event["identity"]["type"]
    shadow = "shadow" in (policy["threshold_mode"], policy["thresholds"][identity_type].get("mode"))
    below = needed is None or not math.isfinite(needed) or counted_trust(request) < needed
    return (below and not shadow) or request.features["credential_exposed"] == 1.0


def strong_enough(policy: Text, request: Request, requires: Text, proof: Text) -> bool:
    """Whether a person's proof is strong enough, by its factors, acr and aal, and by whether it can be relayed."""
    template = templates()[policy["identity_provider"]] if policy.get("identity_provider") else {}
    acr = {**template.get("acr_levels", {}), **policy.get("acr_levels", {})}.get(proof["acr"])
    own = {**template.get("amr_values", {}), **policy.get("amr_values", {})}
    known = [each for value in proof["amr"] if (each := meaning(own, value)) is not None]
    categories, several = set().union(*(each[0] for each in known)), any(each[1] for each in known)
    by_factors = 2 if several or len(categories) > 1 else len(categories)
    by_factors = 3 if by_factors == 2 and any(resists and hardware for *_, resists, hardware in known) else by_factors
    lists_all = (policy.get("amr_lists") or template.get("amr_lists", "all")) == "all"
    all_named = lists_all and len(known) == len(proof["amr"]) and (len(categories) > 1 or not several)
    by_acr = acr is not None and not (known and all_named)
    levels = [proof["aal"], acr["aal"] if acr else None, by_factors if known and not by_acr else None]
    resistant = any(each[2] for each in known) or bool(by_acr and acr and acr.get("phishing_resistant"))
    sensitive = request.event["resource"]["sensitivity"] in policy["phishing_resistant_sensitivities"]
    must = requires.get("phishing_resistant") or sensitive or stated_trust(request) < policy["phishing_resistant_below"]
    return min((each for each in levels if each is not None), default=0) >= requires["aal"] and (resistant or not must)


def meaning(own: Text, value: str) -> tuple[set[str], bool, bool, bool] | None:
    """The categories of factor of an amr value, whether it stands for several, resists phishing, is hardware."""
    if value in own:
        each = own[value]
        flags = (bool(each.get(flag)) for flag in ("multi_factor", "phishing_resistant", "hardware"))
        return (set(each.get("factors", ())), *flags)  # type: ignore[return-value]
    if value in NO_FACTOR or value == "mfa":
        return set(), value == "mfa", False, False
    by_category = {"knowledge": KNOWLEDGE, "possession": POSSESSION, "inherence": INHERENCE}
    category = {name for name, values in by_category.items() if value in values}
    return (category, False, value in {"pop", "hwk", "sc"}, value in {"hwk", "sc"}) if category else None


@cache
def templates() -> Text:
    """What the values of identity providers mean."""
    return dict(yaml.safe_load(PROVIDERS.read_text()))


def in_scope(policy: Text, request: Request, proof: Text) -> bool:
    """Whether a proof was given for the request: by the step-up, by the credential's scope, by the authorised task."""
    action, resource = request.event["action"]["category"], request.event["resource"]
    kind, proof_kind = resource["type"], named(proof["kind"])
    within = proof["scope"] is None or tuple(proof["scope"]) == (action, kind)
    targets = ["*", *([kind] if kind else []), *([f"{kind}/{resource['id']}"] if kind and resource["id"] else [])]
    if proof_kind == "jit_credential":
        return within and bool({f"{action or 'write'}:{target}" for target in targets} & set(proof["granted"]))
    return within and (
        proof_kind != "intent_authorization" or any(authorises(policy, request, each) for each in proof["task"])
    )


def outside_intent(policy: Text, request: Request) -> bool | None:
    """Whether the request lies outside the declared task; None when no authorization details declare one."""
    text = (request.event["session"]["intent"] or "").strip(" \ufeff")
    try:
        task = json.loads(text)
    except ValueError:
        squeezed = "".join(text.split())[:2]
        return True if squeezed in ("[", "[[", "[{", "[]", "{", '{"', "{}") else None
    if not isinstance(task, list | dict):
        return None
    valid = isinstance(task, list) and all(
        isinstance(each, dict) and isinstance(each.get("type"), str) for each in task
    )
    return not (valid and any(authorises(policy, request, each) for each in task))


def authorises(policy: Text, request: Request, detail: Text) -> bool:
    """Whether every member of an authorization detail covers the request, and one of them names the resource."""
    resource, role = request.event["resource"], request.event["identity"]["role"]
    names = {request.event["action"]["category"] or "write"} | (
        {request.event["action"]["name"]} - set(get_args(Category))
    )
    readable = not set(detail) - MEMBERS and detail["type"] in policy["intent_types"]
    members = ("locations", resource["id"]), ("datatypes", resource["type"]), ("privileges", role)
    fits = all(value in detail[member] for member, value in members if detail.get(member))
    named = any(detail.get(each) for each in ("locations", "datatypes", "identifier"))
    identifier_fits = detail.get("identifier") in (None, resource["id"]) and (
        named or not (resource["id"] or resource["type"])
    )
    return readable and fits and identifier_fits and bool(names & set(detail.get("actions", ())))
