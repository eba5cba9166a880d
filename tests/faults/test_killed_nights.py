"""A list of people to forget, answered by a command that is killed, finds no room, or runs twice: one opening."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import zkunlearn as zu
from zkunlearn.prover.owner import requests
from zkunlearn.prover.owner.claims import claim_file, claiming
from zkunlearn.prover.owner.opening_file import CLAIM_FILE
from zkunlearn.prover.owner.staging import STAGED_FOLDER

from ..cli.conftest import FORGOTTEN_ID, SPEC, done
from .moments import Ended, kill_before_change, run
from .owner import Owner
from .stopped import interleavings
from .test_full_disk import assert_refused, full_from_change
from .test_two_at_once import together

OTHER = "Żółć 08"
EVERY = pytest.mark.parametrize("step", [23, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])


def night(owner: Owner, *ids: str) -> list[object]:
    """Goes on from first.proof; the list of ids may be that of nobody."""
    (owner.folder / "ids.txt").write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")
    more = ("--id-file", owner.folder / "ids.txt", "--export", owner.folder / "w.npz")
    return ["forget", owner.data, "--spec", owner.folder / "spec.toml", "--proofs", owner.folder, *more]


def fresh(made: Path, tmp_path: Path, name: object) -> Owner:
    return Owner(Path(shutil.copytree(made, tmp_path / f"owner {name}")))


def assert_answered(owner: Owner, spent: int) -> None:
    """By one proof after the first, which is verified, and for which one opening was spent; nothing else is left."""
    assert owner.check() == spent
    assert [path.name for path in owner.proofs()] == ["0001.proof", "first.proof"]
    assert not (owner.data / CLAIM_FILE).exists() and not (owner.data / STAGED_FOLDER).exists()
    proof, first = (zu.TrainingProof.load(path) for path in owner.proofs())
    lists = zu.load_dataset(owner.data).records([FORGOTTEN_ID])
    digests = [record.digest for record in lists]
    zu.verify(proof, zu.load_dataset(owner.data).commitment, forget=digests, previous=first)
    lines = (owner.data / "dataset.history").read_text().splitlines()
    assert lines == [f"{first.digest.hex()} -", f"{proof.digest.hex()} {first.digest.hex()}"]
    assert (owner.folder / "w.npz").is_file()


@EVERY
def test_a_night_killed_before_any_change_takes_one_opening(made: Path, tmp_path: Path, step: int) -> None:
    """However often it is begun: what was counted is used, and what was proved is not proved again."""
    for which in count(1, step):
        owner = fresh(made, tmp_path, which)
        before, command = owner.check(), night(owner, FORGOTTEN_ID)
        ended = run(command, kill_before_change(owner.folder, which))
        assert before <= owner.check() <= before + 1
        if not ended.killed:
            assert ended.code == 0, ended.stderr
            break
        again = run([*command, "--json"])
        assert again.code == 0, again.stderr
        assert_answered(owner, before + 1)
        assert json.loads(again.stdout)["newest"] == str(owner.folder / "0001.proof")
    assert which > 20, "claim, model, list and proof are files, all of them twice"
    assert_answered(owner, before + 1)
    assert owner.rubbish() == []


def test_a_night_killed_twice_takes_one_opening(made: Path, tmp_path: Path) -> None:
    """While its proof is made: the claim is there, and nothing is staged."""
    owner = fresh(made, tmp_path, "twice")
    before, command = owner.check(), night(owner, FORGOTTEN_ID)
    for _ in range(2):
        which = next(which for which in count(1) if claimed_at(owner, command, which))
        assert which < 20
    done(*command)
    assert_answered(owner, before + 1)


def claimed_at(owner: Owner, command: list[object], which: int) -> bool:
    """Whether a night that is killed at this moment leaves a claim behind."""
    assert run(command, kill_before_change(owner.folder, which)).killed
    return (owner.data / CLAIM_FILE).exists()


def test_a_claim_counts_for_everybody_else(owner: Owner) -> None:
    """A prover who comes between a night and its repetition takes the next opening."""
    before, file = owner.check(), claim_file(zu.load_dataset(owner.data))
    file.claim(before + 1)
    assert zu.load_dataset(owner.data).spent == before + 1
    done(*owner.prove_command("apart.proof"))
    assert zu.load_dataset(owner.data).spent == before + 2
    (owner.folder / "apart.proof").rename(owner.data.parent.parent / "apart.proof")  # two histories are no newest
    done(*night(owner, FORGOTTEN_ID))
    assert owner.check() == before + 2 and not (owner.data / CLAIM_FILE).exists()


def test_a_claim_of_a_proof_that_is_there_is_refused(owner: Owner) -> None:
    """As a backup of the data set's folder brings it back: its opening was used."""
    before = owner.check()
    claim_file(zu.load_dataset(owner.data)).claim(before + 1)
    old = {path: path.read_bytes() for path in (owner.data / CLAIM_FILE, owner.data / "dataset.opening")}
    done(*night(owner, FORGOTTEN_ID))
    for path, content in old.items():
        path.write_bytes(content)
    ended = run(night(owner, OTHER))
    assert_refused(ended, "a restored backup does not know what was spent since")
    assert owner.proofs() == [owner.folder / "0001.proof", owner.folder / "first.proof"]


