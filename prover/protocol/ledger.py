"""The prover's half of verifier/protocol/ledger.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...circuits.field.goldilocks import ONE, ZERO, K, Vector, kscalar
from ...circuits.language.hidden import HiddenProgram, evaluate
from ...errors import ZkUnlearnError
from ...verifier.protocol.ledger import LEDGER_ROWS, LedgerShape, draw_constraint_weights, draw_epsilon
from .. import kernels
from ..matrices.entropy import random_field
from .channel import ProverChannel


@dataclass(frozen=True, repr=False, eq=False)
class Ledger:
    """Fresh pads. They mask one proof: an instance is used once and never stored.

    Attributes:
        rows: F array (4, length): a and b of kappa, then of kappa'; committed with their tree.
    """

    shape: LedgerShape
    rows: Vector

    @property
    def kappa(self) -> Vector:
        """K vector (2, length)."""
        return self.rows[:2]

    @property
    def kappa_prime(self) -> Vector:
        """K vector (2, length)."""
        return self.rows[2:]

    def pads(self) -> list[K]:
        """kappa, one for each masked value."""
        return _elements(self.kappa[:, : self.shape.entries])


def _elements(values: Vector) -> list[K]:
    """Of a K vector (2, n)."""
    return [K(a, b) for a, b in zip(*values.tolist(), strict=True)]


def draw_ledger(shape: LedgerShape) -> Ledger:
    """Draw the pads."""
    return Ledger(shape, random_field(LEDGER_ROWS, shape.length))


def violated(program: HiddenProgram, values: Sequence[K]) -> list[str]:
    """Names of the constraints that do not hold, in order; what an honest prover never has."""
    nodes = program.assign(values, ONE)
    checks = []
    for constraint in program.constraints:
        residual = evaluate(constraint.linear, nodes, ONE)
        for p in constraint.products:
            residual = residual + p.coefficient * evaluate(p.left, nodes, ONE) * evaluate(p.right, nodes, ONE)
        if residual:
            checks.append(constraint.check)
    return checks


def line_coefficients(
    program: HiddenProgram, weights: Sequence[K], h: Sequence[K], kappa_prime: Sequence[K]
) -> tuple[K, K]:
    """m0 and m1 of the weighted sum of constraints on the line k = eps * h - kappa'."""
    slopes = program.assign(h, ONE)
    starts = program.assign([-pad for pad in kappa_prime], ZERO)
    m0, m1 = ZERO, ZERO
    for weight, constraint in zip(weights, program.constraints, strict=True):
        m1 = m1 + weight * evaluate(constraint.linear, starts, ZERO)
        for p in constraint.products:
            a1, a0 = evaluate(p.left, slopes, ONE), evaluate(p.left, starts, ZERO)
            b1, b0 = evaluate(p.right, slopes, ONE), evaluate(p.right, starts, ZERO)
            m0 = m0 + weight * p.coefficient * a0 * b0
            m1 = m1 + weight * p.coefficient * (a1 * b0 + a0 * b1)
    return m0, m1


def prove_ledger(channel: ProverChannel, ledger: Ledger) -> None:
    """Settle all constraints."""
    program, entries = channel.program, ledger.shape.entries
    if program.entries != entries:
        raise ZkUnlearnError(f"{program.entries} pads used of {entries}")
    weights = draw_constraint_weights(channel, program)  # V -> P
    kappa_prime = _elements(ledger.kappa_prime[:, :entries])
    m0, m1 = line_coefficients(program, weights, channel.values, kappa_prime)
    last, last_prime = kscalar(ledger.kappa[:, entries]), kscalar(ledger.kappa_prime[:, entries])
    channel.send_elements([m0 + last_prime, m1 + last])  # P -> V
    epsilon = draw_epsilon(channel)  # V -> P
    channel.send_vector(kernels.kadd(ledger.kappa_prime, kernels.kscale(ledger.kappa, epsilon.pair)))  # P -> V
