"""Eight keys compared with one at once: where a key stands among the places it may have.

Written as a loop, this search was a third of the whole step, and of what there is to compile. The two functions are
plain Python, which runs with the JIT off; the JIT is told which few instructions they come to.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, types
from numba.np import arrayobj

WAYS = 8
"""How many places of a table a key may stand in; as many keys as a cache line holds."""

Keys = np.ndarray[Any, Any]


def place_of(keys: Keys, key: int) -> int:
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


def holds(keys: Keys, key: int) -> bool:
    """Whether a key is among the first eight.

    >>> holds(np.array([0, 7, 5, 0, 0, 0, 0, 0]), 5)
    True
    """
    return key in keys[:WAYS].tolist()


_typed: Any = extending.type_callable
_lowers: Any = extending.lower_builtin
_INT, _BIT, _EIGHT = ir.IntType(64), ir.IntType(1), ir.VectorType(ir.IntType(64), WAYS)


def array_of(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """The array that is the first argument of what is compiled."""
    made: Any = arrayobj.make_array
    return made(signature.args[0])(context, builder, arguments[0])


def _equal(builder: Any, data: Any, start: Any, key: Any) -> Any:
    """A byte with a bit for each of the eight keys from `start` on, set where it equals this one."""
    first = builder.gep(data, [start], inbounds=True)
    eight = builder.load(builder.bitcast(first, _EIGHT.as_pointer()), align=8)
    wanted = ir.Constant(_EIGHT, ir.Undefined)
    for way in range(WAYS):
        wanted = builder.insert_element(wanted, key, ir.Constant(ir.IntType(32), way))
    return builder.bitcast(builder.icmp_signed("==", eight, wanted), ir.IntType(WAYS))


def _compiled_place_of(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    keys = array_of(context, builder, signature, arguments)
    key = context.cast(builder, arguments[1], signature.args[1], types.int64)
    length = builder.extract_value(keys.shape, 0)
    buckets = builder.lshr(length, _INT(WAYS.bit_length() - 1))
    start = builder.shl(builder.and_(key, builder.sub(buckets, _INT(1))), _INT(WAYS.bit_length() - 1))
    found = builder.zext(_equal(builder, keys.data, start, key), _INT)
    ways = builder.cttz(builder.or_(found, _INT(1 << WAYS)), _BIT(1))
    return builder.add(start, builder.and_(ways, _INT(WAYS - 1)))


def _compiled_holds(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    keys = array_of(context, builder, signature, arguments)
    key = context.cast(builder, arguments[1], signature.args[1], types.int64)
    return builder.icmp_unsigned("!=", _equal(builder, keys.data, _INT(0), key), ir.IntType(WAYS)(0))


def tell(function: Any, result: types.Type, lowered: Any) -> None:
    """Tell the JIT what a function of an array and a number returns, and what it comes to."""

    _typed(function)(lambda _: lambda array, number: result)
    _lowers(function, types.Array, types.Integer)(lowered)


tell(place_of, types.int64, _compiled_place_of)
tell(holds, types.boolean, _compiled_holds)
