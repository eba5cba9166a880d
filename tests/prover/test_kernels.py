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


@quick
@given(seeds, lengths)
def test_batch_inverse_equals_its_twin(seed, n):
    a = numbers(seed, 2, n)
    a[0, ~(a[0] | a[1]).astype(bool)] = 1
    assert pairs(fast.batch_inverse(a)) == [twins.kinv(x) for x in pairs(a)]


def test_zero_has_no_inverse():
    a = numbers(1, 2, 20)
    a[:, 13] = 0
    with pytest.raises(ZeroDivisionError):
        fast.batch_inverse(a)


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
@given(seeds, st.integers(0, 5), st.integers(1, 5), st.sampled_from([1, 3, 8, 9]), st.integers(0, 80))
def test_encoding_equals_horner_at_the_points(seed, h, cosets, count, length):
    rows = numbers(seed, count, length)
    got = fast.encode_rows(rows, h, cosets)
    assert got.flags.c_contiguous and got.shape == (-(-count // 8), cosets << h, 8)
    assert fast.gather_cells(got, count).tolist() == twins.encode_rows(rows.tolist(), h, cosets)
    assert fast.encoding_points(h, cosets).tolist() == twins.encoding_points(h, cosets)


@pytest.mark.parametrize("h", [10, 11, 12, 13])
def test_encoding_of_long_rows_at_sampled_points(h):
    """Lengths where the transform leaves the nearest cache, and coefficients fold."""
    rows = numbers(h, 9, (1 << h) + 5)
    got, points = fast.gather_cells(fast.encode_rows(rows, h, 3), 9), twins.encoding_points(h, 3)
    assert np.array_equal(fast.encoding_points(h, 3), np.array(points, dtype=np.uint64))
    for q in [0, 1, 2, 513, (1 << h) - 1, 1 << h, (3 << h) - 1]:
        powers = [pow(points[q], j, P) for j in range(rows.shape[1])]
        for r in (0, 8):
            assert int(got[q, r]) == sum(c * x for c, x in zip(rows[r].tolist(), powers, strict=True)) % P


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
        arrays += [fast.encode_rows(n, 9, 3), fast.fold(a, (5, 6)), fast.kmul(lines, lines)]
        arrays += [fast.batch_inverse(np.maximum(lines, 1)), fast.contract(n[:1, :, None], weights)]
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
parts += [fast.encode_rows(rows, 5, 3), *fast.layer_up(k[:, :10], k[:, 1:]), fast.contract(k, k[:, 0, :11])]
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
