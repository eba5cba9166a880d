"""Keys and things to sign, made once for all tests here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import zkunlearn as zu
from zkunlearn.verifier.trust.schemes import BLS, SCHEMES

FROZEN = Path(__file__).parents[2] / "vectors" / "frozen"


@pytest.fixture(scope="session")
def keys() -> dict[str, zu.SigningKey]:
    """One of each scheme, and two more for auditors."""
    made = {scheme: zu.SigningKey.generate(scheme) for scheme in SCHEMES}
    return made | {name: zu.SigningKey.generate(BLS) for name in ("alice", "bob")}


@pytest.fixture(scope="session")
def dataset() -> zu.DatasetCommitment:
    return zu.DatasetCommitment.load(FROZEN / "dataset.v4.proof")


@pytest.fixture(scope="session")
def training() -> zu.TrainingProof:
    return zu.TrainingProof.load(FROZEN / "training.v7.proof")


@pytest.fixture(scope="session")
def other_training() -> zu.TrainingProof:
    return zu.TrainingProof.load(FROZEN / "training.v7.unlearning.proof")


@pytest.fixture
def refused() -> Callable[..., str]:
    """The check that an invalid signature fails, and the words that it says."""

    def call(check: str, function: Callable[..., object], *arguments: object, **named: object) -> str:
        with pytest.raises(zu.InvalidSignature) as found:
            function(*arguments, **named)
        assert found.value.check == check, found.value
        return str(found.value)

    return call
