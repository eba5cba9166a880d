"""While a proof is made Python collects no cycles, of which none are left; afterwards it does as it did before."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.errors import ZkUnlearnError
from zkunlearn.prover.owner import prove as owner_prove

SPEC = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=0.5)


@pytest.fixture(scope="module")
def dataset() -> zu.Dataset:
    rng = np.random.default_rng(1)
    return zu.commit(rng.uniform(-1, 1, (64, 2)), np.arange(64) % 2)


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    yield
    gc.enable()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_waits_for_a_proof_and_is_what_it_was(dataset: zu.Dataset, enabled: bool) -> None:
    during: list[bool] = []
    gc.collect()
    (gc.enable if enabled else gc.disable)()
    zu.prove(dataset, SPEC, progress=lambda phase: during.append(phase == "settlement" and gc.isenabled()))
    assert gc.isenabled() == enabled and not any(during) and len(during) > 5


def test_a_proof_leaves_no_cycles(dataset: zu.Dataset) -> None:
    zu.prove(dataset, SPEC)  # what is made once a process
    gc.collect()
    gc.disable()
    zu.prove(dataset, SPEC)
    assert gc.collect() == 0


def test_the_collector_goes_on_after_a_proof_that_fails(dataset: zu.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise ZkUnlearnError("refused")

    monkeypatch.setattr(owner_prove, "Prover", refuses)
    with pytest.raises(ZkUnlearnError, match="refused"):
        zu.prove(dataset, SPEC)
    assert gc.isenabled()
