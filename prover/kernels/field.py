"""F_p arithmetic inside kernels, p = 2^64 - 2^32 + 1, on eight numbers at a time.

A kernel works on Lanes: eight uint64 in one value, which LLVM maps to vector registers (one of AVX-512, two
of AVX2); on processors with neither, a single uint64, so kernels count in LANES, never in eights. The
compiler would not vectorise 128-bit products by itself, and across a dozen arrays it gives up on proving that
they do not overlap; so each operation is written once, as LLVM instructions, for uint64 and Lanes alike:

    mul, mul2, mul4   a*b, a*b + c*d, ... : one reduction for the whole sum of products
    add, sub, seven   a + b, a - b, 7*a
    load, store       a[i:i+LANES]; `left` elements remain from i, lanes beyond read as 0 and stay unwritten
    splat, total      one number in all lanes; the sum of the lanes

Arguments are canonical (below p) and so are results. mul and its kin take any uint64.

Reduction: 2^64 = 2^32 - 1, 2^96 = -1, 2^128 = -2^32 mod p.
"""

# numba's helpers below have no annotations:
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]  # llvmlite ships no type information
from llvmlite.binding import get_host_cpu_features  # type: ignore[import-untyped]
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

P = 0xFFFFFFFF00000001
EPSILON = 0xFFFFFFFF  # 2^64 mod p
NON_RESIDUE = 7
ROOT_2_32 = 1753635133440165772  # 7^((p-1)/2^32), a root of unity of order 2^32
TWO_ADICITY = 32


@cache
def cpu_features() -> tuple[str, ...]:
    """What LLVM compiles for, "+avx2" and the like."""
    features = getattr(config, "CPU_FEATURES", None)
    if features is None:
        try:
            features = get_host_cpu_features().flatten()
        except RuntimeError:  # LLVM does not know this processor
            features = ""
    return tuple(features.split(","))


# Eight, or one where the processor has no wide integer vectors: without AVX2 a 64-bit product by 32-bit pieces costs
# twice what the scalar multiplier needs.
LANES = 8 if "+avx2" in cpu_features() else 1

_WORD = ir.IntType(64)
_BOOL = ir.IntType(1)
VECTOR = ir.VectorType(_WORD, LANES)


class _LanesType(types.Type):
    def __init__(self) -> None:
        super().__init__(name="Lanes")


lanes = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, VECTOR)


# --- LLVM instructions; `b` is a builder, x, y, ... are all i64 or all <8 x i64> --------------------------


def _const(like: Any, value: int) -> Any:
    if like.type == _WORD:
        return ir.Constant(_WORD, value)
    return ir.Constant(VECTOR, [value] * LANES)


def _if(b: Any, condition: Any, like: Any, value: int) -> Any:
    """`value` where the condition holds, else 0."""
    return b.select(condition, _const(like, value), _const(like, 0))


