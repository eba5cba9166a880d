"""The witness of an evaluation, and what it states: the columns of circuits/relations/evaluation.py and its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import to_field
from ...circuits.language.layout import Address
from ...circuits.language.tables import SIGNS, split_limbs
from ...circuits.relations.evaluation import Evaluation, Judged
from ...circuits.relations.expected_counts import ExpectedCounts
from ...circuits.relations.gridded import Gridded
from ...circuits.relations.loss_tables import PROBIT_LOSSES
from ...circuits.relations.mean_cells import Chances
from ...circuits.relations.mean_class_loss import MeanClassLoss
from ...circuits.relations.mean_counts import MeanCounts
from ...circuits.relations.mean_loss import MeanLoss
from ...circuits.relations.normalised_loss import NormalisedLoss
from ...circuits.relations.residuals import MEAN_LACK, MEAN_REST, Residuals, Spread
from ...circuits.relations.scored import ScoredModel
from ...circuits.relations.several_classes import SeveralClasses
from ...circuits.relations.shard_counts import SpokenCounts
from ...circuits.relations.shard_scores import Opinions, ShardScores
from ...circuits.relations.signed import Signed
from ...circuits.relations.two_classes import TwoClasses
from ...errors import ParameterError
from ...models.aggregation import LARGEST_SCORE as LARGEST_SPOKEN
from ...models.aggregation import probability_table
from ...models.losses import LARGEST_SCORE, loss_bounds
from ...models.probit_losses import probit_loss_bounds
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows, multiplicities, signed_rows
from ..matrices.values import Witness
from .argmax import gaps_of, winners
from .expected_counts import count_columns, counted_columns, expected, with_deviance
from .normalised_loss import loss_columns, true_loss
from .rows import Rows
from .shard_counts import deviance_columns, expected_of_each, stated_deviances
from .shard_losses import (
    cell_columns,
    chances,
    class_and_all,
    class_sums,
    stated_class_losses,
    stated_losses,
)

Integers = npt.NDArray[np.int64]
Said = tuple[Integers, Integers, Integers]
Two = TypeVar("Two", bound=TwoClasses)
HALF = 1 << 15
NONE: Integers = np.zeros((0, 0, 0), dtype=np.int64)
NOTHING = NONE, NONE, NONE


@dataclass(repr=False)  # secrets stay out of logs
class _Columns:
    """What is committed, and which rows of tables it looks up."""

    columns: dict[Address, Cells] = field(default_factory=dict)
    looked_up: dict[str, LookedUpRows] = field(default_factory=dict)

    def add_limbs(self, integer: Address, bits: int, values: Integers) -> None:
        """Integers that are not negative."""
        limbs = split_limbs(values, integer, bits)
        self.columns |= limbs
        self.looked_up |= limb_rows(limbs, integer, bits)

    def add_signed(self, signed: Signed, values: Integers) -> None:
        """Integers of a range."""
        self.add_limbs(signed.integer, signed.bits, values + (1 << (signed.bits - 1)))

    def add(self, found: tuple[Mapping[Address, Cells], Mapping[str, LookedUpRows]]) -> None:
        """What a part commits, and looks up."""
        self.columns |= found[0]
        self.looked_up |= found[1]

    def add_rest(self, own: Gridded, total: int) -> None:
        """What rounding takes away."""
        self.add_limbs(own.rest, own.bits, np.array([own.rest_of(total)], dtype=np.int64))


def scores(rows: Rows, integers: Integers) -> Integers:
    """z, int64 (O, N), at scale x_bits + w_bits: feature by feature, so that no copy of the features is wider.

    Args:
        integers: int64 (O, K), as in `Model`.
    """
    weights, intercept = np.split(integers, [len(rows.by_feature)], axis=1)
    found = np.empty((len(integers), rows.by_feature.shape[1]), dtype=np.int64)
    found[:] = intercept.sum(axis=1, keepdims=True)
    for features, weight in zip(rows.by_feature, weights.T, strict=True):
        wide = features.astype(np.int64)
        for own, factor in zip(found, weight.tolist(), strict=True):
            own += wide * factor
    return found


def _scores(own: Judged, rows: Rows, integers: Integers) -> tuple[Integers, Said]:
    """z, int64 (O, N), of one model, or of what the models of shards say together; and what these say one by one, as
    of `opinions`, or their scores where they expect counts, or nothing.

    Args:
        integers: int64 (O, K), of shards (shards, O, K).
    """
    scored = own.scored
    if not isinstance(scored, ShardScores):
        return scores(rows, integers), NOTHING
    if isinstance(scored, SpokenCounts):
        z = _scores_of_shards(rows, integers)
        return expected_of_each(scored, z).counts.sum(axis=1), (z, NONE, NONE)
    if not isinstance(scored, Opinions):
        return scores(rows, integers.sum(axis=0)), NOTHING
    said = opinions(scored, rows, integers)
    summed = said[1].sum(axis=1)
    return np.asarray(summed if scored.several else 2 * summed - scored.speakers * scored.whole), said


def _scores_of_shards(rows: Rows, integers: Integers) -> Integers:
    """Of each, int64 (O, shards, N)."""
    shards, outputs, width = integers.shape
    return scores(rows, integers.transpose(1, 0, 2).reshape(-1, width)).reshape(outputs, shards, -1)


def opinions(own: Opinions, rows: Rows, integers: Integers) -> Said:
    """F, P and R, int64 (O, shards, N) each. Raises ParameterError for scores that leave the table."""
    z = _scores_of_shards(rows, integers) - (own.table == SIGNS)
    cells = z >> own.shift
    beyond = ((cells < -HALF) | (cells >= HALF)).any(axis=(0, 1)) & own.live.mask()
    if beyond.any():
        raise ParameterError(
            f"{beyond.sum()} of the rows have scores beyond {LARGEST_SPOKEN} by the model of a shard, where the table "
            "of probabilities ends"
        )
    inside = np.clip(cells, -HALF, HALF - 1)
    if own.table == SIGNS:
        return cells, (cells >= 0).astype(np.int64), z - (cells << own.shift)
    return cells, probability_table(own.family)[inside + HALF], z - (cells << own.shift)


def _add_model(scored: ScoredModel, integers: Integers, said: Said, to: _Columns) -> None:
    """Limbs of the model's integers, of shards of each or of their sum, and what these say."""
    if isinstance(scored, Opinions):
        _add_opinions(scored, said, to)
        integers = integers.transpose(1, 0, 2)
    elif isinstance(scored, SpokenCounts):
        to.add(count_columns(scored, expected_of_each(scored, said[0])))
        integers = integers.transpose(1, 0, 2)
    elif isinstance(scored, ShardScores):
        integers = integers.sum(axis=0)
    weights, intercept = np.split(integers, [scored.features], axis=-1)
    to.add_signed(scored.weights, weights)
    if scored.bias:
        to.add_signed(scored.intercept, intercept[..., 0])


