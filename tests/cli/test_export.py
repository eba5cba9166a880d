"""The command `export`: the library's files, and refusals before any work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import zkunlearn as zu
from safetensors import safe_open
from zkunlearn.cli.export import FORMATS
from zkunlearn.cli.prediction import load_model
from zkunlearn.estimators.exports import write

from .conftest import done, run

SPEC = '[model]\nkind = "logistic"\n[method]\nkind = "optimum"\nl2 = 0.1\n'
SHARDS = '[model]\nkind = "logistic"\n[method]\nkind = "sisa"\nshard_rows = 8\nepochs = 4\nlearning_rate = 0.5\n'
TABLE = "name,age,city,sick\n" + "".join(
    f"p{row},{20 + row},{('NY', 'LA', 'SF')[row % 3]},{'yes' if row > 8 else 'no'}\n" for row in range(18)
)
BOUNDS = '[bounds]\nage = [0, 120]\ncity = { categories = ["LA", "NY", "SF"] }\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("export")
    for name, text in {"t.csv": TABLE, "b.toml": BOUNDS, "s.toml": SPEC, "sisa.toml": SHARDS}.items():
        (found / name).write_text(text)
    columns = ("--target", "sick", "--id", "name", "--bounds", found / "b.toml")
    done("commit", found / "t.csv", *columns, "--out", found / "d")
    done("prove", found / "d", "--spec", found / "s.toml", "--out", found / "p.proof")
    done("prove", found / "d", "--spec", found / "sisa.toml", "--out", found / "q.bundle")
    return found


@pytest.mark.parametrize("end", ["onnx", "safetensors", "pt"])
@pytest.mark.parametrize("source", ["p.model.opening", "q.bundle"])
def test_the_command_writes_what_the_library_does(folder: Path, tmp_path: Path, source: str, end: str) -> None:
    out, other = tmp_path / f"m.{end}", tmp_path / f"other.{end}"
    result = done("export", folder / source, "--out", out)
    assert "holds the weights, and is no proof" in " ".join(result.stdout.split())
    assert "exported: 3 features in, as" in result.stdout
    assert "no plain numbers, see docs/exports.md for what goes in: 'city'" in result.stderr
    zu.export(load_model(folder / source), other)
    assert contents(out) == contents(other) and out.stat().st_mode & 0o777 == 0o600


def contents(path: Path) -> Any:
    """Of a file of safetensors what is in it: it has its metadata in any order."""
    if path.suffix != ".safetensors":
        return path.read_bytes()
    with safe_open(path, "numpy") as file:
        return dict(file.metadata()), {name: file.get_tensor(name).tolist() for name in file.keys()}


def test_the_command_has_the_librarys_formats() -> None:
    assert [*FORMATS] == [*write.FORMATS]


def test_the_object_says_what_goes_in(folder: Path, tmp_path: Path) -> None:
    found: dict[str, Any] = json.loads(
        done("export", folder / "p.model.opening", "--out", tmp_path / "m.pth", "--json").stdout
    )
    assert found["format"] == "torch" and found["made"] == ["city"]
    assert found["features"] == ["age", "city=NY", "city=SF"]
    assert found["statement"] == zu.Model.load(folder / "p.model.opening").statement.digest.hex()


@pytest.mark.parametrize(
    ("source", "out", "more", "reason"),
    [
        ("p.proof", "m.onnx", (), "p.proof: "),
        ("t.csv", "m.onnx", (), "t.csv: "),
        ("nothing", "m.onnx", (), "there is no such file"),
        ("q.model.opening", "m.onnx", (), "holds the models of some stages of shards; name the bundle"),
        ("p.model.opening", "there.onnx", (), "is there already; choose another name, or say --force"),
        ("p.model.opening", "m.joblib", (), "m.joblib: its name must end with .onnx"),
        ("p.model.opening", "m.onnx", ("--format", "torch"), "of the format torch ends with .pt or .pth"),
        ("p.model.opening", "p.model.opening", ("--format", "onnx", "--force"), "of the format onnx ends with .onnx"),
        ("p.model.opening", "nowhere/m.onnx", (), "is not a directory that exists"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    folder: Path, tmp_path: Path, source: str, out: str, more: tuple[str, ...], reason: str
) -> None:
    (tmp_path / "there.onnx").write_bytes(b"mine")
    result = run("export", folder / source, "--out", tmp_path / out, *more)
    assert result.exit_code == 2 and reason in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["there.onnx"]
    assert (tmp_path / "there.onnx").read_bytes() == b"mine"


def test_force_replaces_a_file_but_never_the_model(folder: Path, tmp_path: Path) -> None:
    there, alias = tmp_path / "there.onnx", tmp_path / "alias.onnx"
    there.write_bytes(b"mine")
    done("export", folder / "p.model.opening", "--out", there, "--force")
    assert there.read_bytes() != b"mine"
    alias.hardlink_to(folder / "p.model.opening")
    result = run("export", folder / "p.model.opening", "--out", alias, "--force")
    assert result.exit_code == 2 and "is what this is made from; choose another name" in result.stderr
    zu.Model.load(alias)
