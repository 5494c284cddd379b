"""Asking for what the next event needs while this one is worked on: memory answers slower than a feature is read."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from features.measures import Array
from features.ways import array_of, tell

LINE = 64
"""Bytes that memory gives at once."""


def fetch(records: Array, place: int) -> None:
    """Ask the processor for a record that is needed soon; changes nothing, whatever the place."""


_BYTES, _NUMBER = ir.IntType(8).as_pointer(), ir.IntType(32)
_TO_READ, _TO_KEEP, _DATA = _NUMBER(0), _NUMBER(3), _NUMBER(1)


def _compiled_fetch(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    records, size = array_of(context, builder, signature, arguments), signature.args[0].dtype.size
    at = builder.bitcast(builder.gep(records.data, [arguments[1]]), _BYTES)
    ask = builder.module.declare_intrinsic(
        "llvm.prefetch", [_BYTES], ir.FunctionType(ir.VoidType(), [_BYTES, _NUMBER, _NUMBER, _NUMBER])
    )
    for line in (*range(0, size, LINE), size - 1):
        builder.call(ask, [builder.gep(at, [ir.IntType(64)(line)]), _TO_READ, _TO_KEEP, _DATA])
    return context.get_dummy_value()


tell(fetch, types.void, _compiled_fetch)
