"""A proved model: its file, the budget of its openings, and what `Trained.save` writes in which order."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.formats.container import read_container, write_container
from zkunlearn.formats.lists import read_digests
from zkunlearn.prover.owner import trained as trained_module
from zkunlearn.prover.owner import work as owner_work
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.prover.owner.trained import ProofFiles, Trained
from zkunlearn.verifier import proofs

SPEC = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    rng = np.random.default_rng(5)
    return zu.commit(rng.uniform(-1, 1, (9, 2)), np.arange(9) % 2, ids=list("abcdefghi"), openings=64)


@pytest.fixture
def trained(dataset: Dataset) -> Trained:
    return zu.prove(dataset, SPEC, forget=["c"])


def forgotten(dataset: Dataset, trained: Trained) -> set[str]:
    return {dataset.ids[position] for position in trained.statement.positions}


# The budget of a model -----------------------------------------------------------------------------------------------


def test_the_proof_of_its_training_is_a_models_first_opening(dataset: Dataset, trained: Trained) -> None:
    assert (trained.model.spent, trained.model.budget.declared) == (1, 4)
    other = zu.prove(dataset, SPEC, model_openings=2)
    assert other.model.budget.declared == other.statement.model.openings == 2
    zu.verify(other.proof, dataset.commitment)


def test_openings_of_a_model_are_counted_in_its_file_and_refused_when_spent(trained: Trained, tmp_path: Path) -> None:
    trained.model.save(tmp_path / "m.model.opening")
    other = zu.Model.load(tmp_path / "m.model.opening")
    for spent in (2, 3, 4):
        (trained.model, other)[spent % 2].budget.spend()
        assert zu.Model.load(tmp_path / "m.model.opening").spent == spent
    for model in (trained.model, other, zu.Model.load(tmp_path / "m.model.opening")):
        with pytest.raises(zu.BudgetExceeded, match=r"all 4 openings of this model commitment are spent: .* weights"):
            model.budget.spend()


def test_a_count_that_no_model_can_have_is_refused(trained: Trained, tmp_path: Path) -> None:
    path = tmp_path / "m.model.opening"
    trained.model.save(path)
    trained.model.budget._stored.write(5)  # type: ignore[union-attr]
    with pytest.raises(zu.FormatError, match=r"m\.model\.opening: field 'spent' is 5, not in 1\.\.4"):
        zu.Model.load(path)


def test_a_model_is_not_stored_in_two_places(trained: Trained, tmp_path: Path) -> None:
    trained.model.save(tmp_path / "a")
    with pytest.raises(zu.DataError, match=r"the model is in .*a already"):
        trained.model.save(tmp_path / "b")
    trained.model.budget.spend()
    trained.model.save(tmp_path / "a")
    assert zu.Model.load(tmp_path / "a").spent == 2


def test_a_model_is_not_counted_in_the_file_of_another(dataset: Dataset, trained: Trained, tmp_path: Path) -> None:
    trained.model.save(tmp_path / "m")
    zu.prove(dataset, SPEC).model.save(tmp_path / "m")
    with pytest.raises(zu.DataError, match="the model was replaced or removed in the meantime"):
        trained.model.budget.spend()
    assert zu.Model.load(tmp_path / "m").spent == 1


def test_a_model_is_not_copied(trained: Trained) -> None:
    with pytest.raises(zu.ParameterError, match="a Model cannot be copied"):
        pickle.dumps(trained)


@pytest.mark.parametrize("openings", [0, "4", 4.0, 1 << 20])
def test_no_number_of_model_openings_is_refused(dataset: Dataset, openings: Any) -> None:
    spent = dataset.spent
    with pytest.raises(zu.ParameterError, match="openings = "):
        zu.prove(dataset, SPEC, model_openings=openings)
    assert dataset.spent == spent


# Files ---------------------------------------------------------------------------------------------------------------


def test_a_trained_model_is_saved_with_its_list_and_its_proof(
    dataset: Dataset, trained: Trained, tmp_path: Path
) -> None:
    files = trained.save(tmp_path / "x.proof")
    assert sorted(os.listdir(tmp_path)) == ["x.forgotten", "x.model.opening", "x.proof"]
    zu.verify(zu.TrainingProof.load(files.proof), dataset.commitment, forget=read_digests(files.forgotten))
    assert (zu.Model.load(files.models[0]).integers == trained.model.integers).all()


def test_nothing_forgotten_is_no_list(dataset: Dataset, tmp_path: Path) -> None:
    zu.prove(dataset, SPEC).save(tmp_path / "x.proof")
    assert sorted(os.listdir(tmp_path)) == ["x.model.opening", "x.proof"]


@pytest.mark.parametrize("there", ["x.proof", "x.model.opening", "x.forgotten"])
def test_files_that_are_there_are_replaced_only_when_asked(trained: Trained, tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(zu.DataError, match=f"{there}: is there already"):
        trained.save(tmp_path / "x.proof")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
    trained.save(tmp_path / "x.proof", replace=True)
    assert zu.TrainingProof.load(tmp_path / "x.proof") == trained.proof


def test_the_proof_is_written_last(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the proof of before goes first, so that none ever lies beside another one's model."""
    trained.save(tmp_path / "x.proof")
    seen = []

    def full(path: Path, digests: object) -> None:
        seen.append(sorted(os.listdir(tmp_path)))
        raise zu.DataError("no space")

    monkeypatch.setattr(trained_module, "write_digests", full)
    with pytest.raises(zu.DataError, match="no space"):
        trained.save(tmp_path / "x.proof", replace=True)
    assert [name for name in seen[0] if name.startswith("x")] == ["x.model.opening"]


