"""Prefetch of the next event's records while this one is computed: memory is slower than a feature."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from features.arrays import Array, Record
from features.kernels.lowering import array_argument, lower

LINE = 64
"""Bytes of a cache line."""
MOST = 3_584
"""Bytes of a record that are prefetched at most: large tables stand at its end, and of them one bucket is needed."""


def prefetch_record_at(records: Array, position: int) -> None:
    """Prefetch a record that is needed soon; changes nothing, whatever the position."""


def prefetch_record(record: Record) -> None:
    """Prefetch a record that is only a view so far."""


def prefetch_bucket(keys: Array, values: Array, start: int) -> None:
    """Prefetch the bucket that begins at an index, and the values beside it."""


_BYTES, _NUMBER = ir.IntType(8).as_pointer(), ir.IntType(32)
_TO_READ, _TO_KEEP, _DATA = _NUMBER(0), _NUMBER(3), _NUMBER(1)


def _prefetch_line(builder: Any, first: Any, offset: int) -> None:
    intrinsic = builder.module.declare_intrinsic(
        "llvm.prefetch", [_BYTES], ir.FunctionType(ir.VoidType(), [_BYTES, _NUMBER, _NUMBER, _NUMBER])
    )
    at = builder.gep(builder.bitcast(first, _BYTES), [ir.IntType(64)(offset)])
    builder.call(intrinsic, [at, _TO_READ, _TO_KEEP, _DATA])


def _prefetch_bytes(builder: Any, first: Any, size: int) -> None:
    for offset in (*range(0, size, LINE), size - 1):
        _prefetch_line(builder, first, offset)


def _lowered_prefetch(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    records = array_argument(context, builder, signature, arguments)
    size = min(signature.args[0].dtype.size, MOST)
    _prefetch_bytes(builder, builder.gep(records.data, [arguments[1]]), size)
    return context.get_dummy_value()


def _lowered_prefetch_record(_: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    _prefetch_bytes(builder, arguments[0], signature.args[0].size)


def _lowered_prefetch_bucket(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    keys, values = (array_argument(context, builder, signature, arguments, index) for index in (0, 1))
    for data in (keys.data, values.data):
        for offset in (0, LINE - 1):
            _prefetch_line(builder, builder.gep(data, [arguments[2]]), offset)
    return context.get_dummy_value()


lower(prefetch_record_at, types.void, _lowered_prefetch)
lower(prefetch_record, types.void, _lowered_prefetch_record, (types.Record,))
lower(prefetch_bucket, types.void, _lowered_prefetch_bucket, (types.Array, types.Array, types.Integer))