def _add_opinions(own: Opinions, told: Said, to: _Columns) -> None:
    cells, said, rest = told
    inside = np.clip(cells, -HALF, HALF - 1)  # of rows that do not count, where nothing is looked up
    to.columns |= {own.cell: to_field(cells) if (inside != cells).any() else cells.astype(np.int16)}
    to.columns[own.opinion] = said.astype(np.uint16 if own.table == SIGNS else np.int32)
    if isinstance(own, Chances):
        for name, bound in zip((own.low, own.high), chances(own, cells), strict=True):
            to.columns[name] = bound.astype(np.int32)
    to.looked_up[own.cell.name] = signed_rows(inside)
    to.add_limbs(own.rest, own.shift, rest)


# Two classes ---------------------------------------------------------------------------------------------------------


def _flipped(own: TwoClasses, z: Integers, labels: npt.NDArray[np.int32]) -> tuple[Integers, Integers]:
    """F and R."""
    quotients = (z - 1) // own.whole
    return np.where(labels == 1, quotients, -quotients - 1), z - 1 - quotients * own.whole


def _of_two(own: Two, rows: Rows, z: Integers) -> Two:
    """With what is true. Raises ParameterError for scores that leave the table of losses."""
    live = own.live.mask()
    flipped, _ = _flipped(own, z, rows.labels)
    right = int((flipped[live] >= 0).sum())
    found = replace(own, right=right)
    if own.confusion:
        ones, predicted = rows.labels[live] == 1, z[live] > 0
        cells = (int((actual & of).sum()) for actual in (~ones, ones) for of in (~predicted, predicted))
        found = replace(found, confusion=tuple(cells))
    if own.loss is None or isinstance(own, MeanLoss):
        return found
    beyond = int((np.abs(flipped[live] * 2 + 1) > 2 * HALF).sum())
    if beyond:
        raise ParameterError(
            f"{beyond} of the rows have scores beyond {LARGEST_SCORE}, where the table of losses ends: evaluate "
            "without the log-loss"
        )
    totals = _losses(own, flipped[live])
    low, high = (bound.stated_of(total) for bound, total in zip(own.bounds, totals, strict=True))
    return replace(found, loss=(low, high))


