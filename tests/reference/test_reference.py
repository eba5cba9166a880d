"""The second verifier agrees with the package: on good proofs, on bad ones, and on which check fails."""

from __future__ import annotations

import ast
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.relations.growth import NEW_DATASET
from zkunlearn.circuits.statements.base import read_statement
from zkunlearn.circuits.statements.link import CONSISTENCY, PATHS, LinkStatement
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.errors import ParameterError
from zkunlearn.models.activation import activation_table as package_table
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.live import Live
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.prover.owner.dataset import commit_rows
from zkunlearn.verifier.shapes import new_transcript, shape_of

from ..cheating import CheatingProver
from ..words import Words
from . import verifier
from .arithmetic import activation_table, schedule
from .examples import (
    LOGISTIC,
    Owner,
    Training,
    changed,
    check_flips,
    forget_list,
    numbers,
    owner,
    pack,
    package_shape,
    package_verdict,
    reference_shape,
    sections,
    statement_about_nothing,
    verdict,
)
from .field import P, Refused
from .formats import KINDS, divided, encode, instance, read_file, records_of, sha256, with_digests

__all__ = ["owner"]  # a fixture
TRAINED = ("logistic", "unlearnt", "linear", "probit", "poisson", "standardized", "continued", "long")


def test_the_reference_is_a_second_one() -> None:
    """It imports the standard library and itself; for signatures, the packages whose schemes they are."""
    schemes = {"cryptography", "py_ecc"}
    for path in Path(__file__).parent.glob("*.py"):
        if path.stem != "examples" and not path.stem.startswith("test_"):
            known = sys.stdlib_module_names | (schemes if path.stem == "signatures" else set())
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    assert {alias.name.split(".")[0] for alias in node.names} <= known, path
                elif isinstance(node, ast.ImportFrom) and node.level != 1:
                    assert node.level == 0 and node.module.split(".")[0] in known, path


# Good proofs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TRAINED)
def test_good_proofs_are_accepted(owner: Owner, name: str) -> None:
    training: Training = getattr(owner, name)
    assert training.verdict(known=name in ("unlearnt", "continued")) == "valid"


def test_the_witness_of_a_long_run_is_opened_alone(owner: Owner) -> None:
    groups = verifier.training_shape(owner.long.statement).groups
    assert [(group.name, list(group.matrices)) for group in groups] == [
        ("dataset", ["dataset", "model"]),
        ("witness", ["witness"]),
    ]
    assert groups[1].code.c > groups[0].code.c


def test_a_recommitment_is_accepted_and_carries_the_chain_on(owner: Owner) -> None:
    assert owner.unlearnt.verdict(previous=owner.logistic.proof, spec=LOGISTIC) == "valid"
    assert owner.continued.verdict(known=False, previous=owner.unlearnt.proof, links=[owner.link]) == "valid"


def test_a_data_set_with_a_column_by_log1p_is_accepted() -> None:
    dataset = zu.commit(np.exp(numbers(9, 2, 8)), np.arange(9) % 2, maps={"x2": "log1p"}, openings=3)
    file = dataset.commitment.to_bytes()
    columns = read_file(file, "dataset")[0]["encoding"]["features"]
    assert [column["map"] for column in columns] == ["linear", "log1p"]
    assert verdict("dataset", file) == "valid"


@pytest.mark.parametrize("name", TRAINED)
def test_lengths_and_digests_are_those_of_the_package(owner: Owner, name: str) -> None:
    training: Training = getattr(owner, name)
    proof = zu.TrainingProof.from_bytes(training.proof)
    assert verifier.training_shape(training.statement).proof_bytes == shape_of(proof.statement).proof_bytes
    assert sha256(instance("training", training.statement)) == proof.digest
    commitment = zu.DatasetCommitment.from_bytes(training.dataset)
    dataset = training.statement["dataset"]
    assert verifier.dataset_shape(dataset).proof_bytes == shape_of(commitment.statement).proof_bytes
    assert sha256(instance("dataset", dataset)) == commitment.digest


