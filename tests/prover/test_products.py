"""Products of small features with integers are those of numpy's own integers, whatever their sizes."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from zkunlearn.prover import kernels as fast

pytestmark = pytest.mark.usefixtures("threads")


def case(rows: int, width: int, largest: int, bits: int) -> tuple[Any, Any, Any]:
    """Features with both ends of their range, weights and values of so many bits."""
    rng = np.random.default_rng(rows + width)
    X = rng.integers(-largest, largest + 1, (width, rows)).astype(np.int16)
    X[0, 0], X[-1, -1] = -largest, largest
    weights, values = (rng.integers(-(1 << bits), 1 << bits, size) for size in (width, rows))
    return X, weights, values


def assert_same(X: Any, weights: Any, values: Any) -> None:
    products, whole = fast.Products(X), X.astype(np.int64)
    assert np.array_equal(products.scores(weights), weights @ whole)
    assert np.array_equal(products.sums(values), whole @ values)


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 127, 129, 2047, 2049, 2111, 4500])
@pytest.mark.parametrize("width", [1, 2, 5, 32, 37])
def test_products_are_those_of_whole_integers(rows: int, width: int) -> None:
    for largest, bits in ((1 << 10, 37), (1 << 11, 28), (fast.LARGEST_FEATURE, 5), (1 << 14, 40)):
        assert_same(*case(rows, width, largest, bits))


@pytest.mark.parametrize("largest", [1 << 11, fast.LARGEST_FEATURE])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_limbs_do_not_overflow(largest: int, sign: int) -> None:
    X = np.full((64, 512), -largest, dtype=np.int16)
    for edge in (2**28 - 1, 2**28, 2**28 + 2**14, 2**14, 2**43, 2**44 - 2**28):
        assert_same(X, np.full(64, sign * edge), np.full(512, sign * edge))


def test_rows_that_do_not_lie_together_are_taken_too() -> None:
    X, weights, values = case(300, 7, 1 << 10, 37)
    assert_same(X[:, ::2], weights, values[::2])


BETWEEN_WALLS = """
import ctypes, mmap, sys
import numpy as np
from zkunlearn.prover import kernels as fast

rows, width, page, at_end = int(sys.argv[1]), 3, mmap.PAGESIZE, sys.argv[2] == "end"
memory = mmap.mmap(-1, 3 * page)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
for wall in (0, 2 * page):
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(address + wall), page, 0) == 0
start = 2 * page - 2 * width * rows if at_end else page
X = np.frombuffer(memory, np.int16, width * rows, start).reshape(width, rows)
X[:] = np.arange(width * rows).reshape(width, rows)
whole, ones = X.astype(np.int64), np.ones(rows, dtype=np.int64)
products = fast.Products(X)
assert (products.scores(ones[:width] << 33) == whole.sum(axis=0) << 33).all()
assert (products.sums(ones << 33) == whole.sum(axis=1) << 33).all()
table, holes = np.arange(1 << 16, dtype=np.int32), np.zeros(0, dtype=np.int64)
targets, once = np.zeros(rows, dtype=np.int32), np.ones(rows, dtype=np.int32)
descent = fast.Descent(X, table, targets, once, holes, epochs=1, block_size=512)
(gradient,), *_ = descent.step(np.full((1, width), 999), np.zeros(1, dtype=np.int64), 0, 0)
assert (gradient == whole @ (2**15 + (999 * whole.sum(axis=0) >> 16))).all()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no mprotect")
@pytest.mark.parametrize(("rows", "place"), [(67, "start"), (67, "end"), (130, "start"), (130, "end")])
def test_lanes_stay_between_the_first_row_and_the_last(rows: int, place: str) -> None:
    """What is beside them in memory may be read by nobody."""
    if fast.thread_count() > 1:
        pytest.skip("once is enough")
    run = subprocess.run([sys.executable, "-c", BETWEEN_WALLS, str(rows), place], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
