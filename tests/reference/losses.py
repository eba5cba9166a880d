"""The tables of losses: protocol.md, section 9, by decimal numbers."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from functools import cache


@cache
def loss_bounds() -> tuple[list[int], list[int]]:
    """2^16 log(1 + e^-t), rounded down at the upper edge of each cell, and up at the lower one."""
    with localcontext() as context:
        context.prec = 40
        right = [(1 + (-Decimal(j) / 512).exp()).ln() * 65536 for j in range((1 << 15) + 1)]
        edges = [right[j] + 128 * j for j in range(1 << 15, 0, -1)] + right
        return outwards(edges)


def outwards(edges: list[Decimal]) -> tuple[list[int], list[int]]:
    """At the upper edge of each cell rounded down, at the lower one up."""
    low = [int(edge.to_integral_value(ROUND_FLOOR)) for edge in edges[1:]]
    return low, [int(edge.to_integral_value(ROUND_CEILING)) for edge in edges[:-1]]


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
        pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
        root = (2 * pi).sqrt()
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