def test_the_length_of_a_recommitment_is_that_of_the_package(owner: Owner) -> None:
    statement, proof = read_file(owner.link, "link")
    package = shape_of(zu.LinkProof.from_bytes(owner.link).statement)
    assert verifier.link_shape(statement).proof_bytes == package.proof_bytes == len(proof)


def random_statement(rng: random.Random) -> dict[str, Any]:
    """A training statement in form, about nothing: sizes from one to some thousands, seldom powers of two."""
    rows, features, epochs = (int(2 ** rng.uniform(0, bits)) for bits in (13, 6, 11))
    kind, outputs = rng.choice([("binary", 1), ("real", 1), ("count", 1), ("categorical", rng.randint(3, 40))])
    openings = rng.choice([1, 2, 3, 8, 32, 100, 4096])
    bias, left_out = rng.random() < 0.5, rng.randint(0, features - 1) if rng.random() < 0.5 else 0
    spec = zu.TrainingSpec(
        model="logistic" if kind == "categorical" else "linear",
        epochs=epochs,
        learning_rate=0.5,
        batch_size=rng.choice([None, None, 1, 2, 8, 64, 1024]),
        bias=bias,
        standardize=bias and rng.random() < 0.5,
        class_weight={str(i): 1 + i for i in range(outputs)} if outputs > 1 and rng.random() < 0.5 else None,
        without=[f"x{i}" for i in rng.sample(range(features), left_out)],
    )
    forgotten = sorted(rng.sample(range(rows), rng.randint(0, min(3, rows - 1))))
    gone = sorted(str(i) for i in rng.sample(range(outputs), rng.randint(0, outputs - 2))) if outputs > 2 else []
    return statement_about_nothing(rows, features, kind, openings, spec, forgotten, outputs, gone)


def test_shapes_are_those_of_the_package() -> None:
    """Tilings, row lengths, groups, counts of messages, lengths of proofs."""
    rng, seen, alone, standardized, outputs, left_out, gone = random.Random(11), 0, 0, 0, set(), 0, 0
    for _ in range(80):
        statement = random_statement(rng)
        package = read_statement(TrainingStatement, divided("training", statement))
        try:
            expected = shape_of(package)
        except ParameterError:
            with pytest.raises(Refused):
                verifier.training_shape(statement)
            continue
        seen += 1
        alone += len(expected.groups) == 3
        standardized += statement["spec"]["method"]["standardize"]
        outputs.add(statement["model"]["shape"][0])
        left_out += statement["spec"]["without"] != []
        gone += statement["forgotten_classes"] != []
        assert reference_shape(verifier.training_shape(statement)) == package_shape(expected)
        assert reference_shape(verifier.dataset_shape(statement["dataset"])) == package_shape(shape_of(package.dataset))
    assert seen > 30 and alone > 3, "witnesses with the data set, and in a group of their own"
    assert standardized > 5 and len(outputs) > 5 and left_out > 5 and gone > 3


# The integers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["logistic", "linear", "probit", "poisson"])
@pytest.mark.parametrize(("q_bits", "p_bits"), [(10, 16), (11, 15), (4, 8), (14, 24), (12, 10)])
def test_tables_are_those_of_the_package(model: str, q_bits: int, p_bits: int) -> None:
    try:
        expected = package_table(FAMILIES[model].entries, q_bits, p_bits).tolist()
    except ParameterError:
        with pytest.raises(Refused):
            activation_table(model, q_bits, p_bits)
    else:
        assert activation_table(model, q_bits, p_bits) == expected


