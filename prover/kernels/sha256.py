"""SHA-256 (FIPS 180-4) of many short messages of one length, side by side.

A Merkle tree is many hashes of a few blocks each; called one by one from Python, the calls cost more than the
hashing. Here two messages share each uint64 lane: sixteen travel together on AVX-512 or AVX2. The digests are
hashlib's, which the verifier uses.
"""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir

from .compiled import IN, INT, OUT, U64, device, kernel
from .field import LANES, high_words, low_words, splat, word_operation
from .memory import load, store, turned
from .storage import empty
from .threads import run_tasks, thread_count
from .values import Array

DIGEST_BYTES = 32
PAIR_BYTES = 27  # of each of two digests: with a byte before them and the padding, a block
BLOCK_BYTES = 64
BLOCK_LINES, BLOCK_WORDS = BLOCK_BYTES // 8, BLOCK_BYTES // 4
LENGTH_BYTES = 8  # the padding ends with the message's length in bits
ROUNDS = 64
LINES = ROUNDS + 2 * BLOCK_LINES  # of scratch: words of the message schedule, and of a block before it is swapped
GROUP = 2 * LANES  # messages that travel together
CHUNK_BYTES = 1 << 21  # messages are laid out in pieces of about this size
PAIRS = 1 << 9  # that are laid out at a time: 32 KB, the nearest cache
PAIR_LENGTH = np.uint64(int.from_bytes((8 * (1 + 2 * PAIR_BYTES)).to_bytes(LENGTH_BYTES, "big"), "little"))
MIN_BYTES = 1 << 18  # hashed in 100 us: a piece that is worth a thread


def _fractional_bits(root: int) -> list[int]:
    """32 bits after the point of the square (2) or cube (3) roots of the first primes; FIPS 180-4, 4.2.2 and 5.3.3."""
    primes = [n for n in range(2, 312) if all(n % d for d in range(2, n))]
    results = []
    for prime in primes:
        target, low, high = prime << (32 * root), 0, 1 << 42
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if middle**root <= target else (low, middle)
        results.append(low & 0xFFFFFFFF)
    return results


def _both_halves(words: Sequence[int]) -> Array:
    return np.array([word | word << 32 for word in words], dtype=np.uint64)


ROUND_CONSTANTS = _both_halves(_fractional_bits(3))
INITIAL_STATE = _both_halves(_fractional_bits(2)[:8])


# --- LLVM instructions on 32-bit words, one or many -------------------------------------------------------


def _number(x: Any, value: int) -> Any:
    """In as many words as x has."""
    return x.type([value] * x.type.count) if isinstance(x.type, ir.VectorType) else x.type(value)


def _rotated(b: Any, x: Any, count: int) -> Any:
    return b.or_(b.lshr(x, _number(x, count)), b.shl(x, _number(x, 32 - count)))


def sigma(first: int, second: int, third: int, shift: bool) -> Any:
    """x rotated by three counts, or shifted by the third, xor-ed."""

    def emit(b: Any, x: Any) -> Any:
        last = b.lshr(x, _number(x, third)) if shift else _rotated(b, x, third)
        return b.xor(b.xor(_rotated(b, x, first), _rotated(b, x, second)), last)

    return emit


def swapped(b: Any, x: Any) -> Any:
    """The four bytes in the other order."""
    low, high = b.and_(x, _number(x, 0x00FF00FF)), b.and_(x, _number(x, 0xFF00FF00))
    return b.or_(_rotated(b, low, 8), _rotated(b, high, 24))


def chosen(b: Any, x: Any, y: Any, z: Any) -> Any:
    """Ch of FIPS 180-4: bits of y where x has ones, else of z."""
    return b.xor(z, b.and_(x, b.xor(y, z)))


def most(b: Any, x: Any, y: Any, z: Any) -> Any:
    """Maj: what two of three bits are."""
    return b.or_(b.and_(x, y), b.and_(z, b.or_(x, y)))


BIG_SIGMAS = sigma(2, 13, 22, shift=False), sigma(6, 11, 25, shift=False)
SMALL_SIGMAS = sigma(7, 18, 3, shift=True), sigma(17, 19, 10, shift=True)

word_add = word_operation("word_add", 2, lambda b, x, y: b.add(x, y))
choose = word_operation("choose", 3, chosen)
majority = word_operation("majority", 3, most)
big_sigma0 = word_operation("big_sigma0", 1, BIG_SIGMAS[0])
big_sigma1 = word_operation("big_sigma1", 1, BIG_SIGMAS[1])
small_sigma0 = word_operation("small_sigma0", 1, SMALL_SIGMAS[0])
small_sigma1 = word_operation("small_sigma1", 1, SMALL_SIGMAS[1])
swap = word_operation("swap", 1, swapped)


