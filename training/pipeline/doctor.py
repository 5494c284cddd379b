"""What a log can teach: identities, sessions and days by type, the fields it knows, what will be learnt, what not, and
what to do instead. Read before minutes are spent on a training that cannot succeed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.arrays import DAY, Array
from features.event.arrow import conform
from training.data.sessions import visit_keys
from training.data.split import FITTING_UNTIL, TRAINING_SHARES
from training.scenarios.injection import apportion_sessions, count_by_type

COLUMNS = (
    "time",
    "identity.id",
    "identity.type",
    "session.id",
    "action.category",
    "action.outcome",
    "resource.id",
    "network.ip",
    "device.id",
    "device.user_agent",
    "credential.id",
    "authentication.amr",
)
"""The columns that are looked at."""
IDENTITIES, SESSIONS, DAYS = 100, 1_500, 7
"""The smallest log that can train a model."""
TESTED = 4.0
"""Simulated attacks that the test of an unlabelled log should hold, about: a model that met fewer than three is not
promoted."""
IDENTITIES_OF_TYPE = 30
"""Identities of a type below which its attacks and thresholds cannot be measured."""
KNOWN, HARDLY_KNOWN = 0.5, 0.05
"""Shares of events with a field: from the first on it is known, below the second it is not."""
_BLIND: Mapping[str, str] = {
    "session.id": "sessions: each day of an identity stands for one",
    "action.category": "kinds of actions: the words of an action's name stand in",
    "action.outcome": "failures: guessing at sign-ins and denied actions are not seen",
    "resource.id": "resources: unfamiliar ones are not noticed",
    "network.ip": "networks: a stolen session from elsewhere looks like the owner's",
    "device.id": "devices",
    "device.user_agent": "clients: another program on the same account is not noticed",
    "credential.id": "credentials: reuse and age are not seen",
    "authentication.amr": "factors: how strongly somebody signed in is not known",
}
"""By field: what is blind without it."""
INSTEAD = (
    "From day one, without training: start the service with the shipped model (`session-trust serve`); its "
    "thresholds hold for every identity type, and its features are read against your own population once that is "
    "measured from your log."
)


@dataclass(frozen=True)
class TypeSummary:
    """What a log holds of one identity type."""

    name: str
    identities: int
    sessions: int
    days: float
    """Median number of days on which an identity acts."""
    attacks: int
    """Simulated attacks that an unlabelled log would get."""
    tested: float
    """How many of them the test would hold, about."""

    @property
    def learnt(self) -> bool:
        """Whether attacks on this type and its thresholds can be measured."""
        return self.identities >= IDENTITIES_OF_TYPE


@dataclass(frozen=True)
class LogExamination:
    """What a log holds, and what it can teach."""

    events: int
    identities: int
    days: float
    rate: float
    """Share of the sessions that simulated attacks would touch; 0 for a log with labels of its own."""
    types: tuple[TypeSummary, ...]
    known: Mapping[str, float]
    """By field: the share of events that know it."""

    @property
    def sessions(self) -> int:
        """Sessions of all types."""
        return sum(each.sessions for each in self.types)

    @property
    def obstacle(self) -> str | None:
        """Why no model can be trained on this log, and what to do instead, as sentences; None if one can."""
        needs = [
            (self.identities, IDENTITIES, "identities"),
            (self.sessions, SESSIONS, "sessions"),
            (round(self.days, 1), DAYS, "days"),
        ]
        missing = [f"{count:,g} {name} (at least {least:,})" for count, least, name in needs if count < least]
        tested = sum(each.tested for each in self.types)
        if self.rate and tested < TESTED and not missing:
            missing = [f"its test would hold about {tested:.1f} attacks (at least {TESTED:g})"]
        if not missing:
            return None
        return f"this log is too small to train and test a model: {', '.join(missing)}. {INSTEAD}"

    @property
    def learnt(self) -> tuple[str, ...]:
        """What a training on this log learns, as sentences."""
        if self.obstacle:
            return ()
        fields = [name for name in _BLIND if self.known[name] >= KNOWN]
        found = [
            f"{each.name}: {each.identities:,} identities, {each.sessions:,} sessions; about {each.attacks:,} "
            f"simulated attacks, {each.tested:.0f} of them tested"
            for each in self.types
            if each.learnt
        ]
        return (*found, f"habits of {', '.join(fields) or 'actions and times alone'}")

    @property
    def not_learnt(self) -> tuple[str, ...]:
        """What it does not learn, and what stands in, as sentences."""
        small = [
            f"{each.name}: {each.identities:,} identities are fewer than {IDENTITIES_OF_TYPE}, so nothing can be said "
            "of attacks on them; the shipped model's threshold stays in force"
            for each in self.types
            if not each.learnt
        ]
        blind = [
            f"{name} is known of {self.known[name]:.0%} of the events: blind to {text}"
            for name, text in _BLIND.items()
            if self.known[name] < HARDLY_KNOWN
        ]
        return (*small, *blind)


def examine_log(events: pa.Table, rate: float) -> LogExamination:
    """Examine a table of events, of which some columns may be missing; `rate` is the share of sessions that simulated
    attacks would touch. Raises ValueError for an empty log, or a column of the wrong type."""
    if not events.num_rows:
        raise ValueError("the log holds no events")
    events = conform(events)
    attacks = apportion_sessions(count_by_type(events), rate)
    time = events["time"].cast(pa.int64()).to_numpy()
    return LogExamination(
        events=events.num_rows,
        identities=len(events["identity.id"].unique()),
        days=float(time.max() - time.min()) / DAY,
        rate=rate,
        types=tuple(_summarize(events, time // DAY, name, attacks.get(name, 0)) for name in _types(events)),
        known={name: 1.0 - events[name].null_count / events.num_rows for name in _BLIND},
    )


def _types(events: pa.Table) -> list[str]:
    return sorted(events["identity.type"].unique().to_pylist())


def _summarize(events: pa.Table, day: Array, name: str, attacks: int) -> TypeSummary:
    mask = events["identity.type"].to_numpy() == name
    of_type = events.filter(pa.array(mask))
    identity = of_type["identity.id"].combine_chunks().dictionary_encode().indices.to_numpy()
    pairs = np.unique(np.column_stack([identity, day[mask]]), axis=0)
    days = np.bincount(pairs[:, 0])
    keys = np.unique(visit_keys(of_type))
    placed = min(attacks, len(days))
    tested = placed * dict(TRAINING_SHARES)["test"] * (1.0 - FITTING_UNTIL)
    return TypeSummary(name, len(days), int((keys != 0).sum()), float(np.median(days)), placed, tested)
