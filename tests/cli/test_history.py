"""Several files at once, whole histories, and how they fork."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import zkunlearn as zu
from click.testing import Result

from .conftest import SPEC, done, run

OTHER_SPEC = SPEC.replace("epochs = 4", "epochs = 5")


def words(result: Result) -> str:
    return " ".join(result.stdout.split())


def verdicts(result: Result) -> list[str]:
    """The verdict lines, without what is measured."""
    lines = [line.split(" (")[0] for line in result.stdout.splitlines()]
    return [line for line in lines if line.startswith(("VALID", "INVALID", "CANNOT SAY"))]


def fresh_folder(source: Path, folder: Path) -> Path:
    folder.mkdir()
    for name in ("data/dataset.commitment", "first.proof", "second.proof"):
        shutil.copy(source / name, folder)
    return folder


@pytest.fixture(scope="module")
def story(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A longer history: another algorithm, a recommitment, and a fork apart."""
    owner = Path(shutil.copytree(made, tmp_path_factory.mktemp("story") / "owner"))
    (owner / "other.toml").write_text(OTHER_SPEC)
    second, third = owner / "second.proof", owner / "third.proof"
    done("prove", owner / "data", "--spec", owner / "other.toml", "--previous", second, "--out", third)
    done("recommit", owner / "data", "--openings", 4, "--out", owner / "fresh")
    common = ("prove", owner / "fresh", "--spec", owner / "other.toml", "--previous", third)
    done(*common, "--out", owner / "fourth.proof")
    (owner / "apart").mkdir()
    spec = ("--spec", owner / "spec.toml", "--forget", "Żółć 02")
    done(
        "prove", owner / "data", *spec, "--previous", owner / "first.proof", "--fork", "--out", owner / "apart/f.proof"
    )
    return owner


@pytest.fixture
def public(story: Path, tmp_path: Path) -> Path:
    """What an auditor has of it, without the fork."""
    folder = fresh_folder(story, tmp_path / "public")
    for name in ("third.proof", "fourth.proof", "fresh/dataset.link"):
        shutil.copy(story / name, folder)
    shutil.copy(story / "fresh/dataset.commitment", folder / "fresh.commitment")
    return folder


# --- files by what they are ---------------------------------------------------------------------------------


def test_every_public_file_is_verified_by_what_it_is(story: Path) -> None:
    assert verdicts(done("verify", story / "data/dataset.commitment"))[0].endswith("is in its declared range")
    result = done("verify", story / "fresh/dataset.link")
    assert verdicts(result) == ["VALID: the new data set goes on with all rows of the old one"]
    assert words(result).count("whose own proof was not checked") == 2
    answer = json.loads(done("verify", story / "data/dataset.commitment", "--json").stdout)
    assert answer["valid"] is True and answer["dataset"]["rows"] == 24


def test_the_commitment_may_lie_beside_the_proof_or_among_the_files(made: Path, tmp_path: Path) -> None:
    folder = fresh_folder(made, tmp_path / "public")
    done("verify", folder / "first.proof")
    (folder / "dataset.commitment").unlink()
    (folder / "damaged.commitment").write_bytes(b"x")
    result = run("verify", folder / "first.proof")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "neither among the files nor beside it" in result.stderr
    done("verify", folder / "first.proof", made / "data/dataset.commitment")


def test_several_files_follow_each_other_s_references(public: Path) -> None:
    files = [public / name for name in ("second.proof", "first.proof", "dataset.commitment")]
    result = done("verify", *files)
    assert [line.split(": ")[1] for line in verdicts(result)] == [f"'{file}'" for file in files]
    assert "pinned data set, previous not pinned" in words(result)
    assert "was compared" not in words(result)  # checked, too
    answer = json.loads(done("verify", *files, "--json").stdout)
    assert answer["valid"] is True
    assert answer["files"][0]["pinned"] == ["previous"]
    assert answer["files"][0]["not_followed"] == [
        "the algorithm was not pinned: it is what the owner declared",
        "the forget list was not pinned: it is what the owner declared",
    ]
    assert len(done("verify", *files, "--quiet").stdout.splitlines()) == 3


