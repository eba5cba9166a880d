"""Programs of hidden values as arrays say what the language's own evaluation says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import ONE, ZERO, K
from zkunlearn.circuits.language.hidden import Hidden, HiddenProgram, Product, evaluate, evaluate_constraint
from zkunlearn.prover import kernels as fast
from zkunlearn.prover.protocol.equations import Equations
from zkunlearn.prover.protocol.ledger import line_coefficients, violated

from .values import numbers, pairs, quick, seeds


def elements(seed: int, count: int) -> list[K]:
    return [K(*pair) for pair in pairs(numbers(seed, 2, count))]


def any_program(seed: int, steps: int) -> HiddenProgram:
    """Entries, names and constraints in any order; of expressions with no term, with some, and without a constant."""
    rng, program = np.random.default_rng(seed), HiddenProgram()
    for step in range(steps):
        program.entry()
        nodes = rng.integers(0, len(program.nodes), (4, int(rng.integers(0, 4)))).tolist()
        scalars = iter(elements(seed + step, 64))
        parts = [
            Hidden(tuple((next(scalars), node) for node in own), ZERO if i % 2 else next(scalars))
            for i, own in enumerate(nodes)
        ]
        program.name(parts[0])
        if step % 2:
            products = [Product(next(scalars), *two) for two in ((parts[1], parts[2]), (parts[3], parts[3]))]
            program.require_zero(f"check {step}", parts[1], products[: int(rng.integers(0, 3))])
    return program


@quick
@given(seeds, st.integers(0, 12))
def test_constraints_are_those_of_the_language(seed: int, steps: int) -> None:
    program = any_program(seed, steps)
    values, weights = elements(seed + 1, program.entries), elements(seed + 2, len(program.constraints))
    pads = elements(seed + 3, program.entries)
    nodes = program.assign(values, ONE)
    residuals = [evaluate_constraint(own, nodes, ONE) for own in program.constraints]
    assert violated(program, values) == [own.check for own, x in zip(program.constraints, residuals, strict=True) if x]
    m0, m1 = line_coefficients(program, weights, values, pads)
    for epsilon in elements(seed + 4, 2):
        line = program.assign([epsilon * h - pad for h, pad in zip(values, pads, strict=True)], epsilon)
        found = [evaluate_constraint(own, line, epsilon) for own in program.constraints]
        combined = sum((w * x for w, x in zip(weights, found, strict=True)), ZERO)
        slope = sum((w * x for w, x in zip(weights, residuals, strict=True)), ZERO)
        assert combined == epsilon * epsilon * slope + epsilon * m1 + m0


@quick
@given(seeds, st.integers(1, 12))
def test_parts_are_what_evaluating_each_gives(seed: int, steps: int) -> None:
    program, one = any_program(seed, steps), elements(seed + 5, 1)[0]
    values = elements(seed + 1, program.entries)
    found, nodes = Equations(program).evaluated(values, one), program.assign(values, one)
    products = [p for own in program.constraints for p in own.products]
    expected: dict[str, list[Any]] = {
        "linear": [own.linear for own in program.constraints],
        "left": [p.left for p in products],
        "right": [p.right for p in products],
    }
    for name, parts in expected.items():
        assert pairs(getattr(found, name)) == [evaluate(part, nodes, one).pair for part in parts]


def test_a_program_whose_constraints_hold_violates_none() -> None:
    program = HiddenProgram()
    x, y = program.entry(), program.entry()
    program.require_zero("product", -y, [Product(ONE, x, x)])
    assert violated(program, [K(3, 4), K(3, 4) * K(3, 4)]) == []
    assert violated(program, [K(3, 4), K(3, 4) * K(3, 4) + 1]) == ["product"]


def test_expressions_of_values_that_are_not_there_are_refused() -> None:
    good: list[Any] = [
        numbers(1, 2, 2),
        np.array([0, 1]),
        np.array([2]),
        numbers(2, 2, 1),
        np.array([2]),
        numbers(3, 2, 3),
    ]
    fast.evaluate_expressions(*(*good, (1, 0)))
    for place, value in ((1, [0, 3]), (4, [3]), (2, [3]), (1, [0])):
        bad = [*good[:place], np.array(value), *good[place + 1 :]]
        with pytest.raises(ValueError, match="expressions"):
            fast.evaluate_expressions(*(*bad, (1, 0)))
