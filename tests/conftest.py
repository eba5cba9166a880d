"""Options of the whole suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "how many verdicts of each attack the second verifier repeats"
    parser.addoption("--second-opinions", type=int, default=2, help=text)
