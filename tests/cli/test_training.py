"""train and suggest: what they show and write, and that nothing is spent."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.models.convergence import RISING
from zkunlearn.prover.owner import suggest as suggesting
from zkunlearn.prover.witnesses.methods import MAKERS_OF_METHOD

from .conftest import FORGOTTEN_ID, done, run


def refusal(*arguments: object) -> str:
    result = run(*arguments)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 1), result.output
    return result.stderr


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# --- train --------------------------------------------------------------------------------------------------


def test_train_shows_a_line_for_each_epoch_and_leaves_every_file_as_it_was(owner: Path) -> None:
    before = contents(owner)
    result = done("train", owner / "data", "--spec", owner / "spec.toml")
    assert contents(owner) == before
    lines = result.stdout.splitlines()
    assert lines[0] == "Training tried"
    assert lines[1].split() == ["epoch", "loss", "gradient", "norm", "accuracy"]
    rows = [line.split() for line in lines[2:7]]
    assert [int(row[0]) for row in rows] == [0, 1, 2, 3, 4]
    losses = [float(row[1]) for row in rows]
    assert losses == sorted(losses, reverse=True) and losses[0] == 0.69315
    assert lines[-1].startswith(f"tried: loss {losses[-1]:.5f} after 4 epochs, accuracy ")
    assert lines[-1].endswith("; nothing is proved")
    assert "24 of 24 count" in result.stdout and "with L2" not in result.stdout


def test_train_and_prove_answer_in_json_with_the_same_numbers(owner: Path) -> None:
    (owner / "spec.toml").write_text((owner / "spec.toml").read_text() + "l2 = 0.1\n")
    given = (owner / "data", "--spec", owner / "spec.toml", "--forget", FORGOTTEN_ID, "--json")
    result = done("train", *given)
    assert result.stderr == ""
    tried = json.loads(result.stdout)
    proved = json.loads(done("prove", *given, "--out", owner / "x.proof").stdout)
    assert tried["training"] == proved["training"] and tried["notes"] == proved["notes"]
    assert (tried["rows"], tried["forgotten"], tried["spec"]) == (24, 1, proved["spec"])
    points = tried["training"]["epochs"]
    assert [set(point) for point in points] == [{"epoch", "loss", "penalty", "gradient_norm", "score"}] * 5
    assert points[0]["loss"] == pytest.approx(np.log(2)) and points[0]["penalty"] == 0.0 < points[-1]["penalty"]
    text = done("train", *given[:-1]).stdout
    assert "with L2" in text and f"{points[-1]['loss'] + points[-1]['penalty']:.5f}" in text


def test_prove_says_the_first_and_the_last_loss_and_that_they_are_not_proved(owner: Path) -> None:
    result = done("prove", owner / "data", "--spec", owner / "spec.toml", "--out", owner / "x.proof")
    (loss,) = (line for line in result.stdout.splitlines() if line.startswith("  loss "))
    assert "0.69315 at first, " in loss and "after 4 epochs; a constant has " in loss
    (fit,) = (line for line in result.stdout.splitlines() if line.startswith("  accuracy "))
    assert "neither this nor the loss is proved" in fit


def test_what_was_forgotten_before_does_not_count_and_a_successor_is_no_hindrance(owner: Path) -> None:
    given = ("train", owner / "data", "--spec", owner / "spec.toml", "--previous")
    assert "24 of 24 count" in done(*given, owner / "first.proof").stdout
    (owner / "ids.txt").write_text("Żółć 01\n", encoding="utf-8")
    again = done(*given, owner / "second.proof", "--forget-file", owner / "ids.txt")
    assert "22 of 24 count" in again.stdout


def test_notes_are_told_once_and_a_warning_calls_itself_one(owner: Path) -> None:
    (owner / "spec.toml").write_text(
        '[model]\nkind = "logistic"\n[method]\nepochs = 60\nlearning_rate = 8.0\nl2 = 0.2\n'
    )
    given = (owner / "data", "--spec", owner / "spec.toml")
    for command in (("train", *given), ("prove", *given, "--out", owner / "x.proof")):
        lines = done(*command).stderr.splitlines()
        assert lines.count(RISING) == 1 and RISING.startswith("warning: ")
        assert all(line.startswith(("note: ", "warning: ")) for line in lines)
    quiet = done("train", *given, "--quiet")
    assert (quiet.stderr, len(quiet.stdout.splitlines())) == ("", 1)
    assert RISING in json.loads(done("train", *given, "--json").stdout)["notes"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--forget", "nobody"], "'nobody' is not in the data set"),
        (["--forget-file", "none.txt"], "none.txt: there is no such file"),
        (["--previous", "t.csv"], "t.csv: this is not a zkunlearn file"),
        (["--spec", "none.toml"], "none.toml: there is no such file"),
    ],
)
def test_train_refuses_in_one_line_what_it_cannot_use(
    owner: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], found: str
) -> None:
    monkeypatch.chdir(owner)
    assert found in refusal("train", "data", "--spec", "spec.toml", *options)


# --- suggest ------------------------------------------------------------------------------------------------


def test_a_suggestion_is_written_read_back_trained_with_and_never_replaced_unasked(owner: Path) -> None:
    before, out = contents(owner), owner / "found.toml"
    result = done("suggest", owner / "data", "--out", out)
    assert {path: data for path, data in contents(owner).items() if path != out} == before
    spec = zu.load_spec(out)
    assert spec == zu.suggest(zu.load_dataset(owner / "data")).spec and spec.model == "logistic"
    assert f"suggested: {spec.method.to_mapping()['epochs']} epochs, " in result.stdout.splitlines()[-1]
    assert "keep it as it is for successors" in result.stderr and "keep it as it is" in out.read_text()
    assert "is there already" in refusal("suggest", owner / "data", "--out", out)
    done("suggest", owner / "data", "--l2", 0.5, "--out", out, "--force")
    assert zu.load_spec(out) != spec
    done("train", owner / "data", "--spec", out)


def test_a_spec_for_shards_is_suggested_and_trained_with(owner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, cut = owner / "shards.toml", ("--shard-rows", 16, "--slices", 2)
    done("suggest", owner / "data", *cut, "--out", out)
    spec, dataset = zu.load_spec(out), zu.load_dataset(owner / "data")
    assert spec == zu.suggest(dataset, shard_rows=16, slices=2).spec and spec.method.l2 == 1 / 16
    method = spec.method.to_mapping()
    assert (method["kind"], method["shard_rows"], method["slices"]) == ("sisa", 16, 2)
    done("train", owner / "data", "--spec", out)
    assert "slices = 2: are stages of a shard; say how many rows" in refusal("suggest", owner / "data", "--slices", 2)
    assert "must be a power of two" in refusal("suggest", owner / "data", "--shard-rows", 15)
    out.unlink()

    def diverges(*_: object) -> None:
        raise zu.TrainingError("it diverges")

    maker = replace(MAKERS_OF_METHOD["sisa"], train=diverges)
    monkeypatch.setattr(suggesting, "MAKERS_OF_METHOD", {"sisa": maker})
    message = refusal("suggest", owner / "data", *cut)
    assert "no scales have room for a training that converges; it diverges" in message


def test_without_a_file_the_spec_is_printed_and_json_has_it_whole(owner: Path) -> None:
    printed = done("suggest", owner / "data", "--model", "probit", "--l2", "0.25").stdout
    assert 'kind = "probit"' in printed and "l2 = 0.25" in printed
    result = done("suggest", owner / "data", "--model", "probit", "--l2", "0.25", "--json")
    answer = json.loads(result.stdout)
    assert result.stderr == "" and answer["file"] is None
    spec = zu.TrainingSpec.from_toml(answer["toml"])
    assert answer["spec"] == spec.to_mapping() and spec.model == "probit"
    assert 0 <= answer["expected_gap"] < 0.01 and len(answer["notes"]) >= 1
    assert len(done("suggest", owner / "data", "--quiet").stdout.splitlines()) == 1


def test_rows_to_forget_do_not_count_in_a_suggestion(owner: Path) -> None:
    given = ("suggest", owner / "data", "--json")
    by_id = json.loads(done(*given, "--forget", FORGOTTEN_ID).stdout)
    by_proof = json.loads(done(*given, "--previous", owner / "second.proof").stdout)
    assert by_id["spec"] == by_proof["spec"] and by_id["spec"]["method"]["l2"] == repr(1 / 23)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--model", "poisson"], "model = 'poisson': needs count labels; the labels of the data set are binary"),
        (["--model", "forest"], "model = 'forest': there is none"),
        (["--l2", "-1"], "l2 = -1.0: must not be negative"),
        (["--l2", "0"], "l2 = 0: the classes are separable"),
        (["--most-epochs", "0"], "most_epochs = 0: must be between 1 and 16384"),
        (["--forget", "nobody"], "'nobody' is not in the data set"),
        (["--out", "none/x.toml"], "none: is not a directory that exists"),
        (["--out", "data"], "data: is there already"),
    ],
)
def test_suggest_refuses_in_one_line_what_cannot_be_and_writes_nothing(
    owner: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], found: str
) -> None:
    monkeypatch.chdir(owner)
    before = contents(owner)
    message = refusal("suggest", "data", *options)
    assert found in message, message
    assert contents(owner) == before


def test_a_data_set_that_is_not_there_is_an_input_error(owner: Path) -> None:
    shutil.rmtree(owner / "data")
    for command in (("train", owner / "data", "--spec", owner / "spec.toml"), ("suggest", owner / "data")):
        assert "there is no such data set directory" in refusal(*command)
