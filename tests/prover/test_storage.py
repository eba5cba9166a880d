"""Under a memory limit large arrays are files without names, and hold the same numbers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from zkunlearn.errors import DataError, ParameterError
from zkunlearn.prover.kernels.storage import LEAST_MEMORY, SMALL_PARTS, Growing, empty, memory_limit

LARGE = LEAST_MEMORY // SMALL_PARTS + 16  # bytes


def in_file(array: np.ndarray) -> bool:
    while array.base is not None and isinstance(array.base, np.ndarray):
        array = array.base
    return isinstance(array, np.memmap)


def test_only_large_arrays_under_a_limit_live_in_files(tmp_path: Path) -> None:
    assert not in_file(empty(LARGE, np.uint8))
    with memory_limit(LEAST_MEMORY, tmp_path):
        assert in_file(empty(LARGE, np.uint8)) and in_file(empty((2, LARGE // 16), np.uint64))
        assert not in_file(empty(LARGE // 2, np.uint8))
    assert not in_file(empty(LARGE, np.uint8))


def test_limits_nest_and_end_with_their_context(tmp_path: Path) -> None:
    with memory_limit(LEAST_MEMORY, tmp_path):
        with memory_limit(8 * LEAST_MEMORY, tmp_path):
            assert not in_file(empty(LARGE, np.uint8))
        with memory_limit(None):  # says nothing
            assert in_file(empty(LARGE, np.uint8))
        with pytest.raises(ZeroDivisionError), memory_limit(8 * LEAST_MEMORY, tmp_path):
            _ = 1 // 0
        assert in_file(empty(LARGE, np.uint8))


def test_no_file_is_to_be_seen_and_none_is_left(tmp_path: Path) -> None:
    with memory_limit(LEAST_MEMORY, tmp_path):
        array, rows = empty((LARGE, 2), np.uint8), Growing(3)
        array[:] = 7
        rows.append(np.ones((5, 3)))
        assert os.listdir(tmp_path) == []
        assert rows.finish().sum() == 15 and array.sum() == 14 * LARGE
    assert os.listdir(tmp_path) == []


def test_a_limit_that_the_program_itself_exceeds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=f"the least is {LEAST_MEMORY}"), memory_limit(LEAST_MEMORY - 1, tmp_path):
        pass


def test_a_folder_that_holds_no_files_is_named(tmp_path: Path) -> None:
    with memory_limit(LEAST_MEMORY, tmp_path / "none"):
        with pytest.raises(DataError, match=r"none: no room for .* bytes of temporary files \(No such file"):
            empty(LARGE, np.uint8)
        with pytest.raises(DataError, match="none: no room for temporary files"):
            Growing(2).append(np.ones((1, 2)))


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("sizes", [[], [0], [3], [2, 0, 5], [1] * 7])
def test_a_table_that_grows_has_all_its_rows_in_order(tmp_path: Path, limited: bool, sizes: list[int]) -> None:
    pieces = [np.random.default_rng(i).normal(size=(size, 4)) for i, size in enumerate(sizes)]
    with memory_limit(LEAST_MEMORY if limited else None, tmp_path):
        table = Growing(4)
        for piece in pieces:
            table.append(piece)
            piece[:] = np.nan  # the table has a copy
        fresh = [np.random.default_rng(i).normal(size=(size, 4)) for i, size in enumerate(sizes)]
        assert np.array_equal(table.finish(), np.concatenate([np.empty((0, 4)), *fresh]))
        assert table.rows == sum(sizes)
