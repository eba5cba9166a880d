"""What a training covers where it is not everything: some shards, from some stage on, and where these begin.

Written as the fields `scope` and `start` of a training statement; both are empty where all is trained from zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType

from ...errors import FormatError
from ...formats.fields import Bytes, Fields, Int, ListOf, take
from ...models.methods.sisa import MAX_SHARDS, MAX_SLICES
from ...models.shapes import MAX_ROWS
from ...models.shards import Run
from .dataset import DIGEST_BYTES, MAX_OPENINGS

MAX_STARTS = 16  # models of earlier statements that one proof opens
SCOPE = ListOf(dict, 0, MAX_SHARDS)
STARTS = ListOf(dict, 0, MAX_STARTS)
_RUN: Fields = {
    "first": Int(0, MAX_SHARDS - 1),
    "count": Int(1, MAX_SHARDS),
    "stage": Int(1, MAX_SLICES),
    "start": (Int(0, MAX_STARTS - 1), NoneType),
}
_MODEL: Fields = {
    "root": Bytes(DIGEST_BYTES),
    "openings": Int(1, MAX_OPENINGS),
    "shape": ListOf(Int(1, MAX_ROWS), 2, 2),
}
_START: Fields = {"statement": Bytes(DIGEST_BYTES), "model": dict, "scope": SCOPE}
MAX_SCALE = 64


@dataclass(frozen=True)
class ModelCommitment:
    """A committed model, or the models of all stages of all shards that a statement is about.

    Attributes:
        root: Merkle root of its encoded matrix.
        openings: how many proofs its random tails hide, that of its training included.
        shape: (models, weights of each, the intercept included), as the method says; one model for each output.
    """

    root: bytes
    openings: int
    shape: tuple[int, ...]

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {"root": self.root, "openings": self.openings, "shape": list(self.shape)}

    @classmethod
    def from_mapping(cls, mapping: object, what: str = "model") -> ModelCommitment:
        """Read what `to_mapping` wrote. Raises FormatError."""
        found = take(mapping, _MODEL, what)
        return cls(found["root"], found["openings"], tuple(found["shape"]))


@dataclass(frozen=True)
class Start:
    """Models of an earlier statement, from which some training begins. What they are that statement says, and proves.

    Attributes:
        statement: its digest.
        model: its models' commitment.
        scope: what it trained; empty for all.
        scale: of the model that Newton's steps begin from, that of its weights; None of shards, whose it is known.
    """

    statement: bytes
    model: ModelCommitment
    scope: tuple[Run, ...]
    scale: int | None = None

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        scale = {} if self.scale is None else {"scale": self.scale}
        return {
            "statement": self.statement,
            "model": self.model.to_mapping(),
            "scope": written_scope(self.scope),
            **scale,
        }

    @classmethod
    def from_mapping(cls, mapping: object) -> Start:
        """Read what `to_mapping` wrote. Raises FormatError."""
        scaled: Fields = {"scale": Int(0, MAX_SCALE)} if isinstance(mapping, Mapping) and "scale" in mapping else {}
        found = take(mapping, {**_START, **scaled}, "start")
        model = ModelCommitment.from_mapping(found["model"], "start: model")
        return cls(found["statement"], model, read_scope(found["scope"]), found.get("scale"))


def written_scope(runs: Sequence[Run]) -> list[Mapping[str, object]]:
    """Canonical content."""
    return [{"first": run.first, "count": run.count, "stage": run.stage, "start": run.start} for run in runs]


def read_scope(entries: Sequence[object]) -> tuple[Run, ...]:
    """Read what `written_scope` wrote. Raises FormatError."""
    runs = tuple(Run(**take(entry, _RUN, "scope")) for entry in entries)
    for run in runs:
        if (run.stage == 1) != (run.start is None):
            raise FormatError(f"scope: stage {run.stage} of shards from {run.first} on begins where it cannot")
    return runs
