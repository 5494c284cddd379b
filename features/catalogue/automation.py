"""Features of automation: a person who uses a machine's identity, a machine that uses a person's, or a loop."""

from __future__ import annotations

import math

from features.arrays import DAY, NAN, Record
from features.catalogue.registration import feature
from features.history.category_codes import HUMAN
from features.history.event_values import interactive_client_of, loop_rounds, request_of
from features.kernels.compilation import jit
from features.kernels.decayed_counts import (
    above_usual,
    above_zero,
    log_of_one_more,
    population_rarity,
    seconds_between,
)

HABITUAL_SHARE = 0.1
"""Of a machine's requests: a client that people use is no sign of a person where the machine used it as often on the
days before. What is done today makes no habit of it: an attacker would only have to go on."""
FEWEST_GAPS = 4
"""With fewer gaps, a session's rhythm is unknown."""


@jit
def _unevenness_above_usual(identity: Record, session: Record) -> float:
    """How much less even the session's timing is than usual, in standard deviations; NaN for a short session."""
    if session.gaps < FEWEST_GAPS or identity.session_gap_variance == 0.0:
        return NAN
    return math.sqrt(session.gap_variance) - math.sqrt(identity.session_gap_variance)


@feature(unit="yes or no", direction=1, tells="a person with a machine's key (NHI10) from the machine")
def person_like_client(event: Record, identity: Record) -> float:
    """A machine's identity is used from a console, a browser or a desktop's command line, which it seldom is.

    >>> reading(person_like_client, event={"identity_type": 3, "interactive": 1.0, "agent": 7, "system": 8})
    1.0
    >>> reading(
    ...     person_like_client,
    ...     event={"identity_type": 3, "interactive": 1.0, "agent": 7},
    ...     identity={"mass": 9.0, "person_client": 7, "person_before": 9.0},
    ... )
    0.0
    """
    if event.identity_type == HUMAN:
        return 0.0
    if event.interactive != 1.0:
        return event.interactive
    usual = identity.person_before
    if event.time // DAY > identity.person_day:
        usual += identity.person_today
    habitual = interactive_client_of(event) == identity.person_client and usual > 0.0
    return 0.0 if habitual and usual >= HABITUAL_SHARE * identity.mass else 1.0


@feature(unit="standard deviations of log gaps", direction=1, tells="a person typing with a machine's key (NHI10)")
def person_like_rhythm(event: Record, identity: Record, session: Record) -> float:
    """A machine's session keeps less even time than it usually does.

    >>> reading(
    ...     person_like_rhythm,
    ...     event={"identity_type": 2}, identity={"session_gap_variance": 1.0},
    ...     session={"gaps": 9, "gap_variance": 4.0},
    ... )
    1.0
    """
    if event.identity_type == HUMAN:
        return 0.0
    return above_zero(_unevenness_above_usual(identity, session))


@feature(unit="standard deviations of log gaps", direction=1, tells="a script in a person's session from the person")
def machine_like_rhythm(event: Record, identity: Record, session: Record) -> float:
    """A person's session keeps more even time than they usually do.

    >>> reading(
    ...     machine_like_rhythm,
    ...     event={"identity_type": 1}, identity={"session_gap_variance": 4.0},
    ...     session={"gaps": 9, "gap_variance": 1.0},
    ... )
    1.0
    """
    if event.identity_type != HUMAN:
        return 0.0
    return above_zero(-_unevenness_above_usual(identity, session))


@feature(unit="log ratio", direction=1, tells="an agent caught in a loop from a job that always polls")
def loop_above_usual(event: Record, identity: Record, session: Record) -> float:
    """The session goes round in the same few requests more often than is usual for this identity.

    >>> reading(
    ...     loop_above_usual,
    ...     event={"action": 7}, identity={"mass": 1.0},
    ...     session={"events": 20, "request_key": [7] * 8, "repeats": [19, 0, 0, 0, 0, 0, 0, 0]},
    ... )
    3.045
    """
    return above_usual(log_of_one_more(loop_rounds(request_of(event), session)), identity.loop_sum, identity.mass)


@feature(unit="standard deviations", direction=1, tells="a scheduled job run by hand from its schedule")
def gap_unlike_usual(event: Record, identity: Record) -> float:
    """The time since the last request is unlike the gaps this identity usually keeps.

    >>> reading(
    ...     gap_unlike_usual,
    ...     event={"time": 0}, identity={"last_success": 0, "events": 20, "gap_mean": 2.0, "gap_variance": 3.75},
    ... )
    1.0
    """
    gap = seconds_between(event.time, identity.last_success)
    if math.isnan(gap) or identity.events < 10:
        return NAN
    return abs(log_of_one_more(gap) - identity.gap_mean) / math.sqrt(identity.gap_variance + 0.25)


@feature(unit="nats", direction=1, tells="a server's key on a laptop from servers like itself")
def system_population_rarity(event: Record, population: Record) -> float:
    """The operating system is one that few identities of this type run on.

    >>> reading(system_population_rarity, event={"system": 7, "identity_type": 1}, population={"system": {7: 1.0}})
    -0.0
    """
    kind = event.identity_type
    return population_rarity(
        population.system_key[kind], population.system_rarity[kind], event.system, population.people[kind]
    )


@feature(unit="standard deviations", direction=1, always=True, tells="a key used off its schedule from a job run late")
def highest_gap_unlike_usual_in_session(session: Record) -> float:
    """The session began, or went on, after a time unlike the gaps this identity usually keeps.

    >>> reading(highest_gap_unlike_usual_in_session, session={"gap_unlike_usual_max": 2.5})
    2.5
    """
    return session.gap_unlike_usual_max
