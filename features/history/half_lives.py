"""The half-lives of everything that decays in a history, in seconds."""

MINUTE = 60.0
HOUR = 3_600.0
DAY = 86_400.0

HABIT = 30 * DAY
"""Usual values and means: an event of a month ago counts half."""
RATE = HOUR
"""The current rate of events."""
PACE = MINUTE
"""Bursts of events."""
FAILURE = 10 * MINUTE
"""Failed and denied attempts."""
SIGN_IN_FAILURE = 6 * HOUR
"""Failed sign-ins, such as password spraying and unanswered prompts, and failures of any kind over hours."""
PROMPT = HOUR
"""Authentication prompts and their successes."""
GUESSES = DAY
"""Failed sign-ins that a success followed."""
