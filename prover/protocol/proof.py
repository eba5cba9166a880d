"""The prover's half of verifier/protocol/proof.py."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter

from ...circuits.field.goldilocks import Vector
from ...circuits.field.multilinear import Point
from ...circuits.language.hidden import Hidden, Product
from ...circuits.language.layout import Address
from ...circuits.language.relation import Sum, SumResult
from ...errors import ZkUnlearnError
from ...verifier.protocol.batching import Claim
from ...verifier.protocol.channel import challenge_point
from ...verifier.protocol.folding import Claims
from ...verifier.protocol.group import MASK_ROWS, Group
from ...verifier.protocol.proof import LEDGER, ProofShape, claims_by_group, draw_indices, group_claims, sum_claims
from ...verifier.protocol.transcript import Transcript
from ..kernels import RowPart, show_phase
from ..matrices.commitment import Commitment, column_parts, commit
from ..matrices.entropy import Salts, random_field
from ..matrices.multiplicities import LookedUpRows
from ..matrices.values import Columns, Values, column_axes
from .batching import prove_batching
from .channel import ProverChannel
from .folding import prove_folding
from .ledger import draw_ledger, prove_ledger, violated
from .lookup import prove_lookups
from .opening import prove_openings
from .sumcheck import WrittenOut, prove_sum, sum_value, summed, written_out

Progress = Callable[[str], None]
LOGGER = logging.getLogger("zkunlearn")
KEPT_BITS = 16  # variables of a sum whose tables take little memory


def begin(phase: str, progress: Progress | None) -> None:
    """Say what is done now: in the log, in a notebook, and to whoever asked."""
    LOGGER.info("begins: %s", phase)
    show_phase(phase)
    if progress is not None:
        progress(phase)


class ProverSteps:
    """What a relation's walk does, at the prover's end; collects the claims about columns."""

    def __init__(self, channel: ProverChannel, columns: Columns) -> None:
        self.channel = channel
        self.columns = columns
        self.claims: list[Claim] = []
        self._known: tuple[Sum, WrittenOut] | None = None

    def point(self, label: str, bits: int) -> Point:
        """V -> P: a random point."""
        return challenge_point(self.channel, label, bits)

    def evaluate(self, column: Address, at: Mapping[str, Point]) -> Hidden:
        """P -> V: a column's value."""
        (value,) = self.channel.send([self.columns.evaluate(column, at)])
        self.claims.append(Claim(column, at, value))
        return value

    def total(self, statement: Sum) -> Hidden:
        """P -> V: the value of a sum. A small one is kept written out, as most often its sumcheck comes next."""
        if statement.variables > KEPT_BITS:
            return self.channel.send([sum_value(statement, self.columns)])[0]
        known = written_out(statement, self.columns)
        self._known = statement, known
        return self.channel.send([summed(known.factors)])[0]

    def sumcheck(self, statement: Sum, claim: Hidden) -> SumResult:
        """One sumcheck, and the claims it leaves."""
        totalled, known = self._known or (None, None)
        self._known = None
        own = known if totalled == statement else None
        result = prove_sum(self.channel, statement, claim, self.columns, own)
        self.claims += sum_claims(statement, result)
        return result

    def require_zero(self, check: str, expression: Hidden, products: Sequence[Product] = ()) -> None:
        """One constraint."""
        self.channel.program.require_zero(check, expression, products)


