"""A certified optimum through every command: proved, unlearnt, verified, inspected."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from .conftest import done

SPEC = '[model]\nkind = "logistic"\n[method]\nkind = "optimum"\nl2 = 0.25\n'
EXACT = "the published model is the same as if the forgotten rows had never been there"


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("optimum")
    rng = np.random.default_rng(5)
    lines = ["name,age,weight,ill"]
    lines += [f"p{i},{rng.integers(20, 90)},{rng.integers(50, 120)},{'yes' if i % 3 else 'no'}" for i in range(40)]
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    (folder / "bounds.toml").write_text("[bounds]\nage = [0, 120]\nweight = [0, 300]\n")
    (folder / "spec.toml").write_text(SPEC)
    common = ("--target", "ill", "--id", "name", "--out", folder / "data")
    done("commit", folder / "t.csv", *common, "--bounds", folder / "bounds.toml")
    done("prove", folder / "data", "--spec", folder / "spec.toml", "--out", folder / "first.proof")
    return folder


def test_verify_says_what_it_is_worth_and_what_that_takes_for_granted(owner: Path) -> None:
    more = ("--forget", "p3", "--previous", owner / "first.proof", "--out", owner / "second.proof")
    said = done("prove", owner / "data", "--spec", owner / "spec.toml", *more).stdout
    assert " at the optimum; a constant has " in " ".join(said.split()) and "epoch" not in said
    assert "influence" in said and "of 3 weights changed; an owner's figure" in " ".join(said.split())
    files = (owner / "data" / "dataset.commitment", owner / "first.proof", owner / "second.proof")
    lines = done("verify", *files).stdout
    last = lines.strip().splitlines()[-1]
    assert f"without the 1 forgotten row; exact: {EXACT}" in last
    assert "exact:" not in lines.strip().splitlines()[-2]  # nobody is forgotten there
    for head in ("exact", "assumes", "void", "caution", "grid"):
        assert f"\n  {head} " in lines
    found = json.loads(done("inspect", owner / "second.proof", "--json").stdout)
    assert found["distance"] == 0 and found["spec"]["method"]["kind"] == "optimum"


def test_of_several_classes_every_command_goes_on_as_of_two(owner: Path) -> None:
    rng, folder = np.random.default_rng(6), owner / "several"
    folder.mkdir()
    lines = ["name,age,weight,kind", *(f"p{i},{rng.integers(20, 90)},{i + 60},{'abc'[i % 3]}" for i in range(60))]
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    common = ("--target", "kind", "--id", "name", "--bounds", owner / "bounds.toml", "--out", folder / "data")
    done("commit", folder / "t.csv", *common)
    prove = ("prove", folder / "data", "--spec", owner / "spec.toml")
    done(*prove, "--out", folder / "first.proof")
    more = ("--forget", "p3", "--forget-class", "b", "--previous", folder / "first.proof")
    said = " ".join(done(*prove, *more, "--out", folder / "second.proof").stdout.split())
    assert "of 6 weights changed; an owner's figure" in said
    files = (folder / "data" / "dataset.commitment", folder / "first.proof", folder / "second.proof")
    told = done("verify", *files).stdout
    assert f"exact: {EXACT}" in told.strip().splitlines()[-1] and "weights in steps of 2^-14" in told
    done("inspect", folder / "second.proof")
    done("status", folder / "data")
    model = folder / "second.model.opening"
    done("predict", model, folder / "t.csv", "--out", folder / "predicted.csv")
    found = (folder / "predicted.csv").read_text()
    assert found.count("\n") == 61 and ",b" not in found


def test_bounds_that_were_taken_from_the_data_are_no_part_of_what_is_exact(owner: Path) -> None:
    done("commit", owner / "t.csv", "--target", "ill", "--id", "name", "--out", owner / "loose")
    out = owner / "loose.proof"
    done("prove", owner / "loose", "--spec", owner / "spec.toml", "--forget", "p5", "--out", out)
    verdict = done("verify", out, "--dataset", owner / "loose" / "dataset.commitment").stdout.strip().splitlines()[-1]
    assert f"exact: but for the bounds of columns, taken from the data, {EXACT}" in verdict


def test_train_shows_the_model_that_would_be_proved(owner: Path) -> None:
    said = done("train", owner / "data", "--spec", owner / "spec.toml").stdout
    assert "its optimum, rounded to a grid of 2^18 units and certified" in " ".join(said.split())
    table = owner / "t.csv"
    done("predict", owner / "first.model.opening", table, "--out", owner / "predicted.csv")
    assert (owner / "predicted.csv").read_text().count("\n") == 41
