"""The owner's secret arrays come back as they were stored; what is damaged or another's is refused by name."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib import format as npy
from zkunlearn.errors import DataError, FormatError
from zkunlearn.prover.owner.dataset import COMMITMENT_FILE, Dataset
from zkunlearn.prover.owner.secret_arrays import OWNER, SECRETS, Folder, Form, Names, load_arrays
from zkunlearn.prover.owner.tree_cache import TREE_FILE

from .values import P, quick

SPEC = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=1.0)
IDS = ("Anna Meyer", "Żółć", "数据", "می‌خواهم", "é", "É", "\U0001f600", "a\u200bb", *map(str, range(8)))
NAMES = ("features", "labels", "blinds", "salts", "id_bytes", "id_ends", "tails", "leaf_salts")


def committed(seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (len(IDS), 2))
    return zu.commit(X, (X[:, 0] > 0).astype(np.int64), ids=IDS)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Never written to again."""
    directory = tmp_path_factory.mktemp("stored") / "data"
    committed(1).save(directory)
    return directory


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of the same shape and names."""
    directory = tmp_path_factory.mktemp("another") / "data"
    committed(2).save(directory)
    return directory


@pytest.fixture
def copy(stored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stored, tmp_path / "data"))


def file_of(directory: Path, name: str) -> Path:
    return directory / SECRETS / f"{name}.npy"


def rewrite(path: Path, array: Any, allow_pickle: bool = False) -> None:
    with open(path, "wb") as file:
        npy.write_array(file, array, allow_pickle=allow_pickle)


def refusal(directory: Path, kind: type[Exception], name: str) -> str:
    """What loading says, which names the file."""
    with pytest.raises(kind) as caught:
        zu.load_dataset(directory)
    message = str(caught.value)
    assert type(caught.value) is kind
    assert message.startswith(f"{file_of(directory, name)}: ") and "\n" not in message
    return message


# What is stored ------------------------------------------------------------------------------------------------------


def test_a_data_set_comes_back_as_it_was(tmp_path: Path) -> None:
    dataset = committed(1)
    dataset.save(tmp_path)
    loaded = zu.load_dataset(tmp_path)
    assert list(loaded.ids) == list(dataset.ids) and set(loaded.ids) == set(IDS)
    for name in ("by_feature", "labels", "blinds", "salts"):
        own, back = getattr(dataset.rows, name), getattr(loaded.rows, name)
        assert own.dtype == back.dtype and np.array_equal(own, back)
    assert np.array_equal(loaded.secret.tails, dataset.secret.tails)
    assert np.array_equal(loaded.secret.salts, dataset.secret.salts)
    assert loaded.rows.positions(["数据", "a\u200bb"]) == dataset.rows.positions(["a\u200bb", "数据"])


def test_what_is_loaded_cannot_be_written_to(stored: Path) -> None:
    loaded = zu.load_dataset(stored)
    for array in (loaded.rows.by_feature, loaded.rows.blinds, loaded.secret.tails, loaded.secret.salts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.fixture
def careless() -> Iterator[None]:
    """A umask that takes no permission away."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("careless")
def test_nobody_else_may_read_the_folder_whatever_the_umask_is(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    folder.save("a", np.arange(3))
    folder.create("b", "<i8", (2, 2))[:] = 7
    folder.finish(bytes(32))
    assert stat.S_IMODE((tmp_path / SECRETS).stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / SECRETS).iterdir()}
    assert modes == {"a.npy": 0o600, "b.npy": 0o600, f"{OWNER}.npy": 0o600}
    found = load_arrays(tmp_path, bytes(32), {"a": Form("<i8", (3,)), "b": Form("<i8", (None, 2))})
    assert [array.tolist() for array in found.values()] == [[0, 1, 2], [[7, 7], [7, 7]]]


