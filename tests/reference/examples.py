"""Proofs that the library made, and what both verifiers say about them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.verifier.protocol.proof import ProofShape

from . import formats, verifier
from .field import log2_ceil
from .formats import Map, divided, encode, read_file, read_payload
from .shapes import Code, stack_rows


def changed(data: bytes, at: int, mask: int = 1) -> bytes:
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


KINDS: dict[str, Any] = {
    "dataset": (verifier.verify_dataset, zu.DatasetCommitment, zu.verify_dataset),
    "link": (verifier.verify_link, zu.LinkProof, zu.verify_link),
    "model link": (verifier.verify_model_link, zu.ModelLinkProof, zu.verify_link),
}


def pack(kind: str, statement: Any, proof: bytes, paths: bytes = b"", consistency: bytes = b"") -> bytes:
    """A file with any content; paths: of records that are named."""
    head = b"zkunlearn\0" + bytes([len(kind)]) + kind.encode() + formats.KINDS[kind].version.to_bytes(2, "big")
    attached = {"training": {"paths": paths}, "link": {"consistency": consistency, "paths": paths}}.get(kind, {})
    return head + encode({**divided(kind, statement), "attached": attached, "proof": proof})


def forget_list(records: Sequence[tuple[int, bytes]]) -> Map:
    """As it stands in a statement; positions have to increase."""
    starts = [0, *(position + 1 for position, _ in records)]
    gaps = b"".join(varint(position - start) for start, (position, _) in zip(starts, records, strict=False))
    return {"positions": gaps, "digests": b"".join(digest for _, digest in records)}


def varint(value: int) -> bytes:
    """Groups of seven bits, the lowest first."""
    assert value >= 0
    return bytes([value]) if value < 128 else bytes([value % 128 + 128]) + varint(value >> 7)


def package_verdict(check: Any) -> str:
    """ "valid", or what the package refuses, in the words of the reference."""
    try:
        check()
    except zu.InvalidProof as error:
        return str(error.check)
    except zu.FormatError:
        return "format"
    except zu.StatementMismatch:
        return "mismatch"
    return "valid"


def verdict(kind: str, file: bytes) -> str:
    """What both say about a data set or a link."""
    reference, artefact, package = KINDS[kind]
    found = verifier.verdict(reference, file)
    assert found == package_verdict(lambda: package(artefact.from_bytes(file)))
    return found


@dataclass(frozen=True)
class Training:
    """Files: a proof, and the commitment it is about."""

    proof: bytes
    dataset: bytes

    @property
    def statement(self) -> Map:
        return read_file(self.proof, "training")[0]

    @property
    def body(self) -> bytes:
        return read_file(self.proof, "training")[1]

    @property
    def paths(self) -> bytes:
        return bytes(read_payload(self.proof, "training")["attached"]["paths"])

    def verdict(
        self,
        proof: bytes | None = None,
        *,
        known: bool = True,
        spec: zu.TrainingSpec | None = None,
        forget: set[bytes] | None = None,
        previous: bytes | None = None,
        links: Sequence[bytes] = (),
    ) -> str:
        """What both say about this proof, or about another one for the same data set."""
        file = proof or self.proof
        found = verifier.verdict(
            verifier.verify_training,
            file,
            self.dataset,
            spec=None if spec is None else spec.to_mapping(),
            forgotten=forget,
            previous=previous,
            links=links,
            known_dataset=known,
        )

        def package() -> None:
            dataset = zu.DatasetCommitment.from_bytes(self.dataset)
            zu.verify(
                zu.TrainingProof.from_bytes(file),
                dataset,
                spec=spec,
                forget=forget,
                previous=zu.TrainingProof.from_bytes(previous) if previous else None,
                links=[zu.LinkProof.from_bytes(link) for link in links],
                known_dataset=dataset.digest if known else None,
            )

        assert found == package_verdict(package)
        return found


def tree_sections(name: str, code: Code, rows: int) -> list[tuple[str, int]]:
    """Cap, salts, where there are any, cells and paths."""
    t = code.queries
    lengths = {"cap": 27 * code.cap, "salts": 32 * t if code.openings else 0}
    lengths |= {"cells": 8 * rows * t, "paths": 27 * t * code.path_length}
    return [(f"{part} of {name}", length) for part, length in lengths.items() if length]


def sections(shape: verifier.Shape) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of every part of a proof: protocol.md, sections 7 and 16."""
    lengths = [group.code.dimension for group in shape.groups]
    parts = [(f"root of {name}", 32) for name in shape.new_roots]
    parts += [("masked", 16 * shape.entries)]
    parts += [("root of stack 0", 32)] if shape.stacks else [("vectors", 16 * sum(lengths))]
    parts += [("inner products", 16 * len(lengths)), ("M0, M1", 32)]
    pads = shape.entries + 1
    for part in ("a", "b"):  # a K vector; nothing is claimed about its tail cells but that they are those committed
        parts += [(f"ledger vector, {part}", 8 * pads), (f"tails of it, {part}", 8 * (shape.ledger_length - pads))]
    parts.append(("nonce", 7))
    for name, (code, rows) in shape.trees.items():
        parts += tree_sections(name, code, rows)
    for i, c in enumerate(shape.stacks):
        rows = stack_rows(lengths, c)
        parts += [(f"rounds of stack {i}", 32 * (log2_ceil(rows) + c)), (f"value of stack {i}", 16)]
        last = i + 1 == len(shape.stacks)
        parts.append(("final vector", 16 << c) if last else (f"root of stack {i + 1}", 32))
        parts += [(f"nonce of stack {i}", 7), *tree_sections(f"stack {i}", Code(c, 0, 8), 2 * rows)]
        lengths = [1 << c]
    at = 0
    for part, length in parts:
        yield part, at, at + length
        at += length


