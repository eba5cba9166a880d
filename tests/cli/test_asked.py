"""Lists of people to forget, as a tool exports them, through the command line: who is found, and what of others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import zkunlearn as zu

from .conftest import COLUMNS_OF_NEW, FORGOTTEN_ID, done, run

LEFT = ("Zoë 90", "Zoë 91")
LIST = (
    f"email;when\nŻółć 01;1\n{LEFT[0]};1\nżółć 03;1\nnobody;1\n\n Żółć 02;2\nŻółć 01;2\n"  # in two other forms
    "Z\u0307\u0301ołc 04;3\n"
)


@pytest.fixture(scope="module")
def asked(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set that some were left out of, a proof that forgets somebody, and a list."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("asked") / "owner"))
    (folder / "left.csv").write_text(f"who,why\n{LEFT[0]},empty\n{LEFT[1]},empty\n{LEFT[0]},again\n", encoding="utf-8")
    (folder / "list.csv").write_text(LIST, encoding="utf-8")
    left = ("--left-out", folder / "left.csv", "--left-out-column", "who")
    columns = ("--target", "sick", "--id", "name", "--bounds", folder / "bounds.toml")
    said = done("commit", folder / "t.csv", *columns, "--out", folder / "data", "--force", *left, "--json")
    assert json.loads(said.stdout)["left_out"] == 2
    spec = ("--spec", folder / "spec.toml", "--forget", FORGOTTEN_ID)
    done("prove", folder / "data", *spec, "--out", folder / "first.proof", "--force")
    return folder


@pytest.fixture
def folder(asked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(asked, tmp_path / "owner"))


def prove(folder: Path, *options: object) -> tuple[object, ...]:
    return ("prove", folder / "data", "--spec", folder / "spec.toml", "--out", folder / "x.proof", *options)


def of_list(folder: Path, *options: object) -> tuple[object, ...]:
    return ("--forget-file", folder / "list.csv", "--forget-column", "email", *options)


def test_one_unknown_id_hides_no_other_and_each_is_named_with_what_differs(folder: Path) -> None:
    result = run(*prove(folder, *of_list(folder)))
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert f"{folder / 'list.csv'}: 3 ids are not in the data set: 'żółć 03' (only the form differs from " in line
    assert "'nobody'" in line and "Żółć 02" not in line and LEFT[0] not in line
    assert not (folder / "x.proof").exists()


def test_what_is_skipped_is_reported_in_text_and_in_json(folder: Path) -> None:
    said = done(*prove(folder, *of_list(folder, "--skip-unknown"))).stdout
    assert "SKIPPED" in said and "3 ids not in the data set: 'żółć 03' (only the form" in " ".join(said.split())
    assert "never in" in said and "1 id left out when the data were committed: 'Zoë 90'" in " ".join(said.split())
    assert "1 id more than once in the list: 'Żółć 01'" in " ".join(said.split())
    report = json.loads(done(*prove(folder, *of_list(folder, "--skip-unknown", "--json", "--force"))).stdout)["asked"]
    assert (report["found"], report["never_in"], report["repeated"]) == (2, [LEFT[0]], ["Żółć 01"])
    skipped = {each["id"]: each["hint"] for each in report["skipped"]}
    assert set(skipped) == {"żółć 03", "nobody", "Ż\u0301ołc 04"}
    assert report["respelled"] == [{"id": "Żółć 02", "as": " Żółć 02"}]
    assert skipped["nobody"] is None and skipped["żółć 03"].endswith(": capitals")
    assert len(zu.TrainingProof.load(folder / "x.proof").statement.forgotten) == 2


def test_a_list_of_nobody_who_has_a_row_is_no_error_and_is_told(folder: Path) -> None:
    said = done("train", folder / "data", "--spec", folder / "spec.toml", "--forget", LEFT[0]).stdout
    assert "nobody of the list of ids has a row, so it forgets nothing" in " ".join(said.split())


@pytest.mark.parametrize("command", ["train", "suggest"])
def test_what_proves_nothing_reads_the_same_lists(folder: Path, command: str) -> None:
    spec = ("--spec", folder / "spec.toml") if command == "train" else ("--most-epochs", "3")
    given = (command, folder / "data", *spec, *of_list(folder))
    assert "3 ids are not in the data set" in run(*given).stderr
    report = json.loads(done(*given, "--skip-unknown", "--json").stdout)["asked"]
    assert (report["found"], report["never_in"], len(report["skipped"])) == (2, [LEFT[0]], 3)
    assert "SKIPPED" in done(*given, "--skip-unknown").stdout


def test_both_moves_of_a_model_with_noise_take_the_same_list(folder: Path) -> None:
    (folder / "spec.toml").write_text('[model]\nkind = "logistic"\n[method]\nkind = "noisy"\nl2 = 0.25\n')
    given = prove(folder, *of_list(folder, "--skip-unknown", "--json"))
    first = json.loads(done(*given, "--commit-noise", "a beacon").stdout)
    second = json.loads(done(*given, "--nonce", "ab" * 32).stdout)
    assert first["asked"] == second["asked"] and first["asked"]["never_in"] == [LEFT[0]]
    assert len(zu.TrainingProof.load(folder / "x.proof").statement.forgotten) == 2


def test_a_list_that_may_be_a_csv_is_refused_with_the_remedy(folder: Path) -> None:
    said = run(*prove(folder, "--forget-file", folder / "list.csv")).stderr
    assert "8 ids are not in the data set" in said and "of a CSV say which column has the ids" in said
    assert "--forget-column is of --forget-file" in run(*prove(folder, "--forget-column", "email")).stderr
    left = ("commit", folder / "t.csv", "--target", "sick", "--id", "name", "--out", folder / "y")
    assert "--left-out-column is of --left-out" in run(*left, "--left-out-column", "who").stderr


def test_whom_the_table_has_cannot_be_left_out(folder: Path) -> None:
    (folder / "left.txt").write_text("# dropped\nŻółć 01\nZoë 92\n", encoding="utf-8")
    commit = ("commit", folder / "t.csv", "--target", "sick", "--id", "name", "--out", folder / "other")
    said = run(*commit, "--left-out", folder / "left.txt")
    assert said.exit_code == 2 and "left_out_ids: an id is in the data set, too: 'Żółć 01'" in said.stderr
    assert not (folder / "other").exists()


def test_status_and_inspect_say_how_many_were_left_out(folder: Path) -> None:
    assert "2 ids, of which salted digests are kept" in done("status", folder / "data").stdout
    assert json.loads(done("status", folder / "data", "--json").stdout)["left_out"] == 2
    file = folder / "data" / "dataset.left_out"
    said = done("inspect", file).stdout
    assert "2 ids, as salted digests" in said and "SECRET" in said and "Zoë" not in said
    assert json.loads(done("inspect", file, "--json").stdout)["left_out"] == 2


def test_rows_that_are_added_leave_people_out_too(folder: Path) -> None:
    (folder / "new.csv").write_text("name,age,weight,sick\nNina,50,80,no\n", encoding="utf-8")
    (folder / "more.txt").write_text("Otto\n")
    new = (folder / "new.csv", *COLUMNS_OF_NEW, "--out", folder / "grown", "--left-out", folder / "more.txt")
    assert json.loads(done("append", folder / "data", *new, "--json").stdout)["left_out"] == 3
    left = zu.load_dataset(folder / "grown").left_out
    assert left is not None and left.knows([*LEFT, "Otto", "Nina"]) == [True, True, True, False]


def test_a_digest_alone_is_removed_without_a_new_data_set(folder: Path) -> None:
    before = zu.load_dataset(folder / "data").spent
    said = json.loads(done("destroy", folder / "data", "--id", LEFT[1], "--json").stdout)
    assert (said["left_out"], said["asked"]["never_in"]) == (1, [LEFT[1]])
    assert [Path(path).parent.name for path in said["changed"]] == ["data"]
    assert zu.load_dataset(folder / "data").spent == before
    assert "is not in the data set" in run("destroy", folder / "data", "--id", LEFT[1]).stderr
    said = run("destroy", folder / "data", "--id", FORGOTTEN_ID, "--id", LEFT[0])
    assert said.exit_code == 2 and "--out is needed: 1 id of these have rows" in said.stderr


def test_a_destruction_takes_the_list_of_the_request(folder: Path) -> None:
    (folder / "gone.csv").write_text(f"email\n{FORGOTTEN_ID}\n{LEFT[0]}\nnobody\n", encoding="utf-8")
    given = ("--id-file", folder / "gone.csv", "--id-column", "email", "--out", folder / "less", "--unregistered")
    assert "id 'nobody' is not in the data set" in run("destroy", folder / "data", *given).stderr
    said = json.loads(done("destroy", folder / "data", *given, "--skip-unknown", "--json").stdout)
    assert (said["destroyed"], said["left_out"], said["asked"]["never_in"]) == (1, 1, [LEFT[0]])
    assert [each["id"] for each in said["asked"]["skipped"]] == ["nobody"]
    assert not (folder / "data" / "dataset.left_out").exists()


def test_a_row_that_is_complete_now_is_put_right_and_says_who_is_left_out_no_more(folder: Path) -> None:
    (folder / "now.csv").write_text(f"name,age,weight,sick\n{LEFT[0]},41,70,no\n", encoding="utf-8")
    command = ("rectify", folder / "data", folder / "now.csv", "--target", "sick", "--id", "name")
    refused = run(*command, "--out", folder / "now")
    assert refused.exit_code == 2
    assert "say left_out (--left-out) if its row is complete now" in refused.stderr
    said = done(*command, "--out", folder / "now", "--left-out").stdout
    assert "no more left out: 1 id" in " ".join(said.split()) and "superseded" not in said
    again = done(*command, "--out", folder / "now", "--left-out", "--force", "--json").stdout
    answer = json.loads(again)
    assert (answer["left_out"], answer["superseded"]) == (1, 0)
