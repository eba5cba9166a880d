"""log1p as a map of columns: the nearest integer to a logarithm, the same on every platform."""

from __future__ import annotations

import hashlib
import math
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from zkunlearn.errors import DataError, FormatError, ParameterError
from zkunlearn.models.encoding import maps
from zkunlearn.models.encoding.columns import ColumnEncoding
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.models.encoding.labels import LabelEncoding
from zkunlearn.models.encoding.maps import LOG1P, NARROWEST, log1p_thresholds

INCOMES = np.array([[0.0, 20.0], [31_000.0, 40.0], [2e9, 60.0], [45_000.0, 80.0]])
LABELS, NAMES = np.array([0, 1, 1, 0]), ["income", "age"]
BOUNDS = {"income": (0, 2e9, LOG1P), "age": (0, 100)}


def from_data(X=INCOMES, **options):
    return DatasetEncoding.from_data(X, LABELS, NAMES, **options)


def twin(value: float, low: float, high: float, bits: int) -> int:
    """By the definition, with logarithms of 90 digits; no float64 is a tie."""
    with localcontext(prec=90):
        at, begin, end = ((1 + Decimal(v)).ln() for v in (value, low, high))
        place = (1 << bits) * (2 * (at - begin) / (end - begin) - 1)
        return int(place.to_integral_value(ROUND_HALF_EVEN))


def intervals() -> st.SearchStrategy[tuple[float, float]]:
    """All that log1p maps, many of them near to each other or over many orders of magnitude."""
    lows = st.just(0.0) | st.floats(0, 1e300) | st.floats(0, 100)
    widths = st.floats(-15.9, 1000).map(lambda power: 2.0**power)
    pairs = st.tuples(lows, widths).map(lambda pair: (pair[0], pair[0] + pair[1] * (1 + pair[0])))
    return pairs.filter(lambda pair: math.isfinite(pair[1]))


@given(intervals(), st.integers(4, 14), st.lists(st.floats(0, 1), min_size=1, max_size=8))
@example((0.0, 2e9), 10, [0.0, 0.5, 1.0])
@example((0.0, NARROWEST), 14, [0.5])
@example((5e-324, 1.7976931348623157e308), 4, [0.999])
def test_integers_are_the_nearest_ones_to_the_logarithm(interval, bits, places):
    """At points in between, and on both sides of where an integer steps up."""
    low, high = interval
    column = ColumnEncoding("x", low, high, LOG1P)
    least, table = log1p_thresholds(low, high, bits)
    chosen = table[[int(place * (len(table) - 1)) for place in places]]
    values = [low + place * (high - low) for place in places]
    values = np.clip([*values, *chosen, *np.nextafter(chosen, 0), *np.nextafter(chosen, np.inf)], low, high)
    assert column.encode(values, bits).tolist() == [twin(float(value), low, high, bits) for value in values]
    assert least == -(1 << bits)


@given(intervals(), st.integers(4, 14))
def test_the_ends_are_exact_and_integers_never_fall(interval, bits):
    low, high = interval
    column = ColumnEncoding("x", low, high, LOG1P)
    assert column.encode(np.array([low, high]), bits).tolist() == [-(1 << bits), 1 << bits]
    for beyond in (False, True):
        least, table = log1p_thresholds(low, high, bits, beyond)
        assert (np.diff(table) >= 0).all() and np.isfinite(table).all() and (table > 0).all()
        if not beyond:
            assert len(table) == 2 << bits
    inner = table[-(1 << bits) - least :][: 2 << bits]
    assert inner.tobytes() == log1p_thresholds(low, high, bits)[1].tobytes()


