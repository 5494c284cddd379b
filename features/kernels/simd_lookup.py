"""Eight keys compared with one at once: where a key stands among the places it may have.

Written as loops, these searches were a third of the whole step, and of what there is to compile. The functions are
plain Python, which runs with the JIT off; the JIT is told which few instructions they come to.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, types

from features.kernels.numba_internals import arrayobj

WAYS = 8
"""How many places of a table a key may stand in; as many keys as a cache line holds."""

Numbers = np.ndarray[Any, Any]


def place_of(keys: Numbers, key: int) -> int:
    """Where a key stands if the table holds it, else the first of the places it may stand in.

    A table's length is WAYS times a power of two, and no key stands in it twice.

    >>> table = np.array([0, 7, 5, 0, 0, 0, 0, 0])
    >>> place_of(table, 5), place_of(table, 6)
    (2, 0)
    """
    start = (key & (len(keys) // WAYS - 1)) * WAYS
    for place in range(start, start + WAYS):
        if keys[place] == key:
            return place
    return start


def amount_of(keys: Numbers, amounts: Numbers, key: int, otherwise: float) -> float:
    """What stands beside a key in a table as long, or something else where the table does not hold it.

    >>> amount_of(np.array([0, 7, 5, 0, 0, 0, 0, 0]), np.arange(8.0), 5, -1.0)
    2.0
    """
    place = place_of(keys, key)
    return float(amounts[place]) if keys[place] == key else otherwise


def least_of(amounts: Numbers, start: int) -> int:
    """Where the smallest of eight stands, the first if there are several.

    >>> least_of(np.array([9, 9, 9, 9, 9, 9, 9, 9, 7, 3, 5, 3, 8, 8, 8, 8]), 8)
    9
    """
    return start + int(amounts[start : start + WAYS].argmin())


def holds(keys: Numbers, key: int) -> bool:
    """Whether a key is among the first eight.

    >>> holds(np.array([0, 7, 5, 0, 0, 0, 0, 0]), 5)
    True
    """
    return key in keys[:WAYS].tolist()


_typed: Any = extending.type_callable
_lowers: Any = extending.lower_builtin
_INT, _BIT = ir.IntType(64), ir.IntType(1)


def array_of(context: Any, builder: Any, signature: Any, arguments: Any, place: int = 0) -> Any:
    """The array that is an argument, the first, of what is compiled."""
    made: Any = arrayobj.make_array
    return made(signature.args[place])(context, builder, arguments[place])


def _eight(builder: Any, data: Any, start: Any, kind: Any) -> Any:
    """The eight numbers of an array that begin at a place, as one value."""
    first = builder.gep(data, [start], inbounds=True)
    return builder.load(builder.bitcast(first, ir.VectorType(kind, WAYS).as_pointer()), align=8)


def _equal(builder: Any, compare: Any, eight: Any, one: Any) -> Any:
    """A byte with a bit for each of eight numbers, set where it equals this one."""
    wanted = ir.Constant(eight.type, ir.Undefined)
    for way in range(WAYS):
        wanted = builder.insert_element(wanted, one, ir.Constant(ir.IntType(32), way))
    return builder.bitcast(compare("==", eight, wanted), ir.IntType(WAYS))


def _holding(builder: Any, keys: Any, start: Any, key: Any) -> Any:
    return _equal(builder, builder.icmp_signed, _eight(builder, keys.data, start, _INT), key)


def _first(builder: Any, bits: Any) -> Any:
    """The place of the first bit that is set in a byte; 0 if none is."""
    first = builder.cttz(builder.or_(builder.zext(bits, _INT), _INT(1 << WAYS)), _BIT(1))
    return builder.and_(first, _INT(WAYS - 1))


def start_of(builder: Any, keys: Any, key: Any) -> Any:
    """The first of the eight places a key may stand in."""
    length = builder.extract_value(keys.shape, 0)
    buckets = builder.lshr(length, _INT(WAYS.bit_length() - 1))
    return builder.shl(builder.and_(key, builder.sub(buckets, _INT(1))), _INT(WAYS.bit_length() - 1))


def _found(builder: Any, keys: Any, key: Any) -> tuple[Any, Any]:
    """Where a key stands or may stand, and whether it stands there."""
    start = start_of(builder, keys, key)
    found = _holding(builder, keys, start, key)
    return builder.add(start, _first(builder, found)), builder.icmp_unsigned("!=", found, found.type(0))


def _compiled_place_of(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    keys = array_of(context, builder, signature, arguments)
    return _found(builder, keys, context.cast(builder, arguments[1], signature.args[1], types.int64))[0]


def _compiled_amount_of(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    keys = array_of(context, builder, signature, arguments)
    amounts = array_of(context, builder, signature, arguments, 1)
    place, held = _found(builder, keys, context.cast(builder, arguments[2], signature.args[2], types.int64))
    amount = builder.load(builder.gep(amounts.data, [place], inbounds=True))
    return builder.select(held, amount, arguments[3])


def _compiled_least_of(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    amounts, whole = array_of(context, builder, signature, arguments), signature.args[0].dtype == types.int64
    kind, name = (_INT, "smin.v8i64") if whole else (ir.DoubleType(), "fmin.v8f64")
    eight = _eight(builder, amounts.data, arguments[1], kind)
    least = ir.FunctionType(kind, [eight.type])
    least = builder.call(builder.module.declare_intrinsic(f"llvm.vector.reduce.{name}", (), least), [eight])
    equal = _equal(builder, builder.icmp_signed if whole else builder.fcmp_ordered, eight, least)
    return builder.add(arguments[1], _first(builder, equal))


def _compiled_holds(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    keys = array_of(context, builder, signature, arguments)
    held = _holding(builder, keys, _INT(0), context.cast(builder, arguments[1], signature.args[1], types.int64))
    return builder.icmp_unsigned("!=", held, held.type(0))


def tell(function: Any, result: types.Type, lowered: Any, taken: Any = (types.Array, types.Integer)) -> None:
    """Tell the JIT what a function returns, of an array and a number if not told otherwise, and what it comes to."""

    typers = {1: lambda a: result, 2: lambda a, b: result, 3: lambda a, b, c: result, 4: lambda a, b, c, d: result}
    _typed(function)(lambda _: typers[len(taken)])
    _lowers(function, *taken)(lowered)


tell(place_of, types.int64, _compiled_place_of)
tell(amount_of, types.float64, _compiled_amount_of, (types.Array, types.Array, types.Integer, types.Float))
tell(least_of, types.int64, _compiled_least_of)
tell(holds, types.boolean, _compiled_holds)
