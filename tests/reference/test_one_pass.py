"""The second verifier and the package agree on one-pass training: its integers, its shapes, its proofs."""

from __future__ import annotations

import random
from typing import Any

import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.base import read_statement
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.errors import ParameterError
from zkunlearn.models.live import Live
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.verifier.shapes import shape_of

from . import verifier
from .examples import numbers, package_shape, reference_shape, statement_about_nothing, trained
from .field import Refused
from .formats import divided
from .one_pass_integers import one_pass_integers

NAMES = ["epochs", "shift", "weight_bits", "fine_bits", "factor", "product_shift", "target_raise", "target_shift"]
NAMES += ["penalty", "penalty_factor", "penalty_shift", "corner", "target_bits", "penalty_bits"]


@pytest.mark.parametrize("changes", [{}, {"standardize": True}, {"bias": False, "l2": 0.0}], ids=str)
def test_good_proofs_are_accepted_and_others_are_not(changes: dict[str, Any]) -> None:
    houses = zu.commit(numbers(21, 2, 2), numbers(21, 1, 3)[:, 0], openings=4)
    fields: dict[str, Any] = {"epochs": 3, "learning_rate": (0.5, 0.25, 0.125), "momentum": 0.5, "l2": 0.01}
    spec = zu.TrainingSpec(model="linear", method="one-pass", **(fields | changes))
    training = trained(houses, spec, ("1", "5", "20"))
    assert training.verdict() == "valid"
    proof = bytearray(training.proof)
    proof[-40_000] ^= 1
    assert type(training)(bytes(proof), training.dataset).verdict() != "valid"


def random_run(rng: random.Random) -> tuple[zu.TrainingSpec, DatasetShape, list[int]]:
    """A spec, a shape and a forget list, not always ones that fit each other."""
    x_bits, w_bits = rng.choice([(10, 16), (12, 16), (14, 10), (6, 20), (12, 13), (4, 16), (14, 8)])
    rows, epochs, bias = int(2 ** rng.uniform(0, 28)), rng.randint(1, 3), rng.random() < 0.7
    rates = tuple(10 ** rng.uniform(-7, 3) for _ in range(rng.choice([1, epochs])))
    spec = zu.TrainingSpec(
        model="linear",
        method="one-pass",
        epochs=epochs,
        learning_rate=rates if len(rates) == epochs else rates[0],
        l2=rng.choice([0.0, 0.001, 10 ** rng.uniform(-6, 3)]),
        momentum=rng.choice([0.0, 0.9, "increasing", 1 - 2**-50, tuple(rng.random() for _ in range(epochs))]),
        bias=bias,
        penalize_intercept=bias and rng.random() < 0.5,
        standardize=bias and rng.random() < 0.5,
        fixed_point=zu.FixedPoint(x_bits=x_bits, w_bits=w_bits, p_bits=16),
    )
    kind = rng.choice(["binary", "real", "count"])
    shape = DatasetShape(
        rows=rows, features=rng.choice([1, 7, 500, 2000]), label_kind=kind, label_bits=14 if kind == "real" else 0,
        x_bits=x_bits,
    )  # fmt: skip
    return spec, shape, sorted(rng.sample(range(rows), rng.randint(0, min(20, rows - 1))))


def test_integers_are_those_of_the_package() -> None:
    rng, refused, standardized, ranges = random.Random(7), 0, 0, set()
    for _ in range(40):
        spec, shape, forgotten = random_run(rng)
        encoding = {"features": [{}] * shape.features, "label_kind": shape.label_kind, "x_bits": shape.x_bits}
        dataset = {"rows": shape.rows, "encoding": {**encoding, "label_bits": shape.label_bits}}
        try:
            expected: Any = spec.compile(shape, Live(shape.rows, tuple(forgotten)))
        except ParameterError:
            refused += 1
            with pytest.raises(Refused):
                one_pass_integers(spec.to_mapping(), dataset, forgotten)
            continue
        found = one_pass_integers(spec.to_mapping(), dataset, forgotten)
        assert [getattr(found, name) for name in NAMES] == [getattr(expected, name) for name in NAMES]
        assert found.c_epoch == list(expected.c_epoch) and found.m_epoch == list(expected.m_epoch)
        assert found.count == expected.live.count
        ranges.add(found.weight_bits)
        standardized += found.standardization is not None
    assert 3 < refused < 33 and ranges == {32, 28, 24} and standardized > 3


def test_shapes_are_those_of_the_package() -> None:
    """Tilings, row lengths, groups, counts of messages, lengths of proofs."""
    rng, seen = random.Random(11), 0
    for _ in range(12):
        rows, features, epochs = (int(2 ** rng.uniform(0, bits)) for bits in (13, 6, 10))
        bias = rng.random() < 0.7
        spec = zu.TrainingSpec(
            model="linear",
            method="one-pass",
            epochs=epochs,
            learning_rate=0.5,
            l2=rng.choice([0.0, 0.125]),
            bias=bias,
            standardize=bias and rng.random() < 0.6,
        )
        forgotten = sorted(rng.sample(range(rows), rng.randint(0, min(3, rows - 1))))
        kind = rng.choice(["binary", "real", "count"])
        statement = statement_about_nothing(rows, features, kind, rng.choice([1, 8, 100]), spec, forgotten)
        try:
            expected = shape_of(read_statement(TrainingStatement, divided("training", statement)))
        except ParameterError:
            with pytest.raises(Refused):
                verifier.training_shape(statement)
            continue
        seen += 1
        assert reference_shape(verifier.training_shape(statement)) == package_shape(expected)
    assert seen > 6