@device
def _compress(lines, constants, s0, s1, s2, s3, s4, s5, s6, s7):
    """One block of each message: 16 lines of words, to be followed by room for 48 more."""
    a, b, c, d, e, f, g, h = s0, s1, s2, s3, s4, s5, s6, s7
    for t in range(ROUNDS):
        at = t * LANES
        if t < BLOCK_WORDS:
            word = load(lines, at, LANES)
        else:
            old = word_add(load(lines, at - 16 * LANES, LANES), load(lines, at - 7 * LANES, LANES))
            new = small_sigma1(load(lines, at - 2 * LANES, LANES))
            word = word_add(old, word_add(new, small_sigma0(load(lines, at - 15 * LANES, LANES))))
            store(lines, at, LANES, word)
        word = word_add(word, constants[t])
        x = word_add(word_add(h, word), word_add(big_sigma1(e), choose(e, f, g)))
        y = word_add(big_sigma0(a), majority(a, b, c))
        a, b, c, d, e, f, g, h = word_add(x, y), a, b, c, word_add(d, x), e, f, g
    return (
        word_add(s0, a), word_add(s1, b), word_add(s2, c), word_add(s3, d),
        word_add(s4, e), word_add(s5, f), word_add(s6, g), word_add(s7, h),
    )  # fmt: skip


@device
def _store_state(lines, at, s0, s1, s2, s3, s4, s5, s6, s7):
    store(lines, at, LANES, s0)
    store(lines, at + LANES, LANES, s1)
    store(lines, at + 2 * LANES, LANES, s2)
    store(lines, at + 3 * LANES, LANES, s3)
    store(lines, at + 4 * LANES, LANES, s4)
    store(lines, at + 5 * LANES, LANES, s5)
    store(lines, at + 6 * LANES, LANES, s6)
    store(lines, at + 7 * LANES, LANES, s7)


@device
def _load_state(lines, at):
    return (
        load(lines, at, LANES), load(lines, at + LANES, LANES),
        load(lines, at + 2 * LANES, LANES), load(lines, at + 3 * LANES, LANES),
        load(lines, at + 4 * LANES, LANES), load(lines, at + 5 * LANES, LANES),
        load(lines, at + 6 * LANES, LANES), load(lines, at + 7 * LANES, LANES),
    )  # fmt: skip


@device
def _words(lines, cell, x, y):
    """The two words of one little-endian cell: x of the messages of even number, y of those of odd number."""
    store(lines, 2 * cell * LANES, LANES, swap(low_words(x, y)))
    store(lines, (2 * cell + 1) * LANES, LANES, swap(high_words(x, y)))


@device
def _block_of_eight(messages, at, stride, left, lines):
    """Words of the blocks at `at` in messages `stride` cells apart, `left` of them; for LANES = 8."""
    for odd in range(2):
        i = at + odd * stride
        n = BLOCK_LINES * (left - odd)
        s = 2 * stride
        k = 2 * BLOCK_LINES
        rows = turned(
            load(messages, i, n), load(messages, i + s, n - k),
            load(messages, i + 2 * s, n - 2 * k), load(messages, i + 3 * s, n - 3 * k),
            load(messages, i + 4 * s, n - 4 * k), load(messages, i + 5 * s, n - 5 * k),
            load(messages, i + 6 * s, n - 6 * k), load(messages, i + 7 * s, n - 7 * k),
        )  # fmt: skip
        for cell in range(BLOCK_LINES):
            store(lines, (ROUNDS + odd * BLOCK_LINES + cell) * LANES, LANES, rows[cell])
    for cell in range(BLOCK_LINES):
        x = load(lines, (ROUNDS + cell) * LANES, LANES)
        y = load(lines, (ROUNDS + BLOCK_LINES + cell) * LANES, LANES)
        _words(lines, cell, x, y)


@device
def _block_of_one(messages, at, stride, left, lines):
    """The same for LANES = 1: two messages."""
    for cell in range(BLOCK_LINES):
        x = load(messages, at + cell, left)
        y = load(messages, at + stride + cell, left - 1)
        _words(lines, cell, x, y)


_block = _block_of_eight if LANES == BLOCK_LINES else _block_of_one


