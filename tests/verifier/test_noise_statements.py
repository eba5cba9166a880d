"""Commitments to noise: what is none is not read, and a proof without noise has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.noise import NoiseStatement

FROZEN = Path(__file__).parents[1] / "vectors" / "frozen"
OPTIMUM = zu.TrainingSpec(model="logistic", method="optimum", l2=0.25)


@pytest.fixture(scope="module")
def noise() -> zu.NoiseCommitment:
    (path,) = FROZEN.glob("noise.v?.noise")
    return zu.NoiseCommitment.load(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"forgotten_classes": ["b", "a"]}, "forgotten classes are not in increasing order"),
        ({"forgotten_classes": ["a", "a"]}, "forgotten classes are not in increasing order"),
        ({"spec": OPTIMUM.to_mapping()}, "a model by 'optimum' takes none"),
        ({"source": " "}, "source"),
    ],
)
def test_what_is_no_statement_of_noise_is_not_read(
    noise: zu.NoiseCommitment, change: dict[str, Any], words: str
) -> None:
    mapping = noise.statement.to_mapping()
    assert NoiseStatement.from_mapping(mapping) == noise.statement
    with pytest.raises(zu.FormatError, match=words):
        NoiseStatement.from_mapping({**mapping, **change})


@pytest.mark.parametrize("pins", [("noise",), ("nonce",)])
def test_a_proof_of_a_model_without_noise_is_none_of_the_noise_that_is_expected(
    noise: zu.NoiseCommitment, pins: tuple[str, ...]
) -> None:
    (path,) = FROZEN.glob("training.v7.optimum.proof")
    (of,) = FROZEN.glob("dataset.v4.proof")
    expected: dict[str, Any] = {"noise": noise, "nonce": bytes(range(32))}
    with pytest.raises(zu.StatementMismatch, match="the proof is of a model without noise"):
        zu.verify(zu.TrainingProof.load(path), zu.DatasetCommitment.load(of), **{name: expected[name] for name in pins})
