"""Where numbers do not fit, a refusal names what would: that fits, and nothing beyond it does."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from zkunlearn.errors import ParameterError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.fitting import at_least, at_most, next_power_of_two
from zkunlearn.models.scales import FineScales
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec

Change = Callable[[dict[str, Any], float], dict[str, Any]]


def compiled(of: dict[str, Any]) -> None:
    """A spec on a data set. Raises ParameterError."""
    own: dict[str, Any] = {
        "model": "logistic",
        "method": "optimum",
        "l2": 0.001,
        "rows": 1000,
        "features": 30,
        "classes": (),
    } | of
    rows, features, classes = own.pop("rows"), own.pop("features"), own.pop("classes")
    kind = "real" if own["model"] == "linear" else "categorical" if classes else "binary"
    x_bits = own["fixed_point"].x_bits if "fixed_point" in own else 10
    bits = 14 if kind == "real" else 0
    shape = DatasetShape(rows=rows, features=features, label_kind=kind, label_bits=bits, x_bits=x_bits, classes=classes)
    TrainingSpec(**own).compile(shape, Live(rows))


def features(of: dict[str, Any], found: float) -> dict[str, Any]:
    return {**of, "features": int(found)}


def penalty(of: dict[str, Any], found: float) -> dict[str, Any]:
    return {**of, "l2": found}


def longest(of: dict[str, Any], found: float) -> dict[str, Any]:
    return {**of, "distances": (int(found),)}


def farthest(of: dict[str, Any], found: float) -> dict[str, Any]:
    return {**of, "distance": int(found)}


def predictions(of: dict[str, Any], found: float) -> dict[str, Any]:
    return {**of, "fixed_point": FineScales(p_bits=int(found))}


FINEST = FineScales(x_bits=14, w_bits=32)
CLASSES = tuple(map(str, range(256)))
ADVICE: dict[str, tuple[dict[str, Any], str, Change, float]] = {
    "features": (
        {"features": 2048, "fixed_point": FINEST},
        r"scores .*; use at most (\d+) features, or use w_bits = 31$",
        features,
        1,
    ),
    "features without a bias": (
        {"features": 2048, "fixed_point": FINEST, "bias": False},
        r"scores .*; use at most (\d+) features, or use w_bits = 31$",
        features,
        1,
    ),
    "features of classes": (
        {"features": 1023, "grid": 32, "l2": 0.5, "bias": False, "classes": CLASSES},
        r"norm .*: use at most (\d+) features, or use at most \d+ classes$",
        features,
        1,
    ),
    "linear features": (
        {"features": 900, "model": "linear", "rows": 1 << 17, "grid": 36, "l2": 0.5},
        r"131072 rows: .*; use at most (\d+) features, or commit to the data set with at most 9 x_bits$",
        features,
        1,
    ),
    "distances": ({"distances": (1 << 40,), "grid": 32, "l2": 0.5}, "threshold .* at most (.+)", longest, 1),
    "linear distances": (
        {"distances": (1 << 35,), "grid": 36, "l2": 1.0, "model": "linear"},
        "carry identity .* at most (.+)",
        longest,
        1,
    ),
    "a noisy distance": (
        {"method": "noisy", "grid": 3, "distance": 1 << 40},
        r"does not hide a distance of .*; declare a distance of at most (\d+)$",
        farthest,
        1,
    ),
    "a small penalty": ({"l2": 1e-7, "grid": 32}, r"too small at .*; use at least (.+)", penalty, -1e-8),
    "a large penalty": ({"l2": 1e9, "rows": 1}, r"too large: .*; use at most (.+)", penalty, 1e6),
    "a small penalty of a linear model": (
        {"l2": 1e-12, "grid": 36, "model": "linear"},
        r"too small for 31 weights: .*; use at least (.+)",
        penalty,
        -1e-10,
    ),
    "a large penalty of a linear model": (
        {"l2": 1e12, "rows": 1, "model": "linear"},
        r"too large: .*; use at most (.+)",
        penalty,
        1e9,
    ),
    "rows": ({"rows": 1 << 24}, r"16777216 rows: .*; use at most (\d+) p_bits", predictions, 1),
    "rows beside a large penalty": (
        {"rows": 1 << 20, "l2": 8.0},
        r"1048576 rows: .*; use at most (\d+) p_bits",
        predictions,
        1,
    ),
}
BEYOND = r"(score|norm|threshold|carry)|rows: |too (small|large)|hide a distance"


@pytest.mark.parametrize("name", ADVICE)
def test_what_is_advised_fits_and_nothing_beyond_it_does(name: str) -> None:
    of, words, change, step = ADVICE[name]
    with pytest.raises(ParameterError, match=words) as refused:
        compiled(of)
    (number,) = re.findall(words, str(refused.value))
    try:
        compiled(change(of, float(number)))
    except ParameterError as error:  # something else may still be in the way, as a grid for so many weights
        assert not re.match(rf".*({BEYOND})", str(error)), error
    with pytest.raises(ParameterError, match=BEYOND):
        compiled(change(of, float(number) + step))


def test_few_digits_are_on_the_right_side() -> None:
    third = Fraction(1, 3)
    assert (at_most(third), at_least(third)) == (0.333, 0.334) and at_most(Fraction(5)) == at_least(Fraction(5)) == 5.0
    assert [next_power_of_two(value) for value in (1, 2, 3, 4, 5)] == [1, 2, 4, 4, 8]
