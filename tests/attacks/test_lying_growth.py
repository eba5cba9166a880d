"""Owners whose data sets grow otherwise than they say. The check that refuses it is named, by both verifiers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.growth import NEW_DATASET
from zkunlearn.circuits.statements.dataset import Segment
from zkunlearn.circuits.statements.link import CONSISTENCY, PATHS, LinkStatement
from zkunlearn.circuits.statements.records import Record
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.prover.owner import declared
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.prover.witnesses.rows import Rows

from ..reference.examples import Training
from .growths import (
    ADDED,
    FEW,
    TWINS,
    Grown,
    beside,
    claiming,
    committed,
    edited,
    forged,
    grown,
    growth_columns,
    growth_shape,
    more,
    permuted,
    picked,
    refused,
    renewed,
    stating,
    verdict,
)
from .harness import ROWS, Columns, assert_caught, prove
from .test_padding import JunkProver, filled

SPEC: Any = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5, batch_size=4)


@pytest.fixture(scope="module")
def people() -> Dataset:
    return committed(openings=20)


@pytest.fixture(scope="module", params=[FEW, ADDED], ids=["one padding", "more padding"])
def own(request: pytest.FixtureRequest, people: Dataset) -> Grown:
    return grown(people, request.param)


@pytest.fixture(scope="module")
def wide(people: Dataset) -> Grown:
    return grown(people, ADDED)


@pytest.fixture(scope="module")
def afresh(people: Dataset) -> Grown:
    return grown(people, 0)


@pytest.fixture(scope="module")
def rectified(people: Dataset) -> Grown:
    """With a row that was put right."""
    X, y = more(1, seed=3)
    return Grown(people, *zu.rectify(people, X, y, ids=["4"]))


def test_an_honest_link_is_valid(own: Grown, afresh: Grown, rectified: Grown) -> None:
    for each in (own, afresh, rectified):
        assert verdict(each.link) == "valid"
        same, lies = forged(each, each.new.rows)
        assert verdict(same) == "valid" and not lies  # or the tests below would see nothing


# Rows ----------------------------------------------------------------------------------------------------------------


def without(place: int) -> Callable[[Rows], Rows]:
    """One row is dropped; those after it move up, and the last one is there twice."""
    return lambda rows: picked(rows, [i for i in range(len(rows.ids)) if i != place] + [len(rows.ids) - 1])


def swapped(one: int, other: int) -> Callable[[Rows], Rows]:
    def swap(rows: Rows) -> Rows:
        order = list(range(len(rows.ids)))
        order[one], order[other] = order[other], order[one]
        return picked(rows, order)

    return swap


def labelled(place: int) -> Callable[[Rows], Rows]:
    return lambda rows: edited(rows, "labels", place, 1 - int(rows.labels[place]))


LIES: dict[str, Callable[[Rows], Rows]] = {
    "the first row is dropped": without(0),
    "a row is dropped": without(5),
    "the last old row is dropped": without(ROWS - 1),
    "two rows are swapped": swapped(3, 8),
    "an old row and a new one are swapped": swapped(ROWS - 1, ROWS),
    "a cell is edited": lambda rows: edited(rows, "by_feature", (1, 7), int(rows.by_feature[1, 7]) + 1),
    "the last cell of the last row is edited": lambda rows: edited(rows, "by_feature", (2, ROWS - 1), 0),
    "a label is edited": labelled(4),
    "a blind is edited": lambda rows: edited(rows, "blinds", (0, 6), 5),
    "the other blind is edited": lambda rows: edited(rows, "blinds", (1, ROWS - 1), 5),
}


@pytest.mark.parametrize("name", LIES)
def test_old_rows_that_are_not_as_they_were_are_rejected(own: Grown, name: str) -> None:
    lying, lies = forged(own, LIES[name](own.new.rows))
    assert verdict(lying) == "constraints"
    assert lies == {"growth"}


def test_new_rows_are_whatever_they_are(own: Grown) -> None:
    """Not this proof says what they are, but their records and the validity of the new data set."""
    lying, lies = forged(own, labelled(ROWS)(own.new.rows))
    assert verdict(lying) == "valid" and not lies


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("a cell is edited", "features"),
        ("a label is edited", "labels"),
        ("a blind is edited", "blind 0"),
        ("the other blind is edited", "blind 1"),
    ],
)
def test_edits_are_rejected_where_no_row_is_added(afresh: Grown, name: str, column: str) -> None:
    lying, lies = forged(afresh, LIES[name](afresh.new.rows))
    assert verdict(lying) == "constraints"
    assert lies == {f"recommitment of {column}"}


# Padding -------------------------------------------------------------------------------------------------------------

OLD = (data_set.FEATURES, data_set.LABELS, *data_set.BLINDS)


def junk(columns: Columns, name: Address, first: int, last: int | None = None) -> Columns:
    """Whole boxes with junk in rows of one column."""
    cells = columns[name].copy()
    cells[..., first:last] = random_field(*cells[..., first:last].shape)
    return columns | {name: cells}


@pytest.mark.parametrize("added", [FEW, ADDED])
@pytest.mark.parametrize("name", OLD, ids=lambda name: name.name)
def test_junk_after_the_last_old_row_is_rejected(name: Address, added: int) -> None:
    """An owner could have rows there that count when they come to be rows."""
    shape, columns = growth_shape(ROWS + added), growth_columns(ROWS + added)
    box = filled(shape, columns)
    assert box[name].shape[-1] == 16 > ROWS, "there is room"
    assert_caught(prove(shape, junk(box, name, ROWS), prover=JunkProver), "growth")
    there = box[name].copy()
    there[..., ROWS:16] = box[Address(NEW_DATASET, name.name)][..., ROWS:16]  # what is to be added, beforehand
    if there[..., ROWS:16].any():
        assert_caught(prove(shape, box | {name: there}, prover=JunkProver), "growth")


def test_junk_after_the_last_new_row_is_inert() -> None:
    """Like that of any data set, which its next link has to do without."""
    shape, columns = growth_shape(), growth_columns()
    box = filled(shape, columns)
    for name in OLD:
        box = junk(box, Address(NEW_DATASET, name.name), ROWS + ADDED)
    assert prove(shape, box, prover=JunkProver).verdict() == "valid"


def test_junk_beside_the_features_is_what_it_was() -> None:
    """In the feature that there is not, which no training reads."""
    shape, columns = growth_shape(), growth_columns()
    box = filled(shape, columns)
    features, new = data_set.FEATURES, Address(NEW_DATASET, data_set.FEATURES.name)
    assert len(box[features]) == 4
    box[features][3, :ROWS] = random_field(ROWS)
    assert_caught(prove(shape, box, prover=JunkProver), "growth")
    box[new][3, :ROWS] = box[features][3, :ROWS]
    assert prove(shape, box, prover=JunkProver).verdict() == "valid"


# Records -------------------------------------------------------------------------------------------------------------


def test_records_that_are_permuted_over_equal_rows_are_rejected(own: Grown) -> None:
    """The matrix is the same, but who is forgotten under a digest would be another person."""
    names = [str(row + 1) for row in TWINS]
    one, other = (own.old.ids.index(name) for name in names)
    assert (own.old.rows.features[one] == own.old.rows.features[other]).all()
    assert own.old.rows.labels[one] == own.old.rows.labels[other]
    assert verdict(permuted(own, one, other)) == "record consistency"
    assert verdict(permuted(own, 0, ROWS)) == "record consistency"  # an old one and a new one


def test_records_of_others_are_rejected_where_no_row_is_added(afresh: Grown) -> None:
    assert verdict(permuted(afresh, 0, 1)) == "record consistency"
    assert verdict(claiming(afresh.link, record_root=bytes(32))) == "record consistency"


def test_new_records_may_not_change_afterwards(wide: Grown) -> None:
    """The root with which the consistency is shown is that of the statement."""
    assert verdict(permuted(wide, ROWS, ROWS + 1)) == "constraints"  # consistent, but of another statement
    assert verdict(claiming(wide.link, record_root=bytes(32))) == "record consistency"


def test_no_other_consistency_is_accepted(own: Grown) -> None:
    path = own.link.attached[CONSISTENCY]
    nodes = [path[i : i + 32] for i in range(0, len(path), 32)]
    others = [b"", path[:-1], path[:-32], path[32:], path + bytes(32), path + path, path[::-1]]
    others += [b"".join([*nodes[:i], bytes([node[0] ^ 1]) + node[1:], *nodes[i + 1 :]]) for i, node in enumerate(nodes)]
    others += [b"".join([nodes[1], nodes[0], *nodes[2:]])]
    for other in others:
        assert verdict(beside(own.link, consistency=other)) == "record consistency"


def test_nothing_is_beside_a_link_that_adds_nothing(afresh: Grown) -> None:
    assert afresh.link.attached == {CONSISTENCY: b"", PATHS: b""}
    assert verdict(beside(afresh.link, consistency=bytes(32))) == "record consistency"
    assert verdict(beside(afresh.link, paths=bytes(32))) == "record path"


# What the new data set says of itself --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": bytes(32)},
        {"nonce": bytes(32)},
        {"born": b"\1" * 32},
        {"stop": ROWS - 1},
        {"stop": ROWS + 1},
    ],
    ids=str,
)
def test_an_old_segment_stays_what_it_was(own: Grown, changes: dict[str, Any]) -> None:
    assert verdict(claiming(own.link, segments=renewed(own.new.statement, 0, **changes))) == "statement"


def test_new_rows_are_a_segment_of_their_own(own: Grown) -> None:
    """In an old one, their birth would be known beforehand: blinds could be solved for any fingerprint."""
    first = replace(own.new.statement.segments[0], stop=own.new.statement.rows)
    assert verdict(claiming(own.link, segments=(first,))) == "statement"


def test_new_rows_have_no_birth_of_their_own(own: Grown) -> None:
    for born in (bytes(32), own.old.statement.digest):
        assert verdict(claiming(own.link, segments=renewed(own.new.statement, 1, born=born))) == "statement"


def test_two_segments_are_two_links(own: Grown) -> None:
    """Each with a seed that is drawn from all of its rows."""
    first, last = own.new.statement.segments
    both = (replace(last, stop=ROWS + 1, born=own.old.statement.digest), last)
    assert verdict(claiming(own.link, segments=(first, *both))) == "statement"
    assert verdict(claiming(own.link, segments=(first, replace(both[0], born=None), last))) == "format"


def test_a_segment_is_not_left_out_on_the_way(wide: Grown) -> None:
    """Over two links, the second of which says that the first one's rows were there before."""
    again = grown(wide.new, FEW)
    assert verdict(again.link) == "valid"
    first, middle, last = again.new.statement.segments
    merged = (replace(first, stop=middle.stop), last)
    assert verdict(claiming(again.link, segments=merged)) == "statement"
    assert verdict(claiming(again.link, segments=(first, replace(middle, born=first.born), last))) == "statement"