def random_run(rng: random.Random) -> tuple[zu.TrainingSpec, DatasetShape, list[int]]:
    """A spec, a shape and a forget list, not always ones that fit each other."""
    model = rng.choice(["logistic", "linear", "probit", "poisson"])
    of_model = {"logistic": ["binary", "categorical"], "probit": ["binary", "categorical"], "poisson": ["count"]}
    kind = rng.choice(of_model.get(model, ["binary", "categorical", "real", "count"]))
    several = ("no", "yes", "maybe", "1", "ja")[: rng.randint(3, 5)]
    classes = {"binary": ("no", "yes"), "categorical": several}.get(kind, ())
    weights: list[Any] = [None, {"no": 3, "yes": 255}, {"no": 1, "maybe": 2}, {name: len(name) for name in classes}]
    scales = [(10, 16, 16), (12, 16, 12), (10, 16, 14), (14, 10, 20), (6, 20, 24), (12, 13, 16), (4, 16, 14)]
    x_bits, w_bits, p_bits = rng.choice(scales)
    rows, epochs, bias = rng.randint(1, 60), rng.randint(1, 3), rng.random() < 0.5
    standardize = bias and rng.random() < 0.5
    features = rng.choice([1, 7, 500, 9000])
    names = tuple(f"x{i}" for i in range(features))
    rates = tuple(10 ** rng.uniform(-4, 2) for _ in range(rng.choice([1, epochs])))
    spec = zu.TrainingSpec(
        model=model,
        epochs=epochs,
        learning_rate=rates if len(rates) == epochs else rates[0],
        batch_size=rng.choice([None, 1, 4, 8, 64]),
        l2=rng.choice([0.0, 0.001, 10 ** rng.uniform(-3, 2)]),
        momentum=rng.choice([0.0, 0.9, "increasing", 1 - 2**-50, tuple(rng.random() for _ in range(epochs))]),
        bias=bias,
        penalize_intercept=bias and rng.random() < 0.5,
        standardize=standardize,
        class_weight=rng.choice(weights) if classes else None,
        fixed_point=zu.FixedPoint(x_bits=x_bits, w_bits=w_bits, p_bits=p_bits),
        without=[rng.choice([*names[:12], "y"]) for _ in range(1)] if rng.random() < 0.3 else [],
    )
    label_bits = 14 if kind == "real" else 0
    shape = DatasetShape(
        rows=rows,
        features=features,
        label_kind=kind,
        label_bits=label_bits,
        x_bits=x_bits,
        classes=classes,
        names=names,
    )
    return spec, shape, sorted(rng.sample(range(rows), rng.randint(0, rows - 1)))


def test_schedules_are_those_of_the_package() -> None:
    rng, refused, standardized, ranges = random.Random(7), 0, 0, set()
    names = ["width", "blocks", "block_size", "shift", "weight_bits", "label_multiplier", "penalize_bias"]
    names += ["class_weights"]
    runs = [random_run(rng) for _ in range(200)]
    for spec, shape, forgotten in sorted(runs, key=lambda run: (run[0].model, repr(run[0].fixed_point))):  # few tables
        features = [{"name": name} for name in shape.names]
        encoding = {"features": features, "label_kind": shape.label_kind, "x_bits": shape.x_bits}
        encoding["label_classes"] = list(shape.classes)
        dataset = {"rows": shape.rows, "encoding": {**encoding, "label_bits": shape.label_bits}}
        try:
            expected = spec.compile(shape, Live(shape.rows, tuple(forgotten)))
        except ParameterError:
            refused += 1
            with pytest.raises(Refused):
                schedule(spec.to_mapping(), dataset, forgotten)
            continue
        found = schedule(spec.to_mapping(), dataset, forgotten)
        assert [getattr(found, name) for name in names] == [getattr(expected, name) for name in names]
        for name in ("c_epoch", "c_block", "l_epoch", "m_epoch"):
            assert getattr(found, name) == list(getattr(expected, name)), name
        assert found.unused == list(expected.unused)
        ranges.add(found.weight_bits)
        standardized += found.standardization is not None
        compare_standardizations(found, expected)
    assert 20 < refused < 130 and ranges == {32, 24, 20} and 10 < standardized < 100