def test_a_name_is_written_once(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.save("a", np.arange(3))
    with pytest.raises(DataError, match=rf"{SECRETS}: cannot be written \(File exists"):
        folder.create("a", "<i8", (3,))
    assert os.listdir(tmp_path) == []


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file: cannot be written \((File exists|Not a directory)\)"):
        Folder(tmp_path / "file")


# What is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*NAMES, OWNER])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    file_of(copy, name).unlink()
    assert refusal(copy, DataError, name).endswith("there is no such file")


def test_a_missing_folder_is_refused(copy: Path) -> None:
    shutil.rmtree(copy / SECRETS)
    assert refusal(copy, DataError, OWNER).endswith("there is no such file")


def test_a_directory_in_place_of_a_file_is_refused(copy: Path) -> None:
    file_of(copy, "labels").unlink()
    file_of(copy, "labels").mkdir()
    assert "cannot be read" in refusal(copy, DataError, "labels")


@pytest.mark.parametrize("name", [*(name for name in NAMES if name != "id_bytes"), OWNER])
def test_an_array_of_another_shape_is_refused(copy: Path, name: str) -> None:
    array = np.load(file_of(copy, name))
    for other in (array[:-1], array[None], np.concatenate([array, array])):
        rewrite(file_of(copy, name), other)
        assert f"of shape {other.shape}, expected" in refusal(copy, FormatError, name)


@pytest.mark.parametrize("name", [*NAMES, OWNER])
def test_an_array_of_another_type_is_refused(copy: Path, name: str) -> None:
    """Of other numbers as wide, and of the same ones in the other order of bytes."""
    array = np.load(file_of(copy, name))
    others = [array.astype(np.float64), array.view(f"{'u' if array.dtype.kind == 'i' else 'i'}{array.itemsize}")]
    for other in [*others, array.astype(array.dtype.newbyteorder(">"))] if array.itemsize > 1 else others:
        rewrite(file_of(copy, name), other)
        assert f"holds {other.dtype} of shape" in refusal(copy, FormatError, name)


def with_header(text: str, whole: bytes) -> bytes:
    start = 10 + int.from_bytes(whole[8:10], "little")
    return whole[:8] + len(text).to_bytes(2, "little") + text.encode("latin-1") + whole[start:]


def header(descr: str = "'<i4'", shape: str = f"({len(IDS)},)", keys: str = "'fortran_order': False") -> str:
    return f"{{'descr': {descr}, {keys}, 'shape': {shape}, }}\n"


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "text": lambda whole: b"no array at all\n" * 20,
    "an .npz": lambda whole: b"PK\x03\x04" + whole[4:],
    "cut within the header": lambda whole: whole[:50],
    "cut within the numbers": lambda whole: whole[:-1],
    "no header": lambda whole: with_header("", whole),
    "a header that does not end": lambda whole: with_header(header(shape="(16,"), whole),
    "a header of two kinds of keys": lambda whole: with_header(header(keys="b'fortran_order': False"), whole),
    "a type that is none": lambda whole: with_header(header(descr="'zz'"), whole),
    "a size below zero": lambda whole: with_header(header(shape="(-16,)"), whole),
    "a size beyond memory": lambda whole: with_header(header(shape="(4611686018427387904,)"), whole),
    "a size beyond 64 bits": lambda whole: with_header(header(shape="(100000000000000000000,)"), whole),
}


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("how", sorted(SPOILT))
def test_a_file_that_is_no_array_is_refused(copy: Path, how: str) -> None:
    path = file_of(copy, "labels")
    assert zu.load_dataset(copy).rows.labels.shape == (len(IDS),)
    path.write_bytes(SPOILT[how](path.read_bytes()))
    refusal(copy, FormatError, "labels")


def test_spoilt_headers_are_those_of_arrays_but_for_one_thing(copy: Path) -> None:
    """Else they would be refused for another reason."""
    path = file_of(copy, "labels")
    path.write_bytes(with_header(header(), path.read_bytes()))
    assert zu.load_dataset(copy).rows.labels.shape == (len(IDS),)


@pytest.mark.parametrize("name", ["labels", "id_bytes", OWNER])
def test_nothing_pickled_is_ever_loaded(copy: Path, name: str, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "executed"),)

    rewrite(file_of(copy, name), np.array([Bomb()] * len(np.load(file_of(copy, name))), dtype=object), True)
    assert refusal(copy, FormatError, name).endswith("is not an array that zkunlearn wrote")
    assert not (tmp_path / "executed").exists()
    np.load(file_of(copy, name), allow_pickle=True)
    assert (tmp_path / "executed").exists(), "the file would execute what it holds"


def test_the_secrets_of_another_data_set_are_refused(copy: Path, another: Path) -> None:
    shutil.rmtree(copy / SECRETS)
    shutil.copytree(another / SECRETS, copy / SECRETS)
    with pytest.raises(FormatError) as caught:
        zu.load_dataset(copy)
    assert str(caught.value) == f"{copy / SECRETS}: belongs to another data set than the commitment beside it"


