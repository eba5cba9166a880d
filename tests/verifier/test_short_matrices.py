"""Where a model's matrix lies: on a code of its own, or on that of the data set."""

from __future__ import annotations

from typing import Any

import pytest
from zkunlearn.circuits.relations.dataset import dataset_columns
from zkunlearn.circuits.relations.gradient_descent import GradientDescent
from zkunlearn.circuits.relations.model import model_columns
from zkunlearn.models.live import Live
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.verifier.protocol.code import PLAIN_RATE
from zkunlearn.verifier.protocol.group import MatrixShape
from zkunlearn.verifier.protocol.proof import ProofShape, choose_matrix, choose_short

OPENINGS = 4  # of the model


def chosen(rows: int, openings: int = 32) -> tuple[ProofShape, ProofShape, MatrixShape]:
    """The proof's shape with the model on a code of its own; as it is chosen; and the data set."""
    spec = TrainingSpec(model="logistic", epochs=8, learning_rate=0.5)
    data = DatasetShape(rows=rows, features=30, label_kind="binary", label_bits=0, x_bits=10)
    schedule: Any = spec.compile(data, Live(rows))
    relation = GradientDescent(schedule)
    dataset = choose_matrix("dataset", dataset_columns(rows, 30, 1), openings, 13)
    own = choose_matrix("model", model_columns(schedule), OPENINGS, 8, PLAIN_RATE)
    alone, best = ({"dataset": dataset, "model": model} for model in (own, choose_short(dataset, own)))
    return ProofShape(relation, alone), ProofShape(relation, best), dataset


def test_beside_a_small_data_set_a_model_has_its_code_and_proofs_are_shorter() -> None:
    alone, best, dataset = chosen(569)
    assert best.committed["model"].code == dataset.code
    assert [[layout.name for layout in group.layouts] for group in best.groups] == [["dataset", "model", "witness"]]
    assert best.proof_bytes < alone.proof_bytes - 10_000
    assert best.digest != alone.digest


def test_beside_a_long_code_a_model_keeps_its_own() -> None:
    """All of its positions would have to be hashed, to save a few thousand bytes."""
    alone, best, _ = chosen(1 << 21)
    assert best.committed == alone.committed


@pytest.mark.parametrize("openings, shared", [(OPENINGS, True), (OPENINGS - 1, False)])
def test_a_code_whose_tails_hide_fewer_proofs_is_not_taken(openings: int, shared: bool) -> None:
    _, best, dataset = chosen(569, openings)
    assert (best.committed["model"].code == dataset.code) == shared
    assert best.committed["model"].code.openings >= OPENINGS
