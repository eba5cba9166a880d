"""What is compared: two models of one data set, who was forgotten between them, who is a stranger to both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...circuits.statements.training import TrainingStatement
from ...errors import DataError, ParameterError, require_type
from ...models.checks import real
from ...models.families import Family
from ...models.methods import Sisa
from ...models.methods.schedule import Schedule
from ...models.methods.sisa import Stages
from ..owner.dataset import DATASETS, Dataset
from ..owner.model import Model
from ..owner.sharded_model import ShardedModel, load_sharded
from ..witnesses.rows import Rows
from .answers import Answers
from .draws import Draws
from .trainers import Mask, Trainer, shared, trainer_of
from .utility import Sample

Compared = Model | ShardedModel
Steps = Callable[[str, int, int], None]  # what is done, how many of it are, of how many
LEAST_HOLDOUT = 20
MOST_ROWS, MOST_CELLS = 20_000, 1 << 24  # of each sort that are looked at
MODELS = "of what `prove` returns it is `.secret`, of shards `.model`; `Model.load` reads a file"
NO_HOLDOUT = (
    "holdout: the specs hold no rows out, so there is nobody whom both models do not know; give a data set that was "
    "never part of this one, or set a part of the rows aside, without which stand-ins of both models are trained"
)
BOTH = "holdout and set_aside: a hold-out is there, so that nothing has to be set aside; say one of them"
PARTLY = (
    "holds the models of some stages of shards; give all of them: a bundle with its secrets, or `.model` of `prove`"
)
OTHER_SHARDS = "one is of shards and the other is not, or is cut otherwise: rows bear on other models"
NO_SHARD = "all rows that count of the shards in which somebody was forgotten are gone: no model is there to compare"
BUNDLE_SUFFIX = ".bundle"
OTHER_ROWS = "was trained on other rows than these; give the data set that the later model was trained on"
DESTROYED = "rows that the model before was trained on are destroyed; give the data set from before they were"
SAME = "no row that counts for the model before is missing in the one after: nothing was forgotten between them"
OTHER_SORT = "the models before and after are of different families, or one of them has no intercept"
STRANGERS = "holdout: has other columns, bounds or classes than the data set of the models"


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Side:
    """A model, before or after.

    Attributes:
        statement: of its training.
        live: (N,), the rows that it was trained on.
        trainer: how it was.
        integers: `Model.integers`, of models of shards `ShardedModel.integers`.
        model: the same in real numbers.
    """

    statement: TrainingStatement
    live: Mask
    trainer: Trainer
    integers: NDArray[np.int64]
    model: Answers

    @classmethod
    def of(cls, model: Compared, rows: Rows, outputs: list[int]) -> Side:
        """That of a model on the first rows of a data set."""
        statement, count = model.stated, model.stated.dataset.rows
        own = rows if count == len(rows.ids) else rows.part(0, count)
        trainer = trainer_of(own, model.spec, model.encoding.shape(count), outputs)
        live = statement.schedule.live.mask()
        parts = trainer.parts_of(live, model.integers)
        return cls(statement, live, trainer, model.integers, Answers(model.spec.family, trainer.aggregate, parts))

    def without(self, gone: Mask) -> Side:
        """A stand-in, trained by the same algorithm without some more rows. Raises ParameterError or TrainingError."""
        live = self.live & ~gone[: len(self.live)]
        integers = self.trainer.integers(live)
        model = replace(self.model, parts=self.trainer.parts_of(live, integers))
        return replace(self, live=live, integers=integers, model=model)


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Setting:
    """All that measurements are of.

    Attributes:
        rows: of the data set, N.
        before, after: the models; stand-ins of both where rows are set aside.
        forgotten: positions of rows that the model before was trained on, and the one after was not.
        added: how many it is the other way round.
        holdout: rows that neither was trained on.
        source: where they are from: "spec", "data set" or "set aside".
        own_after: the model after, whether or not a stand-in takes its place.
    """

    rows: Rows
    before: Side
    after: Side
    forgotten: NDArray[np.int64]
    added: int
    holdout: Sample
    source: str
    own_after: Side

    @property
    def family(self) -> Family:
        """Of both models."""
        return self.after.trainer.spec.family

    def sample(self, positions: NDArray[np.int64]) -> Sample:
        """Rows of the data set in real numbers."""
        return sample_of(self.rows, positions, self.after)

    def some(self, positions: NDArray[np.int64], draws: Draws) -> NDArray[np.int64]:
        """As many of these as are looked at: all, unless there are very many."""
        return _some(positions, self.after, draws)

    @cached_property
    def touched(self) -> list[int]:
        """Numbers of the models that forgotten rows bear on, and that are there before and after."""
        bears = {*self.before.trainer.part_of(self.forgotten).tolist()}
        return [number for number in shared(self.before.model.parts, self.after.model.parts) if number in bears]

    @cached_property
    def used(self) -> list[int]:
        """Numbers of the features that both models may have a weight of."""
        gone = {*self.before.statement.schedule.unused, *self.after.statement.schedule.unused}
        return [k for k in range(len(self.rows.by_feature)) if k not in gone]


def sample_of(rows: Rows, positions: NDArray[np.int64], side: Side) -> Sample:
    """Rows at some positions, as a model of this side sees them."""
    statement, schedule = side.statement, side.statement.schedule
    encoding, outputs = statement.dataset.encoding, side.trainer.outputs
    X = np.ones((len(positions), schedule.width))
    X[:, : schedule.features] = rows.by_feature[:, positions].T / 2.0**encoding.x_bits
    labels = rows.labels[positions].astype(np.int64)
    if encoding.label.kind == "categorical":
        y = np.asarray(labels[:, None] == outputs, dtype=np.float64)
    else:
        y = labels[:, None] / 2.0**encoding.label.label_bits
    own = schedule.stages[-1] if isinstance(schedule, Stages) else schedule
    counted = own.row_weights(labels) if isinstance(own, Schedule) and own.weighted else np.ones(len(labels))
    return Sample(X, y, np.asarray(counted, dtype=np.float64))


def setting_of(
    dataset: Dataset,
    before: Compared | Path | str,
    after: Compared | Path | str,
    holdout: Dataset | None,
    set_aside: float | None,
    draws: Draws,
) -> Setting:
    """Find out who was forgotten, and who is a stranger. Arguments and errors are those of `evidence`."""
    require_type("dataset", dataset, Dataset, DATASETS)
    old, new = _loaded("before", before), _loaded("after", after)
    rows, holes = dataset.rows, np.array(dataset.rows.holes, dtype=np.int64)
    for name, model in (("before", old), ("after", new)):
        whole = model.stated.dataset.rows == len(rows.ids)
        if not rows.goes_on_from(model.stated.dataset) or (model is new and not whole):
            raise ParameterError(f"{name}: {OTHER_ROWS}")
    if old.spec.family != new.spec.family or old.spec.method.bias != new.spec.method.bias:
        raise ParameterError(f"before, after: {OTHER_SORT}")
    if _shard_rows(old) != _shard_rows(new):
        raise ParameterError(f"before, after: {OTHER_SHARDS}")
    outputs = new.kept_classes if new.integers.shape[-2] > 1 else [0]
    sides = Side.of(old, rows, outputs), Side.of(new, rows, outputs)
    live = np.zeros(len(rows.ids), dtype=np.bool_)
    live[: len(sides[0].live)] = sides[0].live
    if live[holes].any():
        raise DataError(f"dataset: {DESTROYED}")
    forgotten, added = np.flatnonzero(live & ~sides[1].live), int((sides[1].live & ~live).sum())
    if not len(forgotten):
        raise ParameterError(f"before, after: {SAME}")
    both = Setting(rows, *sides, forgotten, added, _nobody(sides[1]), "spec", sides[1])
    if not both.touched:
        raise ParameterError(f"before, after: {NO_SHARD}")
    return _with_strangers(both, dataset, holdout, set_aside, draws)


def _with_strangers(
    both: Setting, dataset: Dataset, holdout: Dataset | None, set_aside: float | None, draws: Draws
) -> Setting:
    """The same with a hold-out. Raises ParameterError or DataError."""
    after, rows = both.after, both.rows
    if holdout is not None and set_aside is not None:
        raise ParameterError(BOTH)
    if holdout is not None:
        require_type("holdout", holdout, Dataset, DATASETS)
        return replace(both, holdout=_of_data_set(holdout, dataset, after, draws), source="data set")
    if set_aside is not None:
        share = real("set_aside", set_aside)
        if not 0 < share <= 0.5:
            raise ParameterError(f"set_aside = {share}: must be above 0, and at most 0.5")
        common = after.live.copy()
        common[: len(both.before.live)] &= both.before.live
        common[len(both.before.live) :] = False
        places = np.flatnonzero(common)
        chosen = places[draws.chosen(len(places), round(share * len(places)))]
        gone = np.zeros(len(after.live), dtype=np.bool_)
        gone[chosen] = True
        sides = both.before.without(gone), after.without(gone)
        return replace(
            both,
            before=sides[0],
            after=sides[1],
            holdout=_enough(both.sample(both.some(chosen, draws))),
            source="set aside",
        )
    held_out = min(each.trainer.spec.holdout for each in (both.before, after))
    if not held_out:
        raise ParameterError(NO_HOLDOUT)
    mine = np.ones(len(after.live), dtype=np.bool_)
    mine[held_out:] = False
    for side in (both.before, after):
        mine[list(side.statement.positions)] = False
    mine &= _of_kept_classes(rows, after)
    return replace(both, holdout=_enough(both.sample(both.some(np.flatnonzero(mine), draws))), source="spec")


def _of_data_set(holdout: Dataset, dataset: Dataset, after: Side, draws: Draws) -> Sample:
    """All rows of another data set. Raises ParameterError."""
    mine, theirs = dataset.statement, holdout.statement
    if mine.record_root == theirs.record_root or holdout.rows.goes_on_from(mine) or dataset.rows.goes_on_from(theirs):
        raise ParameterError("holdout: is the data set of the models, or has rows of it")
    if (mine.encoding.features, mine.encoding.label) != (theirs.encoding.features, theirs.encoding.label) or (
        mine.encoding.x_bits != theirs.encoding.x_bits
    ):
        raise ParameterError(STRANGERS)
    there = _of_kept_classes(holdout.rows, after)
    there[[*holdout.rows.holes, *holdout.superseded]] = False
    return _enough(sample_of(holdout.rows, _some(np.flatnonzero(there), after, draws), after))


def _of_kept_classes(rows: Rows, side: Side) -> Mask:
    """Rows whose class was not forgotten, (N,): a model cannot get others right."""
    if side.statement.dataset.encoding.label.kind != "categorical":
        return np.ones(len(rows.ids), dtype=np.bool_)
    return np.isin(rows.labels, side.trainer.outputs)


def _some(positions: NDArray[np.int64], side: Side, draws: Draws) -> NDArray[np.int64]:
    cells = len(side.model.parts) * side.statement.schedule.width
    most = max(LEAST_HOLDOUT, min(MOST_ROWS, MOST_CELLS // cells))
    return positions if len(positions) <= most else positions[draws.chosen(len(positions), most)]


def _enough(sample: Sample) -> Sample:
    if len(sample) < LEAST_HOLDOUT:
        raise ParameterError(f"holdout: {len(sample)} rows say next to nothing; at least {LEAST_HOLDOUT} are needed")
    return sample


def _nobody(side: Side) -> Sample:
    """No rows: strangers are found last."""
    return sample_of(side.trainer.rows, np.empty(0, dtype=np.int64), side)


def _shard_rows(model: Compared) -> int | None:
    """Rows of a shard; None of one model alone."""
    method = model.spec.method
    return method.shard_rows if isinstance(method, Sisa) else None


def _loaded(name: str, model: Compared | Path | str) -> Compared:
    """Raises ParameterError for something else, or some models of a bundle; DataError or FormatError for its file."""
    require_type(name, model, (Model, ShardedModel, str, PathLike), MODELS)
    if isinstance(model, Model | ShardedModel):
        own = model
    else:
        own = load_sharded(model) if Path(model).suffix == BUNDLE_SUFFIX else Model.load(model)
    if isinstance(own, Model) and isinstance(own.spec.method, Sisa):
        raise ParameterError(f"{name}: {PARTLY}")
    return own
