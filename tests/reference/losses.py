"""The table of losses: protocol.md, section 9, by decimal numbers."""

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