def test_there_are_no_fewer_rows_than_before(wide: Grown, people: Dataset) -> None:
    back = LinkStatement(wide.new.statement, people.statement)
    assert refused(back) == "statement"
    first = wide.new.statement.segments[0]
    fewer = claiming(wide.link, rows=ROWS - 1, segments=(replace(first, stop=ROWS - 1),))
    assert verdict(fewer) == "statement"
    short = replace(wide.link.statement.new, rows=ROWS - 1, segments=(first, Segment(ROWS - 1, bytes(32))))
    assert refused(replace(wide.link.statement, new=short)) == "record consistency"  # which no file can say


def test_cells_mean_what_they_meant(own: Grown) -> None:
    encoding = own.new.statement.encoding
    column = replace(encoding.features[0], high=60.0)
    others = [replace(encoding, features=(column, *encoding.features[1:])), replace(encoding, bounds_declared=False)]
    others += [replace(encoding, features=encoding.features[:-1]), replace(encoding, features=encoding.features[::-1])]
    for other in others:
        assert verdict(claiming(own.link, encoding=other)) == "statement"


@pytest.mark.parametrize("changes", [{"unique": True}, {"holes": (0,)}], ids=str)
def test_what_is_to_come_is_no_link_yet(own: Grown, changes: dict[str, Any]) -> None:
    lie = claiming(own.link, **changes)
    assert refused(lie.statement) == "statement"
    assert verdict(lie) == "format"


