"""A kind of statement is more than its class: people can read it, and everything that tests what is read tests it."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
from zkunlearn.circuits.statements import base
from zkunlearn.cli import inspection
from zkunlearn.formats.container import KINDS
from zkunlearn.verifier.proofs import Proof

from .rooms import PACKAGE, ROOT

# Of the package: tests enter kinds of their own.
STATEMENTS = {name: kind for name, kind in base.STATEMENTS.items() if kind.__module__.startswith(PACKAGE + ".")}
SPECIFICATION = ROOT / "docs" / "protocol.md"
ROW = re.compile(r"^\| `([^`]+)` \| (\d+) \| ([\w/]+\.py) \| \[[^\]]+\]\(#[\w-]+\) \|$", re.MULTILINE)
SECRET = re.compile(r"^\| `([^`]+)` \| (\d+) \| ([\w/]+\.py) \| [^\[|]+ \|$", re.MULTILINE)
every_kind = pytest.mark.parametrize("kind", sorted(STATEMENTS))


def words_of(folder: str) -> set[str]:
    """The texts in a folder's Python files, each up to its first comma: what names of kinds are written as."""
    return {
        node.value.split(",")[0]
        for path in sorted((ROOT / folder).glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_there_are_kinds() -> None:
    """Or the tests below would see nothing."""
    assert {"dataset", "training", "link", "model link"} <= set(STATEMENTS)


def test_the_document_has_a_table_of_the_kinds_and_their_versions() -> None:
    """Its third column names the file, its last one the section that says what is proved."""
    rows = {
        name: (int(version), file) for name, version, file in ROW.findall(SPECIFICATION.read_text(encoding="utf-8"))
    }
    files = {name: Path(str(sys.modules[kind.__module__].__file__)) for name, kind in STATEMENTS.items()}
    expected = {name: (kind.version, files[name].relative_to(ROOT).as_posix()) for name, kind in STATEMENTS.items()}
    assert rows == expected


def test_the_document_has_tables_of_all_other_files_and_their_versions() -> None:
    """Its third column names the file that writes them."""
    rows = SECRET.findall(SPECIFICATION.read_text(encoding="utf-8"))
    others = {name: version for name, version in KINDS.items() if name not in base.STATEMENTS}
    assert {name: int(version) for name, version, _ in rows} == others and len(rows) == len(others) > 0
    assert all(f'"{name}"' in (ROOT / file).read_text(encoding="utf-8") for name, _, file in rows)


@every_kind
def test_a_kind_has_words_of_its_own_and_is_inspected(kind: str) -> None:
    assert kind in inspection._WORDS


@every_kind
def test_a_kind_has_a_file_of_its_version_and_a_class_of_proofs(kind: str) -> None:
    assert KINDS[kind] == STATEMENTS[kind].version
    assert Proof.types[kind].of is STATEMENTS[kind]


@every_kind
def test_a_kind_is_written_in_one_file_that_has_no_other(kind: str) -> None:
    module = STATEMENTS[kind].__module__
    assert [name for name, other in STATEMENTS.items() if other.__module__ == module] == [kind]


@every_kind
@pytest.mark.parametrize("folder", ["tests/tamper", "tests/fuzz", "tests/reference"])
def test_a_kind_is_tampered_with_fuzzed_and_verified_a_second_time(kind: str, folder: str) -> None:
    assert kind in words_of(folder)


def test_a_kind_with_all_its_tests_fits_on_a_page() -> None:
    """That it needs no other file is what the page tests."""
    assert len((ROOT / "tests" / "test_toy_kind.py").read_text(encoding="utf-8").splitlines()) <= 100