@pytest.mark.parametrize("file", ["dataset.opening", COMMITMENT_FILE])
def test_small_files_of_another_data_set_are_refused(copy: Path, another: Path, file: str) -> None:
    shutil.copy(another / file, copy / file)
    with pytest.raises(FormatError, match=r"dataset\.opening: belongs to another data set than dataset\.commitment"):
        zu.load_dataset(copy)


@pytest.mark.parametrize("name", ["blinds", "tails"])
@pytest.mark.parametrize("number", [P, P + 1, 2**64 - 1])
def test_a_number_that_is_no_field_element_is_refused(copy: Path, name: str, number: int) -> None:
    array = np.load(file_of(copy, name))
    array[0, 0] = P - 1
    rewrite(file_of(copy, name), array)
    zu.load_dataset(copy)
    array[-1, -1] = number
    rewrite(file_of(copy, name), array)
    assert refusal(copy, FormatError, name).endswith("holds a number that is not a field element")


def test_ids_that_are_no_text_are_refused(copy: Path) -> None:
    path = file_of(copy, "id_bytes")
    rewrite(path, np.full_like(np.load(path), 0xFF))
    with pytest.raises(zu.ZkUnlearnError, match="id_bytes"):
        zu.prove(zu.load_dataset(copy), SPEC, forget=["数据"])


# What is found when it is opened -----------------------------------------------------------------------------------

DAMAGED = "secret files of the data set are damaged: they do not lead to its commitment"


def damage(directory: Path, name: str) -> None:
    """One tail, label or blind; all salts, as only some are opened."""
    array = np.load(file_of(directory, name))
    cells = array if name == "leaf_salts" else array.reshape(-1)[:1]
    cells ^= 1
    rewrite(file_of(directory, name), array)


