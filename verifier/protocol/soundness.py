"""The soundness calculator: the error of every round of a proof, the largest of them in bits, and their sum.

Rounds are not listed here: every challenge in the code says what a prover can gain from it, and the plan of a
proof collects them (channel.py). To these come, for each group of matrices, for the ledger and for each folded
stack, R rows on one code,

| term | error | source |
|---|---|---|
| proximity, line | n / |K| | Ben-Sasson et al. 2020, Theorem 4.1: y of mask and combination |
| proximity, tensor | log2(R) times that | Diamond, Gruen 2024: combination eq(r, .) of R rows |
| queries | 2^-20 ((1 + rate) / 2)^t | a word further than (1 - rate)/2 from the code escapes t distinct columns |

(2^-20: a try to escape costs 2^20 hashes, work.py),
all in the unique-decoding regime, where they are theorems. `security_bits` is the least over rounds, as it is for
round-by-round soundness of a protocol made non-interactive by hashing; SHA-256 and SHAKE128 stand for random oracles.
`total_bits` counts the sum over rounds, which bounds a single run of the interactive protocol (docs/security.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, fsum, log2

from ...circuits.field.goldilocks import P
from ...circuits.field.multilinear import log2_ceil
from ...errors import ParameterError
from .channel import Round
from .code import SECURITY_BITS, WORK_BITS, ReedSolomonCode
from .proof import LEDGER, ProofShape

FIELD_BITS = 2 * log2(P)  # |K| = p^2


@dataclass(frozen=True)
class Term:
    """One round: its name and -log2 of its error."""

    label: str
    bits: float


def round_term(entry: Round) -> Term:
    """A challenge of error numerator e: log2(|K|) - log2(e)."""
    return Term(entry.label, FIELD_BITS - log2(entry.error))


def code_terms(name: str, code: ReedSolomonCode, rows: int) -> list[Term]:
    """The proximity test of one matrix of `rows` combined rows."""
    line = code.length
    tensor = max(1, log2_ceil(rows)) * line
    return [
        Term(f"line of {name}", FIELD_BITS - log2(line)),
        Term(f"tensor of {name}", FIELD_BITS - log2(tensor)),
        Term(f"queries of {name}", WORK_BITS + code.queries * -log2((1 + code.rate) / 2)),
    ]


def all_terms(shape: ProofShape) -> list[Term]:
    """Every round of a proof, one by one."""
    terms = [round_term(entry) for entry in shape.plan.rounds]
    for group in shape.groups:
        terms += code_terms(group.name, group.code, group.column_rows)
    terms += code_terms(LEDGER, shape.ledger.code, rows=2)
    for stack in shape.chain:
        terms += code_terms(stack.tree.name, stack.code, stack.rows)
    return terms


def soundness_terms(shape: ProofShape) -> list[Term]:
    """Every round of a proof; of several with one label the weakest."""
    weakest: dict[str, Term] = {}
    for term in all_terms(shape):
        if term.label not in weakest or term.bits < weakest[term.label].bits:
            weakest[term.label] = term
    return list(weakest.values())


def security_bits(shape: ProofShape) -> float:
    """The least of all terms."""
    return min(term.bits for term in soundness_terms(shape))


def total_bits(shape: ProofShape) -> float:
    """The sum of the errors of all rounds, in bits: a union bound, a little below `security_bits`."""
    return -log2(fsum(2.0**-term.bits for term in all_terms(shape)))


@dataclass(frozen=True)
class Soundness:
    """What was proven of one proof, or of several together, in bits.

    Attributes:
        least: of all rounds, `security_bits`.
        total: of the sum of the errors of all rounds, `total_bits`.
    """

    least: float
    total: float

    @classmethod
    def of(cls, shape: ProofShape) -> Soundness:
        """Of a proof of this shape. Raises ParameterError below 100 bits."""
        return cls(require_security(shape), total_bits(shape))

    def __and__(self, other: Soundness) -> Soundness:
        """Of both."""
        return Soundness(min(self.least, other.least), -log2(2.0**-self.total + 2.0**-other.total))


def require_security(shape: ProofShape) -> float:
    """`security_bits`, refused below 100. Raises ParameterError naming the weakest round."""
    weakest = min(soundness_terms(shape), key=lambda term: term.bits)
    if weakest.bits < SECURITY_BITS:
        bits = floor(weakest.bits * 100) / 100
        raise ParameterError(
            f"{bits} bits of proven soundness ({weakest.label}), {SECURITY_BITS} are required: "
            "train on fewer rows or epochs in one proof"
        )
    return weakest.bits
