"""Newton's steps to models with noise, through every command: a chain of two, each in two moves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from .conftest import done, run

SPEC = '[model]\nkind = "logistic"\n[method]\nkind = "newton"\nl2 = 0.25\nsteps = 2\nepsilon = 1.0\ndelta = 1e-5\n'
NONCES = {"first": "5a" * 32, "second": "6b" * 32}


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All four moves made: of a first model, from zero, and of one that supersedes it."""
    folder = tmp_path_factory.mktemp("noisy newton")
    rng = np.random.default_rng(5)
    lines = ["name,age,weight,ill"]
    lines += [f"p{i},{rng.integers(20, 90)},{rng.integers(50, 120)},{'yes' if i % 3 else 'no'}" for i in range(40)]
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    (folder / "bounds.toml").write_text("[bounds]\nage = [0, 120]\nweight = [0, 300]\n")
    (folder / "spec.toml").write_text(SPEC)
    common = ("--target", "ill", "--id", "name", "--out", folder / "data")
    done("commit", folder / "t.csv", *common, "--bounds", folder / "bounds.toml")
    for name, more in (("first", ()), ("second", ("--forget", "p3", "--previous", folder / "first.proof"))):
        move = ("prove", folder / "data", "--spec", folder / "spec.toml", "--out", folder / f"{name}.proof", *more)
        done(*move, "--commit-noise", f"the auditor, for the {name}")
        (folder / f"{name} said").write_text(done(*move, "--nonce", NONCES[name]).stdout)
    return folder


def test_verify_says_of_the_chain_what_noise_hides_and_that_steps_bind_nothing(owner: Path) -> None:
    files = (owner / "data" / "dataset.commitment", owner / "first.proof", owner / "second.proof")
    said = done("verify", *files, "--spec", owner / "spec.toml").stdout
    first = json.loads(done("inspect", owner / "first.proof", "--json").stdout)["statement"]
    words = " ".join(said.split())
    assert (
        f"2 steps from the model of {first} with a matrix of the owner's, which could lead anywhere: only the" in words
    )
    assert "2 steps from zero weights" in words and "(1.0, 1e-05) or better" in words
    assert "the update by influence functions" not in words
    last = said.strip().splitlines()[-1]
    assert "1e-05)-indistinguishable from the same without these rows, if the owner's coins were random" in last
    assert "exact" not in last and "rounded to a grid" not in words
    pins = ("--noise", owner / "second.noise", "--nonce", NONCES["second"], "--previous", owner / "first.proof")
    pinned = done("verify", files[0], files[2], *pins).stdout
    assert "precedence not checked" not in pinned and "its steps begin from the model" not in " ".join(pinned.split())
    alone = " ".join(done("verify", files[0], files[2]).stdout.split())
    assert f"its steps begin from the model of {first}, as it says: not checked" in alone
    chain = " ".join(done("verify", "--chain", owner).stdout.split())
    assert "with the 1 before it: mu 0." in chain


def test_programs_read_the_same(owner: Path) -> None:
    told = json.loads(done("inspect", owner / "second.proof", "--json").stdout)
    assert told["noise"]["nonce"] == NONCES["second"] and 0 < told["noise"]["epsilon"] < 1
    assert told["noise"]["delta"] == 1e-5 and told["step_error"] is None
    secret = json.loads(done("inspect", owner / "second.noise.opening", "--json").stdout)
    assert secret["used"] is True and secret["noise"] == told["noise"]["noise"]


def test_of_an_inverse_verify_says_that_it_is_the_step_before_the_noise(owner: Path) -> None:
    (owner / "inverse.toml").write_text(SPEC.replace("steps = 2", "steps = 4\ninverse = 12"))
    more = ("--forget", "p4", "--previous", owner / "second.proof")
    move = ("prove", owner / "data", "--spec", owner / "inverse.toml", "--out", owner / "third.proof", *more)
    done(*move, "--commit-noise", "the auditor, for the third")
    done(*move, "--nonce", "7c" * 32)
    said = " ".join(done("verify", owner / "data" / "dataset.commitment", owner / "third.proof").stdout.split())
    assert "by the inverse of the second derivative there, of the rows that count, to 12 bits" in said
    assert "each is Newton's, H^-1 times the gradient, but for at most" in said
    assert "this is a Newton step with noise after it (Guo et al. 2020; Sekhari et al. 2021)" in said
    told = json.loads(done("inspect", owner / "third.proof", "--json").stdout)
    assert told["step_error"]["relative"] > 0 and told["noise"]["epsilon"] > 0


def test_prove_says_nothing_of_influence_that_noise_moved(owner: Path) -> None:
    assert "influence" not in (owner / "second said").read_text()


def test_what_is_no_spec_and_no_move_is_refused_by_name(owner: Path) -> None:
    (owner / "half.toml").write_text(SPEC.replace("delta = 1e-5\n", ""))
    (owner / "none.toml").write_text(SPEC.replace("epsilon = 1.0", "epsilon = 0.0"))
    (owner / "plain.toml").write_text(SPEC.replace("epsilon = 1.0\ndelta = 1e-5\n", ""))
    out = ("--out", owner / "no.proof")
    for spec, more, reason in (
        ("half.toml", (), "epsilon = 1.0: goes with delta: declare both, and the model has noise, or neither"),
        ("none.toml", (), "epsilon = 0.0: must be between 0.01 and 16"),
        ("plain.toml", ("--commit-noise", "me"), "method = 'newton': takes no noise"),
        ("spec.toml", (), "a model with noise takes two moves"),
        ("spec.toml", ("--nonce", "5a"), "64 hexadecimal"),
    ):
        refused = run("prove", owner / "data", "--spec", owner / spec, *out, *more)
        assert refused.exit_code == 2 and reason in " ".join(refused.output.split()), refused.output
    assert not [*owner.glob("no.*")]


def test_train_shows_such_a_model_and_commits_to_nothing(owner: Path) -> None:
    said = " ".join(done("train", owner / "data", "--spec", owner / "spec.toml").stdout.split())
    assert "2 steps with a matrix of the owner's to a certified distance from its optimum and noise of 2^" in said
