"""What is left of a column as integers: said, where it is little, and refused where it is nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.errors import DataError
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.models.encoding.resolution import column_uses, feature_notes, label_notes, label_use

ROWS = 40
VALUES = np.random.default_rng(0).uniform(0, 10, ROWS)
LABELS = np.arange(ROWS) % 2


def notes_of(column, bounds=None):
    """Of a table with this column, named k, beside one that is fine."""
    X = np.stack([VALUES, column], axis=1)
    declared = None if bounds is None else {"a": (0, 10), "k": bounds}
    encoding = DatasetEncoding.from_data(X, LABELS, ["a", "k"], bounds=declared)
    return feature_notes(encoding, X, encoding.encode_features(X).T.astype(np.int16))


def with_outlier(values, outlier=1e9):
    return np.concatenate([[outlier], values[1:]])


@pytest.mark.parametrize(
    ("column", "bounds"),
    [
        (VALUES, None),
        (VALUES, (0, 100)),
        (LABELS, None),
        (LABELS * 3, (-5, 5)),
        (np.arange(ROWS) % 7, None),
        (LABELS + 1 + 1e-13 * VALUES, (0, 4)),
    ],
    ids=["real", "wide bounds", "two values", "two values, wide", "seven values", "two values up to rounding"],
)
def test_a_column_that_keeps_its_values_apart_gives_no_note(column, bounds):
    assert notes_of(column, bounds) == ()


def test_a_column_whose_values_share_a_few_of_many_integers_is_named_and_log1p_with_it():
    """An income in bounds that no income leaves: more than a few integers, and a spread of less than four."""
    rng = np.random.default_rng(3)
    X = rng.lognormal(10.5, 1.1, (4000, 1))
    encoding = DatasetEncoding.from_data(X, np.arange(4000) % 2, ["income"], bounds={"income": (0, 4e8)}, x_bits=12)
    integers = encoding.encode_features(X).T.astype(np.int16)
    assert len(np.unique(integers)) >= 8 and 1 < integers.std() < 4
    (note,) = feature_notes(encoding, X, integers)
    assert note.startswith("so squeezed that values spread over less than 4 integers: 'income'; ")
    assert "with the map log1p more are left: 'income'" in note
    near = DatasetEncoding.from_data(X, np.arange(4000) % 2, ["income"], bounds={"income": (0, 1e7)}, x_bits=12)
    assert feature_notes(near, X, near.encode_features(X).T.astype(np.int16)) == ()


def test_counts_that_are_told_apart_by_a_few_integers_are_fine():
    """Ten values, a spread of three integers, each value its own."""
    X = np.arange(400, dtype=np.float64)[:, None] % 10
    encoding = DatasetEncoding.from_data(X, np.arange(400) % 2, ["visits"], bounds={"visits": (0, 2048)}, x_bits=10)
    integers = encoding.encode_features(X).T.astype(np.int16)
    assert integers.std() < 4 and len(np.unique(integers)) == 10
    assert feature_notes(encoding, X, integers) == ()


@pytest.mark.parametrize(
    ("column", "bounds", "left"),
    [
        (with_outlier(VALUES), None, 2),
        (VALUES, (-4000, 4000), 4),
        (1950 + np.arange(ROWS), (0, 40_000), 3),
        (np.arange(ROWS) % 7, (-3000, 3000), 3),
    ],
    ids=["outlier", "wide bounds", "years", "seven values"],
)
def test_a_column_squeezed_into_a_few_integers_is_named_with_the_remedy(column, bounds, left):
    (note,) = notes_of(column, bounds)
    assert note.startswith(f"so squeezed that only a few different integers are left: 'k' ({left}); ")
    assert "bounds" in note and "outliers" in note and "x_bits" in note


INCOMES = np.concatenate([np.geomspace(9_000, 90_000, ROWS - 1), [2e9]])


def test_log1p_is_recommended_with_the_number_of_integers_that_it_keeps():
    """Counted as they will be, once it is declared."""
    (note,) = notes_of(INCOMES)
    kept = DatasetEncoding.from_data(INCOMES[:, None], LABELS, ["k"], maps={"k": "log1p"}).encode_features(
        INCOMES[:, None]
    )
    assert note.endswith(f"or raise x_bits; with the map log1p more are left: 'k' ({len(np.unique(kept))})")
    assert len(np.unique(kept)) == 40
    with pytest.raises(DataError, match=r"integer, -1024; declare .*; with the map log1p more are left: 'k' \(\d+\)$"):
        notes_of(INCOMES, (0, 1e15))


@pytest.mark.parametrize(
    ("column", "bounds"),
    [
        (np.where(np.arange(ROWS) == 0, 1e9, np.linspace(-1, 1, ROWS)), None),
        (1950 + np.arange(ROWS), (0, 40_000)),
        (INCOMES, (-1, 2e9)),
        (np.concatenate([[0.0, 1e9], 1e-7 * VALUES[2:]]), (0, 1e9, "log1p")),
    ],
    ids=["negative values", "no orders of magnitude", "negative bound", "mapped already"],
)
def test_log1p_is_not_recommended_where_it_is_impossible_or_no_help(column, bounds):
    (note,) = notes_of(column, bounds)
    assert "'k' (" in note and "log1p" not in note


def test_a_squeezed_column_is_found_where_rows_come_in_pieces(monkeypatch):
    """Also where the two values of one integer are in different pieces."""
    monkeypatch.setattr("zkunlearn.models.encoding.columns.PIECE_CELLS", 6)
    late = np.zeros(ROWS)
    late[-1] = 1e-4
    assert "'k' (2)" in notes_of(np.concatenate([late[1:], [5e3]]) + with_outlier(late, 1e-4))[0]
    assert notes_of(LABELS) == ()


@pytest.mark.parametrize("column", [VALUES, np.where(LABELS, 1e-3, -1e-3)])
def test_a_column_of_which_nothing_is_left_is_refused(column):
    with pytest.raises(DataError, match="column 'k': all values become one and the same integer, 0; declare") as caught:
        notes_of(column, (-1e12, 1e12))
    assert caught.value.column == "k"


def test_a_constant_column_says_nothing_or_is_a_second_bias():
    silent, second = (
        "nothing to learn from: 'k'",
        "second bias unless features are standardised: 'k'; better leave it out",
    )
    assert notes_of(np.full(ROWS, 7.0))[0].endswith(silent)
    assert notes_of(np.full(ROWS, 0.5), (0, 1))[0].endswith(silent)
    assert notes_of(np.full(ROWS, 1.0), (0, 1))[0].endswith(second)


def test_a_squeezed_real_label_is_named_and_other_labels_never_are():
    column = with_outlier(VALUES, 1e12)
    encoding = DatasetEncoding.from_data(VALUES[:, None], column, ["a"], label_name="price").label
    (note,) = label_notes("price", encoding, column, encoding.encode(column))
    assert "left: 'price' (2); " in note and note.endswith("take logarithms")  # x_bits and maps are for features
    for y, kind in ((LABELS, "binary"), (np.arange(ROWS) % 3, "count"), (VALUES, "real")):
        encoding = DatasetEncoding.from_data(VALUES[:, None], y, ["a"], label_kind=kind).label
        assert label_notes("label", encoding, y, encoding.encode(y)) == ()


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=30), st.integers(0, 4))
def test_a_note_is_given_exactly_if_one_integer_stands_for_several_values(values, shift):
    """Few integers, which the values are divided by: the definition, in plain Python."""
    integers = [value >> shift for value in values]
    X, by_feature = np.array(values, dtype=float)[:, None], np.array([integers], dtype=np.int16)
    encoding = DatasetEncoding.from_data(VALUES[:, None], LABELS, ["k"], bounds={"k": (-1, 10)})
    lossy = len(set(zip(values, integers, strict=True))) > len(set(integers))
    if lossy and len(set(integers)) == 1:
        with pytest.raises(DataError, match="column 'k'"):
            feature_notes(encoding, X, by_feature)
    else:
        assert any("squeezed" in note for note in feature_notes(encoding, X, by_feature)) == lossy


# How columns use their integers --------------------------------------------------------------------------------------


def uses_of(column, bounds, holes=0, **maps):
    X = np.asarray(column, dtype=np.float64)[:, None]
    encoding = DatasetEncoding.from_data(X, np.arange(len(X)) % 2, ["k"], bounds={"k": bounds}, x_bits=4, **maps)
    integers = encoding.encode_features(X).T.astype(np.int16)
    (use,) = column_uses(encoding, np.concatenate([integers, np.zeros((1, holes), np.int16)], axis=1), holes)
    return use


def test_integers_between_the_bounds_and_those_that_are_used_are_counted():
    use = uses_of([0, 0, 16, 32, 5, 5], (0, 32))
    assert (use.name, use.low, use.high, use.map) == ("k", 0, 32, "linear")
    assert (use.integers, use.of) == (4, 33)
    assert (use.at_low, use.at_high) == (pytest.approx(2 / 6), pytest.approx(1 / 6))
    assert use.spread == pytest.approx(np.std([0, 0, 16, 32, 5, 5]))


def test_values_beside_the_bounds_are_not_at_them():
    assert (use := uses_of([1, 31, 16], (0, 32))).at_low == use.at_high == 0
    logarithms = uses_of([0, 10, 1e6], (0, 1e6, "log1p"))
    assert (logarithms.map, logarithms.at_low, logarithms.at_high) == (
        "log1p",
        pytest.approx(1 / 3),
        pytest.approx(1 / 3),
    )


def test_a_column_of_one_value_uses_one_integer_and_has_no_spread():
    use = uses_of([7, 7, 7], (7, 7))
    assert (use.integers, use.of, use.spread) == (1, 1, 0)
    assert uses_of([7, 7], (0, 32)).integers == 1


@given(st.lists(st.integers(0, 32), min_size=2, max_size=20), st.integers(0, 5))
def test_rows_that_were_destroyed_do_not_count(values, holes):
    """They are zeros, which is an integer that others have, too."""
    assert uses_of(values, (0, 32), holes) == uses_of(values, (0, 32))


def test_rows_are_counted_where_they_come_in_pieces(monkeypatch):
    whole = uses_of(np.arange(33), (0, 32), holes=2)
    monkeypatch.setattr("zkunlearn.models.encoding.resolution.PIECE_ROWS", 4)
    assert uses_of(np.arange(33), (0, 32), holes=2) == whole and whole.integers == 33


def test_only_real_labels_are_counted():
    X, y = VALUES[:, None], np.linspace(-1, 3, ROWS)
    encoding = DatasetEncoding.from_data(X, y, ["k"], bounds={"k": (0, 10), "rent": (-1, 3)}, label_name="rent")
    use = label_use(encoding.label, encoding.encode_labels(y, "rent"))
    assert (use.low, use.high, use.integers) == (-1, 3, ROWS)
    assert use.at_low == use.at_high == 1 / ROWS
    binary = DatasetEncoding.from_data(X, LABELS, ["k"])
    assert label_use(binary.label, binary.encode_labels(LABELS, "y")) is None
