"""Every path that a page, a docstring or a comment names exists: whoever moves a file moves its name along."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from .rooms import FOLDERS, PACKAGE, ROOT

TOP = (*FOLDERS, "tests", "docs", "benchmarks")
PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
CODE = (
    *sorted(ROOT.glob("*.py")),
    *(path for folder in TOP for path in sorted((ROOT / folder).rglob("*.py"))),
    ROOT / "Makefile",
    ROOT / "pyproject.toml",
)
# A path from one of our folders on; or any name of a Python file or a page, with or without folders before it.
NAMED = re.compile(
    rf"(?<![\w/.*<-])(?:(?:{'|'.join(TOP)})/[\w./-]*\w/?|(?:\.\./)*(?:[\w-]+/)*[\w-]+\.(?:py|md))(?![\w*<{{])(?!\.\w)"
)
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
OUTSIDE = re.compile(r"https?://\S+")
SUFFIXES = ("", ".py", ".md")  # `prover/protocol/work` is meant for a file
MADE = ("tests/fuzz/regressions",)  # by `make fuzz`, if it finds something


def texts(path: Path) -> Iterator[str]:
    """A page; or of code the comments and docstrings."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield source
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def exists(name: str, by: Path) -> bool:
    """Whether there is such a file or folder: from the root, beside the file that names it, or, if the name has no
    folder, anywhere in the folder that is named beside it or in the repository."""
    name = name.removeprefix(PACKAGE + "/").rstrip("/")
    places = (ROOT, by.parent)
    if any((place / (name + suffix)).exists() for place in places for suffix in SUFFIXES):
        return True
    if name.startswith(MADE):
        return True
    return "/" not in name and any(True for folder in TOP for _ in (ROOT / folder).rglob(name))


@pytest.mark.parametrize("path", [*PAGES, *CODE], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_is_named_exists(path: Path) -> None:
    named = {name for text in texts(path) for name in NAMED.findall(OUTSIDE.sub("", text))}
    assert not {name for name in named if not exists(name, path)}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    for target, anchor in LINK.findall(OUTSIDE.sub("", path.read_text(encoding="utf-8"))):
        page = path.parent / target
        assert page.exists(), target
        if anchor and page.suffix == ".md":
            assert anchor in anchors(page), target + anchor
    for anchor in re.findall(r"\]\((#[^)\s]+)\)", path.read_text(encoding="utf-8")):
        assert anchor in anchors(path), anchor


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in links."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {"#" + re.sub(r"[^\w\s-]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_names_are_found_where_they_stand() -> None:
    """Or the tests above would see nothing."""
    text = "see `verifier/protocol/lookup.py`, docs/security.md, (prover/kernels) and tests/house/; spec.toml, n/d"
    assert NAMED.findall(text) == ["verifier/protocol/lookup.py", "docs/security.md", "prover/kernels", "tests/house/"]
    assert not exists("verifier/protocol/gone.py", ROOT / "README.md")
    assert not exists("gone.py", ROOT / "README.md")
