"""Every kernel equals its plain-Python twin, at the edges of the field, for any length and thread count."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.prover import kernels as fast

from . import twins

P = twins.P
EDGES = [0, 1, 2**32 - 2, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1, 2**63, 2**63 + 1, P - 2**32, P - 2, P - 1]
LENGTHS = [1, 2, 7, 8, 9, 31, 32, 33, 67]

seeds = st.integers(0, 2**32)
elements = st.one_of(st.sampled_from(EDGES), st.integers(0, P - 1))
scalars = st.tuples(elements, elements)
lengths = st.sampled_from(LENGTHS)
quick = settings(max_examples=25, deadline=None)


def numbers(seed: int, *shape: int) -> np.ndarray:
    """Half of the cells from the edges, half uniform."""
    rng = np.random.default_rng(seed)
    edges = rng.choice(np.array(EDGES, dtype=np.uint64), size=shape)
    return np.where(rng.random(shape) < 0.5, edges, rng.integers(0, P, size=shape, dtype=np.uint64))


def pairs(values: np.ndarray) -> list:
    """K array (2, ...) -> nested lists of pairs."""
    if values.ndim == 1:
        return tuple(int(v) for v in values)
    return [pairs(values[:, i]) for i in range(values.shape[1])]


def line(values: np.ndarray) -> list:
    return pairs(values.reshape(2, -1))


def children(values: np.ndarray) -> list:
    """K array (2, 2, ...) -> the two children as lines."""
    return [line(values[:, 0]), line(values[:, 1])]


def lifted(values: np.ndarray) -> np.ndarray:
    return np.stack([values, np.zeros_like(values)])


@pytest.fixture(autouse=True, params=[1, 2])
def threads(request, monkeypatch):
    """Both with one thread and with two, and with tasks small enough that two are used."""
    monkeypatch.setattr("zkunlearn.prover.kernels.threads.MIN_CHUNK", 8)
    fast.set_thread_count(request.param)
    yield
    fast.set_thread_count(None)


def all_edge_pairs() -> tuple[np.ndarray, np.ndarray]:
    grid = np.array([(a, b) for a in EDGES for b in EDGES], dtype=np.uint64)
    return grid[:, 0].copy(), grid[:, 1].copy()


def test_base_field_operations_at_all_pairs_of_edges():
    a, b = all_edge_pairs()
    ints = list(zip(a.tolist(), b.tolist(), strict=True))
    assert fast.kadd(a, b).tolist() == [(x + y) % P for x, y in ints]
    assert fast.ksub(a, b).tolist() == [(x - y) % P for x, y in ints]
    assert fast.fmul(a, b).tolist() == [x * y % P for x, y in ints]


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


NARROW = {"int16": (-(2**15), 2**15), "uint16": (0, 2**16), "int32": (-(2**31), 2**31)}


def narrow(seed: int, kind: str, *shape: int) -> np.ndarray:
    """Narrow integers, their ends among them."""
    low, high = NARROW[kind]
    rng = np.random.default_rng(seed)
    ends = rng.choice(np.array([low, low + 1, -1 if low else 1, 0, high - 1], dtype=np.int64), size=shape)
    return np.where(rng.random(shape) < 0.5, ends, rng.integers(low, high, size=shape)).astype(kind)


def as_field(cells: np.ndarray) -> np.ndarray:
    return (cells.astype(object) % P).astype(np.uint64)


@quick
@given(seeds, st.sampled_from(sorted(NARROW)), st.sampled_from([1, 3]), lengths, st.sampled_from([1, 3, 17]))
def test_narrow_integers_are_read_as_elements_of_the_field(seed, kind, count, n, width):
    values, weights = narrow(seed, kind, count, n, width), numbers(seed + 1, 2, n)
    assert np.array_equal(fast.contract(values, weights), fast.contract(as_field(values), weights))


def test_cells_of_another_type_are_refused():
    with pytest.raises(TypeError, match="cells of int64"):
        fast.contract(np.zeros((1, 4, 20), dtype=np.int64), numbers(1, 2, 4))


@quick
@given(seeds, st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), lengths, st.sampled_from([16, 22, 32]))
def test_join_pieces_equals_its_twin(seed, rows, pieces, limbs, count, bits):
    rng = np.random.default_rng(seed)
    sums = rng.integers(-(2**53), 2**53, (rows, pieces, limbs, count))
    steps = numbers(seed, pieces, count)
    expected = [
        [
            sum(
                int(steps[a, q]) * sum(int(sums[r, a, l, q]) << (bits * l) for l in range(limbs))
                for a in range(pieces)
            ) % P
            for q in range(count)
        ]
        for r in range(rows)
    ]  # fmt: skip
    assert fast.join_pieces(sums, bits, steps).tolist() == expected


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
    assert pairs(fast.fold_base(values[0], r)) == twins.fold(pairs(lifted(values[0])), r)
    factors = numbers(seed, 3, 2, 2 * half)
    folded = fast.fold_factors(factors, np.array(r, dtype=np.uint64))
    assert [pairs(f) for f in folded] == [twins.fold(pairs(f), r) for f in factors]


@quick
@given(seeds, st.integers(0, 7))
def test_eq_table_equals_its_twin(seed, bits):
    point = numbers(seed, 2, bits)
    assert pairs(fast.eq_table(point)) == twins.eq_table(pairs(point))
    if bits:
        assert np.array_equal(fast.eq_double(fast.eq_table(point[:, 1:]), point[:, 0]), fast.eq_table(point))


@quick
@given(seeds, st.integers(1, 4), lengths)
def test_product_round_equals_its_twin(seed, count, half):
    factors = numbers(seed, count, 2, 2 * half)
    assert fast.product_round(factors) == twins.product_round([pairs(f) for f in factors])


boxes = st.tuples(st.sampled_from([2, 4, 8]), st.sampled_from([1, 3, 8, 13, 64, 71]))


@quick
@given(seeds, boxes)
def test_layer_up_equals_its_twin(seed, box):
    n, d = numbers(seed, 2, *box), numbers(seed + 1, 2, *box)
    up = fast.layer_up(n, d)
    assert up[0].shape == (2, box[0] // 2, box[1])
    assert tuple(line(v) for v in up) == twins.layer_up(line(n), line(d))
    base = fast.layer_up_unit(n[0], d)
    assert tuple(line(v) for v in base) == twins.layer_up(line(lifted(n[0])), line(d))


@quick
@given(seeds, boxes, scalars)
def test_fraction_round_equals_its_twin(seed, box, mu):
    top, m = box
    n, d = numbers(seed, 2, 2, top, m), numbers(seed + 1, 2, 2, top, m)
    weights = numbers(seed + 4, 2, top // 2), numbers(seed + 5, 2, m)
    twin_weights = pairs(weights[0]), pairs(weights[1]), mu
    expected = twins.fraction_round(*children(n), *children(d), *twin_weights)
    assert fast.fraction_round(n, d, weights, mu) == expected
    expected = twins.fraction_round(*children(lifted(n[0])), *children(d), *twin_weights)
    assert fast.fraction_round(n[0], d, weights, mu) == expected


@quick
@given(seeds, boxes, scalars, scalars)
def test_folding_fractions_equals_its_twin(seed, box, r, mu):
    top, m = box
    n, d = numbers(seed, 2, 2, top, m), numbers(seed + 1, 2, 2, top, m)
    folded_n, folded_d = fast.fold_fractions(n, d, r)
    assert children(folded_n) + children(folded_d) == [twins.fold(v, r) for v in children(n) + children(d)]
    base, _ = fast.fold_fractions(n[0], d, r)
    assert children(base) == [twins.fold(v, r) for v in children(lifted(n[0]))]
    if top > 2:
        weights = numbers(seed + 4, 2, top // 4), numbers(seed + 5, 2, m)
        next_n, next_d, sums = fast.fold_round(n, d, r, weights, mu)
        assert np.array_equal(next_n, folded_n) and np.array_equal(next_d, folded_d)
        assert sums == fast.fraction_round(folded_n, folded_d, weights, mu)


@quick
@given(seeds, st.integers(1, 6), lengths, scalars, st.sampled_from([0, 1, 9]))
def test_leaf_denominators_equal_their_twin(seed, count, n, const, padding):
    columns, coefs = numbers(seed, count, n), numbers(seed + 1, 2, count)
    got = fast.leaf_denominators(columns, coefs, const, n + padding)
    expected = twins.leaf_denominators(columns.tolist(), pairs(coefs), const, n + padding)
    assert pairs(got) == expected


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
    digests = hashes.finish(np.ascontiguousarray(messages[:, blocks]), used)
    whole = [message.tobytes()[: 64 * blocks + used] for message in messages]
    assert digests == b"".join(hashlib.sha256(message).digest() for message in whole)


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
    x, y = (numbers(seed, 2, 2, 24, 1001) for seed in (11, 12))
    weights, top, point = numbers(8, 2, 1001), numbers(9, 2, 12), numbers(10, 2, 15)
    lines = a.reshape(2, -1)

    def everything():
        fractions = fast.fraction_round(x, y, (top, weights), (3, 4))
        units = fast.fraction_round(x[0], y, (top, weights), (3, 4))
        *folded, sums = fast.fold_round(x, y, (5, 6), (top[:, :6], weights), (3, 4))
        arrays = [fast.contract(n[:, :, None], weights), fast.contract(n[None], weights[:, :24])]
        arrays += [fast.layer_up(a, b)[0], fast.layer_up_unit(n, b)[0], fast.eq_table(point)]
        arrays += [fast.fold(a, (5, 6)), fast.kmul(lines, lines), fast.contract(n[:1, :, None], weights)]
        arrays += [*folded, *fast.fold_fractions(x[0], y, (5, 6))]
        return fractions, units, sums, fast.product_round(lines[None]), [array.tobytes() for array in arrays]

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


def test_an_exception_in_a_task_is_raised():
    def fails():
        raise RuntimeError("task")

    with pytest.raises(RuntimeError, match="task"):
        fast.run_tasks([lambda: 1, fails, lambda: 2])


def test_tasks_may_start_tasks():
    inner = [lambda i=i: i for i in range(4)]
    assert fast.run_tasks([lambda: fast.run_tasks(inner)] * 8) == [[0, 1, 2, 3]] * 8


def test_warm_up_names_every_kernel_and_leaves_them_warm():
    names = []
    fast.warm_up(names.append)
    assert len(names) == len(set(names)) > 10
    assert fast.is_warm()


SCALAR_RUN = """
import hashlib, numpy as np
from zkunlearn.prover import kernels as fast
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
parts += [block, np.frombuffer(hashes.finish(block, 56), np.uint8), fast.contract(narrow[None], k[:, 0, :11])]
parts += [*fast.layer_up(k[:, :10], k[:, 1:]), fast.contract(k, k[:, 0, :11])]
print(LANES, hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest())
"""


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