class Prover:
    """One proof. Each phase is a method, in the order of the protocol; `prove` runs them all.

    Args:
        shape: from the statement.
        committed: the matrices committed before, by name.
        columns: values of all columns, of their real shapes, virtual ones included.
        looked_up: by name of the lookup, the table rows of its whole box; what is missing is searched.
        progress: told the name of each phase before it runs.
        salts: of fresh trees by name, drawn meanwhile (`entropy.salts_ahead`); those of others are drawn when needed.
    """

    def __init__(
        self,
        shape: ProofShape,
        transcript: Transcript,
        committed: Mapping[str, Commitment],
        columns: Values,
        looked_up: Mapping[str, LookedUpRows] | None = None,
        progress: Progress | None = None,
        salts: Mapping[str, Callable[[], Salts]] | None = None,
    ) -> None:
        self.shape = shape
        self.channel = ProverChannel(transcript)
        self.columns = Columns(column_axes(shape.relation), columns)
        self.commitments = dict(committed)
        self.masks: dict[str, Vector] = {}
        self.timings: dict[str, float] = {}
        self._looked_up = looked_up or {}
        self._salts = dict(salts or {})
        self._progress = progress

    def prove(self) -> bytes:
        """The proof. Raises ZkUnlearnError if the witness does not satisfy the relation."""
        self.commit()
        self.walk()
        self.check_witness()
        self.settle()
        self.fold()
        return bytes(self.channel.proof)

    def commit(self) -> None:
        """P -> V: roots of the fresh trees: witness, masks and ledger."""
        with self._phase("commit"):
            self.channel.transcript.absorb(self.shape.digest)
            self.ledger = draw_ledger(self.shape.ledger)
            for group in self.shape.groups:
                self.commitments[group.fresh] = self._fresh(group)
            if self.shape.ledger.tree == LEDGER:
                self.commitments[LEDGER] = commit(self.shape.ledger.code, [RowPart(self.ledger.rows, 0, 0)])
            for name in self.shape.new_roots:
                self.channel.send_data(self.commitments[name].root)
            self.channel.use_pads(self.ledger.pads())

    def _fresh(self, group: Group) -> Commitment:
        """The tree of a group that is made in this proof."""
        code, parts, first = group.code, [], group.fresh_columns
        if group.witness is not None:
            own = {column: self.columns.cells(column) for column in group.witness.places}
            parts = column_parts(group.witness, own)
            parts.append(RowPart(random_field(first, code.queries), 0, 1 << code.row_bits))  # it is opened once
        self.masks[group.name] = mask = random_field(MASK_ROWS, code.dimension)
        parts.append(RowPart(mask, first, 0))
        if self.shape.ledger.tree == group.fresh:
            parts.append(RowPart(self.ledger.rows, self.shape.ledger.first_row, 0))
        drawn = self._salts.pop(group.fresh, None)  # salts hide one tree
        return commit(code, parts, None if drawn is None else drawn())

    def walk(self) -> None:
        """Everything that speaks of hidden values, up to their settlement."""
        relation, channel = self.shape.relation, self.channel
        steps = ProverSteps(channel, self.columns)
        with self._phase("lookups"):
            looked_up = prove_lookups(channel, steps, relation, self.columns, self._looked_up)
        with self._phase("identities"):
            relation.identities(steps, looked_up)
        with self._phase("batching"):
            claims = claims_by_group(self.shape, steps.claims)
            folded = {
                group.name: prove_batching(channel, group, claims[group.name], self._matrices(group))
                for group in self.shape.groups
            }
        with self._phase("opening"):
            self.opened, self.vectors = prove_openings(channel, self.shape.groups, folded, self.masks, self.shape.chain)

    def _matrices(self, group: Group) -> list[list[RowPart]]:
        """The rows of columns of each matrix of a group."""
        rows = [(self.commitments[layout.name].rows, layout.rows) for layout in group.layouts]
        return [[part for part in matrix.parts if part.row < count] for matrix, count in rows]

    def check_witness(self) -> None:
        """Refuse to hand out a proof that will not verify."""
        checks = violated(self.channel.program, self.channel.values)
        if checks:
            raise ZkUnlearnError(f"the witness does not satisfy the relation: {', '.join(dict.fromkeys(checks))}")

    def settle(self) -> None:
        """The ledger, and the columns of every tree."""
        with self._phase("settlement"):
            prove_ledger(self.channel, self.ledger)
            self.claims = self._open_columns()

    def _open_columns(self) -> list[Claims]:
        """P -> V: the columns of every tree; what they say about the y's."""
        shape, channel = self.shape, self.channel
        indices = draw_indices(channel, shape)  # V -> P
        cells = {name: self.commitments[name].columns(indices[name]) for name in shape.trees}
        for name, tree in shape.trees.items():
            channel.send_data(self.commitments[name].open(tree, indices[name], cells[name]))  # P -> V
        return [
            group_claims(channel, group, self.opened[group.name], indices[group.fresh], cells) for group in shape.groups
        ]

    def fold(self) -> None:
        """What openings and columns say about the y's."""
        with self._phase("folding"):
            prove_folding(self.channel, self.shape.chain, self.vectors, self.claims)

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        begin(name, self._progress)
        start = perf_counter()
        yield
        self.timings[name] = self.timings.get(name, 0.0) + perf_counter() - start
