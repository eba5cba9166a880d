"""The vectors y of the openings: linear claims about public vectors, proved without sending these whole.

Nothing here is secret: every y is uniform and could go over the wire in clear. Short ones do. Long ones are stacked
as rows of a matrix Y over K, C = 2^c cells a row, each vector beginning a new one, and Y is committed by a plain
Reed-Solomon code and a Merkle tree without tails and salts (Ligero applied to its own opening, as in Ligerito).
About each vector y there are t + 1 claims, all linear:

    <y, eq(s)> = inner                 over its first cells
    y(x) = sum_j y_j x^j = value       at the t points x where columns were opened: y's codeword is what they imply

Only the cells of a vector's own length have weight in these sums: what a prover puts into the rest of its last row is
no coefficient of y.

    V -> P   rho; the sum over all claims, with powers of rho, is sum over (i, j) of Y(i, j) W(i, j)
    rounds   of its sumcheck, in clear, row variables first, to a point (r, s)
    P -> V   Y(r, s)                                       check "folding": it accounts for the sum
    P -> V   y' = sum_i eq(r, i) Y_i, one vector of length C: in clear, or stacked and committed in its turn
    V -> P   columns of Y; P -> V   the columns            t + 1 claims about y': <y', eq(s)> = Y(r, s), its codeword

What is in clear at the end is checked directly: "inner product" and "codeword". How vectors are stacked is a
function of their lengths that makes the proof short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

import numpy as np

from ...circuits.field.goldilocks import (
    ONE,
    ZERO,
    K,
    Vector,
    kadd,
    kdot,
    kmul,
    kmul_base,
    kscale,
    kvector,
    matmul,
    mul,
    same,
    total,
)
from ...circuits.field.multilinear import Point, eq, eq_table, kevaluate, log2_ceil
from ...circuits.language.hidden import public
from ...errors import InvalidProof
from .channel import EXTENSION_BYTES, Channel, Side
from .code import PLAIN_RATE, ReedSolomonCode, evaluate_rows, powers
from .merkle import DIGEST_BYTES
from .sumcheck import verify_rounds
from .trees import TreeShape, verify_tree
from .work import NONCE_BYTES

DEGREE = 2
SHORTEST_ROW_BITS, LONGEST_ROW_BITS = 4, 16
POSITIONS_PER_BYTE = 4  # encoding and hashing so many positions less is worth a byte, of what one proof commits to
STACK_BYTES = 1 << 14  # that a stack must save beside its positions, as it takes a proof of work of its own


@dataclass(frozen=True)
class Claims:
    """What is claimed about a vector y.

    Attributes:
        cell_point, inner: <y, eq(cell_point)> = inner, over the first 2^len(cell_point) coefficients.
        points, values: F array (t,) and K vector (2, t): the polynomial's values.
    """

    cell_point: Point
    inner: K
    points: Vector
    values: Vector

    @property
    def count(self) -> int:
        """Number of claims."""
        return 1 + len(self.points)


@dataclass(frozen=True)
class Stack:
    """Vectors as rows of a matrix.

    Attributes:
        level: 1 for the y's, 2 for what these are folded to, ..
        lengths: of the vectors.
        row_bits: c.
    """

    level: int
    lengths: tuple[int, ...]
    row_bits: int

    @property
    def code(self) -> ReedSolomonCode:
        """Of the rows; hides nothing."""
        return ReedSolomonCode(self.row_bits, openings=0, inverse_rate=PLAIN_RATE)

    @property
    def rows_of(self) -> tuple[int, ...]:
        """Number of rows of each vector."""
        return tuple(-(-length >> self.row_bits) for length in self.lengths)

    @property
    def spans(self) -> tuple[slice, ...]:
        """The rows of each vector."""
        ends = np.cumsum(self.rows_of).tolist()
        return tuple(slice(end - count, end) for end, count in zip(ends, self.rows_of, strict=True))

    @property
    def rows(self) -> int:
        """Number of rows over K."""
        return sum(self.rows_of)

    @property
    def index_bits(self) -> int:
        """Variables that index the rows."""
        return log2_ceil(self.rows)

    @cached_property
    def tree(self) -> TreeShape:
        """Its Merkle tree: a and b of each row."""
        return TreeShape(f"folding {self.level}", self.code, 2 * self.rows, salted=False)

    @property
    def proof_bytes(self) -> int:
        """What it adds to a proof."""
        elements = DEGREE * (self.index_bits + self.row_bits) + 1
        return DIGEST_BYTES + EXTENSION_BYTES * elements + NONCE_BYTES + self.tree.opening_bytes


@lru_cache(maxsize=256)
def stacks(lengths: tuple[int, ...], level: int = 1) -> tuple[Stack, ...]:
    """How vectors of these lengths are folded: none if they go in clear at once."""
    chains: list[tuple[Stack, ...]] = [()]
    for row_bits in range(SHORTEST_ROW_BITS, min(LONGEST_ROW_BITS, log2_ceil(sum(lengths)) - 1) + 1):
        chains.append((Stack(level, lengths, row_bits), *stacks((1 << row_bits,), level + 1)))
    time = {chain: sum(STACK_BYTES + own.code.length // POSITIONS_PER_BYTE for own in chain) for chain in chains}
    return min(chains, key=lambda chain: folded_bytes(lengths, chain) + time[chain])


def folded_bytes(lengths: tuple[int, ...], chain: Sequence[Stack]) -> int:
    """What the vectors add to a proof."""
    last = (1 << chain[-1].row_bits,) if chain else lengths
    return sum(stack.proof_bytes for stack in chain) + EXTENSION_BYTES * sum(last)


@dataclass(frozen=True)
class Sent:
    """What was sent in the place of vectors: a root, or the vectors in clear, K vectors (2, n)."""

    root: bytes
    vectors: tuple[Vector, ...]


def receive_vectors(channel: Channel, lengths: Sequence[int], chain: Sequence[Stack]) -> Sent:
    """P -> V: the root of the first stack of the chain, or if there is none the vectors."""
    if chain:
        return Sent(channel.data(DIGEST_BYTES, f"the root of {chain[0].tree.name}"), ())
    return Sent(b"", tuple(channel.vector(length, "a vector in clear") for length in lengths))


def verify_folding(channel: Channel, chain: Sequence[Stack], sent: Sent, claims: Sequence[Claims]) -> None:
    """All claims. Raises InvalidProof("folding", "proof of work", "merkle ..", "inner product" or "codeword")."""
    for i, stack in enumerate(chain):
        rest = chain[i + 1 :]
        rho = draw_weight(channel, claims)  # V -> P
        variables = stack.index_bits + stack.row_bits
        claimed = public(channel.public(partial(combined_value, claims, rho)))
        point, ended = verify_rounds(channel, "folding", variables, DEGREE, claimed, in_clear=True)
        (value,) = channel.elements(1, "the value of a folded matrix")  # P -> V
        require_folded(channel, stack, (claims, rho), point, ended.constant, value)
        root, sent = sent.root, receive_vectors(channel, (1 << stack.row_bits,), rest)  # P -> V
        channel.work()
        indices = channel.indices(stack.code)  # V -> P
        cells = verify_tree(channel, stack.tree, root, indices)  # P -> V
        claims = [folded_claims(channel, stack, point, value, indices, cells)]
    for vector, about in zip(sent.vectors, claims, strict=True):
        channel.check(partial(require_vector, vector, about))


def draw_weight(channel: Side, claims: Sequence[Claims]) -> K:
    """V -> P: rho. A false claim among n vanishes in the sum for at most n - 1 values."""
    return channel.challenge("folding weight", max(1, sum(about.count for about in claims) - 1))


def weights_of(claims: Sequence[Claims], rho: K) -> list[tuple[K, Vector]]:
    """Powers of rho: for each vector that of its inner product, and K vector (2, t) those of its values."""
    weights, power = [], ONE
    for about in claims:
        own = [power]
        for _ in range(len(about.points)):
            own.append(own[-1] * rho)
        weights.append((own[0], kvector(own[1:])))
        power = own[-1] * rho
    return weights


def combined_value(claims: Sequence[Claims], rho: K) -> K:
    """The sum of all claimed values."""
    result = ZERO
    for about, (first, others) in zip(claims, weights_of(claims, rho), strict=True):
        result = result + first * about.inner + kdot(others, about.values)
    return result


def require_folded(
    channel: Side, stack: Stack, batch: tuple[Sequence[Claims], K], point: Point, claim: K, value: K
) -> None:
    """Check "folding": claim = W(r, s) * Y(r, s)."""

    def verify() -> None:
        if weight_at(stack, *batch, point) * value != claim:
            raise InvalidProof("folding", f"the claims of level {stack.level} do not add up")

    channel.check(verify)


def weight_at(stack: Stack, claims: Sequence[Claims], rho: K, point: Point) -> K:
    """W(r, s): the extension of the weights of all claims on the stacked matrix."""
    r, s = point[: stack.index_bits], point[stack.index_bits :]
    at_rows, result = eq_table(r), ZERO
    lengths = zip(stack.lengths, stack.spans, strict=True)
    for (length, span), about, (first, others) in zip(lengths, claims, weights_of(claims, rho), strict=True):
        rows = at_rows[:, span]
        result = result + first * _cells_weight(rows, about.cell_point, s)
        result = result + kdot(others, _powers_weights(rows, length, about.points, s))
    return result


def _cells_weight(at_rows: Vector, cell_point: Point, s: Point) -> K:
    """sum over rows i, cells j of eq(cell_point, i 2^c + j) at_rows(i) eq(s, j)."""
    short = len(s) - len(cell_point)
    if short >= 0:  # less than a row: the leading variables of s are those of zeros
        cell_point = (ZERO,) * short + cell_point
    high, low = cell_point[: len(cell_point) - len(s)], cell_point[len(cell_point) - len(s) :]
    rows = eq_table(high)
    return kdot(rows, at_rows[:, : rows.shape[1]]) * eq(low, s)


def _powers_weights(at_rows: Vector, length: int, points: Vector, s: Point) -> Vector:
    """sum over rows i, cells j with i 2^c + j < length of x^(i 2^c + j) at_rows(i) eq(s, j). K vector (2, t).

    The whole rows are a product; the rest of the length is cut into runs of 2^b cells, as `multilinear.prefix` does.
    """
    whole, rest = divmod(length, 1 << len(s))
    ones = kvector([ONE] * len(points))
    runs, squares, square = [ones], [], points  # runs[b] = sum over j < 2^b of x^j eq(the last b of s, j)
    for coordinate in reversed(s):
        squares.append(square)
        runs.append(kmul(runs[-1], _step(square, coordinate)))
        square = mul(square, square)
    by_row = powers(square, at_rows.shape[1])  # square is x^(2^c) now
    result = kmul(runs[-1], total(kmul_base(at_rows[:, :whole, None], by_row[:whole]), axis=1))
    if rest:
        agree, part = ones, np.zeros_like(ones)
        for b, coordinate in zip(reversed(range(len(s))), s, strict=True):
            if rest >> b & 1:
                part = kadd(part, kscale(kmul(agree, runs[b]), ONE - coordinate))
                agree = kmul_base(kscale(agree, coordinate), squares[b])
            else:
                agree = kscale(agree, ONE - coordinate)
        result = kadd(result, kmul(part, kmul_base(at_rows[:, whole, None], by_row[whole])))
    return result


def _step(square: Vector, coordinate: K) -> Vector:
    """1 - s + s x^(2^b) at all points. K vector (2, t)."""
    scaled = kscale(np.stack([square, np.zeros_like(square)]), coordinate)
    return kadd(scaled, kvector([ONE - coordinate] * len(square)))


def folded_claims(channel: Side, stack: Stack, point: Point, value: K, indices: Sequence[int], cells: Vector) -> Claims:
    """What opened columns, F array (t, 2 rows), say about y' = sum_i eq(r, i) Y_i."""

    def values() -> Vector:
        weights = eq_table(point[: stack.index_bits])[:, : stack.rows]
        constant, linear = np.split(matmul(weights, np.concatenate([cells[:, 0::2], cells[:, 1::2]]).T), 2, axis=1)
        return kadd(constant, kscale(linear, K(0, 1)))

    points = stack.code.points(indices)
    return Claims(point[stack.index_bits :], value, points, channel.public_vector(len(points), values))


def require_vector(vector: Vector, about: Claims) -> None:
    """The claims about a vector in clear. Raises InvalidProof("inner product" or "codeword")."""
    if kevaluate(vector[:, : 1 << len(about.cell_point)], about.cell_point) != about.inner:
        raise InvalidProof("inner product", "a vector does not have the claimed value")
    if not same(evaluate_rows(vector, about.points), about.values):
        raise InvalidProof("codeword", "a vector is not what the opened columns imply")
