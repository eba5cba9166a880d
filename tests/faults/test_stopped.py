"""A command stands still at each of its changes of a file, while another runs from begin to end: no luck with clocks.

Every opening is counted, no file is a mixture of two, and nobody replaces what the other was told not to replace.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import zkunlearn as zu
from zkunlearn.prover.owner.dataset import Dataset

from .owner import Owner
from .stopped import interleavings

REPLACED = "data: the data set was replaced or removed in the meantime"


@pytest.fixture
def place(tmp_path: Path) -> Owner:
    return Owner(tmp_path / "owner")


@pytest.fixture
def fresh(made: Path, place: Owner) -> Callable[[], Path]:
    """Puts a new copy there, with the data set and its first proof."""

    def copy() -> Path:
        shutil.rmtree(place.folder, ignore_errors=True)
        return Path(shutil.copytree(made, place.folder))

    return copy


def new_digest(answer: str) -> bytes:
    return bytes.fromhex(json.loads(answer)["digest"])


def test_a_data_set_that_is_replaced_under_a_prover_stays_whole(
    made: Path, place: Owner, fresh: Callable[[], Path]
) -> None:
    """The prover must not write its own count into the opening of the new data set."""
    old = zu.DatasetCommitment.load(made / "data" / "dataset.commitment")
    proving, committing = place.prove_command("second.proof"), [*place.commit_command, "--force", "--json"]
    refused = []
    for pair in interleavings(fresh, proving, committing, place.data):
        assert pair.second.code == 0, pair.second
        dataset = Dataset.load(place.data)
        assert (dataset.commitment.digest, dataset.spent) == (new_digest(pair.second.stdout), 1)
        refused.append(pair.first.code != 0)
        if refused[-1]:
            assert pair.first.code == 2 and pair.first.stderr.count("\n") == 1 and REPLACED in pair.first.stderr
            assert not list(place.folder.glob("second.*"))
        else:
            zu.verify(zu.TrainingProof.load(place.folder / "second.proof"), old)
    assert refused[0] and not refused[-1], "first before it counts, last when it has proved"


@pytest.mark.slow
def test_a_recommitment_does_not_count_for_a_data_set_that_has_been_replaced(
    place: Owner, fresh: Callable[[], Path]
) -> None:
    again, committing = ["recommit", place.data, "--out", place.folder / "new"], [*place.commit_command, "--force"]
    refused = []
    for pair in interleavings(fresh, again, committing, place.data):
        assert pair.second.code == 0, pair.second
        assert Dataset.load(place.data).spent == 1
        refused.append(pair.first.code != 0)
        if refused[-1]:
            assert REPLACED in pair.first.stderr and not (place.folder / "new").exists()
    assert refused[0] and not refused[-1]


@pytest.mark.slow
@pytest.mark.parametrize("force", [[], ["--force"]], ids=["", "force"])
def test_provers_of_one_name_never_mix_their_files(
    made: Path, place: Owner, fresh: Callable[[], Path], force: list[str]
) -> None:
    """Without --force one of them says that the name is taken; its opening is counted all the same."""
    command, before, pairs = [*place.unlearn_command("second.proof"), *force], Owner(made).check(), 0
    for pair in interleavings(fresh, command, command, place.data):
        assert place.check() == before + 2, "check: the model and the proof are of one training"
        codes = sorted([pair.first.code, pair.second.code])
        assert codes == ([0, 0] if force else [0, 2]), pair
        if not force:
            assert "is there already" in pair.first.stderr + pair.second.stderr
            winner = pair.first if pair.first.code == 0 else pair.second
            proof = zu.TrainingProof.load(place.folder / "second.proof")
            assert proof.digest.hex() in winner.stdout.replace("\n", " ")
        pairs += 1
    assert pairs >= 2


def test_of_two_commits_to_one_place_the_second_is_refused(place: Owner, fresh: Callable[[], Path]) -> None:
    """Both found the place empty when they began."""

    def empty() -> Path:
        folder = fresh()
        shutil.rmtree(place.data)
        return folder

    pairs = 0
    command = [*place.commit_command, "--json"]
    for pair in interleavings(empty, command, command, place.data):
        assert (pair.first.code, pair.second.code) == (2, 0), pair
        assert "dataset.commitment: is there now, from another run" in pair.first.stderr
        assert Dataset.load(place.data).commitment.digest == new_digest(pair.second.stdout)
        assert place.rubbish() == []
        pairs += 1
    assert pairs >= 2, "before the folder is made, and before it is locked"


@pytest.mark.slow
def test_of_two_commits_with_force_the_last_one_stays(place: Owner, fresh: Callable[[], Path]) -> None:
    command, pairs = [*place.commit_command, "--force", "--json"], 0
    for pair in interleavings(fresh, command, command, place.data):
        assert (pair.first.code, pair.second.code) == (0, 0), pair
        assert Dataset.load(place.data).commitment.digest == new_digest(pair.first.stdout)
        assert place.rubbish() == []
        pairs += 1
    assert pairs >= 2


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_recommitting_and_proving_at_any_moment_count_both(made: Path, place: Owner, fresh: Callable[[], Path]) -> None:
    before, pairs = Owner(made).check(), 0
    again = ["recommit", place.data, "--out", place.folder / "new"]
    for pair in interleavings(fresh, again, place.prove_command("second.proof"), place.data):
        assert (pair.first.code, pair.second.code) == (0, 0), pair
        assert place.check() == before + 2
        assert Dataset.load(place.folder / "new").spent == 2
        pairs += 1
    assert pairs >= 10, "most of its changes are in the new folder"
