"""Functions that the JIT replaces by instructions given here, as LLVM IR, instead of compiling their Python."""

from __future__ import annotations

from typing import Any

from numba import extending, types

from features.kernels.numba_internals import arrayobj

_typed: Any = extending.type_callable
_lowers: Any = extending.lower_builtin


def array_argument(context: Any, builder: Any, signature: Any, arguments: Any, index: int = 0) -> Any:
    """An array argument (the first) of the function that is lowered."""
    made: Any = arrayobj.make_array
    return made(signature.args[index])(context, builder, arguments[index])


def lower(function: Any, result: types.Type, lowered: Any, parameters: Any = (types.Array, types.Integer)) -> None:
    """Register how the JIT types a function of these parameters, and the code it is lowered to."""
    typers = {1: lambda a: result, 2: lambda a, b: result, 3: lambda a, b, c: result}
    _typed(function)(lambda _: typers[len(parameters)])
    _lowers(function, *parameters)(lowered)