def test_a_link_among_the_files_is_used(public: Path) -> None:
    both = (public / "fourth.proof", public / "third.proof")
    assert "the link from its data set to this one, was not given" in words(done("verify", *both))
    assert "pinned data set, previous" in words(done("verify", *both, public / "dataset.link"))


def test_one_invalid_file_makes_all_end_by_one_and_others_keep_their_verdicts(public: Path) -> None:
    lie = zu.TrainingProof.load(public / "second.proof")
    replace(lie, proof=lie.proof[:-1] + bytes([lie.proof[-1] ^ 1])).save(public / "lie.proof")
    result = run("verify", public / "first.proof", public / "lie.proof", public / "none.proof")
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in verdicts(result)] == ["VALID", "INVALID", "CANNOT SAY"]
    result = run("verify", public / "first.proof", public / "none.proof")
    assert result.exit_code == 2
    answer = json.loads(run("verify", public / "first.proof", public / "none.proof", "--json").stdout)
    assert (answer["valid"], answer["files"][1]["valid"]) == (None, None)


def test_options_that_would_pin_nothing_are_refused(public: Path, story: Path) -> None:
    commitment = public / "dataset.commitment"
    for arguments, found in (
        ((commitment, "--spec", story / "spec.toml"), "there is none among the files"),
        ((public / "first.proof", public / "second.proof", "--forget-file", story / "second.forgotten"), "several"),
        (("--chain", public, "--spec", story / "spec.toml"), "no other option"),
        (("--chain", public, commitment), "no FILE"),
        ((), "Missing argument"),
    ):
        result = run("verify", *arguments)
        assert (result.exit_code, result.stdout) == (2, ""), result.output
        assert found in result.stderr


def test_a_recommitment_that_is_not_used_or_of_others_is_refused(public: Path) -> None:
    link, dataset = public / "dataset.link", ("--dataset", public / "dataset.commitment")
    result = run("verify", public / "first.proof", *dataset, "--link", link)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "link the data set of `previous`, which is not given" in result.stderr
    previous = ("--previous", public / "first.proof", "--link", link)
    result = run("verify", public / "second.proof", *dataset, *previous)
    assert result.exit_code == 1
    assert "do not lead from the data set of the previous proof to this one" in result.stdout


def test_another_algorithm_than_before_is_told_and_can_be_pinned(public: Path, story: Path) -> None:
    audit = ("verify", public / "third.proof", "--previous", public / "second.proof")
    result = done(*audit)
    assert "changed" in result.stdout and "epochs" in words(result).split("changed")[1]
    done(*audit, "--spec", story / "other.toml")
    result = run(*audit, "--spec", story / "spec.toml")
    assert result.exit_code == 1 and "another algorithm" in result.stdout


def test_several_files_are_inspected(public: Path, story: Path) -> None:
    files = (public / "first.proof", story / "spec.toml", story / "second.forgotten")
    result = done("inspect", *files)
    assert [part in result.stdout for part in ("Training proof", "Training spec", "Forget list")] == [True] * 3
    assert [each["kind"] for each in json.loads(done("inspect", *files, "--json").stdout)["files"]] == [
        "training", "spec", "forget list",
    ]  # fmt: skip
    result = run("inspect", *files, "none")
    assert (
        result.exit_code == 2 and "Training proof" in result.stdout and "none: there is no such file" in result.stderr
    )


def test_a_file_is_inspected_by_what_it_is_whatever_its_name(public: Path, story: Path, tmp_path: Path) -> None:
    for source, name, kind in (
        (public / "first.proof", "a.toml", "training"),
        (public / "first.proof", "a.forgotten", "training"),
        (story / "spec.toml", "spec", "spec"),
        (story / "second.forgotten", "list.txt", "forget list"),
    ):
        shutil.copy(source, tmp_path / name)
        assert json.loads(done("inspect", tmp_path / name, "--json").stdout)["kind"] == kind


