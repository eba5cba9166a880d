"""Delete each check of the verifier in turn and see a test go red: `make mutation`, which writes docs/mutation.md.

A check is a `raise InvalidProof` or `raise StatementMismatch` of the verifier, or a `require_zero` of the verifier
or a relation. Each is replaced by `pass` in a copy of the tree, where the tests of attacks and of the library run until
one fails. A check whose deletion no test notices is either not needed or not tested; the page lists it as such.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "mutation.md"
PLACES = ("verifier", "circuits")
EXCEPTIONS = ("InvalidProof", "StatementMismatch")
TESTS = ("tests/attacks", "tests/verifier", "tests/test_library.py", "tests/test_recommitment.py", "tests/circuits")
IGNORED = shutil.ignore_patterns(".git", ".venv", "build", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")
LONGEST_RUN = 900  # seconds; a mutant that hangs counts as noticed
HEAD = """# Every check is needed

Made by `make mutation`: each check of the verifier deleted in turn, and the first test that fails without it.

| file | check | noticed by |
|---|---|---|
"""


@dataclass(frozen=True)
class Check:
    """A statement that can be deleted: its file, lines, and what it says."""

    path: Path
    first: int
    last: int
    text: str

    def delete_from(self, tree: Path) -> None:
        """Replace it by `pass`."""
        path = tree / self.path
        lines = path.read_text(encoding="utf-8").splitlines()
        indent = len(lines[self.first - 1]) - len(lines[self.first - 1].lstrip())
        lines[self.first - 1 : self.last] = [" " * indent + "pass"]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def checks() -> Iterator[Check]:
    """All of them, file by file."""
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*.py")):
            source = path.read_text(encoding="utf-8")
            for node in sorted(ast.walk(ast.parse(source)), key=lambda node: getattr(node, "lineno", 0)):
                if _is_refusal(node) or _is_constraint(node):
                    text = " ".join((ast.get_source_segment(source, node) or "").split())
                    yield Check(path.relative_to(ROOT), node.lineno, node.end_lineno or node.lineno, text)


def _is_refusal(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _name(node.exc) in EXCEPTIONS


def _is_constraint(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _name(node.value) == "require_zero"):
        return False
    return len(node.value.args) > 1 and not isinstance(node.value.args[0], ast.Name)  # not the steps' own forwarding


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def first_failure(check: Check, package: Path) -> str:
    """The first test that fails without the check, or an empty string."""
    shutil.copyfile(ROOT / check.path, package / check.path)
    check.delete_from(package)
    try:
        return run_tests(package)
    finally:
        shutil.copyfile(ROOT / check.path, package / check.path)


def run_tests(package: Path) -> str:
    """The first test that fails in a copy of the tree."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider"]
    command += ["-k", "not inventory", *TESTS]  # which would notice any deletion, for no reason but its length
    environment = os.environ | {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=package, env=environment, capture_output=True, text=True, timeout=LONGEST_RUN
        )
    except subprocess.TimeoutExpired:
        return "does not end"
    for line in done.stdout.splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            return line.split()[1]
    return "" if done.returncode == 0 else "does not run"


def main() -> None:
    """Run all mutants, or those of files whose name contains the argument."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="part of a file's path")
    only = parser.parse_args().only
    rows, survivors = [], 0
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "zkunlearn"  # one copy, so that kernels are compiled once
        shutil.copytree(ROOT, package, ignore=IGNORED)
        for check in checks():
            if only not in str(check.path):
                continue
            noticed = first_failure(check, package)
            survivors += not noticed
            shown = check.text.replace("|", "\\|")
            rows.append(f"| {check.path}:{check.first} | `{shown[:110]}` | {noticed or '**nothing**'} |")
            print(rows[-1], flush=True)
    if not only:
        PAGE.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(rows)} checks, {survivors} not noticed")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