def _bounds(own: TwoClasses) -> tuple[Integers, Integers]:
    """Its table of losses."""
    return probit_loss_bounds() if own.losses == PROBIT_LOSSES else loss_bounds()


def _losses(own: TwoClasses, flipped: Integers) -> tuple[int, int]:
    """Sums of the least and of the largest losses."""
    low, high = (int(table[flipped + HALF].sum()) for table in _bounds(own))
    return low, high


def _add_two(own: TwoClasses, rows: Rows, z: Integers, to: _Columns) -> None:
    flipped, rest = _flipped(own, z, rows.labels)
    live = own.live.mask()
    inside = np.clip(flipped, -HALF, HALF - 1)  # those that do not count may be beyond, where nothing is looked up
    to.columns |= {own.flipped: to_field(flipped) if (inside != flipped).any() else flipped.astype(np.int16)}
    to.columns[own.ok] = (flipped >= 0).astype(np.uint16)
    to.looked_up[own.flipped.name] = signed_rows(inside)
    for integer, cells in zip(own.row_rests, (rest, own.whole - 1 - rest), strict=False):
        to.add_limbs(integer, own.rest_bits, cells)
    if own.loss is None or isinstance(own, MeanLoss):
        return
    for column, table in zip(own.entries[1:], _bounds(own), strict=True):
        to.columns[column] = table[inside + HALF].astype(np.int32)
    for bound, total in zip(own.bounds, _losses(own, flipped[live]), strict=True):
        to.add_rest(bound, total)


def _with_mean_loss(own: MeanLoss, rows: Rows, said: Said) -> MeanLoss:
    """With what is true of it."""
    totals = stated_losses(own, class_sums(own, rows.labels, chances(own.scored, said[0])))
    low, high = (bound.stated_of(total) for bound, total in zip(own.bounds, totals, strict=True))
    return replace(own, loss=(low, high))


def _add_mean_loss(own: MeanLoss, rows: Rows, said: Said, to: _Columns) -> None:
    sums = class_sums(own, rows.labels, chances(own.scored, said[0]))
    to.add(cell_columns(zip(own.sums, sums, strict=True), own.scored.family.name))
    for bound, total in zip(own.bounds, stated_losses(own, sums), strict=True):
        to.add_rest(bound, total)


# Several classes -----------------------------------------------------------------------------------------------------


