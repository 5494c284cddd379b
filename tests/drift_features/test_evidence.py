"""Evidence that somebody else acts: against a plain reading of its formulas, and what it promises."""

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from features.arrays import SECOND, Array
from features.catalogue.all import feature_names
from features.engine.batch import replay_rows
from features.engine.batch_state import BatchState
from features.engine.online import fold, vector
from features.event.numpy_row import row_from
from features.hashing import key_of
from features.history.layout import History
from features.history.population import empty_population, measure_rows
from features.history.update import CHALLENGED, FAILURE, SUCCESS

NOBODY = empty_population()
HALF_LIFE = 30 * 86_400 * SECOND


def rows_of_people(people: int, each: int, seed: int) -> Array:
    """People with values of their own and some that up to three share, in sessions of ten."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(people * each):
        person = number % people
        own = (
            int(rng.integers(4)) + 10 * person if rng.random() < 0.7 else 900 + 3 * (person % 2) + int(rng.integers(3))
        )
        rows.append(
            row_from(
                {
                    "time": number * 60 * SECOND,
                    "identity_key": person + 1,
                    "identity_type": 1,
                    "session_key": 1 + number // people // 10,
                    "action": key_of(f"action {own}"),
                    "verb": 1 + own % 3,
                    "resource": 0 if rng.random() < 0.2 else key_of(f"resource {own}"),
                    "network": key_of(f"network {person if rng.random() < 0.8 else -(person % 2)}"),
                    "outcome": SUCCESS if rng.random() < 0.9 else FAILURE,
                    "known": 5.0,
                }
            )
        )
    return np.concatenate(rows)


def read(rows: Array, population: Array) -> dict[str, Array]:
    return dict(zip(feature_names(), replay_rows(rows, population).T, strict=True))


class Own:
    """What an identity did, each event counting by its age."""

    def __init__(self) -> None:
        self.counts: dict[str, defaultdict[Any, float]] = defaultdict(lambda: defaultdict(float))
        self.known: defaultdict[str, float] = defaultdict(float)
        self.firsts: defaultdict[str, float] = defaultdict(float)

    def age(self, factor: float) -> None:
        for counter in (*self.counts.values(), self.known, self.firsts):
            for key in counter:
                counter[key] *= factor

    def learn(self, values: dict[str, Any]) -> None:
        for field, value in values.items():
            self.firsts[field] += self.counts[field][value] == 0
            self.counts[field][value] += 1
            self.known[field] += 1


def within(bits: float, least: float = -5.0, most: float = 8.0) -> float:
    return min(max(bits, least), most)


def expected(rows: Array, window: Array) -> Iterator[dict[str, float]]:
    """The bits of action, resource, network and step by their formulas, with dictionaries."""
    everyone, of = Own(), defaultdict[int, Own](Own)
    for _, values, who, outcome in walked(window):
        if outcome == SUCCESS:
            everyone.learn(values)
            of[who].learn(values)
    past, last = defaultdict[int, Own](Own), dict[int, int]()
    for row, values, who, outcome in walked(rows):
        own, mine = past[who], of[who]
        own.age(0.5 ** ((row["time"] - last.get(who, row["time"])) / HALF_LIFE))
        last[who] = row["time"]
        bits: dict[str, float] = {}
        for field in ("action", "resource", "network"):
            if field in values:
                bits[field] = compared(field, values[field], own, everyone, mine)
        bits["step"] = of_step(values, own, everyone, mine)
        yield bits
        if outcome == SUCCESS:
            own.learn(values)


def walked(rows: Array) -> Iterator[tuple[Any, dict[str, Any], int, int]]:
    """Each row with its values; an action's context is the last success of its session."""
    before: dict[tuple[int, int], int] = {}
    for row in rows:
        place = (int(row["identity_key"]), int(row["session_key"]))
        values: dict[str, Any] = {field: int(row[field]) for field in ("action", "resource", "network") if row[field]}
        values["context"] = before.get(place, "start")
        values["step"] = (values["context"], values["action"])
        yield row, values, place[0], int(row["outcome"])
        if row["outcome"] == SUCCESS:
            before[place] = values["action"]


