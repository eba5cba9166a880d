"""Encodings: exact maps, canonical spelling, and refusals that name column and row."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from zkunlearn.errors import DataError, FormatError, ParameterError
from zkunlearn.models.encoding.dataset import ColumnEncoding, DatasetEncoding, LabelEncoding

X = np.array([[0.0, 5.0, 7.0], [10.0, 6.0, 7.0], [5.0, 5.25, 7.0], [2.5, 5.5, 7.0]])
Y = np.array([0, 1, 1, 0])
NAMES = ["age", "size", "flat"]


def from_data(X=X, y=Y, names=NAMES, **options):
    return DatasetEncoding.from_data(X, y, names, **options)


def test_bounds_become_minus_one_and_one_and_a_constant_column_zero():
    encoding = from_data()
    assert encoding.encode_features(X).tolist() == [
        [-1024, -1024, 0],
        [1024, 1024, 0],
        [0, -512, 0],
        [-512, 0, 0],
    ]
    assert encoding.offsets == (5.0, 5.5, 7.0)
    assert encoding.multipliers == (0.2, 2.0, 0.0)
    assert not encoding.bounds_declared
    assert encoding.encode_features(X).dtype == np.int64


def linear(name, low="0.0", high="1.0"):
    return {"name": name, "map": "linear", "low": low, "high": high}


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.tuples(finite, finite).map(sorted), st.integers(4, 14), st.lists(st.floats(0, 1), max_size=5))
def test_what_lies_within_any_bounds_becomes_no_integer_past_the_scale(bounds, x_bits, places):
    """The training relies on it, and the proof shows it; the ends themselves become the ends."""
    low, high = bounds
    try:
        column = ColumnEncoding("x", low, high)
    except ParameterError:
        assume(False)
    inner = [np.nextafter(low, high), np.nextafter(high, low), *(low * (1 - t) + high * t for t in places)]
    values = np.clip(np.array([low, high, *inner]), low, high)
    integers = column.encode(values, x_bits)
    assert integers[:2].tolist() == ([0, 0] if low == high else [-(1 << x_bits), 1 << x_bits])
    assert np.abs(integers).max() <= 1 << x_bits


def test_rounding_is_half_to_even():
    column = ColumnEncoding("x", -1.0, 1.0)
    halves = np.array([0.5, 1.5, 2.5, -0.5, -1.5]) / 1024
    assert column.encode(halves, 10).tolist() == [0, 2, 2, 0, -2]


def test_shape_is_what_the_schedule_needs():
    shape = from_data(y=[0.5, 1.5, 2.5, 3.0]).shape(4)
    assert (shape.rows, shape.features, shape.label_kind, shape.label_bits, shape.x_bits) == (
        4,
        3,
        "real",
        14,
        10,
    )


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20, unique=True), st.integers(4, 14))
def test_decoding_is_within_half_a_unit(values, x_bits):
    column = np.array(values)[:, None]
    try:
        encoding = DatasetEncoding.from_data(column, np.arange(len(values)), ["v"], label_kind="real", x_bits=x_bits)
    except ParameterError as error:
        assume("too near" not in str(error))
        raise
    integers = encoding.encode_features(column)
    half_width = encoding.features[0].half_width
    assert np.abs(integers).max() <= 1 << x_bits
    tolerance = half_width * (0.5 / (1 << x_bits)) + 1e-9 * np.abs(values).max()
    assert np.abs(encoding.decode_features(integers) - column).max() <= tolerance


@given(st.tuples(finite, finite).map(sorted), st.integers(4, 14), st.sampled_from(["linear", "log1p"]), st.data())
def test_what_is_read_of_a_value_is_encoded_as_it_was(bounds, x_bits, kind, data):
    low, high = bounds
    try:
        column = ColumnEncoding("x", low, high, kind)
    except ParameterError:
        assume(False)
    value = data.draw(st.floats(low, high))
    (integer,) = column.encode(np.array([value]), x_bits).tolist()
    shown = column.shortest(integer, x_bits)
    (exact,) = column.decode(np.array([integer]), x_bits).tolist()
    assert shown == exact or column.encode(np.array([shown]), x_bits).tolist() == [integer]


@pytest.mark.parametrize(
    ("low", "high", "value", "shown"),
    [(0, 120, 47, 47), (6.981, 28.11, 16.13, 16.13), (143.5, 2501, 798.8, 798), (0, 1, 1 / 3, 0.3335), (5, 5, 5, 5)],
)
def test_what_is_read_of_a_value_has_no_digits_that_say_nothing(low, high, value, shown):
    column = ColumnEncoding("x", low, high)
    (integer,) = column.encode(np.array([float(value)]), 10).tolist()
    assert column.shortest(integer, 10) == shown


@pytest.mark.parametrize(
    ("y", "kind", "classes", "integers"),
    [
        ([3, 1, 1, 3], "binary", ("1", "3"), [1, 0, 0, 1]),
        ([10.0, 9.0, 9.0, 10.0], "binary", ("9", "10"), [1, 0, 0, 1]),
        (["no", "yes", "no", "no"], "binary", ("no", "yes"), [0, 1, 0, 0]),
        ([True, False, False, True], "binary", ("False", "True"), [1, 0, 0, 1]),
        (["c", "b", "a", "c"], "categorical", ("a", "b", "c"), [2, 1, 0, 2]),
        ([-1.0, 3.0, 1.0, 0.0], "real", (), [-16384, 16384, 0, -8192]),
    ],
)
def test_label_kinds_are_inferred(y, kind, classes, integers):
    encoding = from_data(y=y)
    assert (encoding.label.kind, encoding.label.classes) == (kind, classes)
    assert encoding.encode_labels(y).tolist() == integers
    decoded = encoding.decode_labels(integers)
    assert decoded.tolist() == (y if kind == "real" else [classes[i] for i in integers])


@pytest.mark.parametrize(
    ("y", "classes", "integers"),
    [
        ([10, 9, 100, 9], ("9", "10", "100"), [1, 0, 2, 0]),
        ([10.0, 9.5, -1.0, 9.5], ("-1", "9.5", "10"), [2, 1, 0, 1]),
        (["3+", "0", "10", "2"], ("0", "2", "10", "3+"), [3, 0, 2, 1]),
        (["b", "a", "ä", "B"], ("B", "a", "b", "ä"), [2, 1, 3, 0]),
    ],
)
def test_classes_are_numbered_by_value_then_by_spelling(y, classes, integers):
    label = from_data(y=y, label_kind="categorical").label
    assert (label.kind, label.classes, label.label_bits, label.column) == ("categorical", classes, 0, None)
    found = label.encode(y)
    assert (found.tolist(), found.dtype, found.shape) == (integers, np.int64, (4,))
    assert label.decode(found).tolist() == [classes[i] for i in integers]


def many(count):
    """Rows of `count` different classes."""
    texts = [f"kind {k}" for k in range(count)]
    return {"X": np.arange(3.0 * count).reshape(count, 3), "y": texts}


def test_there_can_be_256_classes_and_no_more():
    found = from_data(**many(256), label_kind="categorical")
    assert found.shape(1000).outputs == len(found.label.classes) == 256
    assert sorted(found.encode_labels(many(256)["y"]).tolist()) == list(range(256))
    with pytest.raises(DataError, match="column 'label': 257 distinct values, categorical labels have at most 256"):
        from_data(**many(257), label_kind="categorical")
    with pytest.raises(DataError, match="300 distinct values, categorical labels have at most 256"):
        from_data(**{**many(300), "y": np.arange(300)}, label_kind="categorical")


def test_counts_are_kept_as_they_are():
    encoding = from_data(y=[0, 65535, 3, 3], label_kind="count")
    assert encoding.encode_labels([0, 65535, 3, 3]).tolist() == [0, 65535, 3, 3]
    assert encoding.decode_labels([1, 2]).tolist() == [1, 2]
    for bad in (-1, 65536, 1.5):
        with pytest.raises(DataError, match=r"row 2, column 'label': .* is not a count, an integer from 0 to 65535"):
            encoding.encode_labels([0, bad])


BOUNDS = {"age": (0, 100), "size": (0, 10), "flat": (7, 7)}


def test_declared_bounds_do_not_depend_on_the_data():
    one, other = from_data(bounds=BOUNDS), from_data(X=X[:2], y=Y[:2], bounds=BOUNDS)
    assert one == other
    assert one.bounds_declared


@pytest.mark.parametrize(
    ("value", "column", "message"),
    [
        (101.0, 0, r"row 2, column 'age': 101.0 is outside the bounds \[0.0, 100.0\]"),
        (7.5, 2, r"row 2, column 'flat': 7.5 is outside the bounds \[7.0, 7.0\]"),
        (np.nan, 1, "row 2, column 'size': nan is not a finite number"),
        (np.inf, 1, "row 2, column 'size': inf is not a finite number"),
    ],
)
def test_a_value_outside_its_bounds_is_refused_with_column_and_row(value, column, message):
    changed = X.copy()
    changed[1, column] = value
    with pytest.raises(DataError, match=message) as caught:
        from_data(bounds=BOUNDS).encode_features(changed)
    assert (caught.value.row, caught.value.column, caught.value.file) == (1, NAMES[column], None)
    np.testing.assert_equal(caught.value.found, value)


def test_new_rows_may_pass_the_bounds_as_far_as_16_bits_reach():
    encoding = from_data()
    assert encoding.encode_features([[20.0, 5.5, 9.0]], check_bounds=False).tolist() == [[3072, 0, 0]]
    with pytest.raises(DataError, match=r"row 1, column 'age': 1000000.0 does not fit 16 bits"):
        encoding.encode_features([[1e6, 5.5, 7.0]], check_bounds=False)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"y": [0, 1, 2, 0], "label_kind": "binary"}, DataError, "3 distinct values, binary labels have two"),
        ({"y": [1, 1, 1, 1]}, DataError, "every row has the label '1'"),
        ({"y": ["a", "b", "c", "a"], "label_kind": "binary"}, DataError, "ask for categorical ones"),
        ({"y": ["a", "b", "c", "a"], "label_kind": "real"}, DataError, "3 distinct texts; real labels are numbers"),
        ({"y": ["a", "b", "a", "a"], "label_kind": "categorical"}, DataError, "have more; ask for binary ones"),
        ({"y": ["1", "2", "n/a", "1"]}, DataError, "row 3, column 'label': 'n/a' is not a number, as others are"),
        ({"y": ["no", "yes", "0", "yes"]}, DataError, "row 3, column 'label': '0' is a number, and others are texts"),
        ({"y": [0, 1, np.nan, 1]}, DataError, "row 3, column 'label': nan is no label"),
        ({"y": [0, 1]}, DataError, "2 of them for 4 rows"),
        ({"y": [[0], [1], [1], [0]]}, DataError, "expected one dimension"),
        ({"label_kind": "ordinal"}, ParameterError, "label_kind = 'ordinal'"),
        ({"names": ["a", "b"]}, DataError, "3 columns, but 2 names"),
        ({"names": ["a", "b", "a"]}, ParameterError, "same name"),
        ({"names": ["a", "b", ""]}, ParameterError, "column name"),
        ({"X": [["x", "y", "z"]] * 4}, DataError, "X: expected numbers"),
        ({"X": np.zeros((0, 3)), "y": []}, DataError, "X: no rows"),
        ({"X": np.zeros(4)}, DataError, r"expected 2 dimension\(s\), found 1"),
        ({"x_bits": 15}, ParameterError, "x_bits = 15"),
        ({"bounds": {"age": (0, 1)}}, ParameterError, "none for columns 'size', 'flat'$"),
        (
            {"bounds": {" Age": (0, 1), "hat": (0, 1)}},
            ParameterError,
            r"none for columns 'age' \(did you mean ' Age', which differs by spaces or capitals only\?\), 'size', "
            "'flat'; there is no column 'hat' that needs them$",
        ),
        (
            {"bounds": {**BOUNDS, "label": (0, 1)}},
            ParameterError,
            "needs them; labels that are classes or counts have none",
        ),
        ({"bounds": {**BOUNDS, "hat": (0, 1)}}, ParameterError, "no column 'hat'"),
        ({"bounds": {**BOUNDS, "age": (1, 0)}}, ParameterError, "lower bound 1.0 is above upper bound 0.0"),
        ({"bounds": {**BOUNDS, "age": (0, np.inf)}}, ParameterError, "must be finite"),
        ({"bounds": {**BOUNDS, "age": (0, 5e-324)}}, ParameterError, "too near"),
        ({"bounds": {**BOUNDS, "age": (1, 1 + 2**-52)}}, ParameterError, "too near"),
        ({"bounds": {**BOUNDS, "age": (0, "a")}}, ParameterError, "bounds must be numbers"),
        ({"bounds": {**BOUNDS, "age": 3}}, ParameterError, "needs a lower and an upper bound"),
        ({"bounds": BOUNDS, "y": [1.5, 2.5, 3.5, 4.5]}, ParameterError, "none for column 'label'"),
    ],
)
def test_unusable_data_is_refused_by_name(options, error, message):
    with pytest.raises(error, match=message):
        from_data(**options)


def test_a_label_of_another_class_or_out_of_bounds_is_refused_with_its_row():
    with pytest.raises(DataError, match="row 2, column 'label': '2' is no class; the classes are 0, 1"):
        from_data().encode_labels([0, 2])
    with pytest.raises(DataError, match="row 2, column 'label': 'd' is no class; the classes are a, b, c"):
        from_data(y=["a", "b", "c", "a"]).encode_labels(["a", "d"])
    with pytest.raises(DataError, match=r"kind 0, kind 1, .* and 188 more$"):
        from_data(**many(200), label_kind="categorical").encode_labels(["a"])
    declared = from_data(y=[1.5, 2.5, 3.5, 4.5], bounds={**BOUNDS, "label": (0, 5)})
    with pytest.raises(DataError, match=r"row 1, column 'label': 6.0 is outside"):
        declared.encode_labels([6.0])


@pytest.mark.parametrize("y", [Y, [1.5, 2.5, 3.5, 4.5], ["a", "b", "c", "a"]])
def test_mapping_gives_back_the_same_encoding(y):
    encoding = from_data(y=y)
    assert DatasetEncoding.from_mapping(encoding.to_mapping()) == encoding


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_bits": 99}, "x_bits = 99"),
        ({"x_bits": "10"}, "is text, not an integer"),
        ({"bounds_declared": 0}, "is an integer, not true or false"),
        ({"features": []}, "0 columns"),
        ({"features": [linear("a", low="0")]}, "canonical spelling 0.0"),
        ({"features": [linear("a", low="-0.0")]}, "not in canonical form"),
        ({"features": [linear("a", low="2.0")]}, "is above upper bound"),
        ({"features": [{**linear("a"), "mean": "0.5"}]}, "unknown field 'mean'"),
        ({"features": [linear(1)]}, "is an integer, not text"),
        ({"label_classes": ["0", "0"]}, "two different ones"),
        ({"label_classes": ["0", "1", "2"]}, "two different ones"),
        ({"label_kind": "categorical"}, "categorical labels need 3 to 256 different ones"),
        ({"label_kind": "categorical", "label_classes": ["0", "1", "0"]}, "need 3 to 256 different ones"),
        ({"label_kind": "categorical", "label_classes": ["0", "1", "\n"]}, "label class: '\\\\n' must be 1 to 256"),
        ({"label_kind": "categorical", "label_classes": ["a", "b", "c"], "label_bits": 1}, "label_bits = 1"),
        ({"label_classes": list(map(str, range(257)))}, "has 257 elements, not 0..256"),
        ({"label_kind": "count"}, "count labels have none"),
        ({"label_bits": 14}, "label_bits = 14"),
        ({"label_bounds": [linear("y")]}, "real labels need them"),
        ({"extra": 1}, "unknown field 'extra'"),
        ({"keys": [{"name": f"k{i}"} for i in range(17)]}, r"field 'keys' has 17 elements, not 0\.\.16"),
        ({"keys": [{"name": "k"}, {"name": "k"}]}, "keys: two columns have the same name"),
        ({"features": [linear("a")], "keys": [{"name": "a"}]}, "keys: two columns have the same name"),
        ({"keys": [{"name": ""}]}, "keys: '' must be 1 to 256 printable characters"),
        ({"keys": [{"name": "k", "map": "linear"}]}, "keys has an unknown field 'map'"),
        ({"features": [{**linear("a"), "map": "log2"}]}, r"features\[0\]: 'log2' is no map of a column"),
        ({"features": [{**linear("a", low="-1.0"), "map": "log1p"}]}, "bound -1.0: log1p needs values of at least 0"),
        ({"features": [{**linear("a", high="0.0"), "map": "log1p"}]}, "too near for log1p"),
        (
            {"label_kind": "real", "label_classes": [], "label_bounds": [{**linear("y"), "map": "log1p"}]},
            "column 'y': labels are linear",
        ),
        ({"features": [{**linear("a"), "map": 1}]}, "field 'map' is an integer, not text"),
        ({"features": [{**linear("a"), "kind": "key"}]}, "unknown field 'kind'"),
        ({"label_kind": "real", "label_classes": [], "label_bounds": [{**linear("y"), "map": ""}]}, "'' is no map"),
    ],
)
def test_a_mapping_not_in_canonical_form_is_refused(changes, message):
    with pytest.raises(FormatError, match=message):
        DatasetEncoding.from_mapping({**from_data().to_mapping(), **changes})


def test_label_encoding_refuses_what_its_kind_does_not_have():
    with pytest.raises(ParameterError, match="two different ones"):
        LabelEncoding(kind="binary", classes=("a",))
    with pytest.raises(ParameterError, match="label_bits = 15"):
        LabelEncoding(kind="real", column=ColumnEncoding("y", 0, 1), label_bits=15)


def test_names_of_rows_are_not_taken_for_classes_unless_asked_for() -> None:
    """The texts of classes are public."""
    X, y = np.arange(40.0).reshape(20, 2), [f"person {max(i, 1)}" for i in range(20)]
    with pytest.raises(DataError, match="18 of 19 distinct texts are there once"):
        DatasetEncoding.from_data(X, y, ["a", "b"])
    assert len(DatasetEncoding.from_data(X, y, ["a", "b"], label_kind="categorical").label.classes) == 19
    assert len(DatasetEncoding.from_data(X, np.repeat(y[1:11], 2), ["a", "b"]).label.classes) == 10
