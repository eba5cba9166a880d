"""commit and prove: what they write, what they refuse to overwrite, and how they fail."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.cli.output import one_line
from zkunlearn.cli.words import label_text
from zkunlearn.formats.lists import read_digests
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.prover.owner.dataset import Dataset

from .conftest import FORGOTTEN_ID, SPEC, done, run, write_table

PROOF_FILES = {"first.proof", "first.model.opening", "second.proof", "second.model.opening", "second.forgotten"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def refusal(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.stderr
    return result.stderr


# --- what is written ----------------------------------------------------------------------------------------


def test_secret_files_are_private_and_nothing_else_is_left_behind(made: Path) -> None:
    assert names(made) == {"t.csv", "spec.toml", "bounds.toml", "data"} | PROOF_FILES
    files = {"dataset.tree", "dataset.commitment", "dataset.opening", "dataset.secrets", "dataset.history", ".lock"}
    assert names(made / "data") == files
    assert stat.S_IMODE((made / "data" / "dataset.secrets").stat().st_mode) == 0o700
    for path in (*made.glob("*.opening"), *made.glob("data/*.opening"), *made.glob("data/dataset.secrets/*")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_forget_list_holds_the_digests_of_the_statement_and_no_id(made: Path) -> None:
    proof = zu.TrainingProof.load(made / "second.proof")
    assert read_digests(made / "second.forgotten") == tuple(record.digest for record in proof.statement.forgotten)
    for path in (made / "second.forgotten", made / "second.proof", made / "data" / "dataset.commitment"):
        assert FORGOTTEN_ID.encode() not in path.read_bytes()


def test_the_right_row_is_forgotten(made: Path) -> None:
    dataset, proof = Dataset.load(made / "data"), zu.TrainingProof.load(made / "second.proof")
    assert [dataset.ids[position] for position in proof.statement.positions] == [FORGOTTEN_ID]


def test_prove_answers_in_json_without_a_secret(owner: Path) -> None:
    result = done("prove", owner / "data", "--spec", owner / "spec.toml", "--out", owner / "x.proof", "--json")
    answer = json.loads(result.stdout)
    assert result.stderr == ""
    assert answer["statement"] == zu.TrainingProof.load(owner / "x.proof").digest.hex()
    assert answer["files"] == {
        "proof": str(owner / "x.proof"),
        "model": str(owner / "x.model.opening"),
        "forgotten": None,
    }
    assert answer["openings_used"] == 4
    assert answer["seconds"]["total"] > 0


def test_quiet_prints_one_line_and_timings_one_more(owner: Path) -> None:
    common = ("prove", owner / "data", "--spec", owner / "spec.toml", "--force", "--out", owner / "x.proof")
    quiet = done(*common, "--quiet")
    assert (len(quiet.stdout.splitlines()), quiet.stderr) == (1, "")
    assert "seconds" not in done(*common).stdout
    assert "seconds" in done(*common, "--timings").stdout


def test_what_was_forgotten_before_stays_forgotten(owner: Path) -> None:
    common = ("prove", owner / "data", "--spec", owner / "spec.toml", "--previous", owner / "second.proof")
    result = done(*common, "--forget", "Żółć 01", "--forget", FORGOTTEN_ID, "--out", owner / "third.proof")
    assert "1 row of these had been forgotten already" in result.stderr
    dataset, proof = Dataset.load(owner / "data"), zu.TrainingProof.load(owner / "third.proof")
    assert {dataset.ids[position] for position in proof.statement.positions} == {"Żółć 01", FORGOTTEN_ID}


def test_ids_may_come_from_a_file(owner: Path) -> None:
    (owner / "ids.txt").write_text(f"{FORGOTTEN_ID}\n\nŻółć 02\n", encoding="utf-8")
    common = ("prove", owner / "data", "--spec", owner / "spec.toml", "--forget-file", owner / "ids.txt")
    done(*common, "--out", owner / "x.proof")
    assert len(zu.TrainingProof.load(owner / "x.proof").statement.forgotten) == 2


@pytest.mark.parametrize("kind", ["csv", "npz", "parquet", "feather"])
def test_all_kinds_of_tables_are_committed(tmp_path: Path, kind: str) -> None:
    X, y = np.arange(16.0).reshape(8, 2), np.arange(8) % 2
    path = tmp_path / f"t.{kind}"
    if kind == "npz":
        np.savez(path, X=X, y=y)
    elif kind == "csv":
        np.savetxt(path, np.column_stack([X, y]), delimiter=",", header="a,b,y", comments="")
    else:
        import pyarrow
        from pyarrow import feather, parquet

        write = feather.write_feather if kind == "feather" else parquet.write_table
        write(pyarrow.table({"a": X[:, 0], "b": X[:, 1], "y": y}), path)
    result = done("commit", path, "--target", "y", "--out", tmp_path / "data", "--json")
    answer = json.loads(result.stdout)
    assert (answer["rows"], answer["features"], answer["label_kind"]) == (8, 2, "binary")
    assert not answer["bounds_declared"]


def test_a_squeezed_column_is_noted_once_and_under_json_too(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,income,y\n1,2,0\n2,3,1\n3,1e9,1\n")
    common = ("commit", tmp_path / "t.csv", "--target", "y")
    words = "only a few different integers are left: 'income' (2)"
    result = done(*common, "--out", tmp_path / "data")
    assert result.stderr.count(words) == 1
    result = done(*common, "--out", tmp_path / "other", "--json")
    assert result.stderr == ""
    (note,) = json.loads(result.stdout)["notes"]
    assert words in note
    (tmp_path / "b.toml").write_text("[bounds]\na = [0, 3]\nincome = [0, 1e15]\n")
    message = refusal(*common, "--bounds", tmp_path / "b.toml", "--out", tmp_path / "third")
    assert "t.csv: column 'income': all values become one and the same integer" in message


def test_a_column_with_log1p_is_committed_proved_verified_and_shown(tmp_path: Path) -> None:
    incomes = [0, 31_000, 2e9, 45_000, 1e6, 12_000, 800_000, 3e8]
    lines = [f"{row},{value},{20 + row},{int(value > 40_000)}" for row, value in enumerate(incomes)]
    (tmp_path / "t.csv").write_text("\n".join(["id,income,age,y", *lines]) + "\n")
    (tmp_path / "b.toml").write_text('[bounds]\nage = [0, 99]\nincome = {low = 0, high = 2e9, map = "log1p"}\n')
    (tmp_path / "spec.toml").write_text(SPEC)
    common = ("commit", tmp_path / "t.csv", "--target", "y", "--id", "id", "--bounds", tmp_path / "b.toml")
    made = done(*common, "--out", tmp_path / "data")
    assert (
        "maps" in made.stdout and "log1p of 'income'; others linear" in made.stdout and made.stderr.count("note") == 0
    )
    commitment = tmp_path / "data" / "dataset.commitment"
    shown = " ".join(done("inspect", commitment).stdout.split())
    assert "'income' in [0.0, 2000000000.0], by log1p 'age' in [0.0, 99.0]" in shown
    columns = json.loads(done("inspect", commitment, "--json").stdout)["columns"]
    assert [column["map"] for column in columns] == ["log1p", "linear"]
    prove = ("prove", tmp_path / "data", "--spec", tmp_path / "spec.toml")
    done(*prove, "--out", tmp_path / "first.proof")
    done(*prove, "--forget", "3", "--previous", tmp_path / "first.proof", "--out", tmp_path / "second.proof")
    pins = ("--dataset", commitment, "--previous", tmp_path / "first.proof")
    assert "log1p of 'income'" in done("verify", tmp_path / "second.proof", *pins).stdout
    (tmp_path / "new.csv").write_text("income,age\n5e4,30\n-1,30\n")
    message = refusal("predict", tmp_path / "second.model.opening", tmp_path / "new.csv")
    assert "new.csv: line 3, column 'income': -1.0 is negative; log1p needs values of at least 0" in message


def test_one_id_forgets_all_of_its_rows_where_it_may_have_several(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_text(encoding="utf-8").replace("Żółć 09", FORGOTTEN_ID)
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    (tmp_path / "spec.toml").write_text(SPEC)
    assert "--several-rows-per-id" in refusal(*commit_options(tmp_path))
    done(*commit_options(tmp_path), "--several-rows-per-id")
    common = ("prove", tmp_path / "data", "--spec", tmp_path / "spec.toml", "--forget", FORGOTTEN_ID)
    done(*common, "--out", tmp_path / "first.proof")
    again = done(*common, "--previous", tmp_path / "first.proof", "--out", tmp_path / "second.proof", "--json")
    assert len(json.loads(again.stdout)["forgotten"]) == 2


def test_a_real_label_takes_its_bounds_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("label,price\n1,10\n2,20\n3,35\n")
    (tmp_path / "b.toml").write_text("[bounds]\nlabel = [0, 5]\nprice = [0, 50]\n")
    common = ("commit", tmp_path / "t.csv", "--target", "price", "--bounds", tmp_path / "b.toml")
    result = done(*common, "--out", tmp_path / "data")
    assert "real: 'price' in [0.0, 50.0]" in result.stdout


def test_bounds_from_the_data_and_constant_columns_are_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,y\n1,5,0\n2,5,1\n3,5,1\n")
    result = done("commit", tmp_path / "t.csv", "--target", "y", "--out", tmp_path / "data")
    assert "CAUTION" in result.stdout
    assert "one value in every row, so nothing to learn from: 'b'" in result.stderr


# --- what is refused ----------------------------------------------------------------------------------------


def commit_options(folder: Path) -> tuple[object, ...]:
    return ("commit", folder / "t.csv", "--target", "sick", "--id", "name", "--out", folder / "data")


def test_a_data_set_is_only_replaced_by_force(owner: Path) -> None:
    before = (owner / "data" / "dataset.commitment").read_bytes()
    assert "--force" in refusal(*commit_options(owner))
    assert (owner / "data" / "dataset.commitment").read_bytes() == before
    done(*commit_options(owner), "--force")
    assert (owner / "data" / "dataset.commitment").read_bytes() != before


@pytest.mark.parametrize("there", ["x.proof", "x.model.opening", "x.forgotten"])
def test_proof_and_model_are_only_replaced_by_force(owner: Path, there: str) -> None:
    (owner / there).write_text("mine")
    common = ("prove", owner / "data", "--spec", owner / "spec.toml", "--out", owner / "x.proof")
    message = refusal(*common)
    assert there in message and "--force" in message
    assert (owner / there).read_text() == "mine"
    done(*common, "--force")
    assert {"x.proof", "x.model.opening"} <= names(owner)
    assert "x.forgotten" not in names(owner)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--forget", "nobody"], "'nobody' is not in the data set"),
        (["--forget-file", "t.csv", "--forget-column", "id"], "t.csv: there is no column 'id'; columns are 'name'"),
        (["--forget-file", "t.csv"], "t.csv: 25 ids are not in the data set: 'name,age,weight,sick', 'Żółć 00,"),
        (["--forget-file", "none.txt"], "none.txt: there is no such file"),
        (["--previous", "t.csv"], "t.csv: this is not a zkunlearn file"),
        (["--previous", "data/dataset.commitment"], "but a training is needed"),
        (["--spec", "t.csv"], "t.csv"),
        (["--spec", "none.toml"], "none.toml"),
        (["--out", "none/x.proof"], "none: is not a directory that exists"),
        (["--out", "data"], "data: is there already"),
    ],
)
def test_prove_refuses_in_one_line_what_it_cannot_use(
    owner: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], found: str
) -> None:
    monkeypatch.chdir(owner)
    message = refusal("prove", "data", "--spec", "spec.toml", "--out", "x.proof", *options)
    assert found in message, message
    assert names(owner) == {"t.csv", "spec.toml", "bounds.toml", "data"} | PROOF_FILES


def test_forgetting_every_row_is_refused(owner: Path) -> None:
    ids = "\n".join(Dataset.load(owner / "data").ids)
    (owner / "all.txt").write_text(ids, encoding="utf-8")
    common = ("prove", owner / "data", "--spec", owner / "spec.toml", "--forget-file", owner / "all.txt")
    assert "every row is forgotten" in refusal(*common, "--out", owner / "x.proof")


def test_a_previous_proof_about_another_data_set_is_refused(owner: Path) -> None:
    done(*commit_options(owner), "--force")
    common = ("prove", owner / "data", "--previous", owner / "second.proof", "--out", owner / "x.proof")
    assert "another data set" in refusal(*common, "--spec", owner / "spec.toml")


def test_a_diverging_training_and_a_spent_budget_are_input_errors(owner: Path, tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv")
    done(*commit_options(tmp_path), "--openings", 2)
    common = ("prove", tmp_path / "data", "--spec", owner / "spec.toml", "--force", "--out", tmp_path / "x.proof")
    done(*common)
    assert "2 openings of this data set commitment are spent" in refusal(*common)


@pytest.mark.parametrize(
    ("content", "options", "found"),
    [
        ("name,age,weight,sick\na,30,1,no\nb,200,2,yes\n", [], "t.csv: line 3, column 'age': 200.0 is outside"),
        ("name,age,sick\na,30,no\nb,20,yes\n", [], "there is no column 'weight'"),
        ("name,age,weight,sick\na,30,1,no\nb,20,2,no\n", [], "every row has the label 'no'"),
        ("name,age,weight,sick\na,30,1,1.5\nb,20,2,2\n", ["--label", "count"], "line 2, column 'sick': 1.5"),
        (
            "name,age,weight,sick\na,1,1,0\nb,2,2,1\nc,3,3,2\n",
            ["--label", "binary"],
            "t.csv: column 'sick': 3 distinct",
        ),
        (
            "name,age,weight,sick\na,1,1,no\nb,2,2,yes\nc,3,3,no\n",
            ["--label", "categorical"],
            "t.csv: column 'sick': two distinct values, categorical labels have more; ask for binary ones",
        ),
        (
            "name,age,weight,sick\na,1,1,0\nb,2,2,n/a\nc,3,3,2\n",
            [],
            "t.csv: line 3, column 'sick': 'n/a' says that a value is missing",
        ),
        (
            "name,age,weight,sick\n" + "".join(f"{k},1,1,{k}\n" for k in range(300)),
            ["--label", "categorical"],
            "t.csv: column 'sick': 300 distinct values, categorical labels have at most 256",
        ),
        (
            "name,age,weight,sick\na,1,1,no\nb,2,2,yes\nc,3,3,maybe\n",
            ["--label", "count"],
            "t.csv: column 'sick': 3 distinct texts; count labels are numbers",
        ),
        ("name,age,weight,sick\na,1,1,0\na,2,2,1\n", [], "line 3, column 'name': id 'a' is also that of line 2"),
    ],
)
def test_commit_names_file_line_and_column(owner: Path, content: str, options: list[str], found: str) -> None:
    (owner / "t.csv").write_text(content)
    out = ("--bounds", owner / "bounds.toml", "--out", owner / "new", *options)
    message = refusal("commit", owner / "t.csv", "--target", "sick", "--id", "name", *out)
    assert found in message, message
    assert not (owner / "new").exists()


def test_classes_are_told_with_their_number_and_of_many_only_the_first() -> None:
    def told(texts: list[str]) -> str:
        kind = "categorical" if len(set(texts)) > 2 else None  # rows of many classes look like names of rows
        rows = np.arange(2.0 * len(texts)).reshape(-1, 2)
        return one_line(label_text(DatasetEncoding.from_data(rows, texts, ["age", "size"], label_kind=kind)))

    assert told(["sick", "well", "sick"]) == "binary: 'sick' is 0, 'well' is 1"
    assert told(["c", "b", "a"]) == "categorical: 3 classes, 'a, b, c'"
    assert told([f"kind {k:03}" for k in range(256)]).startswith("categorical: 256 classes, 'kind 000, kind 001, ")
    assert told([f"kind {k:03}" for k in range(256)]).endswith("kind 011 and 244 more'")


def test_a_place_that_cannot_be_written_is_found_before_the_work(owner: Path) -> None:
    assert "is not a directory" in refusal(*commit_options(owner)[:-1], owner / "t.csv" / "data")


def test_a_missing_numba_is_named_with_the_command_that_installs_it(owner: Path) -> None:
    options = ["prove", str(owner / "data"), "--spec", str(owner / "spec.toml"), "--out", str(owner / "x.proof")]
    # A process of its own: rooms that are imported twice in one are two rooms to every later test.
    code = f"import sys; sys.modules['numba'] = None; from zkunlearn.cli import main; main({options!r})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert result.returncode == 2, result.stderr
    assert "pip install 'zkunlearn[prover]'" in result.stderr


def test_replacing_never_leaves_an_old_proof_beside_a_new_model(owner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zu.TrainingProof, "save", full)
    common = ("prove", owner / "data", "--spec", owner / "spec.toml", "--force", "--out", owner / "second.proof")
    assert "No space left on device" in refusal(*common)
    assert "second.model.opening" in names(owner)
    assert not {"second.proof", "second.forgotten"} & names(owner)


# --- accidents ----------------------------------------------------------------------------------------------


def test_an_internal_error_tells_its_type_only_and_debug_shows_where(
    owner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise ValueError("the secret is 42")

    monkeypatch.setattr(zu, "prove", broken)
    common = ("prove", owner / "data", "--spec", owner / "spec.toml", "--out", owner / "x.proof")
    result = run(*common)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == "error: internal error (ValueError); --debug shows where\n"
    result = run(*common, "--debug")
    assert result.exit_code == 3
    assert "Traceback" in result.stderr


def test_a_full_disk_is_an_input_error(owner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    common = ("prove", owner / "data", "--spec", owner / "spec.toml", "--out", owner / "x.proof")
    assert "No space left on device" in refusal(*common)
    assert not [name for name in names(owner) if name.startswith(("x.", ".zkunlearn"))]


def _heed_interrupts() -> None:
    """What a shell starts in the background ignores them, and so would the prover."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_killed_prover_leaves_no_half_proof_has_counted_its_opening_and_can_run_again(
    owner: Path, sent: signal.Signals, code: int
) -> None:
    (owner / "long.toml").write_text(SPEC.replace("epochs = 4", "epochs = 16384"))
    command = [sys.executable, "-m", "zkunlearn", "prove", "data", "--spec", "long.toml", "--out", "x.proof"]
    before = (owner / "data" / "dataset.opening").stat().st_mtime_ns
    process = subprocess.Popen(
        command, cwd=owner, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_heed_interrupts
    )
    while (owner / "data" / "dataset.opening").stat().st_mtime_ns == before and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(sent)
    stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stdout) == (code, ""), stderr
    assert "Traceback" not in stderr
    assert not [name for name in names(owner) if name.startswith("x.")]
    assert Dataset.load(owner / "data").spent == 4
    done("prove", owner / "data", "--spec", owner / "spec.toml", "--out", owner / "x.proof")


