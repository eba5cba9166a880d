"""Ids of rows: which text each row gets, and which row a text forgets."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
import zkunlearn as zu
from zkunlearn.prover.owner.asked import Asked, ask
from zkunlearn.prover.owner.left_out import LeftOut
from zkunlearn.prover.tables.arrays import as_table
from zkunlearn.prover.tables.ids import row_ids
from zkunlearn.prover.tables.read import read_table
from zkunlearn.prover.witnesses.rows import Rows, blind_rows
from zkunlearn.verifier.pins import check_forgotten

NFC, NFD = "Zo\u00eb", "Zoe\u0308"
FRAME = pd.DataFrame({"a": [0.0, 1, 2, 3], "y": [0, 1, 1, 0]})


def ids_of(X: Any = None, y: Any = None, ids: Any = None) -> tuple[str, ...]:
    X = FRAME[["a"]] if X is None else X
    return as_table(X, FRAME["y"].to_numpy() if y is None else y, ids, None).ids


def refusal(call: Callable[[], object]) -> zu.DataError:
    with pytest.raises(zu.DataError) as caught:
        call()
    assert str(caught.value).isprintable()
    return caught.value


# Which text each row gets --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ids",
    [
        ["1", "2", "30", "4"],
        (1, 2, 30, 4),
        np.array([1, 2, 30, 4]),
        np.array(["1", "2", "30", "4"]),
        np.array([1, "2", 30, "4"], dtype=object),
        pd.Series([1, 2, 30, 4]),
        pd.Series(["1", "2", "30", "4"], dtype="string"),
        pd.Index([1, 2, 30, 4]),
        pa.array([1, 2, 30, 4]),
        iter([1, 2, 30, 4]),
    ],
)
def test_ids_of_any_source_become_the_same_texts(ids: Any) -> None:
    assert ids_of(ids=ids) == ("1", "2", "30", "4")


@pytest.mark.parametrize(
    ("ids", "row", "words"),
    [
        (np.arange(4.0), 0, "a float64 is not an id"),
        (["a", None, "c", "d"], 1, "the id is empty"),
        (pd.Series(["a", None, "c", "d"], dtype="string"), 1, "the id is empty"),
        ([b"a", b"b", b"c", b"d"], 0, "decode it"),
        (torch.arange(4), 0, "a Tensor is not an id; use .tolist()"),
        (np.array(["2020-01-01"] * 4, dtype="datetime64[ns]"), 0, "a datetime64 is not an id"),
        ([True, False, 1, 0], 0, "a bool is not an id"),
        (["a", "b", "b ", "d"], 2, "id 'b' is also that of row 2: 'b' and 'b ' are one text"),
    ],
)
def test_an_id_that_is_none_is_named_by_its_row(ids: Any, row: int, words: str) -> None:
    error = refusal(lambda: ids_of(ids=ids))
    assert error.row == row
    assert words in str(error)


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ("abcd", "ids: one str, where a list is needed"),
        (b"abcd", "ids: one bytes"),
        (7, "ids: a int is not a list"),
        ({"a": 1, "b": 2, "c": 3, "d": 4}, "ids: a dict is not a list"),
        ({"a", "b", "c", "d"}, "ids: a set has no order"),
        (FRAME, "ids: a DataFrame is not a list"),
        (np.array([["a", "b", "c", "d"]]), "ids: expected one dimension, found 2"),
        (["a", "b", "c"], "4 rows of 1 features, but 3 ids"),
    ],
)
def test_what_is_no_list_of_ids_is_refused(ids: Any, words: str) -> None:
    assert words in str(refusal(lambda: ids_of(ids=ids)))


def test_feature_names_that_are_one_text_are_refused() -> None:
    words = str(refusal(lambda: zu.commit(np.eye(2), [0, 1], names="ab")))
    assert "names: one str, where a list is needed" in words


def test_two_rows_of_one_id_are_both_named() -> None:
    error = refusal(lambda: row_ids(["a", "b", "c", "b"]))
    assert str(error).startswith("row 4: id 'b' is also that of row 2; where one person may have several rows")
    assert "row 2: id '3' is also that of row 1: '3' and 3 are one text" in str(refusal(lambda: row_ids(["3", 3])))


def test_two_spellings_of_one_id_are_shown_with_what_nobody_sees() -> None:
    words = str(refusal(lambda: row_ids(["a", NFC, NFD])))
    assert r"is also that of row 2: 'Zo\xeb' and 'Zoe\u0308' are one text" in words


def test_two_spellings_in_a_file_are_named_by_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"id,x,y\n{NFC},1,0\n{NFD},2,1\n", encoding="utf-8")
    words = str(refusal(lambda: read_table(path, "y", "id")))
    assert "t.csv: line 3, column 'id': id" in words and "line 2: 'Zo" in words


def test_one_id_may_have_several_rows_where_that_is_said(tmp_path: Path) -> None:
    assert row_ids(["a", "b", 3, "a", "3"], several=True) == ("a", "b", "3", "a", "3")
    table = as_table(np.eye(4), FRAME["y"].to_numpy(), ["a", "b", "a", "c"], None, rows_per_id="many")
    assert table.ids == ("a", "b", "a", "c")
    frame = FRAME.set_axis([7, 8, 8, 7], axis=0)
    assert as_table(frame[["a"]], frame["y"], None, None, rows_per_id="many").ids == ("7", "8", "8", "7")
    path = tmp_path / "t.csv"
    path.write_text("id,x,y\na,1,0\nb,2,1\na,3,1\n")
    assert read_table(path, "y", "id", several=True).ids == ("a", "b", "a")
    words = str(refusal(lambda: read_table(path, "y", "id")))
    assert "line 4, column 'id': id 'a' is also that of line 2" in words
    assert 'rows_per_id="many"' in words and "--several-rows-per-id" in words


def test_another_number_of_rows_for_an_id_is_refused() -> None:
    with pytest.raises(zu.ParameterError, match="rows_per_id = 'two': must be one of one, many"):
        zu.commit(np.eye(2), [0, 1], rows_per_id="two")


# The index of a frame ------------------------------------------------------------------------------------------------


def test_rows_of_an_array_and_of_a_frame_with_pandas_own_index_are_numbered_from_one() -> None:
    numbers = ("1", "2", "3", "4")
    assert ids_of() == ids_of(X=np.eye(4)) == ids_of(X=np.eye(4), y=FRAME["y"]) == numbers


@pytest.mark.parametrize(
    ("index", "ids"),
    [
        ([1, 2, 3, 4], ("1", "2", "3", "4")),
        ([0, 2, 3, 7], ("0", "2", "3", "7")),
        ([3, 2, 1, 0], ("3", "2", "1", "0")),
        (["u", "v", "w", "x"], ("u", "v", "w", "x")),
        (pd.RangeIndex(4, name="person"), ("0", "1", "2", "3")),
    ],
)
def test_an_index_of_its_own_names_the_rows(index: Any, ids: tuple[str, ...]) -> None:
    frame = FRAME.set_axis(index, axis=0)
    assert ids_of(X=frame[["a"]], y=frame["y"]) == ids
    assert ids_of(X=frame[["a"]].to_numpy(), y=frame["y"]) == ids
    assert ids_of(X=frame[["a"]], ids=["p", "q", "r", "s"]) == ("p", "q", "r", "s")


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ([0.5, 1.5, 2.5, 3.5], "row 1: a float is not an id"),
        (["a", "b", "a", "c"], "row 3: id 'a' is also that of row 1"),
        (pd.MultiIndex.from_tuples([(0, 0), (0, 1), (1, 0), (1, 1)]), "row 1: a tuple is not an id"),
        (pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04"]), "a Timestamp is not an id"),
    ],
)
def test_an_index_that_names_no_rows_is_refused_with_the_remedy(index: Any, words: str) -> None:
    error = str(refusal(lambda: ids_of(X=FRAME.set_axis(index, axis=0)[["a"]])))
    assert words in error and "give ids=" in error and "reset_index(drop=True)" in error


def test_features_and_labels_in_another_order_are_refused() -> None:
    shuffled = FRAME.sort_values("a", ascending=False)
    words = str(refusal(lambda: zu.commit(FRAME[["a"]], shuffled["y"])))
    assert "X and y have the same index in another order" in words
    words = str(refusal(lambda: zu.commit(FRAME[["a"]], FRAME["y"], ids=shuffled["a"].astype(int))))
    assert "X and ids have the same index in another order" in words
    words = str(refusal(lambda: zu.commit(FRAME[["a"]], FRAME["y"].set_axis([5, 6, 7, 8]))))
    assert "X and y have different indexes" in words and ".to_numpy()" in words


# Which row a text forgets --------------------------------------------------------------------------------------------


class OnlyRows:
    """As much of a data set as ids are looked up in."""

    def __init__(self, rows: Rows, left_out: LeftOut | None) -> None:
        self.rows, self.ids, self.left_out = rows, rows.ids, left_out


def data_set(*ids: str, left_out: list[Any] | None = None) -> Any:
    return OnlyRows(rows(*ids), LeftOut.of(left_out, ids))


def rows(*ids: str) -> Rows:
    count = len(ids)
    by_feature = np.arange(count, dtype=np.int16)[None]
    return blind_rows(ids, by_feature, np.arange(count, dtype=np.int32))


@pytest.mark.parametrize("wanted", [["3", NFC], [3, NFD], (np.int64(3), NFC), {3: 0}.keys() | {NFD}, np.array([3])])
def test_an_id_is_found_however_it_is_written(wanted: Any) -> None:
    data = rows("1", "3", "30", NFC)
    found = data.positions(wanted)
    assert sorted(data.ids[position] for position in found) == ["3", NFC][: len(wanted)]


def test_an_id_of_several_rows_stands_for_all_of_them() -> None:
    data = rows("a", "b", "a", "c", "a", NFC, NFC)
    for wanted, found in ((["a"], ["a"] * 3), (["b", NFD], ["b", NFC, NFC]), (["c", "a"], ["a", "a", "a", "c"])):
        positions = data.positions(wanted)
        assert list(positions) == sorted(set(positions))
        assert sorted(data.ids[position] for position in positions) == sorted(found)
        assert not {data.ids[k] for k in range(7) if k not in positions} & set(found)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("12", "forget: one str, where a list is needed"),
        (b"12", "forget: one bytes, where a list is needed"),
        (1, "forget: a int is not a list"),
        (None, "forget: a NoneType is not a list"),
        ({"1": True}, "forget: a dict is not a list"),
        ([1.0], "forget: entry 1: a float is not an id"),
        (["1", None], "forget: entry 2: the id is empty"),
        (["1", "1"], "id '1' is named twice"),
        (["1", 1], "id '1' is named twice"),
        (["9"], "id '9' is not in the data set"),
        (["1", "8", "2", "9"], "2 ids are not in the data set: '8', '9'"),
    ],
)
def test_what_cannot_be_forgotten_is_refused_by_name(wanted: Any, words: str) -> None:
    assert words in str(refusal(lambda: rows("1", "2", "12").positions(wanted)))


@pytest.mark.parametrize(
    ("known", "asked", "shown"),
    [
        ("Ann\u00a0Lee", "Ann Lee", r"'Ann\xa0Lee'"),
        ("Ann\u200bLee", "AnnLee", r"'Ann\u200bLee'"),
        ("007", "7", "'007'"),
        ("\uff11\uff12", "12", r"'\uff11\uff12'"),
        ("Cote d'Ivoire", "C\u00f4te d'Ivoire", '"Cote d\'Ivoire"'),
        ("C\u00f4te", "Cote", r"'C\xf4te'"),
    ],
)
def test_an_id_that_only_looks_like_the_one_asked_for_is_shown_with_what_nobody_sees(
    known: str, asked: str, shown: str
) -> None:
    words = str(refusal(lambda: rows("other", known).positions([asked])))
    assert f"the data set has {shown}, which looks like {asked!a}" in words


@pytest.mark.parametrize(
    ("known", "asked", "difference"),
    [("anna", "Anna", "'anna'"), ("Anna", "\tANNA", "'Anna'"), (NFC, NFD.upper(), r"'Zo\xeb'")],
)
def test_an_id_of_which_only_capitals_differ_is_named_as_such_and_not_taken(
    known: str, asked: str, difference: str
) -> None:
    """Also where another id is there that looks like it."""
    error = refusal(lambda: ask(data_set("0" + known, known, "other"), [asked]))
    assert f"(only the form differs from {difference}: capitals)" in str(error)


def test_up_to_fifty_unknown_ids_are_named_and_all_are_counted() -> None:
    wanted = [f"u{k}" for k in range(70)]
    error = refusal(lambda: rows("1", "2").positions(wanted))
    assert str(error).startswith("70 ids are not in the data set: 'u0', 'u1', ")
    assert str(error).endswith("'u49', ...")
    assert error.found == tuple(wanted)


# What becomes of a list -----------------------------------------------------------------------------------------------


def test_one_unknown_id_hides_no_other_whatever_is_wrong_with_it() -> None:
    error = refusal(lambda: ask(data_set("1", "two", "3"), ["1", "zoe", "TWO", "yan\x00", "3"]))
    assert str(error).startswith("3 ids are not in the data set: 'zoe', 'TWO' (only the form differs from 'two': ")
    assert error.found == ("zoe", "TWO", "yan\x00")


def test_unknown_ids_are_skipped_only_if_that_is_said_and_each_is_reported() -> None:
    found = ask(data_set("1", "2", "anna"), ["2", "zoe", "Anna"], skip_unknown=True)
    assert (found.found, found.never_in) == (("2",), ())
    assert found.skipped == {"zoe": "", "Anna": "only the form differs from 'anna': capitals"}
    assert found.notes == ("of the list of ids 2 are not in the data set, and skipped",)


def test_an_id_that_is_there_twice_counts_once_and_is_noted() -> None:
    found = ask(data_set("1", "2"), ["2", 2, "1", "2"])
    assert sorted(found.found) == ["1", "2"] and len(found.positions) == 2
    assert found.repeated == ("2",)
    assert found.notes == ("of the list of ids 1 is in it more than once, and counted once",)


@pytest.mark.parametrize("asked", [NFD, f" {NFC}", f"{NFD}\u00a0\n"])
def test_an_id_in_another_form_is_found_and_noted(asked: str) -> None:
    found = ask(data_set(NFC, "2"), [asked])
    assert (found.found, found.respelled) == ((NFC,), {NFC: asked})
    assert found.notes == ("of the list of ids 1 is in it in another form than in the data set",)
    assert ask(data_set(NFC, "2"), [NFC]).notes == ()


def test_a_list_of_nobody_who_has_a_row_is_noted() -> None:
    found = ask(data_set("1", left_out=["q"]), ["q"])
    assert found.notes[0] == "nobody of the list of ids has a row, so it forgets nothing"
    assert ask(data_set("1", left_out=["q"]), []).notes == ()


def test_what_is_no_unicode_text_is_refused_at_once_where_unknown_ids_are_skipped() -> None:
    """It could not be reported."""
    with pytest.raises(zu.DataError, match="ids: entry 2: the id is not Unicode text"):
        ask(data_set("1", left_out=["q"]), ["x", "a\ud800"], skip_unknown=True, what="ids")


def test_who_was_left_out_was_never_in_and_keeps_nobody_else_from_being_found() -> None:
    data = data_set("1", "2", left_out=["q", NFC, 7])
    found = ask(data, ["2", "q", NFD, "7"])
    assert (found.found, found.never_in) == (("2",), ("q", NFC, "7"))
    assert found.notes[0] == "of the list of ids 3 are never in: left out when the data were committed"
    assert found.respelled == {NFC: NFD}


def test_an_id_that_was_left_out_in_another_form_is_unknown_and_the_message_says_so() -> None:
    data = data_set("1", left_out=["q", "Q2"])
    for asked in ("Q", "q2"):
        assert "(only the form differs from an id that was left out)" in str(refusal(lambda a=asked: ask(data, [a])))
    assert "form" not in str(refusal(lambda: ask(data, ["p"])))


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (["q", "1", "2"], "left_out_ids: 2 ids are in the data set, too: '1', '2'"),
        ([1], "left_out_ids: an id is in the data set, too: '1'"),
        (["q\x00"], r"left_out_ids: 'q\x00' is no id"),
        ([None], "left_out_ids: entry 1: the id is empty"),
        ("q", "left_out_ids: one str, where a list is needed"),
    ],
)
def test_who_cannot_have_been_left_out_is_refused_by_name(ids: Any, words: str) -> None:
    assert words in str(refusal(lambda: data_set("1", "2", left_out=ids)))


def test_what_is_said_of_a_list_in_logs_has_no_id() -> None:
    found = ask(data_set("1234567", left_out=["qqqqqqq"]), ["1234567", "qqqqqqq", "zzzzzzz"], skip_unknown=True)
    assert isinstance(found, Asked)
    said = "".join(found.notes) + repr(found) + repr(LeftOut.of(["qqqqqqq"], ()))
    assert not [name for name in ("1234567", "qqqqqqq", "zzzzzzz") if name in said]


# Digests that an auditor pins ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pinned", [bytes(32), "ab" * 32, ["ab" * 32], 3])
def test_a_pinned_digest_that_is_no_list_of_bytes_is_refused_as_such(pinned: Any) -> None:
    with pytest.raises(zu.ParameterError, match=r"forget: a (list of record digests|record digest)"):
        check_forgotten(None, pinned)  # type: ignore[arg-type]  # the statement is not looked at


def test_rows_that_another_process_is_given_are_found_there() -> None:
    """Texts have other hashes there, by which ids are looked for."""
    rows = blind_rows(("a", "b", "a"), np.zeros((1, 3), np.int16), np.zeros(3, np.int32))
    assert rows.found(["a", "c"]) == ((0, 2), ["c"])
    command = "import pickle, sys; print(pickle.load(sys.stdin.buffer).found(['a', 'c']))"
    for seed in ("1", "2"):
        told = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", command], input=pickle.dumps(rows), env=told, capture_output=True, check=True
        )
        assert done.stdout.decode().strip() == "((0, 2), ['c'])"
