"""What pandas and polars take for five of the features, written as their own users would, beside ours for all of them.

The five are those that both can say exactly, and in whole columns: is it new, how did the session begin, what happened
since the last success, how rare is the hour, how fast was the journey. A count that fades in minutes is not among them:
neither library has a decayed sum over uneven times, and cumulated exponentials overflow within a week.

Both take events in the order of replay and give rows in that order. What is unknown is NaN in pandas, null in polars.
"""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from features import feature_names, rows_of
from features.catalogue.travel import COARSE_KM, FINE_KM
from features.engine.batch import replay_rows, time_order
from features.history.population import measure
from scripts.benchmarks.timing import side_by_side
from training import simulate

if TYPE_CHECKING:
    import polars as pl

FIVE = ("country_is_new", "asn_changed_in_session", "failure_streak", "hour_rarity", "speed_km_per_hour")
WHO, SESSION, COUNTRY, ASN = "identity.id", "session.id", "network.country", "network.asn"
PLACE = ["network.latitude", "network.longitude", "time"]
OURS = "session-trust"
DIAMETER_KM = 12_742.0
HALF_LIFE = pd.Timedelta(days=30)
ROUNDS = 9
"""Each is timed so often, and the best counts."""
EVENTS_PER_IDENTITY = 200
"""About how many a simulated identity makes in five weeks; rather too few, so that enough are simulated."""


def in_pandas(events: pd.DataFrame) -> pd.DataFrame:
    """The five features by groupby, cumulated sums and shifts."""
    success = events["action.outcome"].eq("success")
    before = _sum_before_in_pandas(success, events[WHO])
    return pd.DataFrame(
        {
            "country_is_new": _country_in_pandas(events, success, before),
            "asn_changed_in_session": _asn_in_pandas(events, success),
            "failure_streak": _streak_in_pandas(events, success),
            "hour_rarity": _hour_in_pandas(events, success, before),
            "speed_km_per_hour": _speed_in_pandas(events, success),
        }
    )


def _sum_before_in_pandas(values: pd.Series, *groups: pd.Series) -> pd.Series:
    """The sum of a group's values before each row."""
    return values.groupby(list(groups)).cumsum() - values


def _country_in_pandas(events: pd.DataFrame, success: pd.Series, before: pd.Series) -> pd.Series:
    seen = _sum_before_in_pandas(success, events[WHO], events[COUNTRY])
    return seen.eq(0).astype(float).where(events[COUNTRY].notna() & before.gt(0))


def _asn_in_pandas(events: pd.DataFrame, success: pd.Series) -> pd.Series:
    """The session's first known operator is read only where it lies before the row."""
    opening, session = events[ASN].where(success), [events[WHO], events[SESSION]]
    known = _sum_before_in_pandas(opening.notna(), *session)
    first = opening.groupby(session).transform("first")
    return events[ASN].ne(first).astype(float).where(events[ASN].notna() & known.gt(0))


def _streak_in_pandas(events: pd.DataFrame, success: pd.Series) -> pd.Series:
    """All failures so far less those up to the last success; a group for every streak would be three times slower."""
    failed = events["action.outcome"].isin(["failure", "denied"])
    failures = _sum_before_in_pandas(failed, events[WHO])
    answered = failures.where(success).groupby(events[WHO]).ffill().groupby(events[WHO]).shift()
    return failures - answered.fillna(0.0)


def _hour_in_pandas(events: pd.DataFrame, success: pd.Series, before: pd.Series) -> pd.Series:
    """Counts are kept in growing weights, so that a cumulated sum is a decayed one."""
    time = events["time"]
    weight = np.exp2((time - time.min()) / HALF_LIFE)
    learnt, hour = weight.where(success, 0.0), time.dt.hour + 24 * time.dt.dayofweek.ge(5)
    count, mass = _sum_before_in_pandas(learnt, events[WHO], hour), _sum_before_in_pandas(learnt, events[WHO])
    rarity: pd.Series = -np.log((count + 0.5 * weight) / (mass + weight))
    return rarity.where(before.gt(0))


def _speed_in_pandas(events: pd.DataFrame, success: pd.Series) -> pd.Series:
    exit_ = events["network.hosting"].eq(True).fillna(False) | events["network.anonymizer"].eq(True).fillna(False)
    here = events[PLACE].where(~exit_ & events[PLACE].notna().all(axis=1))
    last = here.where(success).groupby(events[WHO]).ffill().groupby(events[WHO]).shift()
    (north, east, at), (last_north, last_east, last_at) = (
        (np.radians(f[PLACE[0]]), np.radians(f[PLACE[1]]), f["time"]) for f in (here, last)
    )
    chord = np.sin((north - last_north) / 2) ** 2
    chord += np.cos(north) * np.cos(last_north) * np.sin((east - last_east) / 2) ** 2
    far = DIAMETER_KM * np.arcsin(np.sqrt(chord.clip(upper=1.0))) - _off_in_pandas(here) - _off_in_pandas(last)
    speed: pd.Series = far.clip(lower=0.0) / ((at - last_at).dt.total_seconds().clip(lower=60.0) / 3_600.0)
    return speed


