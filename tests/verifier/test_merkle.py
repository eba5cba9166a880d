"""Merkle trees: the prover's half against the verifier's, both against RFC 9162's text, and the attacks."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.errors import InvalidProof, ParameterError
from zkunlearn.prover.matrices.merkle import build_levels, cap_of, hash_salted, paths_of
from zkunlearn.verifier.protocol.merkle import (
    CapShape,
    leaf_hash,
    node_hash,
    root_of,
    split_digests,
    verify_cap,
    verify_paths,
)

SHAPES = (
    st.tuples(st.integers(1, 7), st.integers(0, 6))
    .filter(lambda kh: kh != (1, 0))
    .flatmap(lambda kh: st.integers(1, kh[0] << kh[1]).map(lambda t: CapShape(kh[0] << kh[1], kh[1], t)))
)


@pytest.fixture(autouse=True, scope="module")
def compiled() -> None:
    """So that no test is timed while its kernel is compiled."""
    build_levels(bytes(64))


def digests(count: int, seed: str = "leaf") -> list[bytes]:
    return [hashlib.sha256(f"{seed} {i}".encode()).digest() for i in range(count)]


class Opened:
    """An honest opening, whose parts a test replaces one at a time."""

    def __init__(self, shape: CapShape, indices: list[int]) -> None:
        self.shape, self.indices = shape, indices
        hashes = digests(shape.leaves)
        self.levels: list[Any] = build_levels(b"".join(hashes))
        self.root: Any = self.levels[-1]
        self.cap: Any = cap_of(self.levels, shape)
        self.leaves = [hashes[i] for i in indices]
        self.paths = paths_of(self.levels, shape, indices)

    def verify(self) -> None:
        verify_cap(self.root, self.cap, self.shape)
        verify_paths(self.cap, self.shape, self.indices, self.leaves, self.paths)


@pytest.fixture
def opened() -> Opened:
    result = Opened(CapShape(leaves=3 * 64, paired_levels=6, queries=4), [0, 5, 77, 191])
    assert (result.shape.path_length, result.shape.cap_size) == (5, 6)
    return result


def rejected(opened: Opened, check: str, detail: str) -> None:
    with pytest.raises(InvalidProof, match=detail) as caught:
        opened.verify()
    assert caught.value.check == check


# --- what honest provers get -------------------------------------------------------------------------------


@given(shape=SHAPES, data=st.data())
def test_honest_openings_are_accepted(shape: CapShape, data: st.DataObject) -> None:
    count = st.lists(st.integers(0, shape.leaves - 1), min_size=shape.queries, max_size=shape.queries, unique=True)
    Opened(shape, sorted(data.draw(count))).verify()


# --- the definitions, written a second time from the RFC ----------------------------------------------------


def rfc_root(hashes: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, over leaf hashes."""
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + rfc_root(hashes[:k]) + rfc_root(hashes[k:])).digest()


@given(size=st.integers(1, 130))
def test_the_tree_has_the_shape_of_the_rfc(size: int) -> None:
    hashes = digests(size)
    assert root_of(hashes, 32) == rfc_root(hashes) == build_levels(b"".join(hashes), 32)[-1]


@given(size=st.integers(2, 130))
def test_the_tree_of_a_matrix_has_that_shape_over_27_bytes_of_each_child(size: int) -> None:
    def short_root(hashes: list[bytes]) -> bytes:
        if len(hashes) == 1:
            return hashes[0]
        k = 1 << (len(hashes) - 1).bit_length() - 1
        return hashlib.sha256(b"\x01" + short_root(hashes[:k])[:27] + short_root(hashes[k:])[:27]).digest()

    hashes = digests(size)
    assert root_of(hashes) == short_root(hashes) == build_levels(b"".join(hashes))[-1]
    assert root_of([digest[:27] for digest in hashes]) == short_root(hashes)


