"""Consistency of record trees: RFC 9162's own definition as a twin, and what is no proof of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.statements.record_tree import root_of, verify_consistency
from zkunlearn.errors import InvalidProof, ParameterError
from zkunlearn.prover.matrices.merkle import Levels, build_levels
from zkunlearn.prover.witnesses.record_tree import consistency_path

from ..reference.field import Refused
from ..reference.records import check_consistency

LARGEST = 130
SMALL = 33  # with every way to spoil a proof


@cache
def leaves(size: int) -> tuple[bytes, ...]:
    return tuple(sha256(b"leaf" + bytes([i])).digest() for i in range(size))


@cache
def levels(size: int) -> Levels:
    return build_levels(b"".join(leaves(size)), 32)


@cache
def root(size: int) -> bytes:
    return root_of(b"".join(leaves(size)))


def head(part: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, of leaves that are hashed already."""
    if len(part) == 1:
        return part[0]
    half = below(len(part))
    return sha256(b"\1" + head(part[:half]) + head(part[half:])).digest()


def below(n: int) -> int:
    """The largest power of two that is smaller."""
    return 1 << (n - 1).bit_length() - 1


def subproof(m: int, part: Sequence[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 9162, 2.1.4.1."""
    if m == len(part):
        return [] if whole else [head(part)]
    half = below(len(part))
    if m <= half:
        return [*subproof(m, part[:half], whole), head(part[half:])]
    return [*subproof(m - half, part[half:], False), head(part[:half])]


def accepted(old_root: bytes, old_size: int, new_root: bytes, size: int, path: bytes) -> bool:
    """What both verifiers say; a refusal has its name."""
    found = True
    try:
        verify_consistency(old_root, old_size, new_root, size, path)
    except InvalidProof as error:
        assert error.check == "record consistency"
        found = False
    try:
        check_consistency(old_root, old_size, new_root, size, path)
        again = True
    except Refused as refusal:
        assert refusal.check == "record consistency"
        again = False
    assert found == again
    return found


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_every_smaller_tree_is_shown_as_the_rfc_has_it(size: int) -> None:
    assert root(size) == head(leaves(size))
    for old in range(1, size + 1):
        path = consistency_path(levels(size), old)
        assert path == b"".join(subproof(old, leaves(size), True))
        assert accepted(root(old), old, root(size), size, path)


def spoilt(path: bytes) -> Iterator[bytes]:
    """Every node flipped, dropped, doubled, or swapped with the next; and other lengths."""
    nodes = [path[i : i + 32] for i in range(0, len(path), 32)]
    for i, node in enumerate(nodes):
        before, after = nodes[:i], nodes[i + 1 :]
        yield b"".join([*before, bytes([*node[:31], node[31] ^ 1]), *after])
        yield b"".join([*before, *after])
        yield b"".join([*before, node, node, *after])
        if after:
            yield b"".join([*before, after[0], node, *after[1:]])
    yield from (path + bytes(32), path + b"\0", path[1:] if path else b"\1", bytes(32) + path)
    if path:
        yield from (path * 2, path[:-1], b"")


@pytest.mark.parametrize("size", range(1, SMALL + 1))
def test_nothing_else_is_a_proof_of_it(size: int) -> None:
    for old in range(1, size + 1):
        path = consistency_path(levels(size), old)
        for other in spoilt(path):
            assert not accepted(root(old), old, root(size), size, other), (old, other)


@pytest.mark.parametrize("size", [*range(1, SMALL + 1), 64, 65, 127, 130])
def test_other_roots_and_other_old_sizes_are_refused(size: int) -> None:
    for old in range(1, size + 1):
        path = consistency_path(levels(size), old)
        assert not accepted(bytes(32), old, root(size), size, path)
        assert not accepted(root(old), old, bytes(32), size, path)
        if old < size:
            assert not accepted(root(size), old, root(old), size, path)
            assert not accepted(root(size), size, root(old), old, path), "backwards"
        for other in {0, 1, old - 1, old + 1, size - old, size, size + 1} - {old}:
            assert not accepted(root(old), other, root(size), size, path), (old, other)


@given(st.integers(1, LARGEST), st.integers(1, LARGEST), st.integers(0, LARGEST + 2), st.integers(0, LARGEST + 2))
def test_a_proof_for_trees_of_other_sizes_is_one_where_their_shapes_agree_only(
    first: int, second: int, other_old: int, other_size: int
) -> None:
    """Three leaves and four lie alike above the first: how many there are says the statement, beside the root."""
    old, size = sorted((first, second))
    path = consistency_path(levels(size), old)
    if accepted(root(old), other_old, root(size), other_size, path):
        assert shape(old, size, True) == shape(other_old, other_size, True)


def shape(m: int, n: int, whole: bool) -> str:
    """Where the nodes of a proof stand."""
    if m == n:
        return "old" if whole else "known"
    half = below(n)
    return f"{shape(m, half, whole)} left" if m <= half else f"{shape(m - half, n - half, False)} right"


@given(st.integers(1, LARGEST - 1), st.data())
def test_a_tree_in_which_one_old_leaf_is_another_is_not_a_continuation(old: int, data: st.DataObject) -> None:
    """However its proof is made."""
    size = data.draw(st.integers(old, LARGEST))
    altered, place = [*leaves(size)], data.draw(st.integers(0, old - 1))
    altered[place] = bytes(32)
    theirs = build_levels(b"".join(altered), 32)
    for path in (consistency_path(theirs, old), consistency_path(levels(size), old)):
        assert not accepted(root(old), old, bytes(theirs[-1]), size, path)


@given(st.integers(2, LARGEST - 1), st.data())
def test_two_old_leaves_that_are_swapped_are_noticed(old: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(old, LARGEST))
    one, other = data.draw(st.lists(st.integers(0, old - 1), min_size=2, max_size=2, unique=True))
    altered = [*leaves(size)]
    altered[one], altered[other] = altered[other], altered[one]
    theirs = build_levels(b"".join(altered), 32)
    assert not accepted(root(old), old, bytes(theirs[-1]), size, consistency_path(theirs, old))


def test_the_owner_refuses_what_is_no_smaller_tree() -> None:
    for size in (0, -1, 8):
        with pytest.raises(ParameterError, match=f"a tree of 7 leaves does not go on from one of {size}"):
            consistency_path(levels(7), size)
