"""The tables of losses, and of logarithms of counts: protocol.md, section 10, by decimal numbers."""

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
        low = [int(edge.to_integral_value(ROUND_FLOOR)) for edge in edges[1:]]
        return low, [int(edge.to_integral_value(ROUND_CEILING)) for edge in edges[:-1]]


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
