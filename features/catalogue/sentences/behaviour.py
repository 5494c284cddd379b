"""What is said of the features of time, automation and context."""

from __future__ import annotations

from features.catalogue.sentences.amounts import count, counted, days, failures_counted, percent, times_of_bits
from features.catalogue.sentences.families import HUNDREDTH, flag, population, rarest_so_far, rarity, ratio
from features.catalogue.sentences.wording import Wording

USUAL_VARIATION = count("time the usual variation", "times the usual variation")
LATELY = 0.05
"""A count that fades: below this it says that nothing has happened lately."""

RHYTHM = {
    "hour_rarity": rarity(
        "This is an hour at which this identity mostly acts.", "this identity acts at this hour", HUNDREDTH
    ),
    "hour_population_rarity": population(
        "This is an hour at which many identities of this type act.", "act at this hour"
    ),
    "rate_above_usual": ratio(
        "Requests come no faster than this identity usually makes them.",
        "how fast requests come, compared with this identity's usual rate",
    ),
    "pace": Wording("", "how many requests come within about a minute", counted("request", "requests")),
    "days_since_last_success": Wording(
        "The identity has acted lately.", "how long the identity has not acted", days, 14.0, 2.0, usual_amount=True
    ),
    "failures_recently": Wording(
        "No attempt of this identity has just failed or been denied.",
        "how many attempts of this identity have just failed or been denied, fading in 10 minutes",
        count("failure", "failures"),
        0.5,
        LATELY,
    ),
    "failure_streak": Wording(
        "No attempt has failed since the last success.",
        "how many attempts have failed since the last success",
        count("failure", "failures"),
    ),
    "sign_in_failures_recently": Wording(
        "No sign-in of this identity has lately failed or gone unanswered.",
        "how many sign-ins of this identity have lately failed or gone unanswered, fading in 6 hours",
        count("failure", "failures"),
        0.5,
        LATELY,
    ),
    "prompts_recently": Wording(
        "This identity has not been asked to prove itself lately.",
        "how often this identity has lately been asked to prove itself, fading in an hour",
        count("prompt", "prompts"),
        2.0,
        LATELY,
    ),
    "step_ups_recently": Wording(
        "", "how often this identity has lately proved itself when asked, fading in an hour", count("proof", "proofs")
    ),
    "failures_over_hours": Wording(
        "No attempt of this identity has failed or been denied over the last hours.",
        "how many attempts of this identity have failed or been denied, fading in 6 hours",
        failures_counted,
        1.0,
        LATELY,
    ),
    "failures_before_success": Wording(
        "No sign-in of this identity failed before the last that succeeded.",
        "how many sign-ins of this identity failed before one succeeded, fading in a day",
        failures_counted,
        1.0,
        LATELY,
    ),
    "failures_in_session": Wording(
        "No request of this session has failed or been denied.",
        "how many requests of this session have failed or been denied",
        failures_counted,
    ),
    "failures_above_usual_in_session": Wording(
        "No more of this session's requests have failed or been denied than is usual for this identity.",
        "how many more of this session's requests have failed or been denied than is usual for this identity",
        times_of_bits,
    ),
    "highest_hour_rarity_in_session": rarest_so_far(
        "The session has so far acted at no hour at which this identity seldom acted.",
        "the hours of the session's actions were so far",
        HUNDREDTH,
    ),
}

AUTOMATION = {
    "person_like_client": flag(
        "No machine's identity is used from a person's client.",
        "a machine's identity is used from a console, a browser or a desktop's command line, which it seldom is",
    ),
    "person_like_rhythm": ratio(
        "No machine's session keeps less even time than usual.",
        "how uneven a machine's timing is in this session, compared with its usual timing",
    ),
    "machine_like_rhythm": ratio(
        "No person's session keeps more even time than usual.",
        "how even a person's timing is in this session, compared with their usual timing",
    ),
    "loop_above_usual": ratio(
        "The session goes round in the same few requests no more often than is usual for this identity.",
        "how often the session goes round in the same few requests, compared with this identity's usual sessions",
    ),
    "gap_unlike_usual": Wording(
        "The time since the last request is like the gaps this identity usually keeps.",
        "how unlike this identity's usual gaps the time since the last request is",
        USUAL_VARIATION,
        2.0,
        1.0,
    ),
    "system_population_rarity": population(
        "The operating system is one that many identities of this type run on.", "run on the operating system"
    ),
    "highest_gap_unlike_usual_in_session": Wording(
        "The session has so far had no gap unlike those this identity usually keeps.",
        "how unlike this identity's usual gaps the session's were so far",
        USUAL_VARIATION,
        2.0,
        2.0 - 1e-9,
    ),
}

CONTEXT = {
    "context_known_fraction": Wording("", "how much of the context of this request is known", percent),
    "context_lost": Wording(
        "No less is known of this request than is usual for this identity.",
        "how much less is known of this request than is usual for this identity",
        percent,
        0.1,
    ),
    "known_events": Wording("", "how much of this identity's past is known", counted("event", "events")),
    "identity_is_human": Wording("", "whether the identity is a person's"),
    "identity_is_service_account": Wording("", "whether the identity is a service account's"),
    "identity_is_workload": Wording("", "whether the identity is a workload's"),
}
