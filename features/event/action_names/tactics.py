"""How far an action that attackers were seen using takes an attack: by its MITRE ATT&CK tactics, from TrailDiscover."""

from __future__ import annotations

import gzip
import math
from functools import cache

from features.data_files import data_folder

TACTICS = data_folder() / "reference" / "traildiscover" / "tactics.csv.gz"
"""`service:Operation,tactic tactic` lines; see data/README.md."""

_WEIGHT_OF = {
    "TA0007": 1.0,  # discovery
    "TA0001": 2.0,  # initial access
    "TA0002": 2.0,  # execution
    "TA0009": 2.0,  # collection
    "TA0011": 2.0,  # command and control
    "TA0003": 3.0,  # persistence
    "TA0004": 3.0,  # privilege escalation
    "TA0006": 3.0,  # credential access
    "TA0008": 3.0,  # lateral movement
    "TA0005": 4.0,  # defense evasion
    "TA0010": 4.0,  # exfiltration
    "TA0040": 4.0,  # impact
}
"""By how late in an attack a tactic comes: what follows discovery weighs more."""


def tactic_weight(action: str) -> float:
    """The highest weight of an action's tactics, 1 discovery to 4 impact; NaN for an action that is not listed.

    >>> tactic_weight("cloudtrail:StopLogging"), tactic_weight("sts:GetCallerIdentity"), tactic_weight("sh:ls")
    (4.0, 1.0, nan)
    """
    return _weights().get(action, math.nan)


@cache
def _weights() -> dict[str, float]:
    lines = gzip.decompress(TACTICS.read_bytes()).decode().splitlines()
    listed = (line.split(",") for line in lines)
    return {name: max(_WEIGHT_OF[tactic] for tactic in tactics.split()) for name, tactics in listed if tactics}
