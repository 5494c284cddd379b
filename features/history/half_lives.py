"""How long everything that fades is remembered: every half-life there is, in seconds."""

MINUTE = 60.0
HOUR = 3_600.0
DAY = 86_400.0

HABIT = 30 * DAY
"""How long habits last: half of what was learnt a month ago still counts."""
RATE = HOUR
"""The window in which the present rate of events is felt."""
PACE = MINUTE
"""The window in which bursts are felt."""
FAILURE = 10 * MINUTE
"""How long a failed attempt is felt."""
SIGN_IN_FAILURE = 6 * HOUR
"""How long failed sign-ins (spraying, unanswered prompts) are felt."""
PROMPT = HOUR
"""How long a request to sign in, and its success, are felt."""