@given(intervals(), st.integers(4, 14), st.floats(0, 1.7976931348623157e308))
def test_past_the_bounds_the_same_map_goes_on_as_far_as_16_bits_reach(interval, bits, value):
    low, high = interval
    encoding = DatasetEncoding(
        features=(ColumnEncoding("x", low, high, LOG1P),),
        label=LabelEncoding(kind="count"),
        x_bits=bits,
        bounds_declared=True,
    )
    expected = twin(value, low, high, bits)
    if -(1 << 15) <= expected < 1 << 15:
        assert encoding.encode_features([[value]], check_bounds=False).tolist() == [[expected]]
    else:
        with pytest.raises(DataError, match=r"row 1, column 'x': .* does not fit 16 bits"):
            encoding.encode_features([[value]], check_bounds=False)


@pytest.mark.parametrize(
    ("low", "high", "bits", "digest"),
    [
        (0.0, 2e9, 10, "97c61e9b0c012d2d953c80f12c10e39c1be48ddc88bd54da2ae07bb3f0dcb963"),
        (0.0, 2e9, 14, "173e4724e2d0b85ca26888cca9c3d7d9d9b6ff774906553ca44b398b7a717407"),
        (20.5, 1e300, 12, "028b660eaa491a845209434e9cee110d628616a6924532d75863789beb69a495"),
    ],
)
def test_thresholds_are_the_same_bytes_everywhere(low, high, bits, digest):
    table = log1p_thresholds(low, high, bits)[1]
    assert hashlib.sha256(table.astype("<f8").tobytes()).hexdigest() == digest


def test_an_income_keeps_its_differences():
    """By a linear map, all but the largest were one integer."""
    assert from_data(maps={"income": LOG1P}).encode_features(INCOMES)[:, 0].tolist() == [-1024, -35, 1024, 1]
    assert len(set(from_data().encode_features(INCOMES)[:, 0].tolist())) == 2


def test_other_columns_are_as_they_were():
    plain, mixed = from_data(), from_data(maps={"income": LOG1P})
    assert mixed.encode_features(INCOMES)[:, 1].tolist() == plain.encode_features(INCOMES)[:, 1].tolist()
    assert (mixed.features[1], mixed.features[1].map) == (plain.features[1], "linear")


# What cannot be mapped -----------------------------------------------------------------------------------------------


def test_a_negative_value_is_refused_by_column_and_row():
    changed = INCOMES.copy()
    changed[2, 0] = -5.0
    for attempt in (
        lambda: from_data(changed, maps={"income": LOG1P}),
        lambda: from_data(changed, bounds={**BOUNDS, "income": (-10, 2e9, LOG1P)}),
        lambda: from_data(bounds=BOUNDS).encode_features(changed, check_bounds=False),
    ):
        with pytest.raises(
            DataError, match=r"row 3, column 'income': -5.0 is negative; log1p needs values of at least 0"
        ):
            attempt()
    with pytest.raises(DataError, match=r"row 12, column 'income': -5.0 is outside the bounds"):
        from_data(bounds=BOUNDS).encode_features(changed, first_row=9)
    with pytest.raises(DataError, match=r"row 12, column 'income': -5.0 is negative"):
        from_data(bounds=BOUNDS).encode_features(changed, first_row=9, check_bounds=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bounds": {**BOUNDS, "income": (-1, 2e9, LOG1P)}}, "'income': lower bound -1.0: log1p needs values of at le"),
        ({"bounds": {**BOUNDS, "income": (7, 7, LOG1P)}}, "'income': bounds 7.0, 7.0 are too near for log1p; so near"),
        ({"bounds": {**BOUNDS, "income": (1e6, 1e6 + 15, LOG1P)}}, "'income': bounds .* too near for log1p"),
        ({"bounds": {**BOUNDS, "income": (0, np.inf, LOG1P)}}, "'income': .* must be finite"),
        ({"bounds": {**BOUNDS, "income": (0, 2e9, "log2")}}, "'income': 'log2' is no map; maps are linear, log1p"),
        ({"bounds": {**BOUNDS, "income": (0, 2e9, 2)}}, "'income': '2' is no map"),
        ({"bounds": {**BOUNDS, "income": (0, 2e9, LOG1P, 1)}}, "'income' needs a lower and an upper bound"),
        ({"bounds": BOUNDS, "maps": {"income": LOG1P}}, "maps: where bounds are declared, they name the map too"),
        ({"maps": {"hat": LOG1P}}, "maps: there is no feature 'hat'"),
        ({"maps": {"label": LOG1P}}, "'label': labels are linear"),
        ({"maps": {"income": "sqrt"}}, "'income': 'sqrt' is no map"),
        ({"maps": LOG1P}, "maps: expected Mapping, found str"),
    ],
)
def test_maps_that_cannot_be_are_refused_by_name(options, message):
    with pytest.raises(ParameterError, match=message):
        from_data(**options)


