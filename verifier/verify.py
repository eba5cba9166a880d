"""Verification: from artefacts and what the auditor pins to a report, or to the check that failed.

`verify_dataset` checks that a committed data set is well formed, `verify_training` that a model is what a declared
algorithm outputs on it without the forgotten rows. Checks run in the order of the code below.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from ..circuits.language.layout import Column
from ..circuits.relations.gradient_descent import model_columns
from ..circuits.relations.recommitment import new_dataset_columns
from ..circuits.statements.training import DatasetStatement, RecommitmentStatement, TrainingStatement, order_key
from ..errors import InvalidProof, ParameterError, StatementMismatch
from ..formats.container import canonical_map
from ..models.spec import TrainingSpec
from .proofs import (
    DatasetCommitment,
    RecommitmentProof,
    Statement,
    TrainingProof,
    instance,
    statement_digest,
)
from .protocol.code import HIDING_RATE, PLAIN_RATE, WORK_BITS, query_count
from .protocol.group import MatrixShape
from .protocol.merkle import verify_record_path
from .protocol.proof import ProofShape, choose_matrix, verify_protocol
from .protocol.soundness import require_security
from .protocol.transcript import Transcript

PROTOCOL = b"zkunlearn 2"
MODEL_OPENINGS = 4  # a model is opened by its own proof, and by those that later build on it
DATASET_ROW_BITS, MODEL_ROW_BITS = 13, 8  # the shortest rows: of a data set, which the witness shares, and of a model
DATASET, MODEL, NEW_DATASET = "dataset", "model", "new dataset"
MAX_CELLS_BITS = 30  # of features or of scores: an hour of proving; refused before anything is laid out
MAX_STEP_BITS = 27  # of weights in all steps, each of which has several limbs


def new_transcript(statement: Statement) -> Transcript:
    """The transcript of a statement's proof: protocol and parameters, then the whole statement."""
    session = {
        "field": "p = 2^64 - 2^32 + 1, K = F[u] / (u^2 - 7)",
        "hashes": "SHA-256, SHAKE128",
        "inverse_rates": [HIDING_RATE, PLAIN_RATE],
        "queries": [query_count(HIDING_RATE), query_count(PLAIN_RATE)],
        "work_bits": WORK_BITS,
        "bind_order": "most significant variable first",
        "relation": statement.relation.name,
    }
    return Transcript(PROTOCOL, canonical_map(session), instance(statement))


def dataset_matrix(statement: DatasetStatement) -> MatrixShape:
    """Shape of a data set's committed matrix."""
    return choose_matrix(DATASET, statement.columns, statement.openings, DATASET_ROW_BITS)


def model_matrix(columns: tuple[Column, ...]) -> MatrixShape:
    """Shape of a model's committed matrix."""
    return choose_matrix(MODEL, columns, MODEL_OPENINGS, MODEL_ROW_BITS, PLAIN_RATE)


def dataset_shape(statement: DatasetStatement) -> ProofShape:
    """Shape of a validity proof."""
    return ProofShape(statement.relation, {DATASET: dataset_matrix(statement)})


def recommitment_shape(statement: RecommitmentStatement) -> ProofShape:
    """Shape of a recommitment proof."""
    new = statement.new
    columns = new_dataset_columns(new.rows, new.features)
    matrix = choose_matrix(NEW_DATASET, columns, new.openings, DATASET_ROW_BITS)
    return ProofShape(statement.relation, {DATASET: dataset_matrix(statement.old), NEW_DATASET: matrix})


