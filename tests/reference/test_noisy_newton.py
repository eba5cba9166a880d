"""The second verifier and the package agree on Newton's steps to models with noise: integers, shapes, proofs."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
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
from .formats import check_spec, divided, encode, noise_digest, read_file
from .newton import newton_integers
from .newton_inverse import inverse_integers
from .noisy_integers import noisy_integers
from .test_noisy import NAMES


def spec_of(**fields: Any) -> zu.TrainingSpec:
    choices: dict[str, Any] = {"model": "logistic", "l2": 0.25, "method": "newton", "epsilon": 1.0, "delta": 1e-5}
    return zu.TrainingSpec(**(choices | fields))


def houses(outputs: int = 1) -> zu.Dataset:
    X = numbers(21, 2, 2)
    labels = (X[:, 0] > 0.1 * X[:, 1]).astype(int) if outputs == 1 else np.array([*"abc"])[np.arange(21) % 3]
    return zu.commit(X, labels, openings=6)


def noised(dataset: zu.Dataset, spec: zu.TrainingSpec, forget: list[str], previous: Any, byte: int) -> zu.Trained:
    noise = zu.commit_noise(dataset, spec, "the auditor, today", forget, previous)
    return zu.prove(dataset, spec, forget, previous, noise=noise, nonce=bytes([byte]) * 32)


@pytest.mark.parametrize(
    ("fields", "outputs"),
    [({"steps": 2}, 1), ({"inverse": 12, "steps": 8, "bias": False}, 1), ({"steps": 2, "without": ["x2"]}, 3)],
    ids=["any matrix", "an inverse", "classes"],
)
def test_a_chain_is_accepted_and_what_is_not_is_refused_by_both(fields: dict[str, Any], outputs: int) -> None:
    dataset, spec = houses(outputs), spec_of(**fields)
    bias, method = fields.get("bias", True), vars(spec.method)
    grid = method["grid"]
    optimum = zu.prove(dataset, zu.TrainingSpec(model="logistic", method="optimum", l2=0.25, bias=bias))
    first = noised(dataset, spec, ["1"], optimum, 1)
    second = noised(dataset, spec, ["1", "5"], first, 2)
    commitment, asked = dataset.commitment.to_bytes(), {"known_dataset": True}
    for before, after in ((optimum, first), (first, second)):
        files = after.proof.to_bytes(), commitment
        assert verifier.verdict(verifier.verify_training, *files, previous=before.proof.to_bytes(), **asked) == "valid"
    own = second.statement
    assert own.committed_noise is not None
    assert noise_digest(read_file(second.proof.to_bytes(), "training")[0]) == own.committed_noise.digest
    lies: list[tuple[Any, str]] = [
        ({"noise": None}, "statement"),
        ({"distance": 1}, "statement"),
        ({"start": ()}, "statement"),
        ({"spec": spec_of(**(fields | {"epsilon": 0.5, "grid": grid}))}, "constraints"),
    ]
    for changes, check in lies:
        proof: Any = second.proof
        lie = replace(proof, statement=replace(own, **changes))
        assert verifier.verdict(verifier.verify_training, lie.to_bytes(), commitment, **asked) == check, changes
        with pytest.raises(zu.InvalidProof) as rejected:
            zu.verify(lie, dataset.commitment)
        assert rejected.value.check == check, changes


def test_a_nonce_that_is_replayed_is_a_mismatch_for_both() -> None:
    dataset, spec = houses(), spec_of(steps=2)
    first = noised(dataset, spec, ["1"], None, 1)
    second = noised(dataset, spec, ["1", "5"], first, 2)
    drawn: Any = second.statement.noise
    replayed = replace(second.statement, noise=replace(drawn, nonce=bytes([1]) * 32))
    proof: Any = second.proof
    lie = replace(proof, statement=replayed)
    files: dict[str, Any] = {"previous": first.proof.to_bytes(), "known_dataset": True}
    found = verifier.verdict(verifier.verify_training, lie.to_bytes(), dataset.commitment.to_bytes(), **files)
    assert found == "mismatch"
    with pytest.raises(zu.StatementMismatch, match="the nonce of statement"):
        zu.verify(lie, dataset.commitment, previous=first.proof)


def random_run(rng: random.Random) -> tuple[zu.TrainingSpec, DatasetShape, list[int]]:
    x_bits, w_bits, p_bits = rng.choice([(10, 32, 28), (12, 30, 27), (10, 32, 28), (8, 34, 24)])
    spec = spec_of(
        model=rng.choice(["logistic", "probit"]),
        l2=2 ** rng.uniform(-14, 4),
        epsilon=rng.uniform(0.05, 4),
        delta=10 ** rng.uniform(-9, -1.1),
        grid=rng.choice([None, rng.randint(0, 30)]),
        distances=rng.choice([(), (), (int(2 ** rng.uniform(4, 20)),)]),
        bias=rng.random() < 0.7,
        steps=rng.randint(1, 8),
        inverse=rng.choice([None, None, rng.randint(8, 20)]),
        fixed_point=zu.FineScales(x_bits=x_bits, w_bits=w_bits, p_bits=p_bits),
    )
    rows = int(2 ** rng.uniform(4, 20))
    shape = DatasetShape(rows=rows, features=rng.choice([1, 7, 60]), label_kind="binary", label_bits=0, x_bits=x_bits)
    return spec, shape, sorted(rng.sample(range(rows), rng.randint(0, min(20, rows - 1))))


def integers(mapping: Any, dataset: Any, forgotten: list[int], start: int | None) -> Any:
    """All that the document says follows."""
    own: Any = noisy_integers(mapping, dataset, forgotten)
    count = dataset["rows"] - len(forgotten)
    if "inverse" in mapping["method"]:
        inverse_integers(own, mapping, count)
    return own, newton_integers(own, mapping, count, start)


def test_integers_and_refusals_are_those_of_the_package() -> None:
    rng, refused, kinds = random.Random(7), 0, set()
    for _ in range(40):
        spec, shape, forgotten = random_run(rng)
        mapping: Any = spec.to_mapping()
        check_spec(mapping)
        encoding = {"features": [{}] * shape.features, "label_kind": "binary", "x_bits": shape.x_bits, "label_bits": 0}
        dataset, start = {"rows": shape.rows, "encoding": encoding}, rng.choice([None, rng.randint(0, 34)])
        try:
            expected: Any = spec.compile(shape, Live(shape.rows, tuple(forgotten)))
            expected = expected if start is None else expected.begun((start,))
        except ParameterError:
            refused += 1
            with pytest.raises(Refused):
                integers(mapping, dataset, forgotten, start)
            continue
        own, steps = integers(mapping, dataset, forgotten, start)
        assert {name: getattr(own, name) for name in NAMES} == {m: getattr(expected, n) for m, n in NAMES.items()}
        for one, step in zip(steps, expected.steps, strict=True):
            assert (one.g, one.h, one.bits["weights gradient"]) == (step.shift, step.update_bits, step.gradient_bits)
            assert (one.bits["weights"], one.bits["bias"]) == step.bits_of_weights
            assert tuple(1 << one.units[name] for name in ("weights", "bias")) == step.units
            assert 1 << one.raised == step.intercept_unit
        kinds.add((expected.inverse is None, steps[0].raised > 0))
    assert 10 < refused < 30 and kinds >= {(True, False), (True, True), (False, False)}


def test_shapes_are_those_of_the_package() -> None:
    """Tilings, row lengths, groups, counts of messages, lengths of proofs."""
    rng, seen = random.Random(11), 0
    for i in range(8):
        rows, features = int(2 ** rng.uniform(2, 12)), int(2 ** rng.uniform(0, 5))
        inverse = 16 if i % 4 == 3 else None
        spec = spec_of(l2=rng.choice([0.01, 0.125]), bias=rng.random() < 0.7, steps=rng.choice([1, 3]), inverse=inverse)
        if features > 2 and rng.random() < 0.4:
            spec = spec.leaving_out(["x1"])
        statement = statement_about_nothing(rows, features, "binary", rng.choice([1, 8, 100]), spec, [])
        statement["noise"] = {"root": bytes(32), "source": "nobody", "nonce": bytes(32)}
        if i % 2:
            start = {"statement": bytes(32), "model": statement["model"], "scope": [], "scale": rng.choice([6, 24])}
            statement |= {"start": [start], "previous": bytes(32)}
        try:
            expected = shape_of(read_statement(TrainingStatement, divided("training", statement)))
        except ParameterError:
            with pytest.raises(Refused):
                verifier.training_shape(statement)
            continue
        seen += 1
        assert reference_shape(verifier.training_shape(statement)) == package_shape(expected)
    assert seen > 5


@pytest.mark.parametrize(
    "changes",
    [
        {"epsilon": "0.0"}, {"delta": "1.0"}, {"epsilon": 1}, {"grid": 31}, {"distances": [9, 8]}, {"distance": 7},
        {"delta": None},
    ],
    ids=str,
)  # fmt: skip
def test_specs_that_are_none_are_refused_by_both(changes: dict[str, Any]) -> None:
    mapping: Any = spec_of().to_mapping()
    method = {name: value for name, value in {**mapping["method"], **changes}.items() if value is not None}
    bad = {**mapping, "method": method}
    assert encode(bad) != encode(mapping)
    with pytest.raises(Refused):
        check_spec(bad)
    with pytest.raises(zu.FormatError):
        zu.TrainingSpec.from_mapping(bad)
