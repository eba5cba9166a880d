"""Which cells of a box count: the closed form, the table and the parts say the same as a loop over the cells."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import K, P, kvector
from zkunlearn.circuits.field.multilinear import kevaluate
from zkunlearn.circuits.language.layout import Axis, cut_box
from zkunlearn.circuits.language.relation import Indicator
from zkunlearn.errors import ParameterError

quick = settings(max_examples=60, deadline=None)
scalars = st.builds(K, st.integers(0, P - 1), st.integers(0, P - 1))
Case = tuple[Indicator, set[int]]


@st.composite
def indicators(draw: st.DrawFn) -> Case:
    """One, and the positions on its last axis that count; ranges may touch each other, and there may be none."""
    axes = tuple(
        Axis(f"a{i}", size) for i, size in enumerate(draw(st.lists(st.integers(1, 9), min_size=1, max_size=3)))
    )
    size = axes[-1].size
    if draw(st.booleans()):
        ranges, inside = None, set(range(size))
    else:
        ends = sorted(draw(st.sets(st.integers(0, size))))
        chosen = [pair for pair in pairwise(ends) if draw(st.booleans())]
        ranges, inside = tuple(chosen), {n for start, stop in chosen for n in range(start, stop)}
    holes = draw(st.sets(st.sampled_from(sorted(inside)))) if inside else set()
    return Indicator(axes, tuple(sorted(holes)), ranges), inside - holes


def plain_table(axes: tuple[Axis, ...], counted: set[int]) -> Any:
    cells = np.zeros([axis.size for axis in axes], dtype=int)
    for place in np.ndindex(cells.shape):
        cells[place] = place[-1] in counted
    return cells


@quick
@given(indicators())
def test_the_table_counts_what_is_in_a_range_and_no_hole(case: Case) -> None:
    indicator, counted = case
    assert indicator.table().tolist() == plain_table(indicator.axes, counted).tolist()
    assert set(np.flatnonzero(indicator.line).tolist()) == counted
    assert set(indicator.skipped.tolist()) == set(range(indicator.axes[-1].size)) - counted


@quick
@given(indicators(), st.data())
def test_the_closed_form_is_the_extension_of_the_table(case: Case, data: st.DataObject) -> None:
    indicator, counted = case
    padding = [(0, (1 << axis.bits) - axis.size) for axis in indicator.axes]
    padded = np.pad(plain_table(indicator.axes, counted), padding).reshape(-1)
    bits = sum(axis.bits for axis in indicator.axes)
    point = tuple(data.draw(st.lists(scalars, min_size=bits, max_size=bits)))
    assert indicator.evaluate(point) == kevaluate(kvector([K(int(cell)) for cell in padded]), point)


@quick
@given(indicators(), st.integers(0, 9))
def test_parts_of_a_box_get_their_share(case: Case, bits: int) -> None:
    indicator, counted = case
    found = np.full([axis.size for axis in indicator.axes], -1)
    for part in cut_box(indicator.axes, bits):
        own = indicator.on(part)
        assert own.axes == part
        found[tuple(axis.cut() for axis in part)] = own.table()
    assert found.tolist() == plain_table(indicator.axes, counted).tolist()


@pytest.mark.parametrize(
    "ranges", [((0, 11),), ((-1, 3),), ((3, 3),), ((4, 2),), ((0, 3), (2, 5)), ((5, 7), (0, 2))], ids=str
)
def test_ranges_out_of_order_are_refused(ranges: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ParameterError, match="a range from"):
        Indicator((Axis("row", 10),), (), ranges)


@pytest.mark.parametrize("holes", [(2, 2), (3, 1), (-1,), (10,), (4,), (0, 7)], ids=str)
def test_holes_out_of_order_or_of_ranges_are_refused(holes: tuple[int, ...]) -> None:
    with pytest.raises(ParameterError, match="holes must increase strictly, and be in ranges"):
        Indicator((Axis("row", 10),), holes, ((0, 4), (5, 7)))
