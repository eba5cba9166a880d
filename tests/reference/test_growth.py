"""Data sets that grow: the second verifier agrees with the package on links, and on trainings over several of them."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.base import read_statement
from zkunlearn.circuits.statements.link import LinkStatement
from zkunlearn.prover.matrices.merkle import build_levels
from zkunlearn.prover.witnesses.record_tree import consistency_path
from zkunlearn.verifier.shapes import shape_of

from . import verifier
from .examples import (
    LOGISTIC,
    Training,
    check_flips,
    forget_list,
    numbers,
    pack,
    package_shape,
    reference_shape,
    sections,
    statement_about_nothing,
    trained,
    verdict,
)
from .field import P, Refused
from .formats import divided, instance, joined, read_file, read_payload, records_of, sha256
from .records import check_consistency, record_root

BOUNDS: dict[str, Any] = {f"x{i + 1}": (-9.0, 9.0) for i in range(2)}
# Rows before, and how many more: paddings that are equal, or grow; powers of two; one row.
SIZES = [(700, 200), (700, 600), (512, 512), (512, 1), (700, 1), (2, 1), (2, 3), (3, 1), (4, 12)]


def committed(rows: int, labels: Any = None, **options: Any) -> zu.Dataset:
    return zu.commit(numbers(rows, 2, 1), np.arange(rows) % 2 if labels is None else labels, bounds=BOUNDS, **options)


@cache
def grown(rows: int, added: int) -> bytes:
    """The file of a link."""
    X, y = numbers(added, 2, 2), np.arange(added) % 2
    return zu.append(committed(rows, openings=2), X, y)[1].to_bytes()


# Good links ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "added"), SIZES)
def test_links_are_accepted_and_are_as_long_as_the_package_says(rows: int, added: int) -> None:
    file = grown(rows, added)
    statement, proof = read_file(file, "link")
    assert (statement["old"]["rows"], statement["new"]["rows"]) == (rows, rows + added)
    assert verdict("link", file) == "valid"
    package = zu.LinkProof.from_bytes(file)
    assert reference_shape(verifier.link_shape(statement)) == package_shape(shape_of(package.statement))
    assert len(proof) == verifier.link_shape(statement).proof_bytes
    assert sha256(instance("link", statement)) == package.digest


def test_a_link_of_classes_is_accepted() -> None:
    """Several columns of labels."""
    dataset = committed(11, list("abcabcabcab"), openings=2)
    assert verdict("link", zu.append(dataset, numbers(7, 2, 2), list("abcabca"))[1].to_bytes()) == "valid"


def random_link(rng: random.Random) -> dict[str, Any]:
    """A link in form, about nothing."""
    rows, features = (int(2 ** rng.uniform(0, bits)) for bits in (13, 6))
    added = rng.choice([0, 1, int(2 ** rng.uniform(0, 13))])
    kind, outputs = rng.choice([("binary", 1), ("real", 1), ("count", 1), ("categorical", rng.randint(3, 40))])
    openings = [rng.choice([1, 2, 3, 8, 32, 100, 4096]) for _ in range(2)]
    old, new = (
        statement_about_nothing(n, features, kind, own, LOGISTIC, [], outputs)["dataset"]
        for n, own in zip((rows, rows + added), openings, strict=True)
    )
    return {"old": old, "new": new, "superseded": forget_list([])}


def test_shapes_of_links_are_those_of_the_package() -> None:
    rng, same, grows, padded = random.Random(5), 0, 0, 0
    for _ in range(60):
        statement = random_link(rng)
        old, new = statement["old"]["rows"], statement["new"]["rows"]
        same, grows = same + (old == new), grows + (old < new)
        padded += old < new and (old - 1).bit_length() == (new - 1).bit_length()
        package = read_statement(LinkStatement, divided("link", statement))
        assert reference_shape(verifier.link_shape(statement)) == package_shape(shape_of(package))
    assert min(same, grows, padded) > 5


# Consistency ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [*range(1, 35), 64, 65, 100])
def test_the_proofs_of_the_owner_are_read_from_the_definition_of_the_rfc(size: int) -> None:
    leaves = [sha256(bytes([i])) for i in range(size)]
    levels = build_levels(b"".join(leaves), 32)
    root = record_root(leaves)
    for before in range(1, size + 1):
        path, old = consistency_path(levels, before), record_root(leaves[:before])
        check_consistency(old, before, root, size, path)
        altered = [path + bytes(32), path[:-32] if path else bytes(32), path[:-1] if path else b"\0"]
        cases = [(old, before, root, other) for other in altered if other != path]
        cases += [(bytes(32), before, root, path), (old, before, bytes(32), path)]
        for bad_old, m, bad_root, other in cases:
            with pytest.raises(Refused, match="record consistency"):
                check_consistency(bad_old, m, bad_root, size, other)


# Chains --------------------------------------------------------------------------------------------------------------


class Chain:
    """Commitment, rows, a row that is put right, openings; and a training on each."""

    def __init__(self) -> None:
        dataset = committed(13, openings=5)
        self.datasets, self.links, self.trainings = [dataset], list[bytes](), [trained(dataset, LOGISTIC, ("4",))]
        steps: list[Any] = [
            lambda old: zu.append(old, numbers(2, 2, 3), [1, 0], nonce=b"\7" * 32),
            lambda old: zu.rectify(old, numbers(1, 2, 4), [1], ids=["9"]),
            lambda old: zu.recommit(old, openings=4),
        ]
        for step, gone in zip(steps, ("14", "4", "2"), strict=True):
            dataset, link = step(dataset)
            previous = zu.TrainingProof.from_bytes(self.trainings[-1].proof)
            self.datasets.append(dataset)
            self.links.append(link.to_bytes())
            self.trainings.append(trained(dataset, LOGISTIC, (gone,), previous))


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def test_links_and_trainings_over_them_are_accepted(chain: Chain) -> None:
    for link in chain.links:
        assert verdict("link", link) == "valid"
    before = chain.trainings[0]
    for training, link in zip(chain.trainings[1:], chain.links, strict=True):
        assert training.verdict(known=False, previous=before.proof, links=[link]) == "valid"
        assert training.verdict(previous=before.proof) == "mismatch"
        before = training
    segments = chain.trainings[-1].statement["dataset"]["segments"]
    assert [segment["stop"] for segment in segments] == [13, 15, 16]
    assert [segment["nonce"] for segment in segments] == [None, b"\7" * 32, None]
    assert [segment["born"] for segment in segments] == [dataset.statement.digest for dataset in chain.datasets[:3]]


def test_a_training_over_several_links_is_accepted(chain: Chain) -> None:
    first, last = chain.datasets[0], chain.datasets[-1]
    begun = zu.TrainingProof.from_bytes(chain.trainings[0].proof)
    training = trained(last, LOGISTIC, (), begun)
    links = chain.links[::-1]
    assert training.verdict(previous=chain.trainings[0].proof, links=links) == "valid"
    for some in ([], links[:1], links[:2], links[1:], [*links, links[0]], [links[0]] * 3):
        assert training.verdict(previous=chain.trainings[0].proof, links=some) == "mismatch"
    superseded = [record for record in records_of(training.statement) if record[1] != first.records(["4"])[0].digest]
    assert superseded == records_of(read_file(chain.links[-1], "link")[0], "superseded") != []


def test_forgotten_records_are_in_order_segment_by_segment(chain: Chain) -> None:
    """Of one row in each of several segments any order of keys is fine; of two in one segment it is not."""
    dataset, training = chain.datasets[-1], chain.trainings[-1]
    rows = dataset.rows

    def shown(records: list[tuple[int, bytes]]) -> str:
        paths = rows.record_paths([position for position, _ in records])
        statement = {**training.statement, "forgotten": forget_list(records)}
        return training.verdict(pack("training", statement, training.body, paths))

    everybody = [(i, bytes(rows.record(i).digest)) for i in range(16)]
    assert shown(everybody[1:]) == "constraints", "of another statement, whose list is fine"
    for place in (2, 13):  # within the first segment, and the second
        records = everybody[1:]
        one, other = records[place - 1], records[place]
        records[place - 1 : place + 1] = [(one[0], other[1]), (other[0], one[1])]
        assert shown(records) == "forget list"


# Bad links -----------------------------------------------------------------------------------------------------------


def parts(file: bytes) -> tuple[Any, bytes, bytes, bytes]:
    (statement, proof), attached = read_file(file, "link"), read_payload(file, "link")["attached"]
    return statement, proof, attached["paths"], attached["consistency"]


def test_a_changed_byte_in_any_part_is_rejected_by_the_same_check() -> None:
    statement, proof, paths, consistency = parts(grown(700, 600))
    shape = verifier.link_shape(statement)
    check_flips(shape, proof, 3, lambda bad: verdict("link", pack("link", statement, bad, paths, consistency)))
    for part, start, _ in sections(shape):
        if part.startswith(("masked", "cells")):
            bad = proof[:start] + P.to_bytes(8, "little") + proof[start + 8 :]
            assert verdict("link", pack("link", statement, bad, paths, consistency)) == "field element", part


def test_links_and_what_is_beside_them_belong_together() -> None:
    statement, proof, paths, consistency = parts(grown(4, 12))
    other = parts(grown(3, 1))
    assert verdict("link", pack("link", statement, other[1], paths, consistency)) == "proof length"
    assert verdict("link", pack("link", statement, proof, paths, other[3])) == "record consistency"
    assert verdict("link", pack("link", statement, proof, bytes(32), consistency)) == "record path"
    mixed = {**statement, "new": other[0]["new"]}
    assert verdict("link", pack("link", mixed, proof, paths, consistency)) == "statement"


def test_segments_that_hold_not_all_rows_are_malformed() -> None:
    statement, proof, paths, consistency = parts(grown(4, 12))
    first, last = statement["new"]["segments"]
    born = first["born"]
    assert last["born"] is None and born
    bad: list[list[Any]] = [
        [],
        [first],
        [last, first],
        [{**first, "born": None}, last],
        [{**first, "stop": 16}, last],
        [{**first, "stop": 0}, last],
        [first, {**last, "stop": 15}],
        [first, {**last, "stop": 17}],
        [first, {**last, "nonce": b""}],
        [first, {**last, "nonce": bytes(31)}],
        [first, {**last, "nonce": 0}],
        [{**first, "born": bytes(33)}, last],
        [{**first, "seed": bytes(31)}, last],
        [first, {**last, "more": 0}],
        [first, {name: value for name, value in last.items() if name != "born"}],
        [first, 5],
        [first, [last]],
        [{**first, "stop": i + 1, "born": born} for i in range(1 << 10)] + [last],
    ]
    for segments in bad:
        new = {**statement["new"], "segments": segments}
        assert verdict("link", pack("link", {**statement, "new": new}, proof, paths, consistency)) == "format"
    superseded = {"positions": b"\0", "digests": b""}
    assert verdict("link", pack("link", {**statement, "superseded": superseded}, proof)) == "format"


def test_a_thousand_segments_are_read_by_both() -> None:
    statement = parts(grown(4, 12))[0]
    new = statement["new"]
    for count, expected in ((1 << 10, "valid"), ((1 << 10) + 1, "format")):
        segments = [{**new["segments"][0], "stop": i + 1} for i in range(count)]
        whole = {**statement, "new": {**new, "rows": count, "segments": segments}}
        payload = divided("link", whole)
        assert verifier.verdict(joined, "link", payload["statement"], payload["references"]) == expected
        found = verdict("link", pack("link", whole, b""))
        assert found == ("statement" if expected == "valid" else "format")


def test_what_is_trained_over_links_is_about_all_rows(chain: Chain) -> None:
    last: Training = chain.trainings[-1]
    assert last.statement["dataset"]["rows"] == 16
    assert len(records_of(last.statement)) == 4  # 4, 14, the old row of 9, and 2
