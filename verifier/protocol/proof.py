"""The whole protocol for any relation: its shape, its plan, and the verifier's walk.

plan.py       what follows from the statement, digested and absorbed
P -> V   roots of the fresh trees
lookup.py     all lookups, from the roots of the trees to their leaves
relation      its identities, by sumchecks
batching.py   all claims about a group of matrices to one
opening.py    each group at its point
ledger.py     all constraints on hidden values, settled
columns.py    columns of every tree
folding.py    what openings and columns say about the vectors y
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...circuits.field.goldilocks import Vector
from ...circuits.field.multilinear import Point
from ...circuits.language.hidden import Hidden, Product
from ...circuits.language.layout import WITNESS, Address, Column, MatrixLayout
from ...circuits.language.relation import Relation, Sum, SumResult
from ...errors import InvalidProof, ParameterError
from .batching import Claim, verify_batching
from .channel import Channel, PlanChannel, Side, VerifierChannel, challenge_point
from .code import HIDING_RATE, ReedSolomonCode
from .folding import POSITIONS_PER_BYTE, Claims, Sent, Stack, folded_bytes, receive_vectors, stacks, verify_folding
from .group import MASK_ROWS, Group, MatrixShape, groups_of
from .ledger import LEDGER_ROWS, LedgerShape, OpenedLedger, ledger_length, own_code, verify_ledger
from .lookup import verify_lookups
from .merkle import DIGEST_BYTES
from .opening import OpenedGroup, draw_gammas, require_openings
from .plan import plan_digest
from .sumcheck import bound_point, verify_sum
from .transcript import Transcript
from .trees import TreeShape, verify_tree

LEDGER = "ledger"
MAX_ROW_BITS = 20
LASTING_POSITIONS_PER_BYTE = 1  # of a matrix that many proofs open: each encodes and hashes a mask as long
SHORT_POSITIONS_PER_BYTE = 16  # of a matrix of few rows


def choose_matrix(
    name: str, columns: tuple[Column, ...], openings: int, shortest: int, inverse_rate: int = HIDING_RATE
) -> MatrixShape:
    """Rows of 2^c cells, c at least `shortest`, so that openings are short and encoding is quick.

    What is opened with the matrix is not counted: a large witness will have rows of its own, `choose_groups`.
    """

    def shape(row_bits: int) -> MatrixShape:
        return MatrixShape(MatrixLayout(name, columns, row_bits), ReedSolomonCode(row_bits, openings, inverse_rate))

    def cost(candidate: MatrixShape) -> int:
        code = candidate.code
        vector = (code.dimension,)
        opening = TreeShape(name, code, candidate.layout.rows).opening_bytes
        return opening + folded_bytes(vector, stacks(vector)) + code.length // LASTING_POSITIONS_PER_BYTE

    longest = max(shortest, min(MAX_ROW_BITS, max(column.bits for column in columns)))
    return min((shape(bits) for bits in range(shortest, longest + 1)), key=cost)


def choose_short(first: MatrixShape, own: MatrixShape) -> MatrixShape:
    """A small matrix on the code that is its own choice, or on that of the first one, where that makes proofs shorter.

    It then needs no mask and no vector of its own, but has as many positions as the first one, for which few rows are
    encoded and hashed. A code whose tails hide fewer proofs is never taken.
    """
    code = first.code
    shared = MatrixShape(MatrixLayout(own.layout.name, own.layout.columns, code.row_bits), code)

    def cost(matrix: MatrixShape) -> int:
        return _opening_cost(groups_of([first, matrix])) + matrix.code.length // SHORT_POSITIONS_PER_BYTE

    return min((own, shared), key=cost) if code.openings >= own.code.openings else own


def choose_groups(committed: Sequence[MatrixShape], columns: tuple[Column, ...]) -> tuple[Group, ...]:
    """Matrices by code, the witness with the first, or where that costs less, in longer rows of its own.

    A witness grows with the number of epochs, and then makes a short proof only in long rows.
    """
    first = committed[0].code
    longest = min(MAX_ROW_BITS, max(column.bits for column in columns))
    own = (ReedSolomonCode(row_bits, openings=1) for row_bits in range(first.row_bits + 1, longest + 1))
    witnesses = (MatrixShape(MatrixLayout(WITNESS, columns, code.row_bits), code) for code in (first, *own))
    return min((groups_of(committed, witness) for witness in witnesses), key=_opening_cost)


def _opening_cost(groups: Sequence[Group]) -> int:
    """Bytes of opening the groups, and what encoding and hashing the trees made in the proof is worth."""
    vectors = tuple(group.code.dimension for group in groups)
    cost = folded_bytes(vectors, stacks(vectors))
    for group in groups:
        cost += sum(TreeShape(layout.name, group.code, layout.rows).opening_bytes for layout in group.committed)
        cost += TreeShape(group.fresh, group.code, group.fresh_columns + MASK_ROWS).opening_bytes
        cost += group.code.length // POSITIONS_PER_BYTE
    return cost


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
        """Raises ParameterError if the matrices are not those of the relation, or a name stands for two things."""
        layouts = [matrix.layout for matrix in self.committed.values()]
        names = [layout.name for layout in layouts]
        require_distinct("matrices", [LEDGER, WITNESS, *(f"{name} mask" for name in self.committed), *names])
        found = {layout.name: layout.columns for layout in layouts}
        expected = {name: columns for name, columns in self.relation.columns.items() if name != WITNESS}
        if found != expected or names != list(self.committed):
            raise ParameterError(f"the matrices {list(found)} do not hold the columns of {self.relation.name}")
        held = [Address(name, column.name) for name, own in self.relation.columns.items() for column in own]
        require_distinct("columns", [*held, *self.relation.virtual])

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The matrices that are opened together."""
        committed, columns = tuple(self.committed.values()), self.relation.columns.get(WITNESS)
        return groups_of(committed) if columns is None else choose_groups(committed, columns)

    @cached_property
    def ledger(self) -> LedgerShape:
        """One pad for each masked value, in the first fresh tree with room, or in a tree of its own."""
        entries = self._walked[0].program.entries
        for group in self.groups:
            if ledger_length(entries, group.code.queries) <= group.code.dimension:
                return LedgerShape(entries, group.code, group.fresh, group.fresh_columns + MASK_ROWS)
        return LedgerShape(entries, own_code(entries), LEDGER, 0)

    @cached_property
    def vectors(self) -> tuple[int, ...]:
        """Lengths of the y's, one a group."""
        return tuple(group.code.dimension for group in self.groups)

    @cached_property
    def chain(self) -> tuple[Stack, ...]:
        """How they are folded."""
        return stacks(self.vectors)

    @cached_property
    def trees(self) -> dict[str, TreeShape]:
        """All Merkle trees with hidden rows, in the order of their openings."""
        trees = []
        for group in self.groups:
            trees += [TreeShape(layout.name, group.code, layout.rows) for layout in group.committed]
            own = LEDGER_ROWS if self.ledger.tree == group.fresh else 0
            trees.append(TreeShape(group.fresh, group.code, group.fresh_columns + MASK_ROWS + own))
        if self.ledger.tree == LEDGER:
            trees.append(TreeShape(LEDGER, self.ledger.code, LEDGER_ROWS))
        return {tree.name: tree for tree in trees}

    @property
    def new_roots(self) -> tuple[str, ...]:
        """The trees whose roots open the proof, in order."""
        return tuple(name for name in self.trees if name not in self.committed)

    @cached_property
    def plan(self) -> PlanChannel:
        """All that passes: the verifier's own run, without a proof; the new roots last, whose number the walk tells."""
        channel, opened, sent = self._walked
        settle(channel, self, {name: bytes(DIGEST_BYTES) for name in self.trees}, opened, sent)
        receive_roots(channel, self)
        return channel

    @cached_property
    def digest(self) -> bytes:
        """Of all of it; the transcript absorbs it before the first message."""
        return plan_digest(self.relation.name, self.groups, self.trees, self.ledger, self.chain, self.plan)

    @cached_property
    def _walked(self) -> tuple[PlanChannel, dict[str, OpenedGroup], Sent]:
        """The walk of that run."""
        channel = PlanChannel()
        return channel, *walk(channel, self)

    @property
    def proof_bytes(self) -> int:
        """The exact length of a proof."""
        return self.plan.proof_bytes


