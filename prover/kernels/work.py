"""Messages of 48 bytes and a nonce of 7, one block of SHA-256: the first whose digest begins with zeros.

On processors with AVX-512 sixteen messages are hashed side by side, one in each 32-bit lane; on those that have SHA
extensions instead, two, by the instructions that do two rounds and a fourth of the message schedule. The rounds before
the first word that differs are done once (`prepared`). Other processors hash all of each message (sha256.py).
"""

# numba's helpers below have no annotations, and kernels are typed by their signatures:
# mypy: disable-error-code="no-untyped-call, no-untyped-def"

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .compiled import IN, INT, OUT, kernel
from .field import cpu_features
from .sha256 import BIG_SIGMAS, INITIAL_STATE, ROUND_CONSTANTS, SMALL_SIGMAS, chosen, most, swapped
from .values import Array

HAS_WIDE = {"+avx512f", "+avx512bw"} <= set(cpu_features())
HAS_SHA = {"+sha", "+ssse3", "+sse4.1"} <= set(cpu_features())
HAS_QUICK = HAS_WIDE or HAS_SHA
WIDE, PAIR = 16, 2  # messages: of SHA extensions an instruction takes four cycles, and one begins in every two
TOGETHER = WIDE if HAS_WIDE else PAIR
FIXED_WORDS = 12  # words before the one that differs
WORDS = FIXED_WORDS + 8  # these, and the state after their rounds
CONSTANTS = [int(word) & 0xFFFFFFFF for word in ROUND_CONSTANTS]
INITIAL = [int(word) & 0xFFFFFFFF for word in INITIAL_STATE]
WORD, QUAD, LINE = ir.IntType(32), ir.VectorType(ir.IntType(32), 4), ir.VectorType(ir.IntType(32), WIDE)


def _rotated(x: int, count: int) -> int:
    return (x >> count | x << (32 - count)) & 0xFFFFFFFF


def prepared(words: Sequence[int]) -> Array:
    """12 words, and the state after their rounds as the instructions take it: uint64 (10,). FIPS 180-4, 6.2.2."""
    a, b, c, d, e, f, g, h = INITIAL
    for constant, word in zip(CONSTANTS, words, strict=False):
        sigma1 = _rotated(e, 6) ^ _rotated(e, 11) ^ _rotated(e, 25)
        x = h + sigma1 + ((e & f) ^ (~e & g)) + constant + word
        sigma0 = _rotated(a, 2) ^ _rotated(a, 13) ^ _rotated(a, 22)
        y = sigma0 + ((a & b) ^ (a & c) ^ (b & c))
        a, b, c, d, e, f, g, h = (x + y) & 0xFFFFFFFF, a, b, c, (d + x) & 0xFFFFFFFF, e, f, g
    return np.array([*words, f, e, b, a, h, g, d, c], dtype="<u4").view(np.uint64)


class _Message:
    """One message's rounds, in LLVM instructions."""

    def __init__(self, b: Any, quads: Sequence[Any], last: Any) -> None:
        self._b = b
        self._words = [*quads[:3], last]
        self._abef, self._cdgh = quads[3:]

    def _call(self, name: str, *operands: Any) -> Any:
        kind = ir.FunctionType(QUAD, [QUAD] * len(operands))
        function = self._b.module.declare_intrinsic(f"llvm.x86.sha256{name}", fnty=kind)
        return self._b.call(function, operands)

    def _shuffled(self, x: Any, y: Any, lanes: Sequence[int]) -> Any:
        return self._b.shuffle_vector(x, y, ir.VectorType(WORD, 4)(list(lanes)))

    def four_rounds(self, number: int) -> None:
        """Rounds 4 number to 4 number + 3; the words of the schedule's next ones, too."""
        b, constants = self._b, QUAD(CONSTANTS[4 * number : 4 * number + 4])
        keyed = b.add(self._words[3], constants)
        for operand in (keyed, self._shuffled(keyed, keyed, (2, 3, 2, 3))):
            self._abef, self._cdgh = self._call("rnds2", self._cdgh, self._abef, operand), self._abef
        w0, w1, w2, w3 = self._words
        mixed = b.add(self._call("msg1", w0, w1), self._shuffled(w2, w3, (1, 2, 3, 4)))
        self._words = [w1, w2, w3, self._call("msg2", mixed, w3)]

    def head(self) -> Any:
        """The digest's first word."""
        return self._b.add(self._b.extract_element(self._abef, WORD(3)), WORD(INITIAL[0]))


