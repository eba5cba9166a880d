"""The prover's half of verifier/protocol/ledger.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...circuits.field.goldilocks import ONE, ZERO, K, Vector, kscalar, kvector
from ...circuits.language.hidden import HiddenProgram
from ...errors import ZkUnlearnError
from ...verifier.protocol.ledger import LEDGER_ROWS, LedgerShape, draw_constraint_weights, draw_epsilon
from .. import kernels
from ..matrices.entropy import random_field
from .channel import ProverChannel
from .equations import Equations


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
    equations = Equations(program)
    found = equations.evaluated(values, ONE)
    residuals = _elements(found.linear)
    products = kernels.kmul(equations.coefficients, kernels.kmul(found.left, found.right))
    for owner, product in zip(equations.owners.tolist(), _elements(products), strict=True):
        residuals[owner] = residuals[owner] + product
    return [own.check for own, residual in zip(program.constraints, residuals, strict=True) if residual]


def line_coefficients(
    program: HiddenProgram, weights: Sequence[K], h: Sequence[K], kappa_prime: Sequence[K]
) -> tuple[K, K]:
    """m0 and m1 of the weighted sum of constraints on the line k = eps * h - kappa'."""
    equations, own = Equations(program), kvector(weights)
    slopes, starts = equations.evaluated(h, ONE), equations.evaluated([-pad for pad in kappa_prime], ZERO)
    scales = kernels.kmul(np.take(own, equations.owners, axis=1), equations.coefficients)
    mixed = kernels.kadd(kernels.kmul(slopes.left, starts.right), kernels.kmul(starts.left, slopes.right))
    m0 = kernels.kdot(scales, kernels.kmul(starts.left, starts.right))
    m1 = K(*kernels.kdot(own, starts.linear)) + K(*kernels.kdot(scales, mixed))
    return K(*m0), m1


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
