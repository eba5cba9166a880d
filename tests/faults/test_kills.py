"""Killed at any moment: nothing half-written is taken for whole, no opening is forgotten, and a re-run works."""

from __future__ import annotations

import random
import shutil
import time
from itertools import count
from pathlib import Path

import pytest
import zkunlearn as zu

from ..cli.conftest import done
from .moments import kill_before_change, run, send_after
from .owner import LEFT_OUT, Owner

MOMENTS, OTHER = 50, "Żółć 08"
ONE_MORE = "name,age,weight,sick\n{},50,80,no\n"
SLOW = [pytest.mark.slow, pytest.mark.timeout(1200)]
EVERY = pytest.mark.parametrize("step", [13, pytest.param(1, marks=SLOW)])


def assert_a_killed_commit_can_be_repeated(owner: Owner) -> None:
    """Either there is a whole data set, which has to be replaced by force, or none."""
    whole = owner.load() is not None
    again = run(owner.commit_command)
    if again.code != 0:
        assert again.code == 2 and "--force" in again.stderr, again.stderr
        done(*owner.commit_command, "--force")
    else:
        assert not whole
    done(*owner.prove_command("first.proof", "--force"))
    owner.check()
    assert owner.rubbish() == []


def assert_a_killed_proof_can_be_repeated(owner: Owner, before: int, out: str) -> None:
    spent = owner.check()
    assert before <= spent <= before + 1
    there = [path for path in owner.folder.iterdir() if path.name.startswith(out.removesuffix(".proof"))]
    again = run(owner.unlearn_command(out))
    if there:
        assert again.code == 2 and "--force" in again.stderr, again.stderr
        done(*owner.unlearn_command(out), "--force")
    else:
        assert again.code == 0, again.stderr
    assert owner.check() == spent + 1


def fresh(made: Path, tmp_path: Path, name: object) -> Owner:
    return Owner(Path(shutil.copytree(made, tmp_path / f"owner {name}")))


@EVERY
def test_a_commit_killed_before_any_change_can_be_repeated(made: Path, tmp_path: Path, step: int) -> None:
    for which in count(1, step):
        owner = fresh(made, tmp_path, which)
        shutil.rmtree(owner.data)
        (owner.folder / "first.proof").unlink()
        (owner.folder / "first.model.opening").unlink()
        ended = run(owner.commit_command, kill_before_change(owner.folder, which))
        if not ended.killed:
            assert ended.code == 0 and owner.rubbish() == []
            break
        assert_a_killed_commit_can_be_repeated(owner)
    assert which > 20, "a data set is many files"


@EVERY
def test_a_proof_killed_before_any_change_can_be_repeated(made: Path, tmp_path: Path, step: int) -> None:
    for which in count(1, step):
        owner = fresh(made, tmp_path, which)
        before = owner.check()
        ended = run(owner.unlearn_command("second.proof"), kill_before_change(owner.folder, which))
        if not ended.killed:
            assert ended.code == 0 and owner.rubbish() == []
            break
        assert_a_killed_proof_can_be_repeated(owner, before, "second.proof")
    assert which > 10, "count, model, list and proof are files"


@EVERY
def test_a_replacing_proof_killed_before_any_change_leaves_no_mixture(made: Path, tmp_path: Path, step: int) -> None:
    """With --force: the old proof beside the old model, the new beside the new, or none."""
    for which in count(1, step):
        owner = fresh(made, tmp_path, which)
        command = [*owner.prove_command("first.proof"), "--force"]
        ended = run(command, kill_before_change(owner.folder, which))
        owner.check()
        if not ended.killed:
            break
        done(*command)
        owner.check()


