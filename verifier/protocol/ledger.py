"""The ledger of pads: how equations between masked values are settled (docs/protocol.md, "The ledger of pads").

Every hidden h went over the wire as s = h + kappa. The ledger holds the pads kappa and equally many random kappa'.
The prover opens y = kappa' + eps * kappa for a random eps, so that k = eps * s - y = eps * h - kappa' is a line in
eps with slope h. A constraint f(h) = q(h, h) + l(h) + c becomes

    q(k, k) + eps * l(k) + eps^2 * c = eps^2 * f(h) + eps * m1 + m0

and the prover sends the random combinations M0, M1 of m0, m1 beforehand, masked by the last ledger entry. This is
the line check of QuickSilver (Yang, Sarkar, Weng, Wang 2021) on a Reed-Solomon-committed correlation.

The ledger is four rows of the fresh tree of the first group that has room for it, or of a tree of its own:

| row | holds |
|---|---|
| 0, 1 | kappa, constant coefficients and coefficients of u |
| 2, 3 | kappa' |
"""

from __future__ import annotations

from dataclasses import dataclass

from ...circuits.field.goldilocks import ZERO, K, Vector, kadd, kscalar, kscale, same
from ...circuits.field.multilinear import log2_ceil
from ...circuits.language.hidden import HiddenProgram, evaluate_constraint
from ...errors import InvalidProof
from .channel import Channel, Side
from .code import ReedSolomonCode, evaluate_rows

LEDGER_ROWS = 4
CONSTRAINT_DEGREE = 2


@dataclass(frozen=True)
class LedgerShape:
    """Where the pads lie.

    Attributes:
        entries: number of masked values; one more entry masks M0 and M1.
        code: the code of the tree that holds the ledger.
        tree: that tree's name.
        first_row: the ledger's first row there.
    """

    entries: int
    code: ReedSolomonCode
    tree: str
    first_row: int

    @property
    def length(self) -> int:
        """Number of coefficients of a row: the entries, and a random tail for the columns opened in one proof."""
        return ledger_length(self.entries, self.code.queries)


def ledger_length(entries: int, queries: int) -> int:
    """Length of a ledger's row."""
    return entries + 1 + queries


def own_code(entries: int) -> ReedSolomonCode:
    """The code of a ledger in a tree of its own."""
    return ReedSolomonCode(log2_ceil(entries + 1), openings=1)


@dataclass(frozen=True)
class OpenedLedger:
    """eps and y = kappa' + eps * kappa, whole rows with their random tails, K vector (2, length)."""

    epsilon: K
    y: Vector

    def require_codeword(self, points: Vector, cells: Vector) -> None:
        """y's codeword at points (t,) is what the opened rows, F array (t, 4), imply.

        Raises:
            InvalidProof: "codeword of ledger".
        """
        kappa, kappa_prime = cells[:, :2].T, cells[:, 2:].T
        if not same(evaluate_rows(self.y, points), kadd(kappa_prime, kscale(kappa, self.epsilon))):
            raise InvalidProof("codeword of ledger", "an opened column does not match")


def draw_constraint_weights(channel: Side, program: HiddenProgram) -> list[K]:
    """V -> P: one uniform chi a constraint, after the last masked message."""
    return [channel.challenge("constraint weight", 1) for _ in program.constraints]


def draw_epsilon(channel: Side) -> K:
    """V -> P: the point of the line."""
    return channel.challenge("ledger line", CONSTRAINT_DEGREE)


def verify_ledger(channel: Channel, shape: LedgerShape) -> OpenedLedger:
    """Settle all constraints at once. Raises InvalidProof("ledger length" or "constraints")."""
    program = channel.program
    weights = draw_constraint_weights(channel, program)  # V -> P
    m0, m1 = channel.elements(2, "the constraint masks")  # P -> V
    epsilon = draw_epsilon(channel)  # V -> P
    y = channel.vector(shape.length, "the ledger's vector")  # P -> V

    def settle() -> None:
        if program.entries != shape.entries:
            raise InvalidProof("ledger length", f"{program.entries} pads used of {shape.entries}")
        k = [epsilon * s - kscalar(y[:, i]) for i, s in enumerate(channel.masked)]
        values = program.assign(k, epsilon)
        combined = ZERO
        for weight, constraint in zip(weights, program.constraints, strict=True):
            combined = combined + weight * evaluate_constraint(constraint, values, epsilon)
        if combined + kscalar(y[:, shape.entries]) != m0 + epsilon * m1:
            raise InvalidProof("constraints", "an equation between the hidden values does not hold")

    channel.check(settle)
    return OpenedLedger(epsilon, y)
