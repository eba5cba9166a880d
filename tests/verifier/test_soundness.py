"""The calculator's figures, by hand."""

from dataclasses import fields, replace
from math import isclose, log2
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.field.goldilocks import P
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.language.layout import MatrixLayout
from zkunlearn.circuits.relations.dataset import dataset_columns
from zkunlearn.circuits.relations.growth import Growth
from zkunlearn.circuits.relations.methods import descent
from zkunlearn.circuits.relations.model import model_columns
from zkunlearn.circuits.relations.validity import Validity
from zkunlearn.circuits.statements import registration as registration_statement
from zkunlearn.circuits.statements.dataset import MAX_UNIQUE_ROWS, DatasetStatement, Segment
from zkunlearn.circuits.statements.registration import RegistrationStatement
from zkunlearn.errors import ParameterError
from zkunlearn.models.encoding.columns import ColumnEncoding
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.models.encoding.labels import LabelEncoding
from zkunlearn.models.live import Live
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.verifier.protocol.channel import Round
from zkunlearn.verifier.protocol.code import PLAIN_RATE, WORK_BITS, ReedSolomonCode, query_count
from zkunlearn.verifier.protocol.folding import Stack
from zkunlearn.verifier.protocol.group import Group, MatrixShape
from zkunlearn.verifier.protocol.ledger import LedgerShape
from zkunlearn.verifier.protocol.proof import ProofShape, choose_matrix
from zkunlearn.verifier.protocol.soundness import (
    code_terms,
    require_security,
    round_term,
    security_bits,
    soundness_terms,
    total_bits,
)
from zkunlearn.verifier.shapes import shape_of
from zkunlearn.verifier.verify import outside_bits, verify_proof

from ..attacks import class_losses, evaluations, predictions, shard_evaluations
from ..attacks.harness import CLASSES
from ..attacks.linear_optimum_runs import declare_linear
from ..attacks.newton_runs import declare_inverse, declare_inverses, declare_newton
from ..attacks.noisy_newton_runs import declare_noisy_inverse, declare_noisy_newton
from ..attacks.noisy_runs import declare_noisy
from ..attacks.optimum_runs import declare_optimum
from ..attacks.sisa_runs import declare_standardized


def committed(columns, row_bits, openings=4):
    layout = MatrixLayout("dataset", columns, row_bits)
    return MatrixShape(layout, ReedSolomonCode(row_bits, openings))


def validity_shape(rows, features):
    relation = Validity(rows, features, "binary", 1, 10)
    return ProofShape(relation, {"dataset": committed(dataset_columns(rows, features, 1), 10)})


def training_shape(rows, features, epochs, **options):
    spec = TrainingSpec(model="logistic", epochs=epochs, learning_rate=0.5, **options)
    data = DatasetShape(
        rows=rows, features=features, label_kind="binary", label_bits=0, x_bits=10, classes=("no", "yes")
    )
    schedule: Any = spec.compile(data, Live(data.rows))
    relation: Any = descent(schedule)
    matrices = {
        "dataset": committed(dataset_columns(rows, features, 1), 13),
        "model": choose_matrix("model", model_columns(schedule), 4, 8, PLAIN_RATE),
    }
    return ProofShape(relation, matrices)


def link_shape_of(rows, features, added=0):
    matrices = {}
    for name, openings, count in (("dataset", 2, rows), ("new dataset", 3, rows + added)):
        layout = MatrixLayout(name, dataset_columns(count, features, 1), 6)
        matrices[name] = MatrixShape(layout, ReedSolomonCode(6, openings))
    return ProofShape(Growth(rows, rows + added, features, 1), matrices)


def bits(shape):
    return {term.label: term.bits for term in soundness_terms(shape)}


@pytest.mark.parametrize("inverse_rate, queries", [(2, 193), (4, 118), (8, 97), (16, 88)])
def test_query_counts_are_those_of_the_unique_decoding_regime(inverse_rate, queries):
    # 80 bits and 20 of work: 80 / 0.415 = 192.8, 80 / 0.678 = 117.98, 80 / 0.830 = 96.4, 80 / 0.913 = 87.7
    assert WORK_BITS == 20
    assert query_count(inverse_rate) == queries


def test_a_challenge_of_error_e_gives_log2_of_the_field_over_e():
    assert isclose(round_term(Round("any", 8)).bits, 2 * log2(P) - 3)


