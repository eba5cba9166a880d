"""One small data set with a training and an unlearning proof, made through the command line, for all tests here."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from zkunlearn.cli.exits import INTERRUPTED
from zkunlearn.cli.program import main

from .json_page import FAILURE, require_told

SPEC = '[model]\nkind = "logistic"\n[method]\nepochs = 4\nlearning_rate = 0.5\n'
COLUMNS_OF_NEW = ("--target", "sick", "--id", "name")
BOUNDS = "[bounds]\nage = [0, 120]\nweight = [0, 300]\n"
FORGOTTEN_ID = "Żółć 07"


def run(*arguments: object) -> Result:
    """What a command does; with --json what it prints has to be as docs/json.md says."""
    texts = [str(argument) for argument in arguments]
    result = CliRunner().invoke(main, texts)
    if "--json" in texts and result.exit_code != INTERRUPTED:
        require_told(texts[0] if texts[0] in main.commands else FAILURE, result.stdout)
    return result


def done(*arguments: object) -> Result:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result


def write_table(path: Path, rows: int = 24) -> None:
    rng = np.random.default_rng(3)
    lines = ["name,age,weight,sick"]
    for row in range(rows):
        age, weight = rng.integers(20, 90), rng.integers(50, 120)
        lines.append(f"Żółć {row:02},{age},{weight},{'yes' if age > 55 else 'no'}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write_table(folder / "t.csv")
    (folder / "spec.toml").write_text(SPEC)
    (folder / "bounds.toml").write_text(BOUNDS)
    done(
        "commit", folder / "t.csv", "--target", "sick", "--id", "name",
        "--bounds", folder / "bounds.toml", "--out", folder / "data",
    )  # fmt: skip
    common = ("prove", folder / "data", "--spec", folder / "spec.toml")
    done(*common, "--out", folder / "first.proof")
    second = ("--forget", FORGOTTEN_ID, "--previous", folder / "first.proof", "--out", folder / "second.proof")
    done(*common, *second)
    return folder


@pytest.fixture
def owner(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(made, tmp_path / "owner"))


@pytest.fixture
def verify(made: Path) -> Callable[..., Result]:
    def call(proof: Path, *options: object, dataset: Path = made / "data" / "dataset.commitment") -> Result:
        return run("verify", proof, "--dataset", dataset, *options)

    return call
