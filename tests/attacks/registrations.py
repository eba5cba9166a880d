"""An owner of a registered data set, one who lies about it, and what both verifiers say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import zkunlearn as zu
from zkunlearn.circuits.field.goldilocks import ZERO, K
from zkunlearn.circuits.field.multilinear import Point, eq_index
from zkunlearn.circuits.relations.dataset import BLINDS, DATASET, LABELS, row_axis
from zkunlearn.circuits.relations.dataset import FEATURES as FEATURES_COLUMN
from zkunlearn.circuits.relations.registration import Registration
from zkunlearn.circuits.statements.dataset import DatasetStatement
from zkunlearn.circuits.statements.fingerprints import FINGERPRINT_BYTES, coefficients, fingerprint_leaf
from zkunlearn.circuits.statements.record_tree import root_of
from zkunlearn.circuits.statements.records import DIGEST_BYTES
from zkunlearn.circuits.statements.registration import DIGESTS, FINGERPRINTS, RegistrationStatement
from zkunlearn.prover.owner.registration import packed_fingerprints
from zkunlearn.verifier.protocol.proof import ProofShape
from zkunlearn.verifier.shapes import new_transcript, shape_of

from ..cheating import CheatingProver
from ..reference import registration as second
from ..reference import verifier
from .harness import ROW_BITS, Columns, matrix_shape

ROWS, FEATURES = 13, 3


def committed(seed: int = 1, rows: int = ROWS, openings: int = 3, **options: Any) -> zu.Dataset:
    """Somebody's data set."""
    features = np.random.default_rng(seed).normal(size=(rows, FEATURES))
    bounds = {f"x{k + 1}": (-6.0, 6.0) for k in range(FEATURES)}
    return zu.commit(features, np.arange(rows) % 2, bounds=bounds, openings=openings, **options)


def pieces(packed: bytes, size: int) -> list[bytes]:
    return [packed[i : i + size] for i in range(0, len(packed), size)]


def digests_of(dataset: zu.Dataset) -> bytes:
    return bytes(dataset.rows.record_levels[0])


def root_over(packed: bytes) -> bytes:
    """Of the tree over fingerprints."""
    return root_of(b"".join(map(fingerprint_leaf, pieces(packed, FINGERPRINT_BYTES))))


def forged(
    dataset: zu.Dataset,
    *,
    statement: DatasetStatement | None = None,
    digests: bytes | None = None,
    packed: bytes | None = None,
) -> tuple[zu.RegistrationProof, frozenset[str]]:
    """A registration with whatever an owner likes in it, everything else as it should be; and which equations fail.

    Args:
        statement: what he says of the data set, in place of the truth.
    """
    claimed = statement or dataset.statement
    draft = RegistrationStatement(claimed, bytes(DIGEST_BYTES))
    packed = packed or packed_fingerprints(draft.coefficients, dataset.rows)
    made = RegistrationStatement(claimed, root_over(packed), packed)
    prover = CheatingProver(shape_of(made), new_transcript(made), {DATASET: dataset.matrix}, dataset.columns)
    attached = {DIGESTS: digests or digests_of(dataset), FINGERPRINTS: packed}
    return zu.RegistrationProof(made, prover.prove(), attached), prover.lies


def restated(proof: Any, **changes: Any) -> Any:
    """The same proof under another statement."""
    return replace(proof, statement=replace(proof.statement, **changes))


def verdict(
    registration: zu.RegistrationProof, dataset: zu.DatasetCommitment, links: Sequence[zu.LinkProof] = ()
) -> str:
    """ "valid", or the check that fails, on the files; the same for both verifiers."""
    found = "valid"
    try:
        read = zu.RegistrationProof.from_bytes(registration.to_bytes())
        assert zu.verify_registration(read, dataset, links) >= 100
    except zu.InvalidProof as error:
        found = error.check
    except zu.StatementMismatch:
        found = "mismatch"
    except zu.ParameterError:
        found = "links"
    files = [link.to_bytes() for link in links]
    again = verifier.verdict(second.verify_registration, registration.to_bytes(), dataset.to_bytes(), files)
    assert found == again
    return found


def shape_over(columns: Columns) -> ProofShape:
    """Of the proof that fingerprints are those of these columns, under some vector."""
    features, labels = (columns[address] for address in (FEATURES_COLUMN, LABELS))
    own, row = coefficients(bytes(32), len(features), len(labels)), row_axis(features.shape[1])
    fingerprints = []
    for n in range(row.size):
        x, y = (part[:, n].tolist() for part in (features, labels))
        fingerprints.append(own.fingerprint(x, y, [int(columns[blind][n]) for blind in BLINDS]))

    def extension(s: Point) -> K:
        return sum((eq_index(s, n) * f for n, f in enumerate(fingerprints)), ZERO)

    relation = Registration(row.size, len(features), len(labels), own.r, own.c, extension)
    return ProofShape(relation, {DATASET: matrix_shape(DATASET, relation.columns[DATASET], ROW_BITS)})


def receipt_verdict(
    receipt: zu.Receipt,
    dataset: zu.DatasetCommitment,
    registration: zu.RegistrationProof | None = None,
    proof: zu.TrainingProof | None = None,
) -> str:
    """ "valid", "forgotten", "not forgotten", or the check that fails; the same for both verifiers."""
    words = {None: "valid", True: "forgotten", False: "not forgotten"}
    try:
        read = zu.Receipt.from_bytes(receipt.to_bytes())
        found = words[zu.verify_receipt(read, dataset, registration, proof).is_forgotten]
    except zu.InvalidProof as error:
        found = error.check
    except zu.StatementMismatch:
        found = "mismatch"
    beside = [None if file is None else file.to_bytes() for file in (registration, proof)]
    try:
        again = words[second.verify_receipt(receipt.to_bytes(), dataset.to_bytes(), *beside)]
    except second.Refused as refusal:
        again = refusal.check
    assert found == again
    return found
