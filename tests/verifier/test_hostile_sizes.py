"""A file of a few hundred bytes can declare any size: reading it and laying its proof out costs what the file has."""

from __future__ import annotations

import hashlib
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.dataset import MAX_SEGMENTS, DatasetStatement, Segment
from zkunlearn.circuits.statements.distance import DistanceStatement, Nearness
from zkunlearn.circuits.statements.link import CONSISTENCY, PATHS, LinkStatement
from zkunlearn.circuits.statements.records import Record
from zkunlearn.circuits.statements.scope import ModelCommitment
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.cli.inspection import inspect_file
from zkunlearn.errors import InvalidProof, ParameterError
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.models.shards import Run
from zkunlearn.models.spec import _compiled as compiled
from zkunlearn.verifier.pins import linked
from zkunlearn.verifier.renewals import links_between
from zkunlearn.verifier.verify import verify_proof

SECONDS, MEMORY = 0.5, 1 << 20  # of the processor's time; of bytes


def statement(rows: int, forgotten: tuple[int, ...] = (), **spec: Any) -> TrainingStatement:
    encoding = DatasetEncoding.from_data(np.array([[0.0], [1.0]]), np.array([0, 1]), ["x"])
    dataset = DatasetStatement(rows, encoding, 4, bytes(32), bytes(32), (Segment(rows, bytes(32)),))
    records = tuple(Record(position, bytes(32)) for position in forgotten)
    declared = zu.TrainingSpec(**{"model": "logistic", "epochs": 1, "learning_rate": 0.5, "bias": False, **spec})
    return TrainingStatement(dataset, declared, records, ModelCommitment(bytes(32), 4, (1, 1)), None)


HUGE = {
    "2^26 mini-batches of two rows": statement((1 << 27) - 1, batch_size=2),
    "and a few forgotten rows": statement((1 << 27) - 1, (5, 77, 1 << 20), batch_size=2),
    "2^26 mini-batches of one row": statement(1 << 26, batch_size=1),
    "2^20 epochs": statement(1000, epochs=1 << 20),
    "2^20 epochs of 64 mini-batches": statement(64, epochs=1 << 20, batch_size=1),
    "more mini-batches than a proof can have": statement(1 << 28, batch_size=1),
    "more rows than a proof can have": statement(1 << 28, epochs=1 << 20),
}


@pytest.fixture(scope="module", autouse=True)
def tables() -> None:
    """The activation table costs the first one who asks what it costs, whatever the size."""
    assert len(HUGE["2^20 epochs"].spec.family.table(zu.FixedPoint())) == 1 << 16


@pytest.mark.parametrize("name", HUGE)
def test_a_small_statement_of_a_huge_training_is_small_when_compiled(name: str) -> None:
    training = HUGE[name]
    tracemalloc.start()
    started = time.process_time()
    try:
        assert training.relation.columns
    except ParameterError as error:
        assert "more than one proof can carry" in str(error)
    seconds, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < SECONDS and peak < MEMORY, (seconds, peak)


@pytest.mark.parametrize("name", ["and a few forgotten rows", "2^20 epochs of 64 mini-batches"])
def test_a_small_file_of_a_huge_training_is_inspected_without_laying_it_out(name: str, tmp_path: Path) -> None:
    """What remains is the plan of the proof, whose lookups come in up to 128 sections."""
    path = tmp_path / "huge.proof"
    zu.TrainingProof(HUGE[name], b"", {"paths": b""}).save(path)
    started = time.process_time()
    assert inspect_file(path).kind in ("training proof", "unlearning proof")
    assert path.stat().st_size < 2000 and time.process_time() - started < 10 * SECONDS


def test_a_huge_training_without_a_proof_is_rejected_quickly() -> None:
    proof = zu.TrainingProof(HUGE["2^26 mini-batches of two rows"], b"", {"paths": b""})
    commitment = zu.DatasetCommitment(proof.statement.dataset, b"")
    started = time.process_time()
    with pytest.raises(InvalidProof, match="proof length"):
        zu.verify(proof, commitment, known_dataset=commitment.digest)
    assert time.process_time() - started < 10 * SECONDS


