"""The registration of a data set: what its owner publishes once, so that people can find themselves in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...circuits.field.goldilocks import kvector
from ...circuits.relations.dataset import DATASET
from ...circuits.statements.fingerprints import FINGERPRINT_BYTES, FINGERPRINT_TAG, Coefficients
from ...circuits.statements.records import DIGEST_BYTES, LEAF_TAG
from ...circuits.statements.registration import DIGESTS, FINGERPRINTS, RegistrationStatement
from ...errors import require_type
from ...verifier.proofs import RegistrationProof
from ...verifier.shapes import shape_of
from .. import kernels
from ..kernels import sha256_rows
from ..matrices.merkle import Packed, build_levels
from ..matrices.values import Witness
from ..protocol.proof import Progress
from ..witnesses.rows import Rows
from .dataset import DATASETS, Dataset
from .prove import check_before_work, prove_statement


def register(dataset: Dataset, progress: Progress | None = None) -> RegistrationProof:
    """List all record digests with the fingerprints of their rows, and prove these. One opening is spent.

    Digests and fingerprints are the same however often, and from whichever copy, this is done.

    Raises:
        BudgetExceeded: no opening is left, or more were spent than are counted.
        ParameterError: there are too many rows, or an argument is of another type.
    """
    require_type("dataset", dataset, Dataset, DATASETS)
    dataset.require_whole_count()
    draft, rows = RegistrationStatement(dataset.statement, bytes(DIGEST_BYTES)), dataset.rows
    count = dataset.statement.rows
    sizes = {DIGESTS: bytes(DIGEST_BYTES * count), FINGERPRINTS: bytes(FINGERPRINT_BYTES * count)}
    check_before_work(draft, [dataset.budget], sizes)
    packed = packed_fingerprints(draft.coefficients, rows)
    statement = replace(draft, root=bytes(_levels(packed)[-1]), packed=packed)
    attached = {DIGESTS: bytes(rows.record_levels[0]), FINGERPRINTS: packed}
    proved = prove_statement(
        shape_of(statement),
        statement,
        {DATASET: dataset.matrix},
        Witness(dataset.columns, {}),
        budgets=[dataset.budget],
        attached=attached,
        progress=progress,
    )
    return RegistrationProof(statement, proved.proof.proof, attached)


def packed_fingerprints(own: Coefficients, rows: Rows) -> bytes:
    """f of each row, 16 bytes each."""
    total = kernels.contract(rows.by_feature[None], own.of_features)[:, 0]
    labels = kernels.contract(np.ascontiguousarray(rows.label_columns)[None], kvector(own.c))[:, 0]
    total = kernels.kadd(kernels.kadd(total, labels), rows.blinds)
    return np.ascontiguousarray(total.T).astype("<u8").tobytes()


def fingerprint_levels(dataset: Dataset) -> list[Packed]:
    """The tree over fingerprints, leaves first."""
    draft = RegistrationStatement(dataset.statement, bytes(DIGEST_BYTES))
    return _levels(packed_fingerprints(draft.coefficients, dataset.rows))


def _levels(packed: bytes) -> list[Packed]:
    parts = np.frombuffer(packed, np.uint8).reshape(-1, FINGERPRINT_BYTES)
    return build_levels(sha256_rows(LEAF_TAG + FINGERPRINT_TAG, [parts]), DIGEST_BYTES)
