"""What the documents show runs as it stands."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zkunlearn as zu
from click.testing import CliRunner
from sklearn.datasets import load_breast_cancer
from zkunlearn.cli.program import main

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", ["methods.md", "from-scikit-learn.md", "from-torch.md", "pipelines.md", "exports.md"])
def test_the_lines_of_a_page_run_in_their_order(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        tempfile, "tempdir", str(tmp_path)
    )  # where readers find what a page makes, and we leave nothing
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    exec(compile("\n".join(blocks), name, "exec"), {"__name__": name})


def test_the_lines_of_the_readme_run() -> None:
    """A frame of people, of whom two are forgotten in each of two ways."""
    rng = np.random.default_rng(0)
    ids = ["alice", "bob", *(f"person {row}" for row in range(40))]
    X = pd.DataFrame(rng.uniform(0, 1, size=(42, 2)), columns=["a", "b"], index=ids)
    y, bounds = (X.a + X.b + rng.logistic(scale=0.1, size=42) > 1).astype(int), {"a": (0, 1), "b": (0, 1)}
    blocks = re.findall(r"```python\n(.*?)```", (DOCS.parent / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    names = {"X": X, "y": y, "ids": ids, "bounds": bounds}
    exec(compile("\n".join(blocks), "README.md", "exec"), names)
    assert len(names["report"].statement.forgotten) == len(names["model"].report_.statement.forgotten) == 2


def test_the_spec_of_the_readme_is_one_that_trains() -> None:
    """On the data it is said to be for, in wide bounds, and on what is left when rows are forgotten."""
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    (text,) = [block for block in re.findall(r"```toml\n(.*?)```", readme, re.DOTALL) if "[model]" in block]
    X, y = load_breast_cancer(return_X_y=True)
    bounds = {f"x{k + 1}": (0.0, 20 * float(column.max())) for k, column in enumerate(X.T)}
    dataset, spec = zu.commit(X, y, bounds=bounds), zu.TrainingSpec.from_toml(text)
    for forget in ([], [str(row) for row in range(1, 60)]):
        run = zu.train(dataset, spec, forget=forget)
        assert run.curve.last.score > 0.98 and run.notes == ()


def test_the_nightly_script_runs_and_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of docs/pipelines.md, in a folder that has what it takes for granted."""
    (script,) = re.findall(r"```sh\n(.*?)```", (DOCS / "pipelines.md").read_text(encoding="utf-8"), re.DOTALL)
    (command,) = re.findall(r"^zkunlearn (.*?) > answered.json$", script.replace("\\\n", ""), re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(1).uniform(-1, 1, (40, 2))
    people = [f"person {number}" for number in range(1, 41)]
    zu.commit(X, (X[:, 0] > 0).astype(int), people, bounds={"x1": (-1, 1), "x2": (-1, 1)}).save("data")
    Path("spec.toml").write_text('[model]\nkind = "logistic"\n[method]\nepochs = 4\nlearning_rate = 0.5\n')
    published = []
    for erasures in ("person\n", "person\nperson 3\n", "person\nperson 3\n", "person\nperson 3\nperson 4\n"):
        Path("erasures.csv").write_text(erasures)
        result = CliRunner().invoke(main, command.split())
        assert result.exit_code == 0, result.output
        published.append([Path(path).name for path in json.loads(result.stdout)["published"]])
    assert published == [[], ["0001.proof"], [], ["0002.proof"]]
    assert np.load("weights.npz")["coef"].shape == (2,)
