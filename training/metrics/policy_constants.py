"""What evidence takes from the policy that ships with the service. Training does not read policies; a test holds these
numbers against it.
"""

from __future__ import annotations

RISK = 0.005
"""What a session may spend before an allow must be renewed (`lifetime.risk`)."""
SHORTEST_SECONDS = 300
"""What it always may (`lifetime.shortest_seconds`)."""
STEP_UP_SECONDS = 600
"""For how long a completed step-up counts (`lifetime.elevation_seconds`)."""
FRESH_MINUTES = 5.0
"""How old a proof by several factors may be on a privileged act, as most floors on actions ask."""
DENIED_BELOW = 0.02
"""The trust below which no proof helps (`deny_below`)."""
