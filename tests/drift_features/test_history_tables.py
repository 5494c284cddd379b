"""What a full table gives up, and what it costs to push out a habit."""

import numpy as np
import pytest

from features.arrays import SECOND
from features.catalogue.all import feature_names
from features.engine.batch_state import BatchState
from features.engine.online import fold
from features.event.numpy_row import row_from
from features.history import half_lives
from features.history.layout import CREDENTIAL, IDENTITY, SESSION, History, empty
from features.history.packed_records import pack_record
from features.history.population import empty_population
from features.history.update import CHALLENGED, FAILURE, SUCCESS
from features.kernels.bucket_table import BUCKET
from features.kernels.decayed_counts import add, count_of

OWN = 8 * 1_000_003
"""A key of the owner's. All multiples of 8 x 4 share its bucket, whatever the table's size."""

NOBODY = empty_population()


def a_table(places: int = BUCKET) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(places, np.int64), np.zeros(places)


def rival(number: int) -> int:
    """A key that competes for the same places as the owner's."""
    return OWN + 32 * (number + 1)


@pytest.mark.parametrize("places", [BUCKET, 2 * BUCKET, 4 * BUCKET])
@pytest.mark.parametrize("habit", [1.5, 10.0, 300.0])
def test_strangers_seen_once_never_push_out_a_habit(places: int, habit: float) -> None:
    """However many there are, and all of them aimed at the owner's places."""
    keys, counts = a_table(places)
    add(keys, counts, OWN, habit)
    for number in range(10_000):
        add(keys, counts, rival(number), 1.0)

    assert count_of(keys, counts, OWN) == habit


@pytest.mark.parametrize("habit", [1, 2, 10, 100])
def test_pushing_out_a_habit_takes_seven_times_its_own_count(habit: int) -> None:
    """The cheapest attack brings seven rivals to the habit's count first; one event less does not do."""

    def after(events: int) -> float:
        keys, counts = a_table()
        add(keys, counts, OWN, float(habit))
        cheapest = [rival(i) for i in range(BUCKET - 1) for _ in range(habit)] + [rival(99)]
        for key in cheapest[:events]:
            add(keys, counts, key, 1.0)
        return count_of(keys, counts, OWN)

    bound = (BUCKET - 1) * habit

    assert (after(bound), after(bound + 1)) == (float(habit), 0.0)


def test_no_order_of_events_beats_the_bound() -> None:
    """A thousand random attacks of as many events as the bound allows leave the habit where it is."""
    rng, habit = np.random.default_rng(3), 12
    left = []
    for _ in range(1_000):
        keys, counts = a_table()
        add(keys, counts, OWN, float(habit))
        for number in rng.integers(0, rng.integers(1, 12), (BUCKET - 1) * habit):
            add(keys, counts, rival(int(number)), 1.0)
        left.append(count_of(keys, counts, OWN))

    assert min(left) == habit


@pytest.mark.parametrize("outcome", [0, 2, 3, CHALLENGED])
def test_only_what_succeeds_can_push_at_all(outcome: int) -> None:
    """Denied and challenged requests leave every table as it was."""
    history = History.empty()
    fold(
        row_from({"time": 1, "network": OWN, "action": 5, "category": 1, "known": 1.0}),
        history,
        NOBODY,
        SUCCESS,
    )
    before = history.identity["network_key"].tobytes(), history.identity["network_count"].tobytes()
    for number in range(100):
        fold(
            row_from({"time": 2 + number, "network": rival(number), "action": 5, "known": 1.0}),
            history,
            NOBODY,
            outcome,
        )

    assert (history.identity["network_key"].tobytes(), history.identity["network_count"].tobytes()) == before


def test_histories_stay_within_what_is_promised() -> None:
    """At most 10 KiB an identity and 1.2 KiB a session with its credential; stored, what is empty takes no room."""
    assert (IDENTITY.itemsize <= 10_240, SESSION.itemsize + CREDENTIAL.itemsize <= 1_200) == (True, True)
    assert len(pack_record(empty(IDENTITY))) < 300


def felt(history: History, name: str) -> float:
    """What a counter is worth now; a habit's is kept in units of what an event of now weighs."""
    value = float(history.identity[name][0])
    return value / float(history.identity["weight"][0]) if name == "mass" else value


@pytest.mark.parametrize(
    ("name", "half_life"),
    [
        ("mass", half_lives.HABIT),
        ("rate", half_lives.RATE),
        ("pace", half_lives.PACE),
        ("failures", half_lives.FAILURE),
        ("sign_in_failures", half_lives.SIGN_IN_FAILURE),
        ("prompts", half_lives.PROMPT),
    ],
)
def test_what_fades_halves_in_its_half_life(name: str, half_life: float) -> None:
    """Each half-life is what it is called."""
    history = History.empty()
    first = {"time": 0, "action": 1, "category": 14, "known": 1.0}
    for outcome in (SUCCESS, FAILURE):
        fold(row_from(first), history, NOBODY, outcome)
    before = felt(history, name)
    fold(row_from(first | {"time": int(half_life * SECOND)}), history, NOBODY, CHALLENGED)

    assert felt(history, name) / before == pytest.approx(0.5, rel=1e-9)


def test_what_was_seen_stays_seen_through_a_hundred_years() -> None:
    """Nothing overflows and nothing is lost to rounding between 1970 and 2100."""
    rows = np.repeat(
        row_from({"identity_key": 1, "action": 5, "network": 7, "category": 1, "known": 3.0, "outcome": 1}), 1_310
    )
    rows["time"] = np.arange(1_310) * 36_525 * 86_400 * SECOND // 1_000
    values = BatchState(NOBODY).read_and_update(rows)

    last = dict(zip(feature_names(), values[-1], strict=True))

    assert (last["network_is_new"], last["network_rarity"] < 0.7) == (0.0, True)


def test_memory_grows_with_who_is_seen_and_not_with_events() -> None:
    """After 200,000 events of one identity without a session, one record is kept."""
    rows = np.repeat(row_from({"identity_key": 1, "action": 5, "known": 3.0, "outcome": 1}), 200_000)
    rows["time"] = np.arange(len(rows)) * SECOND
    state = BatchState(NOBODY)
    for start in range(0, len(rows), 20_000):
        state.read_and_update(rows[start : start + 20_000])

    assert state.counts == (1, 0, 0)
