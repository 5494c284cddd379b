"""Generates and compiles the step that reads all features of an event and folds it.

The generated module has all features written out, see `spliced`, and is kept under a name that hashes all sources and
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
from features.event.row_fields import ROW
from features.hashing import digest_of
from features.history.layout import CREDENTIAL, IDENTITY, SESSION, copied, empty
from features.history.population import POPULATION, unmeasured
from features.kernels.forest_kernel import add_leaf_values
from features.kernels.hash_table import find
from features.kernels.numba_internals import defer_scipy_probe
from features.kernels.tree_shap_kernel import add_shares
from features.settings import get_settings

PACKAGE = Path(__file__).resolve().parent.parent
"""All of `features`: what is compiled may call anything in it, so the cache hashes all of it."""
PLACES = 4
"""Each event has four: its row's, and where its identity, session and credential are remembered."""
AHEAD = 3
"""How many events before it is worked on a row is asked for: what it is about is asked for one event before."""
_FIRST = np.zeros((1, PLACES), np.int64)
_NO_FOLD = -1
_LAYOUTS = (ROW, IDENTITY, SESSION, CREDENTIAL, POPULATION)

Records = tuple[Array, Array, Array]
"""The histories of identities, sessions and credentials."""


@dataclass(frozen=True)
class Step:
    """The compiled step over a number of features, and what is compiled with it: `places.find`, `places.spread` and
    `shares.add_shares`, and `forest_kernel.add_leaf_values`.

    Within, what is read of an event is a record of one field a feature, by its name; such places need no check.
    """

    kernel: Callable[..., None]
    find: Callable[..., None]
    spread: Callable[..., None]
    add_shares: Callable[..., None]
    add_leaf_values: Callable[..., None]
    width: int

    def run(self, rows: Array, places: Array, records: Records, population: Array, values: Array) -> None:
        """Read the rows named by `places`, shape (n, PLACES), in that order, each into its own place of `values`, shape
        (rows, F), and fold them as logged. Raises IndexError for a place there is none of."""
        if values.shape != (len(rows), self.width) or (places[:, 0] < 0).any():
            raise IndexError("what is read has no place among the values")
        self.kernel(rows, places, *records, population, values.reshape(-1, copy=False), AS_LOGGED)

    def compile(self) -> None:
        """Compile now, or read from the cache, what the first event and the first score would wait for."""
        if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # numba makes its settings at run time
            _ = self._one

    def read(self, row: Array, identity: Array, session: Array, credential: Array, population: Array) -> Array:
        """The features of one event, shape (F,); changes nothing. Every record has shape (1,).

        Only the identity ages before it is read, hence the copy.
        """
        return self.turn(row, copied(identity), session, credential, population, _NO_FOLD)

    def turn(
        self, row: Array, identity: Array, session: Array, credential: Array, population: Array, outcome: int
    ) -> Array:
        """The features of one event, shape (F,), and then its fold into three records, in place, in one call."""
        values = np.empty(self.width)
        known = (row.dtype, identity.dtype, session.dtype, credential.dtype, population.dtype) == _LAYOUTS
        (self._one if known else self.kernel)(row, _FIRST, identity, session, credential, population, values, outcome)
        return values

    @cached_property
    def _one(self) -> Callable[..., None]:
        """The compiled code for records of the known layouts, called without numba looking at the type of each
        argument, which takes longer than the features of an event."""
        if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # numba makes its settings at run time
            return self.kernel
        records = empty(IDENTITY), empty(SESSION), empty(CREDENTIAL)
        kernel: Any = self.kernel
        types = tuple(map(numba.typeof, (np.empty(1, ROW), _FIRST, *records, unmeasured(), np.empty(1), 0)))
        kernel.compile(types)
        entry: Callable[..., None] = kernel.overloads[types].entry_point
        return entry


def compiled(features: tuple[Feature, ...]) -> Step:
    """The step over these features, compiled once for all processes that have the same sources and home folder."""
    defer_scipy_probe()
    module = _loaded(features, _fingerprint(features))
    kernel, finds = module.run, module.find
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # numba makes its settings at run time
        kernel, finds = _with_attributes(kernel), _with_attributes(finds)
    return Step(kernel, finds, module.spread, module.add_shares, module.add_leaf_values, len(features))


_FIND, _SHARES, _LEAVES = (
    ", ".join(inspect.signature(function).parameters) for function in (find, add_shares, add_leaf_values)
)


def _source(features: tuple[Feature, ...]) -> str:
    functions = functions_of(features)
    reads = "\n".join(f"        {call}" for call in functions)
    return f"""# Generated by features/engine/fused_step.py; never edited.
import numpy as np
from features.kernels.prefetch import fetch, fetch_beside, fetch_record
from features.history.update import age, take_in
from features.kernels.compilation import entry, jit
from features.kernels.hash_table import find as _find
from features.kernels.hash_table import own, tell_record
from features.kernels.hash_table import spread as _spread
from features.kernels.forest_kernel import add_leaf_values as _add_leaf_values
from features.kernels.tree_shap_kernel import add_shares as _add_shares

{"".join(functions.values())}READ = np.dtype((np.record, [(name, "f8") for name in {[f.name for f in features]}]))

def read_into(values, place):
    return values.view(READ)[place]

tell_record(read_into, READ)

@entry
def run(rows, places, identities, sessions, credentials, populations, values, outcome):
    population = populations[0]
    for i in range(len(places)):
        event = rows[places[i, 0]]
        identity = identities[own(identities, places[i, 1])]
        session = sessions[own(sessions, places[i, 2])]
        credential = credentials[own(credentials, places[i, 3])]
        if i + 1 < len(places):
            coming = rows[places[i + 1, 0]]
            kind = coming.identity_type
            fetch_beside(population.action_key[kind], population.action_rarity[kind], coming.action)
            fetch_beside(population.asn_key[kind], population.asn_rarity[kind], coming.asn)
            fetch(identities, places[i + 1, 1])
            fetch(sessions, places[i + 1, 2])
            fetch(credentials, places[i + 1, 3])
            fetch_record(read_into(values, places[i + 1, 0]))
        if i + {AHEAD} < len(places):
            fetch(rows, places[i + {AHEAD}, 0])
        age(event, identity)
        read = read_into(values, places[i, 0])
{reads}
        if outcome != {_NO_FOLD}:
            take_in(event, read, identity, session, credential, event.outcome if outcome == {AS_LOGGED} else outcome)

@entry
def find({_FIND}):
    _find({_FIND})

@entry
def spread(slots, wider):
    _spread(slots, wider)

@entry
def add_shares({_SHARES}):
    _add_shares({_SHARES})

@entry
def add_leaf_values({_LEAVES}):
    _add_leaf_values({_LEAVES})
"""


AS_LOGGED = -2
"""Fold every event by the outcome in its own row."""


def _fingerprint(features: tuple[Feature, ...]) -> str:
    parts = [*(f"{f.module}.{f.name}" for f in features), numba.__version__, np.__version__, sys.version]
    parts += [path.read_text() for path in sorted(PACKAGE.rglob("*.py"))]
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


def _with_attributes(function: Callable[..., None]) -> Callable[..., None]:
    """With the JIT off, records give their fields as attributes only when viewed as record arrays, and numbers that are
    too large wrap as compiled ones do, but not without a word."""

    def call(*arguments: Any) -> None:
        with np.errstate(over="ignore"):
            function(*(a.view(np.recarray) if isinstance(a, np.ndarray) and a.dtype.names else a for a in arguments))

    return call
