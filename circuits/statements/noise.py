"""What an owner commits to before there is a nonce, and what a nonce draws (docs/protocol.md, "Noise").

    pub(k)    SHAKE256("zkunlearn noise 1" | lp(nonce) | digest | k), 8 bytes squeezed, modulo 2^62

lp(d) is d after its length, 4 bytes little-endian; the digest is that of the noise statement; k, which goes on from one
output to the next, and what is squeezed are unsigned 64-bit little-endian. So pads are of one commitment and one nonce,
and two commitments have other pads under the same nonce.

A noise statement names the request it is for, whole: data set, algorithm, who is forgotten, what is superseded. A
training statement has all of these itself, so it holds what is left of it only, and none of it can differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING

from ...errors import FormatError, InvalidProof, ParameterError, require_type
from ...formats.container import canonical_map
from ...formats.fields import Bytes, Fields, ListOf, take
from ...models.noise import COIN_BITS
from ...models.shapes import MAX_CLASSES
from ...models.spec import TrainingSpec
from .records import DIGEST_BYTES, Record, read_records, written_records

if TYPE_CHECKING:
    from .training import TrainingStatement

NOISE_KIND, NOISE_VERSION = "noise", 1
NOISE_TAG = b"zkunlearn noise 1"
NONCE_BYTES = 32
OPENINGS = 1  # of the matrix of noise: the proof of its one training
MAX_SOURCE = 200

_DRAWN: Fields = {"root": Bytes(DIGEST_BYTES), "source": str, "nonce": Bytes(NONCE_BYTES)}
_STATEMENT: Fields = {
    "dataset": Bytes(DIGEST_BYTES),
    "spec": dict,
    "forgotten": dict,
    "forgotten_classes": ListOf(str, 0, MAX_CLASSES - 2),
    "previous": (Bytes(DIGEST_BYTES), NoneType),
    "root": Bytes(DIGEST_BYTES),
    "source": str,
}


@dataclass(frozen=True)
class Drawn:
    """The noise of a training, as its statement has it.

    Attributes:
        root: of the matrix of noise.
        source: what the owner said, when committing to it, of where and when the nonce would come from.
        nonce: 32 bytes.
    """

    root: bytes
    source: str
    nonce: bytes

    def to_mapping(self) -> dict[str, object]:
        """Canonical content."""
        return {"root": self.root, "source": self.source, "nonce": self.nonce}

    @classmethod
    def from_mapping(cls, mapping: object) -> Drawn:
        """Read what `to_mapping` wrote. Raises FormatError."""
        found = take(mapping, _DRAWN, "noise")
        return cls(found["root"], _source(found["source"]), found["nonce"])


@dataclass(frozen=True)
class NoiseStatement:
    """A matrix of noise, committed to for one request, before its nonce is known.

    Attributes:
        dataset: digest of the data set.
        spec, forgotten, forgotten_classes, previous: as of the training statement.
        root, source: as of Drawn.
    """

    dataset: bytes
    spec: TrainingSpec
    forgotten: tuple[Record, ...]
    forgotten_classes: tuple[str, ...]
    previous: bytes | None
    root: bytes
    source: str

    @classmethod
    def of(cls, training: TrainingStatement, root: bytes, source: str) -> NoiseStatement:
        """For the request of a training."""
        own = training
        return cls(own.dataset.digest, own.spec, own.forgotten, own.forgotten_classes, own.previous, root, source)

    @property
    def digest(self) -> bytes:
        """Names it; to be logged, or handed over, before the nonce is known."""
        content = {"kind": NOISE_KIND, "version": NOISE_VERSION, "statement": self.to_mapping()}
        return hashlib.sha256(canonical_map(content)).digest()

    def to_mapping(self) -> dict[str, object]:
        """Canonical content."""
        return {
            "dataset": self.dataset,
            "spec": self.spec.to_mapping(),
            "forgotten": written_records(self.forgotten),
            "forgotten_classes": list(self.forgotten_classes),
            "previous": self.previous,
            "root": self.root,
            "source": self.source,
        }

    @classmethod
    def from_mapping(cls, mapping: object) -> NoiseStatement:
        """Read what `to_mapping` wrote. Raises FormatError."""
        found = take(mapping, _STATEMENT, NOISE_KIND)
        classes = tuple(found["forgotten_classes"])
        if classes != tuple(sorted(set(classes))):
            raise FormatError("noise: forgotten classes are not in increasing order")
        spec = TrainingSpec.from_mapping(found["spec"])
        if not spec.method.noised:
            raise FormatError(f"noise: a model by {spec.method.kind!r} takes none")
        return cls(
            found["dataset"],
            spec,
            read_records(found["forgotten"]),
            classes,
            found["previous"],
            found["root"],
            _source(found["source"]),
        )


def pads_of(digest: bytes, nonce: bytes, count: int) -> tuple[int, ...]:
    """pub(k) of so many weights.

    Args:
        digest: of the noise statement.
    """
    start = NOISE_TAG + len(nonce).to_bytes(4, "little") + nonce + digest
    squeezed = (hashlib.shake_256(start + k.to_bytes(8, "little")).digest(8) for k in range(count))
    return tuple(int.from_bytes(each, "little") % (1 << COIN_BITS) for each in squeezed)


def require_noise_apart(statement: TrainingStatement, others: Iterable[TrainingStatement]) -> None:
    """No other statement has the same noise, or noise of the same nonce.

    Raises:
        InvalidProof: "noise": from two models with one noise, what was under it can be found; and whoever has several
            commitments for one nonce can choose among what it draws.
    """
    own = statement.noise
    for other in others:
        if own is None or other.noise is None or other == statement:
            continue
        if own.root == other.noise.root:
            raise InvalidProof("noise", f"the same noise as that of statement {other.digest.hex()}")
        if own.nonce == other.noise.nonce:
            raise InvalidProof("noise", f"the nonce of statement {other.digest.hex()}, which drew its noise, too")


def require_source(source: object) -> str:
    """A text that says where a nonce will come from. Raises ParameterError."""
    require_type("source", source, str)
    if not isinstance(source, str) or not source.strip() or len(source) > MAX_SOURCE or not source.isprintable():
        raise ParameterError(
            f"source: say in at most {MAX_SOURCE} printable characters who or what will give the nonce, and when"
        )
    return source


def require_nonce(nonce: object) -> bytes:
    """32 bytes. Raises ParameterError."""
    require_type("nonce", nonce, bytes, "`bytes.fromhex` reads a hexadecimal nonce")
    found = nonce if isinstance(nonce, bytes) else b""
    if len(found) != NONCE_BYTES:
        raise ParameterError(f"nonce: expected {NONCE_BYTES} bytes, found {len(found)}")
    return found


def _source(text: str) -> str:
    try:
        return require_source(text)
    except ParameterError as error:
        raise FormatError(f"noise: {error}") from None
