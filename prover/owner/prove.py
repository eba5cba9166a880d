"""One way from a statement to its proof, for every kind.

check_before_work     all that can refuse: what no proof can carry, security, budgets
(commit, train, ..)   the long work, which finds the roots
prove_statement       an opening of each commitment is counted, then the proof is made
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from ...circuits.statements.base import Statement
from ...errors import FormatError, ParameterError
from ...verifier.proofs import MAX_FILE_BYTES, Proof
from ...verifier.protocol.proof import ProofShape
from ...verifier.protocol.soundness import require_security
from ...verifier.shapes import new_transcript, shape_of
from ..matrices.commitment import Commitment
from ..matrices.entropy import Salts
from ..matrices.values import Witness
from ..protocol.proof import Progress, Prover
from .budget import Budget

S = TypeVar("S", bound=Statement)


@dataclass(frozen=True, repr=False)
class Proved(Generic[S]):
    """A proof, and the seconds that its phases took."""

    proof: Proof[S]
    timings: Mapping[str, float]


def check_before_work(
    draft: Statement, budgets: Sequence[Budget] = (), attached: Mapping[str, bytes] | None = None
) -> ProofShape:
    """The shape of the proof of a statement whose roots need not be known yet.

    Raises:
        ParameterError: no proof can carry it, not with 100 bits of soundness, or no file.
        BudgetExceeded: a commitment that it opens has no opening left.
    """
    shape = shape_of(draft)
    require_security(shape)
    require_file(draft, attached or {}, shape.proof_bytes)
    for budget in budgets:
        budget.require_opening()
    return shape


def require_file(draft: Statement, attached: Mapping[str, bytes], proof_bytes: int) -> None:
    """A file can hold the statement with its proof, so that auditors can read it. Raises ParameterError."""
    try:
        size = len(Proof(draft, b"", attached).to_bytes()) + proof_bytes
    except FormatError as error:
        raise ParameterError(f"the statement is more than a file can hold: {error}") from error
    if size > MAX_FILE_BYTES:
        raise ParameterError(f"statement and proof have {size} bytes, more than the {MAX_FILE_BYTES} a file can hold")


def prove_statement(
    shape: ProofShape,
    statement: S,
    committed: Mapping[str, Commitment],
    witness: Witness,
    *,
    budgets: Sequence[Budget] = (),
    attached: Mapping[str, bytes] | None = None,
    progress: Progress | None = None,
    salts: Mapping[str, Callable[[], Salts]] | None = None,
) -> Proved[S]:
    """The proof of a statement.

    Args:
        shape: of its draft, from `check_before_work`.
        committed: its matrices, by name.
        witness: all columns, and the table rows of lookups.
        budgets: of those matrices that are counted by their owner.
        attached: what its file carries beside the proof.
        salts: of its fresh trees, by name, drawn since the work began.

    Raises:
        BudgetExceeded: another process has spent the last opening in the meantime.
        ZkUnlearnError: the witness does not satisfy the relation.
    """
    for budget in budgets:
        budget.spend()
    with nothing_collected():
        transcript = new_transcript(statement)
        prover = Prover(shape, transcript, committed, witness.columns, witness.looked_up, progress, salts)
        kind: type[Proof[S]] = Proof.types.get(statement.kind, Proof)
        return Proved(kind(statement, prover.prove(), attached or {}), prover.timings)


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Python looks for no cycles meanwhile: that goes through all objects there are, and a proof leaves no cycles."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
