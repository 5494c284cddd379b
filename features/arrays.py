"""Types of arrays and records, and the values that mean unknown (NAN) or never (NEVER)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Record = Any
"""One record of ROW, IDENTITY, SESSION, CREDENTIAL or POPULATION, as compiled code sees it."""

NAN = math.nan
NEVER = -(2**63)
SECOND = 1_000_000
DAY = 86_400 * SECOND
