"""Who counts: the mask, the counts of blocks, and what is refused."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.errors import ParameterError
from zkunlearn.models.live import Live
from zkunlearn.models.runs import Runs


@st.composite
def lives(draw):
    rows = draw(st.integers(1, 40))
    cuts = sorted(draw(st.sets(st.integers(0, rows), max_size=6)))
    ranges = tuple(zip(cuts[::2], cuts[1::2], strict=False))
    inside = [n for start, stop in ranges or ((0, rows),) for n in range(start, stop)]
    forgotten = draw(st.sets(st.sampled_from(inside), max_size=len(inside) - 1))
    return Live(rows, tuple(sorted(forgotten)), ranges), [n in inside and n not in forgotten for n in range(rows)]


@given(lives(), st.sampled_from([1, 2, 4, 8, 64]))
def test_mask_and_counts_are_those_of_a_list_of_all_rows(problem, block_size):
    live, expected = problem
    assert live.mask().tolist() == expected and live.count == sum(expected)
    counts = live.counts(block_size)
    wanted = [sum(expected[n : n + block_size]) for n in range(0, live.rows, block_size)]
    assert list(counts) == counts.array().tolist() == [counts[b] for b in range(len(counts))] == wanted


@given(lives(), st.integers(0, 40), st.integers(0, 40))
def test_forgotten_rows_within_a_part_are_those_of_the_whole(problem, start, stop):
    live = problem[0]
    assert live.forgotten_within(start, stop) == tuple(n for n in live.forgotten if start <= n < stop)


def test_all_rows_are_one_range():
    assert Live(5) == Live(5, (), ((0, 5),)) != Live(5, (), ((0, 4),))


def test_counting_costs_what_is_forgotten_not_what_is_there():
    started = time.process_time()
    counts = Live((1 << 28) - 1, (5, 1 << 20)).counts(1)
    assert (len(counts), counts.values, counts[5], counts[6]) == ((1 << 28) - 1, (1, 0, 1, 0, 1), 0, 1)
    assert time.process_time() - started < 0.5


def test_counting_many_ranges_costs_what_they_are():
    """As in a stage of many shards: a block looks at the ranges beside it, not at all of them."""
    shards, started = 1 << 13, time.process_time()
    counts = Live(8 * shards, (1, 10), tuple((8 * i, 8 * i + 5) for i in range(shards))).counts(8)
    assert (len(counts), counts.values, counts.lengths) == (shards, (4, 5), (2, shards - 2))
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((9, (4, 4)), "positions must increase strictly"),
        ((9, (4, 2)), "positions must increase strictly"),
        ((9, (9,)), "forgotten row 9: the data set has rows 0 to 8"),
        ((9, (-1,)), "forgotten row -1"),
        ((2, (0, 1)), "every row is forgotten"),
        ((9, (), ((0, 3), (2, 5))), "do not increase within 9 rows"),
        ((9, (), ((0, 3), (3, 5))), "do not increase within 9 rows"),
        ((9, (), ((4, 10),)), "do not increase within 9 rows"),
        ((9, (), ((4, 4),)), "do not increase within 9 rows"),
        ((9, (1, 5), ((0, 3),)), "1 of them are outside the ranges"),
    ],
)
def test_who_cannot_count_is_refused(arguments, message):
    with pytest.raises(ParameterError, match=message):
        Live(*arguments)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3))))
def test_runs_are_the_sequence_they_say(pairs):
    expected = [value for value, length in pairs for _ in range(length)]
    runs = Runs.of(pairs)
    assert list(runs) == expected and len(runs) == len(expected) and runs[1:] == tuple(expected[1:])
    assert runs == Runs.of((value, 1) for value in expected)
    assert all(left != right for left, right in zip(runs.values, runs.values[1:], strict=False))
    assert [runs[i] for i in range(-len(expected), 0)] == expected
    assert list(runs.map(lambda value: value // 2)) == [value // 2 for value in expected]
    assert runs.array().dtype == np.int64
    with pytest.raises(IndexError):
        runs[len(expected)]
