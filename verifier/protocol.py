"""The whole protocol for any relation: its shape, its plan, and the verifier's walk.

    P -> V   roots: witness, a mask beside each matrix that was committed beforehand, ledger
    lookup.py     all lookups, from the roots of the trees to their leaves
    relation      its identities, by sumchecks
    batching.py   all claims about a matrix to one
    opening.py    the matrices at their points
    ledger.py     all constraints on hidden values, settled
    opening.py    columns of every tree
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..circuits.hidden import Hidden, Product
from ..circuits.layout import Column, MatrixLayout
from ..circuits.multilinear import Point
from ..circuits.relation import Relation, Sum, SumResult
from ..models.errors import InvalidProof, ParameterError
from .batching import Claim, MatrixClaim, verify_batching
from .channel import EXTENSION_BYTES, Channel, PlanChannel, VerifierChannel, challenge_point
from .code import QUERIES, ReedSolomonCode
from .ledger import LEDGER_ROWS, LedgerShape, OpenedLedger, draw_constraint_weights, draw_epsilon, verify_ledger
from .lookup import verify_lookups
from .merkle import DIGEST_BYTES
from .opening import MASK_ROWS, MatrixShape, OpenedMatrix, TreeShape, verify_codeword, verify_openings, verify_tree
from .sumcheck import bound_point, verify_sum
from .transcript import Transcript

WITNESS = "witness"
LEDGER = "ledger"
MAX_ROW_BITS = 20
MIN_ROW_BITS = 3


def mask_name(matrix: str) -> str:
    """Name of the tree that masks a matrix committed before the proof."""
    return f"{matrix} mask"


def smallest_matrix(name: str, columns: tuple[Column, ...], openings: int, extra_rows: int = 0) -> MatrixShape:
    """The row length that makes an opening shortest: its columns, and y of 16 bytes a cell."""

    def shape(row_bits: int) -> MatrixShape:
        return MatrixShape(MatrixLayout(name, columns, row_bits, extra_rows), ReedSolomonCode(row_bits, openings))

    def size(candidate: MatrixShape) -> int:
        tree = TreeShape(name, candidate.code, candidate.layout.rows)
        return tree.opening_bytes + EXTENSION_BYTES * candidate.code.dimension

    longest = max(MIN_ROW_BITS, min(MAX_ROW_BITS, max(column.bits for column in columns)))
    return min((shape(bits) for bits in range(MIN_ROW_BITS, longest + 1)), key=size)


@dataclass(frozen=True)
class ProofShape:
    """Everything about a proof that follows from its statement.

    Attributes:
        relation: what is proved.
        committed: shapes of the matrices committed before the proof, by name.
    """

    relation: Relation
    committed: Mapping[str, MatrixShape]

    def __post_init__(self) -> None:
        """Raises ParameterError if the matrices are not those of the relation."""
        found = {name: matrix.layout.columns for name, matrix in self.committed.items()}
        expected = {name: columns for name, columns in self.relation.columns.items() if name != WITNESS}
        if found != expected:
            raise ParameterError(f"the matrices {list(found)} do not hold the columns of {self.relation.name}")

    @cached_property
    def matrices(self) -> dict[str, MatrixShape]:
        """All matrices with columns: the committed ones, then the witness, if the relation has one."""
        if WITNESS not in self.relation.columns:
            return dict(self.committed)
        witness = smallest_matrix(WITNESS, self.relation.columns[WITNESS], openings=1, extra_rows=MASK_ROWS)
        return {**self.committed, WITNESS: witness}

    @cached_property
    def plan(self) -> PlanChannel:
        """What passes up to the settlement: the verifier's own walk, without a proof."""
        channel = PlanChannel()
        walk(channel, self)
        draw_constraint_weights(channel, channel.program)
        draw_epsilon(channel)
        return channel

    @cached_property
    def ledger(self) -> LedgerShape:
        """One pad for each masked value."""
        return LedgerShape(self.plan.program.entries)

    @cached_property
    def trees(self) -> dict[str, TreeShape]:
        """All Merkle trees, in the order of their openings."""
        trees = [TreeShape(name, m.code, m.layout.rows) for name, m in self.matrices.items()]
        trees += [TreeShape(mask_name(name), m.code, MASK_ROWS) for name, m in self.committed.items()]
        trees.append(TreeShape(LEDGER, self.ledger.code, LEDGER_ROWS))
        return {tree.name: tree for tree in trees}

    @property
    def new_roots(self) -> tuple[str, ...]:
        """The trees whose roots open the proof, in order."""
        return tuple(name for name in self.trees if name not in self.committed)

    @cached_property
    def proof_bytes(self) -> int:
        """The exact length of a proof."""
        elements = self.plan.program.entries + self.plan.vector_elements
        settlement = 2 + self.ledger.code.dimension  # M0, M1 and the ledger's y
        openings = sum(tree.opening_bytes for tree in self.trees.values())
        return DIGEST_BYTES * len(self.new_roots) + EXTENSION_BYTES * (elements + settlement) + openings


