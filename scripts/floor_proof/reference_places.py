"""A second, independent answer to whether a proof counts where a request comes from."""

from ipaddress import ip_address, ip_network
from typing import Any

from scripts.floor_proof.random_requests import NOW, Request

Groups = dict[str, Any]
CLIENT_OF = {"120.0": "Firefox, Linux", "Linux": "Firefox, Linux", "Windows": "Firefox, Windows"}
"""Signs in a user agent of what client it is; the first that is found counts."""


def counts_at(request: Request, proof: Groups) -> bool:
    """Whether a proof was made where the request comes from, or counts there all the same."""
    then, now, habits = proof["made"], request.event, request.habits
    if then is None and proof["source"] == "claim":
        return 1.0 not in (request.features[f"{what}_changed_in_session"] for what in ("asn", "device", "agent"))
    then = then or {"network": {}, "device": {}, "credential": {}}
    if held(then) and held(then) == held(now):
        return True
    device = then["device"].get("id")
    same_device = device is not None and device == now["device"]["id"]
    again = proof["source"] == "step_up" and proof["same_request"]
    pairs = {
        "network": (operator(then["network"]), operator(now["network"])),
        "device": (device, now["device"]["id"]),
        "client": (client(then["device"]), client(now["device"])),
    }
    if request.proven_network and same_device:
        del pairs["network"]
    same = all(alike(habits[part], *pair, again=again) for part, pair in pairs.items())
    hosted = is_hosted(then["network"]) or is_hosted(now["network"])
    return same and (not hosted or same_device or near(then, now, again=again))


def alike(habitual: bool | None, then: Any, now: Any, *, again: bool) -> bool:
    """Whether a part of two places counts as the same one."""
    if then is None or now is None:
        return habitual is False or (again and now is None) or (then is None and habitual is None)
    return bool(then == now)


def operator(network: Groups) -> Any:
    """What a network is told from others by: operator and country, else country and range."""
    if network.get("asn"):
        return network["asn"], network["country"]
    known = network.get("country"), address_range(network)
    return known if any(known) else None


def address_range(network: Groups) -> str | None:
    """The /24 or /48 of an address."""
    if not network.get("ip"):
        return None
    address = ip_address(network["ip"])
    return str(ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False))


def client(device: Groups) -> str | None:
    """Family and system of a client, without its version."""
    text = device.get("user_agent")
    return None if text is None else next((name for sign, name in CLIENT_OF.items() if sign in text), text)


def held(groups: Groups) -> Any:
    """The credential whose possession was proven."""
    credential = groups["credential"]
    return credential["id"] if credential.get("proof_of_possession") else None


def is_hosted(network: Groups) -> bool:
    """Whether anybody may rent an address of the network."""
    return True in (network.get("hosting"), network.get("anonymizer"))


def near(then: Groups, now: Groups, *, again: bool) -> bool:
    """Whether an address of such a network is as good as the one before: in the same range, or an attested one."""
    attested_at = now["credential"]["attested_at"]
    if attested_at is not None and abs((NOW - attested_at).total_seconds()) <= 86_400:
        return True
    before, after = address_range(then["network"]), address_range(now["network"])
    return (before is not None and before == after) or (again and after is None and now["device"]["id"] is None)