def compare_standardizations(found: Any, expected: Any) -> None:
    own, other = found.standardization, expected.standardization
    if own is None or other is None:
        assert own is other
        return
    for name in ("rows", "count", "x_bits", "cap", "amplitude", "floor", "bias_rate"):
        assert getattr(own, name) == getattr(other, name), name
    assert own.upper == list(other.upper) and own.lower == list(other.lower)
    assert own.bits["mean remainder"] == other.remainder_bits and own.bits["rate"] == other.rate_bits
    assert own.bits["spread from above"] == other.slack_bits
    assert own.bits["rate remainder"] == other.division_bits


# Bad proofs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dataset", "link"])
def test_a_changed_byte_in_any_part_is_rejected_by_the_same_check(owner: Owner, kind: str) -> None:
    """The vectors of the data set are folded twice."""
    file = owner.link if kind == "link" else owner.lasting
    statement, proof = read_file(file, kind)
    shape = verifier.link_shape(statement) if kind == "link" else verifier.dataset_shape(statement)
    assert len(shape.stacks) == (1 if kind == "link" else 2)
    check_flips(shape, proof, 1, lambda bad: verdict(kind, pack(kind, statement, bad)))


@pytest.mark.parametrize("name", [pytest.param("linear", marks=pytest.mark.slow), "standardized"])
def test_a_changed_byte_of_a_training_proof_is_rejected_by_the_same_check(owner: Owner, name: str) -> None:
    training: Training = getattr(owner, name)
    shape = verifier.training_shape(training.statement)
    check_flips(
        shape, training.body, 2, lambda bad: training.verdict(pack("training", training.statement, bad, training.paths))
    )


def test_elements_of_p_and_above_are_rejected(owner: Owner) -> None:
    statement, proof = read_file(owner.link, "link")
    elements = ("masked", "inner", "M0", "ledger", "tails", "cells", "rounds", "value", "final")
    for part, start, _ in sections(verifier.link_shape(statement)):
        if part.startswith(elements):
            bad = proof[:start] + P.to_bytes(8, "little") + proof[start + 8 :]
            assert verdict("link", pack("link", statement, bad)) == "field element", part


def test_other_lengths_are_rejected(owner: Owner) -> None:
    for training in (owner.logistic, owner.probit):
        for body in (b"", training.body[:-1], training.body + b"\0", training.body[32:]):
            assert training.verdict(pack("training", training.statement, body, training.paths)) == "proof length"


def test_a_proof_is_about_its_statement_only(owner: Owner) -> None:
    """An old proof under a new statement, and the other way round; statements that are not changed in form."""
    old, new = owner.logistic, owner.unlearnt
    assert new.verdict(pack("training", new.statement, old.body, new.paths)) == "constraints"
    assert old.verdict(pack("training", old.statement, new.body, old.paths)) == "constraints"

    def declared(**changes: Any) -> dict[str, Any]:
        return with_method(new.statement["spec"], **changes)

    lies: list[dict[str, Any]] = [
        {"model": {**new.statement["model"], "root": bytes(32)}},
        {"previous": None},
        {"spec": declared(learning_rate=["0.25"])},
        {"spec": {**new.statement["spec"], "family": "probit"}},
    ]
    for lie in lies:
        assert new.verdict(pack("training", {**new.statement, **lie}, new.body, new.paths)) == "constraints", lie
    for lie in ({"epochs": 5}, {"batch_size": 4}):
        other = {**new.statement, "spec": declared(**lie)}
        assert new.verdict(pack("training", other, new.body, new.paths)) == "proof length", lie
    other = {**new.statement, "spec": declared(bias=False), "model": {**new.statement["model"], "shape": [1, 3]}}
    assert new.verdict(pack("training", other, new.body, new.paths)) == "proof length"
    other = {**new.statement, "model": lies[0]["model"] | {"shape": [1, 3]}}
    assert new.verdict(pack("training", other, new.body, new.paths)) == "statement"
    spec = new.statement["spec"]
    specs = [{**spec, "scales": {**spec["scales"], "x_bits": 11}}, {**spec, "family": "poisson"}]
    specs += [declared(learning_rate=[rate]) for rate in ("1e-09", "1e+30")]
    for spec in specs:
        other = {**new.statement, "spec": spec}
        assert new.verdict(pack("training", other, new.body, new.paths)) == "statement", spec


