"""All measurements on two models, in one run that a seed repeats to the last digit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from ...models.convergence import SCORES
from ..kernels import run_blas_tasks
from .answers import Answers, Looked
from .distance import distance, share_at_least, sign_test
from .draws import Draws
from .floats import float_model
from .guessing import Drawn, reconstruction
from .looks import Looks, shards
from .membership import advantage_bound, uncertainty
from .results import About, Distances, Measured
from .setting import Setting, Side, Steps
from .three_samples import MOST_ROWS, Nearer, nearer
from .trainers import Integers, Mask
from .utility import prediction_change

BATCHES = (1, 2, 5, 20)  # of rows that are forgotten together
TENTH = 10  # one of so many rows is left out of a retraining, so that it differs from others
TOO_FEW = "retrainings: most of them came to nothing, so there is nothing to measure distances by"


@dataclass(frozen=True, repr=False)
class Asked:
    """What is to be run.

    Attributes:
        seed: of all draws.
        retrainings: of each sort.
        mu: as a noisy method declares it, or None.
        steps: is told of each training.
    """

    seed: int
    retrainings: int
    mu: float | None
    steps: Steps

    def draws(self, purpose: str) -> Draws:
        """A stream of its own."""
        return Draws(self.seed, purpose)


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Runs:
    """All trainings.

    Attributes:
        references: retrained without the forgotten rows and a tenth of the others; of shards those that lost rows.
        others: retrainings of the model before, without as many other rows.
        pairs: positions of rows that were drawn to be forgotten together, and what is trained without them, by size.
        failed: how many came to nothing.
    """

    references: list[Answers]
    others: list[Answers]
    pairs: dict[int, Drawn]
    failed: int


def measure(setting: Setting, asked: Asked) -> Measured:
    """Everything. Raises ParameterError where retrainings come to nothing."""
    runs = _run(setting, asked)
    asked.steps("measure", 0, 1)
    (found,) = run_blas_tasks([lambda: _measured(setting, asked, runs)])  # small products, and the same sums anywhere
    asked.steps("measure", 1, 1)
    return found


# Trainings -----------------------------------------------------------------------------------------------------------


def _run(setting: Setting, asked: Asked) -> Runs:
    after, before, count = setting.after, setting.before, asked.retrainings
    live = np.flatnonzero(before.live)
    sizes = [size for size in BATCHES if size <= len(live) // 4]
    total, done, failed = count * (2 + len(sizes)), 0, 0

    def trained(side: Side, gone: NDArray[np.int64], numbers: list[int]) -> Answers | None:
        nonlocal done, failed
        asked.steps("retrain", done, total)
        parts = side.trainer.tried(_less(side.live, gone), numbers)
        nothing = parts is None or parts.keys() != {*numbers}
        done, failed = done + 1, failed + nothing
        return None if parts is None or nothing else side.model.with_parts(parts)

    def drawn(side: Side, places: NDArray[np.int64], size: int, purpose: str, numbers: Sequence[int] = ()) -> Drawn:
        draws, part_of = asked.draws(purpose), side.trainer.part_of
        tried = [places[draws.chosen(len(places), size)] for _ in range(count)]
        found = [(gone, trained(side, gone, list(numbers) or np.unique(part_of(gone)).tolist())) for gone in tried]
        return [(gone, model) for gone, model in found if model is not None]

    mine = np.flatnonzero(after.live)
    mine = mine[np.isin(after.trainer.part_of(mine), setting.touched)]
    references = drawn(after, mine, max(1, len(mine) // TENTH), "references", setting.touched)
    others = drawn(before, live, min(len(setting.forgotten), len(live) // 2), "others")
    pairs = {size: drawn(before, live, size, f"batches of {size}") for size in sizes}
    asked.steps("retrain", total, total)
    if 2 * min(len(references), len(others)) < count:
        raise ParameterError(TOO_FEW)
    return Runs([model for _, model in references], [model for _, model in others], pairs, failed)


def _less(live: Mask, gone: NDArray[np.int64]) -> Mask:
    found = live.copy()
    found[gone] = False
    return found


# Measurements --------------------------------------------------------------------------------------------------------


def _measured(setting: Setting, asked: Asked, runs: Runs) -> Measured:
    draws = asked.draws("rows that are looked at")
    forgotten = Looked(setting.sample(setting.some(setting.forgotten, draws)))
    live = Looked(setting.sample(setting.some(np.flatnonzero(setting.after.live), draws)))
    looks, in_floats = Looks(forgotten, Looked(setting.holdout), live), float_model(setting.after)
    models = {"before": setting.before.model, "after": setting.after.model}
    judged = models if in_floats is None else {**models, "float64": in_floats}
    mine = np.isin(setting.before.trainer.part_of(setting.forgotten), setting.touched)
    own = [(setting.forgotten[mine], setting.after.model)]
    return Measured(
        about=_about(setting, asked, runs),
        utility=looks.utility(judged),
        membership=looks.membership(models, runs.references, asked.draws),
        uncertainty=uncertainty(len(forgotten.sample), len(setting.holdout)),
        bound=None if asked.mu is None else advantage_bound(asked.mu),
        distances=_distances(setting, asked, runs, looks, in_floats),
        own=reconstruction(setting, asked.draws("own batch"), live.sample, own),
        batches=tuple(
            reconstruction(setting, asked.draws(f"guesses of {size}"), live.sample, pairs)
            for size, pairs in runs.pairs.items()
            if pairs
        ),
        shards=shards(setting, runs.references, asked.draws),
    )


def _about(setting: Setting, asked: Asked, runs: Runs) -> About:
    before, after = setting.before.statement, setting.after.statement
    encoding = after.dataset.encoding
    return About(
        dataset=after.dataset.digest.hex(),
        before=before.digest.hex(),
        after=after.digest.hex(),
        family=after.spec.family.title,
        score=SCORES[after.spec.family.predicts],
        algorithm=after.spec.method.describe(),
        differences=tuple(after.spec.differences(before.spec)),
        features=encoding.names,
        label=None if encoding.label.column is None else encoding.label.column.name,
        rows=len(setting.rows.ids),
        live_before=int(setting.before.live.sum()),
        live_after=int(setting.after.live.sum()),
        added=setting.added,
        forgotten=len(setting.forgotten),
        holdout=len(setting.holdout),
        source=setting.source,
        supersedes=after.previous == before.digest,
        seed=asked.seed,
        retrainings=asked.retrainings,
        mu=asked.mu,
        failed=runs.failed,
    )


def _distances(setting: Setting, asked: Asked, runs: Runs, looks: Looks, in_floats: Answers | None) -> Distances:
    before, after, own = setting.before.model, setting.after.model, setting.own_after
    again = own.trainer.again(own.live)

    def between(one: Answers, other: Answers, numbers: Sequence[int] = setting.touched) -> float:
        return distance(one.weights(numbers), other.weights(numbers))

    to_after, to_before = (tuple(between(one, each) for each in runs.references) for one in (after, before))
    nearer_count, differ, p = sign_test(to_after, to_before)
    every = sorted(before.parts)
    others, moved = tuple(between(before, each, every) for each in runs.others), between(before, after)
    holdout = looks.holdout
    mean_change, largest_change = prediction_change(setting.family, holdout.scores(before), holdout.scores(after))
    samples = {"forgotten": looks.forgotten, "hold-out": holdout}
    return Distances(
        moved=moved,
        retrained=None if again is None else _apart(own, again),
        equal=again is not None and np.array_equal(again, own.integers),
        float64=None if in_floats is None else between(after, in_floats),
        to_after=to_after,
        to_before=to_before,
        nearer=nearer_count,
        differ=differ,
        p=p,
        others=others,
        rarity=share_at_least(others, moved),
        mean_change=mean_change,
        largest_change=largest_change,
        tests={name: _tested(setting, asked.draws(f"triples of {name}"), runs, own) for name, own in samples.items()},
    )


def _apart(side: Side, again: Integers) -> float:
    """From all of its models to the same ones, trained again."""
    numbers, found = sorted(side.model.parts), replace(side.model, parts=side.trainer.parts_of(side.live, again))
    return distance(side.model.weights(numbers), found.weights(numbers))


def _tested(setting: Setting, draws: Draws, runs: Runs, looked: Looked) -> Nearer | None:
    """The relative test on predictions for these rows; of each a retraining is drawn that is asked about it."""
    own = looked.sample.some(draws.chosen(len(looked.sample), MOST_ROWS))
    asked = draws.numbers(len(runs.references), len(own))
    scores = np.empty_like(own.y)
    for number, model in enumerate(runs.references):
        scores[asked == number] = model.scores(own.X[asked == number])
    link = setting.family.inverse_link
    return nearer(link(scores), *(link(side.model.scores(own.X)) for side in (setting.after, setting.before)))
