"""How well Poisson models predict a hold-out: proved, verified, and within what scikit-learn finds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from sklearn.metrics import mean_poisson_deviance, r2_score
from zkunlearn.circuits.statements.deviances import deviance_interval
from zkunlearn.circuits.statements.results import Classified, Regressed, Steps, read_result
from zkunlearn.errors import FormatError, ParameterError
from zkunlearn.models.counts import chord, count_edges, count_logs, interpolated
from zkunlearn.prover.witnesses.evaluation import scores

from .test_evaluation import MIN_ROWS, restated, stating, verdict

BOUNDS = {"x1": (-2.0, 2.0), "x2": (-2.0, 2.0)}
SPEC = zu.TrainingSpec(model="poisson", epochs=20, learning_rate=0.2, l2=0.01)
SCALED = zu.TrainingSpec(model="poisson", epochs=8, learning_rate=0.1, standardize=True)


def table(rows: int, seed: int, steep: float = 0.7) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(rows, 2))
    return X, rng.poisson(np.exp(steep * X[:, 0] - 0.3 * X[:, 1] + 0.5))


def committed(X: Any, y: Any, openings: int = 16) -> zu.Dataset:
    return zu.commit(X, y, bounds=BOUNDS, label_kind="count", openings=openings)


@dataclass(frozen=True)
class Made:
    data: zu.Dataset
    holdout: zu.Dataset
    trained: tuple[Any, Any]
    both: zu.EvaluationProof


@pytest.fixture(scope="module")
def made() -> Made:
    data, holdout = committed(*table(40, 1)), committed(*table(MIN_ROWS + 2, 2))
    first: Any = zu.prove(data, SPEC, model_openings=8)
    after: Any = zu.prove(data, SCALED, forget=["4"], previous=first, fork=True, model_openings=8)
    return Made(data, holdout, (first, after), zu.evaluate(holdout, [first.secret, after.secret]))


def expected_of(holdout: zu.Dataset, trained: Any) -> Any:
    """From the integers that are proved, in floats."""
    z = scores(holdout.rows, trained.secret.integers)[0]
    return np.exp(z / 2.0 ** (10 + trained.proof.statement.spec.weight_bits))


def test_all_numbers_are_within_what_is_stated_before_and_after(made: Made) -> None:
    assert verdict(made.both) == "valid"
    assert zu.verify_evaluation(made.both, made.holdout.commitment, [own.proof for own in made.trained]) >= 100
    own = made.both.statement
    for number, trained in enumerate(made.trained):
        expected, y = expected_of(made.holdout, trained), made.holdout.rows.labels
        predicted = trained.model.predict(table(MIN_ROWS + 2, 2)[0])
        assert np.allclose(np.sort(expected), np.sort(predicted), rtol=0.01), "features are rounded first"
        low, high = own.root_mean_square(number)
        assert low <= np.sqrt(((expected - y) ** 2).mean()) <= high and high - low < 0.1
        low, high = own.explained(number)
        assert low <= r2_score(y, expected) <= high and high - low < 0.1
        low, high = own.mean_deviance(number) or (1, 0)
        assert low <= mean_poisson_deviance(y, expected) <= high and high - low < 2e-3


def test_a_finer_grid_has_narrower_intervals_and_no_deviance_is_stated_where_none_is_wanted(made: Made) -> None:
    y = made.holdout.rows.labels
    first, expected = made.trained[0], expected_of(made.holdout, made.trained[0])
    fine = zu.evaluate(made.holdout, first.secret, grid=12)
    assert verdict(fine) == "valid"
    low, high = fine.statement.mean_deviance(0) or (1, 0)
    assert low <= mean_poisson_deviance(y, expected) <= high and high - low < 2e-4
    low, high = fine.statement.root_mean_square(0)
    assert low <= np.sqrt(((expected - y) ** 2).mean()) <= high and high - low < 0.017
    alone = zu.evaluate(made.holdout, first.secret, loss=False)
    assert verdict(alone) == "valid" and alone.statement.results == (Regressed(made.both.statement.results[0].squares),)
    assert alone.statement.mean_deviance(0) is None


def test_a_linear_model_is_compared_with_one_of_counts(made: Made) -> None:
    spec = zu.TrainingSpec(model="linear", epochs=4, learning_rate=0.5, fixed_point=zu.FixedPoint(p_bits=12))
    linear: Any = zu.prove(made.data, spec)
    found = zu.evaluate(made.holdout, [linear.secret, made.trained[0].secret])
    assert verdict(found) == "valid"
    assert found.statement.root_mean_square(0)[0] > found.statement.root_mean_square(1)[1]
    assert found.statement.mean_deviance(0) is None and found.statement.mean_deviance(1) is not None


def test_rows_that_are_held_out_are_predicted_without_the_forgotten_ones() -> None:
    data = committed(*table(MIN_ROWS + 40, 3), openings=6)
    spec = zu.TrainingSpec(model="poisson", epochs=6, learning_rate=0.2, holdout=MIN_ROWS + 4)
    first: Any = zu.prove(data, spec, model_openings=3)
    gone = data.rows.ids[3]
    after: Any = zu.prove(data, spec, forget=[gone], previous=first)
    both = zu.evaluate(data, [first.secret, after.secret])
    assert verdict(both) == "valid" and both.statement.rows == MIN_ROWS + 3 and both.statement.within


# Lies in what is stated ----------------------------------------------------------------------------------------------


def test_other_numbers_under_the_same_proof_are_rejected(made: Made) -> None:
    own = made.both.statement.results[0]
    assert own.to_mapping().keys() == {"squares", "deviance"}
    for lie in ({"squares": own.squares + 1}, {"deviance": own.deviance + 1}, {"deviance": own.deviance - 1}):
        assert verdict(restated(made.both, 0, **lie)) == "constraints", lie
    assert verdict(restated(made.both, 0, deviance=None)) in ("constraints", "proof length")
    assert verdict(stating(made.both, replace(made.both.statement, grid=made.both.statement.grid + 1))) != "valid"


def test_what_has_no_such_statement_is_refused_by_both(made: Made) -> None:
    own = made.both.statement
    coarse = zu.TrainingSpec(model="poisson", epochs=1, learning_rate=0.1, fixed_point=zu.FixedPoint(p_bits=10))
    finer = zu.TrainingSpec(
        model="poisson", epochs=1, learning_rate=0.1, fixed_point=zu.FixedPoint(w_bits=19, p_bits=10)
    )
    linear = zu.TrainingSpec(model="linear", epochs=1, learning_rate=0.1)
    for lie in (
        {"spread": None},
        {"results": (Classified(3), own.results[1])},
        {"results": (Regressed(1, 1 << 61), own.results[1])},
        {"training": replace(own.training, spec=coarse)},
        {"training": replace(own.training, spec=finer)},
        {"training": replace(own.training, spec=linear)},
    ):
        assert verdict(stating(made.both, replace(own, **lie))) == "statement", lie


def test_what_cannot_be_stated_is_refused_by_name_and_spends_nothing(made: Made) -> None:
    spent, first = made.holdout.spent, made.trained[0]
    with pytest.raises(ParameterError, match="predicts no classes: it has no confusion matrix"):
        zu.evaluate(made.holdout, first.secret, confusion=True)
    wide = zu.TrainingSpec(
        model="poisson", epochs=1, learning_rate=0.1, fixed_point=zu.FixedPoint(w_bits=17, p_bits=10)
    )
    with pytest.raises(ParameterError, match=r"scores of a Poisson regression may be up to 16, and counts of e\^16"):
        zu.evaluate(made.holdout, zu.prove(made.data, wide).secret)
    assert made.holdout.spent == spent


def test_rows_whose_scores_are_beyond_the_table_are_counted_to_the_owner_alone() -> None:
    """A steep model, of which training rows are near the middle."""
    rng = np.random.default_rng(4)
    X = rng.uniform(-0.5, 0.5, size=(60, 2))
    data = committed(X, rng.poisson(np.exp(4 * X[:, 0] + 2)), openings=3)
    own: Any = zu.prove(data, zu.TrainingSpec(model="poisson", epochs=100, learning_rate=0.05, momentum=0.9))
    wide, y = table(MIN_ROWS, 5)
    wide[:7] = 2.0, 0.0
    holdout = committed(wide, y, openings=2)
    spent, beyond = holdout.spent, int((scores(holdout.rows, own.secret.integers)[0] >> 16 >= 1 << 15).sum())
    assert beyond >= 7
    with pytest.raises(ParameterError, match=f"{beyond} of the rows have scores beyond 8, where the table of expected"):
        zu.evaluate(holdout, own.secret)
    assert holdout.spent == spent


# Integers ------------------------------------------------------------------------------------------------------------


def test_logarithms_of_counts_are_rounded_down() -> None:
    logs, y = count_logs(), np.arange(2, 1 << 16, dtype=np.longdouble)
    assert logs[:2].tolist() == [0, -(1 << 16)] and len(logs) == 1 << 16
    off = (y * np.log(y) - y) * 65536 - logs[2:]
    assert (off > -1e-6).all() and (off < 1 + 1e-6).all() and off.min() < 1e-3 and off.max() > 0.999


@pytest.mark.parametrize("q_bits", [12, 13, 14])
def test_what_is_expected_is_as_near_as_is_said(q_bits: int) -> None:
    rng, edges = np.random.default_rng(q_bits), count_edges(q_bits)
    z = np.append(rng.integers(-(1 << 31), 1 << 31, 20_000), [0, -1, -(1 << 31), (1 << 31) - 1])
    Q, middle, edge, step, risen, rest = interpolated(z, q_bits)
    assert np.array_equal((Q << 16) + middle, z) and np.array_equal(edges[Q + (1 << 15)], edge)
    assert np.array_equal((risen << 16) + rest, step * middle + (1 << 15)) and risen.max() < 1 << 16
    off = (edge + risen) - np.exp(z.astype(np.longdouble) / 2 ** (q_bits + 16)) * 65536
    assert off.min() >= -1 and off.max() <= 1 + float(chord(q_bits))


def test_a_deviance_is_bounded_by_what_sums_are_off() -> None:
    steps = Steps(1000, 4)
    low, high = deviance_interval(1 << 10, steps, 12)
    unit = Fraction(2, 1000 << 16)
    assert Fraction(high) >= ((((1 << 10) + 1) << 14) + 1) * unit > Fraction(high) - Fraction(1, 10**9)
    assert Fraction(low) <= ((1 << 24) - (3 + chord(12)) * 1000 - 1) * unit
    assert deviance_interval(0, steps, 12)[0] == 0


def test_a_result_is_read_as_it_is_written() -> None:
    for own in (Regressed(3), Regressed(3, 0), Regressed(0, 1 << 62)):
        assert read_result(own.to_mapping()) == own
    for wrong in ({"squares": 3, "deviance": None}, {"squares": 3, "deviance": -1}, {"deviance": 3}):
        with pytest.raises(FormatError):
            read_result(wrong)
