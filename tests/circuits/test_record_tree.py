"""The multiproof over the record tree: both halves against plain twins, and the attacks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.statements.record_tree import sibling_count, verify_records
from zkunlearn.errors import InvalidProof, ParameterError
from zkunlearn.prover.matrices.merkle import build_levels
from zkunlearn.prover.witnesses.record_tree import FEW, audit_paths, record_paths

from ..reference.field import Refused
from ..reference.records import check_records

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "records.json").read_text())
Places = tuple[int, ...]
LARGEST = 9


def digests(count: int) -> list[bytes]:
    return [hashlib.sha256(f"record {i}".encode()).digest() for i in range(count)]


def rfc_root(hashes: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, over leaf hashes."""
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + rfc_root(hashes[:k]) + rfc_root(hashes[k:])).digest()


def rfc_path(m: int, hashes: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162, 2.1.3.1."""
    if len(hashes) == 1:
        return []
    k = 1 << (len(hashes) - 1).bit_length() - 1
    if m < k:
        return [*rfc_path(m, hashes[:k]), rfc_root(hashes[k:])]
    return [*rfc_path(m - k, hashes[k:]), rfc_root(hashes[:k])]


def unknown_subtrees(hashes: list[bytes], first: int, known: set[int]) -> set[bytes]:
    """Roots of the largest subtrees of the RFC's tree that hold no known leaf."""
    if not known & set(range(first, first + len(hashes))):
        return {rfc_root(hashes)}
    if len(hashes) == 1:
        return set()
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return unknown_subtrees(hashes[:k], first, known) | unknown_subtrees(hashes[k:], first + k, known)


def twin(hashes: list[bytes], positions: Places) -> list[bytes]:
    """The multiproof by its definition: level by level, left to right, the siblings that are not known."""
    known, result = set(positions), []
    while len(hashes) > 1:
        result += [node for i, node in enumerate(hashes) if i not in known and i ^ 1 in known]
        known = {i // 2 for i in known}
        hashes = [rfc_root(hashes[i : i + 2]) for i in range(0, len(hashes), 2)]
    return result


class Shown:
    """An honest multiproof, whose parts a test replaces."""

    def __init__(self, size: int, positions: Places) -> None:
        self.size, self.positions = size, positions
        leaves = digests(size)
        self.root = rfc_root(leaves)
        self.digests = [leaves[i] for i in positions]
        self.paths = record_paths(build_levels(b"".join(leaves), 32), positions)

    def verify(self) -> None:
        verify_records(self.root, self.size, self.positions, self.digests, self.paths)

    def reference(self) -> None:
        check_records(self.root, self.size, dict(zip(self.positions, self.digests, strict=True)), self.paths)


def changed(shown: Shown, **parts: Any) -> Shown:
    result = object.__new__(Shown)
    result.__dict__ = {**shown.__dict__, **parts}
    return result


def rejected(shown: Shown, detail: str) -> None:
    with pytest.raises(InvalidProof, match=detail) as caught:
        shown.verify()
    assert caught.value.check == "record path"


def subsets(size: int) -> Iterator[Places]:
    for count in range(size + 1):
        yield from combinations(range(size), count)


@st.composite
def some(draw: st.DrawFn) -> Shown:
    size = draw(st.integers(1, 150))
    return Shown(size, tuple(sorted(draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=3 * FEW)))))


# --- what honest owners get ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_all_subsets_of_small_trees_are_shown(size: int) -> None:
    """By the twin's digests in the twin's order, which are the roots of what the RFC's tree has besides."""
    leaves = digests(size)
    for positions in subsets(size):
        shown = Shown(size, positions)
        shown.verify()
        shown.reference()
        assert shown.paths == b"".join(twin(leaves, positions))
        assert len(shown.paths) == 32 * sibling_count(size, positions)
        if positions:
            assert set(twin(leaves, positions)) == unknown_subtrees(leaves, 0, set(positions))


@pytest.mark.parametrize("case", VECTORS["paths"], ids=lambda case: str(case["positions"]))
def test_paths_are_those_published(case: dict[str, Any]) -> None:
    leaves = [bytes.fromhex(VECTORS["rows"][i]["digest"]) for i in VECTORS["order"]]
    root, paths, positions = bytes.fromhex(VECTORS["record root"]), bytes.fromhex(case["paths"]), case["positions"]
    verify_records(root, len(leaves), positions, [leaves[i] for i in positions], paths)
    check_records(root, len(leaves), {i: leaves[i] for i in positions}, paths)
    assert record_paths(build_levels(b"".join(leaves), 32), positions) == paths


@given(some())
def test_subsets_of_larger_trees_are_shown(shown: Shown) -> None:
    shown.verify()
    shown.reference()
    assert shown.paths == b"".join(twin(digests(shown.size), shown.positions))
    assert len(shown.paths) == 32 * sibling_count(shown.size, shown.positions)


