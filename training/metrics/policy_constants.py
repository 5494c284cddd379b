"""Numbers of the policy that ships with the service. Training does not read policy files; a test keeps these equal."""

from __future__ import annotations

LIFETIME_RISK = 0.005
"""The risk a session may accumulate before it must be allowed again (`lifetime.risk`)."""
SHORTEST_LIFETIME_SECONDS = 300
"""The shortest time a session stays allowed (`lifetime.shortest_seconds`)."""
STEP_UP_SECONDS = 600
"""How long a completed step-up counts (`lifetime.elevation_seconds`)."""
FRESH_PROOF_MINUTES = 5.0
"""The maximum age of a multi-factor proof on a privileged action, as most action floors require."""
DENY_BELOW_TRUST = 0.02
"""The trust below which no proof helps (`deny_below`)."""
UNSTATED_SENSITIVITY_BUDGET = 0.002
"""The friction budget of a request that states no sensitivity (`thresholds`, confidential)."""
