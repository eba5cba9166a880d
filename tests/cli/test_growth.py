"""Data that grows and is put right, through the command line, as owner and auditor."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import zkunlearn as zu
from click.testing import CliRunner, Result
from zkunlearn.circuits.statements.records import segment_seed
from zkunlearn.cli.program import main

from .conftest import FORGOTTEN_ID, done, run

NEW = "sick,weight,name,age\nyes,80,Ann,70\nno,71.5,Bob,33\nno,60,Żółć,20\n"  # in another order of columns
COLUMNS = ("--target", "sick", "--id", "name")
NONCE = "5a" * 32


def add(owner: Path, text: str = NEW, *options: object, command: str = "append", to: str = "more") -> Result:
    (owner / "new.csv").write_text(text, encoding="utf-8")
    return run(command, owner / "data", owner / "new.csv", *COLUMNS, "--out", owner / to, *options)


@pytest.fixture(scope="module")
def grown(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set that grew, was put right and grew again, with a chain of proofs over all of it."""
    owner = Path(shutil.copytree(made, tmp_path_factory.mktemp("grown") / "owner"))
    (owner / "new.csv").write_text(NEW, encoding="utf-8")
    spec = ("--spec", owner / "spec.toml")
    done("append", owner / "data", owner / "new.csv", *COLUMNS, "--out", owner / "more")
    third = ("--previous", owner / "second.proof", "--out", owner / "third.proof")
    done("prove", owner / "more", *spec, *third, "--forget", "Ann")
    (owner / "right.csv").write_text("name,age,weight,sick\nBob,34,71.5,no\nŻółć 01,50,80,yes\n", encoding="utf-8")
    done("rectify", owner / "more", owner / "right.csv", *COLUMNS, "--out", owner / "right")
    return owner


@pytest.fixture
def copy(grown: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(grown, tmp_path / "copy"))


def test_a_chain_goes_on_over_a_growth(grown: Path) -> None:
    audit = ("verify", grown / "third.proof", "--dataset", grown / "more" / "dataset.commitment")
    previous, link = ("--previous", grown / "second.proof"), ("--link", grown / "more" / "dataset.link")
    result = done(*audit, *previous, *link, "--json")
    answer = json.loads(result.stdout)
    assert (answer["valid"], answer["pinned"], answer["dataset"]["rows"]) == (True, ["previous"], 27)
    assert [segment["rows"] for segment in answer["dataset"]["segments"]] == [24, 3]
    assert len(answer["forgotten"]) == 2
    assert "INVALID: the previous proof is about another data set" in run(*audit, *previous).stdout
    lines = " ".join(done(*audit).stdout.split())
    assert "segments 2, of 24, 3 rows; the smallest has 3 rows" in lines


def test_old_rows_keep_their_places(grown: Path) -> None:
    old, new = zu.load_dataset(grown / "data"), zu.load_dataset(grown / "more")
    assert list(new.ids[:24]) == list(old.ids) and set(new.ids[24:]) == {"Ann", "Bob", "Żółć"}
    assert new.records_at(range(24)) == old.records_at(range(24))


def test_a_link_says_what_it_is(grown: Path) -> None:
    result = done("inspect", grown / "right" / "dataset.link", "--json")
    said = json.loads(result.stdout)
    assert (said["rows"], said["added"], said["superseded"]) == (29, 2, 2)
    text = " ".join(done("inspect", grown / "right" / "dataset.link").stdout.split())
    assert "27 rows before, 2 added" in text and "2 rows before, in whose place others were added" in text
    assert "goes on with all rows of the old one" in done("verify", grown / "right" / "dataset.link").stdout


