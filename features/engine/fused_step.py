"""Generates and compiles the step that computes all features of an event and then updates its histories.

The generated module has all features written out (see `codegen`) and is cached under a name that hashes all sources and
versions it was made from: numba's own cache looks at a function's own file only, and would keep old results when a
feature in another file changes. There is one compiled entry, since every further one would compile all features again.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import numpy as np

from features.arrays import Array
from features.catalogue.registration import Feature
from features.engine.codegen import functions_of
from features.event.countries import DISTANCES
from features.event.row_fields import ROW
from features.hashing import digest_of, digest_of_file
from features.history.evidence.fields import ACTION, EVIDENCE, INSTANCE, NETWORK, RESOURCE
from features.history.layout import CREDENTIAL, IDENTITY, SESSION, copied, empty
from features.history.population import POPULATION, empty_population
from features.kernels.forest_kernel import add_leaf_values
from features.kernels.hash_table import find_positions
from features.kernels.numba_internals import defer_scipy_probe
from features.kernels.tree_shap_kernel import add_shares
from features.settings import get_settings

PACKAGE = Path(__file__).resolve().parent.parent
"""All of `features`: compiled code may call anything in it, so the cache key hashes all of it."""
POSITIONS = 4
"""Four indices for each event: its row, and the records of its identity, session and credential."""
PREFETCH_DISTANCE = 3
"""How many events ahead a row is prefetched; its histories are prefetched one event ahead."""
_FIRST_POSITION = np.zeros((1, POSITIONS), np.int64)
_READ_ONLY = -1
_LAYOUTS = (ROW, IDENTITY, SESSION, CREDENTIAL, POPULATION)

Records = tuple[Array, Array, Array]
"""The histories of identities, sessions and credentials."""


@dataclass(frozen=True)
class Step:
    """The compiled step over a number of features, and what is compiled with it: `hash_table.find_positions` and
    `rehash`, `tree_shap_kernel.add_shares`, and `forest_kernel.add_leaf_values`.

    Within the step, an event's features are a record with a field for each, by name, which needs no index check.
    """

    kernel: Callable[..., None]
    find_positions: Callable[..., None]
    rehash: Callable[..., None]
    add_shares: Callable[..., None]
    add_leaf_values: Callable[..., None]
    width: int

    def run(self, rows: Array, positions: Array, records: Records, population: Array, values: Array) -> None:
        """Compute the features of the rows that `positions`, shape (n, POSITIONS), names, in that order, into the same
        rows of `values`, shape (rows, F), and update histories by the logged outcomes. Raises IndexError for a position
        out of range."""
        if values.shape != (len(rows), self.width) or (positions[:, 0] < 0).any():
            raise IndexError("a position has no row in `values`")
        self.kernel(
            rows, positions, *records, population, np.zeros(1, EVIDENCE), values.reshape(-1, copy=False), AS_LOGGED
        )

    def compile(self) -> None:
        """Compile now, or load from the cache, what the first event and the first score would wait for."""
        if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # numba makes its settings at run time
            _ = self._single_event_entry

    def read(self, row: Array, identity: Array, session: Array, credential: Array, population: Array) -> Array:
        """The features of one event, shape (F,); changes nothing. Every record has shape (1,).

        Only the identity's counts decay before features are computed, hence the copy.
        """
        return self.read_and_update(row, copied(identity), session, credential, population, _READ_ONLY)

    def read_and_update(
        self, row: Array, identity: Array, session: Array, credential: Array, population: Array, outcome: int
    ) -> Array:
        """The features of one event, shape (F,); then the update of its three records, in place, in one call."""
        values = np.empty(self.width)
        known = (row.dtype, identity.dtype, session.dtype, credential.dtype, population.dtype) == _LAYOUTS
        (self._single_event_entry if known else self.kernel)(
            row, _FIRST_POSITION, identity, session, credential, population, empty(EVIDENCE), values, outcome
        )
        return values

    @cached_property
    def _single_event_entry(self) -> Callable[..., None]:
        """The compiled code for records of the known layouts, called without numba's dispatch on argument types, which
        takes longer than the features of an event."""
        if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # numba makes its settings at run time
            return self.kernel
        records = empty(IDENTITY), empty(SESSION), empty(CREDENTIAL)
        kernel: Any = self.kernel
        types = tuple(
            map(
                numba.typeof,
                (np.empty(1, ROW), _FIRST_POSITION, *records, empty_population(), empty(EVIDENCE), np.empty(1), 0),
            )
        )
        kernel.compile(types)
        entry: Callable[..., None] = kernel.overloads[types].entry_point
        return entry


def compile_step(features: tuple[Feature, ...]) -> Step:
    """The step over these features, compiled once for all processes that have the same sources and home folder."""
    defer_scipy_probe()
    module = _loaded(features, _fingerprint(features))
    kernel, find_positions = module.run, module.find_positions
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # numba makes its settings at run time
        kernel, find_positions = _with_record_views(kernel), _with_record_views(find_positions)
    return Step(kernel, find_positions, module.rehash, module.add_shares, module.add_leaf_values, len(features))


_FIND_PARAMETERS, _SHAP_PARAMETERS, _FOREST_PARAMETERS = (
    ", ".join(inspect.signature(function).parameters) for function in (find_positions, add_shares, add_leaf_values)
)


def _source(features: tuple[Feature, ...]) -> str:
    functions = functions_of(features)
    reads = "\n".join(f"        {call}" for call in functions)
    return f"""# Generated by features/engine/fused_step.py; never edited.
