"""Certified optima of linear models as they are declared: which integers follow, what is refused by name."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil, sqrt
from typing import Any

import pytest
from zkunlearn.errors import ParameterError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.gram_certificate import SHARES, LinearOptimumCertificate
from zkunlearn.models.scales import FineScales
from zkunlearn.models.spec import TrainingSpec

from .test_certificate import shape_of

FIVE_LINES = """
[model]
kind = "linear"
[method]
kind = "optimum"
l2 = 0.001
"""


def spec_of(**fields: Any) -> TrainingSpec:
    return TrainingSpec(model="linear", method="optimum", **({"l2": 0.001} | fields))


def compiled(spec: TrainingSpec, forgotten: tuple[int, ...] = (), **shape: Any) -> LinearOptimumCertificate:
    own = shape_of(**({"kind": "real"} | shape))
    found: Any = spec.compile(own, Live(own.rows, forgotten))
    return found


def test_five_lines_are_a_spec_with_weights_as_fine_as_any() -> None:
    spec = TrainingSpec.from_toml(FIVE_LINES)
    assert spec == spec_of() == TrainingSpec.from_toml(spec.to_toml()) == TrainingSpec.from_mapping(spec.to_mapping())
    assert spec.fixed_point == FineScales(w_bits=36) and spec.weight_bits == 36 - 26


@pytest.mark.parametrize(
    ("changes", "shape", "reason"),
    [
        ({}, {"kind": "categorical"}, "needs binary or real or count labels, the data set has categorical"),
        ({}, {"x_bits": 12}, "fixed_point.x_bits = 10: the data set has 12"),
        (
            {},
            {"features": 32767, "rows": 4096},
            "4096 rows: .* with 32768 weights; use at most 16382 features, or commit to .* at most 9 x_bits$",
        ),
        ({}, {"rows": (1 << 21) + 1}, "2097153 rows: sums over more than 2.21 could pass 2.62 with 31 weights"),
        ({"l2": 2.0**-40, "grid": 32}, {}, "l2 = .*: too small for 31 weights"),
        ({"l2": 2.0**32}, {"rows": 1}, "l2 = .*: too large"),
        ({"l2": 2.0**10}, {"rows": 1 << 18}, "262144 rows: .* with at most 8 x_bits, or use an l2 of at most 224.0$"),
        ({"grid": 37}, {}, "grid = 37: steps of the model's weights would be 2.1"),
        ({"grid": 13}, {}, "grid = 13: too fine for 31 weights .* use 15 or more, better 21"),
        ({"distances": (1 << 24, 1)}, {}, "distances: 1 is too small beside 16777216"),
        ({"distances": (1 << 35,), "grid": 36, "l2": 1.0}, {}, "carry identity .* can reach"),
    ],
)
def test_what_has_no_certificate_is_refused_by_name(changes: Any, shape: Any, reason: str) -> None:
    with pytest.raises(ParameterError, match=reason):
        compiled(spec_of(**changes), **shape)


@pytest.mark.parametrize("l2", [2e-8, 1e-5, 0.001, 1 / 32, 0.5, 8.0])
@pytest.mark.parametrize("kind", ["real", "binary", "count"])
def test_integers_depend_on_who_counts_and_not_on_the_data_set_s_size(l2: float, kind: str) -> None:
    """Also just beside powers of two, where c is coarsest."""
    for count in (1, 2, 255, 256, 257, 700):
        spec = spec_of(l2=l2, grid=36)
        whole = compiled(spec, rows=count, kind=kind)
        part = compiled(spec, tuple(range(count, 1024)), rows=1024, kind=kind)
        names = ("raised", "penalty", "distances", "shift", "radius", "weight_bits", "model_bits")
        assert [getattr(whole, name) for name in names] == [getattr(part, name) for name in names]
        exact = Fraction(l2) * count * Fraction(2) ** (20 + whole.raised)
        assert abs(whole.penalty / exact - 1) <= Fraction(1, 1000)
        assert 0 <= whole.radius < 1 << 23 and whole.penalty * whole.distances[0] < 1 << 62


def test_a_larger_sum_by_limbs_could_pass_its_bound() -> None:
    """e0 is the largest that fits: a row of largest features and labels, a limb of all ones."""
    own = compiled(spec_of(), rows=1 << 12, features=63)
    place, shift = own.label_place
    assert (place, shift) == divmod(10 + 36 - 14, 16)
    bounds = dict(own.bounds)
    row = 64 * 2**10 * 2**16 * 2**10 + 2**15 * 2**shift * 2**10
    assert bounds["gradient of a limb |G_i|"] == (row << (own.raised + 12)) + (own.penalty << 16)
    assert 1 << 61 <= bounds["gradient of a limb |G_i|"] + row < 1 << 62
    assert own.raised + 12 == 19


def test_labels_of_any_scale_are_in_one_of_the_limbs() -> None:
    places = {compiled(spec_of(fixed_point=FineScales(w_bits=w)), kind=k).label_place for w in (26, 32, 36) for k in
              ("real", "binary", "count")}  # fmt: skip
    assert places == {(1, 6), (1, 12), (2, 0), (2, 4), (2, 10), (2, 14)}


def test_the_default_distance_is_that_of_the_document() -> None:
    for features, l2 in ((30, 0.001), (64, 0.01), (1, 0.25), (3, 64.0)):
        found = compiled(spec_of(l2=l2, grid=31), features=features).distances
        longest = sqrt(features + 1) * (1 + l2) / l2
        shares = [ceil(longest / share) for share in SHARES]
        assert all(min(abs(own - share) for share in shares) <= 1 for own in found)
        assert all(min(abs(own - share) for own in found) <= 1 for share in shares)
        for own, share in zip(found[:5], (1, 2, 4, 8, 16), strict=False):  # whose numbers stay
            assert features < 4 or 0 <= own - longest / share < 1.01
    assert found == (3, 2, 1)


def test_weights_have_all_of_three_limbs() -> None:
    """However fine they are: so labels that are counts have room."""
    own = compiled(spec_of(), kind="count")
    assert own.weight_bits == 48 and own.largest_weight >> own.scales.w_bits == 1 << 11
    assert own.committed_bits == (49 - 26, 49 - 26 + 10)
    assert replace(own, scales=FineScales(w_bits=32)).weight_bits == 48
