"""The rules of bundles against what they are for: a model check of random small bundles, in plain Python.

A statement trains what it says from what it names; so what each model of it has seen is a matter of a recursion over
statements, whether they are in the bundle or not. What a bundle that the rules accept holds in force is what one
training without the rows of the last forget list is, of all rows that there are by now; and what a request trains again
is what has to be. Rows that are put right are rows that are added and others that are forgotten, so they need no word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.circuits.statements.dataset import DatasetStatement, Segment
from zkunlearn.circuits.statements.link import LinkStatement
from zkunlearn.circuits.statements.records import Record
from zkunlearn.circuits.statements.scope import ModelCommitment, Start
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.errors import InvalidProof, ParameterError
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.models.methods.sisa import stages_of
from zkunlearn.models.shards import Run
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.owner.bundles import plan_request, starts_of
from zkunlearn.verifier import bundles
from zkunlearn.verifier.bundles import Bundle, check_bundle
from zkunlearn.verifier.proofs import LinkProof, TrainingProof

ENCODING = DatasetEncoding.from_data(np.array([[0.0], [1.0]]), np.array([0, 1]), ["x"])
BUNDLES = 900
PADDING = ("what is no model of anything",)
Seen = tuple[Any, ...]  # the rows of a stage, and what it began from


@dataclass
class World:
    """A data set with a spec, and all statements that were ever made about them.

    Attributes:
        rows: how many there are by now.
        made: with what each of their models has seen, by shard and stage.
        links: from what the data set was to what it became, one after another.
    """

    rows: int
    shard_rows: int
    slices: int
    made: list[tuple[TrainingProof, dict[tuple[int, int], Seen]]] = field(default_factory=list)
    roots: Any = field(default_factory=count)
    links: list[LinkProof] = field(default_factory=list)

    def grow(self, added: int) -> None:
        before, self.rows = self.dataset, self.rows + added
        if added:
            self.links.append(LinkProof(LinkStatement(before, self.dataset), b"", {}))

    @property
    def dataset(self) -> DatasetStatement:
        return dataset_of(self.rows)

    @property
    def spec(self) -> TrainingSpec:
        return spec_of(self.shard_rows, self.slices)

    @property
    def shards(self) -> int:
        return -(-self.rows // self.shard_rows)

    def there(self, shard: int, stage: int, rows: int) -> range:
        """The rows of a stage, where there are so many."""
        prefix = -(-stage * self.shard_rows // self.slices)
        return range(shard * self.shard_rows, min(shard * self.shard_rows + prefix, rows))

    def rows_of(self, shard: int, stage: int, forgotten: Collection[int], rows: int) -> Seen:
        return tuple(row for row in self.there(shard, stage, rows) if row not in forgotten)

    def ideal(self, shard: int, stage: int, forgotten: Collection[int]) -> Seen:
        """One training without these rows."""
        before = self.ideal(shard, stage - 1, forgotten) if stage > 1 else ()
        return (self.rows_of(shard, stage, forgotten, self.rows), before)

    def make(
        self,
        forgotten: Collection[int],
        runs: Sequence[Run] = (),
        starts: Sequence[Start] = (),
        dataset: DatasetStatement | None = None,
    ) -> TrainingProof:
        """A statement, and what its models have seen. Raises ParameterError if it cannot be proved.

        dataset: as it was at some time; as it is now by default.
        """
        dataset = dataset or self.dataset
        records = tuple(Record(position, bytes(32)) for position in sorted(forgotten) if position < dataset.rows)
        shape = self.spec.method.model_shape(ENCODING.shape(dataset.rows), tuple(runs))
        model = ModelCommitment(next(self.roots).to_bytes(32), 4, shape)
        statement = TrainingStatement(dataset, self.spec, records, model, None, (), tuple(runs), tuple(starts))
        statement.require_provable()
        seen: dict[tuple[int, int], Seen] = {}
        for run in stages_of(statement.schedule).runs:
            for shard in run.shards:
                before: Seen = ()
                if run.start is not None:
                    earlier = self.seen_of(starts[run.start].statement)
                    before = earlier.get((shard, run.stage - 1), PADDING)
                for stage in range(run.stage, self.slices + 1):
                    own = self.rows_of(shard, stage, statement.positions, dataset.rows)
                    before = seen[shard, stage] = (own, before)
        proof = TrainingProof(statement, b"", {})
        self.made.append((proof, seen))
        return proof

    def seen_of(self, digest: bytes) -> dict[tuple[int, int], Seen]:
        return next(seen for proof, seen in self.made if proof.digest == digest)

    def has_grown(self, place: tuple[int, int], bundle: Bundle) -> bool:
        """Whether a stage has more rows than the statement that is in force for it knew."""
        entry = bundle.table.get(place)
        then = 0 if entry is None else bundle.proofs[entry.proof].statement.dataset.rows
        return self.there(*place, then) != self.there(*place, self.rows)

    def in_force(self, proofs: Sequence[TrainingProof]) -> dict[tuple[int, int], Seen]:
        found: dict[tuple[int, int], Seen] = {}
        for proof in proofs:
            found |= self.seen_of(proof.digest)
        return found

    def wanted(self, forgotten: Collection[int]) -> dict[tuple[int, int], Seen]:
        places = ((shard, stage) for shard in range(self.shards) for stage in range(1, self.slices + 1))
        return {place: self.ideal(*place, forgotten) for place in places}


@cache
def dataset_of(rows: int) -> DatasetStatement:
    return DatasetStatement(rows, ENCODING, 4, bytes(32), bytes(32), (Segment(rows, bytes(32)),))


@cache
def spec_of(shard_rows: int, slices: int) -> TrainingSpec:
    sizes: Any = {"shard_rows": shard_rows, "slices": slices}
    return TrainingSpec(model="logistic", method="sisa", epochs=1, learning_rate=0.5, bias=False, **sizes)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    size = draw(st.sampled_from([1, 2, 4]))
    return World(draw(st.integers(max(2, size), 4 * size + 2)), size, draw(st.integers(1, min(size, 3))))


def start_of(world: World, source: TrainingProof, rows: int) -> Start:
    """A statement as one on so many rows names it, if that can be."""
    own = stages_of(source.statement.schedule)
    scope = replace(own, shards=replace(own.shards, rows=rows)).scope_of(own)
    return Start(source.digest, source.statement.model, scope)


def forget_list(draw: Any, world: World, least: Collection[int] = ()) -> set[int]:
    more: set[int] = draw(st.sets(st.integers(0, world.rows - 1), max_size=2))
    found = more | set(least)
    return found if len(found) < world.rows else set(least)


def requested(world: World, bundle: Bundle, forgotten: Collection[int]) -> Bundle | None:
    """What an honest owner makes of a request; None where nothing is to be done."""
    try:
        request = plan_request(bundle, forgotten, rows=world.rows)
    except ParameterError:
        return None
    made = world.make(forgotten, request.scope, starts_of(bundle, request.starts, world.rows))
    return bundle.with_request([made], world.links)


# Requests ------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(worlds(), st.data())
def test_a_request_trains_exactly_what_saw_a_row_and_makes_a_good_bundle(world: World, data: st.DataObject) -> None:
    """By a search over all stages of all shards: the first one of each whose model is another one now, or that has
    more rows, if only forgotten ones."""
    bundle = Bundle((world.make(forget_list(data.draw, world)),))
    for _ in range(4):
        world.grow(data.draw(st.sampled_from([0, 0, 1, 2, world.shard_rows + 1])))
        forgotten = forget_list(data.draw, world, bundle.statement.positions)
        held, wanted = world.in_force(bundle.proofs), world.wanted(forgotten)
        wrong = {place for place in wanted if held.get(place) != wanted[place]}
        wrong |= {place for place in wanted if world.has_grown(place, bundle)}
        after = requested(world, bundle, forgotten)
        if after is None:
            assert not wrong
            continue
        runs = after.statement.scope or (Run(0, world.shards),)
        trained = {
            (shard, stage) for run in runs for shard in run.shards for stage in range(run.stage, world.slices + 1)
        }
        assert trained == wrong
        assert len({start.statement for start in after.statement.start}) == len(after.statement.start)
        check_bundle(after, world.dataset)
        assert world.in_force(after.proofs) == wanted
        about = {proof.statement.dataset.rows for proof in (*bundle.proofs[-1:], *after.proofs)}
        assert [link.statement.old.rows for link in after.links] == [
            link.statement.old.rows for link in world.links if link.statement.old.rows >= min(about)
        ]
        bundle = after


@settings(max_examples=60, deadline=None)
@given(worlds(), st.data())
def test_runs_of_a_request_cannot_be_joined_to_fewer(world: World, data: st.DataObject) -> None:
    """No two neighbours that begin at one stage, from one run, are a run."""
    bundle = Bundle((world.make(()),))
    after = requested(world, bundle, forget_list(data.draw, world))
    for run, following in zip(after.statement.scope, after.statement.scope[1:], strict=False) if after else ():
        joined = Run(run.first, run.count + following.count, run.stage, run.start)
        together = run.shards.stop == following.first and (run.stage, run.start) == (following.stage, following.start)
        aligned = joined.first % (1 << joined.bits) == 0
        whole = run.start is None or Run(0, world.shards).trains(joined)
        assert not (together and aligned and whole)


# Bundles -------------------------------------------------------------------------------------------------------------


def random_world(rng: Random) -> World:
    """Two or three shards, in two or three stages."""
    size = rng.choice([2, 4])
    world = World(rng.randint(size + 3, 3 * size), size, rng.randint(2, min(size, 3)))
    world.make(random_rows(rng, world))
    return world


def random_rows(rng: Random, world: World, least: Collection[int] = ()) -> set[int]:
    return {*least, *rng.sample(range(world.rows), rng.randint(0, 1))}


def some_statement(rng: Random, world: World, forgotten: Collection[int]) -> TrainingProof | None:
    """About some shards, from some stage on, from whatever trained the stage before; without these rows, or others; of
    the data set as it is, or as it was."""
    dataset = rng.choice([world.dataset, world.dataset, *(link.statement.old for link in world.links)])
    shards = -(-dataset.rows // world.shard_rows)
    first = rng.randrange(shards)
    fits = [n for n in range(1, shards - first + 1) if first % (1 << (n - 1).bit_length()) == 0]
    run, stage = Run(first, rng.choice(fits)), rng.randint(1, world.slices)
    starts: tuple[Start, ...] = ()
    if stage > 1:
        run = replace(run, stage=stage, start=0)
        starts = (start_of(world, rng.choice(world.made)[0], dataset.rows),)
    try:
        return world.make(forgotten, () if run == Run(0, shards) else (run,), starts, dataset)
    except ParameterError:  # it was not trained there
        return None


def some_bundle(rng: Random, world: World) -> list[TrainingProof]:
    """A chain of requests, some of which train what they like; now and then a statement is put in, left out, or
    another one."""
    bundle = Bundle((world.made[0][0],))
    for _ in range(rng.randint(1, 3)):
        world.grow(rng.choice([0, 0, 0, 0, 0, 1, 2, 3]))
        forgotten = random_rows(rng, world, bundle.statement.positions if rng.random() < 0.9 else ())
        if rng.random() < 0.5:
            bundle = requested(world, bundle, forgotten) or bundle
        elif (proof := some_statement(rng, world, forgotten)) is not None:
            bundle = bundle.with_request([proof], world.links)
    proofs = list(bundle.proofs)
    if rng.random() < 0.3:
        place, other = rng.randrange(len(proofs)), rng.choice(world.made)[0]
        proofs[place : place + rng.randint(0, 1)] = [other] * rng.randint(0, 1)
    return proofs or [world.made[0][0]]


def verdict(proofs: Sequence[TrainingProof], world: World, without: str = "") -> str:
    """ "valid", or the name of the rule that was broken; without one of them."""
    with pytest.MonkeyPatch.context() as patch:
        if without:
            patch.setattr(bundles, without, lambda *arguments: None)
        try:
            check_bundle(Bundle(tuple(proofs), tuple(world.links)), world.dataset)
        except InvalidProof as error:
            return error.check
        except KeyError:
            assert without == "_check_table", "rules about stages rely on it"
            return "bundle table"
    return "valid"


def test_what_is_accepted_is_one_training_without_the_forgotten_rows_and_no_rule_is_too_many() -> None:
    """What is refused though it is right has another commitment to the same, which nobody can see, or a statement that
    nobody needs, or one that did not know of rows which are forgotten. The counts say that it is not so for nothing;
    the seed is fixed."""
    rng, found = Random(4), Counter[str]()
    for _ in range(BUNDLES):
        world = random_world(rng)
        proofs = some_bundle(rng, world)
        right = world.in_force(proofs) == world.wanted(proofs[-1].statement.positions)
        check = verdict(proofs, world)
        assert check != "valid" or right, "a wrong bundle is accepted"
        assert not right or check in ("valid", "bundle start", "bundle table", "bundle data set")
        found[check] += 1
        for rule in ("_check_dataset", "_check_forgotten", "_check_start", "_check_table"):
            if not right and check != "valid" and verdict(proofs, world, without=rule) == "valid":
                found[f"wrong, without {rule}"] += 1
    assert found["valid"] > BUNDLES // 5 and min(found.values()) > 2
    assert set(found) == {
        "valid", "bundle data set", "bundle forget list", "bundle start", "bundle table",
        "wrong, without _check_dataset", "wrong, without _check_forgotten", "wrong, without _check_start",
        "wrong, without _check_table",
    }  # fmt: skip