@pytest.mark.parametrize(
    ("verb", "name", "step"),
    [
        ("append", "Ann", 13),
        ("rectify", OTHER, 37),
        pytest.param("append", "Ann", 1, marks=SLOW),
        pytest.param("rectify", OTHER, 1, marks=SLOW),
    ],
)
def test_a_growth_killed_before_any_change_can_be_repeated(
    made: Path, tmp_path: Path, verb: str, name: str, step: int
) -> None:
    """As a recommitment, which is a growth by no rows; and rows that are put right.

    The old data set stays as it was, and an opening of it is spent by each run that gets as far as the proof: not by
    one that finds the new data set whole, which is not made a second time.
    """
    for which in count(1, step):
        owner = fresh(made, tmp_path, which)
        before, public = owner.check(), (owner.data / "dataset.commitment").read_bytes()
        command = growth_command(owner, verb, name)
        ended = run(command, kill_before_change(owner.folder, which))
        spent = owner.check()
        assert before <= spent <= before + 1
        if not ended.killed:
            assert ended.code == 0 and owner.rubbish() == []
            assert_grown(owner, name)
            break
        again = run(command)
        if again.code != 0:
            assert again.code == 2 and "--force" in again.stderr, again.stderr
            assert owner.check() == spent == before + 1
            assert_grown(owner, name)
            done(*command, "--force")
        assert owner.check() == spent + 1
        assert (owner.data / "dataset.commitment").read_bytes() == public
        assert_grown(owner, name)
    assert which > 20, "a data set is many files"


def assert_grown(owner: Owner, name: str) -> None:
    """The new data set and its link are whole: all rows and one more, before which those of its id do not count."""
    old, new = zu.load_dataset(owner.data), zu.load_dataset(owner.folder / "new")
    link = zu.LinkProof.load(owner.folder / "new" / "dataset.link")
    zu.verify_link(link)
    assert (link.statement.old, link.statement.new) == (old.statement, new.statement)
    assert tuple(new.ids) == (*old.ids, name)
    assert new.spent == 2, "its own proof, and the link"
    assert new.left_out is not None and all(new.left_out.knows(LEFT_OUT))
    assert [old.ids[record.position] for record in link.statement.superseded] == [own for own in old.ids if own == name]


def growth_command(owner: Owner, verb: str, name: str) -> list[object]:
    (owner.folder / "one.csv").write_text(ONE_MORE.format(name), encoding="utf-8")
    common = (owner.folder / "one.csv", "--target", "sick", "--id", "name")
    return [verb, owner.data, *common, "--out", owner.folder / "new"]


@EVERY
def test_a_registration_killed_before_any_change_can_be_repeated(made: Path, tmp_path: Path, step: int) -> None:
    """There is a whole one or none, and the opening is counted before."""
    for which in count(1, step):
        owner = fresh(made, tmp_path, which)
        before, file = owner.check(), owner.data / "dataset.registration"
        ended = run(["register", owner.data], kill_before_change(owner.folder, which))
        assert before + file.exists() <= owner.check() <= before + 1
        if not ended.killed:
            assert ended.code == 0
            break
        whole = file.exists()
        again = run(["register", owner.data, *(["--force"] if whole else [])])
        assert again.code == 0, again.stderr
        registration = zu.RegistrationProof.load(file)
        zu.verify_registration(registration, zu.DatasetCommitment.load(owner.data / "dataset.commitment"))


