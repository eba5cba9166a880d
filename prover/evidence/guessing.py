"""The reconstruction attack, tried on pairs of models: the one before, and one without some rows.

Of models of shards whoever has both sets sees which ones changed, so each of these is attacked by itself: it is a model
of fewer rows, of which one that is forgotten is a larger part.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .answers import Answers
from .draws import Draws
from .reconstruction import Known, Yardstick, likeness, reconstruct
from .results import Guesses, Reconstruction
from .setting import Setting
from .utility import Sample

Told = list[tuple[float, float]]  # of guesses: cosines, and parts of features
Drawn = list[tuple[NDArray[np.int64], Answers]]  # positions of rows, and what is trained without them


def reconstruction(setting: Setting, draws: Draws, live: Sample, pairs: Drawn) -> Reconstruction:
    """The attack on each of some pairs of models: the one before, and one without these rows.

    Args:
        live: remaining rows, which an insider has; of models of shards those of the shard are taken instead.
    """
    places, used = np.flatnonzero(setting.before.live), setting.used
    part_of, before = setting.before.trainer.part_of, setting.before.model
    yardstick = Yardstick.of(setting.holdout.X[:, used])
    insiders_rows = {0: live} if len(before.parts) == 1 else {}
    told: tuple[Told, Told, Told] = ([], [], [])
    strangers, insiders, chances = told
    for together, model in pairs:
        parts = part_of(together)
        for number in np.unique(parts).tolist():
            gone = together[parts == number]
            mine = setting.sample(setting.some(gone, draws)).X[:, used]
            others = setting.sample(places[draws.chosen(len(places), len(mine))]).X[:, used]
            if number not in insiders_rows:
                insiders_rows[number] = _rows_of(setting, number, draws)
            one, other = before.parts[number], model.parts[number]
            for sample, found in ((setting.holdout, strangers), (insiders_rows[number], insiders)):
                guess = reconstruct(_known(setting, sample, number, len(gone)), one, other)[used]
                found.append(likeness(guess, mine, yardstick))
                chances.append(likeness(guess, others, yardstick))
    stranger, insider, chance = (_guesses(each) for each in told)
    first, second, third = (tuple(cosine for cosine, _ in each) for each in told)
    return Reconstruction(len(pairs[0][0]), len(pairs), stranger, insider, chance, (first, second, third))


def _rows_of(setting: Setting, number: int, draws: Draws) -> Sample:
    """The remaining rows of one shard."""
    own = np.flatnonzero(setting.after.live)
    return setting.sample(setting.some(own[setting.after.trainer.part_of(own) == number], draws))


def _guesses(told: Told) -> Guesses:
    """Of cosines and parts of features."""
    median, tenth = np.quantile(np.array(told), (0.5, 0.9), axis=0, method="higher").tolist()
    return Guesses(median[0], tenth[0], median[1], tenth[1])


def _known(setting: Setting, sample: Sample, number: int, forgotten: int) -> Known:
    """What one has who knows these rows, of a removal of so many from one of the models before."""
    method, bias = setting.before.trainer.spec.method, setting.before.trainer.spec.method.bias
    penalties = np.full(sample.X.shape[1], method.l2)
    if method.standardize:
        penalties *= sample.X.var(axis=0)
    elif bias and not method.penalize_intercept:
        penalties[-1] = 0.0
    parts = setting.before.trainer.part_of(np.flatnonzero(setting.before.live))
    remaining = int((parts == number).sum()) - forgotten
    return Known(setting.family, sample.X, sample.counted, penalties, bias, remaining, forgotten)
