"""Several commands in one folder at the same moment: every opening is counted, and no file is a mixture of two."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import zkunlearn as zu
from zkunlearn.prover.owner.dataset import Dataset

from ..cli.conftest import done
from .moments import Ended, run
from .owner import Owner

AT_ONCE = 4


def together(*commands: list[object]) -> list[Ended]:
    """All at once, each in a process of its own."""
    with ThreadPoolExecutor(len(commands)) as pool:
        return list(pool.map(run, commands))


def test_provers_at_the_same_moment_spend_an_opening_each(owner: Owner) -> None:
    before = owner.check()
    ended = together(*(owner.prove_command(f"{i}.proof", "--json") for i in range(AT_ONCE)))
    assert [end.code for end in ended] == [0] * AT_ONCE, ended
    assert owner.check() == before + AT_ONCE
    used = sorted(json.loads(end.stdout)["openings_used"] for end in ended)
    assert used == [*range(before + 1, before + AT_ONCE + 1)]


def test_provers_of_one_name_leave_one_whole_proof(owner: Owner) -> None:
    """The second finds the name taken, or replaces all of the first: the proof is written last."""
    before = owner.check()
    ended = together(*(owner.prove_command("same.proof") for _ in range(2)))
    assert {end.code for end in ended} <= {0, 2} and 0 in [end.code for end in ended]
    proof = zu.TrainingProof.load(owner.folder / "same.proof")
    zu.verify(proof, zu.DatasetCommitment.load(owner.data / "dataset.commitment"))
    assert before < Dataset.load(owner.data).spent <= before + 2


def test_a_last_opening_is_given_to_one_prover_only(made: Path, tmp_path: Path) -> None:
    owner = Owner(Path(shutil.copytree(made, tmp_path / "owner")))
    done(*owner.commit_command, "--force", "--openings", "2")
    for path in owner.folder.glob("first.*"):
        path.unlink()
    ended = together(*(owner.prove_command(f"{i}.proof") for i in range(AT_ONCE)))
    assert sorted(end.code for end in ended) == [0, 2, 2, 2], ended
    assert all("openings" in end.stderr for end in ended if end.code)
    assert owner.check() == 2 and len(owner.proofs()) == 1


def test_committing_anew_while_proving_leaves_a_whole_data_set(owner: Owner) -> None:
    """The proof is about the old data set or the new one, or it is refused; never about half of each."""
    old = zu.DatasetCommitment.load(owner.data / "dataset.commitment")
    (owner.folder / "first.proof").unlink()
    committing, proving = together([*owner.commit_command, "--force"], owner.prove_command("second.proof"))
    assert committing.code == 0, committing
    assert proving.code in (0, 2) and "Traceback" not in proving.stderr, proving
    new = Dataset.load(owner.data).commitment
    if proving.code == 0:
        proof = zu.TrainingProof.load(owner.folder / "second.proof")
        zu.verify(proof, old if proof.statement.dataset == old.statement else new)
    done(*owner.prove_command("third.proof"))
    zu.verify(zu.TrainingProof.load(owner.folder / "third.proof"), new)


def test_recommitting_while_proving_counts_both(owner: Owner) -> None:
    before = owner.check()
    ended = together(["recommit", owner.data, "--out", owner.folder / "new"], owner.prove_command("second.proof"))
    assert [end.code for end in ended] == [0, 0], ended
    assert owner.check() == before + 2


def test_the_opening_of_another_commitment_is_noticed(owner: Owner, tmp_path: Path) -> None:
    """A restored backup of the same commitment is not: it counts too low, as docs/owners.md says."""
    other = Owner(Path(shutil.copytree(owner.folder, tmp_path / "other")))
    done(*other.commit_command, "--force")
    shutil.copy(other.data / "dataset.opening", owner.data / "dataset.opening")
    ended = run(owner.prove_command("second.proof"))
    assert ended.code == 2 and "dataset.opening: belongs to another data set" in ended.stderr