def test_many_runs_of_shards_without_a_proof_are_rejected_quickly() -> None:
    """Each stage of each run is a part with columns and sums of its own: what they cost grows with them only."""
    training = statement(1 << 18, method="sisa", shard_rows=64, slices=16)
    runs = tuple(Run(2 * i, 1) for i in range(16))
    model = replace(training.model, shape=(16 * 16, 1))
    proof = zu.TrainingProof(replace(training, scope=runs, model=model), b"", {"paths": b""})
    commitment = zu.DatasetCommitment(proof.statement.dataset, b"")
    started = time.process_time()
    with pytest.raises(InvalidProof, match="proof length"):
        zu.verify(proof, commitment, known_dataset=commitment.digest)
    assert len(proof.to_bytes()) < 2000 and time.process_time() - started < 10 * SECONDS


def test_distances_of_many_shards_and_classes_are_refused_quickly() -> None:
    """2^20 models, none of which has to be looked at."""
    classes = [str(i) for i in range(256)]
    encoding = DatasetEncoding.from_data(np.arange(256.0)[:, None], np.array(classes), ["x"], label_kind="categorical")
    training = statement(1 << 12, method="sisa", shard_rows=1, l2=0.01)
    whole = replace(training.dataset, encoding=encoding)
    training = replace(training, dataset=whole, model=replace(training.model, shape=(1 << 20, 1)))
    said = (Nearness(3, None),) * 2
    proof = zu.DistanceProof(DistanceStatement(training, None, None, said), b"", {})
    started = time.process_time()
    with pytest.raises(InvalidProof, match="distances of 1048576 models are more than one proof can carry"):
        verify_proof(proof)
    assert time.process_time() - started < SECONDS


# Links --------------------------------------------------------------------------------------------------------------


def link(old: int, added: int, segments: int = 1) -> zu.LinkProof:
    """From a data set of so many segments to one with rows after them.

    Their record trees are consistent if both numbers of rows are powers of two.
    """
    dataset = statement(old).dataset
    born = tuple(Segment(i + 1, bytes(32), None, bytes(32)) for i in range(segments - 1))
    dataset = replace(dataset, segments=(*born, dataset.segments[0]))
    root, path = dataset.record_root, b""
    while old << len(path) // 32 < old + added:
        root, path = hashlib.sha256(b"\1" + root + bytes(32)).digest(), path + bytes(32)
    more = (Segment(old + added, bytes(32)),) if added else ()
    new = dataset.continued(bytes(range(32)), 4, root, more)
    return zu.LinkProof(LinkStatement(dataset, new), b"", {CONSISTENCY: path, PATHS: b""})


def refused_quickly(proof: zu.LinkProof, check: str, least: float = SECONDS) -> None:
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(InvalidProof) as refused:
        zu.verify_link(proof)
    seconds, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.check == check
    assert seconds < least and peak < 8 * MEMORY, (seconds, peak)


@pytest.mark.parametrize(("old", "added"), [(1 << 27, 1 << 27), (1, (1 << 28) - 1), (1 << 28, 0), (1 << 27, 0)])
def test_a_link_of_many_rows_without_a_proof_is_rejected_quickly(old: int, added: int) -> None:
    proof = link(old, added)
    assert len(proof.to_bytes()) < 4000
    zu.LinkProof.from_bytes(proof.to_bytes())
    refused_quickly(proof, "proof length", 4 * SECONDS)


@pytest.mark.parametrize(("old", "added"), [(1 << 29, 1 << 29), (1, 1 << 40), (1 << 40, 0), (1 << 39, 1 << 39)])
def test_a_link_of_more_rows_than_a_proof_can_have_is_rejected_quickly(old: int, added: int) -> None:
    refused_quickly(link(old, added), "proof length" if old + added <= 1 << 29 else "statement")
    with pytest.raises(zu.FormatError, match="field 'rows' is"):
        zu.LinkProof.from_bytes(link(old, added).to_bytes())


