"""Checks of a verifier: statements that can be deleted."""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("formats", "models", "circuits", "verifier")
RELATIONS = Path("circuits", "relations")
EXCEPTIONS = ("InvalidProof", "InvalidSignature", "StatementMismatch", "FormatError")
CALLS = ("require_", "check_", "verify_")
SEVERAL = ("require_layer", "require_lookup_leaf", "require_summand", "require_table_leaf")  # constraints at once
LONGEST_TEXT = 110


@dataclass(frozen=True)
class Check:
    """A statement that can be deleted: its file, the function it is in, its lines, and what it says."""

    path: Path
    function: str
    first: int
    last: int
    text: str

    occurrence: int
    is_constraint: bool

    @property
    def name(self) -> str:
        """Which it is, wherever in its file it stands."""
        key = "\n".join((str(self.path), self.function, self.text, str(self.occurrence)))
        return hashlib.sha256(key.encode()).hexdigest()[:12]

    @property
    def start(self) -> str:
        """Of its row on the page."""
        text = self.text if len(self.text) <= LONGEST_TEXT else self.text[:LONGEST_TEXT] + " .."
        return f"| {self.path} {self.function} | `{text.replace('|', chr(92) + '|')}` | "

    def deleted_from(self, source: str) -> str:
        """Its file, with `pass` in its place."""
        lines = source.splitlines()
        indent = len(lines[self.first - 1]) - len(lines[self.first - 1].lstrip())
        lines[self.first - 1 : self.last] = [" " * indent + "pass"]
        return "\n".join(lines) + "\n"


def checks() -> Iterator[Check]:
    """All of them, file by file."""
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*.py")):
            name, seen = path.relative_to(ROOT), Counter[tuple[str, str]]()
            source = path.read_text(encoding="utf-8")
            for function, node in sorted(_statements(ast.parse(source), ""), key=lambda found: found[1].lineno):
                constraint = _is_constraint(node, name.is_relative_to(RELATIONS))
                if _is_refusal(node) or constraint or _is_call(node):
                    text = " ".join((ast.get_source_segment(source, node) or "").split())
                    end = node.end_lineno or node.lineno
                    yield Check(name, function, node.lineno, end, text, seen[function, text], constraint)
                    seen[function, text] += 1


def _statements(node: ast.AST, function: str) -> Iterator[tuple[str, ast.stmt]]:
    """All statements below a node, each with the function it is in, as `Class.method` or `outer.inner`."""
    for child in ast.iter_child_nodes(node):
        inside = function
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inside = f"{function}.{child.name}".lstrip(".")
        if isinstance(child, ast.stmt):
            yield inside, child
        yield from _statements(child, inside)


def _is_refusal(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _name(node.exc) in EXCEPTIONS


def _is_constraint(node: ast.AST, in_relation: bool) -> bool:
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return False
    if in_relation and _name(node.value) == "sumcheck":
        return True
    if _name(node.value) != "require_zero":
        return _name(node.value) in SEVERAL
    return not all(isinstance(argument, ast.Name) for argument in node.value.args)  # not the steps' own forwarding


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _name(node.value).startswith(CALLS)


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