@kernel(IN, IN, IN, OUT, OUT, INT, INT, INT)
def _hash_padded(messages, constants, initial, out, lines, width, start, stop):
    """out[4 i : 4 i + 4] = digest of message i, `width` uint64 with its padding. `lines`: LINES of scratch."""
    for first in range(start, stop, GROUP):
        s0, s1, s2, s3 = splat(initial[0]), splat(initial[1]), splat(initial[2]), splat(initial[3])
        s4, s5, s6, s7 = splat(initial[4]), splat(initial[5]), splat(initial[6]), splat(initial[7])
        for block in range(0, width, BLOCK_LINES):
            _block(messages, first * width + block, width, stop - first, lines)
            s0, s1, s2, s3, s4, s5, s6, s7 = _compress(lines, constants, s0, s1, s2, s3, s4, s5, s6, s7)
        _store_state(lines, 0, s0, s1, s2, s3, s4, s5, s6, s7)
        _unpack(lines, 0, out, first, stop)


@device
def _unpack(lines, at, out, first, stop):
    """Digests first .. of the states at lines[at:], as bytes."""
    low, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    for k in range(8):
        store(lines, at + k * LANES, LANES, swap(load(lines, at + k * LANES, LANES)))
    for lane in range(min(LANES, (stop - first + 1) // 2)):
        place = 4 * (first + 2 * lane)
        for k in range(4):
            x, y = lines[at + 2 * k * LANES + lane], lines[at + (2 * k + 1) * LANES + lane]
            out[place + k] = (x & low) | (y << shift)
            if first + 2 * lane + 1 < stop:
                out[place + 4 + k] = (x >> shift) | ((y >> shift) << shift)


@kernel(IN, OUT, U64, INT, INT)
def _pair_blocks(digests, blocks, tag, start, stop):
    """A block each of pairs start .. stop: tag, the first 27 bytes of digests 2 i and 2 i + 1, and their padding."""
    byte, word, most, low = np.uint64(8), np.uint64(32), np.uint64(56), np.uint64(0xFFFFFF)
    for i in range(start, stop):
        x, y, at = 8 * i, 8 * i + 4, BLOCK_LINES * (i - start)
        blocks[at] = tag | digests[x] << byte
        blocks[at + 1] = digests[x] >> most | digests[x + 1] << byte
        blocks[at + 2] = digests[x + 1] >> most | digests[x + 2] << byte
        blocks[at + 3] = digests[x + 2] >> most | (digests[x + 3] & low) << byte | digests[y] << word
        blocks[at + 4] = digests[y] >> word | digests[y + 1] << word
        blocks[at + 5] = digests[y + 1] >> word | digests[y + 2] << word
        blocks[at + 6] = digests[y + 2] >> word | (digests[y + 3] & low) << word | np.uint64(0x80) << most
        blocks[at + 7] = PAIR_LENGTH


@kernel(IN, IN, IN, OUT, OUT, INT)
def _absorb(messages, padding, constants, states, lines, count):
    """One block of each of `count` messages into their states; padding: 16 words that are added to every block."""
    for first in range(0, count, GROUP):
        at = first // GROUP * 8 * LANES
        _block(messages, first * BLOCK_LINES, BLOCK_LINES, count - first, lines)
        for word in range(BLOCK_WORDS):
            store(lines, word * LANES, LANES, word_add(load(lines, word * LANES, LANES), padding[word]))
        s0, s1, s2, s3, s4, s5, s6, s7 = _load_state(states, at)
        s0, s1, s2, s3, s4, s5, s6, s7 = _compress(lines, constants, s0, s1, s2, s3, s4, s5, s6, s7)
        _store_state(states, at, s0, s1, s2, s3, s4, s5, s6, s7)


@kernel(OUT, OUT, INT)
def _finish(states, out, count):
    """The digests of `count` states, which are spoilt."""
    for first in range(0, count, GROUP):
        _unpack(states, first // GROUP * 8 * LANES, out, first, count)


class Hashes:
    """Many messages of one length, hashed side by side, a block of each at a time.

    A block is 64 bytes; the last ones carry the padding of FIPS 180-4, 5.1.1.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._states = empty((-(-count // GROUP), 8, LANES), np.uint64)
        self._states[:] = INITIAL_STATE[:, None]
        self._lines = np.empty(LINES * LANES, dtype=np.uint64)
        self._length = 0

    def absorb(self, blocks: Array) -> None:
        """One whole block of each message: uint64 (count, 8), little-endian."""
        self._compress(blocks, b"")
        self._length += BLOCK_BYTES

    def finish(self, blocks: Array, used: int, out: Array) -> None:
        """The digests, into uint8 (count, 32), after a last block that is zero past the first `used` bytes."""
        length = 8 * (self._length + used)
        ending = b"\x80" + bytes(-(used + 1 + LENGTH_BYTES) % BLOCK_BYTES) + length.to_bytes(LENGTH_BYTES, "big")
        padding = bytes(used) + ending
        self._compress(blocks, padding[:BLOCK_BYTES])
        if len(padding) > BLOCK_BYTES:
            self._compress(np.zeros_like(blocks), padding[BLOCK_BYTES:])
        _finish(self._states.reshape(-1), out.view(np.uint64).reshape(-1), self.count)

    def _compress(self, blocks: Array, padding: bytes) -> None:
        words = np.frombuffer(padding.ljust(BLOCK_BYTES, b"\0"), dtype=">u4").astype(np.uint64)
        both = words | words << np.uint64(32)
        _absorb(blocks.reshape(-1), both, ROUND_CONSTANTS, self._states.reshape(-1), self._lines, self.count)


def sha256_rows(tag: bytes, parts: Sequence[Array]) -> memoryview:
    """The packed SHA-256 of tag + row i of all parts, for every i.

    parts: uint8 (n, width) each, at least one.
    """
    n, widths = len(parts[0]), [part.shape[1] for part in parts]
    length = len(tag) + sum(widths)
    padded = -(-(length + 1 + LENGTH_BYTES) // BLOCK_BYTES) * BLOCK_BYTES
    ending = b"\x80" + bytes(padded - length - 1 - LENGTH_BYTES) + (8 * length).to_bytes(LENGTH_BYTES, "big")
    out = empty((n, DIGEST_BYTES // 8), np.uint64)

    def hash_rows(start: int, stop: int) -> None:
        rows = np.empty((stop - start, padded), dtype=np.uint8)
        rows[:, : len(tag)] = np.frombuffer(tag, dtype=np.uint8)
        at = len(tag)
        for part, width in zip(parts, widths, strict=True):
            rows[:, at : at + width] = part[start:stop]
            at += width
        rows[:, length:] = np.frombuffer(ending, dtype=np.uint8)
        messages, lines = rows.reshape(-1).view(np.uint64), np.empty(LINES * LANES, dtype=np.uint64)
        digests = out[start:stop].reshape(-1)
        _hash_padded(messages, ROUND_CONSTANTS, INITIAL_STATE, digests, lines, padded // 8, 0, stop - start)

    step = max(GROUP, MIN_BYTES // padded, min(-(-n // thread_count()), CHUNK_BYTES // padded))
    step = -(-step // GROUP) * GROUP
    run_tasks([partial(hash_rows, start, min(n, start + step)) for start in range(0, n, step)])
    return out.view(np.uint8).reshape(-1).data


def hash_pairs(tag: int, digests: Array) -> Array:
    """SHA-256 of a byte and the first PAIR_BYTES bytes of each digest of a pair: uint8 (2 n, 32) -> (n, 32)."""
    count = len(digests) // 2
    if digests.shape != (2 * count, DIGEST_BYTES) or not digests.flags.c_contiguous:
        raise ValueError(f"digests come in pairs, one after the other, got {digests.shape}")
    out = empty((count, DIGEST_BYTES), np.uint8)
    cells, digested = (values.reshape(-1).view(np.uint64) for values in (digests, out))

    def hash_some(start: int, stop: int) -> None:
        blocks, lines = (np.empty(size, dtype=np.uint64) for size in (PAIRS * BLOCK_LINES, LINES * LANES))
        for first in range(start, stop, PAIRS):
            last = min(first + PAIRS, stop)
            _pair_blocks(cells, blocks, np.uint64(tag), first, last)
            own = digested[4 * first : 4 * last]
            _hash_padded(blocks, ROUND_CONSTANTS, INITIAL_STATE, own, lines, BLOCK_LINES, 0, last - first)

    step = max(MIN_BYTES // BLOCK_BYTES, -(-count // thread_count()))
    run_tasks([partial(hash_some, start, min(count, start + step)) for start in range(0, count, step)])
    return out


def hash_texts(tag: bytes, encoded: Sequence[bytes]) -> Array:
    """SHA-256(tag | text) of each, uint8 (n, 32); those of one length side by side."""
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    order = np.argsort(lengths, kind="stable")
    joined = np.frombuffer(b"".join([encoded[i] for i in order.tolist()]), np.uint8)
    hashes, at = np.empty((len(encoded), DIGEST_BYTES), np.uint8), 0
    sizes, starts = np.unique(lengths[order], return_index=True)
    for size, first, last in zip(sizes.tolist(), starts, [*starts[1:], len(order)], strict=False):
        same = order[first:last]
        part = joined[at : at + len(same) * size].reshape(len(same), size)
        hashes[same] = np.frombuffer(sha256_rows(tag, [part]), np.uint8).reshape(-1, DIGEST_BYTES)
        at += part.size
    return hashes
