"""The house keeps its order: packages are listed, elements stay as they are, nothing depends on `assert`."""

from __future__ import annotations

import ast
import tomllib

from .rooms import FOLDERS, PACKAGE, ROOT, product_files, tree_of


def test_every_package_folder_is_listed() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {path.parent for path in product_files()}
    assert all((folder / "__init__.py").is_file() for folder in folders)
    assert listed == {".".join((PACKAGE, *folder.relative_to(ROOT).parts)) for folder in folders}


def test_every_folder_of_code_is_known() -> None:
    """A new folder is a room of the product, or tests, or measurements."""
    folders = {path.parent.relative_to(ROOT).parts[0] for path in ROOT.glob("*/*.py") if path.parent.name[0] != "."}
    assert folders - {"build"} == {*FOLDERS, "tests", "benchmarks"}


def test_no_test_makes_a_folder_that_nobody_removes() -> None:
    """`tmp_path` is removed by pytest, `TemporaryDirectory` by whoever closes it; `mkdtemp` is left to its caller."""
    scripts = [path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    made = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in [*scripts, *product_files()]
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute | ast.Name)
        and (node.attr if isinstance(node, ast.Attribute) else node.id) in ("mkdtemp", "mkstemp")
    }
    assert not made


def test_field_elements_are_never_changed() -> None:
    """K has plain slots for speed; zero and one are shared by everything."""
    for path in product_files():
        for function in ast.walk(tree_of(path)):
            if isinstance(function, ast.FunctionDef) and function.name != "__init__":
                attributes = [node for node in ast.walk(function) if isinstance(node, ast.Attribute)]
                assert not [n for n in attributes if n.attr in ("a", "b") and isinstance(n.ctx, ast.Store)], path


def test_no_assert_guards_the_product() -> None:
    for path in product_files():
        assert not [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Assert)], path