def test_the_proximity_terms_of_one_code():
    # C = 2^6, m = 118: dimension 182, H = 2^7 in eighths of 16: n = ceil(4 * 182 / 16) * 16 = 736, six cosets
    code = ReedSolomonCode(row_bits=6, openings=1)
    assert (code.dimension, code.subgroup_bits, code.cosets, code.length) == (182, 7, 6, 736)
    terms = {term.label: term.bits for term in code_terms("x", code, rows=9)}
    assert isclose(terms["line of x"], 2 * log2(P) - log2(736))
    assert isclose(terms["tensor of x"], 2 * log2(P) - log2(4 * 736))
    assert isclose(terms["queries of x"], 20 + 118 * -log2((1 + 182 / 736) / 2))


def test_a_code_that_hides_nothing():
    # C = 2^10, no tail, inverse rate 8: H = 2^10, k = 8, n = 8192, rate 1/8 exactly
    code = ReedSolomonCode(row_bits=10, openings=0, inverse_rate=8)
    assert (code.dimension, code.tail, code.cosets, code.length) == (1024, 0, 8, 8192)
    terms = {term.label: term.bits for term in code_terms("x", code, rows=9)}
    assert isclose(terms["queries of x"], 20 + 97 * -log2(9 / 16))


def test_the_lookup_term_counts_every_fraction():
    # 16 rows x 3 features in 2^(4 + 2) cells, two label checks in 2^(1 + 4) cells, two tables of 2^16; width 1
    fractions = 2**6 + 2**5 + 2 * 2**16
    assert isclose(bits(validity_shape(16, 3))["lookup alpha"], 2 * log2(P) - log2(fractions * 3))


def test_a_validity_proof_by_hand():
    # 600 rows, 5 features, rows of 2^10. A matrix row holds 8 features x 128 rows, so that 600
    # take 5; labels and two blinds take one each: R = 8. The multiplicities of two tables, 2 x 2^16 cells, are in rows
    # of 2^12 in a group of their own: R = 32
    shape = validity_shape(600, 5)
    dataset, witness = shape.groups
    assert ([layout.rows for layout in dataset.layouts], [layout.rows for layout in witness.layouts]) == ([8], [32])
    # C + m = 2^10 + 4 * 118 = 1496, H = 2^10 in eighths of 128, n = ceil(4 * 1496 / 128) * 128 = 47 * 128 = 6016;
    # C + m = 2^12 + 118 = 4214, H = 2^12 in eighths of 512, n = ceil(4 * 4214 / 512) * 512 = 33 * 512 = 16896
    found = bits(shape)
    assert isclose(found["line of dataset"], 2 * log2(P) - log2(6016))
    assert isclose(found["tensor of dataset"], 2 * log2(P) - log2(3 * 6016))  # log2_ceil(8) = 3
    assert isclose(found["tensor of witness"], 2 * log2(P) - log2(5 * 16896))  # log2_ceil(32) = 5
    assert isclose(found["tensor of ledger"], 2 * log2(P) - log2(6016))  # two rows
    # lookups: features 8 x 1024, labels 2 x 1024, tables 2 x 2^16: N = 141312, and (1 + 2) N for tuples of width 1
    assert isclose(found["lookup alpha"], 2 * log2(P) - log2(3 * 141312))
    assert isclose(found["lookup beta"], found["lookup alpha"])
    assert isclose(found["lookup layer"], 2 * log2(P) - log2(3))
    # the y's of 1496 and 4214 are folded once. The weakest: 118 queries at rate 4214 / 16896, and 20 of work
    (stack,) = shape.chain
    assert stack.lengths == (1496, 4214)
    assert isclose(security_bits(shape), 20 + 118 * -log2((1 + 4214 / 16896) / 2))


def test_a_recommitment_by_hand():
    # 100 rows, 2 features, rows of 2^6, for 2 and for 3 openings. 100 cells take two matrix rows: 2 features, labels
    # and two blinds, so R = 2 * 5
    shape = link_shape_of(100, 2)
    old, new = shape.groups
    assert [group.column_rows for group in shape.groups] == [10, 10]
    # C + m = 2^6 + 2 * 118 = 300, H = 2^8 in eighths of 32: n = ceil(4 * 300 / 32) * 32 = 38 * 32 = 1216
    # C + m = 2^6 + 3 * 118 = 418, H = 2^8 in eighths of 32: n = ceil(1672 / 32) * 32 = 53 * 32 = 1696
    assert (old.code.length, new.code.length) == (1216, 1696)
    found = bits(shape)
    assert isclose(found["tensor of dataset"], 2 * log2(P) - log2(4 * 1216))  # log2_ceil(10) = 4
    assert isclose(found["tensor of new dataset"], 2 * log2(P) - log2(4 * 1696))
    # a coordinate of the point at which columns are compared
    assert isclose(found["growth"], 2 * log2(P))
    assert not any(label.startswith("lookup") for label in found)
    # the weakest: 118 queries at rate 300 / 1216, as 418 / 1696 is less
    assert isclose(security_bits(shape), 20 + 118 * -log2((1 + 300 / 1216) / 2))


