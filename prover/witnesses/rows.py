"""The owner's rows as integers, with what hides each of them; and their record digests, all at once.

circuits/statements/records.py defines digests and order. The order follows from all record digests together, so that
the owner does not choose which rows share a mini-batch: trying 2^k sets of salts buys k bits of choice over the whole
order.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import Vector
from ...circuits.language.layout import Address
from ...circuits.relations.dataset import BLINDS, FEATURES, LABELS, key_addresses
from ...circuits.statements.dataset import DatasetStatement, Segment
from ...circuits.statements.records import (
    DIGEST_BYTES,
    ID_TAG,
    ORDER_TAG,
    RECORD_TAG,
    Record,
    segment_seed,
)
from ...errors import DataError, ParameterError
from ...models.encoding.dataset import DatasetEncoding
from ..kernels import Products, hash_texts, run_tasks, sha256_rows, spans
from ..kernels.storage import empty
from ..matrices.entropy import Salts, random_field, random_salts
from ..matrices.merkle import Packed, build_levels, hash_salted
from ..tables.ids import unknown_ids, wanted_ids
from ..tables.keys import RowKeys
from .record_tree import record_paths

Nonce = bytes | Callable[[bytes], bytes] | None
PIECE = 1 << 14  # records that are laid out and hashed at a time
NOBODY = ""  # the id of a row that was destroyed, which no row can have
ENCODED_CELLS = 1 << 18  # that are encoded at a time


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Rows:
    """All rows of a data set.

    Attributes:
        ids: the owner's name of each row; several rows may have one.
        by_feature: int16 (d, N), scale x_bits; feature after feature.
        labels: int32 (N,); of categorical labels the numbers of classes.
        outputs: columns of labels that are committed: one, or one for each of several classes.
        blinds: F array (2, N), uniform.
        salts: uint8 (N, 32).
        holes: positions of rows that were destroyed: all of them is zero, and nobody's.
        hole_digests: uint8 (holes, 32), what is left of them: their record digests.
        keys: uint16 (limbs, N); no limbs where rows have no keys.
    """

    ids: Sequence[str]
    by_feature: npt.NDArray[np.int16]
    labels: npt.NDArray[np.int32]
    blinds: Vector
    salts: Salts
    outputs: int = 1
    holes: tuple[int, ...] = ()
    hole_digests: npt.NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, DIGEST_BYTES), np.uint8))
    keys: npt.NDArray[np.uint16] = field(default_factory=lambda: np.empty((0, 0), np.uint16))

    @property
    def features(self) -> npt.NDArray[np.int16]:
        """int16 (N, d), scale x_bits; a view."""
        return self.by_feature.T

    @property
    def columns(self) -> dict[Address, npt.NDArray[np.generic]]:
        """The columns of circuits/relations/validity.py: integers, and for the blinds elements of F."""
        keys = dict(zip(key_addresses(len(self.keys)), self.keys, strict=True))
        blinds = dict(zip(BLINDS, self.blinds, strict=True))
        return {FEATURES: self.by_feature, LABELS: self.label_columns, **keys, **blinds}

    def part(self, start: int, stop: int) -> Rows:
        """Rows from one position to before another: past the last one zeros, which are nobody's."""
        cut = slice(start, stop)
        features, blinds = np.ascontiguousarray(filled(self.by_feature, cut)), filled(self.blinds, cut)
        inside = [i for i, position in enumerate(self.holes) if start <= position < stop]
        holes, digests = tuple(self.holes[i] - start for i in inside), self.hole_digests[inside]
        ids, salts = self.ids[cut], filled(self.salts.T, cut).T
        ids = (*ids, *[NOBODY] * (stop - start - len(ids))) if len(ids) < stop - start else ids
        labels, keys = filled(self.labels, cut), filled(self.keys, cut)
        return Rows(ids, features, labels, blinds, salts, self.outputs, holes, digests, keys)

    @cached_property
    def products(self) -> Products:
        """Features as they are multiplied with."""
        return Products(self.by_feature)

    @cached_property
    def label_columns(self) -> npt.NDArray[np.integer]:
        """(outputs, N): the labels, or for each class which rows are of it."""
        if self.outputs == 1:
            return self.labels[None]
        columns = empty((self.outputs, len(self.labels)), np.uint16)
        for output, column in enumerate(columns):
            column[:] = self.labels == output
        columns[:, list(self.holes)] = 0
        return columns

    @cached_property
    def record_levels(self) -> list[Packed]:
        """The record tree: packed record digests, then the levels above."""
        count = len(self.ids)
        pieces = [self._digests(slice(i, min(count, i + PIECE))) for i in range(0, count, PIECE)]
        leaves = b"".join(pieces)
        if self.holes:
            digests = np.frombuffer(leaves, np.uint8).reshape(-1, DIGEST_BYTES).copy()
            digests[list(self.holes)] = self.hole_digests
            leaves = digests.tobytes()
        return build_levels(leaves, DIGEST_BYTES)

    def _digests(self, rows: slice) -> Packed:
        """The packed digests of some records."""
        packed = self._cells(rows)
        count = len(packed[0])
        tag = np.broadcast_to(np.frombuffer(RECORD_TAG, dtype=np.uint8), (count, len(RECORD_TAG)))
        return hash_salted(self.salts[rows], [tag, hash_ids(self.ids[rows]), *packed])

    def _cells(self, rows: slice) -> list[npt.NDArray[np.uint8]]:
        """Features, labels, keys if there are any, and blinds as they are hashed, uint8 (n, ..) each."""
        features = np.ascontiguousarray(self.features[rows], dtype="<i2")
        keys = [self.keys.T[rows].astype("<u2")] if self.keys.size else []
        values = [features, self.labels[rows].astype("<i4"), *keys, self.blinds.T[rows].astype("<u8")]
        return [np.ascontiguousarray(part).view(np.uint8).reshape(len(features), -1) for part in values]

    def packed_cells(self, rows: slice) -> list[bytes]:
        """Of each of some rows its features, label, key and blinds as they are hashed."""
        return [row.tobytes() for row in np.concatenate(self._cells(rows), axis=1)]

    @property
    def record_root(self) -> bytes:
        """Merkle root of the record digests."""
        return bytes(self.record_levels[-1])

    def record(self, position: int) -> Record:
        """The public entry of a row in a forget list."""
        return Record(position, bytes(self.record_levels[0][DIGEST_BYTES * position : DIGEST_BYTES * (position + 1)]))

    def record_paths(self, positions: Sequence[int]) -> bytes:
        """What shows that the records of these rows are in the record tree."""
        return record_paths(self.record_levels, positions)

    def positions(self, ids: Iterable[object]) -> tuple[int, ...]:
        """Sorted positions of all rows with these ids. Raises DataError: no list; an unknown id; one named twice."""
        positions, unknown = self.found(wanted_ids(ids))
        if unknown:
            raise unknown_ids(unknown, self.ids)
        return positions

    def found(self, names: Iterable[str]) -> tuple[tuple[int, ...], list[str]]:
        """Sorted positions of all rows with these ids, and the ids that no row has."""
        unknown = dict.fromkeys(names)
        asked = np.fromiter(map(hash, unknown), np.int64, len(unknown))
        candidates = np.flatnonzero(np.isin(self._hashed_ids, asked)).tolist() if unknown else []
        found = {position: name for position in candidates if (name := self.ids[position]) in unknown}
        for name in found.values():
            unknown.pop(name, None)
        return tuple(found), list(unknown)

    @cached_property
    def _hashed_ids(self) -> npt.NDArray[np.int64]:
        """As this process hashes texts: numbers beside one another, where ids are all over memory."""
        return np.fromiter(map(hash, self.ids[:]), np.int64, len(self.ids))

    def __getstate__(self) -> dict[str, Any]:
        """Without the hashes of ids: another process has others."""
        return {name: own for name, own in self.__dict__.items() if name != "_hashed_ids"}

    def goes_on_from(self, dataset: DatasetStatement) -> bool:
        """Whether the first rows are those of a data set, as their records show."""
        if len(self.ids) == dataset.rows:
            return self.record_root == dataset.record_root
        first = self.record_levels[0][: DIGEST_BYTES * dataset.rows]
        return len(self.ids) > dataset.rows and bytes(build_levels(first, DIGEST_BYTES)[-1]) == dataset.record_root

    def without(self, positions: Iterable[int]) -> Rows:
        """The same, where these rows, and those that were before, are destroyed."""
        holes = sorted({*self.holes, *positions})
        gone, ids = set(holes), self.ids
        levels = self.record_levels
        changed = Rows(
            tuple(NOBODY if n in gone else ids[n] for n in range(len(ids))),
            _cleared(self.by_feature, holes),
            _cleared(self.labels, holes),
            _cleared(self.blinds, holes),
            _cleared(self.salts.T, holes).T,
            self.outputs,
            tuple(holes),
            self._all_digests[holes],
            _cleared(self.keys, holes) if self.keys.size else self.keys,
        )
        vars(changed)["record_levels"] = levels
        return changed

    def followed_by(self, others: Rows) -> Rows:
        """These rows and then those."""
        count = len(self.ids)
        by_feature = empty((len(self.by_feature), count + len(others.ids)), np.int16)
        by_feature[:, :count], by_feature[:, count:] = self.by_feature, others.by_feature
        rows = Rows(
            (*self.ids, *others.ids),
            by_feature,
            np.concatenate([self.labels, others.labels]),
            np.concatenate([self.blinds, others.blinds], axis=1),
            np.concatenate([self.salts, others.salts]),
            self.outputs,
            self.holes,
            self.hole_digests,
            np.concatenate([self.keys, others.keys], axis=1),
        )
        leaves = bytes(self.record_levels[0]) + bytes(others.record_levels[0])  # the rows are hashed already
        vars(rows)["record_levels"] = build_levels(leaves, DIGEST_BYTES)
        return rows

    def as_segment(self, after: DatasetStatement | None = None, nonce: Nonce = None) -> tuple[Rows, Segment]:
        """The same rows in the order that their digests imply, and the segment that they are.

        Args:
            after: the data set whose rows they follow; None if they are the first.
            nonce: what somebody else adds to the order, 32 bytes; or what asks for it, given the root over the records.

        Raises:
            ParameterError: a nonce that has not 32 bytes.
        """
        digests = self._all_digests
        root = bytes(build_levels(digests[_increasing(digests)].tobytes(), DIGEST_BYTES)[-1])
        start, before = (0, None) if after is None else (after.rows, after.segments[-1].seed)
        stop = start + len(digests)
        drawn = nonce(root) if callable(nonce) else nonce
        if nonce is not None and not (isinstance(drawn, bytes) and len(drawn) == DIGEST_BYTES):
            raise ParameterError(f"nonce: must be {DIGEST_BYTES} bytes")
        seed = segment_seed(start, stop, root, before, drawn)
        return self._ordered(seed), Segment(stop, seed, drawn)

    def _ordered(self, seed: bytes) -> Rows:
        digests = self._all_digests
        keys = sha256_rows(ORDER_TAG + seed, [digests])  # order_key of each
        order = _increasing(np.frombuffer(keys, np.uint8).reshape(-1, DIGEST_BYTES))
        by_feature = empty(self.by_feature.shape, np.int16)

        def take(start: int, stop: int) -> None:
            for feature in range(start, stop):
                np.take(self.by_feature[feature], order, out=by_feature[feature], mode="clip")  # "raise" copies `out`

        run_tasks([partial(take, *span) for span in spans(len(by_feature), cost=len(order), grain=1)])
        rows = replace(
            self,
            ids=tuple(map(self.ids[:].__getitem__, order.tolist())),
            by_feature=by_feature,
            labels=self.labels[order],
            blinds=np.take(self.blinds, order, axis=1),
            salts=np.take(self.salts, order, axis=0),
            keys=np.take(self.keys, order, axis=1) if self.keys.size else self.keys,
        )
        leaves = digests[order].tobytes()  # the rows are hashed already
        vars(rows)["record_levels"] = build_levels(leaves, DIGEST_BYTES)
        return rows

    @property
    def _all_digests(self) -> npt.NDArray[np.uint8]:
        return np.frombuffer(self.record_levels[0], np.uint8).reshape(-1, DIGEST_BYTES)


