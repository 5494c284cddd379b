"""The private parts of numba that the engine uses: nothing else in the project imports `numba.core` or `numba.np`.

`pyproject.toml` allows one minor release of numba, so that a change of these parts is noticed. A function that only
compiled code calls is typed and lowered, and then compiled with its caller: to optimise it by itself, as numba does by
default, would take as long again, for code that nobody calls.
"""

from __future__ import annotations

import gc
import importlib
import sys
from typing import Any, cast

from numba.core import cgutils, compiler, typed_passes, untyped_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import PassManager
from numba.core.registry import CPUDispatcher
from numba.np import arrayobj

__all__ = ["CompiledIntoCallers", "Part", "Whole", "arrayobj", "cgutils", "defer_scipy_probe"]

_PASSES = (
    untyped_passes.TranslateByteCode,
    untyped_passes.FixupArgs,
    untyped_passes.IRProcessing,
    untyped_passes.ReconstructSSA,
    typed_passes.NopythonTypeInference,
    typed_passes.PreLowerStripPhis,
    typed_passes.NativeLowering,
    typed_passes.NoPythonBackend,
)
"""Eight of numba's thirty: the others serve closures, `with`, literals, array expressions, exceptions and reference
counts, which compiled code here does not use."""


class _Linked(JITCodeLibrary):
    """Code that is linked into its callers, and becomes machine code there."""

    _finalize_dynamic_globals: Any  # numba has no types

    def finalize(self) -> None:
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalize_dynamic_globals()
        self._finalized = True


class Whole(compiler.CompilerBase):
    """Compiles what Python calls."""

    def define_pipelines(self) -> list[Any]:
        return [_passes()]

    def compile_extra(self, func: Any) -> Any:
        """Compile with the garbage collector off: it finds little and takes a fifteenth of the time."""
        collecting = gc.isenabled()
        gc.disable()
        try:
            return cast(Any, super()).compile_extra(func)
        finally:
            if collecting:
                gc.enable()


class Part(compiler.CompilerBase):
    """Compiles what only compiled functions call."""

    def define_pipelines(self) -> list[Any]:
        state, linked = self.state, cast(Any, _Linked)
        state.flags.no_compile = True
        state.library = linked(state.targetctx.codegen(), state.func_id.func_qualname)
        return [_passes()]


def _passes() -> Any:
    passes = cast(Any, PassManager)("few")
    for each in _PASSES:
        passes.add_pass(each, each.__name__)
    passes.finalize()
    return passes


class CompiledIntoCallers(CPUDispatcher):
    """A compiled function that only compiled functions call as such; called from Python, it runs as Python."""

    def __call__(self, *arguments: Any) -> Any:
        return self.py_func(*arguments)

    def add_overload(self, cres: Any) -> None:
        """Register the compiled function under a placeholder for its machine code, since it has none."""
        known = cres._replace(entry_point=object())
        context: Any = self.targetctx
        context.insert_user_function(known.entry_point, known.fndesc, [known.library])
        self.overloads[tuple(known.signature.args)] = known


def defer_scipy_probe() -> None:
    """Make numba look for scipy's linear algebra at its first use, not at import.

    Otherwise it imports all of it to see whether it is there, which takes as long as the rest of a start.
    """
    if "numba.np.arraymath" in sys.modules:
        return
    linalg: Any = importlib.import_module("numba.np.linalg")
    probe = linalg.ensure_blas
    linalg.ensure_blas = lambda: None
    try:
        arraymath: Any = importlib.import_module("numba.np.arraymath")
        arraymath.ensure_blas = probe
    finally:
        linalg.ensure_blas = probe