def test_an_evaluation_by_hand():
    # 13 rows, 3 features. A remainder of 15 bits is looked up twice, with a sign 3 lookups on 16 rows; one of 22 bits 3
    # times, with a loss 4. Weights of 18 and 24 bits: 3 lookups each on 4; intercepts of 28 and 34 bits: 3 and 4. Rests
    # of 12 bits: 4. Three tables, which count as four
    shape = evaluations.shape_of()
    assert [own.shift for own in evaluations.relation().models] == [15, 22]
    fractions = 2 * 2**6 + 2 * 2**4 + 2 * 2**2 + 2**2 + 4 * 2**16
    found = bits(shape)
    assert isclose(found["lookup alpha"], 2 * log2(P) - log2(fractions * 6))  # tuples of width 4
    rounds = [(entry.label, entry.error) for entry in shape.plan.rounds if entry.label.endswith(" of second model")]
    expected = [("score of second model", 3)] * 2 + [("flip of second model", 3)] * 4
    exact = [("right predictions of second model", 2)] * 4
    confused = [("confusion of second model", 2)] * 4 + [("confusion of second model", 3)] * 4
    assert rounds == [*[("loss of second model", 2)] * 8, *expected, *exact, *confused]  # smaller boxes end first


def test_evaluations_of_classes_and_numbers_by_hand():
    # Sums over 3 classes and 13 rows: 2 + 4 rounds; over classes, 2; over features, 2
    several, numbers = evaluations.several(), evaluations.numbers()
    rounds = [e for e in several.shape().plan.rounds if e.label.endswith(" of second model")]
    expected = {"one or none": (6, 3), "one class": (4, 2), "later classes": (2, 2), "gap": (6, 3), "score": (2, 3)}
    expected["right predictions"] = (6, 3)
    found = {}
    for entry in rounds:
        found.setdefault(entry.label.removesuffix(" of second model"), []).append(entry.error)
    assert {name: (len(errors), *set(errors)) for name, errors in found.items()} == expected
    labels = [(entry.label, entry.error) for entry in numbers.shape().plan.rounds]
    assert labels.count(("labels", 2)) == 4 and labels.count(("squares of labels", 3)) == 4
    assert labels.count(("squares of model", 3)) == 4


def test_losses_of_several_classes_by_hand():
    # 3 classes, 13 rows, 3 features. Gaps of 31 bits: 3 lookups on 4 x 16 cells, twice. Chances and a remainder of 16
    # bits: 2 lookups on 4 x 16; with a remainder of 17 bits and its complement, 7 on 4 x 16. Of rows 5 lookups each on
    # 16; rests of 12 bits: 4. Weights of 18 bits: 3 lookups on 4 x 4, intercepts of 28: 3 on 4, twice. Tables: range,
    # logarithms, and losses and chances of two families are six, which count as eight
    made = class_losses.class_losses()
    shape, own = made.shape(), made.relation.models[1].loss
    assert [gap.argmax.gap_bits for gap in made.relation.models] == [31, 31] and own.rest_bits == 17
    fractions = 2 * 2**8 + 2**7 + 2**9 + 2 * 2**7 + 2 * 2**2 + 2 * 2**6 + 2 * 2**4 + 8 * 2**16
    assert isclose(bits(shape)["lookup alpha"], 2 * log2(P) - log2(fractions * 6))  # tuples of width 4
    rounds = [(entry.label, entry.error) for entry in shape.plan.rounds]
    expected = {("cell of the class", 3): 6, ("sum of chances", 2): 4, ("loss", 3): 4, ("loss", 2): 4, ("score", 3): 4}
    for (name, error), count in expected.items():
        assert rounds.count((f"{name} of second model", error)) == count, name


def test_evaluations_of_shards_by_hand():
    # 13 rows, 3 features; three and two speakers. A remainder of 15 bits is looked up twice, with a pair beside it: 3
    # lookups on 4 x 16 and 2 x 16 cells; those of all together have a limb: 3 lookups on 16, twice. Weights of 18 bits:
    # 3 on 4 x 4 and on 2 x 4; intercepts of 28 bits: 3 on 4 and on 2. Three tables, which count as four
    own = shard_evaluations.opinions()
    assert [model.shift for model in own.relation.models] == [1, 3]  # of 2 bits, and of 18
    shape = own.shape()
    fractions = 2**8 + 2**7 + 2 * 2**6 + 2**6 + 2**5 + 2**4 + 2**3 + 4 * 2**16
    found = bits(shape)
    assert isclose(found["lookup alpha"], 2 * log2(P) - log2(fractions * 4))  # tuples of width 2
    rounds = [(entry.label, entry.error) for entry in shape.plan.rounds if entry.label.endswith(" of model")]
    expected = {("opinions of model", 2): 2, ("score of model", 3): 2, ("flip of model", 3): 4}
    expected[("right predictions of model", 2)] = 4
    # of a run of three shards, on places; the second bundle has such a run, and a shard by itself
    expected |= {("weights of shards of model", 2): 2, ("intercept of shards of model", 2): 2}
    assert {entry: rounds.count(entry) for entry in rounds} == expected
    labels = [entry.label for entry in shape.plan.rounds]
    assert labels.count("weights of shards of second model") == 2


