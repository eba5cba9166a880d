"""Rows that are encoded and in their order, but not committed yet: enough to train on, and for nothing else.

Whoever tries many trainings commits to the rows of one of them. They are the same rows then, in the same order, so the
training is the same, integer for integer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...circuits.statements.dataset import DatasetStatement, Segment
from ...models.encoding.dataset import DatasetEncoding
from ...verifier.proofs import DatasetCommitment
from ...verifier.protocol.merkle import DIGEST_BYTES, SALT_BYTES
from ..matrices.commitment import Secret
from ..protocol.proof import Progress
from ..witnesses.rows import Rows, blind_rows
from .budget import Budget, require_openings
from .dataset import Dataset, commit_rows

UNCOMMITTED = "these rows are not committed yet"


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Draft:
    """A data set to be.

    Attributes:
        rows: in the order of positions.
        segment: that they are.
        encoding: how reals became integers.
        openings: that its commitment will have.
    """

    rows: Rows
    segment: Segment
    encoding: DatasetEncoding
    openings: int

    @classmethod
    def of(
        cls,
        ids: Sequence[str],
        by_feature: npt.NDArray[np.int16],
        labels: npt.NDArray[np.int32],
        encoding: DatasetEncoding,
        openings: int,
    ) -> Draft:
        """Rows in no order yet, see `encode_table`. Raises DataError, ParameterError as `commit_dataset` does."""
        openings = require_openings(openings)
        outputs = encoding.shape(len(labels)).outputs
        rows, segment = blind_rows(tuple(ids), by_feature, labels, outputs).as_segment()
        return cls(rows, segment, encoding, openings)

    @cached_property
    def unproved(self) -> Dataset:
        """What `tried` takes: a data set without a commitment or an opening, of which nothing can be proved."""
        rows, root = self.rows, bytes(DIGEST_BYTES)
        statement = DatasetStatement(
            len(rows.ids), self.encoding, self.openings, root, rows.record_root, (self.segment,)
        )
        nothing = Secret(np.empty((0, 0), np.uint64), np.empty((0, SALT_BYTES), np.uint8))
        budget = Budget("data set", self.openings, self.openings, UNCOMMITTED)
        return Dataset(DatasetCommitment(statement, b""), rows, nothing, budget)

    def committed(self, progress: Progress | None = None) -> Dataset:
        """The rows, committed, with a proof that they are well formed. Raises ParameterError as `commit_dataset`."""
        return commit_rows(self.rows, self.encoding, self.openings, (self.segment,), progress)
