"""Data sets that grow, as their owners see it: what is taken, what is refused, and what later trainings forget."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.link import LinkStatement
from zkunlearn.circuits.statements.record_tree import root_of
from zkunlearn.circuits.statements.records import Record, order_key, segment_seed
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.prover.owner import growth
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.prover.tables.read import read_more_rows

SPEC: Any = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)
NAMES = ["age", "dose"]
BOUNDS: Any = dict.fromkeys(NAMES, (-1.0, 1.0))
ROWS = 6
NONCE = bytes(range(32))
Grow = Callable[..., tuple[Dataset, zu.LinkProof]]


def frame(rows: int, seed: int = 1, **columns: Any) -> pd.DataFrame:
    cells = np.random.default_rng(seed).uniform(-1, 1, (rows, 2))
    return pd.DataFrame(cells, columns=NAMES).assign(**columns)


def committed(openings: int = 40, **options: Any) -> Dataset:
    return zu.commit(frame(ROWS), ["yes", "no"] * 3, bounds=BOUNDS, openings=openings, **options)


@pytest.fixture(scope="module")
def people() -> Dataset:
    return committed()


def cells_of(dataset: Dataset) -> dict[str, tuple[Any, ...]]:
    """By id: features and label."""
    rows = dataset.rows
    return {name: (*rows.features[i].tolist(), int(rows.labels[i])) for i, name in enumerate(rows.ids)}


def added(dataset: Dataset, *arguments: Any, grow: Grow = zu.append, **options: Any) -> Dataset:
    """What a data set becomes; the link is valid, and the rows that were there are the first ones, as they were."""
    new, link = grow(dataset, *arguments, **options)
    assert zu.verify_link(link) >= 100 and zu.verify_dataset(new.commitment) >= 100
    assert (link.statement.old, link.statement.new) == (dataset.statement, new.statement)
    old, count = dataset.rows, dataset.statement.rows
    assert tuple(new.ids[:count]) == tuple(old.ids)
    for part in ("by_feature", "labels", "blinds"):
        assert (getattr(new.rows, part)[..., :count] == getattr(old, part)).all()
    assert (new.rows.salts[:count] == old.salts).all()
    assert [new.rows.record(i) for i in range(count)] == [old.record(i) for i in range(count)]
    return new


# Rows that are taken -------------------------------------------------------------------------------------------------


def test_columns_of_a_frame_go_by_name(people: Dataset) -> None:
    more = frame(2, seed=2)
    by_name = added(people, more[["dose", "age"]], ["no", "yes"])
    by_place = added(people, more.to_numpy(), ["no", "yes"])
    assert cells_of(by_name) == cells_of(by_place)
    assert cells_of(by_name)["7"] == (*np.rint(more.to_numpy()[0] * 1024).astype(int).tolist(), 0)


def test_one_row_is_enough(people: Dataset) -> None:
    new = added(people, [[0.5, -0.5]], ["yes"])
    assert cells_of(new)["7"] == (512, -512, 1)
    assert new.statement.spans == ((0, 6), (6, 7)) and new.statement.births[0] == people.statement.digest


def test_numbers_go_on_from_the_last_row(people: Dataset) -> None:
    once = added(people, frame(2, seed=2), ["no", "yes"])
    twice = added(once, frame(1, seed=3).to_numpy(), ["no"])
    assert sorted(once.ids[6:]) == ["7", "8"] and twice.ids[8:] == ("9",)


def test_the_index_of_a_frame_names_its_rows(people: Dataset) -> None:
    more = frame(2, seed=2)
    assert sorted(added(people, more.set_axis(["p", "q"]), ["no", "yes"]).ids[6:]) == ["p", "q"]
    named = more.set_axis(pd.Index([70, 80], name="number"))
    assert sorted(added(people, named, ["no", "yes"]).ids[6:]) == ["70", "80"]
    labels = pd.Series(["no", "yes"], index=["q", "p"])
    with pytest.raises(zu.DataError, match="X and y have the same index in another order"):
        zu.append(people, more.set_axis(["p", "q"]), labels)


def test_ids_of_the_owners_name_rows(people: Dataset) -> None:
    new = added(people, frame(2, seed=2), ["no", "yes"], ids=["p", 70])
    assert set(new.ids[6:]) == {"p", "70"}


def test_one_person_may_have_several_rows_where_that_is_said(people: Dataset) -> None:
    new = added(people, frame(3, seed=2), ["no", "yes", "no"], ids=["3", "x", "x"], rows_per_id="many")
    assert new.rows.positions(["3"]) == (people.ids.index("3"), 6 + new.ids[6:].index("3"))
    assert len(new.rows.positions(["x"])) == 2
    proof = zu.prove(new, SPEC, forget=["3"]).proof
    assert proof.statement.positions == new.rows.positions(["3"])
    assert zu.verify(proof, new.commitment, forget=[r.digest for r in new.records(["3"])])


def test_a_commitment_has_as_many_openings_as_the_one_before_unless_told() -> None:
    dataset = committed(openings=5)
    assert added(dataset, frame(1, 2), ["no"]).statement.openings == 5
    new = added(dataset, frame(1, 2), ["no"], openings=2)
    assert (new.statement.openings, new.spent, dataset.spent) == (2, 2, 3)
    for openings in (0, 1, 4097):
        with pytest.raises(zu.ParameterError, match=f"openings = {openings}: must be an integer from 2 to 4096"):
            zu.append(dataset, frame(1, 2), ["no"], openings=openings)


# Rows that are refused -----------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[str, Any, Any, dict[str, Any]]] = {
    "a missing column": ("X has no column 'age'", frame(2)[["dose"]], ["no", "yes"], {}),
    "a column too many": ("X has a column too many, 'z'", frame(2, z=1.0), ["no", "yes"], {}),
    "too few by place": ("X: 1 columns, expected 2", [[0.5], [0.5]], ["no", "yes"], {}),
    "a text": ("row 1, column 'age': 'a' is a text, not a number", frame(2, age=["a", "b"]), ["no", "yes"], {}),
    "no value": ("row 2, column 'dose': the cell is empty; leave such rows", [[0, 0], [0, np.nan]], ["no", "yes"], {}),
    "no number": ("row 2, column 'dose': inf is not a finite number", [[0, 0], [0, np.inf]], ["no", "yes"], {}),
    "out of bounds": (
        r"row 2, column 'dose': 1.5 is outside the bounds \[-1.0, 1.0\]",
        [[0, 0], [0, 1.5]],
        ["no", "yes"],
        {},
    ),
    "an unknown class": (
        "row 2, column 'label': 'maybe' is no class; the classes are no, yes",
        frame(2),
        ["no", "maybe"],
        {},
    ),
    "another name of the labels": (
        "row 1, column 'ill': 'maybe' is no class",
        frame(1),
        ["maybe"],
        {"label_name": "ill"},
    ),
    "one label": (r"X and y: shapes \(2, 2\) and \(1,\)", frame(2), ["no"], {}),
    "no row": ("X: there is no row", np.zeros((0, 2)), [], {}),
    "an id that is there": (
        "row 2: id '4' is in the data set already; `rectify` puts rows right$",
        frame(2),
        ["no", "yes"],
        {"ids": ["x", 4]},
    ),
    "ids that are there": (
        r"row 1: id '3' is in the data set already; `rectify` puts rows right \(2 ids are\)",
        frame(2),
        ["no", "yes"],
        {"ids": ["3", "4"]},
    ),
    "two equal ids": ("row 2: id 'x' is also that of row 1", frame(2), ["no", "yes"], {"ids": ["x", "x"]}),
    "one id too few": ("2 rows of 2 features, but 1 ids and 2 names", frame(2), ["no", "yes"], {"ids": ["x"]}),
    "an index with an id that is there": (
        "row 1: id '5' is in the data set already",
        frame(1).set_axis(pd.Index([5], name="number")),
        ["no"],
        {},
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_rows_that_do_not_fit_are_refused_by_row_and_column(people: Dataset, name: str) -> None:
    message, X, y, options = REFUSED[name]
    before = people.spent
    with pytest.raises(zu.DataError, match=message):
        zu.append(people, X, y, **options)
    assert people.spent == before


def test_rows_per_id_is_one_of_two_words(people: Dataset) -> None:
    with pytest.raises(zu.ParameterError, match="rows_per_id = 'several': must be one of one, many"):
        zu.append(people, frame(1), ["no"], rows_per_id="several")


def test_what_is_read_from_a_file_is_what_the_data_set_has(tmp_path: Path) -> None:
    path = tmp_path / "more.csv"
    path.write_text("ill,dose,id,age\nno,0.5,p,0.25\n")
    encoding = DatasetEncoding.from_data([[0.0, 0.0], [1.0, 1.0]], [0, 1], NAMES)
    table = read_more_rows(path, encoding, "ill", "id")
    assert (table.X.tolist(), list(table.ids)) == ([[0.25, 0.5]], ["p"])
    for text, message in (
        ("ill,dose,id,age,z\nno,0.5,p,0.25,1\n", "line 1: a column too many, 'z': the data set does not have it"),
        ("ill,id,age\nno,p,0.25\n", "dose"),
        ("ill,dose,id,age\n", "no row"),
        ("ill,dose,id,age\nno,x,p,0.25\n", "line 2, column 'dose'"),
    ):
        path.write_text(text)
        with pytest.raises(zu.DataError, match=message):
            read_more_rows(path, encoding, "ill", "id")


# Somebody who was forgotten ------------------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path: Path) -> Dataset:
    """With the proof beside it that somebody was forgotten."""
    dataset = committed()
    dataset.save(tmp_path / "data")
    zu.prove(dataset, SPEC, forget=["2", "5"]).proof.save(tmp_path / "first.proof")
    return dataset


def test_what_trainings_beside_a_data_set_forget_is_seen(stored: Dataset, tmp_path: Path) -> None:
    assert stored.forgotten_seen() == set(stored.rows.positions(["2", "5"]))
    zu.prove(stored, SPEC, forget=["1"]).proof.save(tmp_path / "data" / "second.proof")
    zu.prove(committed(), SPEC, forget=["3"]).proof.save(tmp_path / "other.proof")
    shutil.copy(tmp_path / "first.proof", tmp_path / "copy.proof")
    (tmp_path / "broken.proof").write_bytes((tmp_path / "first.proof").read_bytes()[:-1])
    zu.recommit(stored)[1].save(tmp_path / "dataset.link")
    assert stored.forgotten_seen() == set(stored.rows.positions(["1", "2", "5"]))
    assert zu.load_dataset(tmp_path / "data").forgotten_seen() == stored.forgotten_seen()
    assert committed().forgotten_seen() == set(), "of what is nowhere stored nothing is seen"


def test_who_was_forgotten_before_a_growth_is_seen_after_it(stored: Dataset, tmp_path: Path) -> None:
    """Rows are where they were. What was trained on rows that came later says nothing of those before."""
    new, _ = zu.append(stored, frame(2, 2), ["no", "yes"])
    assert new.forgotten_seen() == set(), "it is nowhere stored"
    new.save(tmp_path / "new")
    zu.prove(new, SPEC, forget=["8"]).proof.save(tmp_path / "second.proof")
    before = set(stored.rows.positions(["2", "5"]))
    assert stored.forgotten_seen() == before
    assert new.forgotten_seen() == before | set(new.rows.positions(["8"]))
    for name in ("5", "8"):
        with pytest.raises(zu.DataError, match=f"id '{name}' was forgotten"):
            zu.rectify(new, frame(1, 3), ["no"], ids=[name])


def test_what_a_broken_statement_forgets_beyond_all_rows_is_not_looked_up(stored: Dataset, tmp_path: Path) -> None:
    """Files beside a data set are read, and not verified."""
    proof = zu.TrainingProof.load(tmp_path / "first.proof")
    far = Record(1 << 20, bytes(32))
    zu.TrainingProof(replace(proof.statement, forgotten=(far,)), b"", proof.attached).save(tmp_path / "far.proof")
    assert stored.forgotten_seen() == set(stored.rows.positions(["2", "5"]))
    added(stored, frame(1, 2), ["no"], ids=["3"], grow=zu.rectify)


@pytest.mark.parametrize("grow", [zu.append, zu.rectify], ids=["append", "rectify"])
def test_nobody_comes_back_who_was_forgotten(stored: Dataset, grow: Grow) -> None:
    """As far as it shows; what has no place has nothing beside it."""
    before = stored.spent
    for ids in (["5"], ["3", "5"]):
        with pytest.raises(zu.DataError, match=f"row {len(ids)}: id '5' was forgotten, and its rows are still there"):
            grow(stored, frame(len(ids)), ["no", "yes"][: len(ids)], ids=ids, rows_per_id="many")
    assert stored.spent == before
    added(stored, frame(1, 2), ["no"], ids=["3"], rows_per_id="many", grow=grow)


# Rows that are put right ---------------------------------------------------------------------------------------------


def test_a_row_is_put_right(people: Dataset) -> None:
    """The old one stays where it was, and is named; the new one comes behind it."""
    new, link = zu.rectify(people, [[0.5, 0.25]], ["yes"], ids=["4"])
    place = people.ids.index("4")
    assert new.rows.positions(["4"]) == (place, 6)
    assert new.rows.features[6].tolist() == [512, 256]
    assert link.statement.superseded == (people.rows.record(place),) and new.superseded == (place,)
    assert added(people, [[0.5, 0.25]], ["yes"], ids=["4"], grow=zu.rectify).statement.rows == 7


def test_only_rows_that_are_there_are_put_right(people: Dataset) -> None:
    before = people.spent
    with pytest.raises(zu.DataError, match="id '33' is not in the data set"):
        zu.rectify(people, frame(2), ["no", "yes"], ids=["3", "33"])
    with pytest.raises(zu.DataError, match="2 ids are not in the data set: '7', '8'"):
        zu.rectify(people, frame(2), ["no", "yes"])  # numbers go on
    with pytest.raises(zu.DataError, match="row 2: id '3' is also that of row 1"):
        zu.rectify(people, frame(2), ["no", "yes"], ids=["3", "3"])
    assert people.spent == before


def test_all_rows_of_a_person_are_put_right(people: Dataset) -> None:
    several = added(people, frame(2, 2), ["no", "yes"], ids=["3", "3"], rows_per_id="many")
    old = several.rows.positions(["3"])
    assert len(old) == 3
    new = added(several, frame(2, 4), ["no", "no"], ids=["3", "3"], rows_per_id="many", grow=zu.rectify)
    assert new.superseded == old and len(new.rows.positions(["3"])) == 5


NOTE = "1 row that was rectified since is forgotten, too"


def test_what_was_put_right_is_forgotten_from_then_on(tmp_path: Path) -> None:
    """By the next training, which says so; over further links, saved and loaded; and named by each link."""
    dataset = committed()
    first = zu.prove(dataset, SPEC, forget=["2"])
    right, link = zu.rectify(dataset, [[0.5, 0.25]], ["yes"], ids=["4"])
    second = zu.prove(right, SPEC, previous=first.proof)
    old = dataset.ids.index("4")
    assert second.proof.statement.positions == tuple(sorted([old, dataset.ids.index("2")]))
    assert NOTE in second.notes
    assert zu.verify(second.proof, right.commitment, previous=first.proof, links=[link]).pinned == ("previous",)
    again = zu.prove(right, SPEC, previous=second.proof)
    assert NOTE not in again.notes and again.proof.statement.positions == second.proof.statement.positions

    right.save(tmp_path / "right")
    loaded = zu.load_dataset(tmp_path / "right")
    assert loaded.superseded == (old,)
    longer, more = zu.append(loaded, frame(2, 3), ["no", "yes"])
    assert more.statement.superseded == link.statement.superseded
    afresh, fresh = zu.recommit(longer)
    assert fresh.statement.superseded == link.statement.superseded
    last, another = zu.rectify(afresh, [[0.0, 0.0]], ["no"], ids=["4"])
    assert last.superseded == (old, 6) and another.statement.superseded == last.records_at((old, 6))
    third = zu.prove(last, SPEC, forget=["9"], previous=second.proof)
    assert third.proof.statement.positions == tuple(
        sorted([*second.proof.statement.positions, 6, *last.rows.positions(["9"])])
    )
    assert NOTE in third.notes
    report = zu.verify(third.proof, last.commitment, previous=second.proof, links=[another, more, fresh])
    assert report.pinned == ("previous",)


def test_the_note_counts_rows(people: Dataset) -> None:
    new = zu.rectify(people, frame(2, 3), ["no", "yes"], ids=["4", "1"])[0]
    assert "2 rows that were rectified since are forgotten, too" in zu.prove(new, SPEC).notes


def test_a_row_is_put_right_again_after_it_was_forgotten_for_that(tmp_path: Path) -> None:
    """A training forgets the superseded row; that is not the person's wish to be forgotten."""
    dataset = zu.rectify(committed(), frame(1, 3), ["no"], ids=["4"])[0]
    dataset.save(tmp_path / "data")
    trained = zu.prove(dataset, SPEC)
    trained.proof.save(tmp_path / "first.proof")
    assert dataset.forgotten_seen() == set(dataset.superseded) != set()
    added(dataset, frame(1, 4), ["no"], ids=["4"], grow=zu.rectify)
    zu.prove(dataset, SPEC, forget=["4"], previous=trained.proof).proof.save(tmp_path / "second.proof")
    with pytest.raises(zu.DataError, match="id '4' was forgotten"):
        zu.rectify(dataset, frame(1, 4), ["no"], ids=["4"])