def compared(field: str, value: int, own: Own, everyone: Own, mine: Own) -> float:
    total = everyone.known[field] - mine.known[field]
    others = everyone.counts[field][value] - mine.counts[field][value]
    share = (others + 0.5) / (total + 0.5 * sum(count > 0 for count in everyone.counts[field].values()) + 1)
    known, firsts, count = own.known[field], own.firsts[field], own.counts[field][value]
    if known == 0:
        return 0.0
    escape = (firsts + 0.5) / (known + firsts + 1)
    if count == 0:
        return within(math.log2(0.5 / escape), 0.0)
    return within(math.log2(share / ((1 - escape) * count / known)) * known / (known + 3))


def of_step(values: dict[str, Any], own: Own, everyone: Own, mine: Own) -> float:
    def others(field: str, value: Any) -> float:
        return float(everyone.counts[field][value] - mine.counts[field][value])

    total, known = everyone.known["action"] - mine.known["action"], own.known["action"]
    share = (others("action", values["action"]) + 0.5) / (total + 250)
    shared = 1 - 0.8 * known / (known + 8)
    usual = (own.counts["action"][values["action"]] + 2 * (shared * share + (1 - shared) / 500)) / (known + 2)
    first = values["context"] == "start"
    context = own.counts["context"]["start"] if first else own.counts["action"][values["context"]]
    place = others("context", "start") if first else others("action", values["context"])
    step, theirs = own.counts["step"][values["step"]], others("step", values["step"])
    itself = (step + 2 * usual) / (max(context, step) + 2)
    return within(math.log2((theirs + 2 * share) / (max(place, theirs) + 2) / itself), -8.0)


def test_the_bits_are_those_of_the_formulas() -> None:
    """Over 900 events of five people, with the window's own counts left out of the others'."""
    rows = rows_of_people(5, 180, seed=1)
    window = rows[:450]

    got = read(rows, measure_rows(window))

    for number, bits in enumerate(expected(rows, window)):
        for field, value in bits.items():
            assert got[f"{field}_evidence"][number] == pytest.approx(value, rel=1e-9, abs=1e-9), (number, field)


def test_anothers_work_stands_out_and_the_own_does_not() -> None:
    """A session of one person's actions under another's name raises every sum of it; the person's own session none."""
    rows = rows_of_people(6, 200, seed=2)
    population = measure_rows(rows[:600])
    own = np.flatnonzero(rows["identity_key"] == 1)[-10:]
    theirs = np.flatnonzero(rows["identity_key"] == 2)[-10:]
    taken = rows.copy()
    for field in ("action", "verb", "resource", "network"):
        taken[field][own] = rows[field][theirs]
    honest, stolen = read(rows, population), read(taken, population)
    sums = ["step_evidence_in_session", "resource_evidence_in_session", "evidence_in_session", "recent_evidence"]

    assert [name for name in sums if stolen[name][own[-1]] < honest[name][own].max() + 1.0] == []


def test_what_only_the_identity_does_is_not_what_others_do() -> None:
    """Its own events of the window are not counted among the others': no others did its own actions."""
    rows = rows_of_people(5, 100, seed=3)
    population = measure_rows(rows)
    with_its_own, stranger = rows[rows["identity_key"] == 1], rows[rows["identity_key"] == 1].copy()
    stranger["identity_key"] = 99
    mine = np.isin(with_its_own["action"], [key_of(f"action {own}") for own in range(4)])

    known = read(with_its_own, population)["action_evidence"][mine][20:]
    taken_for_others = read(stranger, population)["action_evidence"][mine][20:]

    assert (taken_for_others > known).all()


def event(**numbers: Any) -> Array:
    return row_from({"identity_key": 1, "identity_type": 1, "known": 1.0, "outcome": SUCCESS} | numbers)


def test_a_session_without_a_name_ends_after_half_an_hour() -> None:
    """Events that name no session belong together until their identity was idle for more than thirty minutes."""
    minutes = [0, 10, 20, 49, 80]
    rows = np.concatenate([event(time=minute * 60 * SECOND, action=5 + minute) for minute in minutes])
    requests = BatchState(NOBODY)
    counted = []
    for row in rows:
        requests.read_and_update(np.array([row]))
        counted.append(float(requests._kinds[0].records["loose_sum"][0, 12]))

    assert counted == [1.0, 2.0, 3.0, 4.0, 1.0]


