"""F_p arithmetic inside kernels, p = 2^64 - 2^32 + 1, on eight numbers at a time.

A kernel works on Lanes: eight uint64 in one value, which LLVM maps to vector registers (one of AVX-512, two
of AVX2); on processors with neither, a single uint64, so kernels count in LANES, never in eights. The
compiler would not vectorise 128-bit products by itself, and across a dozen arrays it gives up on proving that
they do not overlap; so each operation is written once, as LLVM instructions, for uint64 and Lanes alike:

    mul, mul2, mul4   a*b, a*b + c*d, ... : one reduction for the whole sum of products
    add, sub, seven   a + b, a - b, 7*a
    splat, total      one number in all lanes; the sum of the lanes

Arguments are canonical (below p) and so are results. mul and its kin take any uint64.

Reduction: 2^64 = 2^32 - 1, 2^96 = -1, 2^128 = -2^32 mod p.
"""

# numba's helpers below have no annotations:
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

P = 0xFFFFFFFF00000001
EPSILON = 0xFFFFFFFF  # 2^64 mod p
NON_RESIDUE = 7
ROOT_2_32 = 1753635133440165772  # 7^((p-1)/2^32), a root of unity of order 2^32
TWO_ADICITY = 32
MAX_PRODUCTS = 4  # in one sum


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

WORD = ir.IntType(64)
_BOOL = ir.IntType(1)
VECTOR = ir.VectorType(WORD, LANES)


class _LanesType(types.Type):
    def __init__(self) -> None:
        super().__init__(name="Lanes")


lanes = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, VECTOR)


# --- LLVM instructions; `b` is a builder, x, y, ... are all i64 or all <8 x i64> --------------------------


def const(like: Any, value: int) -> Any:
    """One number, in as many lanes as `like` has."""
    if like.type == WORD:
        return ir.Constant(WORD, value)
    return ir.Constant(VECTOR, [value] * LANES)


def where(b: Any, condition: Any, like: Any, value: int) -> Any:
    """`value` where the condition holds, else 0."""
    return b.select(condition, const(like, value), const(like, 0))


