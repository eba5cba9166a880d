"""The owner's rows as integers, with what hides each of them; and their record digests.

A record digest is SHA-256(0x00, salt, tag, integers, blinds): a salted leaf of the record tree. Positions are sorted
by record digest, so that the owner does not choose which rows share a mini-batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..circuits.goldilocks import Vector, to_field
from ..circuits.statement import ForgottenRecord
from ..circuits.validity import BLINDS, FEATURES, LABELS
from ..models.errors import DataError
from ..verifier.merkle import DIGEST_BYTES, SALT_BYTES, leaf_hash
from .entropy import random_bytes, random_field
from .merkle import build_levels, record_path

RECORD_TAG = b"zkunlearn record 1"


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Rows:
    """All rows of a data set.

    Attributes:
        ids: the owner's name of each row.
        features: int64 (N, d), scale x_bits.
        labels: int64 (N,).
        blinds: F array (2, N), uniform.
        salts: 32 bytes a row.
    """

    ids: tuple[str, ...]
    features: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    blinds: Vector
    salts: bytes

    @cached_property
    def columns(self) -> dict[str, Vector]:
        """The columns of circuits/validity.py, F arrays."""
        return {
            FEATURES: np.ascontiguousarray(to_field(self.features).T),
            LABELS: to_field(self.labels),
            **dict(zip(BLINDS, self.blinds, strict=True)),
        }

    @cached_property
    def record_levels(self) -> list[bytes]:
        """The record tree: packed record digests, then the levels above."""
        count = len(self.ids)
        parts = [self.features.astype("<i2"), self.labels.astype("<i4"), self.blinds.T.astype("<u8")]
        packed = [np.ascontiguousarray(part).view(np.uint8).reshape(count, -1) for part in parts]
        data = np.concatenate(packed, axis=1)
        return build_levels(b"".join(leaf_hash(self._salt(i), RECORD_TAG + data[i].tobytes()) for i in range(count)))

    @property
    def record_root(self) -> bytes:
        """Merkle root of the record digests."""
        return self.record_levels[-1]

    def record(self, position: int) -> ForgottenRecord:
        """The public entry of a row in a forget list."""
        digest = self.record_levels[0][DIGEST_BYTES * position : DIGEST_BYTES * (position + 1)]
        return ForgottenRecord(position, digest, record_path(self.record_levels, position))

    def positions(self, ids: Iterable[str]) -> tuple[int, ...]:
        """Sorted positions of rows. Raises DataError for an unknown or repeated id."""
        known = {name: position for position, name in enumerate(self.ids)}
        positions: set[int] = set()
        for name in ids:
            if name not in known:
                raise DataError(f"id {name!r} is not in the data set")
            if known[name] in positions:
                raise DataError(f"id {name!r} is named twice")
            positions.add(known[name])
        return tuple(sorted(positions))

    def sorted(self) -> Rows:
        """The same rows in the order of their record digests."""
        digests = self.record_levels[0]
        count = len(self.ids)
        order = sorted(range(count), key=lambda i: digests[DIGEST_BYTES * i : DIGEST_BYTES * (i + 1)])
        return replace(
            self,
            ids=tuple(self.ids[i] for i in order),
            features=self.features[order],
            labels=self.labels[order],
            blinds=np.ascontiguousarray(self.blinds[:, order]),
            salts=b"".join(self._salt(i) for i in order),
        )

    def _salt(self, row: int) -> bytes:
        return self.salts[SALT_BYTES * row : SALT_BYTES * (row + 1)]


def blind_rows(ids: tuple[str, ...], features: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> Rows:
    """Rows with fresh blinds and salts, in their order. Raises DataError if ids are not one a row, distinct."""
    count = len(features)
    if len(ids) != count or len(set(ids)) != count:
        raise DataError(f"{count} rows need as many distinct ids")
    blinds, salts = random_field(len(BLINDS), count), random_bytes(SALT_BYTES * count)
    return Rows(ids, features, labels, blinds, salts).sorted()
