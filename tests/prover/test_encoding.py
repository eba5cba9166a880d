"""Codewords as a stream and at single points: the same words, the same leaves."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.errors import ParameterError
from zkunlearn.prover.kernels import RowPart
from zkunlearn.prover.matrices.codewords import MatrixRows, codewords_of, leaf_hashes
from zkunlearn.prover.matrices.evaluation import evaluate_parts
from zkunlearn.verifier.protocol.code import ReedSolomonCode, evaluate_rows

P = 2**64 - 2**32 + 1
KINDS = {"int16": (-(2**15), 2**15), "uint16": (0, 2**16), "int32": (-(2**31), 2**31), "uint64": (0, P)}
CODES = [ReedSolomonCode(3, 1), ReedSolomonCode(6, 0, 8), ReedSolomonCode(7, 2), ReedSolomonCode(9, 1)]


pytestmark = pytest.mark.usefixtures("threads")


def cells(seed: int, kind: str, *shape: int) -> Any:
    low, high = KINDS[kind]
    rng = np.random.default_rng(seed)
    values = rng.integers(low, high, shape, dtype=kind)
    values.reshape(-1)[: 2 * len(shape)] = low
    values.reshape(-1)[-1:] = high - 1
    return values


def matrix(seed: int, code: ReedSolomonCode, kind: str, rows: int) -> tuple[MatrixRows, Any]:
    """Some narrow rows with tails, two of whole coefficients and one short one; and all of it as F array."""
    C, D = 1 << code.row_bits, code.dimension
    parts = [RowPart(cells(seed, kind, rows, C), 0, 0), RowPart(cells(seed + 1, "uint64", 2, D), rows, 0)]
    parts.append(RowPart(cells(seed + 2, "uint64", 1, 5), rows + 2, 0))
    if code.tail:
        parts.append(RowPart(cells(seed + 3, "uint64", rows, code.tail), 0, C))
    whole = np.zeros((rows + 3, D), dtype=object)
    for part in parts:
        count, length = part.cells.shape
        whole[part.row : part.row + count, part.start : part.start + length] = part.cells.astype(object)
    return MatrixRows(tuple(parts)), (whole % P).astype(np.uint64)


@pytest.mark.parametrize("code", CODES, ids=str)
@pytest.mark.parametrize("rows", [1, 5, 6, 13])
def test_streamed_leaves_are_the_hashes_of_codewords(code: ReedSolomonCode, rows: int) -> None:
    """Whole groups of eight rows and partial ones, whole cosets and the last one."""
    streamed, whole = matrix(rows, code, "int16", rows)
    salts = np.random.default_rng(1).integers(0, 256, (code.length, 32), dtype=np.uint8)
    words = evaluate_rows(whole, code.points(range(code.length))).T
    expected = [
        hashlib.sha256(bytes(32) + salts[i].tobytes() + word.astype("<u8").tobytes()).digest()
        for i, word in enumerate(words)
    ]
    assert leaf_hashes(code, streamed, salts) == b"".join(expected)
    kept = codewords_of(code, streamed.count)
    assert leaf_hashes(code, streamed, salts, kept) == b"".join(expected)
    assert np.array_equal(kept.transpose(1, 0, 2).reshape(code.length, -1)[:, : streamed.count], words)
    with pytest.raises(ParameterError, match="as many salts"):
        leaf_hashes(code, streamed, salts[:-1])
    with pytest.raises(ParameterError, match="more than"):
        leaf_hashes(code, MatrixRows((RowPart(whole, 0, 1),)), salts)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(KINDS)), st.integers(1, 4), st.sampled_from(CODES))
def test_rows_at_points_are_what_the_verifier_evaluates(seed: int, kind: str, rows: int, code: ReedSolomonCode) -> None:
    found, whole = matrix(seed, code, kind, rows)
    points = np.array([0, 1, P - 1, 7, *code.points([0, code.length - 1]).tolist()], dtype=np.uint64)
    assert np.array_equal(evaluate_parts(found, points), evaluate_rows(whole, points).T)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_largest_sums_of_limbs_are_exact(kind: str) -> None:
    """Long rows of the cells that are largest in absolute value, at points whose powers have large limbs."""
    low, high = KINDS[kind]
    length = 20_000
    for value in (low, high - 1):
        long = np.full((2, length), value, dtype=kind)
        point = P - 2
        expected = sum(pow(point, j, P) for j in range(length)) * int(value) % P
        found = evaluate_parts(MatrixRows((RowPart(long, 0, 0),)), np.array([point], dtype=np.uint64))
        assert found.tolist() == [[expected, expected]]
