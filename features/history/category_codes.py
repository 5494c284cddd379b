"""Integer codes of action categories and identity types, and the privilege level of each category.

A code is the position of a choice in the Event's list of choices, counted from 1; 0 is unknown.
"""

from __future__ import annotations

import math
import typing

import numpy as np

from features.event.schema import Category, IdentityType
from features.kernels.compilation import jit

_CATEGORY = {name: code for code, name in enumerate(typing.get_args(Category), start=1)}
_IDENTITY_TYPE = {name: code for code, name in enumerate(typing.get_args(IdentityType), start=1)}

AUTHENTICATE = _CATEGORY["authenticate"]
HUMAN = _IDENTITY_TYPE["human"]
SERVICE_ACCOUNT = _IDENTITY_TYPE["service_account"]
WORKLOAD = _IDENTITY_TYPE["workload"]
IDENTITY_TYPES = len(_IDENTITY_TYPE)

_PRIVILEGE_OF: dict[str, float] = {
    "read": 0.0,
    "list": 0.0,
    "authenticate": 0.0,
    "write": 1.0,
    "invoke_workflow": 1.0,
    "delete": 2.0,
    "export": 2.0,
    "execute_code": 2.0,
    "admin_console": 2.0,
    "approve_payment": 3.0,
    "change_security_setting": 3.0,
    "rotate_secret": 3.0,
    "manage_access": 3.0,
    "assume_privilege": 3.0,
}
"""The privilege level of each action category: 0 reads, 1 changes, 2 destroys, exports or runs code, 3 changes access
or security."""

PRIVILEGE = np.array([math.nan, *(_PRIVILEGE_OF[name] for name in _CATEGORY)])


@jit
def privilege_of(category: int) -> float:
    """The privilege level of an action category, 0 to 3; NaN for an unknown category.

    >>> privilege_of(_CATEGORY["manage_access"]), privilege_of(0)
    (3.0, nan)
    """
    return float(PRIVILEGE[category])


@jit
def is_write(category: int) -> float:
    """1 if the category changes anything, 0 if it only reads; NaN for an unknown category."""
    privilege = PRIVILEGE[category]
    if math.isnan(privilege):
        return math.nan
    return 1.0 if privilege > 0.0 else 0.0