def _off_in_pandas(places: pd.DataFrame) -> Any:
    """How far off a place may be, in km: more where only whole degrees are given."""
    return np.where(places[PLACE[:2]].mod(1).eq(0).all(axis=1), COARSE_KM, FINE_KM)


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
        before=_sum_before_in_polars(success.cast(pl.Int64), WHO),
        weight=pl.lit(2.0).pow(age),
        hour=time.dt.hour() + 24 * (time.dt.weekday() >= 6),
    )
    return query.select(
        country_is_new=_country_in_polars(),
        asn_changed_in_session=_asn_in_polars(),
        failure_streak=_streak_in_polars(),
        hour_rarity=_hour_in_polars(),
        speed_km_per_hour=_speed_in_polars(),
    ).collect()


def _sum_before_in_polars(values: pl.Expr, *groups: str) -> pl.Expr:
    """The sum of a group's values before each row."""
    return values.cum_sum().over(groups) - values


def _country_in_polars() -> pl.Expr:
    import polars as pl

    seen = _sum_before_in_polars(pl.col("success").cast(pl.Int64), WHO, COUNTRY)
    known = pl.col(COUNTRY).is_not_null() & (pl.col("before") > 0)
    return pl.when(known).then((seen == 0).cast(pl.Float64))


def _asn_in_polars() -> pl.Expr:
    """The session's first known operator is read only where it lies before the row."""
    import polars as pl

    opening = pl.when("success").then(pl.col(ASN))
    known = _sum_before_in_polars(opening.is_not_null().cast(pl.Int64), WHO, SESSION)
    first = opening.drop_nulls().first().over(WHO, SESSION)
    return pl.when(pl.col(SESSION).is_not_null() & (known > 0)).then((pl.col(ASN) != first).cast(pl.Float64))


def _streak_in_polars() -> pl.Expr:
    """All failures so far less those up to the last success; a group for every streak would be three times slower."""
    import polars as pl

    failures = pl.col("failed").cum_sum()
    answered = pl.when("success").then(failures).forward_fill()
    return (failures - pl.col("failed") - answered.shift().fill_null(0)).over(WHO).cast(pl.Float64)


def _hour_in_polars() -> pl.Expr:
    """Counts are kept in growing weights, so that a cumulated sum is a decayed one."""
    import polars as pl

    weight = pl.col("weight")
    learnt = pl.when("success").then(weight).otherwise(0.0)
    count, mass = _sum_before_in_polars(learnt, WHO, "hour"), _sum_before_in_polars(learnt, WHO)
    return pl.when(pl.col("before") > 0).then(-((count + 0.5 * weight) / (mass + weight)).log())


def _speed_in_polars() -> pl.Expr:
    import polars as pl

    columns = [pl.col(name) for name in PLACE]
    exit_ = pl.any_horizontal(pl.col("network.hosting", "network.anonymizer").fill_null(False))
    located = ~exit_ & columns[0].is_not_null() & columns[1].is_not_null()
    here = [pl.when(located).then(column) for column in columns]
    last = [pl.when(pl.col("success")).then(column).forward_fill().shift().over(WHO) for column in here]
    (north, east), (last_north, last_east) = ([c.radians() for c in place[:2]] for place in (here, last))
    chord = ((north - last_north) / 2).sin().pow(2)
    chord += north.cos() * last_north.cos() * ((east - last_east) / 2).sin().pow(2)
    far = DIAMETER_KM * chord.clip(upper_bound=1.0).sqrt().arcsin() - _off_in_polars(here) - _off_in_polars(last)
    seconds = (here[2] - last[2]).dt.total_microseconds() / 1e6
    return far.clip(lower_bound=0.0) / (seconds.clip(lower_bound=60.0) / 3_600.0)


def _off_in_polars(place: Sequence[pl.Expr]) -> pl.Expr:
    """How far off a place may be, in km: more where only whole degrees are given."""
    import polars as pl

    return pl.when((place[0] % 1 == 0) & (place[1] % 1 == 0)).then(COARSE_KM).otherwise(FINE_KM)


def as_pandas(table: pa.Table) -> pd.DataFrame:
    """Text as categories, so that grouping by it does not read it again and again; flags that may be unknown."""
    flags = {pa.bool_(): pd.BooleanDtype()}.get
    frame: pd.DataFrame = table.to_pandas(strings_to_categorical=True, types_mapper=flags, use_threads=False)
    return frame