def test_predictions_by_hand():
    # 5 inputs, 3 of 4 classes, 3 features. Probabilities: a remainder of 13 bits is looked up in 2, with a pair beside
    # it: 3 lookups on 8 x 4 cells are 2^7 leaves. Weights of 18 bits: 3 lookups on 4 x 4; intercepts of 28 bits: 3 on 4
    own = predictions.relation(predictions.PROBABILITY, predictions.OUTPUTS)
    shape = predictions.shape_of(own)
    fractions = 2**7 + 2**6 + 2**4 + 2 * 2**16
    found = bits(shape)
    assert isclose(found["lookup alpha"], 2 * log2(P) - log2(fractions * 4))  # tuples of width 2
    rounds = [(entry.label, entry.error) for entry in shape.plan.rounds if entry.label in ("answers", "intercepts")]
    assert rounds == [*[("intercepts", 2)] * 2, *[("answers", 2)] * 4]
    classes = predictions.shape_of(predictions.relation(predictions.CLASS))
    assert not any(entry.label == "intercepts" for entry in classes.plan.rounds)


def test_a_registration_by_hand():
    # Of 1,000,000 rows and 64 features: one of them has the fingerprint of another row, of which r has 7 coordinates.
    # 2^128 less next to nothing, over 7,000,000
    assert isclose(outside_bits(registration(1_000_000, 64)), 2 * log2(P) - log2(7_000_000))
    assert isclose(outside_bits(registration(5, 1)), 2 * log2(P) - log2(5))
    shape = shape_of(registration(100, 2))
    assert isclose(bits(shape)["registration"], 2 * log2(P))  # a coordinate of s, of which there are 7
    assert [entry.label for entry in shape.plan.rounds].count("registration") == 7
    assert outside_bits(registration(100, 2).dataset) is None


def test_a_registration_of_segments_by_hand():
    # Of 100 rows, the first 60 born before: a sum of 7 rounds for each segment that is listed, each of degree 2
    whole = registration(100, 2).dataset
    segments = (Segment(60, bytes(32), None, bytes(32)), Segment(100, bytes(32)))
    grown = replace(whole, segments=segments)
    for start, expected in ((0, {"0", "1"}), (60, {"1"})):
        made = RegistrationStatement(grown, bytes(32), start, bytes(32) if start else None)
        shape, found = shape_of(made), {}
        for entry in shape.plan.rounds:
            found.setdefault(entry.label, []).append(entry)
        assert len(found["registration"]) == 7 and not any(label.startswith("lookup") for label in found)
        sums = {label: entries for label, entries in found.items() if label.startswith("registration of segment ")}
        assert {label.split()[-1] for label in sums} == expected
        assert all(len(entries) == 7 for entries in sums.values())
        assert all(isclose(bits(shape)[label], 2 * log2(P) - 1) for label in sums)
        assert made.outside_error == 100 * 2  # all rows, whoever lists them


def test_fingerprints_are_counted_among_what_can_go_wrong():
    """The least of both, and their sum."""
    dataset = zu.commit(np.eye(4), [0, 1, 0, 1], openings=2)
    made = zu.register(dataset)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RegistrationStatement, "outside_error", P**2 >> 60)
        patch.setattr(registration_statement, "MAX_ERROR", P**2)
        found = verify_proof(made)
    own = total_bits(shape_of(made.statement))
    assert isclose(found.least, 60) and isclose(found.total, -log2(2**-own + 2**-60))


def registration(rows, features):
    label = LabelEncoding(kind="binary", classes=("no", "yes"))
    columns = tuple(ColumnEncoding(f"x{k}", 0.0, 1.0) for k in range(features))
    encoding = DatasetEncoding(features=columns, label=label, x_bits=10, bounds_declared=True)
    dataset = DatasetStatement(rows, encoding, 2, bytes(32), bytes(32), (Segment(rows, bytes(32)),))
    return RegistrationStatement(dataset, bytes(32))


