"""The losses of several classes: -log(p_y / sum over classes c of p_c), p_c what the model of class c against the
others predicts, y the class of a row. That is -log p_y, whose tables are those of two classes, and log of the sum.

The sum of p_c is bounded by bounds of each over the cell that its score is in, in integers at a scale of sum_bits + 16;
and the logarithm of that by a table of its upper 16 bits. All tables are the same on every platform.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from .activation import TABLE_SIZE, edge_table
from .families import Family
from .losses import FRACTION_BITS, LOSS_BITS, LOSS_INDEX_BITS, artanh, log_of_two
from .scales import TABLE_BITS

IntArray = NDArray[np.int64]
ERROR = 1 << 40  # of a logarithm, in units of 2^-FRACTION_BITS


def sum_bits(terms: int) -> int:
    """Bits of the scale at which sums of so many chances are cut to 16 bits: the largest with which none is cut off.

    Of bounds, too: a sum is at most terms 2^sum_bits, and one more is below 2^16.
    """
    return TABLE_BITS - terms.bit_length()


@cache
def chance_bounds(family: Family, bits: int) -> tuple[IntArray, IntArray]:
    """What is predicted over each cell of 2^-LOSS_INDEX_BITS, at least and at most: int64 (2^16,) each, scale `bits`.

    The table at edges has nearest integers, so one less is no more than what is predicted at an edge.
    """
    if family.edges is None:
        raise ParameterError(f"a {family.title} predicts no chances of classes")
    edges = edge_table(family.edges, LOSS_INDEX_BITS, bits)
    found = np.maximum(edges[:-1] - 1, 0), np.minimum(edges[1:] + 1, 1 << bits)
    for table in found:
        table.setflags(write=False)
    return found


@cache
def log_table(bits: int) -> IntArray:
    """floor(2^LOSS_BITS log(i / 2^bits)) of i = 1 .. 2^16 - 1, and 0 of 0, which has none: int64 (2^16,).

    The logarithm grows from i to i + 1 by 2 artanh(1 / (2 i + 1)), less than 2^9 units off, and sums of 2^16 by less
    than 2^25; so is that of 2^bits, from that of 2. A value that is no multiple of a unit is settled by such an error,
    which is checked; the only one that is a multiple is that of 2^bits itself, 0.
    """
    shift, values = FRACTION_BITS - LOSS_BITS, [0]
    total = -bits * log_of_two()
    for i in range(1, TABLE_SIZE):
        exact = 0 if i == 1 << bits else total
        low, high = ((exact + error) >> shift for error in ((-ERROR, ERROR) if exact else (0, 0)))
        if low != high:
            raise ParameterError(f"the logarithm of {i} / 2^{bits} is too near an integer")
        values.append(low)
        total += 2 * artanh((1 << FRACTION_BITS) // (2 * i + 1))
    found = np.array(values, dtype=np.int64)
    found.setflags(write=False)
    return found
