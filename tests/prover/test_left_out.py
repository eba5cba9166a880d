"""Who was left out when data were committed: what is kept of them, where it goes along, and how it goes away."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.errors import DataError, FormatError
from zkunlearn.prover.owner import left_out as module
from zkunlearn.prover.owner.left_out import LEFT_OUT_FILE, LeftOut, digests_in

SPEC = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=1.0)
ROWS = 8
GONE = ("quentin", "rosa", "7001")
BOUNDS: Any = {"x1": (-1, 1), "x2": (-1, 1)}


def committed(ids: Any = None, left_out_ids: Any = GONE, **options: Any) -> zu.Dataset:
    X = np.random.default_rng(5).uniform(-1, 1, (ROWS, 2))
    return zu.commit(X, np.arange(ROWS) % 2, ids, left_out_ids=left_out_ids, bounds=BOUNDS, openings=6, **options)


def known(folder: Path) -> list[bool]:
    left_out = zu.load_dataset(folder).left_out
    assert left_out is not None
    return left_out.knows(GONE)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored data set, with a proof that forgets somebody, the next one with more rows, and one that was committed
    afresh."""
    folder = tmp_path_factory.mktemp("made")
    data = committed()
    data.save(folder / "data")
    zu.prove(data, SPEC, forget=["3"]).save(folder / "first.proof")
    grown, _ = zu.append(data, [[0.5, 0.5]], [1], ["sam"], left_out_ids=["thea"])
    grown.save(folder / "grown")
    zu.recommit(data)[0].save(folder / "fresh")
    return folder


@pytest.fixture
def owner(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "owner"))


# What is kept --------------------------------------------------------------------------------------------------------


def test_the_file_is_its_owners_and_has_no_id_in_it(made: Path) -> None:
    path = made / "data" / LEFT_OUT_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    data = path.read_bytes()
    assert not [name for name in GONE if name.encode() in data]
    assert known(made / "data") == [True] * 3


def test_two_data_sets_have_no_digest_of_the_same_people_in_common() -> None:
    first, second = LeftOut.of(GONE, ()), LeftOut.of(GONE, ())
    assert first is not None and second is not None and first.salt != second.salt
    assert not {row.tobytes() for row in first.digests} & {row.tobytes() for row in second.digests}


def test_the_order_and_number_of_times_of_a_list_do_not_show() -> None:
    nobody = LeftOut(bytes(32), np.empty((0, 32), np.uint8))
    one, other = (LeftOut.of(names, (), nobody) for names in (GONE, (*GONE[::-1], *GONE)))
    assert one is not None and other is not None
    assert one.content(bytes(32)) == other.content(bytes(32))


def test_where_nobody_was_left_out_there_is_no_file(tmp_path: Path) -> None:
    for ids in (None, []):
        data = committed(left_out_ids=ids)
        assert data.left_out is None
        data.save(tmp_path)
        assert not (tmp_path / LEFT_OUT_FILE).exists()


def test_a_data_set_that_replaces_another_does_not_take_over_whom_that_left_out(tmp_path: Path) -> None:
    committed().save(tmp_path)
    committed(left_out_ids=None).save(tmp_path)
    assert zu.load_dataset(tmp_path).left_out is None


def test_ids_that_have_rows_and_more_than_can_be_kept_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"left_out_ids: 2 ids are in the data set, too: '2', '3'"):
        committed(left_out_ids=["3", "x", 2])
    monkeypatch.setattr(module, "MOST_LEFT_OUT", 2)
    with pytest.raises(DataError, match=r"left_out_ids: 3 ids are more than the 2 that can be kept"):
        committed()


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=8))
def test_digests_are_read_only_in_increasing_order_whatever_zeros_are_in_them(found: list[bytes]) -> None:
    increasing = sorted(set(found))
    assert digests_in(b"".join(increasing), "it").tobytes() == b"".join(increasing)
    if found != increasing:
        with pytest.raises(FormatError, match="it: digests are not in increasing order, each once"):
            digests_in(b"".join(found), "it")


def test_digests_that_differ_by_zeros_at_their_end_only_are_told_apart() -> None:
    """numpy's texts end at zeros."""
    rows = [bytes(32), bytes(31) + b"\1", b"\1" + bytes(31), b"\1" + bytes(30) + b"\1"]
    left_out = LeftOut(bytes(32), digests_in(b"".join(rows), "it"))
    assert len(left_out) == 4 and len(left_out.without(["nobody"])) == 4


