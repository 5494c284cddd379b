"""Decorators that compile functions over records and arrays: into their callers (`jit`), or for Python (`entry`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

from features.kernels.numba_internals import CompiledIntoCallers, Part, Whole

OPTIONS: dict[str, Any] = {"error_model": "numpy", "boundscheck": True, "nogil": True, "_nrt": False}
"""Options of all compiled code: numpy's results for domain errors, checked indices, no fastmath (it changes bits), no
reference counts (nothing is allocated)."""

_FROM_PYTHON: dict[str, Any] = {"pipeline_class": Whole, "no_cfunc_wrapper": True}
_WITHIN: dict[str, Any] = {
    "pipeline_class": Part,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "forceinline": True,
}

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile a function into its compiled callers, at their first use.

    It gets no wrapper for calls from Python, which would take a third of the time to compile.
    """
    return _part(function, OPTIONS)


def unchecked(function: Function) -> Function:
    """The same without index checks, which prevent vectorisation; for functions whose indices are known to be valid."""
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
