"""The option --plot of train and prove."""

from __future__ import annotations

import json
import shutil
import stat
import sys
from pathlib import Path

import pytest

from .conftest import done, run


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "data", tmp_path / "data")
    shutil.copy(made / "spec.toml", tmp_path / "spec.toml")
    return tmp_path


def command(name: str, folder: Path, *more: object) -> tuple[object, ...]:
    return (name, folder / "data", "--spec", folder / "spec.toml", *more)


def test_a_plot_is_drawn_for_the_owner_alone_who_is_told_so(folder: Path) -> None:
    curve = folder / "curve.svg"
    shown = " ".join(done(*command("train", folder, "--plot", curve)).output.split())
    assert f"SECRET {str(curve)!r}: drawn from rows and weights; do not publish it" in shown
    assert stat.S_IMODE(curve.stat().st_mode) == 0o600 and "<svg" in curve.read_text()


def test_its_file_is_a_field(folder: Path) -> None:
    tried = done(*command("train", folder, "--plot", folder / "t.png", "--json"))
    assert json.loads(tried.stdout)["plot"] == str(folder / "t.png") and (folder / "t.png").is_file()
    assert json.loads(done(*command("train", folder, "--json")).stdout)["plot"] is None
    out, plot = folder / "a.proof", folder / "p.png"
    proved = done(*command("prove", folder, "--out", out, "--fork", "--plot", plot, "--json"))
    assert json.loads(proved.stdout)["plot"] == str(plot) and plot.is_file()


def test_what_cannot_be_drawn_is_refused_before_an_opening_is_spent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove = command("prove", folder, "--out", folder / "a.proof")
    before = (folder / "data" / "dataset.opening").read_bytes()
    (folder / "there.png").write_text("mine")
    wrong = {"c.pdf": "must end in .png or .svg", "there.png": "is there already", "x/c.png": "not a directory"}
    for file, reason in wrong.items():
        refused = run(*prove, "--plot", folder / file)
        assert refused.exit_code == 2 and reason in refused.output, refused.output
    moves = run(*prove, "--commit-noise", "the beacon of tomorrow", "--plot", folder / "c.png")
    assert moves.exit_code == 2 and "say it with --nonce" in moves.output
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in (prove, command("train", folder)):
        bare = run(*name, "--plot", folder / "c.png")
        assert bare.exit_code == 2 and "pip install 'zkunlearn[report]'" in bare.output
    assert (folder / "data" / "dataset.opening").read_bytes() == before
    assert (folder / "there.png").read_text() == "mine" and not (folder / "a.proof").exists()


def test_force_replaces_a_plot(folder: Path) -> None:
    (folder / "c.png").write_text("old")
    done(*command("train", folder, "--plot", folder / "c.png", "--force"))
    assert (folder / "c.png").read_bytes().startswith(b"\x89PNG")