def type_pair(typingctx: Any, words: Any, first: Any, limit: Any) -> Any:
    """A bit for each of two messages, from that of nonce `first` on: whether its digest's first word is below limit."""

    def emit(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, b, arguments[0]).data
        pointer = b.bitcast(data, QUAD.as_pointer())
        quads = [b.load(b.gep(pointer, [ir.IntType(64)(i)]), align=8) for i in range(WORDS // 4)]
        swap = b.module.declare_intrinsic("llvm.bswap", [WORD])
        messages = []
        for i in range(PAIR):
            nonce = b.add(arguments[1], ir.IntType(64)(i))
            low = b.call(swap, [b.trunc(nonce, WORD)])
            high = b.call(swap, [b.or_(b.trunc(b.lshr(nonce, ir.IntType(64)(32)), WORD), WORD(0x80000000))])
            last = QUAD([0, 0, 0, 8 * 55])
            last = b.insert_element(b.insert_element(last, low, WORD(0)), high, WORD(1))
            messages.append(_Message(b, quads, last))
        for number in range(FIXED_WORDS // 4, 16):
            for message in messages:
                message.four_rounds(number)
        bits = ir.IntType(64)(0)
        for i, message in enumerate(messages):
            good = b.icmp_unsigned("<", message.head(), b.trunc(arguments[2], WORD))
            bits = b.or_(bits, b.shl(b.zext(good, ir.IntType(64)), ir.IntType(64)(i)))
        return bits

    return types.uint64(words, types.int64, types.int64), emit


class _Line:
    """Sixteen messages' rounds: words are of all of them, or alike in all and then scalars, which LLVM spreads."""

    def __init__(self, b: Any) -> None:
        self._b = b

    def _alike(self, *words: Any) -> list[Any]:
        """The same words, all of one type."""
        if all(word.type == WORD for word in words):
            return list(words)
        return [self.spread(word) if word.type == WORD else word for word in words]

    def spread(self, word: Any) -> Any:
        """A scalar, sixteen times."""
        single = self._b.insert_element(ir.Constant(LINE, ir.Undefined), word, WORD(0))
        return self._b.shuffle_vector(single, ir.Constant(LINE, ir.Undefined), LINE([0] * WIDE))

    def total(self, *words: Any) -> Any:
        """Their sum; what is alike is added first."""
        first, *others = sorted(words, key=lambda word: word.type != WORD)
        for other in others:
            first = self._b.add(*self._alike(first, other))
        return first

    def scheduled(self, w: Sequence[Any]) -> Any:
        """The next word, from the sixteen before."""
        first, second = (emit(self._b, x) for emit, x in zip(SMALL_SIGMAS, (w[1], w[14]), strict=True))
        return self.total(w[0], w[9], first, second)

    def round(self, state: Sequence[Any], constant: int, word: Any) -> list[Any]:
        """FIPS 180-4, 6.2.2."""
        b, (s0, s1, s2, s3, s4, s5, s6, s7) = self._b, state
        first = self.total(s7, WORD(constant), word, BIG_SIGMAS[1](b, s4), chosen(b, *self._alike(s4, s5, s6)))
        second = self.total(BIG_SIGMAS[0](b, s0), most(b, *self._alike(s0, s1, s2)))
        return [self.total(first, second), s0, s1, s2, self.total(s3, first), s4, s5, s6]


def type_line(typingctx: Any, words: Any, first: Any, limit: Any) -> Any:
    """The same for sixteen messages, from a nonce on whose last four bits are zero."""

    def emit(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, b, arguments[0]).data
        pointer, line = b.bitcast(data, WORD.as_pointer()), _Line(b)
        fixed = [b.load(b.gep(pointer, [ir.IntType(64)(i)]), align=4) for i in range(WORDS)]
        f, e, b_, a, h, g, d, c = fixed[FIXED_WORDS:]
        low = b.or_(line.spread(b.trunc(arguments[1], WORD)), LINE(list(range(WIDE))))
        high = b.or_(b.trunc(b.lshr(arguments[1], ir.IntType(64)(32)), WORD), WORD(0x80000000))
        numbers = [swapped(b, x) for x in (low, high)]
        window, state = [*fixed[:FIXED_WORDS], *numbers, WORD(0), WORD(8 * 55)], [a, b_, c, d, e, f, g, h]
        for number in range(FIXED_WORDS, len(CONSTANTS)):
            if number >= len(window):
                window.append(line.scheduled(window[-16:]))
            state = line.round(state, CONSTANTS[number], window[number])
        heads = line.total(state[0], WORD(INITIAL[0]))
        good = b.icmp_unsigned("<", heads, line.spread(b.trunc(arguments[2], WORD)))
        return b.zext(b.bitcast(good, ir.IntType(WIDE)), ir.IntType(64))

    return types.uint64(words, types.int64, types.int64), emit


_good: Any = intrinsic(type_line if HAS_WIDE else type_pair)


if HAS_QUICK:

    @kernel(IN, OUT, INT, INT, INT)
    def _first_good(words, out, limit, start, stop):
        """out[0]: the first of the nonces start .. whose digest's first word is below limit; stop if there is none."""
        out[0] = stop
        for first in range(start, stop, TOGETHER):
            bits = _good(words, first, limit)
            if bits:
                for i in range(TOGETHER):
                    if (bits >> np.uint64(i)) & np.uint64(1):
                        out[0] = first + i
                        return


def first_good(words: Array, limit: int, start: int, stop: int) -> int | None:
    """The first of some nonces whose message's digest, read as 32-bit words, has a first word below `limit`.

    Args:
        words: `prepared`.
        start, stop: the nonces, a multiple of TOGETHER of them.
    """
    found = np.empty(1, dtype=np.uint64)
    _first_good(words, found, limit, start, stop)
    return int(found[0]) if found[0] < stop else None