def test_a_consistency_of_any_length_is_rejected_quickly() -> None:
    proof = link(1 << 20, 1 << 20)
    for length in (1 << 21, (1 << 21) + 1):
        refused_quickly(replace(proof, attached={CONSISTENCY: bytes(length), PATHS: b""}), "record consistency", 2)


def test_a_thousand_segments_are_read_and_linked_quickly() -> None:
    """As many as there can be; and one more, which no file can say."""
    started = time.process_time()
    proof = link(1 << 20, 1 << 20, segments=MAX_SEGMENTS - 1)
    assert len(proof.statement.new.segments) == MAX_SEGMENTS
    read = zu.LinkProof.from_bytes(proof.to_bytes())
    assert read.statement == proof.statement
    refused_quickly(read, "proof length", 4 * SECONDS)
    assert time.process_time() - started < 10 * SECONDS
    with pytest.raises(zu.FormatError, match="field 'segments' has 1025 elements"):
        zu.LinkProof.from_bytes(link(1 << 20, 1 << 20, segments=MAX_SEGMENTS).to_bytes())


def test_rows_of_a_thousand_segments_are_forgotten_quickly() -> None:
    """One of each; the order of keys is looked at where there are several."""
    dataset = link(1 << 20, 1 << 20, segments=MAX_SEGMENTS - 1).statement.new
    positions = (*range(MAX_SEGMENTS - 1), (1 << 20) + 5)
    records = tuple(Record(position, bytes(32)) for position in positions)
    training = replace(statement(1 << 21), dataset=dataset, forgotten=records)
    started = time.process_time()
    with pytest.raises(InvalidProof) as refused:
        training.require_consistent({"paths": b""})
    assert refused.value.check == "record path" and time.process_time() - started < SECONDS
    twice = replace(training, forgotten=(*records, Record((1 << 20) + 6, bytes(32))))
    with pytest.raises(InvalidProof, match="the record at position 1048582 is out of order"):
        twice.require_consistent({"paths": b""})


def test_many_links_lead_on_quickly() -> None:
    """In any order: from a data set to one of many segments, each of which came by a link."""
    steps, dataset = [], statement(1 << 20).dataset
    for i in range(200):
        new = dataset.continued(bytes(32), 4, bytes(32), (Segment((1 << 20) + i + 1, bytes(32)),))
        steps.append(zu.LinkProof(LinkStatement(dataset, new), b""))
        dataset = new
    started = time.process_time()
    first = steps[0].statement.old
    assert links_between(first, dataset, steps[::-1]) == tuple(steps)
    assert linked(first, dataset, [step.statement for step in steps[::-1]])
    assert links_between(dataset, first, steps) is None
    assert time.process_time() - started < 4 * SECONDS


def test_a_proof_is_verified_where_indices_have_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on wasm32: there numpy counts and repeats by what fits an index, and refuses int64."""

    def narrow(call: Any) -> Any:
        def checked(values: Any, counts: Any = None, *rest: Any, **options: Any) -> Any:
            for given in (values if call.__name__ == "bincount" else counts, options.get("repeats")):
                if isinstance(given, np.ndarray) and given.dtype.itemsize > 4:
                    raise TypeError("Cannot cast array data from dtype('int64') to dtype('int32')")
            return call(values, *(() if counts is None else (counts,)), *rest, **options)

        return checked

    data = zu.commit(np.arange(24.0).reshape(12, 2), np.arange(12) % 2)
    spec = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=0.5, batch_size=4)
    made = zu.prove(data, spec, forget=["2", "7"]).proof
    proof = zu.TrainingProof.from_bytes(made.to_bytes())
    compiled.cache_clear()
    monkeypatch.setattr(np, "intp", np.int32)
    for name in ("bincount", "repeat"):
        monkeypatch.setattr(np, name, narrow(getattr(np, name)))
    with pytest.raises(TypeError, match="int64"):
        np.bincount(np.arange(3))
    with pytest.raises(TypeError, match="int64"):
        np.repeat(np.arange(3), np.arange(3))
    assert zu.verify(proof, data.commitment).security_bits >= 100
    schedule: Any = proof.statement.schedule
    assert schedule.live_counts.array().sum() == 10