def require_distinct(what: str, names: Sequence[str | Address]) -> None:
    """Raises ParameterError if a name occurs twice: of two things with one name, one would be proved twice."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ParameterError(f"several {what} are called {', '.join(map(str, twice))}")


class VerifierSteps:
    """What a relation's walk does, at the verifier's end; collects the claims about columns."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.claims: list[Claim] = []

    def point(self, label: str, bits: int) -> Point:
        """V -> P: a random point."""
        return challenge_point(self.channel, label, bits)

    def evaluate(self, column: Address, at: Mapping[str, Point]) -> Hidden:
        """P -> V: a column's value."""
        (value,) = self.channel.hidden(1)
        self.claims.append(Claim(column, at, value))
        return value

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


def claims_by_group(shape: ProofShape, claims: Sequence[Claim]) -> dict[str, list[Claim]]:
    """The claims about each group; those about virtual columns are left to the relation.

    Raises:
        ParameterError: a claim without a matrix, or a group without one.
    """
    home = {column: group.name for group in shape.groups for column in group.places}
    grouped: dict[str, list[Claim]] = {group.name: [] for group in shape.groups}
    for claim in claims:
        if claim.column in shape.relation.virtual:
            continue
        if claim.column not in home:
            raise ParameterError(f"the relation makes a claim about {claim.column}, which no matrix holds")
        grouped[home[claim.column]].append(claim)
    for name, about in grouped.items():
        if not about:
            raise ParameterError(f"the relation makes no claim about the matrices with {name}")
    return grouped