def test_the_sum_of_a_recommitment_by_hand():
    """Columns of both groups, the ledger's and those of the stack; all else is below 2^-106 together."""
    shape = link_shape_of(100, 2)
    codes = [(group.code, 118) for group in shape.groups] + [(shape.ledger.code, 118)]
    codes += [(stack.code, 97) for stack in shape.chain]
    columns = sum(2**-20 * ((1 + code.dimension / code.length) / 2) ** queries for code, queries in codes)
    assert 0 < 2 ** -total_bits(shape) - columns < 2**-106
    assert total_bits(shape) < security_bits(shape)


def test_a_sum_counts_every_round_of_one_label():
    """All columns of 100 rows are compared at the same 7 coordinates, and features at one more."""
    shape = link_shape_of(100, 2)
    labels = [entry.label for entry in shape.plan.rounds]
    assert labels.count("growth") == 7 + 1 and "growth shares" not in labels
    terms = sum(entry.error for entry in shape.plan.rounds) / P**2
    lines = sum(
        2**-term.bits
        for name, code, rows in (
            ("dataset", shape.groups[0].code, 10),
            ("new dataset", shape.groups[1].code, 10),
            ("ledger", shape.ledger.code, 2),
            *((f"folding {i + 1}", stack.code, stack.rows) for i, stack in enumerate(shape.chain)),
        )
        for term in code_terms(name, code, rows)
    )
    assert isclose(total_bits(shape), -log2(terms + lines))


def test_a_growth_by_hand():
    # 100 rows, 2 features, and 100 rows more. A matrix row holds 2 features x 32 rows, so that 200 take 7; labels and
    # two blinds take four each: R = 10 as above, and 7 + 3 * 4 = 19
    shape = link_shape_of(100, 2, added=100)
    assert [group.column_rows for group in shape.groups] == [10, 19]
    # the point has 1 coordinate of features, none of labels and 7 of old rows, then there are two of the shares of four
    # columns; the sum has the 8 variables of new rows, degree 2
    walk = [("growth", 1)] * (1 + 0 + 7) + [("growth shares", 1)] * 2 + [("growth", 2)] * 8
    rounds = [(entry.label, entry.error) for entry in shape.plan.rounds]
    assert rounds[: len(walk)] == walk and not any(label.startswith("growth") for label, _ in rounds[len(walk) :])
    found = bits(shape)
    assert isclose(found["growth"], 2 * log2(P) - 1) and isclose(found["growth shares"], 2 * log2(P))
    # 4 claims about each group, which are batched: one variable more of the new one's rows
    assert [entry.label for entry in shape.plan.rounds].count("batching weight") == 4 + 4
    assert isclose(found["tensor of dataset"], 2 * log2(P) - log2(4 * 1216))  # log2_ceil(10) = 4
    assert isclose(found["tensor of new dataset"], 2 * log2(P) - log2(5 * 1696))  # log2_ceil(19) = 5
    assert not any(label.startswith("lookup") for label in found)
    # the weakest: 118 queries at rate 300 / 1216, as 418 / 1696 is less
    assert isclose(security_bits(shape), 20 + 118 * -log2((1 + 300 / 1216) / 2))


def test_rows_that_are_added_within_a_padding_cost_no_variable():
    """100 rows and 28 more: both have 7 coordinates."""
    labels = [(entry.label, entry.error) for entry in link_shape_of(100, 2, added=28).plan.rounds]
    assert labels.count(("growth", 1)) == 8 and labels.count(("growth", 2)) == 7
    assert {"growth", "growth shares"} <= {term.label for term in soundness_terms(link_shape_of(100, 2, added=28))}