# --- a whole history ----------------------------------------------------------------------------------------


def test_a_history_is_checked_in_order_and_told_in_one_table(public: Path) -> None:
    result = done("verify", "--chain", public)
    rows = [line.split("  ")[1].strip("'") for line in result.stdout.splitlines()[2:] if line.endswith(" VALID")]
    assert rows[-4:] == ["first.proof", "second.proof", "third.proof", "fourth.proof"]
    assert verdicts(result) == ["VALID: 7 files, 1 chain without a fork"]
    assert "another algorithm than before" in words(result)
    assert "it supersedes nothing" in words(result)
    answer = json.loads(done("verify", "--chain", public, "--json").stdout)
    assert (answer["valid"], answer["forks"], answer["roots"]) == (True, [], ["first.proof"])
    assert len(done("verify", "--chain", public, "--quiet").stdout.splitlines()) == 1


def test_an_owner_s_folder_is_a_history_too(made: Path) -> None:
    assert verdicts(done("verify", "--chain", made)) == ["VALID: 3 files, 1 chain without a fork"]


def test_two_successors_are_a_fork(public: Path, story: Path) -> None:
    shutil.copy(story / "apart/f.proof", public / "f.proof")
    result = run("verify", "--chain", public)
    assert result.exit_code == 1
    assert verdicts(result) == ["INVALID: the history forks 1 time"]
    assert "FORK 'f.proof' and 'second.proof' supersede the same statement" in words(result)
    assert zu.verify_chain(public).forks == (("f.proof", "second.proof"),)


@pytest.mark.parametrize(
    ("missing", "found"),
    [
        ("first.proof", "which is not here"),
        ("second.proof", "which is not here"),
        ("dataset.commitment", "that it is about is not here"),
        ("dataset.link", "the link from the data set of 'third.proof' to its own is not here"),
    ],
)
def test_what_is_missing_is_no_verdict(public: Path, missing: str, found: str) -> None:
    (public / missing).unlink()
    result = run("verify", "--chain", public)
    assert result.exit_code == 2
    assert verdicts(result)[-1].startswith("CANNOT SAY: ")
    assert found in words(result)


def test_a_folder_without_a_proof_is_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("zkunlearn")
    result = run("verify", "--chain", tmp_path)
    assert (result.exit_code, verdicts(result)) == (2, ["CANNOT SAY: there is no proof here"])
    assert run("verify", "--chain", tmp_path / "none").exit_code == 2


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-40] + bytes([data[-40] ^ 1]) + data[-39:])


@pytest.mark.parametrize("name", ["dataset.commitment", "dataset.link", "first.proof"])
@pytest.mark.parametrize("spoil", [damage, flip])
def test_one_bad_file_makes_a_history_invalid(public: Path, name: str, spoil: Callable[[Path], None]) -> None:
    spoil(public / name)
    result = run("verify", "--chain", public)
    assert result.exit_code == 1
    assert f"'{name}'" in verdicts(result)[-1]


def test_a_row_that_comes_back_contradicts_the_history(public: Path) -> None:
    second, third = (zu.TrainingProof.load(public / name) for name in ("second.proof", "third.proof"))
    lie = replace(third.statement, forgotten=())
    objects = [zu.Proof.load(public / "dataset.commitment"), second, zu.TrainingProof(lie, third.proof, third.attached)]
    entry = zu.verify_chain(objects).entries[-1]
    assert entry.verdict == "invalid"
    assert any("a row that the previous proof forgot is not forgotten in this one" in note for note in entry.notes)


