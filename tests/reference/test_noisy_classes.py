"""The second verifier agrees with the package on noisy optima of several classes."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.base import read_statement
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.errors import ParameterError
from zkunlearn.models.live import Live
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.verifier.shapes import shape_of

from . import noisy_integers as integers
from . import verifier
from .examples import Training, check_flips, check_masked_values, pack, package_shape, reference_shape
from .field import Refused
from .formats import divided, encode, read_file
from .test_noisy import NAMES, spec_of
from .test_optimum_classes import forest


def trained(*forget: str, **changes: Any) -> Training:
    trees, classes = forest(), changes.pop("forget_classes", ())
    noise = zu.commit_noise(trees, spec_of(**changes), "the auditor, today", forget, forget_classes=classes)
    found = zu.prove(trees, spec_of(**changes), forget, noise=noise, nonce=bytes(range(32)), forget_classes=classes)
    return Training(found.proof.to_bytes(), trees.commitment.to_bytes())


@pytest.fixture(scope="module")
def plain() -> Training:
    return trained("1", "5", "20")


def test_a_bit_of_any_part_is_noticed_for_the_same_reason(plain: Training) -> None:
    assert plain.verdict() == "valid"
    shape = verifier.training_shape(plain.statement)
    check_flips(shape, plain.body, 1, lambda bad: plain.verdict(pack("training", plain.statement, bad, plain.paths)))
    check_masked_values(plain, 6, 12)


def test_pads_are_those_of_the_package_for_every_weight_of_every_output(plain: Training) -> None:
    proof = zu.TrainingProof.from_bytes(plain.proof)
    schedule, digest = proof.statement.schedule, proof.statement.committed_noise
    assert digest is not None
    expected = integers.pads_of(digest.digest, bytes(range(32)), 4 * 3)
    assert list(schedule.pads) == expected and len(set(expected)) == 12  # type: ignore[attr-defined]
    own: Any = verifier.training_relation(read_file(plain.proof, "training")[0])
    assert own.pads_of_outputs() == [expected[start : start + 3] for start in range(0, 12, 3)]


@pytest.mark.parametrize(
    "changes",
    [{"model": "probit", "bias": False, "holdout": 3, "without": ("x2",)}, {"forget_classes": ["fir"]}],
    ids=str,
)
def test_good_proofs_are_accepted(changes: dict[str, Any]) -> None:
    own = trained(**changes) if "forget_classes" in changes else trained("5", "20", **changes)
    assert own.verdict() == "valid"
    assert verifier.training_relation(own.statement).name.startswith("noisy")


def test_a_feature_that_is_left_out_has_no_noise_in_any_output() -> None:
    trees, spec = forest(), spec_of(without=("x2",))
    noise = zu.commit_noise(trees, spec, "the auditor, today")
    weights = zu.prove(trees, spec, noise=noise, nonce=bytes(range(32))).model.coef_
    assert not weights[:, 1].any() and weights[:, 0].all()


def test_integers_and_refusals_are_those_of_the_package() -> None:
    rng, refused, seen = random.Random(8), 0, 0
    for _ in range(40):
        classes, features = rng.choice([3, 10, 256]), rng.choice([1, 7, 64, 511, 1022, 2048])
        rows, names = rng.choice([300, 20_000]), tuple(map(str, range(classes)))
        spec = spec_of(l2=rng.choice([0.001, 0.03]), epsilon=rng.choice([0.1, 1.0, 8.0]), bias=rng.random() < 0.6)
        shape = DatasetShape(
            rows=rows, features=features, label_kind="categorical", label_bits=0, x_bits=10, classes=names
        )
        encoding = {"x_bits": 10, "features": [{}] * features, "label_kind": "categorical", "label_classes": names}
        dataset = {"rows": rows, "encoding": encoding}
        try:
            expected: Any = spec.compile(shape, Live(rows, ()))
        except ParameterError:
            refused += 1
            with pytest.raises(Refused):
                integers.noisy_integers(spec.to_mapping(), dataset, [])
            continue
        seen += 1
        found = integers.noisy_integers(spec.to_mapping(), dataset, [])
        assert {mine: getattr(found, mine) for mine in NAMES} == {m: getattr(expected, own) for m, own in NAMES.items()}
        assert 0 <= Decimal(expected.hidden.mu.numerator) / expected.hidden.mu.denominator - found.mu < Decimal("1e-9")
        assert expected.hidden.cells == found.width
    assert seen > 10 and refused > 5


def test_shapes_are_those_of_the_package(plain: Training) -> None:
    statement = plain.statement
    expected = shape_of(read_statement(TrainingStatement, divided("training", statement)))
    assert reference_shape(verifier.training_shape(statement)) == package_shape(expected)
    assert encode(statement["noise"])