def test_a_training_by_hand():
    # 13 rows, 3 features, 2 epochs. Boxes: scores 2 (lookups) x 2 epochs x 16 rows; limbs of w (32 bits: 2) and of
    # u (31 bits: 2, the top one shifted too: 3) are 5, so 8 x 2 epochs x 1 block x 4 weights; the last w 2 x 4; a bias
    # 8 x 2 epochs, and the last one 2; tables 2 x 2^16, of width 2
    shape = training_shape(13, 3, 2)
    assert (shape.relation.schedule.weight_bits, shape.relation.schedule.shift) == (32, 31)
    fractions = 2 * 2 * 16 + 8 * 2 * 4 + 2 * 4 + 8 * 2 + 2 + 2 * 2**16
    assert isclose(bits(shape)["lookup alpha"], 2 * log2(P) - log2(fractions * 4))
    # dataset and witness in rows of 2^13: each of features (4 x 16), labels, blinds (16 cells) in one row; Q, P, the
    # limbs in one row, the multiplicities (2 x 2^16 cells) in 8 rows each: 18 rows in all
    dataset, model = shape.groups
    assert [layout.rows for layout in dataset.layouts] == [1, 17] and dataset.column_rows == 18
    # C + m = 2^13 + 4 * 118 = 8664, H = 2^13 in eighths of 1024, n = ceil(4 * 8664 / 1024) * 1024 = 34816
    assert isclose(bits(shape)["tensor of dataset"], 2 * log2(P) - log2(5 * 34816))
    # C + m = 2^8 + 4 * 97 = 644, H = 512 in eighths of 64, n = ceil(8 * 644 / 64) * 64 = 5184, one row
    assert isclose(bits(shape)["line of model"], 2 * log2(P) - log2(5184))
    # y's of 8664 and 644 in rows of 2^10: 9 + 1 rows over K, at rate 1/8; then one vector of 2^10 in clear
    (stack,) = shape.chain
    assert (stack.row_bits, stack.rows, stack.code.length) == (10, 10, 8192)
    assert isclose(bits(shape)["tensor of folding 1"], 2 * log2(P) - log2(4 * 8192))
    # claims: an inner product and 118 or 97 values
    assert isclose(bits(shape)["folding weight"], 2 * log2(P) - log2(119 + 98 - 1))
    # the weakest: 118 queries at rate 8664 / 34816 are 80.1 bits, 97 at rate 1/8 are 80.5, and 20 of work
    assert isclose(security_bits(shape), 20 + 118 * -log2((1 + 8664 / 34816) / 2))


def test_the_rounds_of_a_standardised_training_by_hand():
    """13 rows in four blocks of four, 3 features, 2 epochs: the challenges of its walk, in order, with their errors."""
    shape = training_shape(13, 3, 2, batch_size=4, standardize=True, l2=0.1, class_weight={"no": 2, "yes": 1})
    own = shape.relation.schedule.standardization
    assert (own.cap, shape.relation.epoch.bits, shape.relation.block.bits) == (15, 1, 2)
    # exponents have 4 bits, features 2, rows 4; a point or a mixture errs once a coordinate, a round degree times
    exponents = [("exponents", 1)] * 4 + [("exponents", 2)] * 4
    exponents += [("exponents are one", 1)] * 4 + [("exponents are one", 3)] * (4 + 2)
    moments = [("moments", 1)] + [("moments", 3)] * (2 + 4) + [("means", 3)] * 2
    products = [("variances", 3)] * 4 + [("products", 1)] * 4 + [("powers", 3)] * 2 + [("rates", 3)] * 2
    scores = [("means of scores", 3)] * (2 + 2) + [("product", 4)] * (2 + 2)
    update = [("update", 1)] * (1 + 2 + 2 + 1) + [("intercept", 3)] * 2 + [("update", 2)] * (1 + 2)
    decay = [("bias decay", 2)] * (1 + 2)
    gradient = [("scaled gradient", 3)] * 2 + [("parts", 1)] + [("gradient", 4)] * 4 + [("epochs", 2)]
    walk = exponents + moments + products + scores + update + decay + gradient
    others = ("lookup", "batching", "opening", "constraint", "ledger", "folding")
    rounds = [(entry.label, entry.error) for entry in shape.plan.rounds if not entry.label.startswith(others)]
    assert rounds == walk


def test_the_rounds_of_standardised_stages_by_hand():
    """21 rows in three shards of 8, two stages of 4 and 8 places, 3 features, 2 epochs: each part's walk, in order."""
    declared = declare_standardized(class_weight={"no": 2, "yes": 1})
    shape, parts = declared.shape, [part for _, part in declared.relation.parts]
    assert [(part.row.bits, part.block.bits, part.weight.bits, part.epoch.bits) for part in parts] == [
        (4, 2, 2, 1), (5, 2, 2, 1)
    ]  # fmt: skip
    walk = []
    for number, rows in ((1, 4), (2, 5)):
        # exponents have 4 bits, shards and features 2 each; a point errs once a coordinate, a round degree times
        exponents = [("exponents", 1)] * 4 + [("exponents", 2)] * (4 + 2)
        exponents += [("exponents are one", 1)] * 4 + [("exponents are one", 3)] * (4 + 2 + 2)
        moments = [("moments", 1)] + [("moments", 3)] * (2 + rows) + [("means", 3)] * (2 + 2)
        products = [("variances", 3)] * 8 + [("products", 1)] * 4 + [("powers", 3)] * 4 + [("rates", 3)] * 4
        counted = [("counted", 1)] * 2 + [("counted", 2)] * 2
        scores = [("means of scores", 3)] * (2 + 2) + [("product", 4)] * (2 + 2)
        update = [("update", 1)] * (1 + 2 + 2 + 1)
        start = [("starting weights", 3)] * (2 + 2) + [("starting means", 3)] * (2 + 2) if number == 2 else []
        update = [*update, *start, *[("intercept", 3)] * (2 + 2), *[("update", 2)] * (1 + 2)]
        decay = [("bias decay", 2)] * (1 + 2)
        gradient = [("scaled gradient", 3)] * (2 + 2) + [("centred gradient", 3)] * 2
        for degree in (4, 3):  # of residuals times features, and of residuals
            gradient += [("gradient", degree)] * rows + [("epochs", 2)]
        own = exponents + moments + products + counted + scores + update + decay + gradient
        walk += [(f"shards 0 to 2, stage {number}: {label}", error) for label, error in own]
    rounds = [(entry.label, entry.error) for entry in shape.plan.rounds if entry.label.startswith("shards")]
    assert rounds == walk
    assert {entry.label for entry in shape.plan.rounds} <= {term.label for term in soundness_terms(shape)}


