"""The second verifier and the package agree on certified optima: integers, shapes, proofs."""

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
from .optimum_integers import edges, optimum_integers

NAMES = {"a": "grid", "e": "raised", "c": "penalty", "g": "shift", "radius": "radius", "distance": "distance"}


def spec_of(**fields: Any) -> zu.TrainingSpec:
    choices: dict[str, Any] = {"model": "logistic", "l2": 0.01}
    return zu.TrainingSpec(method="optimum", **(choices | fields))


@pytest.mark.parametrize("changes", [{}, {"model": "probit", "bias": False}, {"holdout": 3, "grid": 26}], ids=str)
def test_good_proofs_are_accepted_and_others_are_not(changes: dict[str, Any]) -> None:
    X = numbers(21, 2, 2)
    houses = zu.commit(X, (X[:, 0] > 0.1 * X[:, 1]).astype(int), openings=4)
    training = trained(houses, spec_of(**changes), ("1", "5", "20"))
    assert training.verdict() == "valid"
    proof = bytearray(training.proof)
    proof[-40_000] ^= 1
    assert type(training)(bytes(proof), training.dataset).verdict() != "valid"


@pytest.mark.parametrize(("model", "p_bits"), [("logistic", 28), ("probit", 27), ("logistic", 20)])
def test_tables_are_those_of_the_package(model: str, p_bits: int) -> None:
    spec = spec_of(model=model, fixed_point=zu.FineScales(p_bits=p_bits))
    assert edges(model, 10, p_bits) == spec.family.edge_table(spec.fixed_point).tolist()


def random_run(rng: random.Random) -> tuple[zu.TrainingSpec, DatasetShape, list[int]]:
    """A spec, a shape and a forget list, not always ones that fit each other."""
    x_bits, w_bits, p_bits = rng.choice([(10, 32, 28), (12, 30, 27), (10, 32, 28), (8, 34, 24), (14, 28, 28)])
    listed = sorted({int(2 ** rng.uniform(0, 24)) for _ in range(rng.choice([0, 0, 3]))}, reverse=True)
    spec = spec_of(
        model=rng.choice(["logistic", "probit"]),
        l2=2 ** rng.uniform(-22, 6),
        grid=rng.choice([None, rng.randint(8, 36)]),
        distances=tuple(listed),
        bias=rng.random() < 0.7,
        fixed_point=zu.FineScales(x_bits=x_bits, w_bits=w_bits, p_bits=p_bits),
    )
    rows, kind = int(2 ** rng.uniform(0, 24)), rng.choice(["binary", "binary", "binary", "real"])
    shape = DatasetShape(
        rows=rows, features=rng.choice([1, 7, 500, 2000]), label_kind=kind, label_bits=14 if kind == "real" else 0,
        x_bits=rng.choice([x_bits] * 9 + [10]),
    )  # fmt: skip
    return spec, shape, sorted(rng.sample(range(rows), rng.randint(0, min(20, rows - 1))))


def test_integers_are_those_of_the_package() -> None:
    rng, refused, shifts = random.Random(7), 0, set()
    for _ in range(120):
        spec, shape, forgotten = random_run(rng)
        check_spec(spec.to_mapping())
        encoding = {"features": [{}] * shape.features, "label_kind": shape.label_kind, "x_bits": shape.x_bits}
        dataset = {"rows": shape.rows, "encoding": {**encoding, "label_bits": shape.label_bits}}
        try:
            expected: Any = spec.compile(shape, Live(shape.rows, tuple(forgotten)))
        except ParameterError:
            refused += 1
            with pytest.raises(Refused):
                optimum_integers(spec.to_mapping(), dataset, forgotten)
            continue
        for number in range(len(expected.distances)):
            found = optimum_integers(spec.to_mapping(), dataset, forgotten, number)
            at = expected.at_distance(number)
            assert {mine: getattr(found, mine) for mine in NAMES} == {m: getattr(at, own) for m, own in NAMES.items()}
        with pytest.raises(Refused):
            optimum_integers(spec.to_mapping(), dataset, forgotten, number + 1)
        assert found.bits["weights"] == expected.weight_bits and found.bits["bias rounded"] == expected.model_bits
        shifts.add(found.g)
    assert 20 < refused < 100 and len(shifts) > 3


def test_shapes_are_those_of_the_package() -> None:
    """Tilings, row lengths, groups, counts of messages, lengths of proofs."""
    rng, seen = random.Random(11), 0
    for _ in range(8):
        rows, features = int(2 ** rng.uniform(0, 13)), int(2 ** rng.uniform(0, 6))
        spec = spec_of(l2=rng.choice([0.001, 0.125]), bias=rng.random() < 0.7)
        if features > 2 and rng.random() < 0.4:
            spec = spec.leaving_out(["x1"])
        forgotten = sorted(rng.sample(range(rows), rng.randint(0, min(3, rows - 1))))
        statement = statement_about_nothing(rows, features, "binary", rng.choice([1, 8, 100]), spec, forgotten)
        statement["distance"] = rng.choice([0, 0, 1, 5])
        try:
            expected = shape_of(read_statement(TrainingStatement, divided("training", statement)))
        except ParameterError:
            with pytest.raises(Refused):
                verifier.training_shape(statement)
            continue
        seen += 1
        assert reference_shape(verifier.training_shape(statement)) == package_shape(expected)
    assert seen > 4


@pytest.mark.parametrize(
    "changes",
    [{"grid": 41}, {"distances": [5, 5]}, {"distances": [0]}, {"l2": "0.0"}, {"bias": 1}, {"standardize": False}],
    ids=str,
)
def test_specs_that_are_none_are_refused_by_both(changes: dict[str, Any]) -> None:
    mapping: Any = spec_of().to_mapping()
    bad = {**mapping, "method": {**mapping["method"], **changes}}
    with pytest.raises(Refused):
        check_spec(bad)
    with pytest.raises(zu.FormatError):
        zu.TrainingSpec.from_mapping(bad)