@given(size=st.integers(1, 130), data=st.data())
def test_the_multiproof_of_one_record_is_the_path_of_the_rfc(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    assert Shown(size, (index,)).paths == b"".join(rfc_path(index, digests(size)))


@given(size=st.integers(1, 130), data=st.data())
def test_paths_of_single_records_made_together_are_those_of_the_rfc(size: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, size - 1))
    stop = data.draw(st.integers(start, size))
    leaves = digests(size)
    paths = audit_paths(build_levels(b"".join(leaves), 32), start, stop)
    assert paths == [b"".join(rfc_path(i, leaves)) for i in range(start, stop)]


def test_the_prover_refuses_what_it_cannot_show() -> None:
    levels = build_levels(b"".join(digests(7)), 32)
    for positions in ((-1,), (2, 7)):
        with pytest.raises(ParameterError, match="outside the 7 records"):
            record_paths(levels, positions)


# --- attacks ------------------------------------------------------------------------------------------------


def spoiled_paths(paths: bytes) -> Iterator[tuple[str, bytes]]:
    """Every digest flipped, dropped, doubled, swapped with the next; and other lengths. With what is said about it."""
    parts = [paths[i : i + 32] for i in range(0, len(paths), 32)]
    for i, part in enumerate(parts):
        before, after = parts[:i], parts[i + 1 :]
        flipped = bytes([*part[:31], part[31] ^ 1])
        yield "does not lead", b"".join([*before, flipped, *after])
        yield "bytes expected", b"".join([*before, *after])
        yield "bytes expected", b"".join([*before, part, part, *after])
        if after:
            yield "does not lead", b"".join([*before, after[0], part, *after[1:]])
    for other in (paths + bytes(32), paths + b"\0", paths * 2, paths[:-1], b""):
        if other != paths:
            yield "bytes expected", other


@pytest.mark.parametrize("size", range(1, 8))
def test_no_other_multiproof_is_accepted(size: int) -> None:
    for positions in subsets(size):
        shown = Shown(size, positions)
        for detail, paths in spoiled_paths(shown.paths):
            bad = changed(shown, paths=paths)
            rejected(bad, detail)
            with pytest.raises(Refused):
                bad.reference()


@pytest.mark.parametrize("size", range(1, 8))
def test_no_other_records_are_accepted(size: int) -> None:
    """Another digest, another position, one more position, one less: under the same multiproof."""
    leaves = digests(size)
    for positions in subsets(size):
        shown = Shown(size, positions)
        for i, position in enumerate(positions):
            others = [*shown.digests[:i], bytes(32), *shown.digests[i + 1 :]]
            rejected(changed(shown, digests=others), "does not lead")
            fewer = changed(shown, positions=positions[:i] + positions[i + 1 :], digests=shown.digests[:i])
            fewer.digests += shown.digests[i + 1 :]
            if size > 1:  # the digest of a tree of one record is its root
                rejected(fewer, "bytes expected|does not lead")
            assert leaves[position] == shown.digests[i]
        for extra in set(range(size)) - set(positions):
            more = tuple(sorted((*positions, extra)))
            invented = [dict(zip(positions, shown.digests, strict=True)).get(i, bytes(32)) for i in more]
            rejected(changed(shown, positions=more, digests=invented), "bytes expected|does not lead")


@given(shown=some(), data=st.data())
def test_a_multiproof_proves_nothing_about_another_tree(shown: Shown, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(shown.positions) - 1))
    swapped = list(shown.digests)
    swapped[at], swapped[at - 1] = swapped[at - 1], swapped[at]
    if len(swapped) > 1:
        rejected(changed(shown, digests=swapped), "does not lead")
    rejected(changed(shown, root=bytes(32)), "does not lead")


def test_a_tree_of_another_size_is_rejected_where_its_shape_differs() -> None:
    rejected(changed(Shown(5, (4,)), size=8), "96 bytes expected, got 32")
    rejected(changed(Shown(5, (4,)), size=6), "64 bytes expected, got 32")
    rejected(changed(Shown(5, (0, 4)), size=4), "position 4 is outside the 4 records")


def test_positions_out_of_order_or_outside_are_rejected() -> None:
    shown = Shown(6, (1, 3, 4))
    for positions in ((3, 1, 4), (1, 1, 4), (1, 4, 4)):
        rejected(changed(shown, positions=positions), "does not come after")
    for positions in ((-1, 3, 4), (1, 3, 6), (1, 3, 1 << 70)):
        rejected(changed(shown, positions=positions), "outside the 6 records")


def test_a_digest_of_another_length_or_number_is_rejected() -> None:
    """Two digests in one, or one in two: packed, they would be the same bytes."""
    shown = Shown(4, (0, 1))
    first, second = shown.digests
    for others in ([first], [first, second, second], [first + second, b""], [first + second[:1], second[1:]]):
        rejected(changed(shown, digests=others), "2 digests of 32 bytes expected")


def test_an_inner_node_passed_off_as_a_record_is_rejected() -> None:
    """The tree without its lowest level has the same root; its size is in the statement."""
    levels = [bytes(level) for level in build_levels(b"".join(digests(8)), 32)]
    shown = changed(Shown(8, (0,)), digests=[levels[1][:32]], paths=record_paths(levels[1:], (0,)))
    changed(shown, size=4).verify()
    rejected(shown, "96 bytes expected, got 64")