def require_provable(dataset: DatasetStatement, spec: TrainingSpec) -> None:
    """Refuse what no single proof can carry, before any of it is laid out. Raises ParameterError."""
    rows, limit = dataset.rows, 1 << MAX_CELLS_BITS
    if rows * spec.epochs > limit:
        raise ParameterError(f"{rows} rows in {spec.epochs} epochs are more than one proof can carry ({limit})")
    steps, limit = spec.epochs * -(-rows // (spec.batch_size or rows)), 1 << MAX_STEP_BITS
    if steps * (dataset.features + 1) > limit:
        raise ParameterError(f"{steps} steps of {dataset.features} weights are more than one proof can carry ({limit})")


def training_shape(statement: TrainingStatement) -> ProofShape:
    """Shape of a training proof. Raises ParameterError if the statement is none that can be proved."""
    require_provable(statement.dataset, statement.spec)
    columns = model_columns(statement.schedule)
    return ProofShape(statement.relation, {DATASET: dataset_matrix(statement.dataset), MODEL: model_matrix(columns)})


@dataclass(frozen=True)
class VerificationReport:
    """What was verified.

    Attributes:
        statement: what the proof says.
        security_bits: proven soundness, the least over all rounds.
        pinned: what the auditor named and the statement matched ("spec", "forget list", "previous").
        dataset_checked: whether the data set's validity proof was checked now, not named as known.
    """

    statement: TrainingStatement
    security_bits: float
    pinned: tuple[str, ...]
    dataset_checked: bool

    @property
    def dataset_digest(self) -> str:
        """Names the data set, in hexadecimal."""
        return statement_digest(self.statement.dataset).hex()

    @property
    def statement_digest(self) -> str:
        """Names the statement, in hexadecimal."""
        return statement_digest(self.statement).hex()

    @property
    def model_digest(self) -> str:
        """Root of the model commitment, in hexadecimal."""
        return self.statement.model_root.hex()


def verify_dataset(commitment: DatasetCommitment) -> float:
    """Check a data set's validity proof.

    Returns:
        Proven soundness in bits.

    Raises:
        InvalidProof: naming the check that failed.
    """
    statement = commitment.statement
    require_size(statement)
    return verify_shape(dataset_shape(statement), statement, {DATASET: statement.root}, commitment.proof)


def verify_shape(shape: ProofShape, statement: Statement, roots: Mapping[str, bytes], proof: bytes) -> float:
    """Check a proof whose shape follows from its statement; its proven soundness in bits. Raises InvalidProof."""
    try:
        bits = require_security(shape)
    except ParameterError as error:
        raise InvalidProof("soundness", str(error)) from error
    verify_protocol(shape, new_transcript(statement), roots, proof)
    return bits


def verify_training(
    proof: TrainingProof,
    dataset: DatasetCommitment,
    *,
    spec: TrainingSpec | None = None,
    forgotten: Collection[bytes] | None = None,
    previous: TrainingProof | None = None,
    recommitment: RecommitmentProof | None = None,
    known_dataset: bytes | None = None,
) -> VerificationReport:
    """Check a training or unlearning proof against a data set and whatever else the auditor pins.

    Args:
        proof: the statement and its proof.
        dataset: the commitment the auditor holds.
        spec: the algorithm the auditor expects.
        forgotten: the record digests of the forgotten rows, in any order; empty for none.
        previous: the proof that this one supersedes; its statement is compared, the proof itself is not checked.
        recommitment: proof that the data set of `previous` was committed afresh to the one given now.
        known_dataset: digest of a data set whose validity proof the auditor has checked before.

    Raises:
        StatementMismatch: the statement is not what was pinned.
        InvalidProof: naming the check that failed.
    """
    statement = proof.statement
    pinned = check_pins(statement, dataset.statement, spec, forgotten, previous, recommitment)
    check_forgotten(statement)
    require_size(statement.dataset)
    bits = float("inf") if recommitment is None else verify_recommitment(recommitment)
    dataset_known = known_dataset is not None and known_dataset == dataset.digest
    if not dataset_known:
        bits = min(bits, verify_dataset(dataset))
    try:
        shape = training_shape(statement)
    except ParameterError as error:
        raise InvalidProof("statement", str(error)) from error
    roots = {DATASET: statement.dataset.root, MODEL: statement.model_root}
    bits = min(bits, verify_shape(shape, statement, roots, proof.proof))
    return VerificationReport(statement, bits, pinned, not dataset_known)


def require_size(statement: DatasetStatement) -> None:
    """Refuse a data set that no validity proof can carry, before it is laid out. Raises InvalidProof."""
    cells = statement.rows * statement.features
    if cells > 1 << MAX_CELLS_BITS:
        raise InvalidProof("statement", f"{cells} cells are more than one proof can carry")


def verify_recommitment(recommitment: RecommitmentProof) -> float:
    """Check that two commitments hold the same rows.

    Returns:
        Proven soundness in bits.

    Raises:
        InvalidProof: naming the check that failed.
    """
    statement = recommitment.statement
    old, new = statement.old, statement.new
    if replace(old, root=new.root, openings=new.openings) != new:
        raise InvalidProof("statement", "the two commitments do not even claim to hold the same rows")
    require_size(old)
    roots = {DATASET: old.root, NEW_DATASET: new.root}
    return verify_shape(recommitment_shape(statement), statement, roots, recommitment.proof)


def check_pins(
    statement: TrainingStatement,
    dataset: DatasetStatement,
    spec: TrainingSpec | None,
    forgotten: Collection[bytes] | None,
    previous: TrainingProof | None,
    recommitment: RecommitmentProof | None = None,
) -> tuple[str, ...]:
    """The statement is about what the auditor names. Raises StatementMismatch; returns what was pinned."""
    pinned = []
    if statement.dataset != dataset:
        raise StatementMismatch("the proof is about another data set")
    if spec is not None:
        if statement.spec != spec:
            raise StatementMismatch(f"the proof declares another algorithm: {_differences(statement.spec, spec)}")
        pinned.append("spec")
    if forgotten is not None:
        stated = {record.digest for record in statement.forgotten}
        if stated != set(forgotten):
            missing, extra = len(set(forgotten) - stated), len(stated - set(forgotten))
            raise StatementMismatch(
                f"the proof has another forget list: {missing} of the expected rows are not in it, "
                f"{extra} of its rows were not expected"
            )
        pinned.append("forget list")
    if previous is not None:
        check_previous(statement, previous, recommitment)
        pinned.append("previous")
    return tuple(pinned)


def check_previous(
    statement: TrainingStatement, previous: TrainingProof, recommitment: RecommitmentProof | None
) -> None:
    """Same data set, same algorithm, and nothing forgotten before is back. Raises StatementMismatch."""
    link = RecommitmentStatement(previous.statement.dataset, statement.dataset)
    same = link.old == link.new or (recommitment is not None and recommitment.statement == link)
    if statement.previous != previous.digest:
        raise StatementMismatch("the proof does not supersede the given previous one")
    if not same:
        raise StatementMismatch("the previous proof is about another data set")
    if previous.statement.spec != statement.spec:
        raise StatementMismatch("the previous proof declares another algorithm")
    if not set(previous.statement.forgotten) <= set(statement.forgotten):
        raise StatementMismatch("a row that the previous proof forgot is not forgotten in this one")


def check_forgotten(statement: TrainingStatement) -> None:
    """Positions and order keys strictly increase, positions stay below N and hold the records that are named.

    So no record is named twice, and the named ones stand in the order in which the data set has to be.

    Raises:
        InvalidProof: "forget list" or "record path".
    """
    dataset, last, last_key = statement.dataset, -1, b""
    for record in statement.forgotten:
        if not last < record.position < dataset.rows:
            raise InvalidProof("forget list", f"position {record.position} after {last} of {dataset.rows} rows")
        key = order_key(dataset.order_seed, record.digest)
        if key <= last_key:
            raise InvalidProof("forget list", f"the record at position {record.position} is out of order")
        verify_record_path(dataset.record_root, dataset.rows, record.position, record.digest, record.path)
        last, last_key = record.position, key
    if len(statement.forgotten) == dataset.rows:
        raise InvalidProof("forget list", "every row is forgotten")


def _differences(found: TrainingSpec, expected: TrainingSpec) -> str:
    """The fields in which two specs differ."""
    mine, other = found.to_mapping(), expected.to_mapping()
    changed = [f"{name} is {mine[name]}, not {other[name]}" for name in mine if mine[name] != other[name]]
    return "; ".join(changed)
