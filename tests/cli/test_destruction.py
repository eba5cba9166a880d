"""Rows that are destroyed, through the command line: what is proved, what is wiped, what goes on."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zkunlearn as zu

from .conftest import COLUMNS_OF_NEW, FORGOTTEN_ID, done, run

OTHER_ID = "Żółć 03"


@pytest.fixture(scope="module")
def destroyed(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    owner = Path(shutil.copytree(made, tmp_path_factory.mktemp("destroyed") / "owner"))
    done("register", owner / "data")
    for name in (FORGOTTEN_ID, OTHER_ID):
        done("receipt", owner / "data", "--id", name, "--out", owner / f"{name}.receipt")
    cells = zu.load_dataset(owner / "data").rows
    (position,) = cells.positions([FORGOTTEN_ID])
    found = cells.blinds[:, position].astype("<u8").tobytes(), cells.salts[position].tobytes()
    (owner / "needles").write_bytes(b"".join(found))
    done("recommit", owner / "data", "--out", owner / "fresh")  # another that has the row
    done("register", owner / "fresh")
    done("prove", owner / "fresh", "--spec", owner / "spec.toml", "--previous", owner / "second.proof",
         "--out", owner / "third.proof")  # fmt: skip
    for name in ("curve.png", "Evidence.HTML", "notes.txt"):
        (owner / "data" / name).write_text("of the owner")
    result = done("destroy", owner / "fresh", "--id", FORGOTTEN_ID, "--out", owner / "less", "--json")
    (owner / "said.json").write_text(result.stdout)
    return owner


def test_what_is_wiped_is_said_and_gone(destroyed: Path) -> None:
    said = json.loads((destroyed / "said.json").read_text())
    assert {Path(path).name for path in said["datasets"]} == {"data", "fresh"}
    assert [Path(path).name for path in said["models"]] == ["first.model.opening"]
    assert [Path(path).name for path in said["receipts"]] == [f"{FORGOTTEN_ID}.receipt"]
    assert (said["destroyed"], said["left"], said["holes"]) == (1, [], 1)
    assert [Path(path).name for path in said["pages"]] == ["Evidence.HTML", "curve.png"]
    assert all((destroyed / "data" / Path(path).name).read_text() == "of the owner" for path in said["pages"])
    for folder in ("data", "fresh"):
        left = {path.name for path in (destroyed / folder).iterdir()}
        assert not left & {"dataset.secrets", "dataset.opening", "dataset.tree"}
        assert {"dataset.commitment", "dataset.registration"} <= left
    assert (destroyed / f"{OTHER_ID}.receipt").exists() and (destroyed / "second.model.opening").exists()


def test_nothing_of_the_row_is_left_in_any_file(destroyed: Path) -> None:
    needles = (destroyed / "needles").read_bytes()
    wanted = [needles[:8], needles[8:16], needles[16:], FORGOTTEN_ID.encode()]
    for path in destroyed.rglob("*"):
        if path.is_file() and path.name not in ("needles", "said.json", "t.csv"):
            data = path.read_bytes()
            assert not [part for part in wanted if part in data], path


def test_the_row_is_zero_and_its_record_and_all_others_stay(destroyed: Path) -> None:
    less = zu.load_dataset(destroyed / "less")
    (hole,) = less.statement.holes
    assert not less.rows.by_feature[:, hole].any() and not less.rows.blinds[:, hole].any()
    assert not less.rows.salts[hole].any() and less.ids[hole] == ""
    assert less.rows.record_root == less.statement.record_root
    second = zu.TrainingProof.load(destroyed / "second.proof")
    assert less.records_at([hole]) == second.statement.forgotten
    with pytest.raises(zu.DataError, match="is not in the data set"):
        less.records([FORGOTTEN_ID])
    assert np.count_nonzero(less.rows.blinds) == 2 * (less.statement.rows - 1)


def test_the_chain_goes_on_and_old_receipts_hold(destroyed: Path, tmp_path: Path) -> None:
    owner = Path(shutil.copytree(destroyed, tmp_path / "owner"))
    spec = ("--spec", owner / "spec.toml")
    done("prove", owner / "less", *spec, "--previous", owner / "third.proof", "--out", owner / "fourth.proof")
    audit = ("verify", owner / "fourth.proof", "--dataset", owner / "less" / "dataset.commitment")
    done(*audit, "--previous", owner / "third.proof", "--link", owner / "less" / "dataset.link")
    fourth, third = (zu.Model.load(owner / f"{name}.model.opening") for name in ("fourth", "third"))
    assert (fourth.weights == third.weights).all()
    (owner / "new.csv").write_text(f"name,age,weight,sick\n{FORGOTTEN_ID},40,70,no\n", encoding="utf-8")
    done("append", owner / "less", owner / "new.csv", *COLUMNS_OF_NEW, "--out", owner / "more")  # she comes back
    more = zu.load_dataset(owner / "more")
    assert more.statement.holes == zu.load_dataset(owner / "less").statement.holes
    done("prove", owner / "more", *spec, "--previous", owner / "fourth.proof", "--out", owner / "fifth.proof")
    lines = " ".join(done("inspect", owner / "more" / "dataset.commitment").stdout.split())
    assert "destroyed 1 row, which no training can count" in lines
    done("register", owner / "less")
    done("verify", owner / "less/dataset.registration", owner / "less/dataset.commitment", owner / "less/dataset.link",
         owner / "fresh/dataset.link")  # fmt: skip


def test_what_is_not_forgotten_or_not_registered_is_not_destroyed(owner: Path) -> None:
    command = ("destroy", owner / "data", "--out", owner / "less")
    result = run(*command, "--id", FORGOTTEN_ID)
    assert result.exit_code == 2 and "has no registration of this data set" in result.stderr
    result = run(*command, "--id", OTHER_ID, "--unregistered")
    assert result.exit_code == 2
    assert f"id '{OTHER_ID}' is forgotten by no proof that is at hand: first forget, then destroy" in result.stderr
    result = run(*command, "--id", "nobody", "--unregistered")
    assert result.exit_code == 2 and "is not in the data set" in result.stderr
    assert run(*command).exit_code == 2
    assert (owner / "data" / "dataset.secrets").exists() and not (owner / "less").exists()
    done(*command, "--id", FORGOTTEN_ID, "--unregistered")
    assert not (owner / "data" / "dataset.secrets").exists()


def test_a_run_that_was_killed_before_it_wiped_is_finished_by_the_next(
    owner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("destroy", owner / "data", "--out", owner / "less", "--id", FORGOTTEN_ID, "--unregistered")
    with monkeypatch.context() as patch:
        patch.setattr("zkunlearn.prover.owner.wiping.wipe", lambda path: 1 / 0)
        assert run(*command).exit_code == 3
    assert (owner / "data" / "dataset.secrets").exists()
    new = (owner / "less" / "dataset.commitment").read_bytes()
    shutil.rmtree(owner / "data" / "dataset.secrets")  # some of it went
    done(*command)
    assert (owner / "less" / "dataset.commitment").read_bytes() == new
    assert not (owner / "data" / "dataset.opening").exists()


def test_what_lies_elsewhere_is_wiped_and_what_is_of_others_is_not(owner: Path, tmp_path: Path) -> None:
    """The old data set need not be beside the new one; and people of other data sets may have the same names."""
    others = owner / "others"
    done("commit", owner / "t.csv", *COLUMNS_OF_NEW, "--bounds", owner / "bounds.toml", "--out", others)
    done("receipt", others, "--id", FORGOTTEN_ID, "--out", owner / "theirs.receipt")
    done("receipt", owner / "data", "--id", FORGOTTEN_ID, "--out", owner / "hers.receipt")
    (tmp_path / "away").mkdir()
    command = ("destroy", owner / "data", "--out", tmp_path / "away" / "less", "--unregistered")
    said = json.loads(done(*command, "--id", FORGOTTEN_ID, "--json").stdout)
    assert [Path(path).name for path in said["datasets"]] == ["data"]
    assert not (owner / "data" / "dataset.secrets").exists() and not (owner / "hers.receipt").exists()
    assert (others / "dataset.secrets").exists() and (owner / "theirs.receipt").exists()


def test_a_data_set_that_has_gone_on_with_other_rows_is_not_wiped_unasked(owner: Path) -> None:
    """Her row is in it, too, but so are rows that the new data set would not have."""
    (owner / "new.csv").write_text("name,age,weight,sick\nAnn,40,70,no\n", encoding="utf-8")
    done("append", owner / "data", owner / "new.csv", *COLUMNS_OF_NEW, "--out", owner / "more")
    command = ("destroy", owner / "data", "--out", owner / "less", "--id", FORGOTTEN_ID, "--unregistered")
    before = zu.load_dataset(owner / "data").spent
    result = run(*command)
    assert result.exit_code == 2 and "more: this data set has rows of its own, which would be lost" in result.stderr
    assert zu.load_dataset(owner / "data").spent == before and not (owner / "less").exists()
    new, _ = zu.destroy(zu.load_dataset(owner / "data"), [FORGOTTEN_ID])
    new.save(owner / "less")
    with pytest.raises(zu.DataError, match="rows of its own, which would be lost"):
        zu.wipe_rows(new, [FORGOTTEN_ID])
    assert (owner / "data" / "dataset.opening").exists() and (owner / "more" / "dataset.opening").exists()
    shutil.rmtree(owner / "less")
    done("destroy", owner / "more", *command[2:])
    assert not any((owner / name / "dataset.opening").exists() for name in ("data", "more"))
    assert "Ann" in zu.load_dataset(owner / "less").ids


def test_unused_noise_of_models_that_would_have_counted_the_row_is_wiped(owner: Path) -> None:
    """The weights before noise are in its file. What was used holds nothing, and other noise is still good."""
    spec = zu.TrainingSpec(model="logistic", method="noisy", l2=0.25)
    data = zu.load_dataset(owner / "data")
    done("commit", owner / "t.csv", *COLUMNS_OF_NEW, "--bounds", owner / "bounds.toml", "--out", owner / "others")
    others = zu.load_dataset(owner / "others")
    for name, where, forget in (("hers", data, []), ("used", data, []), ("less", data, [FORGOTTEN_ID]),
                                ("theirs", others, [])):  # fmt: skip
        zu.commit_noise(where, spec, "a beacon", forget).save(owner / f"{name}.noise.opening")
    zu.prove(data, spec, noise=zu.Noise.load(owner / "used.noise.opening"), nonce=bytes(32))
    (owner / "odd.noise.opening").write_bytes(b"?")
    command = ("destroy", owner / "data", "--id", FORGOTTEN_ID, "--out", owner / "without", "--unregistered", "--json")
    said = json.loads(done(*command).stdout)
    assert [Path(path).name for path in said["noise"]] == ["hers.noise.opening"]
    assert [Path(path).name for path in said["left"]] == ["odd.noise.opening"]
    left = {path.name for path in owner.glob("*.noise*")}
    assert "hers.noise" in left and "hers.noise.opening" not in left
    assert {f"{name}.noise.opening" for name in ("used", "less", "theirs", "odd")} <= left


def test_the_new_folder_may_be_in_one_that_is_not_there_yet(owner: Path) -> None:
    command = ("destroy", owner / "data", "--id", FORGOTTEN_ID, "--unregistered")
    done(*command, "--out", owner / "new" / "less")
    assert not (owner / "data" / "dataset.opening").exists() and (owner / "new" / "less" / "dataset.opening").exists()


def test_rows_that_are_still_there_are_not_said_to_be_destroyed(owner: Path) -> None:
    """A run like one before it, but for other people, finds a data set that was made for those."""
    done("receipt", owner / "data", "--id", OTHER_ID, "--out", owner / "other.receipt")
    command = ("destroy", owner / "data", "--out", owner / "less", "--unregistered")
    done(*command, "--id", FORGOTTEN_ID)
    result = run(*command, "--id", OTHER_ID)
    assert result.exit_code == 2
    assert f"the rows of id '{OTHER_ID}' are not destroyed in this data set" in result.stderr
    assert (owner / "other.receipt").exists()


def test_a_data_set_that_is_not_valid_on_disk_wipes_nothing(owner: Path) -> None:
    data = zu.load_dataset(owner / "data")
    new, link = zu.destroy(data, [FORGOTTEN_ID])
    new.save(owner / "less")
    replace(link, proof=link.proof[:-1] + bytes([link.proof[-1] ^ 1])).save(owner / "less" / "dataset.link")
    with pytest.raises(zu.InvalidProof):
        zu.wipe_rows(new, [FORGOTTEN_ID])
    assert (owner / "data" / "dataset.secrets").exists()
    with pytest.raises(zu.DataError, match="no rows were destroyed in this data set"):
        zu.wipe_rows(data, [FORGOTTEN_ID])
