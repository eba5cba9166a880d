"""The second verifier and the package agree on steps by an inverse: integers, shapes, proofs, specs."""

from __future__ import annotations

import random
from dataclasses import replace
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
from .examples import numbers, package_shape, reference_shape, statement_about_nothing
from .field import Refused
from .formats import check_spec, divided
from .newton import newton_integers
from .newton_inverse import inverse_integers
from .optimum_integers import optimum_integers


def spec_of(**fields: Any) -> zu.TrainingSpec:
    choices: dict[str, Any] = {"model": "logistic", "l2": 0.25, "method": "newton", "steps": 4, "inverse": 10}
    return zu.TrainingSpec(**(choices | fields))


@pytest.mark.parametrize(
    "fields",
    [{}, {"bias": False}, {"without": ["x2"], "holdout": 5, "grid": 26}],
    ids=["bias", "no bias", "less"],
)
def test_good_proofs_are_accepted_and_those_of_other_bits_are_not(fields: dict[str, Any]) -> None:
    X = numbers(41, 2, 2)
    dataset = zu.commit(X, (X[:, 0] > 0.1 * X[:, 1]).astype(int), openings=6)
    distances = (256, 64, 19, 12, 6, 2)  # which rows are held out is by chance
    optimum = zu.TrainingSpec(model="logistic", method="optimum", l2=0.25, distances=distances, **fields)
    first = zu.prove(dataset, optimum, model_openings=3)
    second = zu.prove(dataset, spec_of(**fields), forget=["1", "5"], previous=first)
    commitment, file = dataset.commitment.to_bytes(), second.proof.to_bytes()
    asked: dict[str, Any] = {"previous": first.proof.to_bytes(), "known_dataset": True}
    assert verifier.verdict(verifier.verify_training, file, commitment, **asked) == "valid"
    for other in (spec_of(**fields, inverse=11), spec_of(**fields, inverse=9), spec_of(**fields, inverse=None)):
        statement: Any = replace(second.statement, spec=other)
        wrong = replace(second.proof, statement=statement)
        with pytest.raises(zu.InvalidProof) as raised:
            zu.verify(wrong, dataset.commitment)
        mine = verifier.verdict(verifier.verify_training, wrong.to_bytes(), commitment)
        assert raised.value.check.split()[0] == mine.split()[0]


def test_integers_are_those_of_the_package() -> None:
    rng, refused, seen = random.Random(7), 0, set()
    for _ in range(100):
        x_bits, w_bits, p_bits = rng.choice([(10, 32, 28), (12, 30, 27), (8, 34, 24), (14, 28, 28), (14, 22, 20)])
        spec = spec_of(
            model=rng.choice(["logistic", "probit"]),
            l2=2 ** rng.uniform(-16, 6),
            bias=rng.random() < 0.7,
            steps=rng.randint(1, 8),
            inverse=rng.randint(4, 24),
            grid=22 if w_bits == 22 else None,
            fixed_point=zu.FineScales(x_bits=x_bits, w_bits=w_bits, p_bits=p_bits),
        )
        rows, features = int(2 ** rng.uniform(4, 20)), rng.choice([1, 7, 63, 64])
        shape = DatasetShape(rows=rows, features=features, label_kind="binary", label_bits=0, x_bits=x_bits)
        forgotten = sorted(rng.sample(range(rows), rng.randint(0, min(20, rows - 1))))
        check_spec(spec.to_mapping())
        encoding = {"features": [{}] * features, "label_kind": "binary", "x_bits": x_bits, "label_bits": 0}
        dataset: Any = {"rows": rows, "encoding": encoding}
        mapping: Any = spec.to_mapping()
        count = rows - len(forgotten)
        try:
            own: Any = spec.compile(shape, Live(rows, tuple(forgotten)))
        except ParameterError:
            refused += 1
            with pytest.raises(Refused):
                mine = optimum_integers(mapping, dataset, forgotten)
                newton_integers(mine, mapping, count, None), inverse_integers(mine, mapping, count)
            continue
        mine = optimum_integers(mapping, dataset, forgotten)
        assert mine.distances == list(own.distances) and mine.g == own.shift
        found = inverse_integers(mine, mapping, count)
        assert (found.b, found.f, found.q) == (own.inverse.bits, own.inverse.shift, own.inverse.scale)
        steps = newton_integers(mine, mapping, count, None)
        assert [(step.g, step.h) for step in steps] == [(step.shift, step.update_bits) for step in own.steps]
        assert {step.bits["bias gradient"] for step in steps} == {32}
        seen.add((found.f, found.q))
    assert 10 < refused < 90 and len(seen) > 5


def test_shapes_are_those_of_the_package() -> None:
    """Tilings, row lengths, groups, counts of messages, lengths of proofs."""
    rng, seen = random.Random(11), 0
    for i in range(6):
        rows, features = int(2 ** rng.uniform(2, 12)), int(2 ** rng.uniform(0, 5))
        spec = spec_of(bias=rng.random() < 0.7, steps=rng.choice([1, 3]), inverse=rng.choice([8, 13]))
        if features > 2 and i % 3 == 0:
            spec = spec.leaving_out(["x1"])
        forgotten = sorted(rng.sample(range(rows), rng.randint(0, min(3, rows - 1))))
        statement = statement_about_nothing(rows, features, "binary", rng.choice([1, 8, 100]), spec, forgotten)
        if i % 2:
            start = {"statement": bytes(32), "model": statement["model"], "scope": [], "scale": 6}
            statement |= {"start": [start], "previous": bytes(32)}
        expected = shape_of(read_statement(TrainingStatement, divided("training", statement)))
        seen += 1
        assert reference_shape(verifier.training_shape(statement)) == package_shape(expected)
    assert seen == 6


@pytest.mark.parametrize("changes", [{"inverse": 3}, {"inverse": 25}, {"inverse": True}, {"inverse": None}], ids=str)
def test_specs_that_are_none_are_refused_by_both(changes: dict[str, Any]) -> None:
    mapping: Any = spec_of().to_mapping()
    bad = {**mapping, "method": {**mapping["method"], **changes}}
    with pytest.raises(Refused):
        check_spec(bad)
    with pytest.raises(zu.FormatError):
        zu.TrainingSpec.from_mapping(bad)


def test_an_inverse_of_an_optimum_is_refused_by_both() -> None:
    mapping: Any = zu.TrainingSpec(model="logistic", l2=0.25, method="optimum").to_mapping()
    bad = {**mapping, "method": {**mapping["method"], "inverse": 12}}
    with pytest.raises(Refused):
        check_spec(bad)
    with pytest.raises(zu.FormatError):
        zu.TrainingSpec.from_mapping(bad)
