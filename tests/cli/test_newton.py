"""Newton's steps through every command: proved from the model beside the proof that is superseded, verified, told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from .conftest import done, run

SPEC = '[model]\nkind = "logistic"\n[method]\nkind = "newton"\nl2 = 0.25\n'
ANYWHERE = "with a matrix of the owner's, which could lead anywhere: only the certificate binds"


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("newton")
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


def test_steps_begin_from_the_model_beside_the_proof_and_verify_says_what_binds(owner: Path) -> None:
    more = ("--spec", owner / "spec.toml", "--forget", "p3", "--previous", owner / "first.proof")
    tried = " ".join(done("train", owner / "data", *more).stdout.split())
    assert "one step with a matrix of the owner's to its optimum, rounded to a grid of 2^18 units" in tried
    said = " ".join(done("prove", owner / "data", *more, "--out", owner / "second.proof").stdout.split())
    assert "influence" in said and "of 3 weights changed; an owner's figure" in said and ANYWHERE in said
    first = json.loads(done("inspect", owner / "first.proof", "--json").stdout)["statement"]
    files = (owner / "data" / "dataset.commitment", owner / "first.proof", owner / "second.proof")
    lines = done("verify", *files).stdout
    said = " ".join(lines.split())
    assert f"1 step from the model of {first} {ANYWHERE}" in said and "1 step from zero weights" in said
    assert "not checked" not in said
    alone = " ".join(done("verify", owner / "second.proof", "--dataset", files[0]).stdout.split())
    assert f"its steps begin from the model of {first}, as it says: not checked" in alone


def test_a_model_that_is_not_there_is_asked_for(owner: Path) -> None:
    (owner / "moved.proof").write_bytes((owner / "first.proof").read_bytes())
    more = ("--previous", owner / "moved.proof", "--out", owner / "third.proof", "--fork")
    refused = run("prove", owner / "data", "--spec", owner / "spec.toml", *more)
    assert refused.exit_code != 0 and "moved.model.opening" in refused.output + refused.stderr


def test_of_an_inverse_verify_says_that_steps_are_newton_s_and_how_nearly(owner: Path) -> None:
    (owner / "optimum.toml").write_text(SPEC.replace("newton", "optimum"))
    (owner / "inverse.toml").write_text(SPEC + "steps = 4\ninverse = 12\n")
    done("prove", owner / "data", "--spec", owner / "optimum.toml", "--out", owner / "fourth.proof", "--fork")
    more = ("--forget", "p3", "--previous", owner / "fourth.proof", "--out", owner / "fifth.proof")
    done("prove", owner / "data", "--spec", owner / "inverse.toml", *more)
    first = json.loads(done("inspect", owner / "fourth.proof", "--json").stdout)["statement"]
    files = (owner / "data" / "dataset.commitment", owner / "fourth.proof", owner / "fifth.proof")
    said = " ".join(done("verify", *files).stdout.split())
    assert ANYWHERE not in said and f"4 steps from the model of {first} by the inverse of the second" in said
    assert "each is Newton's, H^-1 times the gradient, but for at most 0.074 % of its length, and 0.000000099 " in said
    assert (
        "so the first, from an optimum, is the update by influence functions (Koh and Liang 2017; Guo et al. 2020)"
        in said
    )
    told = json.loads(done("inspect", owner / "fifth.proof", "--json").stdout)
    assert told["step_error"] == {"relative": 0.00074, "rounding": 9.9e-08}
    assert json.loads(done("inspect", owner / "fourth.proof", "--json").stdout)["step_error"] is None
    zero = run("prove", owner / "data", "--spec", owner / "inverse.toml", "--out", owner / "sixth.proof", "--fork")
    assert zero.exit_code != 0 and "prove method = 'optimum' first, and then steps from its model" in zero.stderr
