"""Activation tables: pinned digests, agreement with 60-digit arithmetic, and symmetry."""

import mpmath
import numpy as np
import pytest
from zkunlearn.errors import ParameterError
from zkunlearn.models import activation
from zkunlearn.models.activation import table_digest
from zkunlearn.models.families import family_named


def activation_table(model, q_bits, p_bits):
    return activation.activation_table(family_named(model).entries, q_bits, p_bits)


DIGESTS = {
    ("logistic", 10, 16): "17dc4b42b39594ae7f62f0121163cbd65941c06ae7bab125c7363fb659db23b6",
    ("linear", 10, 16): "f1b317bb675e56996799f4b3ae76569ed4891f64bab739f0ae389abcbd4aada2",
    ("probit", 10, 16): "4c8661e46ac584b1ae5cf430d79ee5cfe0219fd86f68117c4f22b86de41c01e0",
    ("poisson", 13, 12): "afb2432c208199d25affa0ca07faff48c91992c01c46c0bf122d949443be04cd",
}
LINKS = {
    "logistic": lambda x: 1 / (1 + mpmath.exp(-x)),
    "linear": lambda x: x,
    "probit": mpmath.ncdf,
    "poisson": mpmath.exp,
}
SCALES = [
    *DIGESTS,
    ("logistic", 4, 24),
    ("logistic", 14, 8),
    ("linear", 14, 8),
    ("linear", 4, 24),
    ("probit", 4, 24),
    ("probit", 14, 24),
    ("poisson", 12, 20),
    ("poisson", 14, 24),
]


@pytest.mark.parametrize("scales", DIGESTS, ids=str)
def test_tables_are_pinned(scales):
    assert table_digest(activation_table(*scales)) == DIGESTS[scales]


def exact_entry(model, q_bits, p_bits, i):
    x = mpmath.mpf(2 * (i - 32768) + 1) / 2 ** (q_bits + 1)
    return LINKS[model](x) * 2**p_bits


@pytest.mark.parametrize("scales", SCALES, ids=str)
def test_sampled_entries_are_the_nearest_integers(scales):
    table = activation_table(*scales)
    with mpmath.workdps(60):
        for i in [*range(0, 65536, 641), 32767, 32768, 65535]:
            assert int(table[i]) == int(mpmath.floor(exact_entry(*(*scales, i)) + mpmath.mpf(0.5))), i


@pytest.mark.parametrize("scales", [s for s in DIGESTS if s[0] != "linear"], ids=str)
def test_entries_nearest_to_a_rounding_tie_are_right(scales):
    model, q_bits, p_bits = scales
    x = (np.arange(-32768, 32768) + 0.5) / 2**q_bits
    with mpmath.workdps(20):
        approximate = {
            "logistic": lambda: 1 / (1 + np.exp(-x)),
            "probit": lambda: np.array([float(mpmath.ncdf(v)) if abs(v) < 7 else float(v > 0) for v in x]),
            "poisson": lambda: np.exp(x),
        }[model]()
    scaled = approximate * 2.0**p_bits
    table = activation_table(*scales)
    with mpmath.workdps(60):
        for i in np.argsort(np.abs(scaled - np.floor(scaled) - 0.5))[:100]:
            assert int(table[i]) == int(mpmath.floor(exact_entry(*(*scales, int(i))) + mpmath.mpf(0.5))), i


@pytest.mark.parametrize("scales", SCALES, ids=str)
def test_tables_never_fall(scales):
    table = activation_table(*scales)
    assert table.shape == (65536,) and table.dtype == np.int64
    assert (np.diff(table) >= 0).all()
    if scales[0] in ("logistic", "probit"):
        assert (table + table[::-1] == 1 << scales[2]).all()


def test_linear_ties_go_up():
    assert activation_table("linear", 10, 10)[32766:32770].tolist() == [-1, 0, 1, 2]


def test_tables_are_shared_and_read_only():
    table = activation_table("linear", 10, 16)
    assert activation_table("linear", 10, 16) is table
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 0


def test_the_rounding_check_refuses_values_near_a_tie():
    half = activation.ONE // 2
    for value in (half, half - 3, half + 3):
        with pytest.raises(ParameterError, match="too near a rounding tie"):
            activation._round_units([value], 0, lambda _: 4)
    assert activation._round_units([half - 6, half + 6], 0, lambda _: 4) == [0, 1]


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        (("forest", 10, 16), "model = 'forest'"),
        (("logistic", 3, 16), "q_bits = 3"),
        (("logistic", 10, 40), "p_bits = 40"),
        (("poisson", 10, 16), r"exceeds 2\^62; use more w_bits or x_bits"),
    ],
)
def test_unusable_tables_are_refused(scales, message):
    with pytest.raises(ParameterError, match=message):
        activation_table(*scales)
