"""Amounts of features as people read them: in times, per cent, days and counts, never in the model's own units."""

from __future__ import annotations

import math
from collections.abc import Callable

Amount = Callable[[float], str]
"""A feature's value in words."""


def plain_number(value: float) -> str:
    """A number as people write it: three digits, no exponent.

    >>> [plain_number(each) for each in (0.0, -0.0, 1e-7, 0.123456, -2.0, 999.9, 12_345.6)]
    ['0', '0', 'under 0.01', '0.123', '-2', '1,000', '12,346']
    """
    if abs(value) >= 999.5:
        return f"{value:,.0f}"
    return "under 0.01" if 0.0 < abs(value) < 0.01 else f"{value + 0.0:.3g}"


def percent(share: float) -> str:
    """A share from 0 to 1 in per cent, three digits at most.

    >>> percent(0.0512), percent(0.99999), percent(1e-7), percent(1.0), percent(0.0)
    ('5.12 %', 'over 99.9 %', 'under 0.01 %', '100 %', '0 %')
    """
    if 0.0 < share < 0.0001:
        return "under 0.01 %"
    if 0.999 < share < 1.0:
        return "over 99.9 %"
    return f"{plain_number(100.0 * share)} %"


def trust_percent(trust: float) -> str:
    """A trust in per cent. It is never certain, so never 0 nor 100.

    >>> trust_percent(0.99999), trust_percent(1.0), trust_percent(0.0), trust_percent(0.99871), trust_percent(0.9)
    ('over 99.9 %', 'over 99.9 %', 'under 0.1 %', '99.87 %', '90.00 %')
    """
    if not trust <= 0.999:
        return "over 99.9 %"
    return f"{100.0 * trust:.2f} %" if trust >= 0.001 else "under 0.1 %"


def trust_words(trust: float) -> str:
    """A trust in per cent, with the risk that is left where two trusts would read alike.

    >>> trust_words(0.9993), trust_words(0.87), trust_words(1.0)
    ('over 99.9 % (a risk of 1 in 1,429)', '87.00 %', 'over 99.9 % (a risk under 1 in a million)')
    """
    if not trust > 0.999:
        return trust_percent(trust)
    risk = "under 1 in a million" if 1.0 - trust < 1e-6 else f"of 1 in {plain_number(1.0 / (1.0 - trust))}"
    return f"{trust_percent(trust)} (a risk {risk})"


def trust_number(trust: float, decimals: int) -> str:
    """A trust as a number in a table; never 0 nor 1.

    >>> trust_number(0.99999, 4), trust_number(0.00001, 4), trust_number(0.98765, 4), trust_number(0.99996, 3)
    ('>0.9999', '<0.0001', '0.9877', '>0.999')
    """
    text, least = f"{trust:.{decimals}f}", 10.0**-decimals
    if text == f"{1:.{decimals}f}":
        return f">{1.0 - least:.{decimals}f}"
    return f"<{least:.{decimals}f}" if text == f"{0:.{decimals}f}" else text


def odds(log_odds: float) -> str:
    """Odds of an attack.

    >>> odds(-math.log(2_300.0)), odds(math.log(3.0)), odds(-50.0)
    ('1 to 2,300', '3 to 1', 'under 1 to a million')
    """
    if abs(log_odds) > math.log(1e6):
        return "under 1 to a million" if log_odds < 0.0 else "over a million to 1"
    larger = plain_number(math.exp(abs(log_odds)))
    return f"1 to {larger}" if log_odds < 0.0 else f"{larger} to 1"


def estimated_share(of: str) -> Amount:
    """How large a share a value in nats stands for; it is smoothed, so never 0.

    >>> estimated_share("its requests")(math.log(20.0))
    'an estimated 5 % of its requests'
    """
    return lambda value: f"an estimated {percent(math.exp(-max(value, 0.0)))} of {of}"


def share_of_identities(value: float) -> str:
    """How many identities of this type share something; below 1 in 100 the snapshot cannot tell.

    >>> share_of_identities(0.0), share_of_identities(math.log(100.0))
    ('100 % of them', '1 % of them or less')
    """
    share = math.exp(-max(value, 0.0))
    return f"{percent(share)} of them" + (" or less" if share < 0.0101 else "")