def _wide(b: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """(low, high) words of the 128-bit product."""
    if x.type == VECTOR and LANES == 1:
        zero = ir.Constant(ir.IntType(32), 0)
        parts = _wide(b, b.extract_element(x, zero), b.extract_element(y, zero))
        low, high = (b.insert_element(ir.Constant(VECTOR, ir.Undefined), part, zero) for part in parts)
        return low, high
    if x.type == WORD:
        wide = ir.IntType(128)
        product = b.mul(b.zext(x, wide), b.zext(y, wide))
        return b.trunc(product, WORD), b.trunc(b.lshr(product, ir.Constant(wide, 64)), WORD)
    mask, shift = const(x, EPSILON), const(x, 32)
    xl, xh, yl, yh = b.and_(x, mask), b.lshr(x, shift), b.and_(y, mask), b.lshr(y, shift)
    low = b.mul(xl, yl)
    # Neither sum can overflow: (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1.
    mid = b.add(b.mul(xl, yh), b.lshr(low, shift))
    mid2 = b.add(b.mul(xh, yl), b.and_(mid, mask))
    high = b.add(b.add(b.mul(xh, yh), b.lshr(mid, shift)), b.lshr(mid2, shift))
    return b.or_(b.shl(mid2, shift), b.and_(low, mask)), high


def _canonical(b: Any, x: Any) -> Any:
    """x - p if x >= p, for x < 2^64."""
    p = const(x, P)
    return b.select(b.icmp_unsigned("<", x, p), x, b.sub(x, p))


def _reduce(b: Any, low: Any, high: Any, top: Any = None) -> Any:
    """low + 2^64 high + 2^96 top mod p; top is below 2^63."""
    minus = b.lshr(high, const(low, 32))
    if top is not None:
        minus = b.add(minus, top)
    first = b.sub(low, minus)
    first = b.sub(first, where(b, b.icmp_unsigned("<", low, minus), low, EPSILON))
    second = b.mul(b.and_(high, const(low, EPSILON)), const(low, EPSILON))
    both = b.add(first, second)
    both = b.add(both, where(b, b.icmp_unsigned("<", both, second), low, EPSILON))
    return _canonical(b, both)


def _sum_of_products(b: Any, *xy: Any) -> Any:
    """xy[0] xy[1] + xy[2] xy[3] + ... mod p; at most MAX_PRODUCTS."""
    if xy[0].type == VECTOR and LANES == 8 and "+avx512ifma" in cpu_features():
        return _sum_of_products_52(b, *xy)
    low, high = _wide(b, xy[0], xy[1])
    top32 = None
    for x, y in zip(xy[2::2], xy[3::2], strict=True):
        low2, high2 = _wide(b, x, y)
        low = b.add(low, low2)
        # A product's high word is at most 2^64 - 2, so it has room for the carry.
        high2 = b.add(high2, where(b, b.icmp_unsigned("<", low, low2), low, 1))
        high = b.add(high, high2)
        carry = where(b, b.icmp_unsigned("<", high, high2), low, 1 << 32)
        top32 = carry if top32 is None else b.add(top32, carry)
    return _reduce(b, low, high, top32)


def _sum_of_products_52(b: Any, *xy: Any) -> Any:
    """The same by multiply-adds of 52 bits: every product is added to limbs of 52 bits in 64, without a carry.

    An operand is x + 2^52 y, y of 12 bits; the instructions look at the low 52 bits only. Limbs are at most
    MAX_PRODUCTS * 3 * 2^52, and the last one MAX_PRODUCTS * 2^25.
    """
    shift, zero = const(xy[0], 52), const(xy[0], 0)
    limbs = [zero, zero, zero]

    def multiply(x: Any, y: Any, *into: int) -> None:
        for part, limb in zip(("l", "h"), into, strict=False):
            limbs[limb] = call(b, f"llvm.x86.avx512.vpmadd52{part}.uq.512", VECTOR, [limbs[limb], x, y])

    for x, y in zip(xy[::2], xy[1::2], strict=True):
        x_top, y_top = b.lshr(x, shift), b.lshr(y, shift)
        multiply(x, y, 0, 1)
        multiply(x, y_top, 1, 2)
        multiply(x_top, y, 1, 2)
        multiply(x_top, y_top, 2)
    low = b.add(limbs[0], b.shl(limbs[1], shift))
    high = b.lshr(limbs[1], const(low, 12))
    high = b.add(high, where(b, b.icmp_unsigned("<", low, limbs[0]), low, 1))
    return _reduce(b, low, high, b.shl(limbs[2], const(low, 8)))  # 2^104 = 2^8 2^96


def call(b: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    """A function of LLVM's."""
    function_type = ir.FunctionType(result, [a.type for a in arguments])
    return b.call(cgutils.get_or_insert_function(b.module, function_type, name), arguments)


def _add(b: Any, x: Any, y: Any) -> Any:
    rest = b.sub(const(x, P), y)
    return b.add(b.sub(x, rest), where(b, b.icmp_unsigned("<", x, rest), x, P))


def _sub(b: Any, x: Any, y: Any) -> Any:
    return b.add(b.sub(x, y), where(b, b.icmp_unsigned("<", x, y), x, P))


def _seven(b: Any, x: Any) -> Any:
    """7 x, by 2^64 = 2^32 - 1 on the three bits that leave the word."""
    mask, shift = const(x, EPSILON), const(x, 32)
    low = b.mul(b.and_(x, mask), const(x, NON_RESIDUE))
    high = b.add(b.mul(b.lshr(x, shift), const(x, NON_RESIDUE)), b.lshr(low, shift))
    word = b.or_(b.shl(high, shift), b.and_(low, mask))
    rest = b.mul(b.lshr(high, shift), const(x, EPSILON))
    both = b.add(word, rest)
    both = b.add(both, where(b, b.icmp_unsigned("<", both, rest), x, EPSILON))
    return _canonical(b, both)


def _times_i(b: Any, x: Any) -> Any:
    """2^48 x: 2^48 is the root of order 4 that ROOT_2_32 leads to."""
    return _reduce(b, b.shl(x, const(x, 48)), b.lshr(x, const(x, 16)))


def _signed32(b: Any, x: Any) -> Any:
    """The low 32 bits with their sign, so that a product becomes one instruction."""
    return b.ashr(b.shl(x, const(x, 32)), const(x, 32))


# --- the same as functions inside kernels -----------------------------------------------------------------


def spread(b: Any, x: Any) -> Any:
    """A number in all lanes."""
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
                values = [spread(b, v) if v.type == WORD else v for v in values]
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
low_words = operation("low_words", 2, lambda b, x, y: b.or_(b.and_(x, const(x, EPSILON)), b.shl(y, const(x, 32))))
high_words = operation(
    "high_words", 2, lambda b, x, y: b.or_(b.lshr(x, const(x, 32)), b.and_(y, const(x, EPSILON << 32)))
)


def _keep(b: Any, x: Any, index: Any, limit: Any) -> Any:
    return b.select(b.icmp_unsigned("<", index, limit), x, const(x, 0))


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
    return lanes(types.uint64), lambda _t, b, _s, args: spread(b, args[0])


def _total(_context: Any, value: Any) -> Any:
    """Lanes -> uint64: the sum of the lanes mod p."""

    def codegen(_target: Any, b: Any, _signature: Any, args: Any) -> Any:
        parts = [b.extract_element(args[0], ir.Constant(ir.IntType(32), i)) for i in range(LANES)]
        while len(parts) > 1:
            parts = [_add(b, x, y) for x, y in zip(parts[0::2], parts[1::2], strict=True)]
        return parts[0]

    return types.uint64(lanes), codegen


splat: Any = intrinsic(_splat)
total: Any = intrinsic(_total)
