"""Commitments that are opened beyond their budgets, as a copy of their secrets makes possible: auditors see it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.cli.history import show_history
from zkunlearn.cli.output import Output
from zkunlearn.errors import BudgetExceeded

NAMES = ["a", "b"]
SPEC = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=0.5, l2=0.25)
SISA = zu.TrainingSpec(model="logistic", method="sisa", shard_rows=8, slices=2, epochs=2, learning_rate=0.5)


def committed(folder: Path, openings: int) -> Any:
    rng = np.random.default_rng(3)
    X = rng.uniform(0, 1, (24, 2))
    dataset = zu.commit(
        X, (X[:, 0] > 0.5).astype(int), names=NAMES, bounds=dict.fromkeys(NAMES, (0.0, 1.0)), openings=openings
    )
    dataset.save(folder / "data")
    return zu.load_dataset(folder / "data")


def notes(history: zu.History) -> list[tuple[str, str]]:
    return [(entry.name, note) for entry in history.entries for note in entry.notes if "beyond the budget" in note]


def test_a_model_opened_beyond_its_budget_is_refused_and_from_a_copy_seen_by_auditors(tmp_path: Path) -> None:
    dataset = committed(tmp_path, 16)
    trained = zu.prove(dataset, SPEC, model_openings=2)
    trained.secret.save(tmp_path / "model.opening")  # type: ignore[union-attr]
    shutil.copy(tmp_path / "model.opening", tmp_path / "copy.opening")
    near = zu.prove_distance(dataset, zu.Model.load(tmp_path / "model.opening"), slope=1.0)
    with pytest.raises(BudgetExceeded, match="all 2 openings of this model commitment are spent"):
        zu.prove_distance(dataset, zu.Model.load(tmp_path / "model.opening"), slope=1.0)
    again = zu.prove_distance(dataset, zu.Model.load(tmp_path / "copy.opening"), slope=1.0)
    files: list[Any] = [dataset.commitment, trained.proof, near]
    assert notes(zu.verify_chain(files)) == notes(zu.verify_chain([*files, near])) == []  # a file twice is one proof
    history = zu.verify_chain([*files, again])
    root = trained.proof.statement.model.root.hex()
    words = f"beyond the budget: 3 proofs that are here open the commitment {root}, whose secrets are hidden from 2"
    assert notes(history) == [("proof 4", words)] and history.verdict == "valid"


def test_models_of_a_bundle_from_which_too_many_requests_began_are_told(tmp_path: Path) -> None:
    dataset = committed(tmp_path, 16)
    first: Any = zu.prove(dataset, SISA, model_openings=2)
    requests: list[Any] = []
    for row in (7, 15, 23):  # of the second slice, each of another shard
        first.secret.budget._spent = 1  # as a copy of the secret knows it
        requests.append(zu.prove(dataset, SISA, [dataset.ids[row]], first, fork=True))
    proofs = [first.proof, *(each.proofs[-1] for each in requests)]
    assert all(len(proof.statement.start) == 1 for proof in proofs[1:])
    root, found = first.proof.statement.model.root.hex(), notes(zu.verify_chain([dataset.commitment, *proofs]))
    assert [text.split()[3] for _, text in found] == ["3", "4"] and all(root in text for _, text in found)


def test_a_data_set_opened_to_the_last_is_not_told_and_once_more_is(tmp_path: Path) -> None:
    dataset = committed(tmp_path, 3)
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    one = zu.prove(dataset, SPEC)
    renewed, link = zu.recommit(dataset)
    files: list[Any] = [dataset.commitment, one.proof, renewed.commitment, link]
    assert notes(zu.verify_chain(files)) == []
    other = zu.prove(zu.load_dataset(tmp_path / "copy"), SPEC, fork=True)
    found = notes(zu.verify_chain([*files, other.proof]))
    assert len(found) == 1 and "4 proofs that are here" in found[0][1] and found[0][1].endswith("hidden from 3")


def test_the_history_that_is_printed_has_the_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = committed(tmp_path, 3)
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    proofs = [zu.prove(dataset, SPEC).proof]
    for _ in range(2):
        shutil.copytree(tmp_path / "copy", tmp_path / f"copy {len(proofs)}")
        proofs.append(zu.prove(zu.load_dataset(tmp_path / f"copy {len(proofs)}"), SPEC).proof)
    assert len({proof.proof for proof in proofs}) == 3
    show_history(Output(False, False), zu.verify_chain([dataset.commitment, *proofs]), 0.0)
    assert "beyond the budget: 4 proofs that are here open" in " ".join(capsys.readouterr().out.split())
