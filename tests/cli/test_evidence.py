"""Evidence through the command line: a page for the owner, which is never called a proof, or public."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from zkunlearn.cli.output import Output

from .conftest import FORGOTTEN_ID, done, run, write_table

FEW = ("--retrainings", 8)
SPEC = '[model]\nkind = "logistic"\n[method]\nepochs = 4\nlearning_rate = 0.5\n'


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    write_table(folder / "t.csv", 90)
    (folder / "spec.toml").write_text(SPEC)
    done("commit", folder / "t.csv", "--target", "sick", "--id", "name", "--out", folder / "data")
    common = ("prove", folder / "data", "--spec", folder / "spec.toml")
    done(*common, "--out", folder / "first.proof")
    second = ("--forget", FORGOTTEN_ID, "--previous", folder / "first.proof", "--out", folder / "second.proof")
    done(*common, *second)
    return folder


def command(folder: Path, *more: object) -> tuple[object, ...]:
    models = ("--before", folder / "first.model.opening", "--after", folder / "second.model.opening")
    return ("evidence", folder / "data", *models, *FEW, *more)


def test_it_says_that_it_proves_nothing_and_writes_a_secret_page(measured: Path) -> None:
    out = measured / "e.html"
    openings = (measured / "data" / "dataset.opening").read_bytes(), (measured / "first.model.opening").read_bytes()
    result = done(*command(measured, "--set-aside", 0.3, "--out", out))
    assert "evidence, not a proof" in result.stdout and "nothing proved" in result.stdout.splitlines()[-1]
    assert "SECRET" in result.stdout and "do not publish it" in result.stdout and "public  " not in result.stdout
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    again = (measured / "data" / "dataset.opening").read_bytes(), (measured / "first.model.opening").read_bytes()
    assert again == openings
    refused = run(*command(measured, "--set-aside", 0.3, "--out", out))
    assert refused.exit_code == 2 and "is there already; choose another name, or say --force" in refused.output
    before = out.read_bytes()
    done(*command(measured, "--set-aside", 0.3, "--out", out, "--force", "--quiet"))
    assert out.read_bytes() == before


def test_a_bar_is_shown_on_a_terminal_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for terminal in (False, True):
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal)
        with Output(as_json=False, quiet=False).bar("evidence") as steps:
            steps("retrain", 3, 4)
        shown = capsys.readouterr()
        assert shown.out == "" and ("evidence: retrain" in shown.err) == terminal


def test_numbers_are_there_as_json(measured: Path) -> None:
    result = done(
        *command(measured, "--set-aside", 0.3, "--seed", 7, "--mu", 0.5, "--out", measured / "j.html", "--json")
    )
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["evidence_not_proof"] is True and found["public"] is False and found["file"].endswith("j.html")
    assert (found["about"]["seed"], found["about"]["mu"], found["about"]["forgotten"]) == (7, 0.5, 1)
    topics = [each["topic"] for each in found["findings"]]
    assert topics == ["retrained", "utility", "membership", "difference", "reconstruction"]
    assert [each["batch"] for each in found["batches"]] == [1, 2, 5]
    assert FORGOTTEN_ID not in result.stdout


def test_what_cannot_be_is_refused_before_any_work(measured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = run(*command(measured, "--out", measured / "e.pdf"))
    assert wrong.exit_code == 2 and "must end in .html" in wrong.output
    alone = run(*command(measured, "--out", measured / "n.html"))
    assert alone.exit_code == 2 and "nobody whom both models do not know" in alone.output
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    bare = run(*command(measured, "--set-aside", 0.3, "--out", measured / "n.html"))
    assert bare.exit_code == 2 and "pip install 'zkunlearn[report]'" in bare.output
    assert not (measured / "n.html").exists()