def history_under_attack() -> tuple[History, Array, Array]:
    """A person with a past, in a session that has just done what others do; the population, and a usual read."""
    rows = rows_of_people(6, 200, seed=4)
    population = measure_rows(rows[:900])
    history = History.empty()
    for row in rows[rows["identity_key"] == 1]:
        fold(np.array([row]), History(history.identity, history.session, history.credential), population, SUCCESS)
    history = History(history.identity, History.empty().session, history.credential)
    theirs = rows[rows["identity_key"] == 2][-10:].copy()
    theirs["identity_key"], theirs["session_key"], theirs["time"] = 1, 77, rows["time"].max() + 1
    for row in theirs:
        fold(np.array([row]), history, population, SUCCESS)
    usual = rows[rows["identity_key"] == 1][-1:].copy()
    usual["session_key"], usual["time"] = 77, rows["time"].max() + 2
    return history, population, usual


@pytest.mark.parametrize("reads", [5, 20, 60, 200])
def test_no_number_of_usual_reads_hides_what_was_done(reads: int) -> None:
    """The highest evidence of the session stays, whatever comes after it."""
    history, population, usual = history_under_attack()
    place = feature_names().index("highest_evidence_in_session")
    before = vector(usual, history, population)[place]
    for _ in range(reads):
        fold(usual, history, population, SUCCESS)

    assert vector(usual, history, population)[place] == before > 10.0


def test_what_was_challenged_moves_no_sum() -> None:
    """As it teaches no habit either."""
    history, population, usual = history_under_attack()
    before = history.session["evidence_sum"].tobytes(), history.identity["step_cusum_sum"].tobytes()
    fold(usual, history, population, CHALLENGED)

    assert (history.session["evidence_sum"].tobytes(), history.identity["step_cusum_sum"].tobytes()) == before


def test_without_a_past_or_others_the_evidence_is_nil() -> None:
    """Known fields weigh nothing where there is nothing to compare, unknown ones are unknown."""
    values = dict(
        zip(feature_names(), vector(event(time=1, action=5, network=7), History.empty(), NOBODY), strict=True)
    )

    assert (values["action_evidence"], values["network_evidence"], values["step_evidence"]) == (0.0, 0.0, 0.0)
    assert math.isnan(values["resource_evidence"])


def test_more_failures_before_a_success_never_say_less() -> None:
    """147 failed passwords and then a success say more than 20, without a limit, and fade with the day."""
    said = []
    for failures in (0, 1, 20, 147, 3_000):
        history = History.empty()
        attempt = event(time=1, action=5, category=14)
        for _ in range(failures):
            fold(attempt, history, NOBODY, FAILURE)
        fold(attempt, history, NOBODY, SUCCESS)
        later = event(time=86_400 * SECOND + 1, action=5)
        at = feature_names().index("failures_before_success")
        said.append((vector(attempt, history, NOBODY)[at], vector(later, history, NOBODY)[at]))

    now, tomorrow = zip(*said, strict=True)
    assert now == pytest.approx([math.log2(1 + n) for n in (0, 1, 20, 147, 3_000)])
    assert tomorrow == pytest.approx([math.log2(1 + n / 2) for n in (0, 1, 20, 147, 3_000)])


def test_what_had_to_be_forgotten_is_counted() -> None:
    """Of 4,000 actions an identity keeps 128; nearly each new one pushes another out."""
    rows = np.repeat(event(time=0, action=1), 4_000)
    rows["time"], rows["action"] = np.arange(4_000) * SECOND, np.arange(4_000) * 7_919 + 1
    few = rows.copy()
    few["action"] = 7_919 * (1 + np.arange(4_000) % 5)

    forgotten = [read(some, NOBODY)["habits_forgotten_share"][-1] for some in (rows, few)]

    assert (forgotten[0] > 0.9, forgotten[1]) == (True, 0.0)
