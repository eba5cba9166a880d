"""Commitments to words that are whatever a test wants them to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from zkunlearn.prover.matrices.commitment import Commitment
from zkunlearn.prover.matrices.merkle import build_levels
from zkunlearn.verifier.protocol.merkle import NO_SALT, leaf_hash


class Words(Commitment):
    """A commitment whose rows are polynomials, to other words than theirs.

    Args:
        like: the honest one.
        spoil: makes the words, F array (n, rows), of the codewords.
    """

    def __init__(self, like: Commitment, spoil: Callable[[Any], Any]) -> None:
        super().__init__(like.code, like.rows, like.salts)
        self.words = spoil(like.columns(range(like.code.length)))

    @cached_property
    def levels(self) -> Any:
        salts = [NO_SALT] * len(self.words) if self.salts is None else [salt.tobytes() for salt in self.salts]
        packed = [word.astype("<u8").tobytes() for word in self.words]
        leaves = [leaf_hash(salt, word) for salt, word in zip(salts, packed, strict=True)]
        return build_levels(b"".join(leaves))

    def columns(self, indices: Sequence[int]) -> Any:
        return self.words[list(indices)]