def test_commit_leaves_columns_out_and_names_the_file_of_bounds(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id;name;age;sick\na;Ann;30,5;0\nb;Bob;40;1\nc;Cem;50;0\n")
    (tmp_path / "b.toml").write_text("[bounds]\nage = [0, 120]\nheight = [0, 3]\n")
    common = ("commit", tmp_path / "t.csv", "--target", "sick", "--id", "id", "--decimal", ",", "--drop", "name")
    refused = run(*common, "--bounds", tmp_path / "b.toml", "--out", tmp_path / "d")
    assert refused.exit_code == 2 and "b.toml: bounds: there is no column 'height'" in refused.output
    done(*common, "--out", tmp_path / "d")
    shown = json.loads(run("inspect", tmp_path / "d" / "dataset.commitment", "--json").stdout)
    assert [column["name"] for column in shown["columns"]] == ["age"]


def test_a_pipe_in_the_place_of_a_commitment_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    os.mkfifo(tmp_path / "d" / "dataset.commitment")
    (tmp_path / "t.csv").write_text("x,y\n1,0\n2,1\n")
    result = run("commit", tmp_path / "t.csv", "--target", "y", "--out", tmp_path / "d", "--force")
    assert result.exit_code == 2 and "is not a regular file" in result.output
    assert (tmp_path / "d" / "dataset.commitment").is_fifo()
