"""Keys: what tells rows apart, by the columns that a data set names for it.

    key       the first 12 bytes of SHA-256("zkunlearn key 1" | for each of these columns: length | text)
    limbs     six 16-bit integers, little-endian, the first two bytes the lowest

The text of a cell is that of an id (ids.py): in Unicode's normal form C without white space at its ends, of integers in
decimal; in UTF-8, after its length in bytes as an unsigned 32-bit little-endian integer. Equal texts have equal keys,
so different keys are of different texts, whatever the hash: a collision, which 2^48 texts would take, keeps two rows
out that were different, and never lets two in that were equal.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence

from ..relations.dataset import KEY_LIMBS
from .ids import identify

KEY_TAG = b"zkunlearn key 1"
KEY_BYTES = 2 * KEY_LIMBS


def key_of(values: Sequence[object]) -> tuple[int, ...]:
    """The limbs of the key of a row with these values in the columns of keys, in their order.

    Raises:
        DataError: a value that is no text or integer, see `identify`.
    """
    hashed = hashlib.sha256(KEY_TAG + written_key(map(identify, values))).digest()
    return struct.unpack(f"<{KEY_LIMBS}H", hashed[:KEY_BYTES])


def written_key(texts: Iterable[str]) -> bytes:
    """What is hashed after the tag; of texts as `identify` gives them."""
    cells = [text.encode() for text in texts]
    return b"".join(struct.pack("<I", len(cell)) + cell for cell in cells)