# Order ---------------------------------------------------------------------------------------------------------------


def segment_is_sound(dataset: Dataset, number: int) -> None:
    """Seed and order follow from the digests."""
    segments = dataset.statement.segments
    (start, stop), own = dataset.statement.spans[number], segments[number]
    digests = [bytes(dataset.rows.record(i).digest) for i in range(start, stop)]
    before = segments[number - 1].seed if number else None
    assert own.seed == segment_seed(start, stop, root_of(b"".join(sorted(digests))), before, own.nonce)
    keys = [order_key(own.seed, digest) for digest in digests]
    assert all(one < other for one, other in pairwise(keys))


def test_the_order_of_new_rows_follows_from_all_of_their_records(people: Dataset) -> None:
    new = added(added(people, frame(9, 2), ["no"] * 9), frame(5, 3), ["yes"] * 5, nonce=NONCE)
    for number in range(3):
        segment_is_sound(new, number)
    assert [segment.nonce for segment in new.statement.segments] == [None, None, NONCE]
    first, second, third = (segment.born for segment in new.statement.segments)
    assert first == people.statement.digest and second not in (None, first) and third is None


def test_a_nonce_may_be_asked_for_when_nothing_can_be_chosen_any_more(people: Dataset) -> None:
    asked: list[bytes] = []

    def beacon(root: bytes) -> bytes:
        asked.append(root)
        return NONCE

    new = added(people, frame(4, 2), ["no"] * 4, nonce=beacon)
    digests = [bytes(new.rows.record(i).digest) for i in range(6, 10)]
    assert asked == [root_of(b"".join(sorted(digests)))]
    assert new.statement.segments[1].nonce == NONCE
    segment_is_sound(new, 1)
    put_right = zu.rectify(people, frame(1, 2), ["no"], ids=["2"], nonce=beacon)[0]
    assert len(asked) == 2 and put_right.statement.segments[1].nonce == NONCE