def filled(values: npt.NDArray[Any], rows: slice) -> npt.NDArray[Any]:
    """Rows, which are the last axis; zeros where there are none any more."""
    own = values[..., rows]
    missing = rows.stop - rows.start - own.shape[-1]
    return np.pad(own, [(0, 0)] * (own.ndim - 1) + [(0, missing)]) if missing else own


def _cleared(values: npt.NDArray[Any], columns: Sequence[int]) -> npt.NDArray[Any]:
    """A copy with zeros in these columns, which are its last axis."""
    copied = empty(values.shape, values.dtype)
    copied[:] = values
    copied[..., list(columns)] = 0
    return copied


def hash_ids(names: Sequence[str]) -> npt.NDArray[np.uint8]:
    """The hashes of ids, uint8 (n, 32)."""
    normal = names if "".join(names).isascii() else [unicodedata.normalize("NFC", name) for name in names]
    return hash_texts(ID_TAG, list(map(str.encode, normal)))


def _increasing(digests: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The increasing order of digests, uint8 (n, 32)."""
    words = digests.view(">u8").astype(np.uint64)
    order = np.argsort(words[:, 0], kind="stable")
    first = words[order, 0]
    if (first[1:] > first[:-1]).all():  # nearly always: then nothing else counts
        return order
    return np.lexsort(words.T[::-1])  # its last key counts first


def encode_rows(encoding: DatasetEncoding, X: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    """Real features (N, d) as `Rows.by_feature`, some rows at a time. Raises DataError, see DatasetEncoding."""
    count, width = X.shape
    by_feature = empty((width, count), np.int16)
    step = max(1, ENCODED_CELLS // width)

    def encode(start: int) -> None:
        encoded = encoding.encode_features(X[start : start + step], first_row=start)
        by_feature[:, start : start + step] = encoded.T

    encoding.encode_features(X[:1])  # makes the tables of maps once, before several threads want them at the same time
    run_tasks([partial(encode, start) for start in range(0, count, step)])
    return by_feature


def blind_rows(
    ids: tuple[str, ...],
    by_feature: npt.NDArray[np.int16],
    labels: npt.NDArray[np.int32],
    outputs: int = 1,
    keys: RowKeys | None = None,
) -> Rows:
    """Rows with fresh blinds and salts, in no order yet. Raises DataError for another number of ids.

    Args:
        ids: texts of `identify`.
        by_feature: int16 (d, N), labels: int32 (N,), outputs: as in `Rows`.
        keys: of the rows, if they have any.
    """
    count = len(labels)
    if len(ids) != count:
        raise DataError(f"{count} rows, but {len(ids)} ids", expected=count, found=len(ids))
    own = np.empty((0, count), np.uint16) if keys is None else keys.limbs
    return Rows(ids, by_feature, labels, random_field(len(BLINDS), count), random_salts(count), outputs, keys=own)