def test_rows_that_were_put_right_are_told_until_they_are_forgotten(copy: Path) -> None:
    public = copy / "public"
    public.mkdir()
    for name in ("first.proof", "second.proof", "third.proof"):
        shutil.copy(copy / name, public)
    for folder in ("data", "more", "right"):
        shutil.copy(copy / folder / "dataset.commitment", public / f"{folder}.commitment")
        if folder != "data":
            shutil.copy(copy / folder / "dataset.link", public / f"{folder}.link")
    told = " ".join(done("verify", "--chain", public).stdout.split())
    assert "rows that are superseded, to be forgotten by trainings from here on: 2" in told

    spec = ("--spec", copy / "spec.toml")
    fourth = ("--previous", copy / "third.proof", "--out", copy / "fourth.proof")
    result = done("prove", copy / "right", *spec, *fourth)
    assert "2 rows that were rectified since are forgotten, too" in result.stderr
    shutil.copy(copy / "fourth.proof", public)
    history = json.loads(done("verify", "--chain", public, "--json").stdout)
    assert history["valid"] is True and history["forks"] == []
    notes = {entry["file"]: " ".join(entry["notes"]) for entry in history["entries"]}
    assert "still count" not in notes["fourth.proof"]
    proof = zu.TrainingProof.load(copy / "fourth.proof")
    right = zu.load_dataset(copy / "right")
    gone = sorted(right.ids[position] for position in proof.statement.positions)
    assert gone == sorted(["Ann", "Bob", FORGOTTEN_ID, "Żółć 01"])


def test_a_training_that_counts_what_was_put_right_is_told(copy: Path) -> None:
    """An owner's program might not forget them; the history says so."""
    right = zu.load_dataset(copy / "right")
    right.superseded = ()
    public = copy / "public"
    public.mkdir()
    zu.prove(right, zu.load_spec(copy / "spec.toml")).proof.save(public / "lax.proof")
    for name in ("dataset.link", "dataset.commitment"):
        shutil.copy(copy / "right" / name, public)
    shutil.copy(copy / "more" / "dataset.commitment", public / "old.commitment")
    told = " ".join(run("verify", "--chain", public).stdout.split())
    assert "rows that were put right since still count as they were: 2" in told