def test_a_proof_is_of_one_link(own: Grown, rectified: Grown) -> None:
    """The same matrices under another statement."""
    assert verdict(claiming(own.link, root=bytes(32))) == "constraints"
    assert verdict(claiming(own.link, openings=own.new.statement.openings - 1)) == "proof length"
    assert verdict(beside(stating(rectified.link, superseded=()), paths=b"")) == "constraints"


# Superseded ----------------------------------------------------------------------------------------------------------


def superseding(link: zu.LinkProof, *records: Record, paths: bytes | None = None) -> zu.LinkProof:
    named = stating(link, superseded=records)
    return named if paths is None else beside(named, paths=paths)


def test_only_rows_of_the_old_data_set_are_superseded(rectified: Grown) -> None:
    link, (record,) = rectified.link, rectified.link.statement.superseded
    assert record == rectified.old.rows.record(rectified.old.ids.index("4"))
    other = committed(seed=7).rows.record(record.position)
    place = (record.position + 1) % ROWS
    for lie in (other, Record(place, record.digest), rectified.new.rows.record(ROWS), Record(1 << 20, record.digest)):
        assert verdict(superseding(link, lie)) == "record path"
    new = rectified.new.rows
    assert verdict(superseding(link, new.record(ROWS), paths=new.record_paths([ROWS]))) == "record path"