def expected_of(part: str) -> str:
    """The check that notices another value in a part of a proof.

    Whatever comes after the settlement and before a proof of work spoils the latter, if it holds otherwise.
    """
    if "stack" in part and not part.startswith("root of stack 0"):
        named = {"rounds": "folding", "value": "folding", "root": "proof of work", "nonce": "proof of work"}
    else:
        named = {"tails": "proof of work", "final": "proof of work", "nonce": "proof of work"}
    named |= {"cap": "merkle cap", "salts": "merkle path", "cells": "merkle path", "paths": "merkle path"}
    return named.get(part.split()[0], "constraints")


def check_flips(shape: verifier.Shape, proof: bytes, seed: int, verdict_of: Callable[[bytes], str]) -> None:
    """One bit of each part of a proof is changed, and the right check notices."""
    rng = random.Random(seed)
    end = 0
    for part, start, end in sections(shape):
        at = start + 8 * rng.randrange(-(-(end - start) // 8))  # a lowest byte: the element stays below p
        expected, found = expected_of(part), verdict_of(changed(proof, at))
        if (expected, found) == ("proof of work", "merkle path"):  # one nonce in 2^20 will do, for other columns
            found = verdict_of(changed(proof, at, 2))
        assert found == expected, part
    assert end == len(proof)


def check_masked_values(training: Any, parts: int, last: int = 0) -> None:
    """Some of the masked values of a proof are changed, at so many places; and of the last ones every fourth."""
    shape = verifier.training_shape(training.statement)
    start, near_the_end = 32 * len(shape.new_roots), range(shape.entries - last, shape.entries, 4)
    for entry in (*range(0, shape.entries, shape.entries // parts), *near_the_end):
        body = changed(training.body, start + 16 * entry)
        assert training.verdict(pack("training", training.statement, body, training.paths)) == "constraints", entry


def reference_shape(shape: verifier.Shape) -> dict[str, Any]:
    """All of what the package also knows about a shape: trees in order, where columns lie, lengths."""
    return {
        "trees": {name: (code.c, code.n, code.queries, rows) for name, (code, rows) in shape.trees.items()},
        "groups": [(group.name, list(group.matrices)) for group in shape.groups],
        "columns": {
            (matrix, name): (layout.first_row[name], layout.slots.get(name, 0))
            for group in shape.groups
            for matrix, layout in group.matrices.items()
            for name in layout.columns
        },
        "ledger": (shape.entries, shape.ledger_group.fresh if shape.ledger_group else "ledger"),
        "stacks": shape.stacks,
        "bytes": shape.proof_bytes,
    }


def package_shape(shape: ProofShape) -> dict[str, Any]:
    trees = shape.trees.values()
    layouts = [layout for group in shape.groups for layout in group.layouts]
    return {
        "trees": {t.name: (t.code.row_bits, t.code.length, t.code.queries, t.rows) for t in trees},
        "groups": [(group.name, [layout.name for layout in group.layouts]) for group in shape.groups],
        "columns": {column: (row, t.slot) for layout in layouts for column, (row, t) in layout.places.items()},
        "ledger": (shape.ledger.entries, shape.ledger.tree),
        "stacks": tuple(stack.row_bits for stack in shape.chain),
        "bytes": shape.proof_bytes,
    }


def statement_about_nothing(
    rows: int,
    features: int,
    kind: str,
    openings: int,
    spec: zu.TrainingSpec,
    forgotten: list[int],
    outputs: int = 1,
    classes_gone: Sequence[str] = (),
) -> Map:
    """A training statement that is so in form only; as many outputs as categorical labels have classes."""
    classes = {"binary": 2, "categorical": outputs}.get(kind, 0)
    column = {"name": "y", "map": "linear", "low": "0.0", "high": "1.0"}
    encoding = {
        "features": [{**column, "name": f"x{i}"} for i in range(features)],
        "keys": [],
        "label_kind": kind,
        "label_classes": [str(i) for i in range(classes)],
        "label_bounds": [column] if kind == "real" else [],
        "label_bits": 14 if kind == "real" else 0,
        "x_bits": 10,
        "bounds_declared": False,
    }
    segment = {"stop": rows, "seed": bytes(32), "nonce": None, "born": None}
    more = {"segments": [segment], "holes": [], "unique": False, "root": bytes(32), "record_root": bytes(32)}
    return {
        "dataset": {"rows": rows, "encoding": encoding, "openings": openings, **more},
        "spec": spec.to_mapping(),
        "forgotten": forget_list([(position, bytes(32)) for position in forgotten]),
        "model": {"root": bytes(32), "openings": 4, "shape": [outputs, features + spec.method.bias]},
        "forgotten_classes": list(classes_gone),
        "start": [],
        "scope": [],
        "distance": 0,
        "previous": None,
        "noise": None,
    }


def numbers(rows: int, features: int, seed: int) -> Any:
    return np.random.default_rng(seed).normal(size=(rows, features))


def trained(
    dataset: Any, spec: zu.TrainingSpec, forget: Sequence[str] = (), previous: Any = None, **more: Any
) -> Training:
    proof = zu.prove(dataset, spec, forget=forget, previous=previous, **more).proof
    return Training(proof.to_bytes(), dataset.commitment.to_bytes())


def weighted(**by_class: int) -> Any:
    """A spec with all that mini-batches and classes may have."""
    return zu.TrainingSpec(
        model="logistic",
        epochs=3,
        learning_rate=(0.5, 0.25, 0.125),
        batch_size=4,
        momentum=0.5,
        l2=0.01,
        class_weight=by_class,
    )


LOGISTIC: Any = zu.TrainingSpec(model="logistic", epochs=3, learning_rate=0.5)
LINEAR = zu.TrainingSpec(model="linear", epochs=3, learning_rate=(0.5, 0.25, 0.125), batch_size=4, l2=0.01)
PROBIT = zu.TrainingSpec(model="probit", epochs=2, learning_rate=0.3, batch_size=2, bias=False)
SCALES = zu.FixedPoint(x_bits=12, w_bits=16, p_bits=12)
POISSON = zu.TrainingSpec(model="poisson", epochs=2, learning_rate=0.05, batch_size=16, l2=0.1, fixed_point=SCALES)
STANDARDIZED = zu.TrainingSpec(
    model="logistic",
    epochs=3,
    learning_rate=(0.5, 0.4, 0.3),
    batch_size=4,
    momentum="increasing",
    l2=0.01,
    class_weight={"0": 2, "1": 3},
    standardize=True,
)
# So many epochs that the witness gets longer rows than the data set's.
LONG = zu.TrainingSpec(model="logistic", epochs=2400, learning_rate=0.125)


class Owner:
    """Data sets of odd sizes, and proofs about them."""

    def __init__(self) -> None:
        self.people = zu.commit(numbers(13, 3, 1), np.arange(13) % 2, openings=4)
        self.logistic = trained(self.people, LOGISTIC)
        previous = zu.TrainingProof.from_bytes(self.logistic.proof)
        self.unlearnt = trained(self.people, LOGISTIC, ("3", "7"), previous)
        self.again, link = zu.recommit(self.people, openings=3)
        self.link = link.to_bytes()
        old = zu.TrainingProof.from_bytes(self.unlearnt.proof)
        self.continued = trained(self.again, LOGISTIC, ("3", "7", "11"), old)

        self.houses = zu.commit(numbers(21, 2, 2), numbers(21, 1, 3)[:, 0], openings=2)
        self.linear = trained(self.houses, LINEAR, ("1", "5", "6", "20"))
        # Blocks of two rows: one loses all, others none, so that the numbers of live rows differ.
        patients = zu.commit(numbers(7, 4, 4), np.arange(7) % 2, openings=2)
        self.probit = trained(patients, PROBIT, patients.ids[2:4])
        visits = zu.commit(numbers(5, 1, 5), np.arange(5), label_kind="count", x_bits=12, openings=2)
        self.poisson = trained(visits, POISSON, ("2",))
        scales = zu.commit(numbers(11, 3, 8) * [1.0, 50.0, 0.01], np.arange(11) % 2, openings=2)
        self.standardized = trained(scales, STANDARDIZED, ("1", "5", "6"))
        self.long = trained(zu.commit(numbers(500, 2, 7), np.arange(500) % 2, openings=32), LONG, ("9",))
        lasting = zu.commit(numbers(6, 2, 6), np.arange(6) % 2, openings=1100)
        self.lasting = lasting.commitment.to_bytes()


@pytest.fixture(scope="module")
def owner() -> Owner:
    return Owner()
