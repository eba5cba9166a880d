"""The models of shards, gathered from commitments to several, and their scores together.

A shard that has a say is a *speaker* s. Its model of the last stage is in one of the commitments, at a place of a run
of neighbouring shards. Of outputs o, features k and rows n:

    M(o, s, k) = sum over the run's places a of [a is speaker s] W(o, a, k), for each run      "weights of .."
    I(o, s) likewise                                                                           "intercept of .."
    z(o, s, n) = sum_k X(n, k) M(o, s, k) + I(o, s) on rows that are real                      "score of .."

and where scores are averaged, the sum over all speakers in the place of M(o, s, k) and I(o, s): M(o, k) and I(o), with
one score z(o, n). Else each speaker says P(o, s, n) by a table, of rows that count:

    vote          z(o, s, n) - 1 = 2^r F(o, s, n) + R(o, s, n),  P = [F >= 0]            "opinion of ..", "signs"
    probability   z(o, s, n)     = 2^r F(o, s, n) + R(o, s, n),  P = table[F]            "opinion of ..", "activation"

with R in [0, 2^r), and the score of all together is, at output o and row n,

    2 sum_s P(s, n) - S E of one output, S speakers, E the most that one says; of several sum_s P(o, s, n)  "opinions"

so class 1 is predicted where it is positive, or of several classes that of the largest: as of one model.

Integers that are *forced*: M and I, of each speaker or of their sum, have limbs here, whatever other proofs say, so |z|
is below 2^score_bits <= 2^62. F is what the table holds, so it is in [-2^15, 2^15), and R has limbs, all looked up: so
both sides differ by less than 2^63 + 2^47 + 2^32 < p, it holds in integers, and there is one F and one R. A score
outside the table has no proof. P is what the table says beside F. On rows that do not count, and in padding, F, P and R
are no integers: the equation may hold there with anything, and no sum that is stated has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...models.families import Family
from ...models.live import Live
from ..field.goldilocks import ONE, ZERO, K, Vector, kscalar
from ..field.multilinear import Point, eq_table, prefix
from ..language.hidden import Hidden, linear, public
from ..language.layout import Address, Axis, Column
from ..language.relation import Entry, Factor, Indicator, LookedUp, Lookup, LookupBox, Steps, Sum, Term, variables
from ..language.tables import SIGNS, limb_columns, limb_lookups, limb_terms, lookup_boxes
from .dataset import FEATURES, feature_axis, row_axis
from .model import COEFFICIENTS, INTERCEPT
from .scored import ScoredModel
from .signed import constant_on
from .standardization import tabled

SPEAKER = "speaker"


@dataclass(frozen=True)
class Source:
    """Neighbouring shards whose models of the last stage are in one commitment.

    Attributes:
        matrix: of the commitment. prefix: what stands before the names of its columns.
        speakers: of each of the shards its number among those that have a say, or None.
    """

    matrix: str
    prefix: str
    speakers: tuple[int | None, ...]

    @property
    def bits(self) -> int:
        """Of a place."""
        return (len(self.speakers) - 1).bit_length()

    def address(self, column: Address) -> Address:
        """A column of circuits/relations/model.py, of these shards."""
        return Address(self.matrix, self.prefix + column.name)

    def shares(self, of_speakers: Vector) -> Vector:
        """What each place counts, if each speaker counts so much: K vector (2, shards)."""
        found = np.zeros((2, len(self.speakers)), dtype=np.uint64)
        for place, speaker in enumerate(self.speakers):
            if speaker is not None:
                found[:, place] = of_speakers[:, speaker]
        return found


@dataclass(frozen=True)
class ShardScores(ScoredModel):
    """The mean of the scores of shards, as their sum: a model of one or several outputs, which is the sum of models.

    Attributes:
        matrix: what is said of it in names.
        columns: of the models that are gathered.
        weight_bits, intercept_bits: of the integers of a sum.
        sources: where the models of shards are. speakers: S.
    """

    sources: tuple[Source, ...]
    speakers: int

    @property
    def models(self) -> tuple[Axis, ...]:
        """What tells models apart."""
        return self.columns[0].axes[:-1]

    def committed_at(self, steps: Steps, column: Address, at: Mapping[str, Point]) -> Hidden:
        """What is gathered of a column, at a point."""
        of_speakers = self._of_speakers(at)
        found = public(ZERO)
        for source in self.sources:
            shares, bits = source.shares(of_speakers), source.bits
            at_model = {name: at[name] for name in ("output", "weight") if name in at and not self._lacks(column, name)}
            own = source.address(column)
            if not bits:
                found = found + steps.evaluate(own, {**at_model, "block": ()}) * kscalar(shares[:, 0])
                continue
            factor = Factor((Term(ONE, own, {**at_model, "block": variables(0, bits)}),))
            gathered = Sum(f"{column.name} of shards of {self.matrix}", (bits,), tabled(shares), (factor,))
            total = steps.total(gathered)
            steps.sumcheck(gathered, total)
            found = found + total
        return found

    @staticmethod
    def _lacks(column: Address, axis: str) -> bool:
        return column == INTERCEPT and axis == "weight"

    def _of_speakers(self, at: Mapping[str, Point]) -> Vector:
        """How often each speaker counts where models are gathered: once."""
        ones = np.zeros((2, self.speakers), dtype=np.uint64)
        ones[0] = 1
        return ones

    def score(self, steps: Steps, at: Mapping[str, Point], claim: Hidden | None = None) -> Hidden:
        """See ScoredModel."""
        return self.score_of(steps, {"output": at["output"]}, at["row"], claim)

    def score_of(self, steps: Steps, model: Mapping[str, Point], n: Point, claim: Hidden | None) -> Hidden:
        """z of one of the models that are gathered, at a row: the claim, which is proved, or else what is sent."""
        axis = feature_axis(self.features)
        k, real = variables(0, axis.bits), ONE
        for own in self.models:
            real = real * prefix(model[own.name], own.size)
        features = Factor((Term(ONE, FEATURES, {"row": n, "feature": k}),))
        weights = Factor(self.weights.terms({**model, "weight": k}, ONE), self.weights.taken_off((axis,), real))
        product = Sum(f"score of {self.matrix}", (len(k),), constant_on((axis,), ONE), (features, weights))
        constant = public(ZERO)
        if self.bias:
            constant = self.intercept.value(steps, model, real) * prefix(n, self.rows)
        total = steps.total(product) if claim is None else claim - constant
        steps.sumcheck(product, total)
        return total + constant


@dataclass(frozen=True)
class OfSpeakers(ShardScores):
    """Models of shards that are gathered one by one."""

    @property
    def speaker(self) -> Axis:
        """Speakers s."""
        return self.models[-1]

    @property
    def model_score_bits(self) -> int:
        """Of the score of one of them."""
        return super().score_bits

    def _of_speakers(self, at: Mapping[str, Point]) -> Vector:
        """That of one speaker."""
        return eq_table(at[SPEAKER])[:, : self.speakers]


@dataclass(frozen=True)
class Opinions(OfSpeakers):
    """What the models of shards say, one by one, by a table.

    Attributes:
        weight_bits, intercept_bits: of the integers of a model.
        live: which rows count.
        table: SIGNS of votes, or ACTIVATION of probabilities.
        shift: r.
        whole: E.
        family: whose probabilities they are.
    """

    live: Live
    table: str
    shift: int
    whole: int
    family: Family

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """Of what is said."""
        return (*self.models, row_axis(self.rows))

    @property
    def several(self) -> bool:
        """Whether there are several outputs."""
        return self.output.size > 1

    @property
    def score_bits(self) -> int:
        """Of all together."""
        return (self.speakers * self.whole).bit_length()

    @property
    def cell(self) -> Address:
        """F."""
        return self.own("shard cell")

    @property
    def opinion(self) -> Address:
        """P."""
        return self.own("opinion")

    @property
    def entries(self) -> tuple[Address, ...]:
        """What is looked up in the table."""
        return self.cell, self.opinion

    @property
    def rest(self) -> Address:
        """R, in limbs."""
        return self.own("shard remainder")

    @property
    def witness(self) -> tuple[Column, ...]:
        """Limbs of M and I, and what is said."""
        own = (Column(column.name, self.axes) for column in self.entries)
        return (*super().witness, *own, *limb_columns(self.rest, self.shift, self.axes))

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """Those of M and I, and F in its table with what is said, and limbs of R. Large boxes are in parts."""
        entries = tuple(Entry(((1, column),)) for column in self.entries)
        lookups = (Lookup(self.cell.name, self.table, entries), *limb_lookups(self.rest, self.shift))
        counting = Indicator(self.axes, self.live.forgotten, self.live.ranges)
        return (*super().boxes, lookup_boxes(f"opinions of {self.matrix}", counting, lookups))

    def identities(self, steps: Steps, ended: LookedUp) -> None:
        """And z is what F and R say, where their lookups ended."""
        super().identities(steps, ended)
        if self.cell not in ended.values:
            return
        model = {axis.name: ended.point[axis.name] for axis in self.models}
        n = ended.point["row"]
        rest = linear((c, ended.values[limb]) for c, limb in limb_terms(self.rest, self.shift))
        claim = ended.values[self.cell] * K(1 << self.shift) + rest
        if self.table == SIGNS:
            real = prefix(n, self.rows)
            for axis in self.models:
                real = real * prefix(model[axis.name], axis.size)
            claim = claim + public(real)
        self.score_of(steps, model, n, claim)

    def score(self, steps: Steps, at: Mapping[str, Point], claim: Hidden | None = None) -> Hidden:
        """That of all together: the claim, of several outputs, which is proved, or else what is sent."""
        n, bits = at["row"], self.speaker.bits
        said = Factor((Term(ONE, self.opinion, {"output": at["output"], SPEAKER: variables(0, bits), "row": n}),))
        summed = Sum(f"opinions of {self.matrix}", (bits,), constant_on((self.speaker,), ONE), (said,))
        total = steps.total(summed) if claim is None else claim
        steps.sumcheck(summed, total)
        if self.several:
            return total
        return total * 2 - public(prefix(n, self.rows) * (self.speakers * self.whole))


def gathered_columns(models: Sequence[Axis], features: int, bias: bool) -> tuple[Column, ...]:
    """Of the models that are gathered, one for each of some axes: weights, and an intercept if there is one."""
    weights = Column(COEFFICIENTS.name, (*models, Axis("weight", features)))
    return (weights, Column(INTERCEPT.name, tuple(models))) if bias else (weights,)
