"""Which learning rate, momentum and number of epochs bring gradient descent near the minimum: by trying, in float64.

The update is that of the heavy ball (B. T. Polyak, Some methods of speeding up the convergence of iteration methods,
1964),

    w_(t+1) = w_t - rate * f'(w_t) + m_t (w_t - w_(t-1)),    w_0 = w_(-1) = 0,

of which plain gradient descent is the case m = 0. All candidates take their steps together, as columns of one matrix;
the first that comes near enough, and stays there, is the one that takes the fewest epochs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from .momentum import increasing
from .optimum import Minimised, minimum

FloatArray = NDArray[np.float64]
Momentum = float | str

MULTIPLES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)  # of 1 / the largest curvature: rates to try
CONSTANTS = (0.0, 0.5, 0.8, 0.9)  # momenta to try beside it
NEAR = 5e-4  # near enough: the objective is at most that part of the minimum above it
SMALL = 1e-3  # of f at zero: below that, "a part of the minimum" would be a part of nothing
OVERSHOOT = 2.0  # times the minimum's own largest score: beyond, a candidate swings where the integers have no room
BEHIND, BEHIND_FROM = 30.0, 16  # so many times the least gap, from that epoch on, is hopeless
STAYING = 8  # an eighth as many epochs more have to stay near
FAR = -1
ROUNDING = 1e-9  # of sums in another order
DIGITS = 2  # of a rate: a text that is published tells no more of the data than it has to


@dataclass(frozen=True, kw_only=True, repr=False)  # what is told of the owner's rows stays out of logs
class Found:
    """What was found.

    Attributes:
        learning_rate, momentum, epochs: of the update; momentum is a number, or momentum.INCREASING.
        gap: how far the objective is above the minimum then, as a part of that.
        largest_score: of all rows and epochs, without sign.
    """

    learning_rate: float
    momentum: Momentum
    epochs: int
    gap: float
    largest_score: float


def momentum_at(momentum: Momentum, epoch: int) -> float:
    """m of an epoch, counted from 0; in the first there is nothing that it could multiply."""
    return float(increasing(epoch)) if isinstance(momentum, str) else momentum


def search(
    objective: Minimised,
    momenta: Sequence[Momentum],
    limit: int,
    *,
    multiples: Sequence[float] = MULTIPLES,
    fastest: float = math.inf,
    near: float = NEAR,
) -> Found:
    """The fewest epochs, up to `limit`, after which a candidate is near the minimum; else what is nearest then.

    Args:
        momenta: to try, each with every rate.
        limit: of epochs.
        multiples: of 1 / the largest curvature, rates to try; those above `fastest` become that.
        near: see NEAR.

    Raises:
        ParameterError: there is no minimum, or no rate that leads to it.
    """
    best, value = minimum(objective)
    curvature = objective.curvature(best)
    start = float(objective.values(np.zeros((len(best), 1)))[0])
    rates = sorted({_rounded(min(multiple / curvature, fastest)) for multiple in multiples})
    widest = OVERSHOOT * max(_largest_score(objective, best), 1.0)  # scores below 1 have room on every scale
    goal = _Goal(value, max(value, SMALL * start), start * (1 + ROUNDING), widest)
    race = _Race(objective, list(product(rates, momenta)), goal)
    for epoch in range(limit + 1):
        if _is_due(epoch, limit):
            race.look(epoch, near)
            winner = race.winner(epoch, last=epoch == limit)
            if winner is not None:
                return winner
        if epoch < limit:
            race.step(epoch)
    return race.nearest(limit)


def _is_due(epoch: int, limit: int) -> bool:
    """Objectives take as long as steps, so later ones are looked at three epochs in a hundred apart."""
    return epoch == limit or epoch % max(1, epoch // 32) == 0


def _rounded(rate: float) -> float:
    """The rate with two digits, rounded down."""
    unit = 10.0 ** (math.floor(math.log10(rate)) - DIGITS + 1)
    return float(f"{math.floor(rate / unit) * unit:.{DIGITS}g}")


def _largest_score(objective: Minimised, weights: FloatArray) -> float:
    return float(objective.gradients(weights[:, None])[1][0])


@dataclass(frozen=True, repr=False)
class _Goal:
    """Where candidates should go.

    Attributes:
        least: the minimum of the objective.
        whole: what gaps are parts of.
        start: the objective before any epoch: whoever is above it went wrong.
        widest: the largest score that a candidate may have on its way.
    """

    least: float
    whole: float
    start: float
    widest: float


class _Race:
    """Candidates on their way, pairs of rate and momentum; those that went wrong are out."""

    def __init__(self, objective: Minimised, candidates: list[tuple[float, Momentum]], goal: _Goal) -> None:
        self._objective, self._candidates, self._goal = objective, candidates, goal
        shape = (objective.width, len(candidates))
        self._weights, self._before = np.zeros(shape), np.zeros(shape)
        self._scores, self._gaps = np.zeros(len(candidates)), np.full(len(candidates), math.inf)
        self._since = np.full(len(candidates), FAR)  # the epoch in which it came near
        self._came = np.full(len(candidates), math.inf)  # its gap then

    def step(self, epoch: int) -> None:
        """One epoch of all candidates."""
        rates = np.array([rate for rate, _ in self._candidates])
        momenta = np.array([momentum_at(momentum, epoch) for _, momentum in self._candidates])
        with np.errstate(all="ignore"):  # of those that diverge, until they are out
            gradients, largest = self._objective.gradients(self._weights)
            moved = momenta * (self._weights - self._before) - rates * gradients
        np.maximum(self._scores, largest, out=self._scores)
        self._weights, self._before = self._weights + moved, self._weights

    def look(self, epoch: int, near: float) -> None:
        """Who went wrong, and who is near the minimum now. Raises ParameterError if all went wrong."""
        with np.errstate(all="ignore"):
            values = self._objective.values(self._weights)
        gaps, goal = (values - self._goal.least) / self._goal.whole, self._goal
        fit = (values <= goal.start) & (self._scores <= goal.widest)
        if epoch >= BEHIND_FROM and fit.any():
            fit &= gaps <= max(near, BEHIND * float(gaps[fit].min()))
        well = np.flatnonzero(fit)
        if not len(well):
            raise ParameterError("no learning rate of those tried makes the loss fall; scale the features")
        self._candidates = [self._candidates[i] for i in well]
        self._weights, self._before = self._weights[:, well], self._before[:, well]
        self._scores, self._since, self._came = self._scores[well], self._since[well], self._came[well]
        self._gaps = np.maximum(gaps[well], 0.0)
        is_near, was_near = self._gaps <= near, self._since != FAR
        self._came[is_near & ~was_near] = self._gaps[is_near & ~was_near]
        self._since[is_near & ~was_near] = epoch
        self._since[~is_near] = FAR

    def winner(self, epoch: int, *, last: bool) -> Found | None:
        """The candidate that came near first and has stayed there, in the last epoch for however short a time."""
        stayed = (self._since != FAR) & (last | (self._since + np.maximum(2, self._since // STAYING) <= epoch))
        if not stayed.any():
            return None
        i = min(np.flatnonzero(stayed).tolist(), key=lambda k: (self._since[k], self._came[k]))
        return self._found(i, int(self._since[i]), float(self._came[i]))

    def nearest(self, epoch: int) -> Found:
        """The candidate that is nearest to the minimum now."""
        i = int(np.argmin(self._gaps))
        return self._found(i, epoch, float(self._gaps[i]))

    def _found(self, i: int, epochs: int, gap: float) -> Found:
        rate, momentum = self._candidates[i]
        return Found(
            learning_rate=rate,
            momentum=momentum,
            epochs=max(1, epochs),
            gap=gap,
            largest_score=float(self._scores[i]),
        )
