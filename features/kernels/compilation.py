"""How functions over records and arrays are compiled: into their callers (`jit`), or as what Python calls (`entry`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

from features.kernels.numba_internals import CompiledIntoCallers, Part, Whole

OPTIONS: dict[str, Any] = {"error_model": "numpy", "boundscheck": True, "nogil": True, "_nrt": False}
"""How everything is compiled: numpy's results for domain errors, checked indices, no fastmath (it changes bits), and no
counting of references, since nothing is allocated."""

_FROM_PYTHON: dict[str, Any] = {"pipeline_class": Whole, "no_cfunc_wrapper": True}
_WITHIN: dict[str, Any] = {
    "pipeline_class": Part,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "forceinline": True,
}

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile a function at its first use by another compiled one, as a part of it.

    It gets none of the wrappers by which Python could call machine code, which take a third of the time to compile.
    """
    return _part(function, OPTIONS)


def unchecked(function: Function) -> Function:
    """The same of a function whose every place is known to be there: what asks first cannot do several at once."""
    return _part(function, OPTIONS | {"boundscheck": False})


def _part(function: Function, options: dict[str, Any]) -> Function:
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # numba makes its settings at run time
        return function
    compiled: Any = numba.njit(**options, **_WITHIN)(function)
    compiled.__class__ = CompiledIntoCallers
    return compiled


def entry(function: Function) -> Function:
    """Compile what Python calls, and keep it on disk."""
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # numba makes its settings at run time
        return function
    compiled: Function = numba.njit(cache=True, **OPTIONS, **_FROM_PYTHON)(function)
    return compiled