@pytest.mark.parametrize("content", ["", "12\n", f"{'5a' * 32} x\n", f"{'5a' * 32} 0\n", f"{'5a' * 32} 3 4\n", "ż 3\n"])
def test_a_damaged_claim_is_named(owner: Owner, content: str) -> None:
    (owner.data / CLAIM_FILE).write_text(content, encoding="utf-8")
    assert_refused(run(night(owner, FORGOTTEN_ID)), f"{CLAIM_FILE}: is damaged", f"{CLAIM_FILE}: the file is empty")


def test_a_claim_of_another_data_set_is_none(owner: Owner) -> None:
    before = owner.check()
    (owner.data / CLAIM_FILE).write_text(f"{'5a' * 32} 30\n")
    assert zu.load_dataset(owner.data).spent == before
    done(*night(owner, FORGOTTEN_ID))
    assert owner.check() == before + 1


@EVERY
def test_a_night_on_a_disk_that_is_full_from_any_change_on_can_be_repeated(
    made: Path, tmp_path: Path, step: int
) -> None:
    for which in count(2, step):
        owner = fresh(made, tmp_path, which)
        before, command = owner.check(), night(owner, FORGOTTEN_ID)
        ended = run(command, full_from_change(owner.folder, which))
        assert before <= owner.check() <= before + 1
        if ended.code == 0:
            break
        assert_refused(ended, "File too large")
        again = run(command)
        assert again.code == 0, again.stderr
        assert_answered(owner, before + 1)
    assert which > 20


def test_two_nights_at_once_make_one_proof(owner: Owner) -> None:
    """The second waits, and finds that nothing is left to do."""
    before, command = owner.check(), [*night(owner, FORGOTTEN_ID), "--json"]
    ended: list[Ended] = together(command, command)
    assert [end.code for end in ended] == [0, 0], ended
    assert sorted(len(json.loads(end.stdout)["published"]) for end in ended) == [0, 1]
    assert_answered(owner, before + 1)


@pytest.mark.slow
def test_a_prover_between_any_two_changes_of_a_night_forks_nothing(made: Path, tmp_path: Path) -> None:
    """One goes on from the other, where that is there; else it is refused, and its opening is left for the next."""
    place = tmp_path / "at work"

    def with_list() -> Path:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(made, place)
        night(Owner(place), FORGOTTEN_ID)
        return place

    owner = Owner(place)
    with_list()
    second = owner.prove_command("second.proof", "--forget", OTHER, "--previous", owner.folder / "first.proof")
    command = night(owner, FORGOTTEN_ID)
    for pair in interleavings(with_list, command, second, owner.data):
        codes = (pair.first.code, pair.second.code)
        assert codes in [(0, 0), (0, 2), (2, 0)], pair
        assert codes == (0, 0) or "fork a history" in pair.first.stderr + pair.second.stderr
        statements = [zu.TrainingProof.load(path).statement for path in owner.proofs()]
        assert len({statement.previous for statement in statements}) == len(statements) == 3 - bool(sum(codes))
        owner.check()
        assert run(night(owner, FORGOTTEN_ID, OTHER)).code == 0
        assert owner.check() == 1 + len(owner.proofs())


# What is to be done --------------------------------------------------------------------------------------------------


