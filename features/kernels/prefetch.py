"""Asking for what the next event needs while this one is worked on: memory answers slower than a feature is read."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from features.arrays import Array, Record
from features.kernels.simd_lookup import array_of, start_of, tell

LINE = 64
"""Bytes that memory gives at once."""


def fetch(records: Array, place: int) -> None:
    """Ask the processor for a record that is needed soon; changes nothing, whatever the place."""


def fetch_record(record: Record) -> None:
    """Ask for a record of which only the place is known so far."""


def fetch_beside(keys: Array, amounts: Array, key: int) -> None:
    """Ask for the places in a table that a key may have, and what stands beside them."""


_BYTES, _NUMBER = ir.IntType(8).as_pointer(), ir.IntType(32)
_TO_READ, _TO_KEEP, _DATA = _NUMBER(0), _NUMBER(3), _NUMBER(1)


def _ask(builder: Any, first: Any, offset: int) -> None:
    ask = builder.module.declare_intrinsic(
        "llvm.prefetch", [_BYTES], ir.FunctionType(ir.VoidType(), [_BYTES, _NUMBER, _NUMBER, _NUMBER])
    )
    at = builder.gep(builder.bitcast(first, _BYTES), [ir.IntType(64)(offset)])
    builder.call(ask, [at, _TO_READ, _TO_KEEP, _DATA])


def _ask_whole(builder: Any, first: Any, size: int) -> None:
    for offset in (*range(0, size, LINE), size - 1):
        _ask(builder, first, offset)


def _compiled_fetch(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    records = array_of(context, builder, signature, arguments)
    _ask_whole(builder, builder.gep(records.data, [arguments[1]]), signature.args[0].dtype.size)
    return context.get_dummy_value()


def _compiled_fetch_record(_: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    _ask_whole(builder, arguments[0], signature.args[0].size)


def _compiled_fetch_beside(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    keys, amounts = (array_of(context, builder, signature, arguments, place) for place in (0, 1))
    start = start_of(builder, keys, arguments[2])
    for data in (keys.data, amounts.data):
        for offset in (0, LINE - 1):
            _ask(builder, builder.gep(data, [start]), offset)
    return context.get_dummy_value()


tell(fetch, types.void, _compiled_fetch)
tell(fetch_record, types.void, _compiled_fetch_record, (types.Record,))
tell(fetch_beside, types.void, _compiled_fetch_beside, (types.Array, types.Array, types.Integer))
