"""Options of the whole suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "repeat the first verdicts of every attack with the second verifier"
    parser.addoption("--second-verifier", action="store_true", help=text)
