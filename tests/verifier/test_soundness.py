"""The calculator's figures, by hand."""

from math import isclose, log2

import pytest
from zkunlearn.circuits.goldilocks import P
from zkunlearn.circuits.gradient_descent import GradientDescent, model_columns
from zkunlearn.circuits.validity import Validity, dataset_columns
from zkunlearn.models.errors import ParameterError
from zkunlearn.models.schedule import DatasetShape, compile_schedule
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.verifier.channel import Round
from zkunlearn.verifier.code import QUERIES, ReedSolomonCode, query_count
from zkunlearn.verifier.protocol import ProofShape, smallest_matrix
from zkunlearn.verifier.soundness import code_terms, require_security, round_term, security_bits, soundness_terms


def validity_shape(rows, features):
    matrix = smallest_matrix("dataset", dataset_columns(rows, features), openings=4)
    return ProofShape(Validity(rows, features, "binary"), {"dataset": matrix})


def training_shape(rows, features, epochs):
    spec = TrainingSpec(model="logistic", epochs=epochs, learning_rate=0.5)
    data = DatasetShape(rows=rows, features=features, label_kind="binary", label_bits=0, x_bits=10)
    schedule = compile_schedule(spec, data, ())
    relation = GradientDescent("logistic", 10, 16, 10, schedule, ())
    committed = {
        "dataset": smallest_matrix("dataset", dataset_columns(rows, features), openings=4),
        "model": smallest_matrix("model", model_columns(schedule), openings=4),
    }
    return ProofShape(relation, committed)


def bits(shape):
    return {term.label: term.bits for term in soundness_terms(shape)}


@pytest.mark.parametrize("inverse_rate, queries", [(2, 241), (4, 148), (8, 121), (16, 110)])
def test_query_counts_are_those_of_the_unique_decoding_regime(inverse_rate, queries):
    assert query_count(inverse_rate) == queries


def test_a_challenge_of_error_e_gives_log2_of_the_field_over_e():
    assert isclose(round_term(Round("any", 8)).bits, 2 * log2(P) - 3)


def test_the_proximity_terms_of_one_code():
    # C = 2^6, m = 148: dimension 212, H = 2^7, k = ceil(4 * 212 / 128) = 7, n = 896, rate = 212 / 896
    code = ReedSolomonCode(row_bits=6, openings=1)
    assert (code.dimension, code.subgroup_bits, code.cosets, code.length) == (212, 7, 7, 896)
    terms = {term.label: term.bits for term in code_terms("x", code, rows=9)}
    assert isclose(terms["line of x"], 2 * log2(P) - log2(896))
    assert isclose(terms["tensor of x"], 2 * log2(P) - log2(4 * 896))
    assert isclose(terms["queries of x"], 148 * -log2((1 + 212 / 896) / 2))


def test_the_lookup_term_counts_every_fraction():
    # 16 rows x 3 features in 2^(4 + 2) cells, two label checks of 2^4 cells, 2^16 table rows; tuples of width 1
    fractions = 2**6 + 2 * 2**4 + 2**16
    assert isclose(bits(validity_shape(16, 3))["lookup alpha"], 2 * log2(P) - log2(fractions * 3))


def test_ordinary_shapes_have_100_bits():
    for shape in (validity_shape(569, 30), training_shape(569, 30, 128), training_shape(7, 1, 1)):
        assert security_bits(shape) >= 100
        assert require_security(shape) == security_bits(shape)


def test_a_shape_below_100_bits_is_refused_by_name():
    shape = training_shape(1 << 20, 1, 32)  # 2^26 looked-up cells and more, in tuples of width 2
    assert bits(shape)["lookup alpha"] < 100
    with pytest.raises(ParameterError, match=r"99\.\d+ bits of proven soundness \(lookup alpha\)"):
        require_security(shape)


def test_every_round_of_the_plan_is_a_term():
    shape = training_shape(13, 3, 3)
    labels = {term.label for term in soundness_terms(shape)}
    assert {entry.label for entry in shape.plan.rounds} <= labels
    assert {f"queries of {name}" for name in ("dataset", "model", "witness", "ledger")} <= labels
    assert QUERIES == 148
