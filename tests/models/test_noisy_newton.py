"""Newton's steps to a model with noise, as they are declared: what a spec says, what follows, what is refused."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from zkunlearn.errors import FormatError, ParameterError
from zkunlearn.models.live import Live
from zkunlearn.models.methods import Newton, Noisy
from zkunlearn.models.methods.newton_steps import NewtonCertificate, NoisyNewtonCertificate
from zkunlearn.models.methods.noisy_certificate import NoisyCertificate
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec

SEVEN_LINES = """
[model]
kind = "logistic"
[method]
kind = "newton"
l2 = 0.001
epsilon = 1.0
delta = 1e-5
"""


def spec_of(method: str = "newton", **changes: Any) -> TrainingSpec:
    choices: dict[str, Any] = {"model": "logistic", "l2": 0.001, "epsilon": 1.0, "delta": 1e-5}
    return TrainingSpec(method=method, **(choices | changes))


def shape_of(rows: int = 1000, features: int = 30, kind: str = "binary") -> DatasetShape:
    classes = ("a", "b", "c") if kind == "categorical" else ()
    return DatasetShape(rows=rows, features=features, label_kind=kind, label_bits=0, x_bits=10, classes=classes)


def compiled(spec: TrainingSpec, shape: DatasetShape, forgotten: tuple[int, ...] = ()) -> Any:
    return spec.compile(shape, Live(shape.rows, forgotten))


def test_two_more_lines_than_without_noise_are_a_spec() -> None:
    spec = TrainingSpec.from_toml(SEVEN_LINES)
    assert spec == spec_of() == TrainingSpec.from_toml(spec.to_toml()) == TrainingSpec.from_mapping(spec.to_mapping())
    assert spec.method.noised and spec.weight_bits == 32 - 8
    listed = spec_of(distances=(500,), grid=4, steps=3, inverse=12, bias=False)
    assert listed == TrainingSpec.from_toml(listed.to_toml()) == TrainingSpec.from_mapping(listed.to_mapping())
    assert "noise of 2^15 units, (1.0, 1e-05) or better" in listed.method.describe()


def test_a_spec_without_them_is_written_as_before() -> None:
    plain: Any = TrainingSpec(model="logistic", method="newton", l2=0.001).to_mapping()["method"]
    assert plain == {
        "kind": "newton", "l2": "0.001", "grid": 26, "distances": [], "bias": True, "steps": 1,
    }  # fmt: skip
    assert not TrainingSpec(model="logistic", method="newton", l2=0.001).method.noised
    both: Any = spec_of().to_mapping()["method"]
    assert both == {**plain, "grid": 8, "epsilon": "1.0", "delta": "1e-05"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"delta": None}, "epsilon = 1.0: goes with delta: declare both, and the model has noise, or neither"),
        ({"epsilon": None}, "delta = 1e-05: goes with epsilon: declare both"),
        ({"epsilon": 0.0}, r"epsilon = 0.0: must be between 0.01 and 16"),
        ({"delta": 0.0}, r"delta = 0.0: must be between 1e-09 and 0.1"),
        ({"delta": "1"}, "delta"),
        ({"distances": (500, 20)}, "distances: 2 of them; under noise there are no edges of a grid: declare one, or"),
        ({"grid": 31}, "grid = 31: must be between 0 and 30"),
        ({"steps": 9}, "steps = 9: must be between 1 and 8"),
        ({"distance": 20}, "distance"),
    ],
    ids=str,
)
def test_what_is_no_noise_is_refused_by_name(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ParameterError, match=reason):
        spec_of(**changes)


@pytest.mark.parametrize(
    "changes",
    [{"epsilon": "1.0"}, {"delta": "1e-05"}, {"epsilon": 1.0, "delta": "1e-05"}, {"epsilon": "1", "delta": "1e-05"}],
    ids=str,
)
def test_a_mapping_has_both_or_neither(changes: dict[str, Any]) -> None:
    mapping: Any = TrainingSpec(model="logistic", method="newton", l2=0.001).to_mapping()
    with pytest.raises(FormatError, match=r"epsilon|delta"):
        TrainingSpec.from_mapping({**mapping, "method": {**mapping["method"], **changes}})
    both: Any = spec_of().to_mapping()
    with pytest.raises(FormatError, match="grid"):
        TrainingSpec.from_mapping({**both, "method": {**both["method"], "grid": 31}})
    with pytest.raises(FormatError, match="distances: 2 of them"):
        TrainingSpec.from_mapping({**both, "method": {**both["method"], "distances": [9, 8]}})


@pytest.mark.parametrize("kind", ["binary", "categorical"])
def test_noise_and_certificate_are_those_of_the_method_without_steps(kind: str) -> None:
    shape = shape_of(features=20, kind=kind)
    own, noisy = (compiled(spec_of(method), shape, (3,)) for method in ("newton", "noisy"))
    assert isinstance(own, NoisyNewtonCertificate) and not isinstance(own, NewtonCertificate)
    for item in fields(NoisyCertificate):
        if item.name != "bounds":
            assert getattr(own, item.name) == getattr(noisy, item.name), item.name
    assert own.bounds[: len(noisy.bounds)] == noisy.bounds and len(own.bounds) == len(noisy.bounds) + 2
    assert own.hidden == noisy.hidden and own.committed_bits == noisy.committed_bits
    plain = compiled(TrainingSpec(model="logistic", method="newton", l2=0.001), shape, (3,))
    assert own.inverse_scale == plain.inverse_scale and own.steps[0].shift == plain.steps[0].shift


def test_where_steps_by_an_inverse_end_nobody_polishes() -> None:
    """The distance is that of such steps, and the usual grid hides it."""
    shape = shape_of(features=20)
    own = compiled(spec_of(inverse=14), shape)
    plain = compiled(TrainingSpec(model="logistic", method="newton", l2=0.001, inverse=14), shape)
    assert own.distances == plain.distances[:1] and own.distance > compiled(spec_of(), shape).distance
    assert own.hidden.epsilon(1 / 10**5) is not None and own.inverse == plain.inverse


@pytest.mark.parametrize(
    ("changes", "shape", "reason"),
    [
        ({}, {"features": 256}, "257 weights: the matrix of steps"),
        ({"inverse": 12}, {"features": 64}, "inverse: 65 weights: .* at most 64"),
        ({"model": "linear"}, {"kind": "real"}, "method = 'newton': not of a linear regression"),
        ({}, {"kind": "real"}, "method = 'newton': needs labels of two classes"),
        (
            {"grid": 22},
            {},
            "grid = 22: too coarse: noise of 2.11 steps of it would have a deviation of 2 in weights; leave",
        ),
        ({"grid": 0}, {}, "grid = 0: too fine for 31 weights and 1000 rows: noise of 2.11 units does not hide a dist"),
        ({"epsilon": 0.01, "delta": 1e-9}, {}, "epsilon = 0.01: too small for 31 weights"),
    ],
    ids=str,
)
def test_what_does_not_fit_the_data_is_refused_by_name(changes: Any, shape: Any, reason: str) -> None:
    with pytest.raises(ParameterError, match=reason):
        compiled(spec_of(**changes), shape_of(**shape))


def test_a_spec_with_steps_is_none_of_the_method_without() -> None:
    own: Any = spec_of(distances=(500,)).method
    assert isinstance(own, Newton) and own.hiding == Noisy(l2=0.001, epsilon=1.0, delta=1e-5, distance=500)
    plain: Any = TrainingSpec(model="logistic", method="newton", l2=0.001).method
    assert plain.hiding is None