def test_labels_are_not_mapped():
    y = [1.5, 2.5, 3.5, 4.5]
    for options in ({"maps": {"label": LOG1P}}, {"bounds": {**BOUNDS, "label": (0, 5, LOG1P)}}):
        with pytest.raises(ParameterError, match="column 'label': labels are linear"):
            DatasetEncoding.from_data(INCOMES, y, NAMES, **options)
    with pytest.raises(ParameterError, match="column 'y': labels are linear; log1p is for features"):
        LabelEncoding(kind="real", column=ColumnEncoding("y", 0, 1, LOG1P), label_bits=14)


def test_bounds_are_too_near_exactly_below_the_width_that_is_documented():
    for low in (0.0, 1.0, 2.0**40 - 1, 2.0**600):
        width = (1 + low) * NARROWEST
        assert ColumnEncoding("x", low, low + width, LOG1P).map == LOG1P
        with pytest.raises(ParameterError, match="too near for log1p"):
            ColumnEncoding("x", low, np.nextafter(low + width, 0), LOG1P)


def test_thresholds_that_few_digits_leave_open_get_more_and_are_refused_when_those_are_too_few(monkeypatch):
    expected = log1p_thresholds(0.0, 2e9, 6)[1].tobytes()
    fresh = log1p_thresholds.__wrapped__
    monkeypatch.setattr(maps, "FRACTION_BITS", (70, 192))
    assert fresh(0.0, 2e9, 6)[1].tobytes() == expected
    monkeypatch.setattr(maps, "FRACTION_BITS", (60, 70))
    with pytest.raises(ParameterError, match="a threshold of log1p is too near to a float64"):
        fresh(0.0, 2e9, 6)
    monkeypatch.setattr("zkunlearn.models.encoding.maps.log1p_thresholds", fresh)
    with pytest.raises(ParameterError, match=r"column 'x': bounds 0\.0, 2000000000\.0: a threshold"):
        ColumnEncoding("x", 0.0, 2e9, LOG1P).encode(np.array([1.0]), 6)


# There and back ------------------------------------------------------------------------------------------------------


@given(intervals(), st.integers(4, 14), st.data())
def test_what_is_decoded_becomes_the_same_integer(interval, bits, data):
    column = ColumnEncoding("x", interval[0], interval[1], LOG1P)
    integers = np.array(data.draw(st.lists(st.integers(-(1 << bits), 1 << bits), min_size=1, max_size=9)))
    values = np.clip(column.decode(integers, bits), *interval)
    assert column.encode(values, bits).tolist() == integers.tolist()


def test_the_map_is_in_the_canonical_form_and_comes_back():
    encoding = from_data(bounds=BOUNDS)
    written = encoding.to_mapping()
    assert written["features"][0] == {"name": "income", "map": "log1p", "low": "0.0", "high": "2000000000.0"}
    assert written["features"][1]["map"] == "linear"
    assert DatasetEncoding.from_mapping(written) == encoding != from_data(bounds={**BOUNDS, "income": (0, 2e9)})
    for changes, message in (
        ({"low": "-1.0"}, "needs values of at least 0"),
        ({"high": "1e-05"}, "too near for log1p"),
    ):
        column = {**written["features"][0], **changes}
        with pytest.raises(FormatError, match=rf"features\[0\]: column 'income': .*{message}"):
            DatasetEncoding.from_mapping({**written, "features": [column]})
