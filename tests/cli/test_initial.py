"""`init`: what it writes can be used as it is, and what is there is not replaced."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.formats.toml import read_bounds

from .conftest import done, run

FILES = ("bounds.toml", "spec.toml", "zkunlearn.sh")
NONCES = {"NONCE_1": "a1" * 32, "NONCE_2": "b2" * 32}
# Every method, and every family.
PAIRS = [
    ("logistic", "gradient descent"), ("logistic", "newton"), ("logistic", "noisy"), ("logistic", "sisa"),
    ("linear", "one-pass"), ("linear", "optimum"), ("probit", "optimum"), ("poisson", "gradient descent"),
]  # fmt: skip


def write_people(path: Path, model: str) -> None:
    """The table that the script names, with the columns that it and the bounds name."""
    rng = np.random.default_rng(5)
    lines = ["person,age,income,outcome"]
    for row in range(160):
        age, income = int(rng.integers(20, 90)), int(10 ** rng.uniform(3, 6))
        noisy = age + int(rng.integers(-20, 20))
        label = {"linear": f"{noisy / 2 + 20:.1f}", "poisson": str(1 + noisy // 40)}.get(model, str(int(noisy > 50)))
        lines.append(f"person {row + 1},{age},{income},{label}")
    path.write_text("\n".join(lines) + "\n")


def run_script(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script as it is, where `zkunlearn` is this program."""
    (folder / "bin").mkdir(exist_ok=True)
    program = folder / "bin" / "zkunlearn"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m zkunlearn "$@"\n')
    program.chmod(0o755)
    given = os.environ | environment | {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    return subprocess.run([folder / "zkunlearn.sh"], capture_output=True, text=True, env=given, timeout=300)


def commands(script: str) -> list[list[str]]:
    """The arguments of each command in a script."""
    text = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: NONCES[found[1]], script.replace("\\\n", ""))
    return [shlex.split(line)[1:] for line in text.splitlines() if line.startswith("zkunlearn ")]


@pytest.mark.parametrize(("model", "method"), PAIRS)
def test_the_files_work_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, method: str) -> None:
    folder = tmp_path / "new"
    done("init", folder, "--model", model, "--method", method)
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    spec = zu.load_spec(folder / "spec.toml")
    assert (spec.model, spec.method.kind) == (model, method)
    write_people(folder / "people.csv", model)
    monkeypatch.chdir(folder)
    *_, verified = [done(*arguments).stdout for arguments in commands((folder / "zkunlearn.sh").read_text())]
    assert verified.splitlines()[-1].startswith("VALID: 'second.")


def test_the_script_runs_as_it_is_from_wherever_it_is_called(tmp_path: Path) -> None:
    done("init", tmp_path)
    write_people(tmp_path / "people.csv", "logistic")
    result = run_script(tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].startswith("VALID: 'second.proof'")


def test_the_script_of_a_noisy_model_waits_for_a_nonce_that_somebody_else_draws(tmp_path: Path) -> None:
    done("init", tmp_path, "--method", "noisy")
    write_people(tmp_path / "people.csv", "logistic")
    result = run_script(tmp_path)
    assert result.returncode != 0 and "NONCE_1: the nonce for the first model" in result.stderr
    assert (tmp_path / "first.noise").exists() and not (tmp_path / "first.proof").exists()


def test_bounds_are_examples_of_both_maps_and_of_labels_that_are_numbers(tmp_path: Path) -> None:
    done("init", tmp_path / "classes")
    done("init", tmp_path / "numbers", "--model", "linear")
    assert read_bounds(tmp_path / "classes" / "bounds.toml") == {
        "age": (0, 120),
        "income": {"low": 0, "high": 2e9, "map": "log1p"},
    }
    assert {*read_bounds(tmp_path / "numbers" / "bounds.toml")} == {"age", "income", "outcome"}


def test_the_script_has_its_places_marked_and_is_short(tmp_path: Path) -> None:
    done("init", tmp_path)
    lines = (tmp_path / "zkunlearn.sh").read_text().splitlines()
    assert [each[0] for each in commands("\n".join(lines))] == ["commit", "prove", "prove", "verify"]
    edited = [lines[at + 1].split()[:2] for at, line in enumerate(lines) if line.startswith("# EDIT")]
    assert edited == [["zkunlearn", "commit"], ["zkunlearn", "prove"]]


def test_here_is_where_it_writes_if_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written = json.loads(done("init", "--json").stdout)
    assert (written["spec"], written["bounds"], written["script"]) == ("spec.toml", "bounds.toml", "zkunlearn.sh")
    assert sorted(os.listdir()) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_what_is_there_is_replaced_only_by_force(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    result = run("init", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: {tmp_path / name}: is there already; it may have been edited, or say --force\n"
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_text() == "mine"
    done("init", tmp_path, "--force")
    assert (tmp_path / name).read_text() != "mine"


def test_what_does_not_go_together_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    result = run("init", tmp_path / "new", "--model", "poisson", "--method", "optimum")
    assert result.exit_code == 2 and "cannot be certified" in result.stderr
    assert not (tmp_path / "new").exists()
