"""Write the inventories anew after a deliberate change of the protocol: pytest tests/attacks/regenerate.py."""

from pathlib import Path
from typing import Any

import pytest

from .recording import folded, labelled

INVENTORIES = Path(__file__).parent / "inventories"


@pytest.mark.parametrize(
    "name", ["honest", "honest_standardized", "honest_one_pass", "honest_validity", "honest_alone"]
)
def test_write_inventory(name: str, request: pytest.FixtureRequest) -> None:
    lines: list[Any] = []
    with labelled(lines, sites=True):
        request.getfixturevalue(name).check()
    (INVENTORIES / f"{name}.txt").write_text("\n".join(folded(lines)) + "\n")
