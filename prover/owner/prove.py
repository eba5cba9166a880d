"""One way from a statement to its proof, for every kind.

check_before_work     all that can refuse: what no proof can carry, security, budgets
(commit, train, ..)   the long work, which finds the roots
prove_statement       an opening of each commitment is counted, then the proof is made
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ...circuits.statements.base import Statement
from ...verifier.proofs import Proof
from ...verifier.protocol.proof import ProofShape
from ...verifier.protocol.soundness import require_security
from ...verifier.shapes import new_transcript, shape_of
from ..matrices.commitment import Commitment
from ..matrices.values import Witness
from ..protocol.proof import Progress, Prover

S = TypeVar("S", bound=Statement)


class Budget(Protocol):
    """The openings of a commitment."""

    def require_opening(self) -> None:
        """Raises BudgetExceeded if there is none left."""

    def spend(self) -> None:
        """Count one more. Raises BudgetExceeded."""


@dataclass(frozen=True)
class Proved(Generic[S]):
    """A proof, and the seconds that its phases took."""

    proof: Proof[S]
    timings: Mapping[str, float]


def check_before_work(draft: Statement, budgets: Sequence[Budget] = ()) -> ProofShape:
    """The shape of the proof of a statement whose roots need not be known yet.

    Raises:
        ParameterError: no proof can carry it, or not with 100 bits of soundness.
        BudgetExceeded: a commitment that it opens has no opening left.
    """
    shape = shape_of(draft)
    require_security(shape)
    for budget in budgets:
        budget.require_opening()
    return shape


def prove_statement(
    shape: ProofShape,
    statement: S,
    committed: Mapping[str, Commitment],
    witness: Witness,
    *,
    budgets: Sequence[Budget] = (),
    attached: Mapping[str, bytes] | None = None,
    progress: Progress | None = None,
) -> Proved[S]:
    """The proof of a statement.

    Args:
        shape: of its draft, from `check_before_work`.
        committed: its matrices, by name.
        witness: all columns, and the table rows of lookups.
        budgets: of those matrices that are counted by their owner.
        attached: what its file carries beside the proof.

    Raises:
        BudgetExceeded: another process has spent the last opening in the meantime.
        ZkUnlearnError: the witness does not satisfy the relation.
    """
    for budget in budgets:
        budget.spend()
    transcript = new_transcript(statement)
    prover = Prover(shape, transcript, committed, witness.columns, witness.looked_up, progress)
    kind: type[Proof[S]] = Proof.types.get(statement.kind, Proof)
    return Proved(kind(statement, prover.prove(), attached or {}), prover.timings)