def test_a_history_of_objects_has_their_numbers_and_refuses_what_is_none(public: Path) -> None:
    files = [public / name for name in ("first.proof", "dataset.commitment", "second.proof")]
    history = zu.verify_chain([files[0], *(zu.Proof.load(file) for file in files[1:])])
    assert [entry.name for entry in history.entries] == ["proof 2", str(files[0]), "proof 3"]
    assert (history.verdict, history.roots) == ("valid", (str(files[0]),))
    with pytest.raises(zu.ParameterError, match="expected Proof, found bytes"):
        zu.verify_chain([b"x"])  # type: ignore[list-item]


def test_names_of_files_forge_no_row(public: Path) -> None:
    name = "first.proof'  training proof     0          nothing        VALID\nx"
    (public / "first.proof").rename(public / f"{name}.proof")
    for line in done("verify", "--chain", public).stdout.splitlines():
        assert line.isprintable()
    assert verdicts(done("verify", "--chain", public)) == ["VALID: 7 files, 1 chain without a fork"]


# --- the owner ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known_by", ["folder", "record"])
def test_proving_a_second_successor_is_refused_without_fork(owner: Path, tmp_path: Path, known_by: str) -> None:
    if known_by == "record":
        (owner / "second.proof").rename(tmp_path / "second")
    else:
        (owner / "data/dataset.history").unlink()
    common = ("prove", owner / "data", "--spec", owner / "spec.toml", "--previous", owner / "first.proof")
    spent = (owner / "data/dataset.opening").read_bytes()
    result = run(*common, "--out", owner / "x.proof")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "supersedes that proof already" in result.stderr and "--fork" in result.stderr
    assert (owner / "data/dataset.opening").read_bytes() == spent
    done(*common, "--fork", "--out", owner / "x.proof")


def test_a_proof_that_supersedes_nothing_though_others_do_is_pointed_out(owner: Path) -> None:
    common = ("prove", owner / "data", "--spec", owner / "spec.toml")
    assert "note: this supersedes nothing" in done(*common, "--out", owner / "x.proof").stderr
    assert "note: this" not in done(*common, "--previous", owner / "second.proof", "--out", owner / "y.proof").stderr


# --- arguments of another type ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pins", "found"),
    [
        ({"spec": "spec.toml"}, "spec: expected TrainingSpec, found str"),
        ({"forget": ["00" * 32]}, "forget: a record digest is bytes, found str"),
        ({"forget": "00" * 32}, "forget: a list of record digests"),
        ({"previous": "first.proof"}, "previous: expected TrainingProof, found str"),
        ({"links": ["x"]}, "links: expected LinkProof, found str"),
        ({"known_dataset": "00" * 32}, "known_dataset: expected bytes, found str"),
        ({"known_dataset": b"00"}, "a digest has 32 bytes, not 2"),
    ],
)
def test_a_pin_of_another_type_is_refused_by_name(made: Path, pins: dict[str, object], found: str) -> None:
    proof = zu.TrainingProof.load(made / "first.proof")
    with pytest.raises(zu.ParameterError, match=found):
        zu.verify(proof, zu.DatasetCommitment.load(made / "data/dataset.commitment"), **pins)  # type: ignore[arg-type]


def test_a_known_data_set_that_is_another_one_is_a_mismatch(made: Path) -> None:
    proof, dataset = zu.TrainingProof.load(made / "first.proof"), zu.Proof.load(made / "data/dataset.commitment")
    assert isinstance(dataset, zu.DatasetCommitment)
    with pytest.raises(zu.StatementMismatch, match="another one than the known one"):
        zu.verify(proof, dataset, known_dataset=bytes(32))
    with pytest.raises(zu.ParameterError, match="dataset: expected DatasetCommitment, found TrainingProof"):
        zu.verify(proof, proof)  # type: ignore[arg-type]
    with pytest.raises(zu.ParameterError, match="proof: expected TrainingProof, found DatasetCommitment"):
        zu.verify(dataset, dataset)  # type: ignore[arg-type]
