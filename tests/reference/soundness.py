"""Bits of soundness, of the challenges and codes of a proof: protocol.md, section 18."""

from __future__ import annotations

from collections.abc import Iterator
from math import fsum, log2

from .field import P, log2_ceil
from .plan import later_rounds
from .shapes import Code, stack_rows
from .verifier import Shape

BITS_OF_K, WORK_BITS = 2 * log2(P), 20


def code_terms(code: Code, rows: int) -> Iterator[float]:
    """Line, tensor and queries of a matrix of so many rows."""
    yield BITS_OF_K - log2(code.n)
    yield BITS_OF_K - log2(max(1, log2_ceil(rows)) * code.n)
    yield WORK_BITS - code.queries * log2((1 + code.dimension / code.n) / 2)


def terms(shape: Shape) -> Iterator[float]:
    """Of every round, in bits."""
    for _, error in [*shape.rounds, *later_rounds(shape, shape.constraints)]:
        yield BITS_OF_K - log2(error)
    for group in shape.groups:
        yield from code_terms(group.code, group.rows)
    yield from code_terms(shape.ledger, 2)
    lengths = [group.code.dimension for group in shape.groups]
    for c in shape.stacks:
        yield from code_terms(Code(c, 0, 8), stack_rows(lengths, c))
        lengths = [1 << c]


def soundness(shape: Shape) -> tuple[float, float]:
    """The least of all terms, and the sum of all errors, in bits."""
    found = list(terms(shape))
    return min(found), -log2(fsum(2.0**-bits for bits in found))
