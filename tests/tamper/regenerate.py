"""Write the manifest anew after a deliberate change of a format: pytest tests/tamper/regenerate.py. Then read it."""

from __future__ import annotations

from typing import Any

from .manifest import FILE, written


def test_write_the_manifest(tampered: list[Any]) -> None:
    FILE.write_text(written(row for kind in tampered for row in kind.rows()))