def test_a_bit_that_turned_anywhere_in_the_file_is_found(owner: Path) -> None:
    path = owner / "data" / LEFT_OUT_FILE
    dataset, whole, found = zu.load_dataset(owner / "data").statement.digest, path.read_bytes(), []
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(FormatError) as refused:
            LeftOut.load(owner / "data", dataset)
        found.append("is damaged" in str(refused.value))
    assert sum(found) == 32 + 32 + 32 * len(GONE) + 32, "of each field, whatever else can be said of the file"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "left_out: "),
        (lambda path: path.write_bytes((path.parent / "dataset.opening").read_bytes()), "this is a dataset.opening"),
        (
            lambda path: path.write_bytes(path.read_bytes()[:-90] + b"\1" + path.read_bytes()[-89:]),
            "is damaged, its ch",
        ),
        (lambda path: shutil.copy(path.parents[1] / "grown" / LEFT_OUT_FILE, path), "belongs to another data set"),
    ],
    ids=["cut", "another kind", "damaged", "of another data set"],
)
def test_a_file_that_is_not_what_it_should_be_is_named(owner: Path, spoil: Any, words: str) -> None:
    path = owner / "data" / LEFT_OUT_FILE
    spoil(path)
    with pytest.raises(FormatError) as refused:
        zu.load_dataset(owner / "data")
    assert str(refused.value).startswith(f"{path}: ") and words in str(refused.value)


# What is answered ----------------------------------------------------------------------------------------------------


def test_a_list_with_somebody_who_was_left_out_forgets_all_others(made: Path) -> None:
    run = zu.train(zu.load_dataset(made / "data"), SPEC, forget=["5", "rosa", 7001])
    assert (run.asked.found, run.asked.never_in) == (("5",), ("rosa", "7001"))
    assert len(run.draft.forgotten) == 1
    assert "of the list of ids 2 are never in: left out when the data were committed" in run.notes


def test_a_proof_says_what_became_of_its_list(owner: Path) -> None:
    data = zu.load_dataset(owner / "data")
    with pytest.raises(DataError, match="id 'zoe' is not in the data set"):
        zu.prove(data, SPEC, forget=["5", "rosa", "zoe"])
    assert data.spent == zu.load_dataset(owner / "data").spent, "nothing is spent for a refusal"
    trained = zu.prove(data, SPEC, forget=["5", "rosa", "zoe", "5"], skip_unknown=True)
    asked = trained.asked
    assert (asked.found, asked.never_in, dict(asked.skipped)) == (("5",), ("rosa",), {"zoe": ""})
    assert asked.repeated == ("5",) and len(trained.statement.forgotten) == 1
    assert {*asked.notes} <= {*trained.notes}


def test_a_suggested_spec_which_is_public_says_nothing_of_a_list(made: Path) -> None:
    data = zu.load_dataset(made / "data")
    found = zu.suggest(data, "logistic", forget=["5", "rosa", "zoe"], skip_unknown=True)
    assert "list" not in found.to_toml() and not [note for note in found.notes if "list" in note]


def test_no_receipt_of_somebody_who_was_never_in(made: Path) -> None:
    with pytest.raises(DataError, match="id 'rosa' was never in: left out when the data were committed"):
        zu.receipts(zu.load_dataset(made / "data")).of("rosa")


# Where it goes along -------------------------------------------------------------------------------------------------


def test_it_goes_on_with_the_data_set(made: Path) -> None:
    assert known(made / "fresh") == known(made / "grown") == [True] * 3
    grown = zu.load_dataset(made / "grown").left_out
    assert grown is not None and grown.knows(["thea", "sam"]) == [True, False]
    assert zu.status(zu.load_dataset(made / "grown")).left_out == 4
    right, _ = zu.rectify(zu.load_dataset(made / "grown"), [[0.1, 0.1]], [0], ["5"])
    assert right.left_out is not None and right.left_out.knows([*GONE, "thea"]) == [True] * 4


def test_who_was_left_out_and_is_appended_is_in(owner: Path) -> None:
    data = zu.load_dataset(owner / "data")
    grown, _ = zu.append(data, [[0.5, 0.5]], [1], ["rosa"])
    assert grown.left_out is not None and grown.left_out.knows(GONE) == [True, False, True]
    assert zu.train(grown, SPEC, forget=["rosa"]).asked.found == ("rosa",)


def test_a_growth_refuses_whom_it_leaves_out_and_has(owner: Path) -> None:
    data = zu.load_dataset(owner / "data")
    for name in ("sam", "3"):
        with pytest.raises(DataError, match=f"left_out_ids: an id is in the data set, too: '{name}'"):
            zu.append(data, [[0.5, 0.5]], [1], ["sam"], left_out_ids=[name])
    assert data.spent == zu.load_dataset(owner / "data").spent
    with pytest.raises(
        DataError, match=r"id 'rosa' was never in: left out .*; say left_out \(--left-out\) if its row is"
    ):
        zu.rectify(data, [[0.5, 0.5]], [1], ["rosa"])