def test_leaf_and_node_hashes_are_what_the_text_says() -> None:
    salt, left, right = bytes(range(32)), b"l" * 32, b"r" * 32
    assert leaf_hash(salt, b"data") == hashlib.sha256(b"\x00" + bytes(31) + salt + b"data").digest()
    assert node_hash(left, right, 32) == hashlib.sha256(b"\x01" + left + right).digest()
    assert node_hash(left, right) == hashlib.sha256(b"\x01" + left[:27] + right[:27]).digest()


# --- the shape ----------------------------------------------------------------------------------------------


@given(shape=SHAPES)
def test_no_other_cap_level_makes_a_shorter_proof(shape: CapShape) -> None:
    def size(length: int) -> int:
        return (shape.leaves >> length) + shape.queries * length

    assert 0 <= shape.path_length <= shape.paired_levels
    assert size(shape.path_length) == min(size(length) for length in range(shape.paired_levels + 1))
    assert shape.cap_size <= max(2 * shape.queries, shape.leaves >> shape.paired_levels)
    assert shape.cap_bytes == 27 * shape.cap_size
    assert shape.paths_bytes == 27 * shape.queries * shape.path_length


def test_cap_for_148_queries_is_256_nodes() -> None:
    shape = CapShape(1 << 15, 15, 148)
    assert (shape.cap_size, shape.path_length) == (256, 7)


@pytest.mark.parametrize(
    ("leaves", "bits", "queries"),
    [(0, 0, 1), (1, 0, 1), (12, 3, 1), (8, -1, 1), (8, 3, 9), (8, 3, 0)],
    ids=["no leaves", "one leaf", "not a multiple", "negative bits", "too many queries", "no queries"],
)
def test_impossible_shapes_are_refused(leaves: int, bits: int, queries: int) -> None:
    with pytest.raises(ParameterError):
        CapShape(leaves, bits, queries)


def test_a_tree_without_leaves_is_refused() -> None:
    with pytest.raises(ParameterError, match="at least one leaf"):
        root_of([])
    with pytest.raises(ParameterError, match="at least one leaf"):
        build_levels(b"")


def test_the_prover_refuses_what_it_cannot_open(opened: Opened) -> None:
    for index in (-1, 192):
        with pytest.raises(ParameterError, match="outside"):
            paths_of(opened.levels, opened.shape, [index])
    with pytest.raises(ParameterError, match="192 leaves, not 128"):
        cap_of(opened.levels, CapShape(128, 7, 4))
    with pytest.raises(ParameterError, match="salt"):
        hash_salted(np.zeros((1, 31), np.uint8), [np.zeros((1, 16), np.uint8)])


# --- attacks on caps and paths ------------------------------------------------------------------------------


def test_swapped_cap_nodes_are_rejected(opened: Opened) -> None:
    cap = split_digests(opened.cap)
    cap[0], cap[1] = cap[1], cap[0]
    opened.cap = b"".join(cap)
    rejected(opened, "merkle cap", "does not hash to the committed root")


def test_a_cap_of_another_level_is_rejected_although_it_has_the_same_root(opened: Opened) -> None:
    for level in (opened.shape.path_length - 1, opened.shape.path_length + 1):
        opened.cap = b"".join(node[:27] for node in split_digests(opened.levels[level], 32))
        assert root_of(split_digests(opened.cap)) == opened.root
        rejected(opened, "merkle cap", "162 bytes expected")


@pytest.mark.parametrize("position", [0, 26, 95, 161])
def test_a_changed_byte_in_the_cap_is_rejected(opened: Opened, position: int) -> None:
    cap = bytearray(opened.cap)
    cap[position] ^= 1
    opened.cap = bytes(cap)
    rejected(opened, "merkle cap", "committed root")


def test_a_cap_that_was_not_verified_must_still_have_its_length(opened: Opened) -> None:
    with pytest.raises(InvalidProof, match="cap of 162 bytes"):
        verify_paths(opened.cap[:-27], opened.shape, opened.indices, opened.leaves, opened.paths)


