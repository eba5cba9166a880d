"""Missing cells: told alike, and counted, wherever a table comes from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
import torch
import zkunlearn as zu
from zkunlearn.prover.tables.read import read_table

NAN = float("nan")
AGE, DOSE, SICK = [40.0, NAN, 60, 70, NAN], [1.0, 2, 3, NAN, 5], ["no", "yes", "no", "yes", "no"]
COLUMNS = {"age": AGE, "dose": DOSE}
NULLS = {name: [None if value != value else value for value in own] for name, own in COLUMNS.items()}
TOLD = "row 2, column 'age': the cell is empty; of 5 rows values are missing: 2 in 'age', 1 in 'dose'; declare in "
IN_MEMORY: dict[str, Any] = {
    "array": np.column_stack([AGE, DOSE]),
    "array of float32": np.column_stack([AGE, DOSE]).astype(np.float32),
    "masked array": np.ma.masked_invalid(np.column_stack([AGE, DOSE])),
    "array of objects": np.array([*map(list, zip(*NULLS.values(), strict=True))], dtype=object),
    "lists": [*map(list, zip(*NULLS.values(), strict=True))],
    "tensor": torch.tensor([AGE, DOSE]).T,
    "pandas": pd.DataFrame(COLUMNS),
    "pandas of nullable numbers": pd.DataFrame(NULLS, dtype="Float64"),
    "pandas of several types": pd.DataFrame(NULLS).assign(age=lambda own: own["age"].astype("float32")),
    "pandas of pyarrow": pd.DataFrame(NULLS).convert_dtypes(dtype_backend="pyarrow"),
    "polars": pl.DataFrame(NULLS),
    "polars of not a number": pl.DataFrame(COLUMNS),
    "pyarrow": pa.table(NULLS),
    "pyarrow of not a number": pa.table({name: pa.array(own, from_pandas=False) for name, own in COLUMNS.items()}),
}
ARRAYS = {"x1": "age", "x2": "dose"}
FILES: dict[str, Callable[[Path], object]] = {
    "t.csv": lambda path: pd.DataFrame({**COLUMNS, "sick": SICK}).to_csv(path, index=False),
    "t.parquet": lambda path: pa.parquet.write_table(pa.table({**NULLS, "sick": SICK}), path),
    "nan.parquet": lambda path: pa.parquet.write_table(pa.table({**COLUMNS, "sick": SICK}), path),
    "t.feather": lambda path: pa.feather.write_feather(pa.table({**NULLS, "sick": SICK}), str(path)),
    "polars.parquet": lambda path: pl.DataFrame({**NULLS, "sick": SICK}).write_parquet(path),
    "t.npz": lambda path: np.savez(path, X=np.column_stack([AGE, DOSE]), names=[*COLUMNS], sick=np.array(SICK)),
}


def refusal(call: Callable[[], object]) -> zu.DataError:
    with pytest.raises(zu.DataError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("kind", IN_MEMORY)
@pytest.mark.parametrize("declared", [False, True], ids=["plain", "declared"])
def test_missing_cells_in_memory_are_counted_by_column(kind: str, declared: bool) -> None:
    bounds = {"age": {"low": 0, "high": 120, "clip": True}, "dose": (0, 9)} if declared else None
    error = refusal(lambda: zu.commit(IN_MEMORY[kind], SICK, names=[*COLUMNS], bounds=bounds))
    assert str(error) == TOLD + 'bounds what they count as ("missing": ..), or leave such rows out, and say so by ' + (
        "left_out_ids"
    )


@pytest.mark.parametrize("name", FILES)
def test_missing_cells_of_files_are_counted_by_column(name: str, tmp_path: Path) -> None:
    FILES[name](tmp_path / name)
    error = refusal(lambda: read_table(tmp_path / name, "sick"))
    place, told = ("line 3", TOLD.partition(",")[2]) if name == "t.csv" else ("row 2", TOLD.partition(",")[2])
    assert str(error) == (
        f"{tmp_path / name}: {place},{told}a bounds file what they count as (missing = ..), or leave such rows out "
        "(--leave-out-incomplete)"
    )


@pytest.mark.parametrize("kind", IN_MEMORY)
def test_cells_that_may_be_missing_are_filled_in_from_every_kind_of_table(kind: str) -> None:
    bounds = {name: {"low": 0, "high": 100, "missing": 50} for name in COLUMNS}
    dataset = zu.commit(IN_MEMORY[kind], SICK, names=[*COLUMNS], bounds=bounds, openings=1)
    found = sorted(dataset.statement.encoding.decode_features(dataset.rows.features)[:, 0].round(1).tolist())
    assert found == [40.0, 50.0, 50.0, 60.0, 70.0]


def test_missing_labels_are_counted_with_missing_cells_and_cannot_be_declared() -> None:
    bounds = {name: {"low": 0, "high": 100, "missing": 50} for name in COLUMNS}
    error = refusal(lambda: zu.commit(pd.DataFrame(COLUMNS), [0, 1, None, 1, NAN], label_name="sick", bounds=bounds))
    assert str(error) == (
        "row 3, column 'sick': the label is missing; of 5 rows values are missing: 2 in 'sick'; leave such rows out, "
        "and say so by left_out_ids"
    )
