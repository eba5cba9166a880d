"""Fingerprints: one public element of K a row, which ties a row of the committed matrix to the record of that row.

    r, c      coordinate i = SHA-256("zkunlearn fingerprint 1" | born | i), as two integers of 128 bits modulo p
    f(n)      sum over k < d of eq(r, k) x(n, k)  +  sum over j of c_j y_j(n)  +  blind0(n) + u blind1(n)
    leaf      SHA-256(0x00 | "zkunlearn fingerprint 1" | f(n), 16 bytes)

y_j are the columns of labels, and then the limbs of the key, if rows have keys.

born is the digest of the data set in which the row was first committed: cells, blinds and digest of a row were fixed
before r and c, so another row has the same f with probability at most w / |K|, w = log2_ceil(d + 1) the coordinates of
r. (r has room for d + 1 features: with exactly d the eq(r, k) could add up to 1, and a blind could make up for that.)
The blinds hide the row, for one r and c alone: from f under two of them small cells can be found. So both follow from
`born`, whoever computes f, and however often.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..field.goldilocks import K, Vector
from ..field.multilinear import Point, eq_table, log2_ceil
from .records import LEAF_TAG

FINGERPRINT_TAG = b"zkunlearn fingerprint 1"
FINGERPRINT_BYTES = 16  # both coefficients, unsigned 64 bits, little-endian
_HALF = 16  # bytes of a hash for each coefficient


@dataclass(frozen=True)
class Coefficients:
    """What cells of a row are multiplied with.

    Attributes:
        r: a point for the features. c: an element for each column of labels, then for each limb of keys.
        features: d.
    """

    r: Point
    c: tuple[K, ...]
    features: int

    @cached_property
    def of_features(self) -> Vector:
        """eq(r, k): K vector (2, d)."""
        return eq_table(self.r)[:, : self.features]

    def fingerprint(self, features: Sequence[int], others: Sequence[int], blinds: Sequence[int]) -> K:
        """f of one row: d features, as many labels and limbs as there are c, two blinds."""
        weights = (K(int(a), int(b)) for a, b in self.of_features.T)
        cells = sum((weight * x for weight, x in zip(weights, features, strict=True)), K(*blinds))
        return sum((c * y for c, y in zip(self.c, others, strict=True)), cells)


def coefficients(born: bytes, features: int, others: int) -> Coefficients:
    """Those of the rows that were first committed in a data set with this digest."""
    bits = log2_ceil(features + 1)
    drawn = [_element(born, i) for i in range(bits + others)]
    return Coefficients(tuple(drawn[:bits]), tuple(drawn[bits:]), features)


def _element(born: bytes, index: int) -> K:
    drawn = hashlib.sha256(FINGERPRINT_TAG + born + struct.pack("<Q", index)).digest()
    return K(*(int.from_bytes(half, "little") for half in (drawn[:_HALF], drawn[_HALF:])))


def written(fingerprint: K) -> bytes:
    """The 16 bytes of a fingerprint."""
    return struct.pack("<QQ", *fingerprint.pair)


def fingerprint_leaf(packed: bytes) -> bytes:
    """The leaf of a fingerprint's tree, from its 16 bytes."""
    return hashlib.sha256(LEAF_TAG + FINGERPRINT_TAG + packed).digest()


def error(features: int, rows: int) -> int:
    """Numerator over |K| of the probability that any row has the fingerprint of another one."""
    return rows * max(1, log2_ceil(features + 1))