def test_the_rounds_of_optima_of_several_classes_by_hand():
    """Three classes of 13 rows and 3 features: three sums for the norm, one of no product; gamma of the bias."""
    declared = declare_optimum(classes=CLASSES)
    shape, relation = declared.shape, declared.relation
    assert (relation.output.bits, relation.row.bits, relation.weight.bits) == (2, 4, 2)
    walk = [("step", 3)] * (2 + 4) + [("product", 3)] * 2
    walk += [("norm", 3)] * (2 + 2) + [("norm of intercepts", 3)] * 2 + [("slack", 2)] * 2
    walk += [("gradient", 1)] + [("gradient", 3)] * 4
    rounds = [(entry.label, entry.error) for entry in shape.plan.rounds]
    assert [entry for entry in rounds if entry[0] in {label for label, _ in walk}] == walk
    assert {entry.label for entry in shape.plan.rounds} <= {term.label for term in soundness_terms(shape)}
    assert security_bits(shape) >= 100


def test_the_rounds_of_noisy_optima_of_several_classes_by_hand():
    """The same sums: what is said of noise is said where lookups ended."""
    declared, plain = declare_noisy(classes=CLASSES), declare_optimum(classes=CLASSES)
    shape = declared.shape
    sums = {"step", "product", "norm", "norm of intercepts", "slack", "gradient"}
    own, others = ([(e.label, e.error) for e in each.plan.rounds if e.label in sums] for each in (shape, plain.shape))
    assert own == others and len(own) == 6 + 2 + 4 + 2 + 2 + 1 + 4
    assert {entry.label for entry in shape.plan.rounds} <= {term.label for term in soundness_terms(shape)}
    assert security_bits(shape) >= 100


def test_the_rounds_of_steps_of_several_classes_by_hand():
    """One step of three classes and 3 features: its sums are over outputs and weights, and over outputs."""
    declared = declare_newton(classes=CLASSES, steps=1)
    shape, name = declared.shape, "step 1: update"
    walk = [(name, 1)] + [(name, 3)] * (2 + 2) + [(f"{name} from intercepts", 3)] * 2
    rounds = [(entry.label, entry.error) for entry in shape.plan.rounds]
    assert [entry for entry in rounds if entry[0].startswith(name)] == walk
    assert {entry.label for entry in shape.plan.rounds} <= {term.label for term in soundness_terms(shape)}
    assert security_bits(shape) >= 100


@pytest.mark.parametrize("inverse", [False, True], ids=["any matrix", "an inverse"])
def test_the_rounds_of_steps_with_noise_by_hand(inverse):
    """Those of the same steps to a rounding: what is said of noise is said where lookups ended."""
    plain = declare_inverse() if inverse else declare_newton()
    shape = (declare_noisy_inverse() if inverse else declare_noisy_newton()).shape
    sums = {"step", "product", "norm", "gradient", "update", "curvature", "inverse"}
    own, others = (
        [(e.label, e.error) for e in each.plan.rounds if e.label.split(": ")[-1] in sums]
        for each in (shape, plain.shape)
    )
    assert own == others and len({label for label, _ in own if "update" in label}) == 2
    assert {entry.label for entry in shape.plan.rounds} <= {term.label for term in soundness_terms(shape)}
    assert security_bits(shape) >= 100


def test_the_rounds_of_inverses_of_several_classes_by_hand():
    declared = declare_inverses()
    shape = declared.shape
    walk = [("curvature", 1)] * 2 + [("curvature", 4)] * 4
    walk += [("inverse", 3)] * (2 + 2) + [("inverse of intercepts", 3)] * 2
    rounds = [(entry.label, entry.error) for entry in shape.plan.rounds]
    assert [entry for entry in rounds if entry[0].startswith(("curvature", "inverse"))] == walk
    assert {entry.label for entry in shape.plan.rounds} <= {term.label for term in soundness_terms(shape)}
    assert security_bits(shape) >= 100


