"""The second verifier and the package agree on noisy optima: table, integers, what is hidden, proofs."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.noise import Drawn, NoiseStatement, pads_of
from zkunlearn.errors import ParameterError
from zkunlearn.models.live import Live
from zkunlearn.models.noise import Hidden, noise_edges
from zkunlearn.models.shapes import DatasetShape

from . import noisy_integers as integers
from .examples import Training, numbers
from .field import Refused
from .formats import check_spec, encode, noise_digest, read_file, sha256

NAMES = {"a": "grid", "e": "raised", "c": "penalty", "g": "shift", "radius": "radius", "distance": "distance"}


def spec_of(**fields: Any) -> zu.TrainingSpec:
    choices: dict[str, Any] = {"model": "logistic", "l2": 0.01}
    return zu.TrainingSpec(method="noisy", **(choices | fields))


@pytest.fixture(scope="module")
def files() -> Training:
    X = numbers(21, 2, 2)
    houses = zu.commit(X, (X[:, 0] > 0.1 * X[:, 1]).astype(int), openings=4)
    noise = zu.commit_noise(houses, spec_of(), "the auditor, today", ["1", "5", "20"])
    found = zu.prove(houses, spec_of(), ["1", "5", "20"], noise=noise, nonce=bytes(range(32)))
    return Training(found.proof.to_bytes(), houses.commitment.to_bytes())


@pytest.fixture(scope="module")
def trained(files: Training) -> zu.TrainingProof:
    return zu.TrainingProof.from_bytes(files.proof)


def test_good_proofs_are_accepted_and_others_are_not(files: Training) -> None:
    assert files.verdict() == "valid"
    proof = bytearray(files.proof)
    proof[-40_000] ^= 1
    assert files.verdict(bytes(proof)) != "valid"


def test_a_feature_that_is_left_out_has_no_noise_either() -> None:
    X, spec = numbers(21, 3, 4), spec_of().leaving_out(["x2"])
    houses = zu.commit(X, (X[:, 0] > 0.1 * X[:, 2]).astype(int), names=["x1", "x2", "x3"], openings=4)
    noise = zu.commit_noise(houses, spec, "the auditor, today")
    found = zu.prove(houses, spec, noise=noise, nonce=bytes(range(32)))
    assert found.model.coef_[1] == 0 and found.model.coef_[[0, 2]].all()
    own = Training(found.proof.to_bytes(), houses.commitment.to_bytes())
    assert own.verdict() == "valid"
    proof = bytearray(own.proof)
    proof[-40_000] ^= 1
    assert own.verdict(bytes(proof)) not in ("valid", "format")


def test_another_nonce_source_or_root_is_not_accepted(trained: zu.TrainingProof, files: Training) -> None:
    """Pads hang on all of them."""
    own: Any = trained.statement.noise
    for other in (
        replace(own, nonce=bytes(32)),
        replace(own, source="the auditor, tomorrow"),
        replace(own, root=bytes(32)),
    ):
        moved = zu.TrainingProof(replace(trained.statement, noise=other), trained.proof, trained.attached)
        assert files.verdict(moved.to_bytes()) not in ("valid", "format")


def test_noise_is_there_with_its_method_only(trained: zu.TrainingProof, files: Training) -> None:
    without = replace(trained.statement, noise=None)
    optimum = zu.TrainingSpec(model="logistic", method="optimum", l2=0.01)
    for statement in (without, replace(trained.statement, spec=optimum), replace(trained.statement, distance=1)):
        moved = zu.TrainingProof(statement, trained.proof, trained.attached)
        assert files.verdict(moved.to_bytes()) == "statement"


def test_digests_and_pads_are_those_of_the_package(trained: zu.TrainingProof, files: Training) -> None:
    statement = read_file(files.proof, "training")[0]
    committed: Any = trained.statement.committed_noise
    assert noise_digest(statement) == committed.digest
    assert integers.pads_of(committed.digest, bytes(range(32)), 5) == list(
        pads_of(committed.digest, bytes(range(32)), 5)
    )
    schedule: Any = trained.statement.schedule
    assert list(schedule.pads) == integers.pads_of(committed.digest, bytes(range(32)), 3)


def test_a_commitment_is_of_all_that_its_request_is(trained: zu.TrainingProof) -> None:
    drawn = Drawn(bytes(32), "here", bytes(32))
    own = trained.statement
    others = [
        replace(own, forgotten=own.forgotten[:1]),
        replace(own, previous=bytes(32)),
        replace(own, spec=spec_of(l2=0.02)),
        replace(own, dataset=replace(own.dataset, root=bytes(32))),
        replace(own, forgotten_classes=("0",)),
    ]
    digests = {NoiseStatement.of(each, drawn.root, drawn.source).digest for each in (own, *others)}
    assert len(digests) == 1 + len(others)
    assert sha256(encode({"a": 1})) not in digests


def test_the_table_is_that_of_the_package() -> None:
    assert integers.noise_table() == noise_edges().tolist()


def random_run(rng: random.Random) -> tuple[zu.TrainingSpec, DatasetShape, list[int]]:
    """A spec, a shape and a forget list, not always ones that fit each other."""
    x_bits, w_bits, p_bits = rng.choice([(10, 32, 28), (12, 30, 27), (10, 32, 28), (8, 34, 24)])
    spec = spec_of(
        model=rng.choice(["logistic", "probit"]),
        l2=2 ** rng.uniform(-18, 4),
        epsilon=rng.uniform(0.05, 4),
        delta=10 ** rng.uniform(-9, -1.1),
        grid=rng.choice([None, rng.randint(0, 30)]),
        distance=rng.choice([0, 0, int(2 ** rng.uniform(4, 20))]),
        bias=rng.random() < 0.7,
        fixed_point=zu.FineScales(x_bits=x_bits, w_bits=w_bits, p_bits=p_bits),
    )
    rows = int(2 ** rng.uniform(0, 20))
    shape = DatasetShape(rows=rows, features=rng.choice([1, 7, 500]), label_kind="binary", label_bits=0, x_bits=x_bits)
    return spec, shape, sorted(rng.sample(range(rows), rng.randint(0, min(20, rows - 1))))


def test_integers_and_refusals_are_those_of_the_package() -> None:
    rng, refused = random.Random(7), 0
    for _ in range(30):
        spec, shape, forgotten = random_run(rng)
        check_spec(spec.to_mapping())
        encoding = {"features": [{}] * shape.features, "label_kind": "binary", "x_bits": shape.x_bits, "label_bits": 0}
        dataset = {"rows": shape.rows, "encoding": encoding}
        try:
            expected: Any = spec.compile(shape, Live(shape.rows, tuple(forgotten)))
        except ParameterError:
            refused += 1
            with pytest.raises(Refused):
                integers.noisy_integers(spec.to_mapping(), dataset, forgotten)
            continue
        found = integers.noisy_integers(spec.to_mapping(), dataset, forgotten)
        assert {mine: getattr(found, mine) for mine in NAMES} == {m: getattr(expected, own) for m, own in NAMES.items()}
        assert found.bits["weights rounded"] == expected.rounded_bits
        assert 0 <= Decimal(expected.hidden.mu.numerator) / expected.hidden.mu.denominator - found.mu < Decimal("1e-9")
    assert 4 < refused < 26


def test_delta_is_that_of_the_package() -> None:
    with localcontext() as context:
        context.prec = 56
        for mu, epsilon in (("0.25", "1"), ("0.01", "0.02"), ("1.5", "3")):
            found = integers.delta_of(Decimal(mu), Decimal(epsilon), 40)
            package = Hidden(Fraction(mu), 40).delta(Fraction(epsilon))
            assert abs(Decimal(package.numerator) / package.denominator - found) < Decimal("1e-30")