@pytest.mark.parametrize(
    "nonce", [b"", b"\1" * 31, b"\1" * 33, "1" * 32, 5, bytearray(32), *(lambda root, v=v: v for v in (b"", None, "x"))]
)
def test_a_nonce_has_32_bytes(people: Dataset, nonce: Any) -> None:
    before = people.spent
    for ask in (
        lambda: zu.append(people, frame(1), ["no"], nonce=nonce),
        lambda: zu.rectify(people, frame(1), ["no"], ids=["3"], nonce=nonce),
    ):
        with pytest.raises(zu.ParameterError, match="nonce: must be 32 bytes"):
            ask()
    assert people.spent == before


def test_nobody_is_asked_for_a_nonce_in_vain() -> None:
    """Where no opening is left."""
    dataset = committed(openings=1)

    def beacon(root: bytes) -> bytes:
        raise AssertionError("asked")

    for grow in (zu.append, zu.rectify):
        with pytest.raises(zu.BudgetExceeded, match="all 1 openings"):
            grow(dataset, frame(1), ["no"], ids=["3"], rows_per_id="many", nonce=beacon, openings=4)


# Stored --------------------------------------------------------------------------------------------------------------


def test_a_grown_data_set_is_stored_and_goes_on(tmp_path: Path) -> None:
    """From where it was read: another proof, more rows, and a link from each to the next."""
    dataset, links = committed(openings=6), list[zu.LinkProof]()
    first = zu.prove(dataset, SPEC, forget=["3"]).proof
    for step in range(3):
        dataset, link = zu.append(dataset, frame(2, 10 + step), ["no", "yes"])
        dataset.save(tmp_path / f"{step}")
        link.save(tmp_path / f"{step}" / "dataset.link")
        again = zu.load_dataset(tmp_path / f"{step}")
        assert again.statement == dataset.statement and tuple(again.ids) == tuple(dataset.ids)
        assert again.openings_seen() == 2 == again.spent
        links.append(zu.LinkProof.load(tmp_path / f"{step}" / "dataset.link"))
        dataset = again
    assert dataset.statement.stops == (6, 8, 10, 12)
    last = zu.prove(dataset, SPEC, forget=["7"], previous=first).proof
    assert zu.verify(last, dataset.commitment, previous=first, links=links).pinned == ("previous",)
    with pytest.raises(zu.StatementMismatch, match="the previous proof is about another data set"):
        zu.prove(committed(), SPEC, previous=first)


def test_a_link_says_what_it_adds(people: Dataset) -> None:
    link = zu.append(people, frame(2, 3), ["no", "yes"])[1]
    assert isinstance(link.statement, LinkStatement)
    assert link.statement.added == 2 and zu.recommit(people)[1].statement.added == 0


def test_no_more_segments_than_a_statement_holds_are_added(people: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "MAX_SEGMENTS", 2)
    full = zu.append(people, frame(1, 3), ["no"])[0]
    before = full.spent
    with pytest.raises(zu.ParameterError, match="a data set has at most 2 segments: commit all rows anew"):
        zu.append(full, frame(1, 4), ["no"])
    assert full.spent == before
    assert zu.recommit(full)[0].statement.stops == (6, 7)