class VerifierSteps:
    """What a relation's walk does, at the verifier's end; collects the claims about columns."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.claims: list[Claim] = []

    def point(self, label: str, bits: int) -> Point:
        """V -> P: a random point."""
        return challenge_point(self.channel, label, bits)

    def evaluate(self, column: str, at: Mapping[str, Point]) -> Hidden:
        """P -> V: a column's value."""
        (value,) = self.channel.hidden(1)
        self.claims.append(Claim(column, at, value))
        return value

    def virtual(self, name: str, at: Mapping[str, Point]) -> Hidden:
        """P -> V: the value of a column that is not committed; the walk has to prove it."""
        return self.channel.hidden(1)[0]

    def total(self, statement: Sum) -> Hidden:
        """P -> V: the value of a sum."""
        return self.channel.hidden(1)[0]

    def sumcheck(self, statement: Sum, claim: Hidden) -> SumResult:
        """One sumcheck, and the claims it leaves."""
        result = verify_sum(self.channel, statement, claim)
        self.claims += sum_claims(statement, result)
        return result

    def require_zero(self, check: str, expression: Hidden, products: Sequence[Product] = ()) -> None:
        """One constraint."""
        self.channel.program.require_zero(check, expression, products)


def sum_claims(statement: Sum, result: SumResult) -> list[Claim]:
    """The claims about columns where a sum ended."""
    claims = []
    for factor, values in zip(statement.factors, result.values, strict=True):
        for term, value in zip(factor.terms, values, strict=True):
            at = bound_point(term, result.point)
            if at is not None:
                claims.append(Claim(term.column, at, value))
    return claims


def claims_by_matrix(shape: ProofShape, claims: Sequence[Claim]) -> dict[str, list[Claim]]:
    """The claims about each matrix. Raises ParameterError for a claim without a matrix, or a matrix without one."""
    home = {column.name: name for name, matrix in shape.matrices.items() for column in matrix.layout.columns}
    grouped: dict[str, list[Claim]] = {name: [] for name in shape.matrices}
    for claim in claims:
        if claim.column not in home:
            raise ParameterError(f"the relation makes a claim about {claim.column!r}, which no matrix holds")
        grouped[home[claim.column]].append(claim)
    for name, about in grouped.items():
        if not about:
            raise ParameterError(f"the relation makes no claim about the matrix {name}")
    return grouped


def walk(channel: Channel, shape: ProofShape) -> dict[str, OpenedMatrix]:
    """Everything that speaks of hidden values, up to their settlement."""
    relation, steps = shape.relation, VerifierSteps(channel)
    relation.identities(steps, verify_lookups(channel, steps, relation))
    claims: dict[str, MatrixClaim] = {
        name: verify_batching(channel, shape.matrices[name].layout, about)
        for name, about in claims_by_matrix(shape, steps.claims).items()
    }
    return verify_openings(channel, shape.matrices, claims)


def verify_protocol(
    shape: ProofShape, transcript: Transcript, committed_roots: Mapping[str, bytes], proof: bytes
) -> None:
    """Check one proof. Raises InvalidProof naming the check that failed."""
    if len(proof) != shape.proof_bytes:
        raise InvalidProof("proof length", f"{len(proof)} bytes, where the statement implies {shape.proof_bytes}")
    channel = VerifierChannel(transcript, proof)
    roots = {**committed_roots, **{name: channel.digest(f"the root of {name}") for name in shape.new_roots}}
    opened = walk(channel, shape)
    ledger = verify_ledger(channel, shape.ledger)
    verify_columns(channel, shape, roots, opened, ledger)
    channel.reader.finish()


def draw_indices(transcript: Transcript, shape: ProofShape) -> dict[str, list[int]]:
    """V -> P: the columns of each tree; a matrix and its mask are opened at the same ones."""
    indices = {name: transcript.indices(m.code.length, QUERIES) for name, m in shape.matrices.items()}
    indices |= {mask_name(name): indices[name] for name in shape.committed}
    return indices | {LEDGER: transcript.indices(shape.ledger.code.length, QUERIES)}


def verify_columns(
    channel: VerifierChannel,
    shape: ProofShape,
    roots: Mapping[str, bytes],
    opened: Mapping[str, OpenedMatrix],
    ledger: OpenedLedger,
) -> None:
    """Every y is the word its tree commits to, as far as the opened columns tell."""
    indices = draw_indices(channel.transcript, shape)  # V -> P
    cells = {
        name: verify_tree(channel, tree, roots[name], indices[name])  # P -> V
        for name, tree in shape.trees.items()
    }
    for name, matrix in shape.matrices.items():
        rows = matrix.layout.column_rows
        mask = cells[mask_name(name)] if name in shape.committed else cells[name][:, rows:]
        combined = opened[name].combine(cells[name][:, :rows], mask)
        verify_codeword(name, matrix.code, opened[name].y, indices[name], combined)
    verify_codeword(LEDGER, shape.ledger.code, ledger.y, indices[LEDGER], ledger.combine(cells[LEDGER]))