def test_a_proof_that_does_not_verify_is_not_written(trained: Trained, tmp_path: Path) -> None:
    broken = bytearray(trained.proof.proof)
    broken[100] ^= 1
    spoilt = Trained((zu.TrainingProof(trained.statement, bytes(broken)),), (trained.secret,), {})
    with pytest.raises(zu.ZkUnlearnError, match="the proof that was made is not valid"):
        spoilt.save(tmp_path / "x.proof")
    assert os.listdir(tmp_path) == []


def test_names_of_files_follow_from_that_of_the_proof() -> None:
    files = ProofFiles.beside(Path("a/b.proof"))
    assert (files.models, files.forgotten) == ((Path("a/b.model.opening"),), Path("a/b.forgotten"))
    assert ProofFiles.beside("b").models == (Path("b.model.opening"),)


@pytest.mark.parametrize("limit", ["bytes", "items"])
def test_a_statement_that_no_file_can_hold_is_refused_before_the_work(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("it began to work")

    spent = dataset.spent
    monkeypatch.setattr(owner_work, "fresh_secret", work)
    monkeypatch.setattr(owner_work, "run_training", work)
    if limit == "bytes":
        monkeypatch.setattr("zkunlearn.prover.owner.prove.MAX_FILE_BYTES", 1 << 16)
        assert proofs.MAX_FILE_BYTES > 1 << 16
    else:
        monkeypatch.setattr("zkunlearn.formats.cbor.MAX_ITEMS", 50)
    with pytest.raises(zu.ParameterError, match="a file can hold"):
        zu.prove(dataset, SPEC, forget=["a"])
    assert dataset.spent == spent


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("model", {"shape": [1, 4]}, r"a model of shape \(1, 4\), where the spec implies \(1, 3\)"),
        ("model", {"shape": [2, 3]}, r"a model of shape \(2, 3\), where the spec implies \(1, 3\)"),
        ("model", {"shape": [3]}, "model: field 'shape' has 1 elements"),
        ("dataset", bytes(32), "the dataset beside the statement is not the one it names"),
    ],
)
def test_a_model_of_a_statement_that_was_not_proved_is_refused(
    trained: Trained, tmp_path: Path, name: str, value: Any, reason: str
) -> None:
    path = tmp_path / "m.model.opening"
    trained.model.save(path)
    payload = read_container(path, "model.opening", 1 << 22)[1]
    statement = payload["training"]["statement"]
    statement[name] = {**statement[name], **value} if isinstance(value, dict) else value
    write_container(path, "model.opening", payload)
    with pytest.raises(zu.FormatError, match=rf"m\.model\.opening: {reason}"):
        zu.Model.load(path)


# Forgetting along a chain --------------------------------------------------------------------------------------------


def test_what_was_forgotten_stays_forgotten_and_need_not_be_named(dataset: Dataset, trained: Trained) -> None:
    second = zu.prove(dataset, SPEC, previous=trained.proof)
    third = zu.prove(dataset, SPEC, forget=["f"], previous=second.proof)
    assert forgotten(dataset, second) == {"c"}
    assert forgotten(dataset, third) == {"c", "f"}
    assert (second.forgotten_before, third.forgotten_before) == (0, 0)
    zu.verify(third.proof, dataset.commitment, previous=second.proof)


def test_naming_again_who_was_forgotten_is_noted_and_no_error(dataset: Dataset, trained: Trained) -> None:
    second = zu.prove(dataset, SPEC, forget=["f", "c"], previous=trained.proof)
    assert forgotten(dataset, second) == {"c", "f"}
    assert second.forgotten_before == 1


def test_a_predecessor_of_another_kind_is_refused_by_name(dataset: Dataset, trained: Trained) -> None:
    with pytest.raises(
        zu.ParameterError, match=r"previous: expected TrainingProof or .*, found Model; `prove` returns one"
    ):
        zu.prove(dataset, SPEC, previous=trained.secret)  # type: ignore[arg-type]
