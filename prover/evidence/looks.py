"""How good models are on rows, and whether they tell that they know them: together, and of shards each by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .answers import Answers, Looked
from .draws import Draws
from .membership import advantage_at, attack, rates
from .results import Membership, Shards, Utility
from .setting import Setting
from .trainers import ShardTrainer, shared

FloatArray = NDArray[np.float64]
CURVE_POINTS = 200


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Looks:
    """The rows that models are asked about: those that were forgotten, of a hold-out, and remaining ones."""

    forgotten: Looked
    holdout: Looked
    live: Looked

    def utility(self, models: Mapping[str, Answers]) -> tuple[Utility, ...]:
        """How good models are, by their names."""
        return tuple(
            Utility(name, self.live.fit(own), self.holdout.fit(own), float(self.forgotten.losses(own).mean()))
            for name, own in models.items()
        )

    def membership(
        self, models: Mapping[str, Answers], references: Sequence[Answers], draws: Callable[[str], Draws]
    ) -> tuple[Membership, ...]:
        """Whether models, by their names, tell the forgotten rows from strangers.

        Args:
            references: retrainings that saw neither.
            draws: a stream for each sign.
        """
        found, sides = [], (self.forgotten, self.holdout)
        usual = [np.mean([each.losses(own) for own in references], axis=0) for each in sides]
        for name, own in models.items():
            raw = [each.losses(own) for each in sides]
            mean = float(self.live.losses(own).mean())
            beside = [one - mine for one, mine in zip(raw, usual, strict=True)]
            for sign, (members, others) in (("loss", raw), ("calibrated", beside)):
                at_mean = advantage_at(members, others, mean) if sign == "loss" else None
                curve = _thinned(*rates(members, others))
                found.append(Membership(name, sign, attack(members, others, draws(sign)), at_mean, curve))
        return tuple(found)


def _thinned(wrong: FloatArray, right: FloatArray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    places = np.unique(np.linspace(0, len(wrong) - 1, min(CURVE_POINTS, len(wrong))).astype(np.int64))
    return tuple(wrong[places].tolist()), tuple(right[places].tolist())


def shards(setting: Setting, references: Sequence[Answers], draws: Callable[[str], Draws]) -> Shards | None:
    """What the models of shards tell, each of the rows that it was trained on by itself; None of one model alone.

    A forgotten row is asked of the model of its own shard. A stranger is of none: each is asked of one of these models,
    as often of each as forgotten rows are.
    """
    trainer, before, after = setting.after.trainer, setting.before.model, setting.after.model
    if not isinstance(trainer, ShardTrainer):
        return None
    own, touched = draws("rows of shards"), setting.touched

    def looked(positions: NDArray[np.int64]) -> Looked:
        mine = setting.some(positions[np.isin(trainer.part_of(positions), touched)], own)
        return Looked(setting.sample(mine), trainer.part_of(mine))

    forgotten, live = looked(setting.forgotten), looked(np.flatnonzero(setting.after.live))
    numbers = trainer.part_of(setting.forgotten)
    numbers = numbers[np.isin(numbers, touched)]
    strangers = Looked(setting.holdout, numbers[own.numbers(len(numbers), len(setting.holdout))])
    looks, models = Looks(forgotten, strangers, live), {"before": before, "after": after}
    both = shared(before.parts, after.parts)
    return Shards(
        count=len(after.parts),
        rows=trainer.method.shard_rows,
        touched=len(touched),
        kept=sum(np.array_equal(before.parts[number], after.parts[number]) for number in both),
        aggregate=trainer.aggregate,
        utility=looks.utility(models),
        membership=looks.membership(models, references, lambda sign: draws(f"{sign} of shards")),
    )
