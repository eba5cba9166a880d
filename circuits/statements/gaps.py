"""Positions as bytes: strictly increasing integers below 2^32, each as its distance from the one before.

    gap_0 = p_0,   gap_i = p_i - p_(i-1) - 1,   each an unsigned LEB128: seven bits a byte, the lowest first, and the
    eighth bit of every byte but the last is set

A reader can find nothing that does not increase, and refuses every gap that is longer than it has to be: two lists of
positions never have the same bytes, and no list has two spellings.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from ...errors import FormatError

POSITION_BITS, GROUP_BITS = 32, 7
GAP_BYTES = -(-POSITION_BITS // GROUP_BITS)
MORE, GROUP = 1 << GROUP_BITS, (1 << GROUP_BITS) - 1  # the two parts of a byte
TOO_LARGE = f"list of positions: one is not below 2^{POSITION_BITS}"


def written_gaps(positions: Sequence[int]) -> bytes:
    """The only bytes that `read_gaps` reads as these positions. Raises FormatError if they are no such list."""
    try:
        values = np.array(array("q", positions), dtype=np.int64)
    except (OverflowError, TypeError):
        raise FormatError("list of positions: it has to hold integers") from None
    gaps = np.diff(values, prepend=-1) - 1
    if (gaps < 0).any():
        at = int(np.argmax(gaps < 0))
        before = values[at - 1] if at else "the beginning"
        raise FormatError(f"list of positions: it does not increase, {values[at]} follows {before}")
    if (values >> POSITION_BITS).any():
        raise FormatError(TOO_LARGE)
    left = gaps[:, None] >> GROUP_BITS * np.arange(GAP_BYTES)  # (count, GAP_BYTES): what each byte and those after hold
    data = (left & GROUP | np.where(left > GROUP, MORE, 0)).astype(np.uint8)
    needed = left > 0
    needed[:, 0] = True
    return data[needed].tobytes()


def read_gaps(data: bytes, count: int) -> list[int]:
    """As many positions as `written_gaps` wrote. Raises FormatError, also for another number of them.

    In time and memory linear in what is there, whatever it says.
    """
    found = np.frombuffer(data, np.uint8)
    if data and data[-1] >= MORE:
        raise FormatError("list of positions: the last one is cut off")
    ends = np.flatnonzero(found < MORE)
    if len(ends) != count:
        raise FormatError(f"list of positions: it has {len(ends)} for {count} records")
    sizes = np.diff(ends, prepend=-1)
    longest = int(sizes.max(initial=0))
    if longest > GAP_BYTES:
        raise FormatError(f"list of positions: one takes {longest} bytes, at most {GAP_BYTES} are needed")
    if ((sizes > 1) & (found[ends] == 0)).any():
        raise FormatError("list of positions: one takes more bytes than it has to")
    gaps, starts = np.zeros(count, np.int64), ends - sizes + 1
    for k in range(longest):
        has = sizes > k
        gaps[has] |= (found[starts[has] + k] & GROUP).astype(np.int64) << GROUP_BITS * k
    positions = np.cumsum(gaps + 1) - 1
    if (positions >> POSITION_BITS).any():  # steps of 35 bits cannot leap from below this to where sums wrap around
        raise FormatError(TOO_LARGE)
    listed: list[int] = positions.tolist()
    return listed