def rarest(value: float) -> str:
    """The rarest thing so far in a session.

    >>> rarest(0.0), rarest(math.log(50.0))
    ('nothing rare so far', 'the rarest makes up an estimated 2 % of its requests')
    """
    return "nothing rare so far" if value <= 0.0 else f"the rarest makes up {estimated_share('its requests')(value)}"


def times(value: float) -> str:
    """A log ratio as a factor.

    >>> times(math.log(3.0)), times(-math.log(2.0)), times(1000.0), times(-1000.0)
    ('3 times', '0.5 times', 'over a million times', 'under 0.01 times')
    """
    if value > math.log(1e6):
        return "over a million times"
    factor = math.exp(value)
    return (
        f"{factor:,.0f} times" if factor >= 1_000.0 else f"{factor:.3g} times" if factor >= 0.01 else "under 0.01 times"
    )


def less_likely(value: float) -> str:
    """How much less likely things are together than if each were certain."""
    return "no less likely than certain" if value <= 0.0 else f"{times(value)} less likely than if each were certain"


def points(value: float) -> str:
    """A difference of shares.

    >>> points(0.25), points(-0.1)
    ('25 percentage points more', '10 percentage points less')
    """
    return f"{plain_number(100.0 * abs(value))} percentage points {'less' if value < 0.0 else 'more'}"


def duration(minutes: float) -> str:
    """A time in the unit that reads best.

    >>> duration(0.5), duration(90.0), duration(1_440.0), duration(432_000.0)
    ('0.5 minutes', '1.5 hours', '1 day', '300 days')
    """
    for unit, length in (("day", 1_440.0), ("hour", 60.0)):
        if minutes >= length:
            return count(unit, f"{unit}s")(minutes / length)
    return count("minute", "minutes")(minutes)


def days(value: float) -> str:
    """A number of days."""
    return duration(value * 1_440.0)


def hours(value: float) -> str:
    """A number of hours."""
    return duration(value * 60.0)


def count(one: str, many: str) -> Amount:
    """How many there are.

    >>> count("failure", "failures")(1.0), count("failure", "failures")(2.5), count("event", "events")(12_345.0)
    ('1 failure', '2.5 failures', '12,345 events')
    """

    def amount(value: float) -> str:
        number = plain_number(value)
        return f"{number} {one if number == '1' else many}"

    return amount


def counted(one: str, many: str) -> Amount:
    """How many there are, of a value that is log(1 + count).

    >>> counted("request", "requests")(math.log(13.0))
    '12 requests'
    """
    return lambda value: count(one, many)(round(math.expm1(min(value, 50.0)), 6))


def steps(value: float) -> str:
    """A difference on a scale of three steps."""
    return count("step", "steps")(value) + " of 3"


def yes_or_no(value: float) -> str:
    """A flag."""
    return "yes" if value == 1.0 else "no"


def likelier(value: float) -> str:
    """How much likelier something is of others, of a value in bits.

    >>> likelier(3.0), likelier(-2.0), likelier(0.0)
    ('8 times as likely', '4 times less likely', 'as likely')
    """
    factor = plain_number(2.0 ** min(abs(value), 40.0))
    return "as likely" if factor == "1" else f"{factor} times {'as' if value > 0.0 else 'less'} likely"


def beside_usual(value: float) -> str:
    """Where a value in usual units stands among those of its type here: 0 is the median, 1 the 98th percentile.

    >>> beside_usual(-0.2), beside_usual(0.6), beside_usual(1.2), beside_usual(3.0)
    ('at most as in half of the requests of this type', 'as in many requests of this type', \
'as in 2 of 100 requests of this type', 'far beyond 2 of 100 requests of this type')
    """
    if value <= 0.0:
        return "at most as in half of the requests of this type"
    if value < 1.0:
        return "as in many requests of this type"
    return f"{'as in' if value < 1.0 + math.log(2.0) else 'far beyond'} 2 of 100 requests of this type"


def failures_counted(value: float) -> str:
    """How many failures there are, of a value that is log2(1 + count).

    >>> failures_counted(5.0), failures_counted(1.0)
    ('31 failures', '1 failure')
    """
    return count("failure", "failures")(round(2.0 ** min(value, 60.0) - 1.0, 6))


def times_of_bits(value: float) -> str:
    """A log2 ratio as a factor.

    >>> times_of_bits(3.0)
    '8 times'
    """
    return times(value * math.log(2.0))
