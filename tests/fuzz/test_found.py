"""What fuzzing found, each as the claim that it had refuted; and bounds on work, which no fuzzer measures."""

from __future__ import annotations

import shutil
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import zkunlearn as zu
from zkunlearn.errors import DataError, FormatError, InvalidProof
from zkunlearn.formats.toml import read_bounds
from zkunlearn.models.spec import load_spec
from zkunlearn.prover.tables.read import read_table

sys.path.insert(0, str(Path(__file__).parent))
import goods

LARGEST_ROWS = 1 << 28
HUGE = ("9" * 5000, "0x" + "f" * 4000, "1" + "0" * 400, str(1 << 63), str(-(1 << 63) - 1))
NO_TEXT = [("ids", 0x110000), ("ids", 0xFFFFFFFF), ("ids", 0xD800), ("names", 0xFFFFFFFF), ("y", 0xDFFF)]


# Texts that people write ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", HUGE, ids=lambda number: number[:4])
@pytest.mark.parametrize("field", ["epochs", "learning_rate", "l2"])
def test_an_integer_of_more_than_64_bits_in_a_spec_is_refused(tmp_path: Path, number: str, field: str) -> None:
    values = {"epochs": "1", "learning_rate": "1", "l2": "0", field: number}
    lines = "\n".join(f"{name} = {value}" for name, value in values.items())
    (tmp_path / "spec.toml").write_text(f'[model]\nkind = "logistic"\n[method]\n{lines}\n')
    with pytest.raises(FormatError, match=r"spec\.toml: there is an integer of more than 64 bits in it"):
        load_spec(tmp_path / "spec.toml")


@pytest.mark.parametrize("number", HUGE, ids=lambda number: number[:4])
def test_an_integer_of_more_than_64_bits_in_bounds_is_refused(tmp_path: Path, number: str) -> None:
    (tmp_path / "bounds.toml").write_text(f"[bounds]\nage = [0, {number}]\n")
    with pytest.raises(DataError, match=r"bounds\.toml: there is an integer of more than 64 bits in it"):
        read_bounds(tmp_path / "bounds.toml")


def test_integers_of_64_bits_in_bounds_are_taken(tmp_path: Path) -> None:
    (tmp_path / "bounds.toml").write_text(f"[bounds]\nage = [{-(1 << 63)}, {(1 << 63) - 1}]\n")
    assert read_bounds(tmp_path / "bounds.toml") == {"age": (-(2.0**63), 2.0**63)}


@pytest.mark.parametrize("key", ["epochs" + ".a" * 4000, "epochs" + ".a" * 20], ids=len)
def test_tables_in_tables_without_end_are_refused(tmp_path: Path, key: str) -> None:
    """Dotted keys nest without brackets, so the parser does not notice; whoever prints them does."""
    (tmp_path / "spec.toml").write_text(f'[model]\nkind = "logistic"\n[method]\n{key} = 1\nlearning_rate = 1\n')
    with pytest.raises(FormatError, match="nested more than 16 deep"):
        load_spec(tmp_path / "spec.toml")


def test_a_label_with_a_zero_character_is_refused(tmp_path: Path) -> None:
    """numpy drops zeros at the end of texts: two classes would become one."""
    (tmp_path / "t.csv").write_bytes(b"x,y\n1,a\n2,a\0\n3,a\n")
    with pytest.raises(DataError, match="line 3, column 'y'"):
        read_table(tmp_path / "t.csv", "y")


# Tables of other libraries -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "code"), NO_TEXT, ids=str)
@pytest.mark.parametrize("order", ["<", ">"])
def test_texts_that_are_not_unicode_are_refused(tmp_path: Path, name: str, code: int, order: str) -> None:
    """numpy keeps 32 bits a character, whatever they are."""
    texts = np.array([code, 65, 66], dtype=f"{order}u4").view(f"{order}U1")
    arrays: dict[str, Any] = {"X": np.eye(3), "y": np.array([0, 1, 0]), name: texts}
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(DataError, match=f"array '{name}' holds texts that are not Unicode"):
        read_table(tmp_path / "t.npz", "y")


def test_ids_that_are_no_unicode_text_cannot_be_committed() -> None:
    with pytest.raises(DataError, match="row 2: the id is not Unicode text"):
        zu.commit(np.eye(3), [0, 1, 0], ids=["a", "\ud800", "c"])


@pytest.mark.parametrize("column", ["y", "id"])
@pytest.mark.parametrize("kind", [pa.date64(), pa.duration("s")], ids=str)
def test_dates_that_no_calendar_has_are_refused(tmp_path: Path, kind: Any, column: str) -> None:
    columns = {"id": pa.array(["a", "b", "c"]), "x": pa.array([1.0, 2.0, 3.0]), "y": pa.array([0, 1, 0])}
    columns[column] = pa.array([1 << 62, 0, 1], pa.int64()).cast(kind)
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="not a Parquet file that can be read"):
        read_table(tmp_path / "t.parquet", "y", "id")


@pytest.mark.filterwarnings("error")
def test_numbers_beyond_float64_are_refused_without_a_warning() -> None:
    X = np.eye(3, dtype=np.longdouble)
    X[0, 0] = np.longdouble("1e4000")
    with pytest.raises(DataError, match="row 1, column 'x1': inf is not a finite number"):
        zu.commit(X, [0, 1, 0])


# The owner's arrays --------------------------------------------------------------------------------------------------


def test_ends_of_ids_that_wrap_around_are_refused(tmp_path: Path) -> None:
    """Their differences, taken in 64 bits, are all positive."""
    shutil.copytree(goods.owner().folder, tmp_path / "data")
    secrets = tmp_path / "data" / "dataset.secrets"
    length = len(np.load(secrets / "id_bytes.npy"))
    ends = np.array([0, 2**63 - 1, -(2**63), -1, length])
    assert (np.diff(ends) > 0).all() and len(ends) == goods.ROWS
    np.save(secrets / "id_ends.npy", ends)
    with pytest.raises(FormatError, match=r"id_bytes\.npy and id_ends\.npy are no texts"):
        zu.load_dataset(str(tmp_path / "data"))


# Bounds on work ------------------------------------------------------------------------------------------------------


def peak(ask: Callable[[], object]) -> int:
    """Bytes allocated at most until an empty proof is refused for its length."""
    tracemalloc.start()
    try:
        with pytest.raises(InvalidProof) as caught:
            ask()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        assert caught.value.check == "proof length"


def largest(rows: int) -> zu.DatasetCommitment:
    statement = goods.owner().proof.statement.dataset
    segments = (replace(statement.segments[0], stop=rows),)
    return zu.DatasetCommitment(replace(statement, rows=rows, segments=segments), b"")


def test_the_largest_data_set_is_laid_out_in_little_memory() -> None:
    assert peak(lambda: zu.verify_dataset(largest(LARGEST_ROWS))) < 64 << 20


@pytest.mark.slow
def test_the_longest_training_is_laid_out_in_bounded_memory() -> None:
    """2^20 steps; a statement of these takes some seconds to refuse."""
    commitment, good = largest(1), goods.owner().proof.statement
    spec = replace(good.spec, epochs=1 << 20)
    proof = zu.TrainingProof(replace(good, dataset=commitment.statement, forgotten=(), spec=spec), b"")
    assert peak(lambda: zu.verify(proof, commitment, known_dataset=commitment.digest)) < 1 << 30