def _wide(b: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """(low, high) words of the 128-bit product."""
    if x.type == VECTOR and LANES == 1:
        zero = ir.Constant(ir.IntType(32), 0)
        parts = _wide(b, b.extract_element(x, zero), b.extract_element(y, zero))
        low, high = (b.insert_element(ir.Constant(VECTOR, ir.Undefined), part, zero) for part in parts)
        return low, high
    if x.type == _WORD:
        wide = ir.IntType(128)
        product = b.mul(b.zext(x, wide), b.zext(y, wide))
        return b.trunc(product, _WORD), b.trunc(b.lshr(product, ir.Constant(wide, 64)), _WORD)
    mask, shift = _const(x, EPSILON), _const(x, 32)
    xl, xh, yl, yh = b.and_(x, mask), b.lshr(x, shift), b.and_(y, mask), b.lshr(y, shift)
    low = b.mul(xl, yl)
    # Neither sum can overflow: (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1.
    mid = b.add(b.mul(xl, yh), b.lshr(low, shift))
    mid2 = b.add(b.mul(xh, yl), b.and_(mid, mask))
    high = b.add(b.add(b.mul(xh, yh), b.lshr(mid, shift)), b.lshr(mid2, shift))
    return b.or_(b.shl(mid2, shift), b.and_(low, mask)), high


def _canonical(b: Any, x: Any) -> Any:
    """x - p if x >= p, for x < 2^64."""
    p = _const(x, P)
    return b.select(b.icmp_unsigned("<", x, p), x, b.sub(x, p))


def _reduce(b: Any, low: Any, high: Any, top32: Any = None) -> Any:
    """low + 2^64 high + 2^96 top32 mod p; top32 is 2^32 times a small number of carries."""
    minus = b.lshr(high, _const(low, 32))
    if top32 is not None:
        minus = b.add(minus, top32)
    first = b.sub(low, minus)
    first = b.sub(first, _if(b, b.icmp_unsigned("<", low, minus), low, EPSILON))
    second = b.mul(b.and_(high, _const(low, EPSILON)), _const(low, EPSILON))
    both = b.add(first, second)
    both = b.add(both, _if(b, b.icmp_unsigned("<", both, second), low, EPSILON))
    return _canonical(b, both)


def _sum_of_products(b: Any, *xy: Any) -> Any:
    """xy[0] xy[1] + xy[2] xy[3] + ... mod p."""
    low, high = _wide(b, xy[0], xy[1])
    top32 = None
    for x, y in zip(xy[2::2], xy[3::2], strict=True):
        low2, high2 = _wide(b, x, y)
        low = b.add(low, low2)
        # A product's high word is at most 2^64 - 2, so it has room for the carry.
        high2 = b.add(high2, _if(b, b.icmp_unsigned("<", low, low2), low, 1))
        high = b.add(high, high2)
        carry = _if(b, b.icmp_unsigned("<", high, high2), low, 1 << 32)
        top32 = carry if top32 is None else b.add(top32, carry)
    return _reduce(b, low, high, top32)


def _add(b: Any, x: Any, y: Any) -> Any:
    rest = b.sub(_const(x, P), y)
    return b.add(b.sub(x, rest), _if(b, b.icmp_unsigned("<", x, rest), x, P))


def _sub(b: Any, x: Any, y: Any) -> Any:
    return b.add(b.sub(x, y), _if(b, b.icmp_unsigned("<", x, y), x, P))


def _seven(b: Any, x: Any) -> Any:
    """7 x, by 2^64 = 2^32 - 1 on the three bits that leave the word."""
    mask, shift = _const(x, EPSILON), _const(x, 32)
    low = b.mul(b.and_(x, mask), _const(x, NON_RESIDUE))
    high = b.add(b.mul(b.lshr(x, shift), _const(x, NON_RESIDUE)), b.lshr(low, shift))
    word = b.or_(b.shl(high, shift), b.and_(low, mask))
    rest = b.mul(b.lshr(high, shift), _const(x, EPSILON))
    both = b.add(word, rest)
    both = b.add(both, _if(b, b.icmp_unsigned("<", both, rest), x, EPSILON))
    return _canonical(b, both)


def _times_i(b: Any, x: Any) -> Any:
    """2^48 x: 2^48 is the root of order 4 that ROOT_2_32 leads to."""
    return _reduce(b, b.shl(x, _const(x, 48)), b.lshr(x, _const(x, 16)))


def _signed32(b: Any, x: Any) -> Any:
    """The low 32 bits with their sign, so that a product becomes one instruction."""
    return b.ashr(b.shl(x, _const(x, 32)), _const(x, 32))


# --- the same as functions inside kernels -----------------------------------------------------------------


def _spread(b: Any, x: Any) -> Any:
    zero = ir.Constant(ir.IntType(32), 0)
    single = b.insert_element(ir.Constant(VECTOR, ir.Undefined), x, zero)
    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return b.shuffle_vector(single, ir.Constant(VECTOR, ir.Undefined), mask)


def operation(name: str, arity: int, emit: Any) -> Any:
    """An intrinsic of `arity` numbers; a uint64 among Lanes stands for eight copies of itself."""

    def typer(_context: Any, arguments: Any) -> Any:
        if any(t is not types.uint64 and not isinstance(t, _LanesType) for t in arguments):
            return None
        result = lanes if any(isinstance(t, _LanesType) for t in arguments) else types.uint64

        def codegen(_target: Any, b: Any, _signature: Any, values: Any) -> Any:
            if result is lanes:
                values = [_spread(b, v) if v.type == _WORD else v for v in values]
            return emit(b, *values)

        return result(*arguments), codegen

    names = ", ".join(f"x{i}" for i in range(arity))
    scope: dict[str, Any] = {"typer": typer}
    # numba reads the argument names off the function, so *args will not do.
    exec(f"def {name}(context, {names}):\n    return typer(context, ({names},))", scope)
    return intrinsic(scope[name])


mul = operation("mul", 2, _sum_of_products)
mul2 = operation("mul2", 4, _sum_of_products)
mul4 = operation("mul4", 8, _sum_of_products)
add = operation("add", 2, _add)
sub = operation("sub", 2, _sub)
seven = operation("seven", 1, _seven)
times_i = operation("times_i", 1, _times_i)
# The low, or the high, 32-bit words of x and y: x's in the low half, y's in the high one.
low_words = operation("low_words", 2, lambda b, x, y: b.or_(b.and_(x, _const(x, EPSILON)), b.shl(y, _const(x, 32))))
high_words = operation(
    "high_words", 2, lambda b, x, y: b.or_(b.lshr(x, _const(x, 32)), b.and_(y, _const(x, EPSILON << 32)))
)


def _keep(b: Any, x: Any, index: Any, limit: Any) -> Any:
    return b.select(b.icmp_unsigned("<", index, limit), x, _const(x, 0))


keep = operation("keep", 3, _keep)  # x where index < limit, else 0

# Plain 64-bit integers in lanes: sums, products of numbers of 32 signed bits, arithmetic shifts.
int_add = operation("int_add", 2, lambda b, x, y: b.add(x, y))
int_mul = operation("int_mul", 2, lambda b, x, y: b.mul(_signed32(b, x), _signed32(b, y)))


def word_operation(name: str, arity: int, emit: Any) -> Any:
    """An intrinsic like the others, on the two 32-bit words in every lane."""
    words = ir.VectorType(ir.IntType(32), 2 * LANES)

    def on_words(b: Any, *values: Any) -> Any:
        return b.bitcast(emit(b, *(b.bitcast(value, words) for value in values)), VECTOR)

    return operation(name, arity, on_words)


def _splat(_context: Any, value: Any) -> Any:
    """uint64 -> Lanes."""
    return lanes(types.uint64), lambda _t, b, _s, args: _spread(b, args[0])


def _total(_context: Any, value: Any) -> Any:
    """Lanes -> uint64: the sum of the lanes mod p."""

    def codegen(_target: Any, b: Any, _signature: Any, args: Any) -> Any:
        parts = [b.extract_element(args[0], ir.Constant(ir.IntType(32), i)) for i in range(LANES)]
        while len(parts) > 1:
            parts = [_add(b, x, y) for x, y in zip(parts[0::2], parts[1::2], strict=True)]
        return parts[0]

    return types.uint64(lanes), codegen


def _address(target: Any, b: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Where lanes begin at array[index], and the type of them in memory."""
    data = target.make_array(array_type)(target, b, array).data
    narrow = ir.VectorType(ir.IntType(array_type.dtype.bitwidth), LANES)
    return b.bitcast(b.gep(data, [index]), narrow.as_pointer()), narrow


def _as_field(b: Any, value: Any, dtype: Any) -> Any:
    """Integers of any type as elements of F: negative v becomes p + v."""
    wanted = _WORD if isinstance(value.type, ir.IntType) else VECTOR
    if not dtype.signed:
        return value if value.type == wanted else b.zext(value, wanted)
    wide = value if value.type == wanted else b.sext(value, wanted)
    return b.add(wide, _if(b, b.icmp_signed("<", wide, _const(wide, 0)), wide, P))


def _lane_mask(b: Any, left: Any) -> Any:
    numbers = ir.Constant(VECTOR, list(range(LANES)))
    return b.icmp_signed("<", numbers, _spread(b, left))


def _masked(b: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    function_type = ir.FunctionType(result, [a.type for a in arguments])
    return b.call(cgutils.get_or_insert_function(b.module, function_type, name), arguments)


def _load(_context: Any, array: Any, index: Any, left: Any) -> Any:
    """array[index : index + 8] of a flat array of integers; only the first `left` are read, the others are 0.

    uint64 are elements of F already, other integers become such. `left` may be negative, or above 8. Full groups take
    a plain load behind a branch that always goes the same way; only the last one pays for a mask.
    """

    def codegen(target: Any, b: Any, signature: Any, args: Any) -> Any:
        dtype = signature.args[0].dtype
        pointer, narrow = _address(target, b, signature.args[0], args[0], args[1])
        slot = cgutils.alloca_once(b, narrow)
        align = dtype.bitwidth // 8
        full = b.icmp_signed(">=", args[2], ir.Constant(_WORD, LANES))
        with b.if_else(full, likely=True) as (whole, partial):
            with whole:
                value = b.load(pointer)
                value.align = align
                b.store(value, slot)
            with partial:
                zero = ir.Constant(narrow, [0] * LANES)
                arguments = [pointer, ir.Constant(ir.IntType(32), align), _lane_mask(b, args[2]), zero]
                name = f"llvm.masked.load.v{LANES}i{dtype.bitwidth}.p0"
                b.store(_masked(b, name, narrow, arguments), slot)
        return _as_field(b, b.load(slot), dtype)

    return lanes(array, types.int64, types.int64), codegen


def _load_whole(_context: Any, array: Any, index: Any) -> Any:
    """array[index : index + 8] as plain 64-bit integers, all of which have to be there."""

    def codegen(target: Any, b: Any, signature: Any, args: Any) -> Any:
        dtype = signature.args[0].dtype
        value = b.load(_address(target, b, signature.args[0], args[0], args[1])[0])
        value.align = dtype.bitwidth // 8
        return value if dtype.bitwidth == _WORD.width else b.sext(value, VECTOR)

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
        full = b.icmp_signed(">=", args[2], ir.Constant(_WORD, LANES))
        with b.if_else(full, likely=True) as (whole, partial):
            with whole:
                b.store(args[3], pointer).align = 8
            with partial:
                align = ir.Constant(ir.IntType(32), 8)
                arguments = [args[3], pointer, align, _lane_mask(b, args[2])]
                _masked(b, f"llvm.masked.store.v{LANES}i64.p0", ir.VoidType(), arguments)
        return target.get_dummy_value()

    return types.void(array, types.int64, types.int64, lanes), codegen


def _load_pairs(_context: Any, table: Any, rows: Any, at: Any, base: Any) -> Any:
    """Entries base + rows[at : at + 8] of a table of pairs, uint64 (V, 2): firsts and seconds.

    Eight loads of 16 bytes: gathers would take one a number.
    """

    def codegen(target: Any, b: Any, signature: Any, args: Any) -> Any:
        data = target.make_array(signature.args[0])(target, b, args[0]).data
        index = target.make_array(signature.args[1])(target, b, args[1]).data
        both = ir.VectorType(_WORD, 2).as_pointer()
        parts = []
        for lane in range(LANES):
            row = b.load(b.gep(index, [b.add(args[2], ir.Constant(_WORD, lane))]))
            entry = b.add(row if row.type == _WORD else b.zext(row, _WORD), args[3])
            part = b.load(b.bitcast(b.gep(data, [b.shl(entry, ir.Constant(_WORD, 1))]), both))
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
splat: Any = intrinsic(_splat)
total: Any = intrinsic(_total)
load: Any = intrinsic(_load)
load_whole: Any = intrinsic(_load_whole)  # of signed integers
load_one: Any = intrinsic(_load_one)
load_pairs: Any = intrinsic(_load_pairs)
store: Any = intrinsic(_store)
