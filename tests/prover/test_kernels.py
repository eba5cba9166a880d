"""Every kernel equals its plain-Python twin, at the edges of the field, for any length and thread count."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import threading

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.prover import kernels as fast
from zkunlearn.prover.kernels import compiled
from zkunlearn.prover.kernels import threads as kernel_threads

from . import twins
from .values import (
    EDGES,
    NARROW,
    P,
    as_field,
    lengths,
    lifted,
    narrow,
    numbers,
    pairs,
    quick,
    scalars,
    seeds,
)

pytestmark = pytest.mark.usefixtures("threads")


def all_edge_pairs() -> tuple[np.ndarray, np.ndarray]:
    grid = np.array([(a, b) for a in EDGES for b in EDGES], dtype=np.uint64)
    return grid[:, 0].copy(), grid[:, 1].copy()


def test_base_field_operations_at_all_pairs_of_edges():
    a, b = all_edge_pairs()
    ints = list(zip(a.tolist(), b.tolist(), strict=True))
    assert fast.kadd(a, b).tolist() == [(x + y) % P for x, y in ints]
    assert fast.ksub(a, b).tolist() == [(x - y) % P for x, y in ints]
    assert fast.fmul(a, b).tolist() == [x * y % P for x, y in ints]


@quick
@given(seeds, st.integers(1, 40), st.integers(1, 70), st.booleans())
def test_powers_are_repeated_products(seed, rows, n, begun):
    x, first = numbers(seed, n), numbers(seed + 1, n)
    table = fast.powers(x, rows, first if begun else None)
    starts = first.tolist() if begun else [1] * n
    expected = [[pow(int(a), j, P) * start % P for a, start in zip(x, starts, strict=True)] for j in range(rows)]
    assert table.tolist() == expected


def test_extension_product_at_all_edges():
    a, b = all_edge_pairs()
    grid = np.stack([a, b])
    n = grid.shape[1]
    left, right = np.repeat(grid, n, axis=1), np.tile(grid, n)
    got = fast.kmul(left, right)
    assert pairs(got) == [twins.kmul(x, y) for x, y in zip(pairs(left), pairs(right), strict=True)]


@quick
@given(seeds, lengths, scalars)
def test_elementwise_operations_equal_their_twins(seed, n, c):
    a, b = numbers(seed, 2, n), numbers(seed + 1, 2, n)
    ints = list(zip(pairs(a), pairs(b), strict=True))
    assert pairs(fast.kadd(a, b)) == [twins.kadd(x, y) for x, y in ints]
    assert pairs(fast.ksub(a, b)) == [twins.ksub(x, y) for x, y in ints]
    assert pairs(fast.kmul(a, b)) == [twins.kmul(x, y) for x, y in ints]
    assert pairs(fast.kscale(a, c)) == [twins.kmul(x, c) for x, _ in ints]
    assert pairs(fast.kmul_base(a, b[0])) == [twins.kmul(x, (y[0], 0)) for x, y in ints]
    assert fast.kdot(a, b) == twins.ksum(twins.kmul(x, y) for x, y in ints)
    assert fast.ksum(a) == twins.ksum(x for x, _ in ints)


@quick
@given(seeds, st.sampled_from(sorted(NARROW)), st.sampled_from([1, 3]), lengths, st.sampled_from([1, 3, 17]))
def test_narrow_integers_are_read_as_elements_of_the_field(seed, kind, count, n, width):
    values, weights = narrow(seed, kind, count, n, width), numbers(seed + 1, 2, n)
    assert np.array_equal(fast.contract(values, weights), fast.contract(as_field(values), weights))


@quick
@given(seeds, st.sampled_from(["uint64", *sorted(NARROW)]), st.sampled_from([1, 3, 17]), lengths, st.integers(0, 3))
def test_what_is_contracted_is_added_where_it_belongs(seed, kind, n, width, start):
    values = numbers(seed, n, width) if kind == "uint64" else narrow(seed, kind, n, width)
    weights, out = numbers(seed + 1, 2, n), numbers(seed + 2, 2, width + 5)
    expected = out.copy()
    own = expected[:, start : start + width]
    own[:] = fast.kadd(own, fast.contract(values[None], weights)[:, 0])
    fast.add_contracted(out, start, values, weights)
    assert np.array_equal(out, expected)


def test_what_is_contracted_has_to_have_room():
    for start in (-1, 2):
        with pytest.raises(ValueError, match="from cell"):
            fast.add_contracted(numbers(1, 2, 5), start, numbers(2, 3, 4), numbers(3, 2, 3))


@quick
@given(seeds, st.lists(st.sampled_from(["uint64", *sorted(NARROW)]), min_size=1, max_size=5), lengths, scalars)
def test_linear_combination_equals_its_twin(seed, kinds, n, constant):
    columns = [numbers(seed, n) if kind == "uint64" else narrow(seed, kind, n) for kind in kinds]
    factors = numbers(seed + 1, 2, len(kinds))
    expected = twins.linear_combination(constant, pairs(factors), [column.tolist() for column in columns])
    assert pairs(fast.linear_combination(constant, factors, columns)) == expected


@quick
@given(seeds, st.sampled_from([(2, 32), (3, 22), (4, 16)]), st.sampled_from([1, 9, 1030]))
def test_limbs_equal_their_twin(seed, cut, n):
    limbs, bits = cut
    values = numbers(seed, n)
    values[:1] = P // 2
    found = fast.field_limbs(values, limbs, bits)
    assert found.T.tolist() == [twins.signed_limbs(value, limbs, bits) for value in values.tolist()]
    assert np.abs(found).max() <= 2 ** (bits - 1)


def test_counts_are_those_of_numpy():
    values = narrow(1, "uint16", 3, 1001)
    before = narrow(2, "int32", 1 << 16) >> 2
    found, times = before.copy(), np.bincount(values[:, ::2].reshape(-1), minlength=1 << 16)
    fast.tally(values[:, ::2], found)
    assert np.array_equal(found, before + times)
    fast.tally(values[:, ::2], found, -1)
    assert np.array_equal(found, before)


def test_counts_of_several_threads_are_those_of_numpy():
    values, found = narrow(1, "uint16", 1 << 18), np.zeros(1 << 16, dtype=np.int32)
    fast.tally(values, found, 3)
    assert np.array_equal(found, 3 * np.bincount(values, minlength=1 << 16))


def test_cells_of_another_type_are_refused():
    with pytest.raises(TypeError, match="cells of int64"):
        fast.contract(np.zeros((1, 4, 20), dtype=np.int64), numbers(1, 2, 4))


@quick
@given(seeds, st.integers(1, 3), st.integers(1, 9), lengths, st.sampled_from(["int64", "float64"]))
def test_join_pieces_equals_its_twin(seed, rows, pieces, count, kind):
    rng = np.random.default_rng(seed)
    sums = rng.integers(-(2**53), 2**53 + 1, (rows, pieces, count))
    sums.reshape(-1)[:3] = [2**53, -(2**53), -1][: sums.size]
    steps = numbers(seed, pieces, count)
    expected = [
        [sum(int(steps[a, q]) * int(sums[r, a, q]) for a in range(pieces)) % P for q in range(count)]
        for r in range(rows)
    ]
    assert fast.join_pieces(sums.astype(kind), steps).tolist() == expected


@quick
@given(seeds, st.sampled_from([1, 2, 9]), lengths, st.sampled_from([1, 2, 3, 8, 17, 40]))
def test_contract_equals_its_twin(seed, count, n, width):
    values, weights = numbers(seed, count, n, width), numbers(seed + 1, 2, n)
    expected = twins.contract(pairs(lifted(values)), pairs(weights))
    assert pairs(fast.contract(values, weights)) == expected


@quick
@given(seeds, st.sampled_from([1, 3]), lengths, st.sampled_from([1, 2, 17]))
def test_contract_extension_equals_its_twin(seed, count, n, width):
    values, weights = numbers(seed, 2, count, n, width), numbers(seed + 1, 2, n)
    expected = twins.contract(pairs(values), pairs(weights))
    assert pairs(fast.contract_extension(values, weights)) == expected


def test_contract_of_the_largest_products_does_not_overflow():
    n = 5000
    values = np.full((1, n, 16), P - 1, dtype=np.uint64)
    weights = np.full((2, n), P - 1, dtype=np.uint64)
    assert (fast.contract(values, weights) == n).all()
    assert (fast.contract(values[:, :, :1].copy(), weights) == n).all()


@quick
@given(seeds, lengths, scalars)
def test_fold_equals_its_twin(seed, half, r):
    values = numbers(seed, 2, 2 * half)
    assert pairs(fast.fold(values, r)) == twins.fold(pairs(values), r)


@quick
@given(seeds, lengths, scalars, st.sampled_from([0, 5]))
def test_factors_are_folded_in_place_as_their_twin_folds_them(seed, half, r, spare):
    factors = numbers(seed, 2, 3, 2, 2 * half + spare)
    expected = [[twins.fold(pairs(f[:, : 2 * half]), r) for f in product] for product in factors]
    fast.fold_factors(factors, 2 * half, np.array(r, dtype=np.uint64))
    assert [[pairs(f[:, :half]) for f in product] for product in factors] == expected


@quick
@given(seeds, st.integers(0, 7))
def test_eq_table_equals_its_twin(seed, bits):
    point = numbers(seed, 2, bits)
    assert pairs(fast.eq_table(point)) == twins.eq_table(pairs(point))


@quick
@given(seeds, st.sampled_from([1, 3, 8, 13]), st.integers(0, 6))
def test_a_table_is_doubled_by_one_variable_after_the_other(seed, size, bits):
    """The last variable first, which is then the lowest of those in front."""
    table, point = numbers(seed, 2, size), numbers(seed + 1, 2, bits)
    doubled = fast.eq_doublings(table, point)
    for count, own in enumerate(doubled):
        in_front = twins.eq_table(pairs(point)[bits - count :])
        assert pairs(own) == [twins.kmul(weight, value) for weight in in_front for value in pairs(table)]
    assert len(doubled) == bits + 1


@quick
@given(seeds, st.integers(1, 3), st.integers(1, 4), lengths, st.sampled_from([0, 5]))
def test_product_round_equals_its_twin(seed, products, count, half, spare):
    factors = numbers(seed, products, count, 2, 2 * half + spare)
    rounds = [twins.product_round([pairs(f[:, : 2 * half]) for f in product]) for product in factors]
    assert fast.product_round(factors, 2 * half) == [twins.ksum(values) for values in zip(*rounds, strict=True)]


@quick
@given(seeds, st.integers(0, 70), st.integers(0, 255))
def test_hashes_of_pairs_equal_hashlib(seed, n, tag):
    digests = np.random.default_rng(seed).integers(0, 256, (2 * n, 32), dtype=np.uint8)
    nodes = [bytes(digest)[:27] for digest in digests]
    expected = [hashlib.sha256(bytes([tag]) + x + y).digest() for x, y in zip(nodes[::2], nodes[1::2], strict=True)]
    assert [bytes(digest) for digest in fast.hash_pairs(tag, digests)] == expected


def test_many_pairs_are_hashed_alike_by_any_number_of_threads():
    digests = np.random.default_rng(1).integers(0, 256, (2 * 30001, 32), dtype=np.uint8)
    assert hashlib.sha256(b"\1" + bytes(digests[-2][:27]) + bytes(digests[-1][:27])).digest() == bytes(
        fast.hash_pairs(1, digests)[-1]
    )
    found = []
    for count in (1, 2, 3):
        fast.set_thread_count(count)
        found.append(fast.hash_pairs(1, digests).tobytes())
    assert found[0] == found[1] == found[2]


def test_digests_that_are_no_pairs_are_refused():
    for digests in (np.zeros((3, 32), np.uint8), np.zeros((4, 31), np.uint8), np.zeros((4, 64), np.uint8)[:, ::2]):
        with pytest.raises(ValueError, match="pairs"):
            fast.hash_pairs(1, digests)


@quick
@given(seeds, st.integers(1, 40), st.integers(0, 200), st.sampled_from([0, 1, 32]))
def test_sha256_equals_hashlib(seed, n, width, second):
    parts = [np.random.default_rng(seed + w).integers(0, 256, size=(n, w), dtype=np.uint8) for w in (width, second)]
    data = [b"tag" + b"".join(part[i].tobytes() for part in parts) for i in range(n)]
    assert fast.sha256_rows(b"tag", parts) == b"".join(hashlib.sha256(message).digest() for message in data)


@quick
@given(seeds, st.integers(1, 40), st.integers(0, 4), st.sampled_from([0, 8, 40, 48, 56, 64]))
def test_hashes_equal_hashlib(seed, count, blocks, used):
    """Block by block, with every length of the last one: 48 bytes leave room for the padding, 56 do not."""
    messages = np.random.default_rng(seed).integers(0, 2**64, (count, blocks + 1, 8), dtype=np.uint64)
    messages[:, blocks, used // 8 :] = 0
    hashes = fast.Hashes(count)
    for block in range(blocks):
        hashes.absorb(np.ascontiguousarray(messages[:, block]))
    digests = np.empty((count, 32), np.uint8)
    hashes.finish(np.ascontiguousarray(messages[:, blocks]), used, digests)
    whole = [message.tobytes()[: 64 * blocks + used] for message in messages]
    assert digests.tobytes() == b"".join(hashlib.sha256(message).digest() for message in whole)


def encoded(parts, count, h, shift, limit=None):
    """Eight rows on one coset, uint64 (limit, 8)."""
    block = np.full((max(count, 1 << h), 8), 7, dtype=np.uint64)
    fast.place(block[:count], parts, 0)
    block[count:] = 0
    fast.transform(block, count, h, shift, limit or 1 << h)
    return block[: limit or 1 << h]


@quick
@given(seeds, st.integers(0, 6), st.integers(1, 8), st.data())
def test_encoding_equals_horner_at_the_points(seed, h, rows, data):
    count = data.draw(st.integers(1, 2 << h))
    shift = data.draw(st.sampled_from([1, 7, P - 1, fast.root_of_unity(h + 3)]))
    cells = numbers(seed, rows, count)
    got = encoded([fast.RowPart(cells, 0, 0)], count, h, shift)
    assert got[:, :rows].tolist() == twins.encode_rows(cells.tolist(), h, shift) and not got[:, rows:].any()


@quick
@given(seeds, st.sampled_from([(3, 5), (8, 8), (11, 2)]), st.sampled_from([1, 7, 8, 9, 40]))
def test_rows_in_parts_are_placed_side_by_side(seed, heights, length):
    """Narrow cells, then elements of F below them, and tails beside both; from the first row on, and from row 8."""
    first, second = heights
    cells, field = narrow(seed, "int16", first, length), numbers(seed, second, length)
    tails = numbers(seed + 1, first + second, 3)
    parts = [fast.RowPart(cells, 0, 0), fast.RowPart(field, first, 0), fast.RowPart(tails, 0, length + 1)]
    whole = np.zeros((24, length + 5), dtype=np.uint64)
    whole[:first, :length], whole[first : first + second, :length] = as_field(cells), field
    whole[: first + second, length + 1 : length + 4] = tails
    for row in (0, 8):
        block = np.full((length + 5, 8), 7, dtype=np.uint64)
        fast.place(block, parts, row)
        assert np.array_equal(block, whole[row : row + 8].T)


@pytest.mark.parametrize("h", [10, 11, 12, 13])
def test_encoding_of_long_rows_at_sampled_points(h):
    """Lengths where the transform leaves the nearest cache, coefficients wrap, and the last coset is used in part."""
    cells, shift = numbers(h, 8, (1 << h) + 5), fast.root_of_unity(h + 2)
    got = encoded([fast.RowPart(cells, 0, 0)], cells.shape[1], h, shift)
    part = encoded([fast.RowPart(cells, 0, 0)], cells.shape[1], h, shift, 3 << (h - 3))
    assert np.array_equal(part, got[: 3 << (h - 3)])
    points = twins.encoding_points(h, shift)
    for q in [0, 1, 2, 513, (1 << h) - 1]:
        powers = [pow(points[q], j, P) for j in range(cells.shape[1])]
        for r in (0, 7):
            assert int(got[q, r]) == sum(c * x for c, x in zip(cells[r].tolist(), powers, strict=True)) % P


def test_results_do_not_depend_on_the_number_of_threads():
    """At sizes where work is really cut, unevenly, without the small tasks of the other tests."""
    a, b, n = numbers(5, 2, 24, 1001), numbers(6, 2, 24, 1001), numbers(7, 24, 1001)
    weights, point = numbers(8, 2, 1001), numbers(10, 2, 15)
    lines = a.reshape(2, -1)

    def everything():
        arrays = [fast.contract(n[:, :, None], weights), fast.contract(n[None], weights[:, :24])]
        arrays += [fast.layer_up(a, b)[0], fast.eq_table(point)]
        arrays += [fast.linear_combination((3, 4), point[:, :2], [*n[:2]])]
        arrays += [fast.fold(a, (5, 6)), fast.kmul(lines, lines), fast.contract(n[:1, :, None], weights)]
        return fast.product_round(lines[None, None], lines.shape[1] // 2 * 2), [array.tobytes() for array in arrays]

    results = []
    for count in (1, 2, 3, 7):
        fast.set_thread_count(count)
        results.append(everything())
    assert all(result == results[0] for result in results)


def test_read_only_and_strided_inputs_are_accepted():
    a = numbers(3, 2, 40)
    a.flags.writeable = False
    assert pairs(fast.kmul(a[:, ::2], a[:, 1::2])) == [
        twins.kmul(x, y) for x, y in zip(pairs(a[:, ::2]), pairs(a[:, 1::2]), strict=True)
    ]
    assert pairs(fast.fold(a, (5, 6))) == twins.fold(pairs(a), (5, 6))


def test_wrong_shapes_are_rejected():
    k = numbers(4, 2, 6)
    with pytest.raises(ValueError, match="canonical"):
        fast.fold(k, (P, 0))
    with pytest.raises(ValueError, match="half"):
        fast.fold(k[:, :5], (1, 0))
    with pytest.raises(ValueError, match="shapes differ"):
        fast.kmul(k, k[:, :3])
    with pytest.raises(ValueError, match="weights"):
        fast.contract(numbers(1, 1, 7, 1), k)
    with pytest.raises(ValueError, match="halves"):
        fast.layer_up(numbers(1, 2, 1, 3), numbers(1, 2, 1, 3))
    for live in (5, 8):
        with pytest.raises(ValueError, match="factors"):
            fast.product_round(k[None, None], live)
        with pytest.raises(ValueError, match="halves"):
            fast.fold_factors(k[None, None], live, (1, 0))


def test_an_exception_in_a_task_is_raised():
    def fails():
        raise RuntimeError("task")

    with pytest.raises(RuntimeError, match="task"):
        fast.run_tasks([lambda: 1, fails, lambda: 2])


def test_threads_that_have_not_begun_are_not_waited_for():
    fast.set_thread_count(max(2, fast.thread_count()))
    busy, count = threading.Event(), fast.thread_count() - 1
    others = [kernel_threads._executor(count).submit(busy.wait, 60) for _ in range(count)]
    try:
        assert fast.run_tasks([lambda: 1, lambda: 2]) == [1, 2]
        assert not any(other.done() for other in others)
    finally:
        busy.set()


def test_tasks_may_start_tasks():
    inner = [lambda i=i: i for i in range(4)]
    assert fast.run_tasks([lambda: fast.run_tasks(inner)] * 8) == [[0, 1, 2, 3]] * 8


def test_warm_up_names_every_kernel_and_leaves_them_warm():
    names = []
    fast.warm_up(names.append)
    assert len(names) == len(set(names)) > 10
    assert fast.is_warm()


@pytest.mark.parametrize("cached", [True, False])
def test_it_is_logged_when_a_kernel_is_compiled_and_when_it_is_done(monkeypatch, caplog, cached):
    def nothing(out):
        out[0] = 1

    monkeypatch.setattr(compiled, "_KERNELS", [])
    own = compiled.Kernel(nothing, (compiled.OUT,))
    monkeypatch.setattr(own, "is_cached", lambda: cached)
    monkeypatch.setattr(own, "_dispatcher", numba.njit(nothing))
    with caplog.at_level("INFO", logger="zkunlearn"):
        own.compile()
        own.compile()
    before, after = "compiling the kernel nothing, once per machine", "the kernel nothing is compiled, in "
    said = [record.getMessage() for record in caplog.records if record.name == "zkunlearn"]
    assert [text.startswith(start) for text, start in zip(said, (before, after), strict=False)] == [True] * len(said)
    assert len(said) == (0 if cached else 2)


def test_where_nothing_can_be_kept_kernels_work_and_it_is_said(monkeypatch, caplog):
    def refuse(**options):
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function")
        return plain(**options)

    plain = numba.njit
    monkeypatch.setattr(compiled.numba, "njit", refuse)
    monkeypatch.setattr(compiled, "_KERNELS", [])

    @compiled.kernel(compiled.IN, compiled.OUT)
    def twice(values, out):
        for i in range(len(values)):
            out[i] = 2 * values[i]

    out = np.zeros(3, dtype=np.uint64)
    twice(np.arange(3, dtype=np.uint64), out)
    assert out.tolist() == [0, 2, 4] and not twice.is_kept
    assert compiled.NOT_KEPT in caplog.text and "NUMBA_CACHE_DIR" in compiled.NOT_KEPT


SCALAR_RUN = """
import hashlib, numpy as np
from zkunlearn.prover import kernels as fast
from zkunlearn.prover.kernels import compiled
from zkunlearn.prover.kernels.field import LANES
rows = (np.arange(11 * 70, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(1)).reshape(11, 70)
k = np.stack([rows, rows[::-1]])
text = fast.sha256_rows(b"x", [rows.view(np.uint8)])
parts = [np.frombuffer(text, np.uint8)]
block, narrow = np.zeros((70, 8), dtype=np.uint64), (rows >> np.uint64(40)).astype(np.int16)
fast.place(block, [fast.RowPart(rows[:8].copy(), 0, 0)], 0)
fast.transform(block, 70, 5, 3, 32)
hashes = fast.Hashes(70)
hashes.absorb(block)
digests = np.empty((len(block), 32), np.uint8)
hashes.finish(block, 56, digests)
parts += [block, digests, fast.contract(narrow[None], k[:, 0, :11])]
parts += [*fast.layer_up(k[:, :10], k[:, 1:]), fast.contract(k, k[:, 0, :11])]
leaves = fast.Leaves(narrow.astype(np.uint16).reshape(-1) % 9, np.arange(8) * 70, np.arange(8), 70, k[:, 0, :20], 13)
weights, up = (k[:, 0, :2], k[:, 1]), fast.leaves_up(leaves)
sums = [*fast.leaf_round(leaves, leaves.table, weights)]
sums += fast.pair_round(up[0], up[1], (k[:, 0, :1], k[:, 1, :35]))
parts += [np.array(sums, dtype=np.uint64), up, fast.field_limbs(rows, 3, 22)]
features = (narrow[:, :64] // 16).astype(np.int16)
table, targets = np.arange(-(2**15), 2**15, dtype=np.int32), features[0].astype(np.int32)
once = np.ones(64, dtype=np.int32)
descent = fast.Descent(features[:10], table, targets, once, np.array([3]), epochs=9, block_size=64)
parts += [descent.step(np.arange(10)[None] * 999 - 4000, np.array([9999]), 2, 0)[0], descent.Q[2], descent.rem[2]]
products = fast.Products(features[:10])
parts += [products.scores(np.arange(10) << 35), products.sums(np.arange(64) - 99 << 35)]
print(LANES, hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="switches AVX2 off")
def test_processors_without_wide_vectors_compute_the_same_bits(tmp_path):
    if fast.thread_count() > 1:
        pytest.skip("once is enough: it compiles")

    def digest(**settings: str) -> list[str]:
        command = [sys.executable, "-c", SCALAR_RUN]
        done = subprocess.run(command, env=os.environ | settings, check=True, capture_output=True, text=True)
        return done.stdout.split()

    plain = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse2", "NUMBA_CACHE_DIR": str(tmp_path)}
    lanes, scalar_bits = digest(**plain)
    assert lanes == "1"
    assert digest()[1] == scalar_bits


def test_import_compiles_nothing():
    code = (
        "import zkunlearn.prover.kernels as k; from zkunlearn.prover.kernels.compiled import all_kernels;"
        "assert all_kernels() and not any(x._ready for x in all_kernels())"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
