"""A month of each of eleven ordinary profiles: invented (simulated) activity of legitimate people and machines.

Each profile stresses one thing that a rule on places, devices or missing fields could mistake for an attacker. A
request is an event without ids of its own, with the scopes of the key that its gateway asks with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

Rng = np.random.Generator
Groups = dict[str, Any]
START = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
DAYS = 30
RICH, THIN = ("score", "assure"), ("score",)
MACINTOSH = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15"
)
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1"
)
LIBRARY = "aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5"


@dataclass(frozen=True)
class Request:
    """One request of a profile: its time, its identity, the key it comes through, and the event's groups."""

    at: datetime
    identity: str
    kind: str
    key: str
    scopes: tuple[str, ...]
    groups: Groups


def network(ip: str, asn: int, country: str = "DE", **facts: Any) -> Groups:
    """A network as enrichment would give it."""
    return {"ip": ip, "asn": asn, "country": country, "hosting": False, "anonymizer": False} | facts


HOME, OFFICE = network("203.0.113.10", 3320), network("198.51.100.5", 8881)
OTHER_OFFICE, MOBILE = network("192.0.2.77", 680), network("100.64.9.1", 6805)
_READS = ("crm:GetContact", "crm:ListContacts", "wiki:GetPage", "billing:GetInvoice")
_WRITES = ("crm:UpdateContact", "wiki:UpdatePage")


def _deed(rng: Rng) -> tuple[Groups, Groups]:
    """An action and its resource: mostly reads, some writes, an export a week, a privileged change a month."""
    drawn = rng.random()
    number = int(rng.integers(1, 9))
    internal = {"id": f"r{number}", "type": "contact", "sensitivity": "internal", "environment": "production"}
    if drawn < 0.93:
        return {"name": _READS[int(rng.integers(len(_READS)))], "category": "read"}, internal
    if drawn < 0.988:
        return {"name": _WRITES[int(rng.integers(len(_WRITES)))], "category": "write"}, internal
    if drawn < 0.998:
        return {"name": "crm:ExportContacts", "category": "export"}, internal | {
            "id": "all",
            "sensitivity": "confidential",
        }
    return {"name": "iam:AttachRolePolicy", "category": "manage_access"}, internal | {"type": "role"}


def _working_days() -> Iterator[datetime]:
    return (day for day in (START + timedelta(days=n) for n in range(DAYS)) if day.weekday() < 5)


def _person(
    rng: Rng, name: str, place: Callable[[datetime, int], Groups], *, rich: bool = True, **signs_in_with: Any
) -> Iterator[Request]:
    """A person's working days: a sign-in with a second factor in the morning, some twenty-five requests a day.

    `place` gives network and device at a time of the day; the claims of the sign-in go with a key that may assert.
    """
    for number, day in enumerate(_working_days()):
        began = day + timedelta(hours=8, minutes=int(rng.integers(0, 60)))
        minutes = np.sort(rng.integers(1, 9 * 60, int(rng.integers(18, 32))))
        claims = {"authentication": {"time": began.isoformat(), **(signs_in_with or {"amr": ["pwd", "otp"]})}}
        session = {"id": f"{name}-{number}", "started_at": began.isoformat()}
        for minute in minutes.tolist():
            at = began + timedelta(minutes=minute, seconds=int(rng.integers(0, 60)))
            action, resource = _deed(rng)
            credential = {"id": f"{name}-{number}", "kind": "session_cookie", "issued_at": began.isoformat()}
            groups = {"session": session, "action": action, "resource": resource, "credential": credential}
            groups |= place(at, number) | (claims if rich else {})
            key, scopes = ("gateway", RICH) if rich else ("thin", THIN)
            yield Request(at, name, "human", key, scopes, groups)


def _laptop(name: str, user_agent: str = MACINTOSH, **more: Any) -> Groups:
    return {"id": f"{name}-laptop", "user_agent": user_agent, "managed": True, "compliant": True} | more


def phone_on_wifi_and_5g(rng: Rng, name: str) -> Iterator[Request]:
    """A phone that changes between the wifi at home, the office's and a carrier within each session."""
    device = {"id": f"{name}-phone", "user_agent": PHONE, "managed": True, "compliant": True}

    def place(at: datetime, _: int) -> Groups:
        where = (HOME, MOBILE | {"ip": f"100.64.{rng.integers(0, 250)}.{rng.integers(1, 250)}"}, OFFICE)
        return {"network": where[int(rng.choice(3, p=[0.3, 0.4, 0.3]))], "device": device}

    return _person(rng, name, place)


def two_offices_behind_a_proxy(rng: Rng, name: str) -> Iterator[Request]:
    """Requests leave through either of two sites by the load of the day; the proxy tells no device."""
    return _person(
        rng,
        name,
        lambda at, day: {
            "network": OFFICE if rng.random() < 0.5 else OTHER_OFFICE,
            "device": {"user_agent": MACINTOSH},
        },
    )


