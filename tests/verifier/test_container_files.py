"""Files on disk: atomic, private where secret, every refusal with the name of the file; and their fields."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import NoneType
from typing import Any

import pytest
from zkunlearn.errors import DataError, FormatError
from zkunlearn.formats.container import (
    Bytes,
    Expected,
    Int,
    ListOf,
    read_container,
    read_file,
    take,
    write_container,
)

LIMIT = 1 << 20


# --- files --------------------------------------------------------------------------------------------------


def test_a_file_comes_back_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "p.proof"
    for payload in ({"a": 1}, {"a": 2, "b": [b"x"]}):
        write_container(path, "training", payload)
        assert read_container(path, "training", LIMIT) == ("training", payload)
    assert os.listdir(tmp_path) == ["p.proof"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o000, 0o644)])
def test_public_files_follow_the_umask_and_secret_ones_are_private(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_container(tmp_path / "public", "training", {})
        write_container(tmp_path / "secret", "model.opening", {}, secret=True)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "public").stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_a_secret_file_is_private_before_its_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    real = os.open

    def watched(path: Any, flags: int, mode: int = 0o777) -> int:
        descriptor = real(path, flags, mode)
        modes.append((stat.S_IMODE(os.fstat(descriptor).st_mode), os.fstat(descriptor).st_size))
        return descriptor

    public = tmp_path / "o"
    public.write_bytes(b"")
    public.chmod(0o644)
    monkeypatch.setattr(os, "open", watched)
    write_container(public, "dataset.opening", {"secret": b"s"}, secret=True)
    assert modes[0] == (0o600, 0)
    assert stat.S_IMODE(public.stat().st_mode) == 0o600


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.proof"
    write_container(path, "training", {"old": 1})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left"):
        write_container(path, "training", {"new": 1})
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["p.proof"]
    assert read_container(path, "training", LIMIT)[1] == {"old": 1}


def test_a_link_is_replaced_and_its_target_kept(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"mine")
    link.symlink_to(target)
    write_container(link, "training", {})
    assert target.read_bytes() == b"mine"
    assert not link.is_symlink()


def test_unwritable_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere/p.proof: cannot be written \(No such file"):
        write_container(tmp_path / "nowhere" / "p.proof", "training", {})
    with pytest.raises(DataError, match="cannot be written"):
        write_container(tmp_path, "training", {})
    assert os.listdir(tmp_path) == []


def test_unreadable_files_are_named_with_the_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "large").write_bytes(bytes(11))
    for name, error, reason in (
        ("missing", DataError, "there is no such file"),
        (".", DataError, "a directory"),
        ("pipe", DataError, "not a regular file"),
        ("empty", FormatError, "the file is empty"),
        ("large", FormatError, "11 bytes are more than the 10"),
        ("nul\0byte", DataError, "cannot be read"),
    ):
        with pytest.raises(error, match=reason) as caught:
            read_file(tmp_path / name, 10)
        assert str(caught.value).startswith(str(tmp_path))
    (tmp_path / "large").write_bytes(bytes(10))
    assert read_file(tmp_path / "large", 10) == bytes(10)


def test_no_file_descriptor_is_left_open(tmp_path: Path) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(DataError):
            read_file(tmp_path, 10)
        write_container(tmp_path / "p", "training", {})
        read_container(tmp_path / "p", None, LIMIT)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_malformed_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.proof").write_bytes(b"hello")
    with pytest.raises(FormatError, match=r"x\.proof: this is not a zkunlearn file"):
        read_container(tmp_path / "x.proof", "training", LIMIT)


# --- fields -------------------------------------------------------------------------------------------------


EXPECTED: dict[str, Expected | tuple[Expected, ...]] = {
    "n": Int(1, 10),
    "root": Bytes(4),
    "paths": bytes,
    "flag": bool,
    "list": ListOf(Int(0, 3), high=2),
    "previous": (NoneType, Bytes(2)),
}
GOOD: dict[str, Any] = {
    "n": 1,
    "root": b"abcd",
    "paths": b"",
    "flag": False,
    "list": [0, 3],
    "previous": None,
}


def test_exactly_the_expected_fields_are_taken() -> None:
    assert take(GOOD, EXPECTED) == GOOD
    assert take({**GOOD, "previous": b"ab"}, EXPECTED)["previous"] == b"ab"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"extra": 1}, "training has an unknown field 'extra'"),
        ({"n": 0}, "training: field 'n' is 0, not in 1..10"),
        ({"n": 11}, "field 'n' is 11, not in 1..10"),
        ({"n": True}, "field 'n' is true or false, not an integer"),
        ({"n": b"1"}, "field 'n' is a byte string, not an integer"),
        ({"root": b"abc"}, "field 'root' has 3 bytes, not 4"),
        ({"root": "abcd"}, "field 'root' is text, not a byte string"),
        ({"paths": None}, "field 'paths' is null, not a byte string"),
        ({"flag": 1}, "field 'flag' is an integer, not true or false"),
        ({"list": [0, 4]}, "field 'list' is wrong at element 1: it is 4, not in 0..3"),
        ({"list": [0, 0, 0]}, "field 'list' has 3 elements, not 0..2"),
        ({"list": {}}, "field 'list' is a map, not a list"),
        ({"previous": b"abc"}, "field 'previous' is a byte string, not null"),
    ],
)
def test_a_wrong_field_is_refused_by_name(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        take({**GOOD, **change}, EXPECTED, "training")
    assert str(caught.value).endswith(reason)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_field_is_refused_by_name(name: str) -> None:
    with pytest.raises(FormatError, match=f"payload lacks the field '{name}'"):
        take({key: value for key, value in GOOD.items() if key != name}, EXPECTED)


def test_something_else_than_a_map_is_refused() -> None:
    with pytest.raises(FormatError, match="statement is a list, not a map"):
        take([], {}, "statement")
