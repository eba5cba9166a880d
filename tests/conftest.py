"""Options of the whole suite."""

from __future__ import annotations

from pathlib import Path

import pytest

# Helpers assert, too, and should say what they found.
FOLDERS = [path.name for path in Path(__file__).parent.iterdir() if path.is_dir()]
pytest.register_assert_rewrite(*(__name__.removesuffix("conftest") + folder for folder in FOLDERS))


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "how many verdicts of each attack the second verifier repeats"
    parser.addoption("--second-opinions", type=int, default=2, help=text)