def run(channel: Channel, shape: ProofShape, committed_roots: Mapping[str, bytes]) -> None:
    """The whole protocol. Raises InvalidProof naming the check that failed."""
    fresh = receive_roots(channel, shape)
    opened, sent = walk(channel, shape)
    settle(channel, shape, {**committed_roots, **fresh}, opened, sent)


def receive_roots(channel: Channel, shape: ProofShape) -> dict[str, bytes]:
    """P -> V: the roots of the trees that are made in the proof."""
    return {name: channel.data(DIGEST_BYTES, f"the root of {name}") for name in shape.new_roots}  # P -> V


def settle(
    channel: Channel, shape: ProofShape, roots: Mapping[str, bytes], opened: Mapping[str, OpenedGroup], sent: Sent
) -> None:
    """The ledger, the columns of every tree, and what both leave about the y's."""
    ledger = verify_ledger(channel, shape.ledger)
    claims = verify_columns(channel, shape, roots, opened, ledger)
    verify_folding(channel, shape.chain, sent, claims)


def walk(channel: Channel, shape: ProofShape) -> tuple[dict[str, OpenedGroup], Sent]:
    """Everything that speaks of hidden values, up to their settlement."""
    relation, steps, groups = shape.relation, VerifierSteps(channel), shape.groups
    relation.identities(steps, verify_lookups(channel, steps, relation))
    about = claims_by_group(shape, steps.claims)
    claims = {group.name: verify_batching(channel, group, about[group.name]) for group in groups}
    mus = channel.hidden(len(groups))  # P -> V
    gammas = draw_gammas(channel, groups)  # V -> P
    sent = receive_vectors(channel, shape.vectors, shape.chain)  # P -> V
    inners = channel.elements(len(groups), "inner products")  # P -> V
    return require_openings(channel, groups, claims, mus, gammas, inners), sent


def verify_columns(
    channel: Channel,
    shape: ProofShape,
    roots: Mapping[str, bytes],
    opened: Mapping[str, OpenedGroup],
    ledger: OpenedLedger,
) -> list[Claims]:
    """What the opened columns imply for the y of each group; the ledger's is in clear, and checked."""
    indices = draw_indices(channel, shape)  # V -> P
    cells = {
        name: verify_tree(channel, tree, roots[name], indices[name])  # P -> V
        for name, tree in shape.trees.items()
    }
    pads = cells[shape.ledger.tree][:, shape.ledger.first_row :]
    channel.check(lambda: ledger.require_codeword(shape.ledger.code.points(indices[shape.ledger.tree]), pads))
    return [group_claims(channel, group, opened[group.name], indices[group.fresh], cells) for group in shape.groups]


def draw_indices(channel: Side, shape: ProofShape) -> dict[str, list[int]]:
    """V -> P: the columns of each tree, after a proof of work; those of a group are opened at the same ones."""
    channel.work()
    indices: dict[str, list[int]] = {}
    for group in shape.groups:
        drawn = channel.indices(group.code)
        indices |= {name: drawn for name in (*(layout.name for layout in group.committed), group.fresh)}
    if shape.ledger.tree == LEDGER:
        indices[LEDGER] = channel.indices(shape.ledger.code)
    return indices


def group_claims(
    channel: Side, group: Group, opened: OpenedGroup, indices: Sequence[int], cells: Mapping[str, Vector]
) -> Claims:
    """The claims about the y of one group, from the cells (t, rows) of each tree."""
    committed = [cells[layout.name] for layout in group.committed]
    fresh, columns = cells[group.fresh], group.fresh_columns
    rows = np.concatenate([*committed, fresh[:, :columns]], axis=1)
    mask = fresh[:, columns : columns + MASK_ROWS]
    values = channel.public_vector(len(indices), lambda: opened.combine(rows, mask))
    return Claims(opened.cell_point, opened.inner, group.code.points(indices), values)


def verify_protocol(
    shape: ProofShape, transcript: Transcript, committed_roots: Mapping[str, bytes], proof: bytes
) -> None:
    """Check one proof. Raises InvalidProof naming the check that failed."""
    if len(proof) != shape.proof_bytes:
        raise InvalidProof("proof length", f"{len(proof)} bytes, where the statement implies {shape.proof_bytes}")
    channel = VerifierChannel(transcript, proof)
    channel.transcript.absorb(shape.digest)
    run(channel, shape, committed_roots)
    channel.reader.finish()
