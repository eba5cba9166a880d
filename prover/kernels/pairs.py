"""16-bit integers in lanes, and sums of products of pairs of them, inside kernels.

load_words                        four 16-bit integers a lane, without a mask
broadcast                         one uint64 of an array in all lanes; the index is not negative
interleave_low, interleave_high   x and y in turns: of each run of RUN numbers the first half, or the last one
pair_dot                          acc + x y, pair by pair: two products of 16 bits are added to a sum of 32
pair_sum                          the same where no sum leaves 32 bits
widen                             32-bit sums as 64-bit ones: the first half of them, and the second
"""

# numba's helpers below have no annotations:
# mypy: disable-error-code="no-untyped-call, call-arg"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .field import LANES, VECTOR, call, cpu_features, lanes, operation, spread
from .memory import shuffled

RUN = min(8, 4 * LANES)  # 128 bits, within which processors interleave
_WORDS = ir.VectorType(ir.IntType(16), 4 * LANES)
_SUMS = ir.VectorType(ir.IntType(32), 2 * LANES)


def _load_words(_context: Any, array: Any, index: Any) -> Any:
    def codegen(target: Any, b: Any, signature: Any, args: Any) -> Any:
        data = target.make_array(signature.args[0])(target, b, args[0]).data
        value = b.load(b.bitcast(b.gep(data, [args[1]]), VECTOR.as_pointer()))
        value.align = 2
        return value

    return lanes(array, types.int64), codegen


def _broadcast(_context: Any, array: Any, index: Any) -> Any:
    def codegen(target: Any, b: Any, signature: Any, args: Any) -> Any:
        data = target.make_array(signature.args[0])(target, b, args[0]).data
        return spread(b, b.load(b.gep(data, [args[1]])))

    return lanes(array, types.int64), codegen


def _interleave(first: int) -> Any:
    def emit(b: Any, x: Any, y: Any) -> Any:
        numbers = []
        for word in range(4 * LANES):
            source = word // RUN * RUN + first + word % RUN // 2
            numbers.append(source + (4 * LANES if word % 2 else 0))
        return b.bitcast(shuffled(b, b.bitcast(x, _WORDS), b.bitcast(y, _WORDS), numbers), VECTOR)

    return emit


def _pair_dot(b: Any, acc: Any, x: Any, y: Any) -> Any:
    """By one instruction where the processor has it; LLVM finds it or its predecessors nowhere by itself."""
    sums, x, y = b.bitcast(acc, _SUMS), b.bitcast(x, _WORDS), b.bitcast(y, _WORDS)
    if LANES == 8 and "+avx512bw" in cpu_features():
        return b.bitcast(b.add(sums, call(b, "llvm.x86.avx512.pmaddw.d.512", _SUMS, [x, y])), VECTOR)
    if LANES == 8 and "+avx2" in cpu_features():
        half = ir.VectorType(ir.IntType(32), LANES)
        parts = []
        for first in (0, 2 * LANES):
            numbers = list(range(first, first + 2 * LANES))
            parts.append(call(b, "llvm.x86.avx2.pmadd.wd", half, [shuffled(b, v, v, numbers) for v in (x, y)]))
        return b.bitcast(b.add(sums, shuffled(b, *parts, list(range(2 * LANES)))), VECTOR)
    for first in range(2):
        numbers = list(range(first, 4 * LANES, 2))
        own = [b.sext(shuffled(b, v, v, numbers), _SUMS) for v in (x, y)]
        sums = b.add(sums, b.mul(*own))
    return b.bitcast(sums, VECTOR)


def _pair_sum(b: Any, acc: Any, x: Any, y: Any) -> Any:
    """By the instruction that stops at the largest sum, which LLVM does not take apart again to shorten a chain."""
    if LANES == 8 and "+avx512vnni" in cpu_features():
        operands = [b.bitcast(value, _SUMS) for value in (acc, x, y)]
        return b.bitcast(call(b, "llvm.x86.avx512.vpdpwssds.512", _SUMS, operands), VECTOR)
    return _pair_dot(b, acc, x, y)


def _widen(_context: Any, value: Any) -> Any:
    def codegen(target: Any, b: Any, signature: Any, args: Any) -> Any:
        sums = b.bitcast(args[0], _SUMS)
        halves = [shuffled(b, sums, sums, list(range(first, first + LANES))) for first in (0, LANES)]
        return target.make_tuple(b, signature.return_type, [b.sext(half, VECTOR) for half in halves])

    return types.UniTuple(lanes, 2)(lanes), codegen


load_words: Any = intrinsic(_load_words)
broadcast: Any = intrinsic(_broadcast)
interleave_low = operation("interleave_low", 2, _interleave(0))
interleave_high = operation("interleave_high", 2, _interleave(RUN // 2))
pair_dot = operation("pair_dot", 3, _pair_dot)
pair_sum = operation("pair_sum", 3, _pair_sum)
widen: Any = intrinsic(_widen)
