"""A hand-made history of one cloud identity, for tests of attack scenarios."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
from support.random_events import START

from features.event.arrow import table_of
from features.event.schema import Event
from training.data.labels import events_to_frame

CLOUD_ACTIONS = (
    "ec2:DescribeInstances",
    "s3:GetObject",
    "iam:ListUsers",
    "logs:GetLogEvents",
    "sts:GetCallerIdentity",
)


def cloud_history(identity_type: str) -> pd.DataFrame:
    """200 events of one identity of this type, two sessions a day, no sign-in."""
    events = [
        Event.model_validate(
            {
                "time": START + timedelta(hours=12 * (number // 10), minutes=number % 10),
                "identity": {"id": "somebody", "type": identity_type},
                "session": {"id": f"session-{number // 10}"},
                "action": {"name": CLOUD_ACTIONS[number % 5], "outcome": "success"},
                "network": {"ip": "203.0.113.7", "asn": 64496, "country": "DE"},
                "device": {"user_agent": "aws-cli/2.15.30 Python/3.11.8 Linux/5.10 botocore/2.4.5"},
                "credential": {"id": f"key-{number // 10}", "kind": "access_key"},
            }
        )
        for number in range(200)
    ]
    return events_to_frame(table_of(events))
