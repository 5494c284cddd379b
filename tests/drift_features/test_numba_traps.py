"""The eleven ways in which compiled features were seen to go wrong, each held shut."""

import math
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.random_events import random_events

from features.arrays import NAN, NEVER, Array
from features.catalogue.all import FEATURES, feature_names
from features.catalogue.registration import FeatureError, _validate_record, features_in
from features.engine.batch import replay, time_order
from features.engine.batch_state import BatchState
from features.engine.fused_step import compile_step
from features.engine.online import fold, vector
from features.event.arrow import table_of
from features.event.numpy_row import row_of, rows_of
from features.event.row_fields import ROW
from features.event.schema import Event
from features.history.layout import CREDENTIAL, IDENTITY, SESSION, History, empty
from features.history.population import (
    POPULATION,
    empty_population,
    load_population,
    measure_population,
    save_population,
)
from features.kernels import decayed_counts as formulas
from features.kernels.compilation import OPTIONS

ROOT = Path(__file__).parents[2]
LAYOUTS = {"ROW": ROW, "IDENTITY": IDENTITY, "SESSION": SESSION, "CREDENTIAL": CREDENTIAL, "POPULATION": POPULATION}


def test_1_an_edit_in_another_file_is_not_answered_from_the_cache(tmp_path: Path) -> None:
    """numba's cache knows a function's own file only; ours is named after all of them."""
    shutil.copytree(ROOT / "features", tmp_path / "features")
    (tmp_path / "data").symlink_to(ROOT / "data")
    program = (
        "import numpy as np; from features.engine.fused_step import compile_step\n"
        "from features.catalogue.all import FEATURES\n"
        "from features.history.layout import History; from features.history.population import empty_population\n"
        "from features.event.numpy_row import row_from\n"
        "h = History.empty(); one = [f.name for f in FEATURES].index('anonymizer_in_use')\n"
        "row = row_from({'anonymizer': 1.0})\n"
        "print(compile_step(FEATURES).read(row, h.identity, h.session, h.credential, empty_population())[one])\n"
    )

    def run() -> str:
        home = {"SESSION_TRUST_HOME": str(tmp_path / "home")}
        command = [sys.executable, "-c", program]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=tmp_path, env=os.environ | home
        ).stdout.strip()

    before = run()
    file = tmp_path / "features" / "catalogue" / "network.py"
    file.write_text(file.read_text().replace("return event.anonymizer", "return event.anonymizer + 1.0"))

    assert (before, run()) == ("1.0", "2.0")


def test_1_what_is_read_from_a_file_is_not_compiled_for_again(tmp_path: Path) -> None:
    """numpy forgets in a file that a layout is aligned, and numba would take it for another."""
    save_population(empty_population(), tmp_path / "population.npy")

    assert load_population(tmp_path / "population.npy").dtype.isalignedstruct


@pytest.mark.parametrize("name", LAYOUTS)
def test_2_no_field_hides_behind_an_attribute_of_numpy(name: str) -> None:
    """With the JIT off, a field named `mean` or `data` would give numpy's own."""
    assert [field for field in LAYOUTS[name].names or () if hasattr(np.record, field)] == []


@pytest.mark.parametrize("name", LAYOUTS)
def test_3_every_field_is_a_whole_word(name: str) -> None:
    """Small integers wrap in Python and widen under the JIT."""
    kinds = {str(LAYOUTS[name][field].base) for field in LAYOUTS[name].names or ()}

    assert kinds <= {"int64", "float64"}


@pytest.mark.parametrize(
    ("field", "reason"),
    [(("device", "i8"), "also an attribute of numpy.record"), (("small", "i4"), "fields are int64 or float64")],
)
def test_2_and_3_are_refused_at_registration(field: tuple[str, str], reason: str) -> None:
    """A layout with such a field is refused with its name."""
    with pytest.raises(FeatureError, match=f"it.{field[0]} is .*{reason}"):
        _validate_record("it", np.dtype([field]))


KEYS, COUNTS = np.zeros(8, np.int64), np.zeros(8)


@pytest.mark.parametrize(
    ("measure_of", "arguments"),
    [
        (formulas.surprise, [(c * w, m * w, w) for c in (0.0, 1e9) for m in (0.0, 1e9) for w in (2.0**-1000, 1.0)]),
        (formulas.rarity, [(KEYS, COUNTS, k, m, 1.0) for k in (0, 1, 2**62) for m in (0.0, 1.0)]),
        (formulas.above_usual, [(n, t, m) for n in (0.0, math.nan, 1e300) for t in (0.0, 1.0) for m in (0.0, 1.0)]),
        (formulas.seconds_between, [(a, b) for a in (NEVER, 0, 2**62) for b in (NEVER, 0, 2**62)]),
        (formulas.decay_factor, [(s, h) for s in (0.0, 1.0, 5e9) for h in (60.0, 2_592_000.0)]),
        (formulas.distance_km, [(a, b, c, 180.0) for a in (-90.0, 90.0) for b in (-180.0, 0.0) for c in (90.0, NAN)]),
        (formulas.log_of_one_more, [(x,) for x in (0.0, 1e-320, 1e300, math.nan)]),
    ],
)  # fmt: skip
def test_4_and_5_domain_errors_are_guarded(measure_of: Any, arguments: list[tuple[Any, ...]]) -> None:
    """log(0), sqrt(-1), exp(1000) raise in Python and give a number under the JIT: neither is reached."""
    results = [measure_of(*a) for a in arguments]

    assert [a for a, r in zip(arguments, results, strict=True) if math.isinf(r)] == []