def test_superseded_rows_are_named_in_order_and_once(rectified: Grown) -> None:
    rows, statement = rectified.old.rows, rectified.link.statement
    one, other = rows.record(2), rows.record(5)
    paths = rows.record_paths([2, 5])
    assert verdict(superseding(rectified.link, one, other, paths=paths)) == "constraints"  # of another statement
    for lie in ((other, one), (one, one), (one, other, other)):
        with pytest.raises(zu.InvalidProof) as caught:
            replace(statement, superseded=lie).require_consistent({**rectified.link.attached, PATHS: paths})
        assert caught.value.check == "record path"
        with pytest.raises(zu.FormatError):
            superseding(rectified.link, *lie).to_bytes()


def test_wrong_paths_of_superseded_rows_are_rejected(rectified: Grown) -> None:
    paths = rectified.link.attached[PATHS]
    assert len(paths) >= 64
    for other in (b"", paths[:-1], paths[32:], paths + bytes(32), bytes([paths[0] ^ 1]) + paths[1:]):
        assert verdict(beside(rectified.link, paths=other)) == "record path"


# Chains --------------------------------------------------------------------------------------------------------------


def chained(proof: zu.TrainingProof, dataset: Dataset, previous: zu.TrainingProof, *links: zu.LinkProof) -> str:
    """The verdict of both on a successor."""
    own = Training(proof.to_bytes(), dataset.commitment.to_bytes())
    return own.verdict(previous=previous.to_bytes(), links=[link.to_bytes() for link in links])


