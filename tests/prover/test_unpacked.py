"""A small file can say that it is a huge table, and can be one: what does not fit is refused before it is unpacked."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from zkunlearn.errors import DataError
from zkunlearn.prover.kernels import storage
from zkunlearn.prover.tables import npz_tables, raw_table, record_batches
from zkunlearn.prover.tables.parquet_tables import unpacked_pages
from zkunlearn.prover.tables.raw_table import MAX_TEXT, OBJECT_BYTES
from zkunlearn.prover.tables.read import read_table

ROWS, WIDTH, SMALL_FILE, LITTLE = 100_000, 4, 1 << 14, 1 << 20
Writer = Callable[..., Path]


def parquet(folder: Path, rows: int = ROWS, width: int = WIDTH, **more: Any) -> Path:
    """Every column says the same in all rows, which takes a few bytes."""
    columns = {f"x{k}": np.full(rows, k, np.float64) for k in range(width)} | {"y": np.ones(rows)} | more
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "t.parquet", compression="zstd")
    return folder / "t.parquet"


def npz(folder: Path, rows: int = ROWS, width: int = WIDTH) -> Path:
    np.savez_compressed(folder / "t.npz", X=np.ones((rows, width)), y=np.ones(rows))
    return folder / "t.npz"


def refused(path: Path, id_column: str | None = None) -> DataError:
    """In a line that names the file."""
    with pytest.raises(DataError) as caught:
        read_table(path, "y", id_column)
    assert str(caught.value).startswith(f"{path}: ") and caught.value.file == str(path)
    return caught.value


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be unpacked."""

    def unpacking(*arguments: object, **options: object) -> Any:
        raise AssertionError("unpacked")

    monkeypatch.setattr(record_batches, "Growing", unpacking)
    monkeypatch.setattr(pyarrow.parquet.ParquetFile, "iter_batches", unpacking)
    monkeypatch.setattr(npz_tables, "_matrix", unpacking)
    monkeypatch.setattr(npz_tables, "_vector", unpacking)


@pytest.mark.parametrize("write", [parquet, npz])
@pytest.mark.usefixtures("untouched")
def test_a_small_file_of_a_table_beyond_memory_is_refused_unread(
    write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path)
    assert path.stat().st_size < SMALL_FILE
    monkeypatch.setattr(raw_table, "memory", lambda: LITTLE)
    error = refused(path)
    least = ROWS * (8 * WIDTH + OBJECT_BYTES)
    assert isinstance(error.found, int) and least <= error.found < least + SMALL_FILE
    assert error.expected == LITTLE
    assert f"it takes {error.found:,} bytes of memory when it is unpacked, at most 1,048,576 may be held" in str(error)
    assert "under a memory limit, features are in files" in str(error)


@pytest.mark.parametrize("write", [parquet, npz])
@pytest.mark.usefixtures("untouched")
def test_more_numbers_than_can_be_committed_are_refused_unread(
    write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path)
    monkeypatch.setattr(raw_table, "MAX_CELLS_BITS", 18)
    error = refused(path)
    assert (error.expected, error.found) == (1 << 18, ROWS * WIDTH)
    assert "100,000 rows of 4 features are 400,000 numbers, at most 262,144 can be committed" in str(error)


@pytest.mark.parametrize("write", [parquet, npz])
def test_features_count_only_where_they_are_held(
    write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels and ids always do."""
    path = write(tmp_path, 1000, 400)  # 3.2 MB of features
    monkeypatch.setattr(storage, "LEAST_MEMORY", LITTLE)
    with storage.memory_limit(LITTLE, tmp_path):
        assert read_table(path, "y").X.shape == (1000, 400)
    monkeypatch.setattr(raw_table, "memory", lambda: LITTLE)
    found = refused(path).found
    assert isinstance(found, int) and 3_200_000 < found < 3_400_000
    path = write(tmp_path, LITTLE // OBJECT_BYTES + 1, 1)
    with storage.memory_limit(LITTLE, tmp_path):
        assert "under a memory limit" not in str(refused(path))


def test_what_pages_take_counts_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of features a group of rows at a time, of ids all; columns that are not asked for do not count."""
    ids = [f"{row:0500}" for row in range(1000)]
    path = parquet(tmp_path, 1000, id=ids, y=np.arange(1000.0))
    monkeypatch.setattr(raw_table, "memory", lambda: 0)
    found = refused(path, "id").found
    assert isinstance(found, int)
    kept = 1000 * (WIDTH * 8 + 2 * OBJECT_BYTES)
    assert kept + 500 * 1000 < found < kept + 550 * 1000
    monkeypatch.setattr(raw_table, "memory", lambda: found)
    assert read_table(path, "y", "id").ids == tuple(ids)


def test_sizes_below_zero_in_a_directory_take_nothing_off() -> None:
    """A file says what it likes."""

    class Said:
        num_row_groups, num_columns = 1, 2
        names = ("x", "y")

        def row_group(self, number: int) -> Said:
            return self

        def column(self, number: int) -> Any:
            size = (-(1 << 40), 5)[number]
            return type("Chunk", (), {"path_in_schema": self.names[number], "total_uncompressed_size": size})

    assert unpacked_pages(Said(), {"x"}, {"y"}) == 5


def test_a_text_of_many_rows_is_unpacked_once(tmp_path: Path) -> None:
    texts = ["a" * 200, "b"] * (ROWS // 2)
    path = parquet(tmp_path, id=texts, y=texts)
    table = read_table(path, "y", "id", several=True)
    assert table.y.tolist() == [*table.ids] == texts
    assert len({*map(id, table.ids)}) <= 2 * (ROWS // raw_table.PIECE_ROWS + 1)


@pytest.mark.parametrize("column", ["y", "id"])
def test_long_texts_are_refused_however_many_rows_have_them(tmp_path: Path, column: str) -> None:
    """65 MB of them, in a file of some kilobytes."""
    columns = {"id": [str(row) for row in range(1000)], "y": ["no"] * 1000, column: ["a" * (1 << 16)] * 1000}
    path = parquet(tmp_path, 1000, 1, **columns)
    assert path.stat().st_size < SMALL_FILE
    error = refused(path, "id")
    assert error.column == column and f"holds texts of more than {MAX_TEXT} characters" in str(error)


@pytest.mark.parametrize("column", ["y", "id"])
def test_lists_are_refused_unread(tmp_path: Path, column: str, untouched: None) -> None:
    """A row of a list has any number of values."""
    columns = {"id": ["a", "b"], "y": [0, 1], column: [[1] * 1000, [2]]}
    error = refused(parquet(tmp_path, 2, 1, **columns), "id")
    assert error.column == column and re.search("holds list<.*, not a value for each row", str(error))


def test_one_long_class_does_not_make_all_of_them_as_long(tmp_path: Path) -> None:
    """As numpy's texts would be: 40 GB here."""
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "1,a\n" * 99_999 + f"1,{'b' * 100_000}\n")
    error = refused(path)
    assert (error.line, error.column, error.expected, error.found) == (100_001, "y", 256, 100_000)
    assert "a class of 100,000 characters, at most 256 are possible" in str(error)


def test_the_machine_or_the_limit_says_what_may_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage.memory() > 1 << 28 and storage.held(5) == 5
    with storage.memory_limit(storage.LEAST_MEMORY):
        assert storage.LEAST_MEMORY - storage.SMALL_PARTS < storage.memory() <= storage.LEAST_MEMORY
        assert storage.held(5) == 0

    def nobody_says(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr(storage.os, "sysconf", nobody_says)
    assert storage.memory() > 1 << 60