def as_polars(table: pa.Table) -> pl.DataFrame:
    """The same for polars."""
    import polars as pl

    return pl.DataFrame(table).with_columns(pl.col(pl.String).cast(pl.Categorical))


def in_order(table: pa.Table) -> pa.Table:
    """The events in the order in which they are replayed."""
    return table.take(pa.array(time_order(rows_of(table))))


def simulated(rows: int) -> pa.Table:
    """The first events of a simulated world of five weeks."""
    identities = max(20, math.ceil(rows / EVENTS_PER_IDENTITY))
    return simulate(1, identities=identities, days=35).events.slice(0, rows)


def compare(rows: int, events: pa.Table | None = None) -> dict[str, Any]:
    """Times on the same events, with one thread and, but for pandas, with two; and how far they agree.

    `events` are simulated where none are given.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # read when polars is first imported, here
    table = in_order((simulated(rows) if events is None else events).slice(0, rows))
    alone, (values, frame, other) = _timed(table, 1)
    return {
        "events": table.num_rows,
        "timings": [*alone, *_with_threads(2, table)],
        "agreeing": {name: (_agreeing(values, frame, name), _agreeing(values, other, name)) for name in FIVE},
    }


def _timed(table: pa.Table, threads: int) -> tuple[list[dict[str, Any]], list[Any]]:
    """Who takes how long, and what came out: ours, pandas where one thread is asked for, polars.

    Ours is compiled beforehand, as in every process but a build's first.
    """
    population = measure(table)
    replay_rows(rows_of(table.slice(0, 1)), population)
    who: dict[str, tuple[Callable[[pa.Table], Any], Callable[[Any], Any], int]] = {
        OURS: (rows_of, partial(replay_rows, population=population, threads=threads), len(feature_names())),
        "pandas": (as_pandas, in_pandas, len(FIVE)),
        "polars": (as_polars, in_polars, len(FIVE)),
    }
    if threads > 1:
        del who["pandas"]
    reading = [partial(reads, table) for reads, _, _ in who.values()]
    making = [partial(made, read()) for (_, made, _), read in zip(who.values(), reading, strict=True)]
    out = [made() for made in making]
    each = zip(who.items(), side_by_side(reading, ROUNDS), side_by_side(making, ROUNDS), strict=True)
    return [_timing(name, count, threads, *seconds) for (name, (_, _, count)), *seconds in each], out


def _with_threads(threads: int, table: pa.Table) -> list[dict[str, Any]]:
    """The same in a process of its own: how many threads polars has is decided once for all, when it is imported."""
    before = os.environ["POLARS_MAX_THREADS"]
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    try:
        with TemporaryDirectory() as folder, ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            pq.write_table(table, path := Path(folder) / "events.parquet")
            return pool.submit(_timed_from, path, threads).result()
    finally:
        os.environ["POLARS_MAX_THREADS"] = before


def _timed_from(path: Path, threads: int) -> list[dict[str, Any]]:
    return _timed(pq.read_table(path), threads)[0]


def _timing(who: str, features: int, threads: int, reading: float, seconds: float) -> dict[str, Any]:
    return {"who": who, "features": features, "threads": threads, "reading": reading, "seconds": seconds}


def _agreeing(values: Any, theirs: Any, name: str) -> float:
    """The share of rows in which they say what ours says, to a billionth; unknown agrees with unknown."""
    ours = values[:, feature_names().index(name)]
    return float(np.isclose(theirs[name].to_numpy(), ours, rtol=1e-9, atol=1e-9, equal_nan=True).mean())


def main(
    rows: Annotated[int, typer.Option(help="How many events, from the first.")] = 200_000,
    events: Annotated[Path | None, typer.Option(help="Your own events (Parquet); else they are simulated.")] = None,
) -> None:
    """Print what each takes, and in what share of the rows pandas and polars agree with ours."""
    found = compare(rows, pq.read_table(events) if events else None)
    count = found["events"]
    print(f"{count:,} events of {events or 'a simulated world'}, best of {ROUNDS}")
    print(f"{'':14}{'features':>9}{'threads':>9}{'reading s':>11}{'features s':>12}{'ns an event and feature':>25}")
    for t in found["timings"]:
        each = t["seconds"] / count / t["features"] * 1e9
        line = f"{t['who']:14}{t['features']:9}{t['threads']:9}{t['reading']:11.2f}{t['seconds']:12.2f}{each:25.0f}"
        print(line)
    for name, (pandas, polars) in found["agreeing"].items():
        print(f"{name}: {pandas:.4%} of rows agree in pandas, {polars:.4%} in polars")


if __name__ == "__main__":
    typer.run(main)