def test_a_successor_on_more_rows_may_not_forget_less(wide: Grown, monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions and digests are those of the old data set."""
    first = zu.prove(wide.old, SPEC, forget=["3", "8"]).proof
    good = zu.prove(wide.new, SPEC, forget=["2"], previous=first).proof
    assert good.statement.forgotten[-1].position < ROWS
    assert {*first.statement.forgotten} < {*good.statement.forgotten}
    assert chained(good, wide.new, first, wide.link) == "valid"
    monkeypatch.setattr(declared, "forgotten_before", lambda *arguments: ())
    bad = zu.prove(wide.new, SPEC, forget=["3", "15"], previous=first).proof
    assert len(bad.statement.forgotten) == 2
    assert chained(bad, wide.new, first, wide.link) == "mismatch"
    with pytest.raises(zu.StatementMismatch, match="a row that the previous proof forgot is not forgotten in this one"):
        zu.verify(bad, wide.new.commitment, previous=first, links=[wide.link])


def test_only_links_that_lead_from_one_to_the_other_are_taken(people: Dataset, wide: Grown, afresh: Grown) -> None:
    again = grown(wide.new, FEW)
    first = zu.prove(people, SPEC, forget=["3"]).proof
    last = zu.prove(again.new, SPEC, previous=first).proof
    for links in ((wide.link, again.link), (again.link, wide.link)):
        assert chained(last, again.new, first, *links) == "valid"
    unused: list[tuple[zu.LinkProof, ...]] = [(wide.link, again.link, afresh.link), (wide.link, wide.link, again.link)]
    for others in [(), (wide.link,), (again.link,), (afresh.link, again.link), *unused]:
        assert chained(last, again.new, first, *others) == "mismatch"
    same = zu.prove(people, SPEC, forget=["3", "4"], previous=first).proof
    assert chained(same, people, first) == "valid"
    assert chained(same, people, first, wide.link) == "mismatch", "no link is needed"
    own = Training(last.to_bytes(), again.new.commitment.to_bytes())
    with pytest.raises(zu.ParameterError, match="links: they link the data set of `previous`, which is not given"):
        own.verdict(links=[wide.link.to_bytes(), again.link.to_bytes()])


def test_a_link_that_is_given_is_checked(wide: Grown) -> None:
    first = zu.prove(wide.old, SPEC, forget=["3"]).proof
    last = zu.prove(wide.new, SPEC, previous=first).proof
    broken = replace(wide.link, proof=wide.link.proof[:-1] + bytes([wide.link.proof[-1] ^ 1]))
    assert chained(last, wide.new, first, broken) == "merkle path"
    assert chained(last, wide.new, first, beside(wide.link, consistency=b"")) == "record consistency"


# Secrets and openings ------------------------------------------------------------------------------------------------


def test_nothing_that_hides_a_commitment_hides_the_next_one(own: Grown, afresh: Grown) -> None:
    """Tails and salts are fresh in every row and at every position, also where all cells of the matrix are the same."""
    for each in (own, afresh):
        old, new = each.old.secret, each.new.secret
        assert not np.isin(old.tails, new.tails).any()
        salts = [{salt.tobytes() for salt in secret.salts} for secret in (old, new)]
        assert not salts[0] & salts[1]
        assert (each.new.rows.blinds[:, :ROWS] == each.old.rows.blinds).all()
        assert (each.new.rows.salts[:ROWS] == each.old.rows.salts).all()


def test_the_last_opening_is_for_a_link_and_then_there_is_none(tmp_path: Path) -> None:
    dataset = committed(openings=2)
    dataset.save(tmp_path / "data")
    new, link = zu.append(dataset, *more(FEW))
    assert verdict(link) == "valid" and dataset.spent == 2 and new.spent == 2

    def worked(stage: str) -> None:
        raise AssertionError(f"work began: {stage}")

    loaded = zu.load_dataset(tmp_path / "data")
    for each in (dataset, loaded):
        for again in (
            lambda d: zu.append(d, *more(FEW), progress=worked),
            lambda d: zu.rectify(d, *more(1), ids=["4"], progress=worked),
            lambda d: zu.recommit(d, progress=worked),
        ):
            with pytest.raises(zu.BudgetExceeded, match="all 2 openings"):
                again(each)
        assert each.spent == 2
