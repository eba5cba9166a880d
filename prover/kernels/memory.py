"""Lanes from memory and back, and from rows to columns.

load, store   a[i:i+LANES]; `left` elements remain from i, lanes beyond read as 0 and stay unwritten
load_whole    the same without a mask, as plain integers; load_one: a single element
load_pairs    entries of a table of pairs that a list of rows names
turned        rows of a square to its columns
"""

# numba's helpers below have no annotations:
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .field import LANES, VECTOR, WORD, P, call, const, lanes, spread, where


def _address(target: Any, b: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Where lanes begin at array[index], and the type of them in memory."""
    data = target.make_array(array_type)(target, b, array).data
    narrow = ir.VectorType(ir.IntType(array_type.dtype.bitwidth), LANES)
    return b.bitcast(b.gep(data, [index]), narrow.as_pointer()), narrow


def _as_field(b: Any, value: Any, dtype: Any) -> Any:
    """Integers of any type, and those that are float64, as elements of F: negative v becomes p + v."""
    wanted = WORD if isinstance(value.type, ir.IntType) else VECTOR
    if isinstance(dtype, types.Float):
        floats = ir.DoubleType() if wanted is WORD else ir.VectorType(ir.DoubleType(), LANES)
        value, dtype = b.fptosi(b.bitcast(value, floats), wanted), types.int64
    if not dtype.signed:
        return value if value.type == wanted else b.zext(value, wanted)
    wide = value if value.type == wanted else b.sext(value, wanted)
    return b.add(wide, where(b, b.icmp_signed("<", wide, const(wide, 0)), wide, P))


def _lane_mask(b: Any, left: Any) -> Any:
    numbers = ir.Constant(VECTOR, list(range(LANES)))
    return b.icmp_signed("<", numbers, spread(b, left))


def _load(_context: Any, array: Any, index: Any, left: Any) -> Any:
    """array[index : index + 8] of a flat array; only the first `left` are read, the others are 0.

    uint64 are elements of F already, other integers become such, also where they are float64. `left` may be negative,
    or above 8. Full groups take a plain load behind a branch that always goes the same way; only the last one pays for
    a mask.
    """

    def codegen(target: Any, b: Any, signature: Any, args: Any) -> Any:
        dtype = signature.args[0].dtype
        pointer, narrow = _address(target, b, signature.args[0], args[0], args[1])
        slot = cgutils.alloca_once(b, narrow)
        align = dtype.bitwidth // 8
        full = b.icmp_signed(">=", args[2], ir.Constant(WORD, LANES))
        with b.if_else(full, likely=True) as (whole, partial):
            with whole:
                value = b.load(pointer)
                value.align = align
                b.store(value, slot)
            with partial:
                zero = ir.Constant(narrow, [0] * LANES)
                arguments = [pointer, ir.Constant(ir.IntType(32), align), _lane_mask(b, args[2]), zero]
                name = f"llvm.masked.load.v{LANES}i{dtype.bitwidth}.p0"
                b.store(call(b, name, narrow, arguments), slot)
        return _as_field(b, b.load(slot), dtype)

    return lanes(array, types.int64, types.int64), codegen


def _load_whole(_context: Any, array: Any, index: Any) -> Any:
    """array[index : index + 8] as plain 64-bit integers, all of which have to be there."""

    def codegen(target: Any, b: Any, signature: Any, args: Any) -> Any:
        dtype = signature.args[0].dtype
        value = b.load(_address(target, b, signature.args[0], args[0], args[1])[0])
        value.align = dtype.bitwidth // 8
        return value if dtype.bitwidth == WORD.width else b.sext(value, VECTOR)

    return lanes(array, types.int64), codegen


def _load_one(_context: Any, array: Any, index: Any) -> Any:
    """array[index] of a flat array of integers, as an element of F."""

    def codegen(target: Any, b: Any, signature: Any, args: Any) -> Any:
        data = target.make_array(signature.args[0])(target, b, args[0]).data
        return _as_field(b, b.load(b.gep(data, [args[1]])), signature.args[0].dtype)

    return types.uint64(array, types.int64), codegen


def _store(_context: Any, array: Any, index: Any, left: Any, value: Any) -> Any:
    """array[index : index + 8] = value, of which the first `left` lanes are written; see load."""

    def codegen(target: Any, b: Any, signature: Any, args: Any) -> Any:
        pointer, _ = _address(target, b, signature.args[0], args[0], args[1])
        full = b.icmp_signed(">=", args[2], ir.Constant(WORD, LANES))
        with b.if_else(full, likely=True) as (whole, partial):
            with whole:
                b.store(args[3], pointer).align = 8
            with partial:
                align = ir.Constant(ir.IntType(32), 8)
                arguments = [args[3], pointer, align, _lane_mask(b, args[2])]
                call(b, f"llvm.masked.store.v{LANES}i64.p0", ir.VoidType(), arguments)
        return target.get_dummy_value()

    return types.void(array, types.int64, types.int64, lanes), codegen


def _load_pairs(_context: Any, table: Any, rows: Any, at: Any, base: Any) -> Any:
    """Entries base + rows[at : at + 8] of a table of pairs, uint64 (V, 2): firsts and seconds.

    Eight loads of 16 bytes: gathers would take one a number.
    """

    def codegen(target: Any, b: Any, signature: Any, args: Any) -> Any:
        data = target.make_array(signature.args[0])(target, b, args[0]).data
        index = target.make_array(signature.args[1])(target, b, args[1]).data
        both = ir.VectorType(WORD, 2).as_pointer()
        parts = []
        for lane in range(LANES):
            row = b.load(b.gep(index, [b.add(args[2], ir.Constant(WORD, lane))]))
            entry = b.add(row if row.type == WORD else b.zext(row, WORD), args[3])
            part = b.load(b.bitcast(b.gep(data, [b.shl(entry, ir.Constant(WORD, 1))]), both))
            part.align = 8
            parts.append(part)
        while len(parts) > 1:
            numbers = list(range(4 * LANES // len(parts)))
            parts = [shuffled(b, x, y, numbers) for x, y in zip(parts[0::2], parts[1::2], strict=True)]
        columns = [shuffled(b, parts[0], parts[0], list(range(k, 2 * LANES, 2))) for k in range(2)]
        return target.make_tuple(b, signature.return_type, columns)

    return types.UniTuple(lanes, 2)(table, rows, types.int64, types.int64), codegen


def shuffled(b: Any, x: Any, y: Any, numbers: list[int]) -> Any:
    return b.shuffle_vector(x, y, ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers))


def _turned(_context: Any, *rows: Any) -> Any:
    """Eight Lanes as rows of a square to its columns."""

    def codegen(target: Any, b: Any, signature: Any, args: Any) -> Any:
        columns = list(args)
        step = LANES // 2
        while step:  # in each step, blocks of `step` trade places across the diagonal
            for i in range(LANES):
                if not i & step:
                    columns[i], columns[i + step] = _traded(b, columns[i], columns[i + step], step)
            step //= 2
        return target.make_tuple(b, signature.return_type, columns)

    return types.UniTuple(lanes, len(rows))(*rows), codegen


def _traded(b: Any, x: Any, y: Any, step: int) -> tuple[Any, Any]:
    """Lanes with bit `step` clear of x and y, in turns of `step`; and those with it set."""
    firsts = [i if not i & step else LANES + i - step for i in range(LANES)]
    seconds = [i + step if not i & step else LANES + i for i in range(LANES)]
    return shuffled(b, x, y, firsts), shuffled(b, x, y, seconds)


def _turned8(context: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
    """numba reads the argument names off the function."""
    return _turned(context, a, b, c, d, e, f, g, h)


turned: Any = intrinsic(_turned8)  # where LANES is 8
load: Any = intrinsic(_load)
load_whole: Any = intrinsic(_load_whole)  # of signed integers
load_one: Any = intrinsic(_load_one)
load_pairs: Any = intrinsic(_load_pairs)
store: Any = intrinsic(_store)
