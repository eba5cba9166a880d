"""Bounds to begin with, from a table: a file that its owner edits, as bounds should say what a value can be.

Bounds that follow the data depend on every row, forgotten ones included, and are outside every proof. So these are
rounded generously, and the file says why each is to be looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...formats.toml import toml_value
from ...models.encoding.maps import LOG1P
from .raw_table import RawTable

SPREAD = 100.0  # the largest value over the median, from which most of a column would be a few integers
PIECE = 1 << 16
HEAD = """# What each column can be, from its lowest to its highest value. EDIT THIS FILE.
#
# These are the values of one table, rounded generously. Bounds that follow the data depend on every row, also on those
# that will be forgotten, and no proof covers how they were chosen. Put what you know instead: an age is from 0 to 120,
# a share from 0 to 1, whoever is in the table. Values outside are refused, today and in later rows. Keep bounds near to
# what can be: a column has about two thousand steps between them.

[bounds]
"""


def suggested_bounds(table: RawTable) -> str:
    """The text of a bounds file for a table (formats/toml.py, `read_bounds`)."""
    lines = [_line(name, column) for name, column in _columns(table)]
    width = max(len(line) for line, _ in lines)
    return HEAD + "".join(f"{line.ljust(width)}  # {found}\n" for line, found in lines)


def _columns(table: RawTable) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Those that need bounds: features, and labels that are numbers, if they are more than two."""
    for k, name in enumerate(table.names):
        yield name, np.concatenate([table.X[i : i + PIECE, k] for i in range(0, len(table.X), PIECE)])
    if table.y is not None and table.target is not None and table.y.dtype.kind == "f" and len(np.unique(table.y)) > 2:
        yield table.target, table.y.astype(np.float64)


def _line(name: str, column: NDArray[np.float64]) -> tuple[str, str]:
    """A line of the file, and what is found there."""
    lowest, highest, middle = float(column.min()), float(column.max()), float(np.median(column))
    low, high = generous(lowest, highest)
    found = f"found {lowest:.6g} to {highest:.6g}, median {middle:.6g}"
    if lowest >= 0 and highest > SPREAD * max(middle, 1.0):
        return f'{toml_value(name)} = {{low = 0, high = {_text(high)}, map = "{LOG1P}"}}', found
    return f"{toml_value(name)} = [{_text(low)}, {_text(high)}]", found


def generous(lowest: float, highest: float) -> tuple[float, float]:
    """Round numbers around these two, half their distance away at least; never on the other side of 0."""
    if 0 <= lowest and highest <= 1:
        return 0.0, 1.0
    width = highest - lowest or abs(highest)
    step = 10.0 ** math.floor(math.log10(width))
    low, high = math.floor((lowest - width / 2) / step), math.ceil((highest + width / 2) / step)
    return (max(low, 0) if lowest >= 0 else low) * step, (min(high, 0) if highest <= 0 else high) * step


def _text(value: float) -> str:
    """As short as it is exact to twelve digits."""
    return f"{value:.12g}"
