"""The house keeps its order: imports run one way, packages are listed, the auditor's side stays small."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ORDER = ("formats", "models", "circuits", "verifier", "prover", "cli")
LONGEST_FILE = 420


def product_files(*rooms):
    return [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]


def imported_rooms(path):
    """Rooms of this package, and top-level packages of others, that a file imports at any depth."""
    depth = len(path.relative_to(ROOT).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            target = path.relative_to(ROOT).parts[: depth - node.level]
            yield (*target, *(node.module or "").split("."))[0]
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)


@pytest.mark.parametrize("room", ORDER)
def test_imports_run_one_way(room):
    later = set(ORDER[ORDER.index(room) + 1 :])
    for path in product_files(room):
        assert not later & set(imported_rooms(path)), path


def test_the_verifier_needs_only_numpy_and_cbor2():
    allowed = set(sys.stdlib_module_names) | {"numpy", "cbor2", "errors", *ORDER, "__future__"}
    for path in product_files("verifier", "circuits"):
        assert set(imported_rooms(path)) <= allowed, path


def test_importing_and_verifying_load_neither_the_prover_nor_heavy_libraries():
    code = (
        "import sys, zkunlearn, zkunlearn.verifier.verify;"
        "heavy = {'numba', 'torch', 'sklearn', 'scipy', 'pandas', 'zkunlearn.prover'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_every_package_folder_is_listed():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {path.parent for path in product_files(*ORDER) if path.name == "__init__.py"}
    found = {".".join(("zkunlearn", *folder.relative_to(ROOT).parts)) for folder in folders}
    assert listed == found | {"zkunlearn"}


def test_files_stay_readable():
    for path in [*product_files(*ORDER), *ROOT.glob("*.py")]:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE, path


def test_field_elements_are_never_changed():
    """K has plain slots for speed; zero and one are shared by everything."""
    for path in [*product_files(*ORDER), *ROOT.glob("*.py")]:
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef) and function.name != "__init__":
                attributes = [node for node in ast.walk(function) if isinstance(node, ast.Attribute)]
                assert not [n for n in attributes if n.attr in ("a", "b") and isinstance(n.ctx, ast.Store)], path


def test_no_assert_guards_the_product():
    for path in [*product_files(*ORDER), *ROOT.glob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Assert)], path
