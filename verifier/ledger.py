"""The ledger of pads: how equations between masked values are settled (docs/protocol.md, "The ledger of pads").

Every hidden h went over the wire as s = h + kappa. The ledger holds the pads kappa and equally many random kappa'.
The prover opens y = kappa' + eps * kappa for a random eps, so that k = eps * s - y = eps * h - kappa' is a line in
eps with slope h. A constraint f(h) = q(h, h) + l(h) + c becomes

    q(k, k) + eps * l(k) + eps^2 * c = eps^2 * f(h) + eps * m1 + m0

and the prover sends the random combinations M0, M1 of m0, m1 beforehand, masked by the last ledger entry. This is
the line check of QuickSilver (Yang, Sarkar, Weng, Wang 2021) on a Reed-Solomon-committed correlation.

| row of the matrix | holds |
|---|---|
| 0, 1 | kappa, constant coefficients and coefficients of u |
| 2, 3 | kappa' |
"""

from __future__ import annotations

from dataclasses import dataclass

from ..circuits.goldilocks import ZERO, K, Vector, kadd, kscalar, kscale
from ..circuits.hidden import HiddenProgram, evaluate_constraint
from ..circuits.multilinear import log2_ceil
from ..models.errors import InvalidProof
from .channel import Channel, VerifierChannel
from .code import ReedSolomonCode

LEDGER_ROWS = 4
CONSTRAINT_DEGREE = 2


@dataclass(frozen=True)
class LedgerShape:
    """entries: number of masked values; one more entry masks M0 and M1."""

    entries: int

    @property
    def code(self) -> ReedSolomonCode:
        """Used in one proof only."""
        return ReedSolomonCode(log2_ceil(self.entries + 1), openings=1)


@dataclass(frozen=True)
class OpenedLedger:
    """eps and y = kappa' + eps * kappa, whole rows with their random tails, K vector (2, C + m)."""

    epsilon: K
    y: Vector

    def combine(self, cells: Vector) -> Vector:
        """y's codeword, as opened columns (t, 4) imply it. K vector (2, t)."""
        kappa, kappa_prime = cells[:, :2].T, cells[:, 2:].T
        return kadd(kappa_prime, kscale(kappa, self.epsilon))


def draw_constraint_weights(channel: Channel, program: HiddenProgram) -> list[K]:
    """V -> P: one uniform chi a constraint, after the last masked message."""
    return [channel.challenge("constraint weight", 1) for _ in program.constraints]


def draw_epsilon(channel: Channel) -> K:
    """V -> P: the point of the line."""
    return channel.challenge("ledger line", CONSTRAINT_DEGREE)


def verify_ledger(channel: VerifierChannel, shape: LedgerShape) -> OpenedLedger:
    """Settle all constraints at once. Raises InvalidProof("ledger length" or "constraints")."""
    program = channel.program
    if program.entries != shape.entries:
        raise InvalidProof("ledger length", f"{program.entries} pads used of {shape.entries}")
    weights = draw_constraint_weights(channel, program)  # V -> P
    m0, m1 = channel.elements(2, "the constraint masks")  # P -> V
    epsilon = draw_epsilon(channel)  # V -> P
    y = channel.vector(shape.code.dimension)  # P -> V

    k = [epsilon * s - kscalar(y[:, i]) for i, s in enumerate(channel.masked)]
    values = program.assign(k, epsilon)
    combined = ZERO
    for weight, constraint in zip(weights, program.constraints, strict=True):
        combined = combined + weight * evaluate_constraint(constraint, values, epsilon)
    if combined + kscalar(y[:, shape.entries]) != m0 + epsilon * m1:
        raise InvalidProof("constraints", "an equation between the hidden values does not hold")
    return OpenedLedger(epsilon, y)