import numpy as np
from features.kernels.bucket_table import bucket_start
from features.kernels.prefetch import prefetch_record_at, prefetch_bucket, prefetch_record
from features.history.evidence.of_event import weigh_event
from features.history.evidence.frequencies import value_key_of
from features.history.update import decay_to, update_histories
from features.kernels.compilation import entry, jit
from features.kernels.hash_table import find_positions as _find_positions
from features.kernels.hash_table import lower_record_view, record_position
from features.kernels.hash_table import rehash as _rehash
from features.kernels.forest_kernel import add_leaf_values as _add_leaf_values
from features.kernels.tree_shap_kernel import add_shares as _add_shares

{"".join(functions.values())}READ = np.dtype((np.record, [(name, "f8") for name in {[f.name for f in features]}]))

def read_into(values, position):
    return values.view(READ)[position]

lower_record_view(read_into, READ)

@entry
def run(rows, positions, identities, sessions, credentials, populations, evidences, values, outcome):
    population, evidence = populations[0], evidences[0]
    for i in range(len(positions)):
        event = rows[positions[i, 0]]
        identity = identities[record_position(identities, positions[i, 1])]
        session = sessions[record_position(sessions, positions[i, 2])]
        credential = credentials[record_position(credentials, positions[i, 3])]
        if i + 1 < len(positions):
            coming = rows[positions[i + 1, 0]]
            kind = coming.identity_type
            actions, operators = population.action_key[kind], population.asn_key[kind]
            prefetch_bucket(actions, population.action_rarity[kind], bucket_start(actions, coming.action))
            prefetch_bucket(operators, population.asn_rarity[kind], bucket_start(operators, coming.asn))
            seen, amounts = population.value_key, population.value_amount
            prefetch_bucket(seen, amounts, bucket_start(seen, value_key_of(kind, {ACTION}, coming.action)))
            prefetch_bucket(seen, amounts, bucket_start(seen, value_key_of(kind, {RESOURCE}, coming.resource)))
            prefetch_bucket(seen, amounts, bucket_start(seen, value_key_of(kind, {INSTANCE}, coming.instance)))
            prefetch_bucket(seen, amounts, bucket_start(seen, value_key_of(kind, {NETWORK}, coming.network)))
            prefetch_record_at(identities, positions[i + 1, 1])
            if positions[i + 1, 1] >= 0:
                who = identities[positions[i + 1, 1]]
                prefetch_bucket(who.action_key, who.action_count, bucket_start(who.action_key, coming.action))
            prefetch_record_at(sessions, positions[i + 1, 2])
            prefetch_record_at(credentials, positions[i + 1, 3])
            prefetch_record(read_into(values, positions[i + 1, 0]))
        if i + {PREFETCH_DISTANCE} < len(positions):
            prefetch_record_at(rows, positions[i + {PREFETCH_DISTANCE}, 0])
        decay_to(event, identity)
        weigh_event(event, identity, session, population, evidence)
        read = read_into(values, positions[i, 0])
{reads}
        if outcome != {_READ_ONLY}:
            applied = event.outcome if outcome == {AS_LOGGED} else outcome
            update_histories(event, read, evidence, identity, session, credential, applied)

@entry
def find_positions({_FIND_PARAMETERS}):
    _find_positions({_FIND_PARAMETERS})

@entry
def rehash(slots, wider):
    _rehash(slots, wider)

@entry
def add_shares({_SHAP_PARAMETERS}):
    _add_shares({_SHAP_PARAMETERS})

@entry
def add_leaf_values({_FOREST_PARAMETERS}):
    _add_leaf_values({_FOREST_PARAMETERS})
"""


AS_LOGGED = -2
"""Update histories by the outcome in each event's own row."""


def _fingerprint(features: tuple[Feature, ...]) -> str:
    parts = [*(f"{f.module}.{f.name}" for f in features), numba.__version__, np.__version__, sys.version]
    parts += [path.read_text() for path in sorted(PACKAGE.rglob("*.py"))]
    parts += [digest_of_file(DISTANCES)]  # compiled in
    return digest_of("\0".join(parts).encode())[7:27]


def _loaded(features: tuple[Feature, ...], fingerprint: str) -> ModuleType:
    folder = get_settings().ensure_home() / "compiled"
    folder.mkdir(exist_ok=True)
    path = folder / f"step_{fingerprint}.py"
    if not path.exists():
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(_source(features))
        draft.replace(path)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded: delete it and try again")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _with_record_views(function: Callable[..., None]) -> Callable[..., None]:
    """With the JIT off: records give their fields as attributes only when viewed as record arrays, and numpy warns when
    an integer wraps, as compiled ones do silently."""

    def call(*arguments: Any) -> None:
        with np.errstate(over="ignore"):
            function(*(a.view(np.recarray) if isinstance(a, np.ndarray) and a.dtype.names else a for a in arguments))

    return call
