"""Files on disk: atomic, private where secret, every refusal with the name of the file."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from zkunlearn.errors import DataError, FormatError
from zkunlearn.formats.container import (
    encode,
    read_container,
    read_front,
    write_container,
)
from zkunlearn.formats.files import SECRET_MODE, read_file, replacing, write_files

LIMIT = 1 << 20


def test_a_file_comes_back_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "p.proof"
    for payload in ({"a": 1}, {"a": 2, "b": [b"x"]}):
        write_container(path, "model.opening", payload)
        assert read_container(path, "model.opening", LIMIT) == ("model.opening", payload)
    assert os.listdir(tmp_path) == ["p.proof"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o000, 0o644)])
def test_public_files_follow_the_umask_and_secret_ones_are_private(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_container(tmp_path / "public", "model.opening", {})
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
    write_container(path, "model.opening", {"old": 1})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left"):
        write_container(path, "model.opening", {"new": 1})
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["p.proof"]
    assert read_container(path, "model.opening", LIMIT)[1] == {"old": 1}


def test_a_link_is_replaced_and_its_target_kept(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"mine")
    link.symlink_to(target)
    write_container(link, "model.opening", {})
    assert target.read_bytes() == b"mine"
    assert not link.is_symlink()


def test_unwritable_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere/p.proof: cannot be written \(No such file"):
        write_container(tmp_path / "nowhere" / "p.proof", "model.opening", {})
    with pytest.raises(DataError, match="cannot be written"):
        write_container(tmp_path, "model.opening", {})
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


def test_the_front_of_a_file_is_read_alone_whatever_follows(tmp_path: Path) -> None:
    """A claimed length reserves nothing, and what has no rows is all front."""
    whole, path = encode("registration", {"a": b"x"}), tmp_path / "rows"
    for rows in (b"", bytes(5000)):
        path.write_bytes(whole + rows)
        assert read_front(path, len(whole)) == (whole, len(rows))
        assert read_container(path, None, len(whole)) == ("registration", {"a": b"x"})
        with pytest.raises(FormatError, match=f"rows: {len(whole)} bytes are more than the {len(whole) - 1}"):
            read_front(path, len(whole) - 1)
    path.write_bytes(whole[:-6] + b"\xff" * 6)
    assert read_front(path, 100) == (path.read_bytes(), 0)
    path.write_bytes(encode("training", {}) + bytes(9))
    assert read_front(path, 100) == (path.read_bytes(), 0)


def test_no_file_descriptor_is_left_open(tmp_path: Path) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(DataError):
            read_file(tmp_path, 10)
        write_container(tmp_path / "p", "model.opening", {})
        read_container(tmp_path / "p", None, LIMIT)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_malformed_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.proof").write_bytes(b"hello")
    with pytest.raises(FormatError, match=r"x\.proof: this is not a zkunlearn file"):
        read_container(tmp_path / "x.proof", "model.opening", LIMIT)


def test_what_is_half_written_when_its_writer_fails_is_gone(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), replacing(tmp_path / "a", SECRET_MODE) as file:
        file.write(b"half")
        raise RuntimeError
    assert os.listdir(tmp_path) == []


def test_many_files_are_each_whole_and_private_or_not_there(tmp_path: Path) -> None:
    assert write_files(tmp_path, [("a", b"old"), ("b", bytes(3)), ("a", b"new"), ("empty", b"")], SECRET_MODE) == 4
    found = {path.name: (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.iterdir()}
    assert found == {"a": (b"new", 0o600), "b": (bytes(3), 0o600), "empty": (b"", 0o600)}
    with pytest.raises(DataError, match="cannot be written") as caught:
        write_files(tmp_path, [("c", b"before"), ("missing/d", b""), ("e", b"after")], SECRET_MODE)
    assert str(caught.value).startswith(str(tmp_path / "missing"))
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "c", "empty"]
