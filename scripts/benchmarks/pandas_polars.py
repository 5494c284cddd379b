"""Five of the features in pandas and in polars, written as users of these libraries would write them.

The five are those that both libraries can compute exactly and in whole columns. A count that decays within minutes is
not among them: neither has a decayed sum over uneven times, and cumulated exponentials overflow within a week.

Both take events in the order of replay and give rows in that order. Unknown is NaN in pandas and null in polars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from features import rows_of
from features.engine.batch import time_order

if TYPE_CHECKING:
    import polars as pl

FIVE = ("country_is_new", "asn_changed_in_session", "failure_streak", "hour_rarity", "hosting_unlike_usual")
IDENTITY, SESSION, COUNTRY, ASN = "identity.id", "session.id", "network.country", "network.asn"
HALF_LIFE = pd.Timedelta(days=30)


def in_pandas(events: pd.DataFrame) -> pd.DataFrame:
    """The five features by groupby, cumulated sums and shifts."""
    success = events["action.outcome"].eq("success")
    before = _sum_before_in_pandas(success, events[IDENTITY])
    return pd.DataFrame(
        {
            "country_is_new": _country_in_pandas(events, success, before),
            "asn_changed_in_session": _asn_in_pandas(events, success),
            "failure_streak": _streak_in_pandas(events, success),
            "hour_rarity": _hour_in_pandas(events, success, before),
            "hosting_unlike_usual": _hosting_in_pandas(events, success),
        }
    )


def _sum_before_in_pandas(values: pd.Series, *groups: pd.Series) -> pd.Series:
    """The sum of a group's values before each row."""
    return values.groupby(list(groups)).cumsum() - values


def _country_in_pandas(events: pd.DataFrame, success: pd.Series, before: pd.Series) -> pd.Series:
    seen = _sum_before_in_pandas(success, events[IDENTITY], events[COUNTRY])
    return seen.eq(0).astype(float).where(events[COUNTRY].notna() & before.gt(0))


def _asn_in_pandas(events: pd.DataFrame, success: pd.Series) -> pd.Series:
    """The session's first known operator counts only where it lies before the row."""
    opening, session = events[ASN].where(success), [events[IDENTITY], events[SESSION]]
    known = _sum_before_in_pandas(opening.notna(), *session)
    first = opening.groupby(session).transform("first")
    return events[ASN].ne(first).astype(float).where(events[ASN].notna() & known.gt(0))


def _streak_in_pandas(events: pd.DataFrame, success: pd.Series) -> pd.Series:
    """All failures so far minus those up to the last success; one group per streak would be three times slower."""
    failed = events["action.outcome"].isin(["failure", "denied"])
    failures = _sum_before_in_pandas(failed, events[IDENTITY])
    answered = failures.where(success).groupby(events[IDENTITY]).ffill().groupby(events[IDENTITY]).shift()
    return failures - answered.fillna(0.0)


def _hour_in_pandas(events: pd.DataFrame, success: pd.Series, before: pd.Series) -> pd.Series:
    """Weights grow with time, so that a cumulated sum is a decayed one."""
    time = events["time"]
    weight = np.exp2((time - time.min()) / HALF_LIFE)
    learnt, hour = weight.where(success, 0.0), time.dt.hour + 24 * time.dt.dayofweek.ge(5)
    count, mass = _sum_before_in_pandas(learnt, events[IDENTITY], hour), _sum_before_in_pandas(learnt, events[IDENTITY])
    rarity: pd.Series = -np.log((count + 0.5 * weight) / (mass + weight))
    return rarity.where(before.gt(0))


def _hosting_in_pandas(events: pd.DataFrame, success: pd.Series) -> pd.Series:
    """How far the flag lies from its decayed mean so far."""
    time, hosting = events["time"], events["network.hosting"].astype("Float64").astype(float)
    learnt = np.exp2((time - time.min()) / HALF_LIFE).where(success & hosting.notna(), 0.0)
    total = _sum_before_in_pandas(learnt * hosting.fillna(0.0), events[IDENTITY])
    mass = _sum_before_in_pandas(learnt, events[IDENTITY])
    unlike: pd.Series = (hosting - total / mass).abs()
    return unlike.where(mass.gt(0))


