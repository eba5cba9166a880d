"""The second verifier and the package agree on requests to shards, and on which statements hold together."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.prover.owner.bundles import plan_request, starts_of
from zkunlearn.verifier.bundles import check_bundle, verify_bundle
from zkunlearn.verifier.pins import Pins

from . import verifier
from .bundles import check_rules, in_force, links_of, read_bundle, statements_of
from .bundles import verify_bundle as second_verify_bundle
from .examples import Training, changed, forget_list, numbers, pack, package_verdict, statement_about_nothing
from .formats import Map, encode, instance, read_file, records_of, sha256
from .sisa_integers import Integers, Part, Run, cut_of
from .sisa_training import trained_parts, trained_statement
from .test_sisa import PLAIN, TREES, Made, at, compare_opinions, compare_shapes, data_of, forest

STAGES: Any = replace(PLAIN, slices=4, epochs=1, momentum=0.5, penalize_intercept=False)


class Owner:
    """A first training of eleven shards, and requests, one after another."""

    def __init__(self) -> None:
        self.people = zu.commit(numbers(45, 2, 45), np.arange(45) % 2, openings=16)
        first: Any = zu.prove(self.people, STAGES)
        # Shards 0 to 3 from stage 3 on and 4 to 5 from stage 2 on, each from some of the models of six.
        second: Any = zu.prove(self.people, STAGES, at(self.people, [4, 13, 20, 29, 34, 42]), first.model)
        # Shard 0 from the first training, 1 from zero, 3 and 4 from the second one.
        third: Any = zu.prove(self.people, STAGES, at(self.people, [2, 8, 31, 38]), second.model)
        # All that is left of the last shard, which has five rows.
        fourth = zu.prove(self.people, STAGES, at(self.people, [40, 41, 43, 44]), third.model)
        self.made = [Made(self.people, own) for own in (first, second, third, fourth)]

        self.trees = forest(21)
        planted: Any = zu.prove(self.trees, TREES)
        rest = zu.prove(self.trees, TREES, previous=planted.model, forget_classes=["fir"])
        self.planted = [Made(self.trees, own) for own in (planted, rest)]


@pytest.fixture(scope="module")
def owner() -> Owner:
    return Owner()


def scopes(made: Made) -> list[tuple[int, int, int, int | None]]:
    return [(run["first"], run["count"], run["stage"], run["start"]) for run in made.training.statement["scope"]]


def test_requests_train_what_they_touch(owner: Owner) -> None:
    assert [scopes(made) for made in owner.made] == [
        [],
        [(0, 4, 3, 0), (4, 2, 2, 0)],
        [(0, 1, 2, 0), (1, 1, 1, None), (3, 1, 4, 1), (4, 1, 4, 1)],
        [(5, 1, 1, None)],
    ]


@pytest.mark.parametrize("number", [1, 2])
def test_requests_are_accepted(owner: Owner, number: int) -> None:
    made = owner.made[number]
    assert made.training.verdict(previous=owner.made[number - 1].training.proof) == "valid"
    compare_shapes(made.training.statement, made.trained.proof.statement)
    compare_opinions(made.trained.proof)


def test_a_class_that_is_forgotten_is_named(owner: Owner) -> None:
    first, rest = owner.planted
    assert rest.training.statement["forgotten_classes"] == ["fir"]
    assert verifier.training_shape(rest.training.statement).relation.name == "sisa without classes"
    assert rest.training.verdict(previous=first.training.proof) == "valid"
    compare_opinions(rest.trained.proof)


Models = dict[tuple[int, int, int], list[int]]


def trained_after(statement: Map, statements: Sequence[Map], models: Sequence[Models], made: Made) -> Models:
    """By plain integers, from the models of the statements that are named."""
    known = [sha256(instance("training", old)) for old in statements]
    starts = [models[known.index(start["statement"])] for start in statement["start"]]
    return trained_statement(statement, data_of(made.dataset), starts)


@pytest.mark.parametrize("name", ["made", "planted"])
def test_models_are_those_of_plain_integers_and_of_training_everything_again(owner: Owner, name: str) -> None:
    """Those in force, after each request."""
    chain: list[Made] = getattr(owner, name)
    statements: list[Map] = []
    models: list[Models] = []
    now: Models = {}
    for made in chain:
        statement = made.training.statement
        found = trained_after(statement, statements, models, made)
        assert made.models == list(found.values())
        now |= found
        again = {**statement, "scope": [], "start": []}
        cut = cut_of(statement["dataset"], statement["spec"])
        whole = [Part(cut, run, stage, None, None) for run in cut.whole() for stage in range(1, cut.slices + 1)]
        whole = [replace(part, source=part.run if part.stage > 1 else None) for part in whole]
        integers = Integers.of(again["spec"], again["dataset"])
        gone = {position for position, _ in records_of(statement)}
        assert now == trained_parts(whole, integers, data_of(made.dataset), gone)
        statements.append(statement)
        models.append(found)


# The rules -----------------------------------------------------------------------------------------------------------


def rule(statements: Sequence[bytes], dataset: bytes, links: Sequence[bytes] = ()) -> str:
    """What both say about these files, their proofs not looked at."""
    own = links_of(links)
    found = verifier.verdict(lambda: check_rules(statements_of(statements), read_file(dataset, "dataset")[0], own))
    recommitments: Any = tuple(map(zu.Proof.from_bytes, links))
    bundle = zu.Bundle(tuple(map(zu.TrainingProof.from_bytes, statements)), recommitments)
    commitment = zu.DatasetCommitment.from_bytes(dataset)
    assert found == package_verdict(lambda: check_bundle(bundle, commitment.statement))
    return found


def test_bundles_that_the_package_makes_are_accepted(owner: Owner) -> None:
    dataset = owner.people.commitment.to_bytes()
    for made, length in zip(owner.made, (1, 2, 3, 4), strict=True):
        files, links = read_bundle(made.trained.bundle.to_bytes())
        assert (len(files), links) == (length, []) and rule(files, dataset) == "valid"


def test_of_everything_in_force_there_is_one(owner: Owner) -> None:
    statements = [made.training.statement for made in owner.made]
    table = in_force(statements)
    assert {place: number for place, (number, _) in table.items() if number} == {
        **{(0, stage): 2 for stage in (2, 3, 4)},
        **{(2, stage): 1 for stage in (3, 4)},
        **{(1, stage): 2 for stage in (1, 2, 3, 4)},
        (3, 3): 1,
        (3, 4): 2,
        **{(4, stage): 1 for stage in (2, 3)},
        (4, 4): 2,
        **{(5, stage): 3 for stage in (1, 2, 3, 4)},
    }


def test_any_other_list_is_refused_by_the_same_rule(owner: Owner) -> None:
    """Lists of some of the statements, in any order, some of them twice."""
    files = [made.training.proof for made in owner.made]
    dataset = owner.people.commitment.to_bytes()
    rng, found = random.Random(5), set()
    lists = [[0, 1, 2, 3], [0, 1], [0], [1], [0, 0], [0, 2], [0, 1, 3], [0, 3], [0, 2, 3], [1, 0], [0, 1, 2, 3, 3]]
    lists += [[rng.randrange(4) for _ in range(rng.randint(1, 5))] for _ in range(25)]
    for numbers_ in lists:
        verdict = rule([files[number] for number in numbers_], dataset)
        assert (verdict == "valid") == (numbers_ in ([0], [0, 1], [0, 1, 2], [0, 1, 2, 3])), numbers_
        found.add(verdict)
    assert found == {"valid", "bundle table", "bundle forget list"}


def changed_last(owner: Owner, **changes: Any) -> list[bytes]:
    """The bundle of the third training, its last statement changed."""
    *kept, last = read_bundle(owner.made[2].trained.bundle.to_bytes())[0]
    training = Training(last, owner.people.commitment.to_bytes())
    return [*kept, pack("training", {**training.statement, **changes}, training.body, training.paths)]


def test_each_rule_refuses_what_it_is_there_for(owner: Owner) -> None:
    dataset = owner.people.commitment.to_bytes()
    statement = owner.made[2].training.statement
    first, second = (made.training.statement for made in owner.made[:2])
    spec, start = statement["spec"], statement["start"]
    records = records_of(statement)
    zero, one = start
    other_spec = {**spec, "method": {**spec["method"], "learning_rate": ["0.25"]}}
    cases: dict[str, list[Map]] = {
        "valid": [{}, {"previous": None}, {"forgotten_classes": []}],
        "bundle spec": [{"spec": other_spec}, {"spec": {**spec, "without": ["x2"]}}],
        "bundle data set": [{"dataset": {**statement["dataset"], "root": bytes(32)}}],
        "bundle forget list": [
            {"forgotten": forget_list(records[:-1])},
            {"forgotten": forget_list(sorted([*records, (0, bytes(32))]))},
            {"forgotten": forget_list(records_of(first))},
        ],
        "bundle start": [
            {"start": [zero, {**one, "statement": bytes(32)}]},
            {"start": [{**zero, "statement": one["statement"]}, one]},
            {"start": [zero, {**one, "model": {**one["model"], "root": bytes(32)}}]},
            {"start": [zero, {**one, "model": {**one["model"], "openings": 3}}]},
            {"start": [zero, zero]},  # which is not in force for what some begin from
        ],
        "statement": [{"start": [zero, {**one, "scope": []}]}, {"start": [zero]}, {"start": [one, zero]}],
    }
    assert [own["scope"] for own in start] == [[], second["scope"]]
    for expected, changes in cases.items():
        for change in changes:
            assert rule(changed_last(owner, **change), dataset) == expected, change


def test_a_row_that_was_forgotten_may_not_come_back_in_another_shard_only(owner: Owner) -> None:
    """Rule 3 is about what is in force: who pins what is superseded sees the others."""
    alone = [(position, digest) for position, digest in records_of(owner.made[3].training.statement) if position >= 40]
    training = owner.made[3].training
    statement = {**training.statement, "forgotten": forget_list(alone)}
    files = [owner.made[0].training.proof, pack("training", statement, training.body, training.paths)]
    assert rule(files, owner.people.commitment.to_bytes()) == "valid"
    bundle = zu.Bundle(tuple(map(zu.TrainingProof.from_bytes, files)))
    with pytest.raises(zu.StatementMismatch, match="is not forgotten"):
        verify_bundle(bundle, owner.people.commitment, Pins(previous=owner.made[2].trained.proof))


def test_files_of_bundles_are_read_alike(owner: Owner) -> None:
    file = owner.made[1].trained.bundle.to_bytes()
    head, files = file[:19], read_bundle(file)[0]
    dataset = owner.people.commitment.to_bytes()
    other = owner.planted[0].training.proof
    bad = [
        b"",
        file[:-1],
        file + b"\0",
        head + encode({"proofs": [], "links": []}),
        head + encode({"proofs": files[0], "links": []}),
        head + encode({"proofs": ["file"], "links": []}),
        head + encode({"proofs": [*files, dataset], "links": []}),
        head + encode({"proofs": files}),
        head + encode({"proofs": files, "links": [], "more": []}),
        head + encode({"proofs": files, "links": [b""] * 1025}),
        file[:18] + b"\2" + file[19:],
    ]
    for data in bad:
        assert verifier.verdict(lambda data=data: statements_of(read_bundle(data)[0])) == "format"
        with pytest.raises(zu.FormatError):
            zu.Bundle.from_bytes(data)
    assert rule([*files, other], dataset) == "bundle spec"


def test_a_request_begins_from_no_more_statements_than_one_proof_opens() -> None:
    """What would begin from a seventeenth is trained from zero. Nothing is proved here."""
    spec = zu.TrainingSpec(model="linear", method="sisa", shard_rows=2, slices=2, epochs=1, learning_rate=0.5)
    gone = [2 * shard for shard in range(17)]

    def statement(forgotten: Sequence[int], runs: Sequence[Run], starts: Sequence[Map] = ()) -> Map:
        found = statement_about_nothing(36, 1, "binary", 4, spec, list(forgotten))
        models = sum(run.count * (3 - run.stage) for run in runs) or 36
        return {**found, "scope": [vars(run) for run in runs], "start": list(starts)} | {
            "model": {**found["model"], "shape": [models, 2]}
        }

    statements = [statement([], [])]
    statements += [statement(gone[: shard + 1], [Run(shard, 1)]) for shard in range(17)]
    proofs = [zu.TrainingProof.from_bytes(pack("training", own, b"")) for own in statements]
    wanted = [*gone, *(position + 1 for position in gone)]
    request = plan_request(zu.Bundle(tuple(proofs)), wanted)
    starts = starts_of(zu.Bundle(tuple(proofs)), request.starts)
    assert [run.stage for run in request.scope] == [2] * 16 + [1]
    last = statement(sorted(wanted), [Run(**vars(run)) for run in request.scope], [own.to_mapping() for own in starts])
    files = [pack("training", own, b"") for own in (*statements[:17], last)]
    check_rules(statements_of(files), last["dataset"])


# Data sets that were committed afresh ---------------------------------------------------------------------------------


class Afresh:
    """A first training, its data set committed again, and a request."""

    def __init__(self) -> None:
        self.spec = STAGES
        self.people = zu.commit(numbers(21, 2, 9), np.arange(21) % 2, openings=4)
        self.first: Any = zu.prove(self.people, self.spec)
        self.other, self.other_link = zu.recommit(self.people, openings=3)
        self.again, self.link = zu.recommit(self.people, openings=4)
        self.second: Any = zu.prove(self.again, self.spec, at(self.again, [15]), self.first, links=[self.link])


@pytest.fixture(scope="module")
def afresh() -> Afresh:
    return Afresh()


def test_a_bundle_on_a_data_set_that_was_committed_afresh_is_accepted(afresh: Afresh) -> None:
    file, dataset = afresh.second.bundle.to_bytes(), afresh.again.commitment.to_bytes()
    files, links = read_bundle(file)
    assert (len(files), links) == (2, [afresh.link.to_bytes()])
    second_verify_bundle(file, dataset)
    assert rule(files, dataset, links) == "valid"
    for wrong in ([], [afresh.other_link.to_bytes()]):
        assert rule(files, dataset, wrong) == "bundle data set"
    forged = replace(afresh.link, proof=changed(afresh.link.proof, 200))
    bundle = replace(afresh.second.bundle, links=(forged,))
    assert package_verdict(lambda: verify_bundle(bundle, afresh.again.commitment)) == "constraints"
    assert verifier.verdict(second_verify_bundle, bundle.to_bytes(), dataset) == "constraints"


def test_models_on_a_code_of_their_own_may_be_beside_another_number_of_openings(afresh: Afresh) -> None:
    """They have more openings than either data set."""
    request: Any = zu.prove(afresh.other, afresh.spec, at(afresh.other, [15]), afresh.first, fork=True)
    files, links = read_bundle(request.bundle.to_bytes())
    assert len(files) == 2 and afresh.other.statement.openings != afresh.people.statement.openings
    second_verify_bundle(request.bundle.to_bytes(), afresh.other.commitment.to_bytes())
    assert rule(files, afresh.other.commitment.to_bytes(), links) == "valid"


def test_a_recommitment_that_is_pinned_is_checked(afresh: Afresh) -> None:
    whole = zu.Bundle((zu.prove(afresh.again, afresh.spec, at(afresh.again, [3]), afresh.first.proof).proof,))
    known = afresh.again.commitment
    verify_bundle(whole, known, Pins(previous=afresh.first.proof, links=[afresh.link]))
    forged = replace(afresh.link, proof=changed(afresh.link.proof, 200))
    with pytest.raises(zu.InvalidProof):
        verify_bundle(whole, known, Pins(previous=afresh.first.proof, links=[forged]))


# Data sets that grew -------------------------------------------------------------------------------------------------


class Grown:
    """Eleven rows in two shards, then 19 in three, then 22 of which some were put right: in three requests. Models lie
    on the code of the data set."""

    def __init__(self) -> None:
        bounds: Any = {"a": (-4.0, 4.0), "b": (-4.0, 4.0)}
        columns: Any = {"names": ["a", "b"], "bounds": bounds, "openings": 12}
        self.spec = STAGES
        self.people = zu.commit(self.rows(11, 1), np.arange(11) % 2, [f"p{i}" for i in range(11)], **columns)
        self.first: Any = zu.prove(self.people, self.spec, model_openings=8)
        self.more, self.link = zu.append(self.people, self.rows(8, 2), np.arange(8) % 2, [f"q{i}" for i in range(8)])
        gone = at(self.more, [7])  # of the last slice of shard 0
        self.second: Any = zu.prove(self.more, self.spec, gone, self.first, model_openings=8)
        names = at(self.more, [2, 17])
        self.right, self.next_link = zu.rectify(self.more, self.rows(2, 3), np.arange(2) % 2, names)
        self.third: Any = zu.prove(self.right, self.spec, previous=self.second, model_openings=8)
        self.links = [link.to_bytes() for link in (self.link, self.next_link)]
        self.last = self.right.commitment.to_bytes()

    def rows(self, count: int, seed: int) -> Any:
        return np.clip(numbers(count, 2, seed), -4, 4)

    @property
    def files(self) -> list[bytes]:
        return [made.proof.to_bytes() for made in (self.first, self.second, self.third)]

    def statement(self, number: int) -> Map:
        return read_file(self.files[number], "training")[0]

    def changed(self, number: int, **changes: Any) -> bytes:
        """One of its statements, said otherwise."""
        statement, body = read_file(self.files[number], "training")
        return pack("training", {**statement, **changes}, body)


@pytest.fixture(scope="module")
def grown() -> Grown:
    return Grown()


def test_bundles_over_growths_are_accepted_and_end_in_models_of_one_training(grown: Grown) -> None:
    for made, dataset, links in (
        (grown.second, grown.more, grown.links[:1]),
        (grown.third, grown.right, grown.links),
    ):
        assert read_bundle(made.bundle.to_bytes())[1] == links
        second_verify_bundle(made.bundle.to_bytes(), dataset.commitment.to_bytes())
    starts = [[start["scope"] for start in grown.statement(number)["start"]] for number in (1, 2)]
    two = {"first": 0, "count": 2, "stage": 1, "start": None}
    assert starts[0] == [[two]], "two shards of three"
    assert [two] in starts[1] or starts[1] == [grown.statement(1)["scope"]]
    statements = [grown.statement(number) for number in range(3)]
    models: list[Models] = []
    now: Models = {}
    for number, (statement, dataset) in enumerate(
        zip(statements, (grown.people, grown.more, grown.right), strict=True)
    ):
        own = Made(dataset, (grown.first, grown.second, grown.third)[number])
        models.append(trained_after(statement, statements[:number], models, own))
        now |= models[-1]
    last = statements[2]
    cut = cut_of(last["dataset"], last["spec"])
    parts = [Part(cut, run, stage, None, None) for run in cut.whole() for stage in range(1, cut.slices + 1)]
    parts = [replace(part, source=part.run if part.stage > 1 else None) for part in parts]
    gone = {position for position, _ in records_of(last)}
    integers = Integers.of(last["spec"], last["dataset"])
    assert now == trained_parts(parts, integers, data_of(grown.right), gone)


def test_what_is_kept_over_a_growth_saw_the_same_rows(grown: Grown) -> None:
    files, (link, next_link), last = grown.files, grown.links, grown.last
    more = grown.more.commitment.to_bytes()
    first = grown.people.commitment.to_bytes()
    assert rule(files[:2], more, [link]) == "valid" and rule(files, last, [link, next_link]) == "valid"
    assert rule(files, last, [next_link, link]) == "valid", "in any order"
    for links in ([], [link], [next_link]):
        assert rule(files, last, links) == "bundle data set", "a link is missing"
    assert rule(files[:1], more, [link]) == "bundle data set", "the last shard grew"
    assert rule(files[:2], last, [link, next_link]) == "bundle data set"
    assert rule(files[1:], last, [next_link]) == "bundle table"
    back = {"old": read_file(more, "dataset")[0], "new": read_file(first, "dataset")[0], "superseded": forget_list([])}
    assert verdict_of_rules([grown.statement(1)], first, [back]) == "bundle data set", "there are no more rows"
    # Shard 2 alone is trained: shard 1 is as it was before it was full.
    alone: Any = {"scope": [{"first": 2, "count": 1, "stage": 1, "start": None}], "start": [], "model": None}
    alone["model"] = {**grown.statement(1)["model"], "shape": [STAGES.method.slices, 3]}
    assert rule([files[0], grown.changed(1, **alone)], more, [link]) == "bundle data set"


def verdict_of_rules(statements: Sequence[Map], dataset: bytes, links: Sequence[Map]) -> str:
    return verifier.verdict(lambda: check_rules(statements, read_file(dataset, "dataset")[0], links))


def test_a_start_in_fewer_shards_says_which(grown: Grown) -> None:
    files, link, more = grown.files, grown.links[0], grown.more.commitment.to_bytes()
    (start,) = grown.statement(1)["start"]
    slices = STAGES.method.slices

    def named(count: int | None, shards: int) -> bytes:
        scope = [] if count is None else [{"first": 0, "count": count, "stage": 1, "start": None}]
        model = {**start["model"], "shape": [slices * shards, 3]}
        return grown.changed(1, start=[{**start, "scope": scope, "model": model}])

    cases = {(2, 2): "valid", (2, 3): "statement", (None, 2): "statement", (3, 2): "statement", (1, 1): "statement"}
    cases |= {(None, 3): "bundle start", (3, 3): "bundle start"}
    for (count, shards), expected in cases.items():
        assert rule([files[0], named(count, shards)], more, [link]) == expected, (count, shards)


def test_models_are_begun_from_on_the_code_on_which_they_were_proved(grown: Grown) -> None:
    """Another number of openings is another code, on which a root could stand for other models; if nothing begins from
    them, they are kept beside any."""
    other, link = zu.append(grown.people, grown.rows(8, 4), np.arange(8) % 2, range(8), openings=9)
    dataset = other.commitment.to_bytes()
    moved = grown.changed(1, dataset=read_file(dataset, "dataset")[0])
    assert rule([grown.files[0], moved], dataset, [link.to_bytes()]) == "bundle start"
