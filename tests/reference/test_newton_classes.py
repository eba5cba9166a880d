"""The second verifier agrees with the package on Newton's steps of several classes."""

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
from .examples import Training, check_masked_values, package_shape, reference_shape, statement_about_nothing
from .field import Refused
from .formats import divided
from .newton_inverse import InverseIntegers, inverse_integers
from .optimum_integers import optimum_integers
from .test_newton import integers, spec_of
from .test_optimum_classes import forest


def test_good_proofs_are_accepted_and_others_are_not() -> None:
    trees = forest()
    first = zu.prove(trees, zu.TrainingSpec(model="logistic", epochs=2, learning_rate=0.5), model_openings=3)
    second = zu.prove(trees, spec_of(l2=0.25), ["1", "5"], previous=first)
    commitment, before = trees.commitment.to_bytes(), first.proof.to_bytes()
    file, asked = second.proof.to_bytes(), {"previous": before, "known_dataset": True}
    assert verifier.verdict(verifier.verify_training, file, commitment, **asked) == "valid"  # type: ignore[arg-type]
    without = zu.prove(trees, spec_of(l2=0.25, bias=False, holdout=3, grid=26), forget_classes=["fir"])
    plain = Training(without.proof.to_bytes(), commitment)
    assert plain.verdict() == "valid"
    assert verifier.training_relation(plain.statement).name == "newton without classes"
    check_masked_values(plain, 6, 12)


def test_good_proofs_by_inverses_are_accepted() -> None:
    trees = forest()
    first = zu.prove(trees, zu.TrainingSpec(model="logistic", method="optimum", l2=0.25), model_openings=3)
    second = zu.prove(trees, spec_of(l2=0.25, inverse=12, steps=4), ["1"], previous=first)
    own = Training(second.proof.to_bytes(), trees.commitment.to_bytes())
    assert own.verdict() == "valid"
    check_masked_values(own, 3, 12)


def test_integers_and_refusals_are_those_of_the_package() -> None:
    rng, refused, seen = random.Random(9), 0, 0
    for _ in range(40):
        classes, features = rng.choice([3, 10, 64, 128]), rng.choice([1, 3, 7, 25, 84, 85])
        names, rows = tuple(map(str, range(classes))), rng.choice([300, 20_000])
        inverse = rng.choice([None, None, 10])
        spec = spec_of(
            l2=rng.choice([0.001, 0.25]), grid=rng.choice([26, 32]), bias=rng.random() < 0.6, steps=2, inverse=inverse
        )
        shape = DatasetShape(
            rows=rows, features=features, label_kind="categorical", label_bits=0, x_bits=10, classes=names
        )
        encoding = {"x_bits": 10, "features": [{}] * features, "label_kind": "categorical", "label_classes": names}
        run: Any = spec.to_mapping(), {"rows": rows, "encoding": encoding}, []
        try:
            own: Any = spec.compile(shape, Live(rows, ()))
        except ParameterError:
            refused += 1
            with pytest.raises(Refused):
                integers(run, None), proved(run, classes)
            continue
        seen += 1
        found = integers(run, None)
        assert [(step.g, step.h) for step in found] == [(step.shift, step.update_bits) for step in own.steps]
        if inverse is not None:
            mine = proved(run, classes)
            assert (mine.b, mine.f, mine.q) == (own.inverse.bits, own.inverse.shift, own.inverse.scale)
    assert seen > 8 and refused > 8


def proved(run: Any, classes: int) -> InverseIntegers:
    spec, dataset, _ = run
    return inverse_integers(optimum_integers(spec, dataset, []), spec, dataset["rows"], classes)


def test_shapes_are_those_of_the_package() -> None:
    rng = random.Random(14)
    for i in range(4):
        rows, features = int(2 ** rng.uniform(3, 12)), int(2 ** rng.uniform(0, 4))
        inverse, features = (12, min(features, 6)) if i > 1 else (None, features)
        spec = spec_of(l2=0.125, bias=rng.random() < 0.7, steps=rng.choice([1, 3]), inverse=inverse)
        statement = statement_about_nothing(rows, features, "categorical", 8, spec, [], rng.choice([3, 4, 9]))
        if i % 2:
            start = {"statement": bytes(32), "model": statement["model"], "scope": [], "scale": 6}
            statement |= {"start": [start], "previous": bytes(32)}
        expected = shape_of(read_statement(TrainingStatement, divided("training", statement)))
        assert reference_shape(verifier.training_shape(statement)) == package_shape(expected)