@given(position=st.integers(0, 4 * 5 * 27 - 1), bit=st.integers(0, 7))
def test_a_changed_bit_in_a_path_is_rejected(position: int, bit: int) -> None:
    opened = Opened(CapShape(192, 6, 4), [0, 5, 77, 191])
    paths = bytearray(opened.paths)
    paths[position] ^= 1 << bit
    opened.paths = bytes(paths)
    rejected(opened, "merkle path", f"leaf {opened.indices[position // 135]} does not lead to the cap")


def test_paths_of_another_length_are_rejected(opened: Opened) -> None:
    honest = opened.paths
    for paths in (honest[:-27], honest + bytes(27), honest[:-1], honest + b"\0", b"", honest * 2):
        opened.paths = paths
        rejected(opened, "merkle path", f"540 bytes of paths expected, got {len(paths)}")


def test_a_shorter_path_from_an_inner_node_is_rejected(opened: Opened) -> None:
    """The node above leaf 0 leads to the cap with one digest less; the fixed length leaves no room for it."""
    opened.leaves[0] = opened.levels[1][:32]
    opened.paths = opened.paths[27:]
    rejected(opened, "merkle path", "bytes of paths expected")


def test_an_inner_node_passed_off_as_a_leaf_is_rejected() -> None:
    """Salt = left child, data = right child: tag and zeros tell this leaf from the node above two."""
    hashes = digests(8)
    levels: list[Any] = build_levels(b"".join(hashes))
    forged = leaf_hash(hashes[0], hashes[1])
    shape = CapShape(4, 2, 1)  # the tree without its lowest level has the same root
    with pytest.raises(InvalidProof, match="leaf 0 does not lead"):
        verify_paths(cap_of(levels[1:], shape), shape, [0], [forged], paths_of(levels[1:], shape, [0]))


def test_an_index_out_of_range_is_rejected(opened: Opened) -> None:
    """192 + 191 would end at a cap node that does not exist, -1 at the last one from the end."""
    for indices in ([0, 5, 77, 192], [0, 5, 77, 383], [-1, 5, 77, 191], [0, 5, 77, 191 + (1 << 70)]):
        opened.indices = indices
        rejected(opened, "merkle path", "outside the 192 leaves")


def test_a_duplicate_or_unsorted_index_is_rejected(opened: Opened) -> None:
    for indices in ([0, 5, 5, 191], [5, 0, 77, 191]):
        opened.indices = indices
        opened.leaves = digests(192)
        opened.leaves = [opened.leaves[i] for i in indices]
        opened.paths = paths_of(opened.levels, opened.shape, indices)
        rejected(opened, "merkle path", "does not come after 5")


def test_fewer_or_more_openings_than_queries_are_rejected(opened: Opened) -> None:
    full_indices, full_leaves = opened.indices, opened.leaves
    for indices, leaves in (
        ([], []),
        (full_indices[:3], full_leaves[:3]),
        (full_indices, full_leaves[:3]),
        (full_indices[:3], full_leaves),
        ([*full_indices, 192], [*full_leaves, full_leaves[0]]),
    ):
        opened.indices, opened.leaves = indices, leaves
        rejected(opened, "merkle path", "4 openings expected")


def test_another_leaf_at_an_opened_position_is_rejected(opened: Opened) -> None:
    opened.leaves[2] = digests(192)[78]
    rejected(opened, "merkle path", "leaf 77 does not lead to the cap")


def test_leaves_in_each_other_s_place_are_rejected(opened: Opened) -> None:
    opened.leaves[0], opened.leaves[1] = opened.leaves[1], opened.leaves[0]
    rejected(opened, "merkle path", "leaf 0 does not lead to the cap")


def test_a_dropped_salt_is_rejected() -> None:
    """SHA-256(0x00 || zeros || salt || data) is also the hash of data' = salt || data without a salt."""
    salt, data = b"s" * 32, b"data"
    assert hashlib.sha256(b"\x00" + bytes(31) + b"" + salt + data).digest() == leaf_hash(salt, data)
    for wrong in (b"", salt[:31], salt + data[:1]):
        with pytest.raises(InvalidProof, match="32 bytes") as caught:
            leaf_hash(wrong, data)
        assert caught.value.check == "merkle leaf"