def _of_several(own: SeveralClasses, rows: Rows, z: Integers, said: Said) -> SeveralClasses:
    live, size = own.argmax.live.mask(), own.argmax.output.size
    predicted, labels = winners(z, own.argmax.gone)[live], rows.labels[live].astype(np.int64)
    loss = own.loss
    if isinstance(loss, NormalisedLoss):
        loss = true_loss(loss, z, rows.label_columns)
    elif loss is not None:
        sums = class_and_all(rows.label_columns, chances(loss.scored, said[0]))
        totals = stated_class_losses(loss, *sums)
        low, high = (bound.stated_of(total) for bound, total in zip(loss.bounds, totals, strict=True))
        loss = replace(loss, loss=(low, high))
    found = replace(own, right=int((predicted == labels).sum()), loss=loss)
    if not own.confusion:
        return found
    return replace(found, confusion=tuple(np.bincount(labels * size + predicted, minlength=size**2).tolist()))


def _add_several(own: SeveralClasses, rows: Rows, z: Integers, said: Said, to: _Columns) -> None:
    found = own.argmax
    predicted, gaps = gaps_of(z, found.gone)
    to.columns |= {found.predicted: predicted, found.scores: to_field(z)}
    to.add_limbs(found.gap, found.gap_bits, gaps)
    if isinstance(own.loss, NormalisedLoss):
        columns, looked_up = loss_columns(own.loss, z, rows.label_columns)
        to.columns |= columns
        to.looked_up |= looked_up
    elif own.loss is not None:
        _add_class_loss(own.loss, rows, said, to)


def _add_class_loss(own: MeanClassLoss, rows: Rows, said: Said, to: _Columns) -> None:
    bounds = chances(own.scored, said[0])
    to.columns |= {name: to_field(chance.sum(axis=1)) for name, chance in zip(own.said, bounds, strict=True)}
    of_class, of_all = class_and_all(rows.label_columns, bounds)
    pairs = zip((*own.of_class, *own.of_all), (*of_class, *of_all), strict=True)
    to.add(cell_columns(pairs, own.scored.family.name))
    for bound, total in zip(own.bounds, stated_class_losses(own, of_class, of_all), strict=True):
        to.add_rest(bound, total)


# Numbers -------------------------------------------------------------------------------------------------------------


def _rounded(own: Residuals, rows: Rows, z: Integers) -> tuple[Integers, Integers]:
    """t and R."""
    labels = rows.labels.astype(np.int64) * (own.models << own.label_shift)
    exact = z - labels + (own.models << (own.shift - 1))
    rounded = exact // (own.models << own.shift)
    return rounded, exact - rounded * (own.models << own.shift)


def _of_numbers(own: Residuals, rows: Rows, z: Integers) -> Residuals:
    """With what is true. Raises ParameterError for residuals that are too large."""
    residuals = _rounded(own, rows, z)[0][own.live.mask()]
    largest = 1 << (own.residual_bits - 1)
    beyond = int(((residuals < -largest) | (residuals >= largest)).sum())
    if beyond:
        raise ParameterError(f"predictions of {beyond} rows are too far from their labels to be stated")
    return replace(own, squares=own.bound.stated_of(int((residuals**2).sum())))


def _add_numbers(own: Residuals, rows: Rows, z: Integers, to: _Columns) -> None:
    rounded, rest = _rounded(own, rows, z)
    largest, live = 1 << (own.residual_bits - 1), own.live.mask()
    beyond = (rounded < -largest) | (rounded >= largest)  # of rows that do not count: the lowest limb takes it all
    to.add_signed(own.residual, np.where(beyond, 0, rounded))
    to.add_limbs(own.remainder, own.rest_bits, rest)
    if own.models > 1:
        to.add_limbs(own.lack, own.rest_bits, (own.models << own.shift) - 1 - rest)
    if beyond.any():
        lowest = own.residual.lowest
        cells = to_field(np.asarray(to.columns[lowest]).astype(np.int64) + np.where(beyond, rounded, 0))
        to.columns[lowest] = cells
    to.add_rest(own.bound, int((rounded[live] ** 2).sum()))


def _add_deviances(own: MeanCounts, rows: Rows, counts: Integers, to: _Columns) -> None:
    to.add(deviance_columns(own, rows.labels.astype(np.int64), counts))
    for end, total in zip(own.ends, stated_deviances(own, rows.labels, counts), strict=True):
        to.add_rest(end, total)


