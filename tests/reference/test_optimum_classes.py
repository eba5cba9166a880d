"""The second verifier agrees with the package on certified optima of several classes."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.statements.base import read_statement
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.errors import ParameterError
from zkunlearn.models.live import Live
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.verifier.shapes import shape_of

from . import relations, verifier
from .examples import (
    Training,
    check_flips,
    check_masked_values,
    numbers,
    pack,
    package_shape,
    reference_shape,
    statement_about_nothing,
    trained,
)
from .field import Refused
from .formats import divided
from .optimum_integers import optimum_integers
from .test_optimum import NAMES, spec_of

FOUR = ("ash", "birch", "fir", "yew")


def forest(rows: int = 23, features: int = 2) -> zu.Dataset:
    """Trees of four kinds, each there."""
    return zu.commit(numbers(rows, features, 2), np.array(FOUR)[np.arange(rows) * 5 % 7 % len(FOUR)], openings=6)


@pytest.fixture(scope="module")
def plain() -> Training:
    return trained(forest(), spec_of(), ("1", "5", "20"))


@pytest.mark.parametrize(
    "changes", [{"model": "probit", "bias": False}, {"holdout": 3, "grid": 26, "without": ("x2",)}], ids=str
)
def test_good_proofs_are_accepted(changes: dict[str, Any]) -> None:
    assert trained(forest(), spec_of(**changes), ("5", "20")).verdict() == "valid"


def test_a_bit_of_any_part_is_noticed_for_the_same_reason(plain: Training) -> None:
    assert plain.verdict() == "valid"
    shape = verifier.training_shape(plain.statement)

    check_flips(shape, plain.body, 5, lambda bad: plain.verdict(pack("training", plain.statement, bad, plain.paths)))
    check_masked_values(plain, 20, 40)


def test_a_training_without_a_class_is_accepted() -> None:
    trees = forest()
    one = zu.prove(trees, spec_of(), forget_classes=["fir"])
    own = Training(one.proof.to_bytes(), trees.commitment.to_bytes())
    assert own.verdict() == "valid"
    assert own.statement["forgotten_classes"] == ["fir"]
    assert verifier.training_relation(own.statement).name == "optimum without classes"


def test_integers_are_those_of_the_package() -> None:
    """For any number of classes, near where bounds begin to bite, too."""
    rng, seen, refused = random.Random(7), 0, 0
    for _ in range(60):
        classes = rng.choice([3, 4, 10, 255, 256])
        features = rng.choice([1, 7, 64, 511, 1022, 1023, 1024, 2048, 9000])
        rows, l2 = rng.choice([300, 20_000]), rng.choice([0.001, 0.03, 0.5])
        spec = spec_of(l2=l2, grid=rng.choice([26, 30, 32]), bias=rng.random() < 0.6)
        names = tuple(map(str, range(classes)))
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
                optimum_integers(spec.to_mapping(), dataset, [])
            continue
        seen += 1
        found = optimum_integers(spec.to_mapping(), dataset, [])
        assert {mine: getattr(found, mine) for mine in NAMES} == {m: getattr(expected, own) for m, own in NAMES.items()}
        assert found.distances == list(expected.distances)
    assert seen > 20 and refused > 5


def test_shapes_are_those_of_the_package() -> None:
    rng = random.Random(13)
    for _ in range(6):
        rows, features = int(2 ** rng.uniform(3, 12)), int(2 ** rng.uniform(0, 6))
        spec = spec_of(l2=0.125, bias=rng.random() < 0.7)
        outputs = rng.choice([3, 4, 9, 40])
        statement = statement_about_nothing(rows, features, "categorical", rng.choice([1, 8]), spec, [], outputs)
        expected = shape_of(read_statement(TrainingStatement, divided("training", statement)))
        assert reference_shape(verifier.training_shape(statement)) == package_shape(expected)


def test_rows_are_cut_where_lookups_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if memory were small: rows of each output, half of them at a time, lie in sections of their own."""
    monkeypatch.setattr(tables, "SECTION_BITS", 8)
    monkeypatch.setattr(relations, "MOST_LEAF_BITS", 8)
    training = trained(forest(40, 1), spec_of(), ("1", "39"))
    parts = verifier.training_shape(training.statement).relation.parts
    sizes = {name: [tuple(axis.size for axis in box.axes) for box in boxes] for name, boxes in parts.items()}
    assert sizes == {"rows": [(1, 32), (1, 8)] * len(FOUR), "feature limbs": [(4, 1)], "constant limbs": [(4,)]}
    assert training.verdict() == "valid"
