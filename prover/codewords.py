"""The encoded data set, kept beside its secret opening, so that a proof reads some columns and encodes nothing.

    tag        b"zkunlearn codes 1\\n"
    data set   32 bytes, the digest of its commitment
    levels     the Merkle tree, leaves first, packed
    codewords  `kernels.encode_rows`, little-endian

The file is secret, 0600, and it is a cache: everything in it follows from dataset.opening. Without it, or where it does
not fit, the data set is encoded again. What is read of it is checked before it goes into a proof.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..circuits.goldilocks import Vector
from ..verifier.code import ReedSolomonCode
from ..verifier.container import SECRET_MODE
from ..verifier.merkle import DIGEST_BYTES
from .kernels import encoded_shape
from .merkle import level_sizes

CODEWORDS_FILE = "dataset.codewords"
TAG = b"zkunlearn codes 1\n"
CELL = np.dtype("<u8")


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Encoded:
    """All rows encoded, F array (groups, n, 8), and the levels of the Merkle tree over them."""

    codewords: Vector
    levels: list[bytes]


def save_codewords(directory: Path, dataset: bytes, encoded: Encoded) -> None:
    """Write the file, whole or not at all. A full disk is no error: the file only saves time."""
    target = directory / CODEWORDS_FILE
    temporary = target.with_name(f".zkunlearn-{secrets.token_hex(8)}.tmp")
    cells = np.ascontiguousarray(encoded.codewords, dtype=CELL)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET_MODE)
        with open(descriptor, "wb") as file:  # not synchronised: after a crash it is found not to fit
            file.writelines([TAG, dataset, *encoded.levels])
            file.write(cells.data)
        os.replace(temporary, target)
    except OSError:
        for path in (temporary, target):  # an older file would fit no longer
            with contextlib.suppress(OSError):
                path.unlink()


def load_codewords(directory: Path, dataset: bytes, code: ReedSolomonCode, rows: int, root: bytes) -> Encoded | None:
    """The file's contents, the codewords mapped into memory; None where it does not belong to this data set.

    Args:
        dataset: the digest of its commitment.
        rows: of the committed matrix.
        root: of the commitment.
    """
    path = directory / CODEWORDS_FILE
    sizes = [DIGEST_BYTES * size for size in level_sizes(code.length)]
    shape = encoded_shape(rows, code.subgroup_bits, code.cosets)
    start = len(TAG) + DIGEST_BYTES + sum(sizes)
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size != start + CELL.itemsize * int(np.prod(shape)):
                return None
            head, levels = file.read(len(TAG) + DIGEST_BYTES), [file.read(size) for size in sizes]
            if head != TAG + dataset or levels[-1] != root:
                return None
            codewords = np.memmap(file, dtype=CELL, mode="r", offset=start, shape=shape)
    except (OSError, ValueError):  # ValueError: cut short meanwhile
        return None
    return Encoded(codewords, levels)