def spoil_tree(directory: Path) -> None:
    path = directory / TREE_FILE
    content = np.frombuffer(path.read_bytes(), dtype=np.uint8).copy()
    content[len(content) // 4 : len(content) // 3] ^= 1  # leaves
    path.write_bytes(content.tobytes())


def test_whole_files_prove(copy: Path) -> None:
    proof = zu.prove(zu.load_dataset(copy), SPEC).proof
    zu.verify(proof, zu.DatasetCommitment.load(copy / COMMITMENT_FILE), spec=SPEC)


@pytest.mark.parametrize("name", ["tails", "leaf_salts", "labels", "blinds"])
@pytest.mark.parametrize("tree", [lambda directory: None, spoil_tree], ids=["whole tree", "damaged tree"])
def test_damaged_secrets_are_found_beside_their_tree(copy: Path, name: str, tree: Callable[[Path], None]) -> None:
    damage(copy, name)
    tree(copy)
    with pytest.raises(FormatError, match=DAMAGED):
        zu.prove(zu.load_dataset(copy), SPEC)


@pytest.mark.parametrize("name", ["tails", "leaf_salts"])
@pytest.mark.parametrize("tree", ["no tree", "another's tree"])
def test_damaged_secrets_are_found_without_a_tree(copy: Path, another: Path, name: str, tree: str) -> None:
    damage(copy, name)
    (copy / TREE_FILE).unlink()
    if tree == "another's tree":
        shutil.copy(another / TREE_FILE, copy / TREE_FILE)
    with pytest.raises(FormatError, match=DAMAGED):
        zu.prove(zu.load_dataset(copy), SPEC)


# Interruptions -------------------------------------------------------------------------------------------------------


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def interrupt(monkeypatch: pytest.MonkeyPatch, write: int, error: BaseException) -> None:
    """A file begins as it should, with a few bytes of its array, then this happens."""
    whole, done = npy.write_array_header_1_0, []

    def begin(file: Any, header: Any) -> None:
        done.append(header)
        whole(file, header)
        if len(done) > write:
            file.write(b"half")
            file.flush()
            raise error

    monkeypatch.setattr(npy, "write_array_header_1_0", begin)


@pytest.mark.parametrize("write", range(len(NAMES) + 1))
def test_a_full_disk_leaves_the_old_folder_whole(copy: Path, write: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every array, the one that names the data set included. Nothing is left of the new ones."""
    before = contents(copy)
    dataset = committed(3)
    interrupt(monkeypatch, write, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(DataError, match=rf"{SECRETS}: cannot be written \(No space left on device\)"):
        dataset.save(copy)
    assert contents(copy) == before
    assert {path.name for path in copy.iterdir()} == {path.split(os.sep)[0] for path in before}


@pytest.mark.parametrize("write", [0, 4, len(NAMES)])
def test_an_interrupted_save_leaves_the_old_folder_whole(
    copy: Path, write: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(copy)
    dataset = committed(3)
    interrupt(monkeypatch, write, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        dataset.save(copy)
    after = contents(copy)
    assert {name: after[name] for name in before} == before
    assert list(zu.load_dataset(copy).ids) != list(dataset.ids)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("move", range(6))
def test_a_save_that_ends_while_files_take_their_places_leaves_the_old_ones(
    copy: Path, move: int, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets, count and commitment: three go away, three come. Never those of one data set beside those of another."""
    before, dataset, moves, rename = contents(copy), committed(3), count(), Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        ends = next(moves) == move
        if ends and not after:
            raise KeyboardInterrupt
        moved = rename(path, target)
        if ends:
            raise KeyboardInterrupt
        return moved

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dataset.save(copy)
    assert contents(copy) == before
    assert [path for path in copy.iterdir() if ".zkunlearn" in path.name] == []


def test_a_folder_that_is_replaced_while_it_is_read_is_refused(
    copy: Path, another: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of its arrays would be those of another data set."""
    load = npy.open_memmap

    def load_and_replace(path: Path, mode: str) -> Any:
        array = load(path, mode=mode)
        if path.name == "blinds.npy":
            shutil.rmtree(copy / SECRETS)
            shutil.copytree(another / SECRETS, copy / SECRETS)
        return array

    monkeypatch.setattr(npy, "open_memmap", load_and_replace)
    with pytest.raises(FormatError, match=f"{SECRETS}: belongs to another data set than the commitment beside it"):
        zu.load_dataset(copy)


def test_a_data_set_can_be_saved_where_it_was_loaded_from(copy: Path) -> None:
    """Its arrays are mapped from the very files that are replaced."""
    before = contents(copy / SECRETS)
    dataset = zu.load_dataset(copy)
    dataset.save(copy)
    assert contents(copy / SECRETS) == before
    assert [path for path in copy.iterdir() if ".zkunlearn" in path.name] == []
    proof = zu.prove(dataset, SPEC, forget=["数据"]).proof
    zu.verify(proof, zu.DatasetCommitment.load(copy / COMMITMENT_FILE), spec=SPEC)


# Names ---------------------------------------------------------------------------------------------------------------

texts = st.lists(st.text(max_size=5), min_size=1, max_size=6)


def names_of(chosen: list[str]) -> Names:
    arrays = Names.arrays(chosen)
    return Names(arrays["id_bytes"], arrays["id_ends"])


@quick
@given(texts.filter(any), st.slices(6))
def test_names_are_indexed_as_their_list_is(chosen: list[str], cut: slice) -> None:
    names = names_of(chosen)
    assert len(names) == len(chosen)
    assert list(names) == chosen and list(reversed(names)) == chosen[::-1]
    assert names[cut] == chosen[cut]
    assert [names.index(name) for name in chosen] == [chosen.index(name) for name in chosen]
    assert "not among them" not in names
    assert [names[place] for place in range(len(chosen))] == chosen


@quick
@given(texts.filter(any))
def test_names_are_counted_from_their_end_as_in_a_list(chosen: list[str]) -> None:
    names = names_of(chosen)
    assert [names[-place] for place in range(1, len(chosen) + 1)] == chosen[::-1]


def test_names_end() -> None:
    names = names_of(["Żółć", "", "数据"])
    for place in (3, -4):
        with pytest.raises(IndexError):
            names[place]
    assert names[:] == ["Żółć", "", "数据"] and names[::-2] == ["数据", "Żółć"] and names[5:] == []


def test_the_names_of_new_folders_are_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in the folder it is in: a power cut would otherwise lose a data set that was said to be committed."""
    synchronised = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synchronised.append(os.fstat(file).st_ino), sync(file)))
    target = tmp_path / "new" / "and" / "newer"
    committed(1).save(target)
    assert {path.stat().st_ino for path in (tmp_path, target, *target.parents[:2])} <= set(synchronised)
