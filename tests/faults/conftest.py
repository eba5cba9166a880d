"""A small data set with a first proof, made through the command line, and copies that a test may spoil."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ..cli.conftest import BOUNDS, SPEC, done, write_table
from .owner import LEFT_OUT, Owner


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    write_table(folder / "t.csv")
    (folder / "spec.toml").write_text(SPEC)
    (folder / "bounds.toml").write_text(BOUNDS)
    (folder / "left.txt").write_text("\n".join(LEFT_OUT))
    owner = Owner(folder)
    done(*owner.commit_command)
    done(*owner.prove_command("first.proof"))
    return folder


@pytest.fixture
def owner(made, tmp_path):
    return Owner(Path(shutil.copytree(made, tmp_path / "owner")))