def traveller(rng: Rng, name: str) -> Iterator[Request]:
    """A laptop in another country every working week, on a new hotel network."""
    trips = (HOME, network("185.10.20.30", 12876, "FR"), network("151.20.30.40", 3269, "IT"), HOME, HOME)
    return _person(rng, name, lambda at, day: {"network": trips[min(day // 5, 4)], "device": _laptop(name)})


def corporate_nat(rng: Rng, name: str) -> Iterator[Request]:
    """Everybody behind one address, each with a device of their own."""
    return _person(rng, name, lambda at, day: {"network": OFFICE, "device": _laptop(name)})


def identity_provider_with_acr_only(rng: Rng, name: str) -> Iterator[Request]:
    """The identity provider says how strong the sign-in was, and no factor."""
    acr = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
    return _person(rng, name, lambda at, day: {"network": HOME, "device": _laptop(name)}, acr=acr, aal=2)


def gateway_without_device(rng: Rng, name: str) -> Iterator[Request]:
    """A gateway that may assert nothing and never sends a device's id."""
    return _person(rng, name, lambda at, day: {"network": HOME, "device": {"user_agent": MACINTOSH}}, rich=False)


def ids_only(rng: Rng, name: str) -> Iterator[Request]:
    """An AuthZEN client: subject, action and resource by name, nothing else."""
    for request in _person(rng, name, lambda at, day: {}, rich=False):
        kept = {"action": {"name": request.groups["action"]["name"]}, "resource": request.groups["resource"]}
        resource = {field: kept["resource"][field] for field in ("id", "type")}
        yield Request(request.at, name, "human", "authzen", THIN, kept | {"resource": resource})


def rich_and_thin_gateway(rng: Rng, name: str) -> Iterator[Request]:
    """One person, half of the requests through a gateway that knows everything, half through one that knows little."""
    for request in _person(rng, name, lambda at, day: {"network": HOME, "device": _laptop(name)}):
        if rng.random() < 0.5:
            yield request
        else:
            few = {group: request.groups[group] for group in ("session", "action", "resource")}
            yield Request(request.at, name, "human", "thin", THIN, few | {"network": {"ip": HOME["ip"]}})


def vpn_user(rng: Rng, name: str) -> Iterator[Request]:
    """Always through a commercial VPN whose exit changes daily; the laptop stays."""

    def place(at: datetime, day: int) -> Groups:
        exits = network(f"146.70.{day % 200}.9", 9009, "NL", hosting=True, anonymizer=True)
        return {"network": exits, "device": _laptop(name)}

    return _person(rng, name, place)


def ci_runner(rng: Rng, name: str) -> Iterator[Request]:
    """A pipeline that runs some ten times a day, each time at a fresh cloud address with a token of its own."""
    for day in range(DAYS):
        for run in range(int(rng.integers(8, 13))):
            began = START + timedelta(days=day, minutes=int(rng.integers(0, 1_440)))
            address = f"20.{rng.integers(1, 250)}.{rng.integers(1, 250)}.{rng.integers(1, 250)}"
            for step, (action, category) in enumerate(
                (("ecr:GetAuthorizationToken", "read"), ("s3:GetObject", "read"), ("ecr:PutImage", "write"))
            ):
                at = began + timedelta(seconds=20 * step)
                yield Request(
                    at,
                    name,
                    "workload",
                    "gateway",
                    RICH,
                    {
                        "session": {"id": f"{name}-{day}-{run}", "started_at": began.isoformat()},
                        "action": {"name": action, "category": category},
                        "resource": {"id": f"{name}-app", "type": "repository", "sensitivity": "internal"},
                        "network": network(address, 8075, "US", hosting=True),
                        "device": {"user_agent": LIBRARY},
                        "credential": {
                            "id": f"{name}-{day}-{run}",
                            "kind": "oauth_token",
                            "issued_at": began.isoformat(),
                            "expires_at": (began + timedelta(hours=1)).isoformat(),
                            "attested_at": began.isoformat(),
                        },
                    },
                )


def autoscaled_workload(rng: Rng, name: str) -> Iterator[Request]:
    """A service on instances that come and go within one cloud network, under one attested identity."""
    for hour in range(DAYS * 24):
        began = START + timedelta(hours=hour)
        for second in np.sort(rng.integers(0, 3_600, 2)).tolist():
            at, instance = began + timedelta(seconds=second), int(rng.integers(hour, hour + 6))
            yield Request(
                at,
                name,
                "workload",
                "gateway",
                RICH,
                {
                    "session": {"id": f"{name}-i{instance}", "started_at": began.isoformat()},
                    "action": {"name": "s3:PutObject" if rng.random() < 0.3 else "s3:GetObject", "category": None},
                    "resource": {"id": f"{name}-data", "type": "bucket", "sensitivity": "internal"},
                    "network": network(f"10.2.{instance % 200}.7", 16509, "IE", hosting=True),
                    "device": {"id": f"i-{name}-{instance}", "user_agent": LIBRARY},
                    "credential": {
                        "id": f"{name}-{hour}",
                        "kind": "access_key",
                        "issued_at": began.isoformat(),
                        "expires_at": (began + timedelta(hours=2)).isoformat(),
                        "attested_at": began.isoformat(),
                    },
                },
            )


PEOPLE = (
    phone_on_wifi_and_5g,
    two_offices_behind_a_proxy,
    traveller,
    corporate_nat,
    identity_provider_with_acr_only,
    gateway_without_device,
    ids_only,
    rich_and_thin_gateway,
    vpn_user,
)
MACHINES = (ci_runner, autoscaled_workload)


def requests_of(profile: Callable[[Rng, str], Iterator[Request]], individuals: int, seed: int) -> list[Request]:
    """The requests of so many individuals of a profile, in order of time."""
    found: list[Request] = []
    for number in range(individuals):
        rng = np.random.default_rng([seed, number])
        found += profile(rng, f"{profile.__name__}-{number}")
    return sorted(found, key=lambda request: request.at)
