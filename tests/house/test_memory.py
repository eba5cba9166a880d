"""Short of memory, a verifier cannot say; nothing on its way may turn that into "invalid"."""

import ast
from pathlib import Path

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import same

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("formats", "models", "circuits", "verifier")
SWALLOWING = {"array_equal", "array_equiv", "allclose"}  # of numpy, which answer False where they cannot convert
TOO_MUCH = {"Exception", "BaseException", "MemoryError"}


def nodes():
    for path in [ROOT / "__init__.py", *(file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py")))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, node


def caught(handler):
    if handler.type is None:
        return {"BaseException"}
    return {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}


def test_nothing_that_swallows_errors_is_called():
    for path, node in nodes():
        assert not (isinstance(node, ast.Attribute) and node.attr in SWALLOWING), (path, node.lineno)


def test_nothing_catches_everything_and_goes_on():
    for path, node in nodes():
        if isinstance(node, ast.ExceptHandler) and caught(node) & TOO_MUCH:
            assert isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None, (path, node.lineno)


class Unequal(np.ndarray):
    def __eq__(self, other):
        raise MemoryError

    __hash__ = None


def test_a_comparison_for_which_there_is_no_memory_is_an_error_not_an_answer():
    values = np.arange(4, dtype=np.uint64)
    assert same(values, values.copy())
    assert not same(values, values + np.uint64(1))
    assert not same(values, values[:2]) and not same(values, values.reshape(2, 2))
    with pytest.raises(MemoryError):
        same(values.view(Unequal), values)
