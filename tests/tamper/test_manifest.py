"""Every field of every artefact is bound: manifest.txt says which check rejects what, and nothing else happens.

Why an answer is right:

| answer | where |
|---|---|
| format: .. | no honest writer makes this: wrong type, length, spelling, missing or unknown field |
| format: .. beside the statement .. | the statement names it by its digest, which is another one |
| mismatch: .. | the auditor holds a commitment, spec, forget list or predecessor, and the statement has another one |
| statement, forget list, record path | public data that contradict each other, before any proof |
| record consistency | likewise, of a link: records that are not the first of those that there are now |
| registration, record tree, fingerprint tree | likewise, of a registration |
| receipt, fingerprint path | likewise, of a receipt |
| bundle .. | statements that do not fit together |
| proof length | the statement implies another shape; a second row has a proof of that length |
| constraints | what is absorbed before the settlement moves its challenges: all of a statement, and most of a proof |
| proof of work, folding | what is absorbed after it: challenges of the folding, or the seed of the next nonce |
| merkle cap, merkle path | what is opened of a tree has its root as judge |
| field element | p and above are no elements: "p" is zero by another spelling |
| DataError: .. | no forget list has such a line, or has it twice |

What is behind a comma in a kind's name is a variant, or the role in which an auditor uses it. Fields whose change is
accepted are listed in FREE, each for a reason.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements import (
    dataset,
    distance,
    evaluation,
    link,
    model_link,
    registration,
    results,
    scope,
    sharded_evaluation,
    training,
)
from zkunlearn.circuits.statements.records import written_records
from zkunlearn.formats.container import KINDS
from zkunlearn.models.shards import Run
from zkunlearn.verifier import receipts

from ..attacks.test_broken_bytes import by_luck
from .artefacts import ROWS_AFTER, Kind
from .manifest import FILE, Row, read, written

AGAIN = ", and a proof of that length"
# Fields below this one, and the operations: any, where none is named.
FREE: dict[tuple[str, str], tuple[set[str], str]] = {
    # Both are their owner's own copies, and secret. What binds a statement is its proof; who lowers the count of his
    # own openings gives away his own data (docs/security.md, "The budget").
    ("model.opening", "training"): (set(), "a copy of the statement, which the proof binds"),
    ("model.opening", "spent"): (set(), "the owner's own count of a model's openings"),
    ("model.opening", "revealed"): (set(), "the owner's own count of inputs whose scores were proved"),
    ("noise.opening, of steps", "kept"): (
        {"bit flipped", "zero", "p", "spliced"},
        "where else it leads is refused when it is used (tests/prover/test_noisy_newton_moves.py)",
    ),
    ("dataset.opening", "spent"): ({"minus one", "bit flipped", "spliced"}, "the owner's own count, lowered"),
    # What the auditor says that he knows already is not looked at again (docs/security.md, "Not claimed").
    ("training, superseded", "proof"): (set(), "its statement is compared, and it has its own `verify`"),
    ("bundle", "links"): ({"first doubled"}, "a link that is there twice leads nowhere else"),
    # What `refitted` writes anew, from the data set beside it.
    ("model link, and its training alike", "references.training.statement.dataset"): (set(), "named as it is"),
    ("dataset, known", "proof"): (set(), "verified before, says who names the digest"),
    # Lists are sets of digests, in any order; text after # is for people.
    ("a forget list", "head"): ({"capital", "dropped", "doubled", "swapped with the next"}, "a comment"),
    ("a forget list", "digest"): ({"capital", "swapped with the next"}, "hexadecimal in either case, any order"),
    ("a forget list", "last digest"): ({"capital"}, "hexadecimal in either case"),
}
OF_FILES, OF_PROOFS = ("format: ", "proof length"), ("proof length", "field element")  # about form, not content
# What a file carries beside its statement is the one that it names: the content, as a digest says it.
NAMED = "beside the statement is not the one it names"
# Fields of which there is no other value in good form, and why.
FORM_ONLY = {
    "takes a change of its neighbours, or of what is in it; that of binary labels has no bits and no bounds": {
        *("label_kind", "label_bits", "label_bounds"),
    },
    "one says that there is the other, and most files here are of rows without keys": {"unique", "keys"},
    "of a registration, which begins with a segment, goes up to the last row, and whose file is as long as that": {
        *("start", "stop", "rows"),
    },
    "the only one of this version": {"kind"},
    "of a column that suits its other value, too: tests/models/test_maps.py": {"map"},
    "a map whose fields are bound": {"class_weight[]", "sources[]"},
    "names of features, which take a change of these": {"column", "reference", "values[]"},
    "null of models without noise, where these are only referred to": {"noise"},
    "of a start that trained all shards, empty: tests/reference/test_sisa.py has others": {"scope"},
}
# Maps that have no fields: nothing is referred to, or attached.
EMPTY = {
    *(("dataset", name) for name in ("attached", "references")),
    *(("link", name) for name in ("references.old.references", "references.new.references")),
    ("training", "references.dataset.references"),
    ("evaluation", "attached"),
    ("sharded evaluation", "attached"),
    ("distance", "attached"),
    ("prediction", "attached"),
    *(("model link", name) for name in ("attached", "references.training.references.dataset.references")),
    ("registration", "references.dataset.references"),
}


@pytest.fixture(scope="module")
def manifest() -> list[Row]:
    return read(FILE.read_text())


def free(kind: str, field: str, operation: str) -> list[tuple[str, str]]:
    """The entries of FREE that excuse a row."""
    return [
        (owner, start)
        for (owner, start), (operations, _) in FREE.items()
        if kind == owner and field.startswith(start) and (not operations or operation in operations)
    ]


def test_the_manifest_reads_as_it_is_written(manifest: list[Row]) -> None:
    assert written(manifest) == FILE.read_text()


@pytest.mark.parametrize("every", [6, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_every_edit_is_rejected_by_the_check_of_the_manifest(
    tampered: list[Any], manifest: list[Row], every: int
) -> None:
    """All fields and operations that are found in real artefacts, no more and no fewer; and one in so many is tried."""
    tried = [(kind.name, *each) for kind in tampered for each in kind.operations()]
    assert tried == [row[:3] for row in manifest if not row[2].endswith(AGAIN)], "fields have changed: regenerate.py"
    answers = {row[:3]: row[3] for row in manifest}
    assert len(answers) == len(manifest)
    found = [row for kind in tampered for row in kind.rows(every)]
    assert len(found) * every >= len(tried)
    pairs = [(row, answers.get(row[:3], "no such row")) for row in found]
    wrong = [(row, check) for row, check in pairs if row[3] != check and not by_luck(check, row[3])]
    assert not wrong


def test_only_what_is_free_is_accepted(manifest: list[Row]) -> None:
    accepted = [row[:3] for row in manifest if row[3] == "accepted"]
    assert [row for row in accepted if not free(*row)] == []


def test_nothing_is_called_free_that_is_not(manifest: list[Row]) -> None:
    """Each excuse is needed, each operation of it too."""
    used = {(place, row[2]) for row in manifest if row[3] == "accepted" for place in free(*row[:3])}
    assert {place for place, _ in used} == set(FREE)
    for place, (operations, _) in FREE.items():
        assert operations <= {operation for where, operation in used if where == place}, place


def test_no_row_depends_on_the_length_alone(manifest: list[Row]) -> None:
    """A statement that implies another length is rejected with a proof of that length, too, for what it says."""
    answers = {row[:3]: row[3] for row in manifest}
    lengths = [row for row in manifest if row[3] == "proof length" and row[1].startswith("statement")]
    assert lengths
    for kind, field, operation, _ in lengths:
        assert answers[kind, field, f"{operation}, and a proof of that length"] == "constraints"


def test_every_field_is_bound_by_more_than_its_form(manifest: list[Row]) -> None:
    """A value in good form that is another one is rejected too, for what it says, in some file of the kind.

    A digest that names what is beside the statement is bound by what it names. What is beside it is not bound by that:
    it has to be refused when the statement names it as it is.
    """
    bound, known = set(), set()
    for kind, field, _, answer in manifest:
        if kind.startswith("a container"):  # is form, all of it
            continue
        form = OF_PROOFS if kind.startswith("bytes of") else OF_FILES
        known.add((kind.split(",")[0], field))
        names = field.split(".")[0] == "statement" and answer.endswith(NAMED)
        if names or not answer.startswith(form):
            bound.add((kind.split(",")[0], field))
    unbound = {place for place in known - bound if not place[0].endswith((".opening", ".left_out"))}
    assert unbound >= EMPTY
    assert {field.split(".")[-1] for _, field in unbound - EMPTY} == set().union(*FORM_ONLY.values())


def test_every_kind_of_file_is_in_the_manifest(tampered: list[Any]) -> None:
    names = {kind.name.split(",")[0] for kind in tampered if isinstance(kind, Kind)}
    assert set(KINDS) <= names


def test_every_field_of_the_formats_is_in_the_manifest(manifest: list[Row]) -> None:
    """From the tables that readers use and the classes that writers use: a new field fails here, too."""
    named = {(kind, field.split(".")[-1].removesuffix("[]")) for kind, field, *_ in manifest}
    of_dataset = {name for kind, name in named if kind == "dataset, real labels"}
    of_proof = {name for kind, name in named if kind == "training"}
    assert set(dataset._FIELDS) == {f.name for f in fields(dataset.DatasetStatement)} <= of_dataset
    assert set(dataset._SEGMENT_FIELDS) == {f.name for f in fields(dataset.Segment)} <= of_dataset
    assert set(training._FIELDS) == {f.name for f in fields(training.TrainingStatement)} <= of_proof
    assert set(scope._MODEL) == {f.name for f in fields(scope.ModelCommitment)} <= of_proof
    of_request = {name for kind, name in named if kind == "training, shards"}
    of_steps = {name for kind, name in named if kind == "training, newton"}
    assert set(scope._START) <= of_request and {*scope._START, "scale"} <= of_steps
    assert {*scope._START, "scale"} == {f.name for f in fields(scope.Start)}
    assert set(scope._RUN) == {f.name for f in fields(Run)} <= of_request
    assert {"proofs", "links"} <= {name for kind, name in named if kind == "bundle"}
    assert set(written_records([])) | set(training.TrainingStatement.attachments) <= of_proof
    of_registration = {name for kind, name in named if kind == "registration"}
    beside = {*registration.RegistrationStatement.attachments, ROWS_AFTER}
    assert set(registration._FIELDS) | beside <= of_registration
    assert set(receipts._FIELDS) | set(receipts._ROW) <= {name for kind, name in named if kind == "receipt"}
    of_link = {name for kind, name in named if kind == "link, grown"}
    assert set(link._FIELDS) | set(link.LinkStatement.attachments) <= of_link
    assert set(distance._ONE) <= {name for kind, name in named if kind == "distance"}
    assert {"models", *distance._NUMBERS} <= {name for kind, name in named if kind == "distance, of classes"}
    assert set(evaluation._FIELDS) <= {name for kind, name in named if kind == "evaluation"}
    of_evaluation = {name for kind, name in named if kind == "evaluation"}
    assert set(evaluation._FIELDS) | set(results._CLASSES) <= of_evaluation
    of_shards = {name for kind, name in named if kind == "sharded evaluation"}
    assert set(sharded_evaluation._FIELDS) | set(sharded_evaluation._BUNDLE) <= of_shards
    of_classes = {name for kind, name in named if kind == "evaluation, of several classes"}
    assert set(results._CLASSES) <= of_classes
    assert set(results._NUMBERS) <= {name for kind, name in named if kind == "evaluation, of numbers"}
    assert set(model_link._FIELDS) <= {name for kind, name in named if kind == "model link"}
    assert set(zu.TrainingSpec(model="linear", epochs=1, learning_rate=1.0).to_mapping()) <= of_proof


def test_a_new_field_of_a_file_would_be_found(tampered: list[Any], manifest: list[Row]) -> None:
    """The walk over payloads meets what the manifest does not have."""
    (kind,) = (kind for kind in tampered if kind.name == "dataset.opening")
    grown = Kind(kind.name, {**kind.payload, "novel": 7}, kind.sibling, lambda payload: None)
    known = {field for name, field, *_ in manifest if name == kind.name}
    assert {field for _, field, _, _ in grown.rows()} - known == {"novel"}