def with_method(spec: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Another method of training."""
    return {**spec, "method": {**spec["method"], **changes}}


def of_rows(rows: int) -> dict[str, Any]:
    """What a data set of so many rows says of them."""
    return {"rows": rows, "segments": [{"stop": rows, "seed": bytes(32), "nonce": None, "born": None}]}


def test_a_data_set_is_about_its_statement_only(owner: Owner) -> None:
    kind = "dataset"
    statement, proof = read_file(owner.probit.dataset, kind)
    assert len(statement["encoding"]["features"]) == 4
    segment = {**statement["segments"][0], "seed": bytes(32)}
    for name, value in {"root": bytes(32), "record_root": bytes(32), "segments": [segment]}.items():
        lie = {**statement, name: value}
        assert verdict(kind, pack(kind, lie, proof)) == "constraints", name
    assert verdict(kind, pack(kind, {**statement, "rows": 9}, proof)) == "format", "the segment has other rows"
    for lie in ({"openings": 8}, {"openings": 100}, of_rows(9)):
        assert verdict(kind, pack(kind, {**statement, **lie}, proof)) == "proof length", lie
    features = statement["encoding"]["features"]
    for few, expected in ((features[1:], "proof length"), (features, "statement")):  # and a column of labels
        lie = {**statement, **of_rows(1 << 28), "encoding": {**statement["encoding"], "features": few}}
        assert verdict(kind, pack(kind, lie, proof)) == expected


def test_what_is_pinned_is_compared(owner: Owner) -> None:
    new = owner.unlearnt
    digests = {digest for _, digest in records_of(new.statement)}
    assert new.verdict(forget=digests) == "valid"
    assert new.verdict(forget=set()) == new.verdict(forget=digests | {bytes(32)}) == "mismatch"
    assert new.verdict(spec=replace(LOGISTIC, epochs=4)) == "mismatch"
    assert owner.logistic.verdict(previous=new.proof) == "mismatch"
    assert new.verdict(previous=owner.linear.proof) == "mismatch"
    assert owner.linear.verdict(new.proof) == "mismatch", "another data set"
    assert owner.continued.verdict(previous=owner.unlearnt.proof) == "mismatch", "no link"
    back = {**new.statement, "forgotten": forget_list([]), "previous": sha256(instance("training", new.statement))}
    assert new.verdict(pack("training", back, new.body), previous=new.proof) == "mismatch", "a row is back"
    other = {**back, "forgotten": new.statement["forgotten"], "spec": with_method(back["spec"], epochs=4)}
    found = new.verdict(pack("training", other, new.body), previous=new.proof)
    assert found not in ("valid", "mismatch"), "another algorithm may follow, with a proof of its own"


def test_malformed_forget_lists_are_rejected(owner: Owner) -> None:
    training, rows = owner.linear, owner.houses.rows
    records = records_of(training.statement)
    first, second, rest = records[0], records[1], records[2:]
    (place, digest), paths = first, rows.record_paths([first[0]])
    two = rows.record_paths([first[0], second[0]])
    assert len(paths) > 64 and len(rest) == 2
    lists: dict[str, list[tuple[list[tuple[int, bytes]], bytes]]] = {
        "constraints": [([first], paths), ([first, second], two), ([], b"")],
        "forget list": [
            ([(21, digest)], paths),
            ([first, (second[0], digest)], two),
            ([(place, second[1]), (second[0], digest)], two),
        ],
        "record path": [
            ([first], paths[:-32]),
            ([first], paths + bytes(32)),
            ([first], paths[:-1]),
            ([first], changed(paths, 5)),
            ([first], paths[32:64] + paths[:32] + paths[64:]),
            ([first], b""),
            ([(place, changed(digest, 31))], paths),
            ([(place ^ 1, digest)], paths),
            ([first, second], paths),
            ([], bytes(32)),
        ],
    }
    for expected, cases in lists.items():
        for case, beside in cases:
            statement = {**training.statement, "forgotten": forget_list(case)}
            assert training.verdict(pack("training", statement, training.body, beside)) == expected, case
    honest = training.statement["forgotten"]
    gaps = honest["positions"]
    assert len(gaps) == len(records) and max(gaps) < 128
    spellings = {
        "one too few": gaps[1:],
        "one too many": gaps + b"\0",
        "cut off": gaps[:-1] + bytes([gaps[-1] | 128]),
        "a longer spelling": gaps[:-1] + bytes([gaps[-1] | 128, 0]),
        "six bytes": gaps[:-1] + b"\x80\x80\x80\x80\x80\1",
        "2^32 or more": gaps[:-1] + b"\x80\x80\x80\x80\x10",
        "2^32 or more in all": gaps[:-2] + 2 * b"\xff\xff\xff\xff\x0f",
    }
    altered = [("digests", honest["digests"][:-1]), ("more", b"")]
    for name, value in [*altered, *(("positions", value) for value in spellings.values())]:
        statement = {**training.statement, "forgotten": {**honest, name: value}}
        assert training.verdict(pack("training", statement, training.body, training.paths)) == "format"
    everyone = owner.people.records(owner.people.ids)
    bad = {**owner.logistic.statement, "forgotten": forget_list(everyone)}
    assert owner.logistic.verdict(pack("training", bad, owner.logistic.body)) == "forget list"


# Recommitments that lie: the algebra of everything else is that of an honest prover ----------------------------------


def lying_link(owner: Owner, label: int | None = None, word: bool = False) -> bytes:
    """A recommitment to other labels, or to words that are no codewords."""
    old = owner.people
    labels = old.rows.labels.copy()
    if label is not None:
        labels[label] = 1 - labels[label]
    fresh = commit_rows(replace(old.rows, labels=labels), old.statement.encoding, 3, old.statement.segments, None)
    opening = Words(fresh.matrix, np.zeros_like) if word else fresh.matrix
    statement = LinkStatement(old.statement, old.statement.continued(opening.root, 3))  # of the old records
    columns = {**old.columns, **{Address(NEW_DATASET, c.name): cells for c, cells in fresh.columns.items()}}
    committed = {"dataset": old.matrix, "new dataset": opening}
    prover = CheatingProver(shape_of(statement), new_transcript(statement), committed, columns)
    return zu.LinkProof(statement, prover.prove(), {CONSISTENCY: b"", PATHS: b""}).to_bytes()


def test_lying_recommitments_are_rejected(owner: Owner) -> None:
    assert verdict("link", lying_link(owner)) == "valid"
    assert verdict("link", lying_link(owner, label=5)) == "constraints"
    assert verdict("link", lying_link(owner, word=True)) == "folding"


def test_recommitments_of_other_rows_are_rejected(owner: Owner) -> None:
    statement, proof = read_file(owner.link, "link")
    others: list[tuple[str, dict[str, Any]]] = [("record consistency", {"record_root": bytes(32)})]
    others += [("statement", of_rows(rows)) for rows in (12, 13)]
    for expected, other in others:
        new = {**statement["new"], **other}
        assert verdict("link", pack("link", {**statement, "new": new}, proof)) == expected
    swapped = {
        **statement,
        "old": statement["new"],
        "new": statement["old"],
    }  # which does not say where its rows were born
    assert verdict("link", pack("link", swapped, proof)) == "statement"


# Files ---------------------------------------------------------------------------------------------------------------

PACKAGE: dict[str, Any] = {
    "dataset": zu.DatasetCommitment,
    "training": zu.TrainingProof,
    "link": zu.LinkProof,
}


def read_by_both(kind: str, data: bytes) -> bool:
    """Whether both readers accept a file, or refuse it; what they accept is one and the same statement."""
    package = package_verdict(lambda: PACKAGE[kind].from_bytes(data))
    assert verifier.verdict(read_file, data, kind) == package
    if package == "valid":
        statement = PACKAGE[kind].from_bytes(data).statement
        assert with_digests(kind, read_file(data, kind)[0]) == statement.to_mapping()
    return package == "valid"


def files(owner: Owner) -> dict[str, bytes]:
    """One statement of each kind, with a proof of no bytes."""
    whole = {"dataset": owner.linear.dataset, "training": owner.unlearnt.proof, "link": owner.link}
    return {kind: pack(kind, read_file(data, kind)[0], b"") for kind, data in whole.items()}


def test_broken_files_are_refused_by_both(owner: Owner) -> None:
    rng, accepted = random.Random(3), 0
    for kind, data in files(owner).items():
        assert kind in KINDS and read_by_both(kind, data)
        for _ in range(1500):
            at, new = rng.randrange(len(data)), bytes([rng.randrange(256)])
            flipped = changed(data, at, 1 << rng.randrange(8))
            ways = (flipped, data[:at] + data[at + 1 :], data[:at] + new + data[at + 1 :], data[:at] + new + data[at:])
            accepted += read_by_both(kind, rng.choice(ways))
    assert 200 < accepted < 3000


TEXTS = ["-0.0", "1", "1e0", "0.50", " 0.5", "nan", "inf", "1e999", "0,5", "٣.٠", "", "+0.5", "1e-05", "5e-324", "0.5"]


def test_other_spellings_are_refused_by_both(owner: Owner) -> None:
    statement = owner.unlearnt.statement
    spec, dataset = statement["spec"], owner.linear.statement["dataset"]
    cases: list[tuple[str, Any]] = []
    values = [0, 1, 5, -1, 3, 15, 25, 1 << 20, 1 << 24, (1 << 64) - 1, True, None, "1", b"1", [], {}, "linear", "λ"]
    for name in spec:
        cases += [("training", {**statement, "spec": {**spec, name: value}}) for value in values]
    for part in ("method", "scales"):
        for name in spec[part]:
            specs = [{**spec, part: {**spec[part], name: value}} for value in values]
            cases += [("training", {**statement, "spec": other}) for other in specs]
    for text in TEXTS:
        cases.append(("training", {**statement, "spec": with_method(spec, l2=text)}))
        for rates in ([text], [text] * 3, [text] * 2):
            cases.append(("training", {**statement, "spec": with_method(spec, learning_rate=rates)}))
    sets: tuple[Any, ...] = (["a"], ["a", "b"], ["b", "a"], ["a", "a"], ["a", 1], [b"a"], [""], ["a\n"], ["Z", "a"])
    sets += (["é", "z"], ["\uffff", "\U0001f600"], ["\U0001f600", "\uffff"], ["a" * 257], ["a", "b", "c"])
    sets += tuple(sorted(str(i) for i in range(n)) for n in (254, 255, 32767, 32768))
    for found in (*values, *sets):
        cases.append(("training", {**statement, "spec": {**spec, "without": found}}))
        cases.append(("training", {**statement, "forgotten_classes": found}))
    for name in dataset:
        cases += [("dataset", {**dataset, name: value}) for value in values]
    encoding = dataset["encoding"]
    columns = encoding["features"]
    others: list[dict[str, Any]] = [{"features": [columns[0], columns[0]]}, {"features": columns * 2}]
    others += [{name: value} for name in encoding for value in values]
    kinds, many = ("binary", "categorical", "count", "real"), [str(i) for i in range(257)]
    others += [{"label_kind": kind, "label_bits": 0, "label_bounds": []} for kind in kinds]
    many = [str(k) for k in range(257)]
    classes: tuple[list[Any], ...] = (["a", "b"], ["a", "a"], ["a"], ["a", "\n"], ["a", 1])
    classes += (["a", "b", "c"], ["a", "b", "a"], ["a", "b", ""], many[1:], many)
    others += [
        {"label_kind": kind, "label_classes": found, "label_bits": 0, "label_bounds": []}
        for kind in ("binary", "categorical", "count")
        for found in classes
    ]
    ends = [("0.0", text) for text in (*TEXTS, "0.0", "1e+308", "1e-310", "1e-300")]
    ends += [(text, "0.0") for text in TEXTS]
    ends += [("1.0", "1.0000000000000002"), ("1.0", "1.0001"), ("1.0", "0.0"), ("-1.7e+308", "1.7e+308")]
    ends += [("0.0", "1.52587890625e-05"), ("0.0", "1.5258789062499998e-05"), ("1e+300", "1e+301"), ("-0.5", "1.0")]
    for low, high in ends:
        for chosen in ("linear", "log1p"):
            bounds = [{"name": "a", "map": chosen, "low": low, "high": high}]
            others += [{"features": bounds}, {"label_bounds": bounds}]
            others.append({"label_kind": "real", "label_classes": [], "label_bits": 14, "label_bounds": bounds})
    for name in ("", "a" * 256, "a" * 257, "a\n", "é", "\u200b", "a b"):
        others.append({"features": [{**columns[0], "name": name}]})
    others += [{"features": [{**columns[0], "map": value}]} for value in (*values, "Linear", "log1p")]
    others += [{"features": [{**columns[0], "kind": "feature"}]}, {"keys": [columns[0]]}]
    others += [{"keys": [{"name": name} for name in own]} for own in (["k"], ["k", "k"], [""], [columns[0]["name"]])]
    both = dataset, {**dataset, "unique": True}
    cases += [("dataset", {**own, "encoding": {**encoding, **other}}) for other in others for own in both]
    weights = (
        [{"label": name, "weight": 2} for name in sorted(names)] for names in (["a"], ["a", "a"], many[1:], many)
    )
    cases += [("training", {**statement, "spec": with_method(spec, class_weight=found)}) for found in weights]
    shapes = ([3], [3, 4], [0, 4], [1, 0], [1, 32769], [32769, 1], [1, 32770], [32770, 1], [True, 4], [1, 2, 3])
    cases += [("training", {**statement, "model": {**statement["model"], "shape": shape}}) for shape in shapes]
    accepted = sum(read_by_both(kind, pack(kind, content, b"")) for kind, content in cases)
    assert 50 < accepted < len(cases) - 200


def test_forms_of_cbor_are_refused_by_both(owner: Owner) -> None:
    data = files(owner)["dataset"]
    start = data.index(encode("rows"))
    rows = data[start : start + 6]  # the key, and 21 as one byte
    assert rows[-1] == 21
    for form in ("1815", "190015", "c115", "f94d40", "35", "f5", "f7", "1c", "3bffffffffffffffff"):
        assert not read_by_both("dataset", data.replace(rows, encode("rows") + bytes.fromhex(form)))
    assert not read_by_both("dataset", data + b"\0")
    begin = b"\xa4\x65proof\x40"
    assert begin in data
    assert not read_by_both("dataset", data.replace(begin, b"\xa5\x65proof\x40\x65proof\x40"))
    assert not read_by_both("dataset", data.replace(begin, b"\xbf\x65proof\x40") + b"\xff")
    for version in (0, 1, 3, 5, 256):
        assert not read_by_both("dataset", data.replace(b"\0\4", version.to_bytes(2, "big"), 1))
