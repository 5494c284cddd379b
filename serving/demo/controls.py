"""Constructed controls: benign days of the role whose credential is stolen, and of an unrelated role.

Nobody logged these calls. They show that the demo challenges the drift, and not that a caller is a machine, has no MFA
or appears in a log with few fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import cycle, islice

from features import Event
from features.event.schema import Action, Category, Credential, Device, Identity, Network, Resource, Session

INTERVAL = timedelta(minutes=10)
"""The time between two calls of a constructed role."""
KEY_LIFETIME = timedelta(hours=6)
"""How long an instance keeps temporary keys, about as AWS rotates them."""
CALLS = 200
"""How many benign calls each control makes: a day and a half."""
AGENT = "Boto3/1.14.60 Python/3.7.9 Linux/4.14.193-149.317.amzn2.x86_64 Botocore/1.17.60"
ROUTINE: Sequence[tuple[str, Category, str]] = (
    ("logs:PutLogEvents", "write", "log-stream"),
    ("monitoring:PutMetricData", "write", "metric"),
    ("sqs:ReceiveMessage", "read", "queue"),
    ("dynamodb:PutItem", "write", "table"),
    ("ssm:GetParameter", "read", "parameter"),
)
"""What a worker does over and over, in AWS's names."""


def same_role_before(stolen: Event) -> list[Event]:
    """The role on its own instance in the days before, until one hour before the given call of the attacker."""
    last = stolen.time - timedelta(hours=1)
    return list(_calls(stolen.identity, stolen.device.id, stolen.network, last))


def unrelated_role(stolen: Event) -> list[Event]:
    """A role of another account in the same days, from an address that is reserved for documentation."""
    identity = Identity(id="arn:aws:iam::111122223333:role/nightly-report", type=stolen.identity.type)
    network = Network(ip="192.0.2.10")
    return list(_calls(identity, "i-0fedcba9876543210", network, stolen.time - timedelta(hours=1)))


def _calls(identity: Identity, device: str | None, network: Network, last: datetime) -> Iterator[Event]:
    first = last - INTERVAL * (CALLS - 1)
    for number, (name, category, resource) in enumerate(islice(cycle(ROUTINE), CALLS)):
        time = first + INTERVAL * number
        issued = first + KEY_LIFETIME * ((time - first) // KEY_LIFETIME)
        key = f"constructed-{issued:%dT%H%M}"
        yield Event(
            id=f"constructed-{identity.id}-{number}",
            time=time,
            identity=identity,
            session=Session(id=key, started_at=issued),
            action=Action(name=name, category=category, outcome="success"),
            resource=Resource(type=resource),
            network=network,
            device=Device(id=device, user_agent=AGENT),
            credential=Credential(id=key, kind="access_key", issued_at=issued),
        )
