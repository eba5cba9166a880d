"""The budget of openings: it cannot be copied, set back or overdrawn, and refusals come before anything is spent."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.prover.owner import dataset as dataset_module
from zkunlearn.prover.owner import work as owner_work
from zkunlearn.prover.owner.budget import Budget, require_openings
from zkunlearn.prover.owner.dataset import Dataset

SPEC = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)


def committed(openings: int = 3) -> Dataset:
    rng = np.random.default_rng(5)
    return zu.commit(rng.uniform(-1, 1, (7, 2)), np.arange(7) % 2, openings=openings)


@pytest.fixture
def dataset() -> Dataset:
    return committed()


@pytest.fixture
def saved(dataset: Dataset, tmp_path: Path) -> Path:
    dataset.save(tmp_path / "data")
    return tmp_path / "data"


def in_child(act: Callable[[], object]) -> str:
    """What an act in a forked child raises, by name; empty if nothing."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        said = "escaped"
        try:
            act()
            said = ""
        except zu.ZkUnlearnError as error:
            said = f"{type(error).__name__}: {error}"
        except BaseException:
            said = traceback.format_exc()
        finally:
            os.write(into, said.encode())
            os._exit(0)
    os.close(into)
    with open(out) as file:
        said = file.read()
    os.waitpid(child, 0)
    return said


# Copies --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("twice", [copy.copy, copy.deepcopy, pickle.dumps], ids=["copy", "deepcopy", "pickle"])
def test_what_counts_openings_is_not_copied(dataset: Dataset, twice: Callable[[object], object]) -> None:
    for counting in (dataset, dataset.budget):
        with pytest.raises(zu.ParameterError, match="cannot be copied: each copy would count openings for itself"):
            twice(counting)


def test_what_replace_gives_spends_from_the_same_budget(dataset: Dataset) -> None:
    replace(dataset, directory=None).budget.spend()
    assert dataset.spent == 2


def test_a_forked_child_does_not_spend_what_its_parent_counts(dataset: Dataset) -> None:
    for act in (dataset.budget.spend, dataset.budget.require_opening, lambda: zu.prove(dataset, SPEC)):
        assert in_child(act).startswith("BudgetExceeded: the openings of this data set are counted in the process")
    assert dataset.spent == 1


def test_a_forked_child_does_not_store_what_its_parent_counts(dataset: Dataset, tmp_path: Path) -> None:
    assert "BudgetExceeded" in in_child(lambda: dataset.save(tmp_path / "data"))


def test_a_forked_child_spends_where_the_disk_counts(saved: Path) -> None:
    dataset = zu.load_dataset(saved)
    assert in_child(dataset.budget.spend) == ""
    assert zu.load_dataset(saved).spent == 2
    dataset.budget.spend()
    assert dataset.spent == 3
    with pytest.raises(zu.BudgetExceeded):
        dataset.budget.spend()


def test_a_data_set_is_not_stored_in_two_places(dataset: Dataset, saved: Path, tmp_path: Path) -> None:
    for each in (dataset, zu.load_dataset(saved)):
        with pytest.raises(zu.DataError, match="a second copy would count openings for itself"):
            each.save(tmp_path / "other")
    assert not (tmp_path / "other" / "dataset.opening").exists()
    saved.rename(tmp_path / "moved")
    dataset.save(tmp_path / "other")  # it is not there any more


def test_the_count_on_disk_rules_over_an_object_that_knows_less(dataset: Dataset, saved: Path) -> None:
    other = zu.load_dataset(saved)
    other.budget.spend()
    other.budget.spend()
    assert dataset.spent == 1
    with pytest.raises(zu.BudgetExceeded):
        dataset.budget.require_opening()


# Before anything is spent --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("openings", [0, -1, "8", 8.0, True, None, 5000])
def test_no_number_of_openings_is_refused(openings: object) -> None:
    with pytest.raises(zu.ParameterError, match=r"openings = .*: must be an integer from 1 to 4096"):
        require_openings(openings)
    with pytest.raises(zu.ParameterError, match="must be an integer from 1 to 4096"):
        zu.commit(np.zeros((2, 1)), [0, 1], openings=openings)  # type: ignore[arg-type]


def test_numbers_of_numpy_are_openings() -> None:
    assert require_openings(np.int16(7)) == 7


def test_a_recommitment_that_cannot_go_on_spends_nothing(dataset: Dataset) -> None:
    with pytest.raises(zu.ParameterError, match="openings = 1: must be an integer from 2"):
        zu.recommit(dataset, openings=1)
    assert dataset.spent == 1


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is committed, trained or proved from here on."""

    def work(*_: object, **__: object) -> None:
        raise AssertionError("it began to work")

    for name in ("fresh_secret", "prove_statement"):
        monkeypatch.setattr(dataset_module, name, work)
    monkeypatch.setattr(owner_work, "fresh_secret", work)
    monkeypatch.setattr(owner_work, "run_training", work)


@pytest.mark.parametrize("spend", [zu.recommit, lambda data: zu.prove(data, SPEC)], ids=["recommit", "prove"])
def test_a_spent_budget_is_found_before_the_work(
    spend: Callable[[Dataset], object], request: pytest.FixtureRequest
) -> None:
    spent = committed(openings=1)
    request.getfixturevalue("no_work")
    with pytest.raises(zu.BudgetExceeded, match="all 1 openings of this data set"):
        spend(spent)
    assert spent.spent == 1


# A restored backup ---------------------------------------------------------------------------------------------------


def restored(saved: Path) -> Dataset:
    """A data set from which a proof was made, as its backup of before knows it."""
    before = (saved / "dataset.opening").read_bytes()
    zu.prove(zu.load_dataset(saved), SPEC).proof.save(saved.parent / "first.proof")
    (saved / "dataset.opening").write_bytes(before)
    return zu.load_dataset(saved)


def test_a_restored_backup_does_not_prove(saved: Path) -> None:
    dataset = restored(saved)
    with pytest.raises(zu.BudgetExceeded, match=r"only 1 are counted.* Recommit first"):
        zu.prove(dataset, SPEC)
    assert zu.load_dataset(saved).spent == 1


def test_a_restored_backup_is_recommitted_with_what_is_known_to_be_spent(saved: Path) -> None:
    new, _ = zu.recommit(restored(saved))
    assert zu.load_dataset(saved).spent == 3
    zu.prove(new, SPEC)


def test_a_restored_backup_that_has_no_opening_left_is_not_recommitted(saved: Path) -> None:
    zu.prove(zu.load_dataset(saved), SPEC).proof.save(saved / "second.proof")
    before = zu.load_dataset(saved).spent
    dataset = restored(saved)
    assert before == dataset.spent == 2
    with pytest.raises(zu.BudgetExceeded, match="all 3 openings"):
        zu.recommit(dataset)


def test_copies_of_a_proof_and_proofs_of_other_data_say_nothing(saved: Path) -> None:
    zu.prove(zu.load_dataset(saved), SPEC).proof.save(saved / "first.proof")
    shutil.copy(saved / "first.proof", saved.parent / "copy.proof")
    zu.prove(committed(), SPEC).proof.save(saved / "other.proof")
    (saved / "broken.proof").write_bytes((saved / "first.proof").read_bytes()[:-1])
    (saved / "folder.proof").mkdir()
    assert zu.load_dataset(saved).openings_seen() == 2
    zu.prove(zu.load_dataset(saved), SPEC)


def test_budgets_say_what_is_left() -> None:
    budget = Budget("model", 4, 1, "prove it again")
    budget.spend()
    assert (budget.declared, budget.spent, budget.left) == (4, 2, 2)
