"""Certified optima as they are declared: what a spec says, which integers follow, what is refused by name."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil, log2, sqrt
from typing import Any

import numpy as np
import pytest
from zkunlearn.errors import ParameterError
from zkunlearn.models.activation import table_digest
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.live import Live
from zkunlearn.models.methods.link_certificate import SHARES, OptimumCertificate
from zkunlearn.models.scales import FineScales, FixedPoint
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec

FIVE_LINES = """
[model]
kind = "logistic"
[method]
kind = "optimum"
l2 = 0.001
"""


def spec_of(model: str = "logistic", fixed_point: FixedPoint | None = None, **fields: Any) -> TrainingSpec:
    return TrainingSpec(model=model, method="optimum", fixed_point=fixed_point, **({"l2": 0.001} | fields))


def shape_of(rows: int = 1000, features: int = 30, kind: str = "binary", x_bits: int = 10) -> DatasetShape:
    classes = ("a", "b", "c") if kind == "categorical" else ()
    bits = 14 if kind == "real" else 0
    return DatasetShape(rows=rows, features=features, label_kind=kind, label_bits=bits, x_bits=x_bits, classes=classes)


def compiled(spec: TrainingSpec, shape: DatasetShape, forgotten: tuple[int, ...] = ()) -> OptimumCertificate:
    found: Any = spec.compile(shape, Live(shape.rows, forgotten))
    return found


def test_five_lines_are_a_spec() -> None:
    spec = TrainingSpec.from_toml(FIVE_LINES)
    assert spec == spec_of() == TrainingSpec.from_toml(spec.to_toml()) == TrainingSpec.from_mapping(spec.to_mapping())
    assert spec.fixed_point == FineScales() and spec.weight_bits == 32 - 26
    listed = spec_of(distances=(500, 20), grid=24, bias=False)
    assert listed == TrainingSpec.from_toml(listed.to_toml()) == TrainingSpec.from_mapping(listed.to_mapping())


@pytest.mark.parametrize(("l2", "grid"), [(1.0, 16), (0.5, 17), (0.01, 23), (0.001, 26), (1e-4, 30), (1024.0, 16)])
def test_the_default_grid_follows_from_the_penalty(l2: float, grid: int) -> None:
    assert spec_of(l2=l2).to_mapping()["method"]["grid"] == grid  # type: ignore[index]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"l2": 0.0}, "l2 = 0.0: must be positive"),
        ({"l2": 2.0**50}, "l2 = .*: must be between"),
        ({"standardize": True}, "standardize: means and spreads change with the rows"),
        ({"penalize_intercept": False}, "penalize_intercept: must be true, or bias false"),
        ({"grid": 7}, "grid = 7: must be between 8 and 40"),
        ({"distances": (5, 5)}, "distances: each must be smaller"),
        ({"distances": (0,)}, "distances.0. = 0"),
        ({"distances": range(17, 0, -1)}, "distances: 17 of them"),
        ({"distances": 7}, "distances: expected a list"),
        ({"epochs": 3}, "unknown field epochs"),
        ({"fixed_point": FixedPoint()}, "fixed_point: expected FineScales, found FixedPoint"),
    ],
)
def test_what_the_theorem_needs_is_asked_for_by_name(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ParameterError, match=reason):
        spec_of(**changes)


def test_a_missing_penalty_is_asked_for() -> None:
    with pytest.raises(ParameterError, match="l2 is missing"):
        TrainingSpec(model="logistic", method="optimum")
    with pytest.raises(ParameterError, match="expected FixedPoint, found FineScales"):
        TrainingSpec(model="logistic", epochs=1, learning_rate=0.5, fixed_point=FineScales())


@pytest.mark.parametrize(
    ("changes", "shape", "reason"),
    [
        ({"model": "poisson"}, {"kind": "count"}, "'poisson': the optimum of a Poisson regression cannot"),
        ({"model": "linear"}, {"kind": "categorical"}, "needs binary or real or count labels, the data set has cat"),
        ({}, {"kind": "real"}, "needs labels of two classes, or of several, the data set has real"),
        ({}, {"x_bits": 12}, "fixed_point.x_bits = 10: the data set has 12"),
        (
            {},
            {"features": 32767},
            "32768 weights: scores of more than 32767 .*x_bits = 10 and w_bits = 32; use at most 32766 features",
        ),
        ({}, {"rows": (1 << 23) + 1}, "8388609 rows: .* use at most 27 p_bits$"),
        ({"l2": 1e-6, "grid": 32}, {}, "l2 = 1e-06: too small"),
        ({"l2": 2.0**30}, {}, "l2 = .*: too large"),
        ({"grid": 33}, {}, "steps of the model's weights would be 2.1"),
        ({"grid": 13}, {}, "grid = 13: too fine for 31 weights .* use 14 or more, better 20"),
        ({"distances": (1 << 24, 1)}, {}, "distances: 1 is too small beside 16777216"),
        ({"model": "probit", "fixed_point": FineScales(p_bits=28)}, {}, "p_bits = 28: the table has steps of 104581"),
        (
            {"l2": 6e-5, "grid": 32, "distances": (1 << 32,)},
            {},
            "grid = 32: too fine .*; declare distances of at most 69273666$",
        ),
    ],
)
def test_what_has_no_certificate_is_refused_by_name(changes: Any, shape: Any, reason: str) -> None:
    with pytest.raises(ParameterError, match=reason):
        compiled(spec_of(**changes), shape_of(**shape))


def classes_of(count: int, features: int) -> DatasetShape:
    names = tuple(map(str, range(count)))
    return replace(shape_of(features=features), label_kind="categorical", classes=names)


def test_of_several_classes_distances_follow_from_all_weights_and_what_is_of_one_from_its_own() -> None:
    two, ten = compiled(spec_of(), shape_of(features=63)), compiled(spec_of(), classes_of(10, 63))
    assert (two.width, ten.width, ten.weight_count) == (64, 64, 640)
    assert (two.penalty, two.raised, two.weight_bits) == (ten.penalty, ten.raised, ten.weight_bits)
    assert ten.distances[0] == pytest.approx(sqrt(10) * two.distances[0], rel=0.001)
    bounds, own = (dict(each.bounds) for each in (ten, two))
    name = next(each for each in bounds if each.startswith("norm"))
    assert bounds[name] == (640 + 10 + 1) << 46 and own[name] == (64 + 2) << 46
    assert {each: bound for each, bound in bounds.items() if own[each] != bound}.keys() <= {
        name, "threshold c D", "residual identity |G - 2^g Gamma - v|"
    }  # fmt: skip
    assert ten.radius < 1 << 23 and ten.radius << ten.shift <= ten.penalty * ten.distance


@pytest.mark.parametrize(("classes", "features"), [(127, 2048), (255, 1023), (256, 1022)])
def test_so_many_weights_have_a_norm_that_cannot_wrap_and_no_more(classes: int, features: int) -> None:
    """2^18 - 1 numbers up to 2^46, squares and slacks, stay below p."""
    spec = spec_of(bias=False, grid=32, l2=0.5)
    fits = compiled(spec, classes_of(classes, features))
    assert max(bound for name, bound in fits.bounds if name.startswith("norm")) < (1 << 64) - (1 << 32) + 1
    more = classes_of(classes + 1, features) if classes < 256 else classes_of(classes, features + 1)
    most = classes if classes < 256 else 255
    with pytest.raises(ParameterError, match=rf"norm .*: use at most \d+ features, or use at most {most} classes$"):
        compiled(spec, more)


@pytest.mark.parametrize("l2", [2e-6, 1e-4, 0.001, 1 / 32, 0.5, 8.0])
def test_integers_depend_on_who_counts_and_not_on_the_data_set_s_size(l2: float) -> None:
    """Also just beside powers of two, where c is coarsest."""
    for count in (1, 2, 255, 256, 257, 700):
        whole = compiled(spec_of(l2=l2, grid=32), shape_of(rows=count))
        part = compiled(spec_of(l2=l2, grid=32), shape_of(rows=1024), tuple(range(count, 1024)))
        names = ("raised", "penalty", "distances", "shift", "radius", "weight_bits", "model_bits")
        assert [getattr(whole, name) for name in names] == [getattr(part, name) for name in names]
        exact = Fraction(l2) * count * Fraction(2) ** (28 + 10 + whole.raised - 32)
        assert abs(whole.penalty / exact - 1) <= Fraction(1, 1000)
        assert whole.penalty << (whole.weight_bits - 1) <= 1 << 61
        assert count << (whole.raised + 28 + 10) <= 1 << 61
        assert 0 <= whole.radius < 1 << 23 and whole.penalty * whole.distances[0] < 1 << 62


def test_the_default_distance_is_that_of_the_document() -> None:
    for rows, features, l2 in ((1000, 30, 0.001), (16_384, 64, 0.01), (3, 1, 0.25), (262_144, 64, 0.001)):
        found, k = compiled(spec_of(l2=l2, grid=31), shape_of(rows, features)).distances, features + 1
        longest = (16 * sqrt(k / rows) + sqrt(k) / 16) / l2
        shares = [ceil(longest / share) for share in SHARES]
        assert all(min(abs(own - share) for share in shares) <= 1 for own in found)
        assert all(min(abs(own - share) for own in found) <= 1 for share in shares)
    assert found[0] >= ceil(longest) and len(found) == len(SHARES)


def test_a_number_says_of_the_default_distances_what_it_always_said() -> None:
    """Those of statements that are written already, which know three; no two of them are alike."""
    found = compiled(spec_of(), shape_of()).distances
    assert [own / found[0] for own in found[:3]] == pytest.approx([1, 1 / 4, 1 / 16], rel=0.01)
    assert compiled(spec_of(l2=16.0), shape_of(features=3)).distances == (1,)
    assert compiled(spec_of(l2=1.0), shape_of(rows=200, features=3)).distances == (3, 1, 2)


@pytest.mark.parametrize(("changes", "weights"), [({}, 32767), ({"fixed_point": FineScales(w_bits=33)}, 16383)])
def test_as_many_weights_fit_as_scores_have_room_for(changes: dict[str, Any], weights: int) -> None:
    fields = {"bias": False, "l2": 0.5, "grid": 32, **changes}
    own = compiled(spec_of(**fields), shape_of(features=weights))
    assert 1 << 61 < dict(own.bounds)["score |z|"] < 1 << 62
    with pytest.raises(ParameterError, match=f"{weights + 1} weights: scores of more than {weights} could pass"):
        compiled(spec_of(**fields), shape_of(features=weights + 1))


def test_the_shortest_default_distance_has_a_radius_of_which_rounding_takes_little() -> None:
    """Whatever c and the longest one are: else specs that were fit would be refused."""
    for l2, rows, features in ((2e-6, 3, 1), (1e-4, 1 << 22, 2000), (0.001, 4096, 32766), (0.5, 100, 30)):
        own = compiled(spec_of(l2=l2, grid=32), shape_of(rows, features))
        shortest = replace(own, number=own.distances.index(min(own.distances)))
        assert shortest.radius >= 1 << 13 or not own.shift


def test_tables_are_those_of_every_platform() -> None:
    digests = {"logistic": "7627a2b8f6570be3d1ae1be6a77bed2df3871819fa8564de3acafe3a3a96918f"}
    digests["probit"] = "7cc9d5b8fd441dd3a35547d2bed5d0c281007ea93e4eeb8db8c52a571e1614fc"
    for name, digest in digests.items():
        scales = spec_of(model=name).fixed_point
        table = FAMILIES[name].edge_table(scales)
        assert table_digest(table) == digest and len(table) == (1 << 16) + 1
        steps = np.diff(table)
        assert steps.min() >= 0 and steps.max() <= 1 << 16
        x = np.arange(-(1 << 15), (1 << 15) + 1) / (1 << scales.q_bits)
        exact = FAMILIES[name].inverse_link(x) * 2.0**scales.p_bits
        assert np.abs(table - exact).max() < 0.501
        assert np.array_equal(table + table[::-1], np.full(len(table), 1 << scales.p_bits))


def test_interpolated_predictions_never_fall() -> None:
    """Over the edges of all cells, and within those that are steepest: else nothing would be convex."""
    for name in ("logistic", "probit"):
        table = FAMILIES[name].edge_table(spec_of(model=name).fixed_point)
        steps = np.diff(table)
        last = table[:-1] + (steps * 65535 + (1 << 15) >> 16)
        assert (last <= table[1:]).all() and (last - table[:-1] < 1 << 16).all()
        steepest = int(steps.max())
        within = steepest * np.arange(1 << 16) + (1 << 15) >> 16
        assert (np.diff(within) >= 0).all()


def test_the_grid_is_at_least_the_size_that_was_measured_to_do() -> None:
    """200 K D is a power of two or two below the default grid where data sets are of usual sizes."""
    own = compiled(spec_of(), shape_of(16_384, 64))
    assert own.grid >= log2(200 * own.width * own.distances[0])


def test_a_distance_that_is_not_declared_is_refused() -> None:
    own = compiled(spec_of(), shape_of())
    assert own.at_distance(2).distance == own.distances[2]
    for number in (-1, len(SHARES)):
        with pytest.raises(ParameterError, match=f"distance {number}: the spec has {len(SHARES)}"):
            own.at_distance(number)
    other: Any = TrainingSpec(model="logistic", epochs=1, learning_rate=0.5).compile(shape_of(), Live(1000))
    with pytest.raises(ParameterError, match="distance: method = 'optimum' alone"):
        other.at_distance(1)
