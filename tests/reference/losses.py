"""The tables of losses, and of logarithms of counts: protocol.md, section 10, by decimal numbers."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from functools import cache
from itertools import pairwise

from .arithmetic import activation_table
from .optimum_integers import PI, edges


@cache
def loss_bounds() -> tuple[list[int], list[int]]:
    """2^16 log(1 + e^-t), rounded down at the upper edge of each cell, and up at the lower one."""
    with localcontext() as context:
        context.prec = 40
        right = [(1 + (-Decimal(j) / 512).exp()).ln() * 65536 for j in range((1 << 15) + 1)]
        return outwards([right[j] + 128 * j for j in range(1 << 15, 0, -1)] + right)


def outwards(values: list[Decimal]) -> tuple[list[int], list[int]]:
    """At the upper edge of each cell rounded down, at the lower one up."""
    low = [int(value.to_integral_value(ROUND_FLOOR)) for value in values[1:]]
    return low, [int(value.to_integral_value(ROUND_CEILING)) for value in values[:-1]]


MIDDLE = 9 * 512  # edges from where on the asymptotic series has 16 digits and more


def tail(j: int, density: Decimal) -> Decimal:
    """Phi(-j / 512) / density: near zero by the series of Phi, which has positive terms; far off, by the asymptotic."""
    x = Decimal(j) / 512
    square, total, k = x * x, Decimal(0), 0
    tiny = Decimal("1e-24")
    if j < MIDDLE:
        term = x
        while term > tiny:
            total, k = total + term, k + 1
            term = term * square / (2 * k + 1)
        return Decimal("0.5") / density - total
    term = 1 / x
    while abs(term) > tiny:
        total, k = total + term, k + 1
        following = -term * (2 * k - 1) / square
        if abs(following) > abs(term):
            break
        term = following
    return total


@cache
def probit_loss_bounds() -> tuple[list[int], list[int]]:
    """The same of -log Phi(t)."""
    with localcontext() as context:
        context.prec = 42
        root = (2 * PI).sqrt()
        constant = root.ln()
        below, above = [], []
        for j in range((1 << 15) + 1):
            context.prec = 42 if j < MIDDLE else 26
            half = Decimal(j * j) / (2 * 512 * 512)
            density = (-half).exp() / root if j < MIDDLE else Decimal(1)
            left = tail(j, density)
            below.append((half + constant - left.ln()) * 65536)
            above.append(-(1 - density * left).ln() * 65536 if j < MIDDLE else Decimal("1e-9"))
        return outwards(below[:0:-1] + above)


LOSSES_OF = {"losses": loss_bounds, "probit losses": probit_loss_bounds}


@cache
def chance_bounds(family: str, bits: int) -> tuple[list[int], list[int]]:
    """What is predicted in a cell, one less and one more than what the table has at its edges."""
    found = edges(family, 9, bits)
    return [max(0, edge - 1) for edge in found[:-1]], [min(1 << bits, edge + 1) for edge in found[1:]]


@cache
def logarithms(bits: int) -> list[int]:
    """floor(2^16 log(i / 2^bits))."""
    with localcontext() as context:
        context.prec = 22
        whole = Decimal(1 << bits)
        found = (65536 * (Decimal(i) / whole).ln() for i in range(1, 1 << 16))
        return [0, *(int(value.to_integral_value(ROUND_FLOOR)) for value in found)]


CERTAIN = 1 << 30  # the unit that chances of shards are in
BEYOND = {"logistic": 65, "probit": 2054}  # what no loss of a mean is more than


@cache
def mean_losses(family: str) -> tuple[list[int], ...]:
    """Edges of cells, their widths, and bounds of -log(mean / 2^30) over them; nothing after the last one."""
    edges = [0]
    while edges[-1] < CERTAIN:
        edges.append(edges[-1] + (1 << min(15, max(0, edges[-1].bit_length() - 11))))
    with localcontext() as context:
        context.prec = 30
        losses = [65536 * (30 * Decimal(2).ln() - Decimal(edge).ln()) for edge in edges[1:-1]] + [Decimal(0)]
        least = [int(loss.to_integral_value(ROUND_FLOOR)) for loss in losses]
        largest = [65536 * BEYOND[family], *(int(loss.to_integral_value(ROUND_CEILING)) for loss in losses)]
    found = edges, [b - a for a, b in pairwise(edges)] + [1], [*least, 0], largest
    return tuple(own + [0] * (65536 - len(own)) for own in found)


def columns_beside(name: str) -> Sequence[Sequence[int]] | None:
    """What stands beside the first component, if it is one of these tables."""
    words = name.split()
    if words[0] == "logs":
        return [0] + [1] * 65535, logarithms(int(words[2]))
    if words[0] == "chances":
        return chance_bounds(words[2], int(words[4]))
    if words[0] == "opinions":
        return activation_table(words[2], 9, 16), *chance_bounds(words[2], 30)
    return mean_losses(words[3]) if words[0] == "mean" else None


@cache
def count_logs() -> list[int]:
    """floor(2^16 (y log y - y)): logarithms of primes by their series, those of products by sums."""
    factor = list(range(1 << 16))
    for p in range(2, 256):
        if factor[p] == p:
            for multiple in range(p * p, 1 << 16, p):
                factor[multiple] = min(factor[multiple], p)
    with localcontext() as context:
        context.prec = 40
        logs = [Decimal(0), Decimal(0)]
        for y in range(2, 1 << 16):
            logs.append(Decimal(y).ln() if factor[y] == y else logs[factor[y]] + logs[y // factor[y]])
        exact = [65536 * (y * log - y) for y, log in enumerate(logs)]
        found = [int(value.to_integral_value(ROUND_FLOOR)) for value in exact]
        return found