@pytest.fixture(scope="module")
def registered(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set, registered, and what it has grown to."""
    owner = Owner(Path(shutil.copytree(made, tmp_path_factory.mktemp("registered") / "owner")))
    done("register", owner.data)
    done(*growth_command(owner, "append", "Ann"))
    return owner.folder


@EVERY
def test_a_registration_that_goes_on_killed_before_any_change_can_be_repeated(
    registered: Path, tmp_path: Path, step: int
) -> None:
    """Likewise; the one before stays as it is."""
    for which in count(1, step):
        owner = fresh(registered, tmp_path, which)
        new, old = owner.folder / "new", owner.data / "dataset.registration"
        before, first, file = zu.load_dataset(new).spent, old.read_bytes(), new / "dataset.registration"
        command = ["register", new, "--previous", old]
        ended = run(command, kill_before_change(owner.folder, which))
        assert before + file.exists() <= zu.load_dataset(new).spent <= before + 1
        assert old.read_bytes() == first
        if not ended.killed:
            assert ended.code == 0 and owner.rubbish() == []
            break
        again = run([*command, *(["--force"] if file.exists() else [])])
        assert again.code == 0, again.stderr
        whole, previous = zu.RegistrationProof.load(file), zu.RegistrationProof.load(old)
        links = [zu.LinkProof.load(new / "dataset.link")]
        zu.verify_registration(whole, zu.DatasetCommitment.load(new / "dataset.commitment"), links, [previous])
    assert which > 1


@pytest.mark.parametrize("step", [2, pytest.param(1, marks=SLOW)])
def test_a_removal_of_digests_killed_before_any_change_is_whole_or_not_begun(
    made: Path, tmp_path: Path, step: int
) -> None:
    """Whoever is still known after it can be removed again; nobody else is lost."""
    for which in count(1, step):
        owner = fresh(made, tmp_path, which)
        command = ["destroy", owner.data, "--id", LEFT_OUT[0]]
        ended = run(command, kill_before_change(owner.folder, which))
        if not ended.killed:
            assert ended.code == 0 and owner.rubbish() == []
            break
        left = zu.load_dataset(owner.data).left_out
        assert left is not None and left.knows(LEFT_OUT) in ([True, True], [False, True])
        again = run(command)
        assert again.code == (0 if left.knows(LEFT_OUT[:1])[0] else 2), again.stderr
        left = zu.load_dataset(owner.data).left_out
        assert left is not None and left.knows(LEFT_OUT) == [False, True]
    assert which > 2


@EVERY
def test_receipts_killed_before_any_change_are_whole_or_not_there(made: Path, tmp_path: Path, step: int) -> None:
    owner = fresh(made, tmp_path, "of receipts")
    commitment = zu.DatasetCommitment.load(owner.data / "dataset.commitment")
    for which in count(1, 7 * step):
        folder = owner.folder / f"receipts {which}"
        ended = run(["receipt", owner.data, "--all", "--out", folder], kill_before_change(owner.folder, which))
        for path in folder.glob("*.receipt"):
            zu.verify_receipt(zu.Receipt.load(path), commitment)
        if not ended.killed:
            assert ended.code == 0 and len(list(folder.iterdir())) == 24
            break
    assert which > 24


@pytest.mark.slow
def test_commits_killed_at_random_moments_can_be_repeated(made: Path, tmp_path: Path) -> None:
    first = fresh(made, tmp_path, "timed")
    start = time.perf_counter()
    done(*first.commit_command, "--force")
    duration, rng = time.perf_counter() - start, random.Random(1)
    killed = 0
    for moment in range(MOMENTS):
        owner = fresh(made, tmp_path, moment)
        shutil.rmtree(owner.data)
        (owner.folder / "first.proof").unlink()
        (owner.folder / "first.model.opening").unlink()
        killed += run(owner.commit_command, watch=send_after(rng.uniform(0, duration))).killed
        assert_a_killed_commit_can_be_repeated(owner)
    assert killed > MOMENTS // 2


@pytest.mark.slow
def test_proofs_killed_at_random_moments_can_be_repeated(made: Path, tmp_path: Path) -> None:
    first = fresh(made, tmp_path, "timed")
    start = time.perf_counter()
    done(*first.unlearn_command("second.proof"))
    duration, rng = time.perf_counter() - start, random.Random(2)
    killed = 0
    for moment in range(MOMENTS):
        owner = fresh(made, tmp_path, moment)
        before = owner.check()
        killed += run(owner.unlearn_command("second.proof"), watch=send_after(rng.uniform(0, duration))).killed
        assert_a_killed_proof_can_be_repeated(owner, before, "second.proof")
    assert killed > MOMENTS // 2
