"""The Merkle tree of a data set, kept beside its secret opening, so that a proof encodes nothing but what is new.

    tag        b"zkunlearn tree 1\n"
    data set   32 bytes, the digest of its commitment
    levels     leaves first, packed

The file is secret, 0600, and it is a cache: everything in it follows from dataset.opening. Without it, or where it does
not fit, the data set is encoded again. What is read of it is checked before it goes into a proof.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from itertools import accumulate, pairwise
from pathlib import Path

from ...errors import DataError
from ...formats.files import SECRET_MODE, replacing
from ...verifier.protocol.code import ReedSolomonCode
from ...verifier.protocol.merkle import DIGEST_BYTES
from ..matrices.merkle import Levels, level_sizes

TREE_FILE = "dataset.tree"
TAG = b"zkunlearn tree 1\n"


def save_tree(directory: Path, dataset: bytes, levels: Levels) -> None:
    """Write the file, whole or not at all. A full disk is no error: the file only saves time."""
    target = directory / TREE_FILE
    try:
        with replacing(target, SECRET_MODE, durable=False) as file:  # after a crash it is found not to fit
            file.writelines([TAG, dataset, *levels])
    except BaseException as error:
        with contextlib.suppress(OSError):
            target.unlink()  # an older file would fit no longer
        if not isinstance(error, DataError):
            raise


def load_tree(directory: Path, dataset: bytes, code: ReedSolomonCode, root: bytes) -> Levels | None:
    """The levels, mapped into memory; None where the file does not belong to this data set.

    Args:
        dataset: the digest of its commitment.
        root: of the commitment.
    """
    sizes = [DIGEST_BYTES * size for size in level_sizes(code.length)]
    try:
        with open(directory / TREE_FILE, "rb") as file:
            if os.fstat(file.fileno()).st_size != len(TAG) + DIGEST_BYTES + sum(sizes):
                return None
            whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError:
        return None
    start = len(TAG) + DIGEST_BYTES
    ends = list(accumulate(sizes, initial=start))
    levels = [whole[low:high] for low, high in pairwise(ends)]
    return levels if whole[:start] == TAG + dataset and levels[-1] == root else None
