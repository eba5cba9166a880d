"""What is read whole stays small, and what is read in pieces has small pieces."""

from __future__ import annotations

import ast
from pathlib import Path

from .rooms import ROOT, product_files, tree_of

LONGEST_FILE, LONGEST_FUNCTION = 420, 60
PROTOCOL, APPLICATION, TRUST, CERTIFICATES = 2400, 2300, 1300, 1100


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def under(folder: str) -> list[Path]:
    return [path for path in product_files() if path.is_relative_to(ROOT / folder)]


def test_an_auditor_can_read_the_protocol_in_an_afternoon() -> None:
    protocol = under("verifier/protocol")
    assert len(protocol) > 10
    assert sum(map(lines, protocol)) <= PROTOCOL


def test_the_verifiers_application_stays_small() -> None:
    apart = ("verifier/protocol", "verifier/trust", "verifier/certificates")
    application = set(under("verifier")).difference(*map(under, apart))
    assert ROOT / "verifier" / "verify.py" in application
    assert sum(map(lines, application)) <= APPLICATION


def test_who_says_so_stays_small() -> None:
    trust = under("verifier/trust")
    assert len(trust) > 4
    assert sum(map(lines, trust)) <= TRUST


def test_what_is_filed_stays_small() -> None:
    certificates = under("verifier/certificates")
    assert len(certificates) > 4
    assert sum(map(lines, certificates)) <= CERTIFICATES


def test_files_stay_readable() -> None:
    assert not {str(path): lines(path) for path in product_files() if lines(path) > LONGEST_FILE}


def test_functions_fit_a_screen() -> None:
    long = {
        f"{path.relative_to(ROOT)} {node.name}": length
        for path in product_files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert not long
