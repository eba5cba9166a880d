"""What a request trains again of a sharded training, as rows are forgotten or added: a scope, and where it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ...circuits.statements.scope import MAX_STARTS, Start
from ...errors import DataError, ParameterError
from ...models.methods.sisa import MAX_PARTS, stages_of
from ...models.shards import Run, Shards
from ...verifier.bundles import Bundle, InForce
from .model import Model, most_left

Sourced = tuple[Run, InForce | None]


@dataclass(frozen=True)
class Request:
    """What is to be trained.

    Attributes:
        scope: shards, and from which stage on.
        starts: numbers of the bundle's proofs whose models some begin from, by which `scope` names them.
    """

    scope: tuple[Run, ...]
    starts: tuple[int, ...]


def plan_request(bundle: Bundle, positions: Collection[int], anyway: bool = False, rows: int | None = None) -> Request:
    """What has to be trained again where exactly these rows, in any order, are forgotten.

    A shard is trained from the first stage on that saw a row which is forgotten now, or did not see one that is not:
    because it was forgotten then, or because it was not there. A shard that was not there is trained from zero.
    One proof opens models of MAX_STARTS statements at most; what would begin from others is trained from zero. Where
    that makes more than MAX_PARTS stages of runs, all of it is trained again.

    Args:
        anyway: something is to be said, also if nothing has to be trained: then the last stage of a shard is.
        rows: how many there are now, by default as many as the last request was about.

    Raises:
        ParameterError: nothing has: what is in force forgets these rows, and no others.
    """
    shards = bundle.shards if rows is None else replace(bundle.shards, rows=rows)
    first = _first_stages(bundle, shards, set(positions))
    if not first and not anyway:
        raise ParameterError(
            "forget: no row that counts is forgotten, so every model stands and nothing is to be proved"
        )
    first = first or {0: shards.slices}
    runs = _runs(bundle, shards, first)
    used = Counter(source.proof for _, source in runs if source is not None)
    if len(used) > MAX_STARTS:  # what begins from others begins from zero
        kept = {proof for proof, _ in used.most_common(MAX_STARTS)}
        named = {shard for run, source in runs if source is None or source.proof in kept for shard in run.shards}
        runs = _runs(bundle, shards, {shard: stage if shard in named else 1 for shard, stage in first.items()})
    starts = tuple(dict.fromkeys(source.proof for _, source in runs if source is not None))
    scope = tuple(
        Run(run.first, run.count, run.stage, None if source is None else starts.index(source.proof))
        for run, source in runs
    )
    if scope == shards.whole or shards.parts(scope) > MAX_PARTS:
        return Request((), ())
    return Request(scope, starts)


def _runs(bundle: Bundle, shards: Shards, first: Mapping[int, int]) -> list[Sourced]:
    """These shards, each from this stage on, in few runs."""
    before = {shard: bundle.table[shard, stage - 1] if stage > 1 else None for shard, stage in first.items()}
    alone = [(Run(shard, 1, first[shard]), before[shard]) for shard in sorted(first)]
    return list(merged_runs(alone, shards.count))


def _first_stages(bundle: Bundle, shards: Shards, wanted: set[int]) -> dict[int, int]:
    """Of each shard that is touched, the first stage that is."""
    first = _grown(bundle, shards)
    for number, proof in enumerate(bundle.proofs):
        for position in wanted.symmetric_difference(proof.statement.positions):
            shard, place = divmod(position, shards.shard_rows)
            for stage in range(1, shards.slices + 1):
                entry = bundle.table.get((shard, stage))
                if place < shards.prefix(stage) and entry is not None and entry.proof == number:
                    first[shard] = min(stage, first.get(shard, stage))
    return first


def _grown(bundle: Bundle, shards: Shards) -> dict[int, int]:
    """Of each shard that has more rows now, the first stage that has; a new one has none in force."""
    then = [replace(shards, rows=proof.statement.dataset.rows) for proof in bundle.proofs]
    first: dict[int, int] = {}
    for shard in range(min(own.rows for own in then) // shards.shard_rows, shards.count):  # those before were full
        for stage in range(1, shards.slices + 1):
            entry = bundle.table.get((shard, stage))
            if entry is None or then[entry.proof].seen(shard, stage) < shards.seen(shard, stage):
                first[shard] = stage
                break
    return first


def merged_runs(runs: Sequence[Sourced], count: int) -> Iterator[Sourced]:
    """The same shards in as few runs: neighbours that begin at the same stage, from the models of one run.

    Args:
        runs: of one shard each, in their order, of `count` shards.
    """
    size, merged = 1, list(runs)
    while size < count:
        found: list[Sourced] = []
        for run, source in merged:
            last, its_source = found[-1] if found else (None, None)
            if (
                last is not None
                and last.first % (2 * size) == 0
                and last.shards.stop == run.first
                and last.count == size
                and (last.stage, its_source) == (run.stage, source)
                and (source is None or run.count == size or run.shards.stop == source.run.shards.stop)
            ):
                found[-1] = Run(last.first, last.count + run.count, last.stage), source
            else:
                found.append((run, source))
        merged, size = found, 2 * size
    yield from merged


def starts_of(bundle: Bundle, numbers: Sequence[int], rows: int | None = None) -> tuple[Start, ...]:
    """These statements of a bundle, as a statement names them to begin from, with the commitments in them.

    rows: as of `plan_request`, by which it is known whether what a statement trained is all that there is.
    """
    own = stages_of(bundle.statement.schedule)
    now = own if rows is None else replace(own, shards=replace(own.shards, rows=rows))
    named = [bundle.proofs[number] for number in numbers]
    scopes = [now.scope_of(stages_of(proof.statement.schedule)) for proof in named]
    return tuple(Start(own.digest, own.statement.model, scope) for own, scope in zip(named, scopes, strict=True))


def models_for(bundle: Bundle, numbers: Sequence[int], models: Sequence[Model]) -> list[Model]:
    """The secrets behind these statements of a bundle. Raises DataError if one is not among `models`."""
    own = most_left(models)
    found = []
    for number in numbers:
        proof = bundle.proofs[number]
        if proof.digest not in own:
            root = proof.statement.model.root.hex()
            raise DataError(
                f"the models that statement {number + 1} of the bundle is about are not there (root {root})"
            )
        found.append(own[proof.digest])
    return found
