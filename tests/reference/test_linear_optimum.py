"""The second verifier and the package agree on certified optima of linear models: integers, shapes, proofs."""

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
from .formats import check_spec, divided
from .linear_optimum import linear_integers
from .test_optimum import NAMES

KINDS = ("real", "real", "binary", "count")


def spec_of(**fields: Any) -> zu.TrainingSpec:
    return zu.TrainingSpec(model="linear", method="optimum", **({"l2": 0.01} | fields))


@pytest.mark.parametrize("bias", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_good_proofs_are_accepted_and_others_are_not(bias: bool) -> None:
    X = numbers(21, 3, 2)
    houses = zu.commit(X, X[:, 0] - 0.5 * X[:, 1], openings=4)
    training = trained(houses, spec_of(bias=bias, without=[] if bias else ["x2"]), ("1", "5", "20"))
    assert training.verdict() == "valid"
    proof = bytearray(training.proof)
    proof[-40_000] ^= 1
    assert type(training)(bytes(proof), training.dataset).verdict() != "valid"


def random_run(rng: random.Random) -> tuple[zu.TrainingSpec, DatasetShape, list[int]]:
    """A spec, a shape and a forget list, not always ones that fit each other."""
    x_bits, w_bits = rng.choice([(10, 36), (10, 32), (12, 30), (8, 34), (14, 28), (4, 42)])
    listed = sorted({int(2 ** rng.uniform(0, 40)) for _ in range(rng.choice([0, 0, 0, 3]))}, reverse=True)
    spec = spec_of(
        l2=2 ** rng.uniform(-22, 8),
        grid=rng.choice([None, rng.randint(8, 36)]),
        distances=tuple(listed),
        bias=rng.random() < 0.7,
        fixed_point=zu.FineScales(x_bits=x_bits, w_bits=w_bits),
    )
    rows, kind = int(2 ** rng.uniform(0, 22)), rng.choice([*KINDS, "categorical"])
    shape = DatasetShape(
        rows=rows, features=rng.choice([1, 7, 63, 500]), label_kind=kind,
        label_bits=rng.randint(0, 15) if kind == "real" else 0, x_bits=rng.choice([x_bits] * 9 + [10]),
        classes=("a", "b", "c") if kind == "categorical" else (),
    )  # fmt: skip
    return spec, shape, sorted(rng.sample(range(rows), rng.randint(0, min(20, rows - 1))))


def test_integers_are_those_of_the_package() -> None:
    rng, refused, shifts, places = random.Random(7), 0, set(), set()
    for _ in range(150):
        spec, shape, forgotten = random_run(rng)
        check_spec(spec.to_mapping())
        encoding = {"features": [{}] * shape.features, "label_kind": shape.label_kind, "x_bits": shape.x_bits}
        dataset = {"rows": shape.rows, "encoding": {**encoding, "label_bits": shape.label_bits}}
        try:
            expected: Any = spec.compile(shape, Live(shape.rows, tuple(forgotten)))
        except ParameterError:
            refused += 1
            with pytest.raises(Refused):
                linear_integers(spec.to_mapping(), dataset, forgotten)
            continue
        for number in range(len(expected.distances)):
            found = linear_integers(spec.to_mapping(), dataset, forgotten, number)
            at = expected.at_distance(number)
            assert {mine: getattr(found, mine) for mine in NAMES} == {m: getattr(at, own) for m, own in NAMES.items()}
            assert found.label == at.label_place
        with pytest.raises(Refused):
            linear_integers(spec.to_mapping(), dataset, forgotten, number + 1)
        assert found.bits["weights"] == expected.weight_bits and found.bits["bias rounded"] == expected.model_bits
        shifts.add(found.g)
        places.add(found.label)
    assert 20 < refused < 120 and len(shifts) > 3 and len(places) > 3


def test_shapes_are_those_of_the_package() -> None:
    """Tilings, row lengths, groups, counts of messages, lengths of proofs."""
    rng, seen = random.Random(11), 0
    for _ in range(8):
        rows, features = int(2 ** rng.uniform(0, 13)), int(2 ** rng.uniform(0, 6))
        spec = spec_of(l2=rng.choice([0.001, 0.125]), bias=rng.random() < 0.7)
        if features > 2 and rng.random() < 0.4:
            spec = spec.leaving_out(["x1"])
        forgotten = sorted(rng.sample(range(rows), rng.randint(0, min(3, rows - 1))))
        kind = rng.choice(KINDS)
        statement = statement_about_nothing(rows, features, kind, rng.choice([1, 8, 100]), spec, forgotten)
        statement["distance"] = rng.choice([0, 0, 1, 6])
        try:
            expected = shape_of(read_statement(TrainingStatement, divided("training", statement)))
        except ParameterError:
            with pytest.raises(Refused):
                verifier.training_shape(statement)
            continue
        seen += 1
        assert reference_shape(verifier.training_shape(statement)) == package_shape(expected)
    assert seen > 4