def test_who_was_left_out_and_whose_row_is_complete_now_is_in_by_a_rectification(owner: Path) -> None:
    data = zu.load_dataset(owner / "data")
    X, y = [[0.1, 0.1], [0.2, 0.2]], [0, 1]
    with pytest.raises(DataError, match="id 'zoe' is not in the data set"):
        zu.rectify(data, X, y, ["rosa", "zoe"], left_out=True)
    right, link = zu.rectify(data, X, y, ["rosa", "5"], left_out=True)
    assert right.left_out is not None and right.left_out.knows(GONE) == [True, False, True]
    assert (link.statement.added, len(link.statement.superseded)) == (2, 1)
    assert zu.verify_link(link) > 100
    assert zu.train(right, SPEC, forget=["rosa"]).asked.found == ("rosa",)
    more, link = zu.rectify(right, X[:1], y[:1], ["quentin"], left_out=True)
    assert (link.statement.added, len(link.statement.superseded)) == (1, 1), "that of before, and none of now"
    assert more.left_out is not None and more.left_out.knows(GONE) == [False, False, True]


# How it goes away ----------------------------------------------------------------------------------------------------


def test_a_destruction_removes_the_digests_of_whom_it_names_and_wipes_the_old_file(owner: Path) -> None:
    shutil.rmtree(owner / "grown")
    data = zu.load_dataset(owner / "data")
    (owner / "kept").hardlink_to(owner / "data" / LEFT_OUT_FILE)
    less, _ = zu.destroy(data, ["3", "rosa", "zoe"], skip_unknown=True)
    less.save(owner / "less")
    zu.wipe_rows(less, ["3", "rosa", "zoe"], owner / "data")
    assert known(owner / "less") == [True, False, True]
    assert not (owner / "data" / LEFT_OUT_FILE).exists() and not (owner / "fresh" / LEFT_OUT_FILE).exists()
    assert not any((owner / "kept").read_bytes()), "zeros, whatever its name is"
    assert zu.status(less).left_out == 2


def test_people_without_rows_are_no_reason_to_commit_anew(owner: Path) -> None:
    data = zu.load_dataset(owner / "data")
    with pytest.raises(DataError, match="none of these people has a row in the data set; `forget_left_out` is"):
        zu.destroy(data, ["rosa"])
    assert data.spent == zu.load_dataset(owner / "data").spent


def test_digests_alone_are_removed_from_all_data_sets_around_and_what_was_there_becomes_zeros(owner: Path) -> None:
    data = zu.load_dataset(owner / "data")
    (owner / "kept").hardlink_to(owner / "grown" / LEFT_OUT_FILE)
    changed = zu.forget_left_out(data, ["rosa"])
    assert {path.parent.name for path in changed} == {"data", "grown", "fresh"}
    for name in ("data", "grown", "fresh"):
        assert known(owner / name) == [True, False, True]
        assert stat.S_IMODE((owner / name / LEFT_OUT_FILE).stat().st_mode) == 0o600
    assert not any((owner / "kept").read_bytes())
    with pytest.raises(DataError, match="id 'rosa' is not in the data set"):
        zu.train(data, SPEC, forget=["rosa"])


def test_a_removal_that_stops_in_between_can_be_repeated(owner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is, the folder in which it begins is the last one."""
    replace_in, written = LeftOut.replace_in, []

    def once(left_out: LeftOut, directory: Path, dataset: bytes) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(directory)
        replace_in(left_out, directory, dataset)

    with monkeypatch.context() as patched:
        patched.setattr(LeftOut, "replace_in", once)
        with pytest.raises(KeyboardInterrupt):
            zu.forget_left_out(zu.load_dataset(owner / "data"), ["rosa"])
    assert [path.name for path in written] != ["data"]
    assert len(zu.forget_left_out(zu.load_dataset(owner / "data"), ["rosa"])) == 2
    assert not any(known(owner / name)[1] for name in ("data", "grown", "fresh"))


def test_digests_of_people_who_have_rows_or_are_not_known_are_not_removed(owner: Path) -> None:
    data = zu.load_dataset(owner / "data")
    with pytest.raises(DataError, match="id '3' has rows in the data set: `destroy` is for these"):
        zu.forget_left_out(data, ["rosa", "3"])
    with pytest.raises(DataError, match="id 'zoe' is not in the data set"):
        zu.forget_left_out(data, ["rosa", "zoe"])
    assert known(owner / "data") == [True] * 3


def test_digests_of_a_data_set_that_is_not_stored_are_removed_too() -> None:
    data = committed()
    assert zu.forget_left_out(data, ["rosa"]) == ()
    assert data.left_out is not None and data.left_out.knows(GONE) == [True, False, True]
    assert zu.forget_left_out(committed(left_out_ids=None), []) == ()
