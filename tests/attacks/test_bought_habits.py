"""The attacker's aim: an export from a new network, device and client, after it was made a habit by volume.

Defends against the subject of a stolen session, and against a log that it writes into. The model of this server
distrusts what is new to an identity, and learns within a dozen requests that it is usual: alone it would allow.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from support.live_server import Server, ago, an_event, new_home, now, served, settings_of
from support.small_champion import register, small_model
from support.step_ups import report_completed

HOME = {"network": {"ip": "203.0.113.7", "asn": 64496, "country": "DE"}}
AWAY = {
    "network": {"ip": "198.51.100.9", "asn": 64499, "country": "BR"},
    "device": {"id": "attacker", "user_agent": "curl/8.4.0"},
}
STRICTNESS = {"allow": 0, "step_up": 1, "deny": 2}