def _mean(own: Spread, labels: Integers) -> tuple[int, int, int]:
    """mu and B of the labels that count, and their squares from mu."""
    raised = labels << own.finer
    mean, rest = divmod(int(raised.sum()), own.live.count)
    return mean, rest, int(((raised - mean) ** 2).sum())


def _of_labels(own: Spread, rows: Rows) -> Spread:
    total = _mean(own, rows.labels[own.live.mask()].astype(np.int64))[2]
    return replace(own, stated=own.bound.stated_of(total))


def _add_labels(own: Spread, rows: Rows, to: _Columns) -> None:
    mean, rest, total = _mean(own, rows.labels[own.live.mask()].astype(np.int64))
    bits = own.limbs.bits
    to.add_signed(own.mean, np.array([mean]))
    for integer, value in ((MEAN_REST, rest), (MEAN_LACK, own.live.count - 1 - rest)):
        to.add_limbs(integer, bits[integer], np.array([value]))
    to.add_rest(own.bound, total)


# All of it -----------------------------------------------------------------------------------------------------------


def true_evaluation(relation: Evaluation, rows: Rows, models: Sequence[Integers]) -> Evaluation:
    """The relation with the numbers that are true, in the place of those that it has.

    Args:
        models: of each the integers, int64 (O, K).

    Raises:
        ParameterError: something cannot be stated of these rows.
    """
    judged = tuple(_true(own, rows, integers) for own, integers in zip(relation.models, models, strict=True))
    spread = None if relation.spread is None else _of_labels(relation.spread, rows)
    return replace(relation, models=judged, spread=spread)


def _true(own: Judged, rows: Rows, integers: Integers) -> Judged:
    z, said = _scores(own, rows, integers)
    if isinstance(own, MeanLoss):
        return _with_mean_loss(_of_two(own, rows, z[0]), rows, said)
    if isinstance(own, TwoClasses):
        return _of_two(own, rows, z[0])
    if isinstance(own, SeveralClasses):
        return _of_several(own, rows, z, said)
    if isinstance(own, ExpectedCounts):
        found = expected(own, z[0])
        return with_deviance(replace(own, squares=_of_numbers(own, rows, found.counts).squares), rows, found)
    numbers = _of_numbers(own, rows, z[0])
    if not isinstance(own, MeanCounts) or own.deviances is None:
        return numbers
    low, high = stated_deviances(own, rows.labels, z[0])
    least, most = own.ends
    return replace(own, squares=numbers.squares, deviances=(least.stated_of(low), most.stated_of(high)))


def evaluation_witness(relation: Evaluation, rows: Rows, models: Iterable[Integers]) -> Witness:
    """Columns of the witness, without those of data set and models.

    Args:
        models: of each the integers, int64 (O, K).
    """
    to = _Columns()
    for own, integers in zip(relation.models, models, strict=True):
        z, said = _scores(own, rows, integers)
        if isinstance(own, TwoClasses):
            _add_two(own, rows, z[0], to)
            if isinstance(own, MeanLoss):
                _add_mean_loss(own, rows, said, to)
        elif isinstance(own, SeveralClasses):
            _add_several(own, rows, z, said, to)
        elif isinstance(own, ExpectedCounts):
            found = expected(own, z[0])
            cells, looked_up = counted_columns(own, rows, found)
            to.columns |= cells
            to.looked_up |= looked_up
            _add_numbers(own, rows, found.counts, to)
        else:
            _add_numbers(own, rows, z[0], to)
            if isinstance(own, MeanCounts) and own.deviances is not None:
                _add_deviances(own, rows, z[0], to)
        _add_model(own.scored, integers, said, to)
    if relation.spread is not None:
        _add_labels(relation.spread, rows, to)
    return Witness({**to.columns, **multiplicities(relation.sections, to.looked_up)}, to.looked_up)
