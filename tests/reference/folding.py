"""Folding, what openings and columns say about the vectors y: protocol.md, section 16."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from .channel import Read
from .field import ONE, ZERO, K, P, Point, bits_of, eq, eq_table, horner, log2_ceil, require
from .formats import field_elements, root_of, sha256, short_node
from .relations import rounds
from .shapes import Code, chain, stack_rows


@dataclass
class Claims:
    """About a vector y: <y, eq(point)> over its first coefficients, and y(x) at each opened position."""

    length: int
    point: Point
    inner: K
    values: list[tuple[int, K]]  # (x, y(x)), by increasing position

    def all(self) -> list[K]:
        return [self.inner, *(value for _, value in self.values)]


def open_tree(read: Read, code: Code, rows: int, root: bytes, indices: list[int]) -> list[list[int]]:
    """The columns of one tree at the indices: section 5."""
    cap = read.hashes(code.cap, 27)
    salts = read.hashes(len(indices), 32) if code.openings else [bytes(32)] * len(indices)
    columns = [read.take(8 * rows) for _ in indices]
    paths = [read.hashes(code.path_length, 27) for _ in indices]
    cells = [field_elements(column) for column in columns]
    require("merkle cap", root_of(cap) == root)
    require("merkle path", indices == sorted(set(indices)))
    for index, salt, column, path in zip(indices, salts, columns, paths, strict=True):
        hashed = sha256(bytes(32) + salt + column)
        for sibling in path:
            hashed = short_node(sibling, hashed) if index & 1 else short_node(hashed, sibling)
            index >>= 1
        require("merkle path", hashed[:27] == cap[index])
    return cells


def evaluate(y: Sequence[K], x: int) -> K:
    return K(horner([value.a for value in y], x), horner([value.b for value in y], x))


def fold(read: Read, first: bytes | list[list[K]], claims: list[Claims]) -> None:
    """`first` is the root of the first stack, or, where nothing is folded, the vectors themselves."""
    _, stacks = chain(tuple(about.length for about in claims))
    for level, c in enumerate(stacks):
        assert isinstance(first, bytes)
        first, about = fold_once(read, first, claims, c, last=level + 1 == len(stacks))
        claims = [about]
    assert isinstance(first, list)
    for y, about in zip(first, claims, strict=True):
        inner = sum((e * value for e, value in zip(eq_table(about.point), y, strict=False)), ZERO)
        require("inner product", inner == about.inner)
        require("codeword", all(evaluate(y, x) == value for x, value in about.values))


def fold_once(
    read: Read, root: bytes, claims: list[Claims], c: int, last: bool
) -> tuple[bytes | list[list[K]], Claims]:
    """One level: what comes next (root or vector), and what is claimed about it."""
    code, rows = Code(c, 0, 8), stack_rows([about.length for about in claims], c)
    rho, total, power = read.challenge("folding weight"), ZERO, ONE
    for about in claims:
        for value in about.all():
            total += power * value
            power *= rho
    row_bits = log2_ceil(rows)
    point, claim = rounds(read, "folding", row_bits + c, 2, total, send=read.clear)
    r, s = eq_table(point[:row_bits]), point[row_bits:]
    (v,) = read.clear(1)
    require("folding", claim == v * weight(claims, rho, r, s))
    following: bytes | list[list[K]] = [read.whole(1 << c)] if last else read.take(32)
    read.work()
    indices = read.transcript.indices(code.n, code.queries)
    values = []
    for position, column in zip(indices, open_tree(read, code, 2 * rows, root, indices), strict=True):
        cells = [K(*column[i : i + 2]) for i in range(0, 2 * rows, 2)]
        values.append((code.point(position), sum((e * cell for e, cell in zip(r, cells, strict=False)), ZERO)))
    return following, Claims(1 << c, s, v, values)


def weight(claims: list[Claims], rho: K, r: list[K], s: Point) -> K:
    """W(r, s), r as the table of eq(r, row)."""
    total, power, first = ZERO, ONE, 0
    for about in claims:
        rows = r[first : first + -(-about.length >> len(s))]
        total += power * inner_weight(about.point, rows, s)
        power *= rho
        for x, _ in about.values:
            total += power * value_weight(x, about.length, rows, s)
            power *= rho
        first += len(rows)
    return total


def inner_weight(p: Point, rows: list[K], s: Point) -> K:
    """The extension of eq(p, index) on the first 2^(variables of p) cells."""
    cut = len(p) - len(s)
    if cut < 0:  # only the beginning of the first row
        return rows[0] * eq(bits_of(0, -cut) + p, s)
    return sum((e * row for e, row in zip(eq_table(p[:cut]), rows, strict=False)), ZERO) * eq(p[cut:], s)


def value_weight(x: int, length: int, rows: list[K], s: Point) -> K:
    """The extension of x^index on the cells of the vector's length."""
    c = len(s)
    set_bits = [s[c - 1 - b] * pow(x, 1 << b, P) for b in range(c)]  # weight of bit b where it is 1
    clear_bits = [1 - s[c - 1 - b] for b in range(c)]
    runs = [ONE]  # of 2^b cells
    for one, zero in zip(set_bits, clear_bits, strict=True):
        runs.append(runs[-1] * (zero + one))
    whole, rest = length >> c, length & ((1 << c) - 1)
    step = pow(x, 1 << c, P)
    powers = [pow(step, i, P) for i, _ in zip(count(), rows, strict=False)]
    total = sum((e * power for e, power in zip(rows[:whole], powers, strict=False)), ZERO) * runs[c]
    if rest:
        partial, same = ZERO, ONE
        for b in reversed(range(c)):
            if rest >> b & 1:
                partial += same * clear_bits[b] * runs[b]
                same *= set_bits[b]
            else:
                same *= clear_bits[b]
        total += rows[whole] * powers[whole] * partial
    return total