def in_polars(events: pl.DataFrame) -> pl.DataFrame:
    """The five features by window expressions, in one lazy query."""
    import polars as pl

    outcome, time = pl.col("action.outcome"), pl.col("time")
    success = outcome.eq("success").fill_null(False)
    failed = outcome.is_in(["failure", "denied"]).fill_null(False)
    age = (time - time.min()).dt.total_microseconds() / (HALF_LIFE / pd.Timedelta(microseconds=1))
    query = events.lazy().with_columns(
        success=success,
        failed=failed.cast(pl.Int64),
        before=_sum_before_in_polars(success.cast(pl.Int64), IDENTITY),
        weight=pl.lit(2.0).pow(age),
        hour=time.dt.hour() + 24 * (time.dt.weekday() >= 6),
    )
    return query.select(
        country_is_new=_country_in_polars(),
        asn_changed_in_session=_asn_in_polars(),
        failure_streak=_streak_in_polars(),
        hour_rarity=_hour_in_polars(),
        hosting_unlike_usual=_hosting_in_polars(),
    ).collect()


def _sum_before_in_polars(values: pl.Expr, *groups: str) -> pl.Expr:
    """The sum of a group's values before each row."""
    return values.cum_sum().over(groups) - values


def _country_in_polars() -> pl.Expr:
    import polars as pl

    seen = _sum_before_in_polars(pl.col("success").cast(pl.Int64), IDENTITY, COUNTRY)
    known = pl.col(COUNTRY).is_not_null() & (pl.col("before") > 0)
    return pl.when(known).then((seen == 0).cast(pl.Float64))


def _asn_in_polars() -> pl.Expr:
    """The session's first known operator counts only where it lies before the row."""
    import polars as pl

    opening = pl.when("success").then(pl.col(ASN))
    known = _sum_before_in_polars(opening.is_not_null().cast(pl.Int64), IDENTITY, SESSION)
    first = opening.drop_nulls().first().over(IDENTITY, SESSION)
    return pl.when(pl.col(SESSION).is_not_null() & (known > 0)).then((pl.col(ASN) != first).cast(pl.Float64))


def _streak_in_polars() -> pl.Expr:
    """All failures so far minus those up to the last success; one group per streak would be three times slower."""
    import polars as pl

    failures = pl.col("failed").cum_sum()
    answered = pl.when("success").then(failures).forward_fill()
    return (failures - pl.col("failed") - answered.shift().fill_null(0)).over(IDENTITY).cast(pl.Float64)


def _hour_in_polars() -> pl.Expr:
    """Weights grow with time, so that a cumulated sum is a decayed one."""
    import polars as pl

    weight = pl.col("weight")
    learnt = pl.when("success").then(weight).otherwise(0.0)
    count, mass = _sum_before_in_polars(learnt, IDENTITY, "hour"), _sum_before_in_polars(learnt, IDENTITY)
    return pl.when(pl.col("before") > 0).then(-((count + 0.5 * weight) / (mass + weight)).log())


def _hosting_in_polars() -> pl.Expr:
    """How far the flag lies from its decayed mean so far."""
    import polars as pl

    hosting = pl.col("network.hosting").cast(pl.Float64)
    learnt = pl.when(pl.col("success") & hosting.is_not_null()).then("weight").otherwise(0.0)
    total = _sum_before_in_polars(learnt * hosting.fill_null(0.0), IDENTITY)
    mass = _sum_before_in_polars(learnt, IDENTITY)
    return pl.when(mass > 0).then((hosting - total / mass).abs())


def as_pandas(table: pa.Table) -> pd.DataFrame:
    """As a pandas frame: text as categories, which group faster, and flags that may be unknown."""
    flags = {pa.bool_(): pd.BooleanDtype()}.get
    frame: pd.DataFrame = table.to_pandas(strings_to_categorical=True, types_mapper=flags, use_threads=False)
    return frame


def as_polars(table: pa.Table) -> pl.DataFrame:
    """As a polars frame, text as categories."""
    import polars as pl

    return pl.DataFrame(table).with_columns(pl.col(pl.String).cast(pl.Categorical))


def in_order(table: pa.Table) -> pa.Table:
    """The events in the order in which they are replayed."""
    return table.take(pa.array(time_order(rows_of(table))))
