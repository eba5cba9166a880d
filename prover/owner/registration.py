"""The registration of a data set: what its owner publishes once, so that people can find themselves in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import kvector
from ...circuits.relations.dataset import DATASET
from ...circuits.statements.dataset import DatasetStatement
from ...circuits.statements.fingerprints import FINGERPRINT_BYTES, FINGERPRINT_TAG, Coefficients, coefficients
from ...circuits.statements.records import DIGEST_BYTES, LEAF_TAG
from ...circuits.statements.registration import (
    FINGERPRINT_PEAKS,
    RECORD_PEAKS,
    ROW_BYTES,
    RegistrationStatement,
)
from ...errors import ParameterError, require_type
from ...formats.body import Body
from ...verifier.proofs import RegistrationProof
from ...verifier.shapes import shape_of
from .. import kernels
from ..kernels import sha256_rows
from ..kernels.storage import empty
from ..matrices.merkle import Packed, build_levels
from ..matrices.values import Witness
from ..protocol.proof import Progress
from ..witnesses.record_tree import peaks_of
from ..witnesses.rows import Rows
from .dataset import DATASETS, Dataset
from .prove import check_before_work, prove_statement

REGISTRATIONS = "`register` returns it"


def register(
    dataset: Dataset, previous: RegistrationProof | None = None, progress: Progress | None = None
) -> RegistrationProof:
    """List record digests with the fingerprints of their rows, and prove these. One opening is spent.

    Digest and fingerprint of a row are the same however often, and from whichever copy, this is done.

    Args:
        previous: a registration of the data set from which this one has grown, so that only the rows that were added
            are listed. By default all rows are.

    Raises:
        BudgetExceeded: no opening is left, or more were spent than are counted.
        ParameterError: there are too many rows, `previous` is of another data set or has all rows of this one, or an
            argument is of another type.
    """
    require_type("dataset", dataset, Dataset, DATASETS)
    if previous is not None:
        require_type("previous", previous, RegistrationProof, REGISTRATIONS)
        _require_first_rows(dataset, previous)
    dataset.require_whole_count()
    draft = draft_after(dataset.statement, previous)
    start, peaks = draft.start, bytes(DIGEST_BYTES * draft.start.bit_count())
    check_before_work(draft, [dataset.budget], {RECORD_PEAKS: peaks, FINGERPRINT_PEAKS: peaks})
    packed, records = fingerprints_of(dataset.statement, dataset.rows), dataset.rows.record_levels
    levels = _levels(packed)
    if previous is not None:
        _require_goes_on(levels, previous)
    statement = replace(draft, root=bytes(levels[-1]), body=body_of(draft.listed, records[0], packed))
    attached = {RECORD_PEAKS: peaks_of(records, start), FINGERPRINT_PEAKS: peaks_of(levels, start)}
    proved = prove_statement(
        shape_of(statement),
        statement,
        {DATASET: dataset.matrix},
        Witness(dataset.columns, {}),
        budgets=[dataset.budget],
        attached=attached,
        progress=progress,
    )
    return RegistrationProof(statement, proved.proof.proof, attached, statement.body)


def draft_after(dataset: DatasetStatement, previous: RegistrationProof | None) -> RegistrationStatement:
    """What a registration after a previous one says, but for its root."""
    if previous is None:
        return RegistrationStatement(dataset, bytes(DIGEST_BYTES))
    return RegistrationStatement(dataset, bytes(DIGEST_BYTES), previous.statement.dataset.rows, previous.digest)


def _require_first_rows(dataset: Dataset, previous: RegistrationProof) -> None:
    """A registration is of rows after which there are others in a data set. Raises ParameterError."""
    own, before = dataset.statement, previous.statement.dataset
    if before.rows == own.rows and dataset.rows.goes_on_from(before):
        raise ParameterError("previous: that registration has all rows; without it, they are registered once more")
    if before.stops != own.stops[: len(before.stops)] or not dataset.rows.goes_on_from(before):
        raise ParameterError("previous: that registration is of a data set from which this one has not grown")


def _require_goes_on(levels: list[Packed], previous: RegistrationProof) -> None:
    """The first fingerprints are those that were registered. Raises ParameterError."""
    first = levels[0][: DIGEST_BYTES * previous.statement.dataset.rows]
    if bytes(build_levels(first, DIGEST_BYTES)[-1]) != previous.statement.root:
        raise ParameterError("previous: that registration has other fingerprints than this data set has")


def body_of(listed: range, digests: Packed, fingerprints: Packed) -> Body:
    """Of a registration that lists these rows.

    Args:
        digests, fingerprints: of all rows, packed.
    """
    rows: npt.NDArray[np.uint8] = empty((len(listed), ROW_BYTES), np.uint8)
    for packed, columns in ((digests, slice(DIGEST_BYTES)), (fingerprints, slice(DIGEST_BYTES, None))):
        rows[:, columns] = np.frombuffer(packed, np.uint8).reshape(listed.stop, -1)[listed.start :]
    return Body(listed, ROW_BYTES, rows.data.cast("B"))


def packed_fingerprints(own: Coefficients, rows: Rows) -> bytes:
    """f of each row, 16 bytes each, under one vector."""
    total = kernels.contract(rows.by_feature[None], own.of_features)[:, 0]
    labels = np.ascontiguousarray(rows.label_columns)
    total = kernels.kadd(total, kernels.contract(labels[None], kvector(own.c[: len(labels)]))[:, 0])
    if rows.keys.size:
        keys = kernels.contract(np.ascontiguousarray(rows.keys)[None], kvector(own.c[len(labels) :]))
        total = kernels.kadd(total, keys[:, 0])
    total = kernels.kadd(total, np.ascontiguousarray(rows.blinds))
    return np.ascontiguousarray(total.T).astype("<u8").tobytes()


def fingerprints_of(of: DatasetStatement, rows: Rows) -> bytes:
    """f of each row of a data set, 16 bytes each: under the vector of the segment that it is in."""
    packed = []
    for (start, stop), born in zip(of.spans, of.births, strict=True):
        part = rows if (start, stop) == (0, of.rows) else rows.part(start, stop)
        packed.append(packed_fingerprints(coefficients(born, of.features, of.others), part))
    return b"".join(packed)


def fingerprint_levels(dataset: Dataset) -> list[Packed]:
    """The tree over fingerprints, leaves first."""
    return _levels(fingerprints_of(dataset.statement, dataset.rows))


def _levels(packed: bytes) -> list[Packed]:
    parts = np.frombuffer(packed, np.uint8).reshape(-1, FINGERPRINT_BYTES)
    return build_levels(sha256_rows(LEAF_TAG + FINGERPRINT_TAG, [parts]), DIGEST_BYTES)
