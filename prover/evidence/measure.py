"""All measurements on two models, in one run that a seed repeats to the last digit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from ...models.convergence import SCORES
from ..kernels import run_blas_tasks
from .distance import distance, distances, share_at_least, sign_test
from .draws import Draws
from .floats import float_weights
from .membership import advantage_at, advantage_bound, attack, rates, uncertainty
from .reconstruction import Known, Yardstick, likeness, reconstruct
from .results import About, Distances, Guesses, Measured, Membership, Reconstruction, Utility
from .setting import Mask, Setting, Side, Steps
from .three_samples import MOST_ROWS, Nearer, nearer
from .utility import Sample, fit, losses, prediction_change

FloatArray = NDArray[np.float64]
Told = list[tuple[float, float]]  # of guesses: cosines, and parts of features
BATCHES = (1, 2, 5, 20)  # of rows that are forgotten together
TENTH = 10  # one of so many rows is left out of a retraining, so that it differs from others
CURVE_POINTS = 200
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
        references: weights of retrainings without the forgotten rows and a tenth of the others.
        others: weights of retrainings of the model before, without as many other rows.
        pairs: positions of rows that were drawn to be forgotten together, and weights without them, by batch size.
        failed: how many came to nothing.
    """

    references: list[FloatArray]
    others: list[FloatArray]
    pairs: dict[int, list[tuple[NDArray[np.int64], FloatArray]]]
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

    def trained(side: Side, gone: NDArray[np.int64]) -> FloatArray | None:
        nonlocal done, failed
        asked.steps("retrain", done, total)
        integers = side.trainer.tried(_less(side.live, gone))
        done, failed = done + 1, failed + (integers is None)
        return None if integers is None else side.trainer.reals(integers)

    def drawn(side: Side, size: int, purpose: str) -> list[tuple[NDArray[np.int64], FloatArray]]:
        draws, places = asked.draws(purpose), np.flatnonzero(side.live)
        tried = [places[draws.chosen(len(places), size)] for _ in range(count)]
        found = [(gone, trained(side, gone)) for gone in tried]
        return [(gone, weights) for gone, weights in found if weights is not None]

    references = drawn(after, max(1, int(after.live.sum()) // TENTH), "references")
    others = drawn(before, min(len(setting.forgotten), len(live) // 2), "others")
    pairs = {size: drawn(before, size, f"batches of {size}") for size in sizes}
    asked.steps("retrain", total, total)
    if 2 * min(len(references), len(others)) < count:
        raise ParameterError(TOO_FEW)
    return Runs([weights for _, weights in references], [weights for _, weights in others], pairs, failed)


def _less(live: Mask, gone: NDArray[np.int64]) -> Mask:
    found = live.copy()
    found[gone] = False
    return found


# Measurements --------------------------------------------------------------------------------------------------------


def _measured(setting: Setting, asked: Asked, runs: Runs) -> Measured:
    draws = asked.draws("rows that are looked at")
    forgotten = setting.sample(setting.some(setting.forgotten, draws))
    live = setting.sample(setting.some(np.flatnonzero(setting.after.live), draws))
    in_floats = float_weights(setting.after)
    models = {"before": setting.before.weights, "after": setting.after.weights}
    judged = models if in_floats is None else {**models, "float64": in_floats}
    family = setting.family
    own = [(setting.forgotten, setting.after.weights)]
    return Measured(
        about=_about(setting, asked, runs),
        utility=tuple(
            Utility(
                name,
                fit(family, live, weights),
                fit(family, setting.holdout, weights),
                float(losses(family, forgotten, weights).mean()),
            )
            for name, weights in judged.items()
        ),
        membership=_membership(setting, asked, runs, forgotten, live),
        uncertainty=uncertainty(len(forgotten), len(setting.holdout)),
        bound=None if asked.mu is None else advantage_bound(asked.mu),
        distances=_distances(setting, asked, runs, forgotten, in_floats),
        own=_reconstruction(setting, asked.draws("own batch"), live, own),
        batches=tuple(
            _reconstruction(setting, asked.draws(f"guesses of {size}"), live, pairs)
            for size, pairs in runs.pairs.items()
            if pairs
        ),
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


def _membership(setting: Setting, asked: Asked, runs: Runs, forgotten: Sample, live: Sample) -> tuple[Membership, ...]:
    family, found = setting.family, []
    usual = [
        np.mean([losses(family, each, w) for w in runs.references], axis=0) for each in (forgotten, setting.holdout)
    ]
    for name, side in (("before", setting.before), ("after", setting.after)):
        raw = [losses(family, each, side.weights) for each in (forgotten, setting.holdout)]
        mean = float(losses(family, live, side.weights).mean())
        for sign, values in (("loss", raw), ("calibrated", [own - mine for own, mine in zip(raw, usual, strict=True)])):
            members, others = values
            at_mean = advantage_at(members, others, mean) if sign == "loss" else None
            curve = _thinned(*rates(members, others))
            found.append(Membership(name, sign, attack(members, others, asked.draws(sign)), at_mean, curve))
    return tuple(found)


def _thinned(wrong: FloatArray, right: FloatArray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    places = np.unique(np.linspace(0, len(wrong) - 1, min(CURVE_POINTS, len(wrong))).astype(np.int64))
    return tuple(wrong[places].tolist()), tuple(right[places].tolist())


def _distances(
    setting: Setting, asked: Asked, runs: Runs, forgotten: Sample, in_floats: FloatArray | None
) -> Distances:
    before, after, own = setting.before.weights, setting.after.weights, setting.own_after
    again = own.trainer.tried(own.live)
    to_after, to_before = distances(after, runs.references), distances(before, runs.references)
    nearer_count, differ, p = sign_test(to_after, to_before)
    others, moved = distances(before, runs.others), distance(before, after)
    mean_change, largest_change = prediction_change(setting.family, setting.holdout, before, after)
    samples = {"forgotten": forgotten, "hold-out": setting.holdout}
    return Distances(
        moved=moved,
        retrained=None if again is None else distance(own.weights, own.trainer.reals(again)),
        equal=again is not None and np.array_equal(again, own.integers),
        float64=None if in_floats is None else distance(after, in_floats),
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


def _tested(setting: Setting, draws: Draws, runs: Runs, sample: Sample) -> Nearer | None:
    """The relative test on predictions for these rows; of each a retraining is drawn that is asked about it."""
    own = sample.some(draws.chosen(len(sample), MOST_ROWS))
    asked = draws.numbers(len(runs.references), len(own))
    scores = np.empty_like(own.y)
    for number, weights in enumerate(runs.references):
        scores[asked == number] = own.X[asked == number] @ weights.T
    link = setting.family.inverse_link
    return nearer(link(scores), *(link(own.X @ side.weights.T) for side in (setting.after, setting.before)))


def _reconstruction(
    setting: Setting, draws: Draws, live: Sample, pairs: list[tuple[NDArray[np.int64], FloatArray]]
) -> Reconstruction:
    """The attack on each of some pairs of models: the one before, and one without these rows."""
    places, used = np.flatnonzero(setting.before.live), setting.used
    yardstick = Yardstick.of(setting.holdout.X[:, used])
    told: tuple[Told, Told, Told] = ([], [], [])
    strangers, insiders, chances = told
    for gone, weights in pairs:
        mine = setting.sample(setting.some(gone, draws)).X[:, used]
        others = setting.sample(places[draws.chosen(len(places), len(mine))]).X[:, used]
        for sample, found in ((setting.holdout, strangers), (live, insiders)):
            guess = reconstruct(_known(setting, sample, len(gone)), setting.before.weights, weights)[used]
            found.append(likeness(guess, mine, yardstick))
            chances.append(likeness(guess, others, yardstick))
    stranger, insider, chance = (_guesses(each) for each in told)
    first, second, third = (tuple(cosine for cosine, _ in each) for each in told)
    return Reconstruction(len(pairs[0][0]), len(pairs), stranger, insider, chance, (first, second, third))


def _guesses(told: Told) -> Guesses:
    """Of cosines and parts of features."""
    median, tenth = np.quantile(np.array(told), (0.5, 0.9), axis=0, method="higher").tolist()
    return Guesses(median[0], tenth[0], median[1], tenth[1])


def _known(setting: Setting, sample: Sample, forgotten: int) -> Known:
    """What one has who knows these rows, of a removal of so many from the model before."""
    method, bias = setting.before.trainer.spec.method, setting.before.trainer.spec.method.bias
    penalties = np.full(sample.X.shape[1], method.l2)
    if method.standardize:
        penalties *= sample.X.var(axis=0)
    elif bias and not method.penalize_intercept:
        penalties[-1] = 0.0
    remaining = int(setting.before.live.sum()) - forgotten
    return Known(setting.family, sample.X, sample.counted, penalties, bias, remaining, forgotten)