def test_the_rounds_of_a_linear_models_optimum_by_hand():
    """13 rows and 3 features: two shares of limbs, gamma of the bias; three sums of two factors, one over rows."""
    declared = declare_linear()
    shape = declared.shape
    assert (declared.relation.row.bits, declared.relation.weight.bits) == (4, 2)
    walk = [("norm", 3)] * 2 + [("limbs", 1)] * 2 + [("gradient", 1)] + [("gradient", 3)] * 4 + [("product", 3)] * 2
    rounds = [(entry.label, entry.error) for entry in shape.plan.rounds]
    assert [entry for entry in rounds if entry[0] in {label for label, _ in walk}] == walk
    assert {entry.label for entry in shape.plan.rounds} <= {term.label for term in soundness_terms(shape)}


def test_ordinary_shapes_have_100_bits():
    standardised = training_shape(569, 30, 16, standardize=True)
    for shape in (validity_shape(569, 30), training_shape(569, 30, 128), training_shape(7, 1, 1), standardised):
        assert security_bits(shape) >= 100
        assert require_security(shape) == security_bits(shape)


def test_a_shape_below_100_bits_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(tables, "SECTION_BITS", 27)  # sections that nobody makes
    shape = training_shape(1 << 20, 1, 32)  # 2^26 looked-up cells and more, in tuples of width 2
    assert bits(shape)["lookup alpha"] < 100
    with pytest.raises(ParameterError, match=r"99\.\d+ bits of proven soundness \(lookup alpha\)"):
        require_security(shape)


def test_sections_keep_large_runs_above_100_bits():
    shape = training_shape(1 << 20, 1, 32)
    assert len(shape.relation.sections) == 4
    assert security_bits(shape) >= 100


def keyed_shape(rows, holes=()):
    relation = Validity(rows, 1, "binary", 1, 10, holes, key_limbs=6)
    return ProofShape(relation, {"dataset": committed(dataset_columns(rows, 1, 1, 6), 10)})


def test_unique_keys_by_hand():
    # 13 rows, 2 of them destroyed: 11 places, 4 bits. Two words, one share; a sum of degree 2.
    rounds = [(entry.label, entry.error) for entry in keyed_shape(13, (3, 4)).plan.rounds]
    order = [entry for entry in rounds if entry[0].startswith("key order")]
    assert order == [("key order", 1)] * 4 + [("key order shares", 1)] + [("key order", 2)] * 4
    # 6 limbs and their ranges; 6 limbs and a borrow, twice; the words of rows, and those in order; a table: width 2
    fractions = 2 ** (3 + 4) + 2 ** (3 + 4) + 2**4 + 2**4 + 2**16
    assert [error for label, error in rounds if label == "lookup alpha"][1:] == [fractions * 4]


def test_the_most_unique_rows_have_100_bits():
    # In parts of 2^21 rows and places, 8 lookups each; with the first part the whole permutation.
    shape = keyed_shape(MAX_UNIQUE_ROWS)
    found = [entry.error for entry in shape.plan.rounds if entry.label == "lookup alpha"]
    assert found[1:] == [(2 * 2**24 + 2 * 2**23 + 2**16) * 4, *[(2 * 2**24 + 2**16) * 3] * 3]
    assert 100 <= security_bits(shape) < 101


@pytest.mark.parametrize("standardize", [False, True])
def test_every_round_of_the_plan_is_a_term(standardize):
    shape = training_shape(13, 3, 3, standardize=standardize)
    labels = {term.label for term in soundness_terms(shape)}
    assert {entry.label for entry in shape.plan.rounds} <= labels
    assert {f"queries of {name}" for name in ("dataset", "model", "ledger", "folding 1")} <= labels


def test_a_parameter_that_the_calculator_does_not_know_fails_here():
    """Whoever gives a shape, a code or a stack a new field has to say here what it does to soundness."""
    assert {f.name for f in fields(ReedSolomonCode)} == {"row_bits", "openings", "inverse_rate"}
    assert {f.name for f in fields(Stack)} == {"level", "lengths", "row_bits"}
    assert {f.name for f in fields(Group)} == {"name", "code", "committed", "witness"}
    assert {f.name for f in fields(LedgerShape)} == {"entries", "code", "tree", "first_row"}
    assert {f.name for f in fields(MatrixShape)} == {"layout", "code"}
    assert {f.name for f in fields(ProofShape)} == {"relation", "committed"}
