"""Models of shards, gathered from several commitments: protocol.md, section 12, "Evaluation of models in shards"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .channel import Channel
from .field import ONE, ZERO, K, Point, eq_at, eq_table, log2_ceil, prefix
from .judged import Live, Model, together
from .relations import FEATURES, Relation, rounds
from .shapes import Axis, Column

Place = tuple[str, str, list[int | None]]  # matrix, what is before the names of columns, and speakers by shard


class Gathered(Model):
    """Models of shards: what is looked up is each of them, or their sum."""

    speaker: Axis | None = None

    def __init__(
        self, matrix: str, columns: list[Column], bits: tuple[int, int], x_bits: int, live: Live, places: list[Place]
    ) -> None:
        self.places = places
        super().__init__(matrix, columns, bits, x_bits, live)

    def real(self, at: Mapping[str, Point]) -> K:
        found = prefix(at["output"], self.output.size)
        return found * prefix(at["speaker"], self.speaker.size) if self.speaker else found

    def share(self, at: Mapping[str, Point]) -> Callable[[int], K]:
        """How much a speaker counts."""
        return (lambda speaker: eq_at(at["speaker"], speaker)) if self.speaker else (lambda speaker: ONE)

    def committed(self, relation: Relation, ch: Channel, name: str, at: Mapping[str, Point]) -> K:
        share, found = self.share(at), ZERO
        own = {axis: at[axis] for axis in ("output", *(["weight"] if name == "weights" else []))}
        for matrix, before, speakers in self.places:
            column, bits = (matrix, before + name), log2_ceil(len(speakers))
            shares = [ZERO if speaker is None else share(speaker) for speaker in speakers]
            if not bits:
                found += shares[0] * relation.evaluate(ch, column, {**own, "block": []})
                continue
            (total,) = ch.hidden(1)
            check = f"{name} of shards of {self.matrix}"
            b, left = rounds(ch, check, bits, 2, total)
            value = relation.evaluate(ch, column, {**own, "block": b})
            weight = sum((one * other for one, other in zip(shares, eq_table(b), strict=False)), ZERO)
            ch.zero(check, lambda left=left, weight=weight, value=value: (left - weight * value, []))
            found += total
        return found

    def score(self, relation: Relation, ch: Channel, o: Point, n: Point, claim: K | None = None) -> K:
        return self.score_of(relation, ch, {"output": o}, n, claim)

    def score_of(self, relation: Relation, ch: Channel, model: Mapping[str, Point], n: Point, claim: K | None) -> K:
        """Of what is looked up."""
        constant, real = ZERO, self.real(model)
        if self.bias:
            limbs = [relation.evaluate(ch, limb, model) for limb in self.intercept]
            offset = 2 ** (self.intercept_bits - 1) * real * ch.one
            constant = (together(limbs) - offset) * prefix(n, self.live.rows)
        total = ch.hidden(1)[0] if claim is None else claim - constant
        name = f"score of {self.matrix}"
        k, left = rounds(ch, name, self.weight.bits, 3, total)
        x = relation.evaluate(ch, FEATURES, {"row": n, "feature": k})
        weights = [relation.evaluate(ch, limb, {**model, "weight": k}) for limb in self.weights]

        def check() -> Any:
            there = prefix(k, self.weight.size)
            weight = together(weights) - 2 ** (self.weight_bits - 1) * real * there * ch.one
            return left, [(-ONE * there, x, weight)]

        ch.zero(name, check)
        return total + constant
