"""Constructed controls: what the robbed role, and a role nobody robbed, do on ordinary days.

Nobody logged these calls. They show that what the demo challenges is the drift, and not being a machine, having no MFA,
or being seen through a log that knows little.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import cycle, islice

from features import Event
from features.event.schema import Action, Category, Credential, Device, Identity, Network, Resource, Session

EVERY = timedelta(minutes=10)
"""How often the constructed roles call."""
KEYS_LAST = timedelta(hours=6)
"""How long an instance keeps temporary keys, about as AWS rotates them."""
CALLS = 200
"""How many ordinary calls each control makes: a day and a half."""
AGENT = "Boto3/1.14.60 Python/3.7.9 Linux/4.14.193-149.317.amzn2.x86_64 Botocore/1.17.60"
CHORES: Sequence[tuple[str, Category, str]] = (
    ("logs:PutLogEvents", "write", "log-stream"),
    ("monitoring:PutMetricData", "write", "metric"),
    ("sqs:ReceiveMessage", "read", "queue"),
    ("dynamodb:PutItem", "write", "table"),
    ("ssm:GetParameter", "read", "parameter"),
)
"""A worker's round, in AWS's own names."""


def role_before(theft: Event) -> list[Event]:
    """The same role on its own instance in the days before, up to one hour before the given call of the thief."""
    last = theft.time - timedelta(hours=1)
    return list(_calls(theft.identity, theft.device.id, theft.network, last))


def other_role(theft: Event) -> list[Event]:
    """A role of another account in the same days, from its own address (reserved for documentation, so nobody's)."""
    identity = Identity(id="arn:aws:iam::111122223333:role/nightly-report", type=theft.identity.type)
    network = Network(ip="192.0.2.10")
    return list(_calls(identity, "i-0fedcba9876543210", network, theft.time - timedelta(hours=1)))


def _calls(identity: Identity, device: str | None, network: Network, last: datetime) -> Iterator[Event]:
    first = last - EVERY * (CALLS - 1)
    for place, (name, category, kind) in enumerate(islice(cycle(CHORES), CALLS)):
        time = first + EVERY * place
        issued = first + KEYS_LAST * ((time - first) // KEYS_LAST)
        key = f"constructed-{issued:%dT%H%M}"
        yield Event(
            id=f"constructed-{identity.id}-{place}",
            time=time,
            identity=identity,
            session=Session(id=key, started_at=issued),
            action=Action(name=name, category=category, outcome="success"),
            resource=Resource(type=kind),
            network=network,
            device=Device(id=device, user_agent=AGENT),
            credential=Credential(id=key, kind="access_key", issued_at=issued),
        )
