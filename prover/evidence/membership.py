"""Membership inference: can a model's loss on a row tell whether the row was trained on?

Members are the forgotten rows, non-members those of a hold-out. Whoever knows a row and its label takes it for a member
where the loss is at most some threshold: Yeom, Giacomelli, Fredrikson and Jha, *Privacy Risk in Machine Learning* (CSF
2018), section 3; the advantage is the rate of members found less that of others taken for members. Losses less the mean
of models that never saw the row (Shokri, Stronati, Song and Shmatikov, *Membership Inference Attacks Against Machine
Learning Models*, S&P 2017, call them shadow models) are a sharper sign: some rows are hard for every model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from .draws import Draws

FloatArray = NDArray[np.float64]
REPETITIONS = 1000  # of draws for intervals, and of exchanged labels for what chance does
LEVEL = 0.95
MOST_ROWS = 2000  # of each sort that are looked at


@dataclass(frozen=True, repr=False)  # what is told of rows stays out of logs
class Attack:
    """How well one sign tells members.

    Attributes:
        auc: probability that a member has a smaller sign than a non-member, ties counted half: 0.5 is guessing.
        auc_low, auc_high: 95 % bootstrap interval, members and non-members drawn again apart.
        advantage: the largest over all thresholds, chosen with hindsight: never below 0.
        chance: what 95 of 100 attacks stay below where members and non-members are alike.
        p: the part of attacks that do as well where they are alike.
    """

    auc: float
    auc_low: float
    auc_high: float
    advantage: float
    chance: float
    p: float


def attack(members: FloatArray, others: FloatArray, draws: Draws) -> Attack:
    """Tell members by small values.

    Args:
        members, others: float64 (m,) and (h,), both at least one; of more than MOST_ROWS some are drawn.
    """
    members, others = _some(members, draws), _some(others, draws)
    m, h = len(members), len(others)
    below = (members[:, None] < others).astype(np.float64) + (members[:, None] == others) / 2
    drawn = np.sort(((draws.counts(m, REPETITIONS) @ below) * draws.counts(h, REPETITIONS)).sum(axis=1)) / (m * h)
    tail = round(REPETITIONS * (1 - LEVEL) / 2)
    values = np.concatenate([members, others])
    order = np.argsort(values, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(values[order])), m + h - 1)  # thresholds: after the last of equal values
    found = float(_largest(np.flatnonzero(order < m)[None], h, ends)[0])
    by_chance = np.sort(_largest(draws.orders(m + h, REPETITIONS)[:, :m], h, ends))
    return Attack(
        auc=float(below.mean()),
        auc_low=float(drawn[tail]),
        auc_high=float(drawn[-1 - tail]),
        advantage=found,
        chance=float(by_chance[math.ceil(LEVEL * REPETITIONS) - 1]),
        p=(1 + int((by_chance >= found).sum())) / (1 + REPETITIONS),
    )


def advantage_at(members: FloatArray, others: FloatArray, threshold: float) -> float:
    """That of one threshold: with the mean loss of trained rows, Yeom et al.'s second adversary."""
    return float(np.mean(members <= threshold) - np.mean(others <= threshold))


def rates(members: FloatArray, others: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Of all thresholds, increasing: the rates of non-members taken for members, and of members found."""
    thresholds = np.unique(np.concatenate([members, others]))
    sides = (np.searchsorted(np.sort(side), thresholds, side="right") / len(side) for side in (others, members))
    wrong, found = (np.concatenate([[0.0], side]) for side in sides)
    return wrong, found


def uncertainty(members: int, others: int) -> float:
    """How far an advantage of so many rows can be from that of all such rows, with 95 % confidence, at most 1.

    Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990), for each side at half of what is left.
    """
    share = math.log(4 / (1 - LEVEL)) / 2
    return min(1.0, math.sqrt(share / members) + math.sqrt(share / others))


def advantage_bound(mu: float) -> float:
    """The largest advantage of whoever tells two models apart that are mu-indistinguishable: 2 Phi(mu / 2) - 1.

    Dong, Roth and Su, *Gaussian Differential Privacy* (2022): the total variation of N(0, 1) and N(mu, 1).
    """
    return 2 * NormalDist().cdf(mu / 2) - 1


def _some(values: FloatArray, draws: Draws) -> FloatArray:
    return values if len(values) <= MOST_ROWS else values[draws.chosen(len(values), MOST_ROWS)]


def _largest(places: NDArray[np.int64], others: int, ends: NDArray[np.int64]) -> FloatArray:
    """The largest advantages over thresholds, where members stand at these places (.., m) of the increasing values."""
    repetitions, members = places.shape
    is_member = np.zeros((repetitions, members + others), dtype=np.int32)
    np.put_along_axis(is_member, places, 1, axis=1)
    found = np.cumsum(is_member, axis=1)[:, ends]
    advantages = found / members - (ends + 1 - found) / others
    return np.asarray(np.maximum(advantages.max(axis=1), 0.0), dtype=np.float64)