def test_nights_go_on_from_one_another(owner: Owner) -> None:
    before = owner.check()
    for ids, published in (([], 0), ([FORGOTTEN_ID], 1), ([FORGOTTEN_ID], 0), ([OTHER, FORGOTTEN_ID], 1), ([OTHER], 0)):
        said = json.loads(done(*night(owner, *ids), "--json").stdout)
        assert len(said["published"]) == published, ids
    assert owner.check() == before + 2
    assert (said["forgotten"], said["forgotten_now"]) == (2, 0)
    assert said["newest"] == str(owner.folder / "0002.proof")


def test_an_unknown_id_spends_nothing_and_is_skipped_on_demand(owner: Owner) -> None:
    before = owner.check()
    assert_refused(run(night(owner, FORGOTTEN_ID, "nobody")), "id 'nobody' is not in the data set")
    assert owner.check() == before and len(owner.proofs()) == 1
    said = json.loads(done(*night(owner, FORGOTTEN_ID, "nobody"), "--skip-unknown", "--json").stdout)
    assert [each["id"] for each in said["asked"]["skipped"]] == ["nobody"] and said["forgotten_now"] == 1


def test_another_spec_is_refused_by_what_differs(owner: Owner) -> None:
    before = owner.check()
    (owner.folder / "spec.toml").write_text(SPEC.replace("epochs = 4", "epochs = 5"))
    assert_refused(run(night(owner, FORGOTTEN_ID)), "declares another algorithm (method.epochs is 4, not 5)")
    assert owner.check() == before
    said = json.loads(done(*night(owner), "--json").stdout)  # of nobody nothing is to be proved
    assert said["published"] == []


def test_two_newest_proofs_are_refused(owner: Owner) -> None:
    done(*owner.prove_command("other.proof"))
    assert_refused(run(night(owner, FORGOTTEN_ID)), "first.proof, other.proof are superseded by none")


def test_the_first_proof_of_all_may_be_a_nights(made: Path, tmp_path: Path) -> None:
    owner = fresh(made, tmp_path, "first")
    for path in owner.folder.glob("first.*"):
        path.unlink()
    assert json.loads(done(*night(owner), "--json").stdout)["newest"] is None
    said = json.loads(done(*night(owner, FORGOTTEN_ID), "--json").stdout)
    assert said["forgotten"] == 1 and said["newest"] == str(owner.folder / "0001.proof")


class Stopped(Exception):
    """In the place of a kill, where the moment is known."""


def stop(*_: object) -> None:
    raise Stopped


def test_what_was_staged_for_a_proof_that_is_superseded_is_discarded(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody proved by hand after the kill: the next night goes on from there, with the opening that was claimed."""
    before = owner.check()
    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(requests, "note_request", stop)
        zu.forget(owner.data, [FORGOTTEN_ID], zu.load_spec(owner.folder / "spec.toml"), owner.folder)
    assert list((owner.data / STAGED_FOLDER).glob("*.proof")) and (owner.data / CLAIM_FILE).exists()
    done(*owner.prove_command("second.proof", "--forget", OTHER, "--previous", owner.folder / "first.proof"))
    said = json.loads(done(*night(owner, FORGOTTEN_ID), "--json").stdout)
    assert said["forgotten"] == 2 and any("discarded" in note for note in said["notes"])
    assert owner.check() == before + 2 and not (owner.data / CLAIM_FILE).exists()


def test_what_is_staged_and_not_valid_is_not_published(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that gave back other bits: the next run says which file, and nothing leaves the folder."""
    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(requests, "note_request", stop)
        zu.forget(owner.data, [FORGOTTEN_ID], zu.load_spec(owner.folder / "spec.toml"), owner.folder)
    (file,) = (owner.data / STAGED_FOLDER).glob("*.proof")
    proof = zu.TrainingProof.load(file)
    replace(proof, proof=proof.proof[:-1] + bytes([proof.proof[-1] ^ 1])).save(file)
    assert_refused(run(night(owner, FORGOTTEN_ID)), "0001.proof: is not published, as it is not valid")
    assert owner.proofs() == [owner.folder / "first.proof"]


def test_a_data_set_that_is_in_memory_claims_nothing() -> None:
    dataset = zu.commit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1], openings=2)
    with pytest.raises(zu.DataError, match="not stored"):
        claiming(dataset)
