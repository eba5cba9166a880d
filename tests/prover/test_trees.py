"""prover/owner/tree_cache.py: a file that saves time and decides nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.prover.owner.tree_cache import TAG, TREE_FILE

SPEC = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=1.0)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, (20, 3))
    zu.commit(X, (X[:, 0] > 0).astype(np.int64)).save(tmp_path / "data")
    return tmp_path / "data"


def proves(directory: Path) -> bool:
    """Prove from what is stored; whether the stored tree was used to the end."""
    dataset = zu.load_dataset(directory)
    trained = zu.prove(dataset, SPEC)
    zu.verify(trained.proof, zu.DatasetCommitment.load(directory / "dataset.commitment"), spec=SPEC)
    return dataset.matrix.stored is not None


def test_the_file_is_secret_and_spares_the_encoding(saved: Path) -> None:
    assert stat.S_IMODE((saved / TREE_FILE).stat().st_mode) == 0o600
    assert proves(saved)


def test_without_the_file_the_data_set_is_encoded_again(saved: Path) -> None:
    (saved / TREE_FILE).unlink()
    assert not proves(saved)


@pytest.mark.parametrize("part", ["tag", "data set", "leaves", "root", "length"])
def test_a_damaged_file_is_not_believed(saved: Path, part: str) -> None:
    path = saved / TREE_FILE
    content = np.frombuffer(path.read_bytes(), dtype=np.uint8).copy()
    dataset = zu.load_dataset(saved)
    levels = [len(level) for level in dataset.matrix.levels]
    start = len(TAG) + 32
    spans = {
        "tag": slice(0, 1),
        "data set": slice(len(TAG), len(TAG) + 1),
        "leaves": slice(start, start + levels[0]),
        "root": slice(start + sum(levels) - 32, start + sum(levels) - 31),
    }
    if part == "length":
        content = content[:-8]
    else:
        content[spans[part]] ^= 1
    path.unlink()
    path.write_bytes(content.tobytes())
    assert not proves(saved)


def test_the_tree_of_another_data_set_is_not_used(saved: Path, tmp_path: Path) -> None:
    dataset = zu.load_dataset(saved)
    new, _ = zu.recommit(dataset)
    new.save(tmp_path / "new")
    (tmp_path / "new" / TREE_FILE).replace(saved / TREE_FILE)
    assert not proves(saved)


def test_a_data_set_saved_elsewhere_brings_its_tree(saved: Path, tmp_path: Path) -> None:
    dataset = zu.load_dataset(saved)
    assert proves(saved)
    saved.rename(tmp_path / "there no more")
    dataset.save(tmp_path / "copy")
    assert proves(tmp_path / "copy")