def test_5_an_unknown_number_stays_unknown() -> None:
    """`max(0.0, nan)` is 0.0: no feature hides what is not known behind it."""
    values = dict(zip(feature_names(), vector(row_of(_bare()), History.empty(), empty_population()), strict=True))

    known = {f.name for f in FEATURES if f.always} | {"first_write_after_reads"}
    said = {name for name, value in values.items() if not math.isnan(value)}

    assert said - known == {"person_like_rhythm", "machine_like_rhythm", "person_like_client"} & said


def _bare() -> Event:
    return Event.model_validate(
        {"time": "2026-01-01T00:00:00Z", "identity": {"id": "new", "type": "human"}, "action": {"name": "x"}}
    )


def test_6_an_index_out_of_bounds_is_an_error() -> None:
    """Without the check a bad index reads whatever lies there."""
    step = compile_step(FEATURES)
    records = empty(IDENTITY), empty(SESSION), empty(CREDENTIAL)
    beyond = np.array([[0, 5, 0, 0]])

    with pytest.raises(IndexError):
        step.run(row_of(_bare()), beyond, records, empty_population(), np.empty((1, len(FEATURES))))


def test_7_no_bit_is_given_up_for_speed() -> None:
    """Nothing is compiled with fastmath."""
    options = [f.function.targetoptions for f in FEATURES]

    assert ([o for o in options if o.get("fastmath")], "fastmath" in OPTIONS) == ([], False)


def test_8_ties_are_broken_by_the_event_and_not_by_the_input() -> None:
    """Where all events of an identity fall into one microsecond, their order in the file changes nothing."""
    events = [
        e.model_copy(update={"id": f"own-{i}", "time": _bare().time}) for i, e in enumerate(random_events(200, 3))
    ]
    shuffled = np.random.default_rng(4).permutation(len(events))
    population = measure_population(table_of(events))

    again = replay(table_of([events[i] for i in shuffled]), population)

    assert again.tobytes() == replay(table_of(events), population)[shuffled].tobytes()


def test_9_a_late_event_inflates_nothing() -> None:
    """A negative gap would raise decayed counts to a power: it counts as none, and the clock stays."""
    early, late = _bare(), _bare().model_copy(update={"time": _bare().time.replace(year=2020)})
    history = History.empty()
    for event in (early, late):
        fold(row_of(event), history, empty_population(), 1)

    assert (history.identity["rate"][0], history.identity["clock"][0]) == (2.0, row_of(early)["time"][0])


def test_10_threads_share_no_buffer(tmp_path: Path) -> None:
    """Eight threads replaying eight logs get what one gets, bit for bit."""
    tables = [table_of(random_events(400, seed)) for seed in range(8)]
    population = measure_population(tables[0])

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda table: replay(table, population).tobytes(), tables))

    assert together == [replay(table, population).tobytes() for table in tables]


def test_11_a_name_used_twice_is_refused() -> None:
    """A misspelt field is refused at registration (see the contract); so is a second feature of one name."""
    from features.catalogue import network

    with pytest.raises(FeatureError, match=r"defined twice, in .*network_is_new"):
        features_in(network, network)


def test_any_cut_of_a_stream_gives_the_same(tmp_path: Path) -> None:
    """Batches of one, seven or a thousand events: the histories are carried across them bit for bit."""
    rows = rows_of(table_of(random_events(1_500, seed=9)))
    rows = rows[time_order(rows)]

    def in_batches(size: int) -> bytes:
        state = BatchState(empty_population())
        parts: list[Array] = [state.read_and_update(rows[i : i + size]) for i in range(0, len(rows), size)]
        return np.concatenate(parts).tobytes()

    assert len({in_batches(size) for size in (1, 7, 1_000, 1_500)}) == 1


@pytest.mark.parametrize("stretch", [1, 1_000_000, 2**63])
def test_8_any_rows_are_sorted_as_by_time_then_id_then_place(stretch: int) -> None:
    """However many bits the times leave to the ids: near in order, out of order, tied, without ids or without times."""
    random = np.random.default_rng(3)
    rows = np.zeros(5_000, ROW)
    rows["time"] = (np.arange(5_000) + random.normal(0, 9, 5_000)) // 7
    rows["event_key"] = random.integers(0, 40, 5_000) << random.choice([0, 30, 57], 5_000)
    rows["time"][[7, 70]] = 0, stretch - 1 if stretch < 2**63 else NEVER
    shuffled = rows[random.permutation(5_000)]

    assert [time_order(r).tolist() for r in (rows, shuffled)] == [
        np.lexsort((r["event_key"], r["time"])).tolist() for r in (rows, shuffled)
    ]
