"""The private parts of numba that the engine uses: nothing else in the project imports `numba.core` or `numba.np`.

`pyproject.toml` admits one minor release of numba, so that a change of these parts is met on purpose. A function that
is only part of another one is typed and lowered, and left to that one: optimised and made into machine code by itself,
as numba does by default, it takes as long again, for code that nobody calls.
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
"""Eight of numba's thirty; the others are for closures, `with`, literals, array expressions, raising and counting
references to memory, none of which there is."""


class _Linked(JITCodeLibrary):
    """Code that is linked into other code, and made into machine code there."""

    _finalize_dynamic_globals: Any  # numba has no types

    def finalize(self) -> None:
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalize_dynamic_globals()
        self._finalized = True


class Whole(compiler.CompilerBase):
    """Compiles what Python calls.

    No two of its arrays may overlap where it writes: so nothing is read again because something else was written.
    """

    def define_pipelines(self) -> list[Any]:
        self.state.flags.noalias = True  # which numba has no option for
        return [_passes()]

    def compile_extra(self, func: Any) -> Any:
        """Looks for no garbage meanwhile: there is little, and looking takes a fifteenth of the time."""
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
        """Remember what was compiled, under an object that stands for the machine code there is none of."""
        known = cres._replace(entry_point=object())
        context: Any = self.targetctx
        context.insert_user_function(known.entry_point, known.fndesc, [known.library])
        self.overloads[tuple(known.signature.args)] = known


def defer_scipy_probe() -> None:
    """Let numba look for scipy's linear algebra when it is used, not when numba starts.

    numba imports all of it to see whether it is there, which takes as long as the rest of a start.
    """
    if "numba.np.arraymath" in sys.modules:
        return
    linalg: Any = importlib.import_module("numba.np.linalg")
    look = linalg.ensure_blas
    linalg.ensure_blas = lambda: None
    try:
        arraymath: Any = importlib.import_module("numba.np.arraymath")
        arraymath.ensure_blas = look
    finally:
        linalg.ensure_blas = look
