"""A request cut into groups of neighbouring shards, each of which has a statement of its own.

Stages of a shard depend on the shard's rows and on the models of the stage before only, so any partition of shards
gives the same models. Groups take about the same number of rows and stages each.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...circuits.statements.scope import ModelCommitment
from ...circuits.statements.training import TrainingStatement
from ...errors import ParameterError, require_type
from ...models.methods import Sisa
from ...models.methods.sisa import Stages, stages_of
from ...models.shards import Run
from ...verifier.bundles import InForce
from .bundles import merged_runs
from .model import Model

if TYPE_CHECKING:
    from .noise import Noise

SLACK = 8  # a cut may move by an eighth of a group to where it leaves fewer runs


@dataclass(frozen=True, repr=False)
class Part:
    """A statement of a request.

    Attributes:
        draft: about some of its shards, or all; the model's root is zero.
        starts: the models of `draft.start`.
        noise: of `draft.noise`.
        near: weights, the intercept last, from which its model may be looked for; float64 (O, K), of encoded features.
    """

    draft: TrainingStatement
    starts: tuple[Model, ...]
    noise: Noise | None = None
    near: npt.NDArray[np.float64] | None = None


def require_groups(groups: int | None) -> None:
    """Raises ParameterError for what is no number of groups."""
    if groups is not None:
        require_type("groups", groups, int)
        if groups < 1:
            raise ParameterError(f"groups = {groups}: must be at least 1")


def parts_of(draft: TrainingStatement, starts: Sequence[Model], groups: int | None, workers: int) -> tuple[Part, ...]:
    """The statements of a request, one for each group of its shards, in the order of shards.

    Args:
        draft: about all of the request. starts: the models that it begins from.
        groups: how many, as many as there are workers if None; fewer where there are fewer shards.

    Raises:
        ParameterError: several groups of a training that has no shards.
    """
    whole = (Part(draft, tuple(starts)),)
    if not isinstance(draft.spec.method, Sisa):
        if groups is not None and groups > 1:
            raise ParameterError(f"groups = {groups}: {draft.spec.method.kind} has no shards to put into groups")
        return whole
    scopes = groups_of(stages_of(draft.schedule), workers if groups is None else groups)
    return whole if len(scopes) == 1 else tuple(_part(draft, starts, scope) for scope in scopes)


def groups_of(schedule: Stages, count: int) -> tuple[tuple[Run, ...], ...]:
    """What is trained, in at most so many groups of neighbouring shards, none of them empty."""
    shards, alone = schedule.shards, _alone(schedule)
    costs = [sum(shards.prefix(stage) for stage in range(run.stage, shards.slices + 1)) for run, _ in alone]
    edges = [0, *_cuts([run.first for run, _ in alone], costs, count), len(alone)]
    return tuple(
        tuple(
            Run(run.first, run.count, run.stage, None if source is None else source.proof)
            for run, source in merged_runs(alone[start:stop], shards.count)
        )
        for start, stop in pairwise(edges)
    )


def _alone(schedule: Stages) -> list[tuple[Run, InForce | None]]:
    """Every shard that is trained, with the models that it begins from: the number of a start, and a run of it."""
    found: list[tuple[Run, InForce | None]] = []
    for run in schedule.runs:
        source = schedule.source_of(run)
        before = None if source is None or run.start is None else InForce(run.start, source)
        found += [(Run(shard, 1, run.stage, run.start), before) for shard in run.shards]
    return found


def _cuts(numbers: Sequence[int], costs: Sequence[int], count: int) -> list[int]:
    """Where to cut a list of shards, increasing: near to equal costs, there between numbers that share few bits.

    numbers, costs: of each shard.
    """
    sums = list(accumulate(costs, initial=0))
    share = sums[-1] / count
    found: list[int] = []
    for wanted in (share * number for number in range(1, count)):
        near = min(range(len(sums)), key=lambda place: abs(sums[place] - wanted))
        low = bisect_left(sums, wanted - share / SLACK)
        high = bisect_right(sums, wanted + share / SLACK)
        places = {near, *range(low, high)} & set(range(1, len(costs)))
        best = max(places, key=lambda place: (_alignment(numbers[place]), -abs(sums[place] - wanted)), default=0)
        if best > (found[-1] if found else 0):
            found.append(best)
    return found


def _alignment(number: int) -> int:
    """The largest power of two that divides it; it is not zero."""
    return number & -number


def _part(draft: TrainingStatement, starts: Sequence[Model], scope: tuple[Run, ...]) -> Part:
    """The statement of a group, which names the starts that it needs."""
    used = sorted({run.start for run in scope if run.start is not None})
    runs = tuple(run if run.start is None else replace(run, start=used.index(run.start)) for run in scope)
    shape = draft.dataset.encoding.shape(draft.dataset.rows)
    model = ModelCommitment(draft.model.root, draft.model.openings, draft.spec.method.model_shape(shape, runs))
    own = replace(draft, scope=runs, start=tuple(draft.start[number] for number in used), model=model)
    return Part(own, tuple(starts[number] for number in used))