def test_two_growths_of_one_data_set_are_a_fork(copy: Path) -> None:
    add(copy, NEW.replace("Ann", "Eve"), to="other")
    public = copy / "public"
    public.mkdir()
    for folder in ("data", "more", "other"):
        shutil.copy(copy / folder / "dataset.commitment", public / f"{folder}.commitment")
        if folder != "data":
            shutil.copy(copy / folder / "dataset.link", public / f"{folder}.link")
    result = run("verify", "--chain", public)
    assert result.exit_code == 1
    assert "FORK 'more.link' and 'other.link' lead on from the same data set" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (NEW.replace("Ann", "Żółć 03"), "new.csv: line 2: id 'Żółć 03' is in the data set already"),
        (NEW.replace("Bob", "Ann"), "new.csv: line 3, column 'name': id 'Ann' is also that of line 2"),
        (NEW.replace("70", "121"), "new.csv: line 2, column 'age': 121.0 is outside the bounds"),
        (NEW.replace("70", "old"), "new.csv: line 2, column 'age': 'old' is not a number"),
        (NEW.replace("yes", "maybe"), "new.csv: line 2, column 'sick': 'maybe' is no class"),
        (NEW.replace("age", "years"), "no column 'age'"),
        ("name,age,weight,sick,height\nAnn,70,80,yes,180\n", "a column too many, 'height'"),
        ("name,age,weight,sick\n", "there is a header, but no row"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_line_and_column(owner: Path, text: str, reason: str) -> None:
    result = add(owner, text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert reason in result.stderr
    assert not (owner / "more").exists() and zu.load_dataset(owner / "data").spent == 3


def test_whoever_was_forgotten_does_not_come_back(owner: Path) -> None:
    result = add(owner, NEW.replace("Ann", FORGOTTEN_ID), "--several-rows-per-id")
    assert result.exit_code == 2
    assert f"id '{FORGOTTEN_ID}' was forgotten, and its rows are still there" in result.stderr
    result = add(owner, NEW.replace("Ann", "Żółć 03"), "--several-rows-per-id")
    assert result.exit_code == 0


def test_whoever_was_forgotten_before_a_growth_does_not_come_back_after_it(copy: Path) -> None:
    """Proofs of the data set before count, too."""
    (copy / "new.csv").write_text(NEW.replace("Ann", FORGOTTEN_ID), encoding="utf-8")
    (copy / "third.proof").unlink()  # which says it again
    more = (copy / "more", copy / "new.csv", *COLUMNS, "--several-rows-per-id", "--out", copy / "yet")
    result = run("append", *more)
    assert result.exit_code == 2 and "was forgotten, and its rows are still there" in result.stderr


def test_only_rows_that_are_there_can_be_put_right(owner: Path) -> None:
    result = add(owner, command="rectify")
    assert result.exit_code == 2 and "3 ids are not in the data set: 'Ann', 'Bob', 'Żółć'" in result.stderr
    (owner / "new.csv").write_text(NEW, encoding="utf-8")
    result = run("rectify", owner / "data", owner / "new.csv", "--target", "sick", "--out", owner / "more")
    assert result.exit_code == 2 and "--id is needed" in result.stderr


def test_numbers_of_rows_go_on(made: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,y\n1,0\n2,1\n3,1\n", encoding="utf-8")
    done("commit", table, "--target", "y", "--out", tmp_path / "data")
    table.write_text("y,a\n0,2.5\n", encoding="utf-8")
    done("append", tmp_path / "data", table, "--target", "y", "--out", tmp_path / "more")
    assert list(zu.load_dataset(tmp_path / "more").ids)[3:] == ["4"]


def test_a_nonce_enters_the_order_of_new_rows(owner: Path) -> None:
    for wrong in ("5a", "zz" * 32):
        result = add(owner, NEW, "--nonce", wrong)
        assert result.exit_code == 2 and "must be 64 hexadecimal characters" in result.stderr
    assert add(owner, NEW, "--nonce", NONCE, "--ask-nonce").exit_code == 2
    assert add(owner, NEW, "--nonce", NONCE).exit_code == 0
    old, new = zu.load_dataset(owner / "data").statement, zu.load_dataset(owner / "more").statement
    assert new.segments[-1].nonce == bytes.fromhex(NONCE)
    text = done("inspect", owner / "more" / "dataset.commitment").stdout
    assert "in the order of 1 segment of 2" in " ".join(text.split())
    (owner / "new.csv").write_text(NEW.replace("Ann", "Eve"), encoding="utf-8")
    asking = ["append", owner / "data", owner / "new.csv", *COLUMNS, "--out", owner / "asked", "--ask-nonce"]
    result = CliRunner().invoke(main, list(map(str, asking)), input=f"none\n{NONCE}\n")
    assert result.exit_code == 0, result.output
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("root over the new records: "))
    asked = zu.load_dataset(owner / "asked").statement.segments[-1]
    root = bytes.fromhex(line.removeprefix("root over the new records: "))
    assert asked.seed == segment_seed(24, 27, root, old.segments[0].seed, bytes.fromhex(NONCE))


def test_a_place_that_is_taken_is_refused_before_work(owner: Path) -> None:
    assert add(owner, NEW, to="data").exit_code == 2
    (owner / "new").mkdir()
    (owner / "new" / "dataset.link").write_bytes(b"")
    result = add(owner, NEW, to="new")
    assert result.exit_code == 2 and "dataset.link: is there already" in result.stderr
    assert zu.load_dataset(owner / "data").spent == 3


def test_a_damaged_or_strange_link_beside_a_data_set_is_named(copy: Path) -> None:
    link = copy / "more" / "dataset.link"
    shutil.copy(copy / "right" / "dataset.link", link)
    result = run("prove", copy / "more", "--spec", copy / "spec.toml", "--out", copy / "x.proof")
    assert result.exit_code == 2 and "leads to another data set than dataset.commitment beside it" in result.stderr
    link.write_bytes(b"x")
    result = run("prove", copy / "more", "--spec", copy / "spec.toml", "--out", copy / "x.proof")
    assert result.exit_code == 2 and "dataset.link" in result.stderr


def test_small_segments_are_told_where_batches_hang_on_them(copy: Path) -> None:
    spec = copy / "batches.toml"
    spec.write_text((copy / "spec.toml").read_text() + "batch_size = 8\n")
    done("prove", copy / "more", "--spec", spec, "--out", copy / "batches.proof")
    audit = ("verify", copy / "batches.proof", "--dataset", copy / "more" / "dataset.commitment")
    told = " ".join(done(*audit).stdout.split())
    assert "which rows share a batch or a shard hangs on a segment of only 3 rows, without a nonce" in told
    assert (
        "hangs on a segment"
        not in done("verify", copy / "third.proof", "--dataset", copy / "more" / "dataset.commitment").stdout
    )
