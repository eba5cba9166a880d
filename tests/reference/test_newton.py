"""The second verifier and the package agree on Newton's steps: integers, shapes, proofs, where steps begin."""

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
from .newton import StepIntegers, newton_integers
from .optimum_integers import optimum_integers


def spec_of(**fields: Any) -> zu.TrainingSpec:
    choices: dict[str, Any] = {"model": "logistic", "l2": 0.01, "method": "newton"}
    return zu.TrainingSpec(**(choices | fields))


def houses(bias: bool) -> tuple[zu.Dataset, zu.Trained]:
    """A data set, and steps from zero."""
    X = numbers(21, 2, 2)
    found = zu.commit(X, (X[:, 0] > 0.1 * X[:, 1]).astype(int), openings=6)
    return found, zu.prove(found, spec_of(bias=bias, steps=2))


@pytest.mark.parametrize("bias", [True, False])
def test_good_proofs_are_accepted_and_others_are_not(bias: bool) -> None:
    dataset, first = houses(bias)
    spec = spec_of(bias=bias)
    second = zu.prove(dataset, spec, forget=["1", "5", "20"], previous=first)
    commitment, before = dataset.commitment.to_bytes(), first.proof.to_bytes()
    assert verifier.verdict(verifier.verify_training, before, commitment) == "valid"
    file = second.proof.to_bytes()
    asked: dict[str, Any] = {"previous": before, "known_dataset": True}
    assert verifier.verdict(verifier.verify_training, file, commitment, **asked) == "valid"
    start = second.statement.start[0]
    for other, mine in [
        (replace(start, scale=10), "mismatch"),
        (replace(start, statement=bytes(32)), "mismatch"),
        (replace(start, model=replace(start.model, root=bytes(32))), "mismatch"),
    ]:
        changed: Any = replace(second.statement, start=(other,))
        wrong = replace(second.proof, statement=changed)
        assert verifier.verdict(verifier.verify_training, wrong.to_bytes(), commitment, **asked) == mine
        with pytest.raises(zu.StatementMismatch, match="begin from another model than that of the previous proof"):
            zu.verify(wrong, dataset.commitment, previous=first.proof)
        with pytest.raises(zu.InvalidProof) as raised:
            zu.verify(wrong, dataset.commitment)
        unasked = verifier.verdict(verifier.verify_training, wrong.to_bytes(), commitment)
        assert raised.value.check.split()[0] == unasked.split()[0]


def random_run(rng: random.Random) -> tuple[zu.TrainingSpec, DatasetShape, list[int]]:
    x_bits, w_bits, p_bits = rng.choice([(10, 32, 28), (12, 30, 27), (10, 32, 28), (8, 34, 24), (14, 28, 28)])
    spec = spec_of(
        model=rng.choice(["logistic", "probit"]),
        l2=2 ** rng.uniform(-20, 6),
        bias=rng.random() < 0.7,
        steps=rng.randint(1, 8),
        fixed_point=zu.FineScales(x_bits=x_bits, w_bits=w_bits, p_bits=p_bits),
    )
    rows = int(2 ** rng.uniform(4, 20))
    shape = DatasetShape(
        rows=rows, features=rng.choice([1, 7, 255, 256]), label_kind="binary", label_bits=0, x_bits=x_bits
    )
    return spec, shape, sorted(rng.sample(range(rows), rng.randint(0, min(20, rows - 1))))


def integers(run: Any, start: int | None) -> list[StepIntegers]:
    spec, dataset, forgotten = run
    own = optimum_integers(spec, dataset, forgotten)
    return newton_integers(own, spec, dataset["rows"] - len(forgotten), start)


def test_integers_are_those_of_the_package() -> None:
    rng, refused, shifts = random.Random(7), 0, set()
    for _ in range(100):
        spec, shape, forgotten = random_run(rng)
        check_spec(spec.to_mapping())
        encoding = {"features": [{}] * shape.features, "label_kind": shape.label_kind, "x_bits": shape.x_bits}
        dataset = {"rows": shape.rows, "encoding": {**encoding, "label_bits": shape.label_bits}}
        start = rng.choice([None, rng.randint(0, 26)])

        run: Any = spec.to_mapping(), dataset, forgotten
        try:
            own: Any = spec.compile(shape, Live(shape.rows, tuple(forgotten)))
            own = own if start is None else own.begun((start,))
        except ParameterError:
            refused += 1
            with pytest.raises(Refused):
                integers(run, start)
            continue
        found = integers(run, start)
        assert [(step.g, step.h) for step in found] == [(step.shift, step.update_bits) for step in own.steps]
        for one, step in zip(found, own.steps, strict=True):
            assert (one.bits["weights"], one.bits["bias"]) == step.bits_of_weights
            assert tuple(1 << one.units[name] for name in ("weights", "bias")) == step.units
        shifts.add(own.inverse_scale)
    assert 10 < refused < 90 and len(shifts) > 3


def test_shapes_are_those_of_the_package() -> None:
    """Tilings, row lengths, groups, counts of messages, lengths of proofs."""
    rng, seen = random.Random(11), 0
    for i in range(6):
        rows, features = int(2 ** rng.uniform(2, 12)), int(2 ** rng.uniform(0, 5))
        spec = spec_of(l2=rng.choice([0.001, 0.125]), bias=rng.random() < 0.7, steps=rng.choice([1, 1, 3]))
        if features > 2 and rng.random() < 0.4:
            spec = spec.leaving_out(["x1"])
        forgotten = sorted(rng.sample(range(rows), rng.randint(0, min(3, rows - 1))))
        statement = statement_about_nothing(rows, features, "binary", rng.choice([1, 8, 100]), spec, forgotten)
        if i % 2:
            start = {"statement": bytes(32), "model": statement["model"], "scope": [], "scale": 6}
            statement |= {"start": [start], "previous": bytes(32)}
        try:
            expected = shape_of(read_statement(TrainingStatement, divided("training", statement)))
        except ParameterError:
            with pytest.raises(Refused):
                verifier.training_shape(statement)
            continue
        seen += 1
        assert reference_shape(verifier.training_shape(statement)) == package_shape(expected)
    assert seen > 3


@pytest.mark.parametrize("changes", [{"steps": 0}, {"steps": 9}, {"steps": True}, {"epochs": 1}], ids=str)
def test_specs_that_are_none_are_refused_by_both(changes: dict[str, Any]) -> None:
    mapping: Any = spec_of().to_mapping()
    bad = {**mapping, "method": {**mapping["method"], **changes}}
    with pytest.raises(Refused):
        check_spec(bad)
    with pytest.raises(zu.FormatError):
        zu.TrainingSpec.from_mapping(bad)
