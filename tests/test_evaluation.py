"""How well models predict a hold-out: proved, saved, verified, and refused where it has to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.relations.scored import LARGEST_SCORE_BITS
from zkunlearn.circuits.statements.evaluation import MIN_ROWS, EvaluationStatement
from zkunlearn.circuits.statements.results import Classified, Regressed, interval_text
from zkunlearn.errors import BudgetExceeded, FormatError, InvalidProof, ParameterError, StatementMismatch
from zkunlearn.formats.container import decode, encode
from zkunlearn.models.live import Live
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.prover.witnesses.evaluation import evaluation_witness, scores, true_evaluation
from zkunlearn.verifier.verify import verify_proof

from .reference import evaluation as second
from .reference import verifier
from .reference.examples import package_verdict

BOUNDS = {"x1": (-2.0, 2.0), "x2": (-2.0, 2.0)}
SPEC = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=0.5)
SCALED = zu.TrainingSpec(model="probit", epochs=2, learning_rate=0.5, standardize=True)
PLAIN = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5, bias=False)


def table(rows: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(rows, 2))
    return X, (X[:, 0] - X[:, 1] / 2 + rng.normal(size=rows) > 0).astype(int)


def commit(rows: int, seed: int, bounds: Any = BOUNDS, **options: Any) -> zu.Dataset:
    return zu.commit(*table(rows, seed), bounds=bounds, openings=options.pop("openings", 12), **options)


@dataclass(frozen=True)
class Made:
    dataset: zu.Dataset
    holdout: zu.Dataset
    first: Any
    after: Any
    both: zu.EvaluationProof
    confused: Any


@pytest.fixture(scope="module")
def made() -> Made:
    dataset, holdout = commit(21, 1), commit(MIN_ROWS + 1, 2, openings=24)
    first = zu.prove(dataset, SPEC, model_openings=5)
    after = zu.prove(dataset, SCALED, forget=["3", "8"], previous=first, model_openings=6)
    both = zu.evaluate(holdout, [first.secret, after.secret])
    return Made(dataset, holdout, first, after, both, zu.prove(dataset, PLAIN))


def verdict(proof: zu.EvaluationProof) -> str:
    """On the file; the same for both verifiers."""
    file = proof.to_bytes()
    found = package_verdict(lambda: verify_proof(zu.Proof.from_bytes(file)))
    assert verifier.verdict(second.verify_evaluation, file) == found
    return found


def stating(proof: zu.EvaluationProof, statement: EvaluationStatement) -> zu.EvaluationProof:
    """The same proof under another statement."""
    return zu.EvaluationProof(statement, proof.proof)


def test_the_numbers_are_those_of_the_models(made: Made) -> None:
    X, y = table(MIN_ROWS + 1, 2)
    for trained, right in zip((made.first, made.after), right_of(made.both), strict=True):
        assert right == round(trained.model.score(X, y) * len(y))
        assert MIN_ROWS // 2 < right < MIN_ROWS


def classified(evaluation: zu.EvaluationProof) -> list[Classified]:
    return [result for result in evaluation.statement.results if isinstance(result, Classified)]


def right_of(evaluation: zu.EvaluationProof) -> list[int]:
    return [result.right for result in classified(evaluation)]


def test_the_log_loss_of_logistic_and_of_probit_models_is_between_what_is_stated(made: Made) -> None:
    X, y = table(MIN_ROWS + 1, 2)
    for number, trained in enumerate((made.first, made.after)):
        loss = -np.log(trained.model.predict_proba(X)[np.arange(len(y)), y]).mean()
        low, high = made.both.statement.log_loss(number)
        assert low - 1e-3 <= loss <= high + 1e-3 and high <= low + 4 * 2.0**-11, "features are rounded first"
        assert low <= log_loss_of_integers(made, trained, number) <= high


def log_loss_of_integers(made: Made, trained: Any, number: int) -> float:
    """Of the scores that are proved."""
    relation: Any = made.both.statement.predictions.models[number]
    t = scores(made.holdout.rows, trained.secret.integers)[0] / 2.0**relation.score_scale
    family, ours = trained.proof.statement.spec.family, np.where(made.holdout.rows.labels == 1, t, -t)
    return float(-np.log(family.inverse_link(ours)).mean())


def test_scores_beyond_the_table_have_no_log_loss_but_are_counted(made: Made) -> None:
    """A model as often itself as it takes for half of the rows; the owner alone hears how many rows there are."""
    relation: Any = made.both.statement.predictions.models[0]
    z = np.abs(scores(made.holdout.rows, made.first.secret.integers)[0])
    integers = made.first.secret.integers * ((64 << relation.score_scale) // int(np.median(z)))
    draft = made.both.statement.predictions
    one = replace(draft, models=draft.models[:1])
    with pytest.raises(ParameterError, match=r"\d+ of the rows have scores beyond 64"):
        true_evaluation(one, made.holdout.rows, [integers])
    beyond = np.flatnonzero(np.abs(scores(made.holdout.rows, integers)[0]) >= 64 << relation.score_scale)
    live = Live(relation.live.rows, tuple(beyond.tolist()))
    cells = evaluation_witness(replace(one, models=(replace(relation, live=live),)), made.holdout.rows, [integers])
    flipped = cells.columns[relation.flipped]
    assert len(beyond) and flipped.dtype == np.uint64, "rows that do not count have what the equation says"
    without = replace(one, models=(replace(relation, loss=None),))
    found = true_evaluation(without, made.holdout.rows, [integers]).models[0]
    assert found.right == int(((scores(made.holdout.rows, integers)[0] > 0) == (made.holdout.rows.labels == 1)).sum())


def test_a_confusion_matrix_is_that_of_the_model_and_is_stated_on_demand_only(made: Made) -> None:
    X, y = table(MIN_ROWS + 1, 2)
    found = zu.evaluate(made.holdout, made.confused.secret, confusion=True)
    predicted = made.confused.model.predict(X).astype(int)
    (result,) = found.statement.results
    assert result.confusion == tuple(int(((y == a) & (predicted == b)).sum()) for a in (0, 1) for b in (0, 1))
    assert verdict(found) == "valid" and not any(own.confusion for own in made.both.statement.results)
    a, b, c, d = result.confusion
    for lie in ((a, c, b, d), (a - 1, b + 1, c + 1, d - 1)):
        assert verdict(restated(found, 0, confusion=lie)) == ("constraints" if sum(lie[::3]) == a + d else "statement")
    for lie in ((a, b, c, d + 1), (a + 1, b - 1, c, d)):
        assert verdict(restated(found, 0, confusion=lie)) == "statement"


def restated(proof: zu.EvaluationProof, number: int, **changes: Any) -> zu.EvaluationProof:
    """Something else said of one of the models."""
    results = list(proof.statement.results)
    results[number] = replace(results[number], **changes)
    return stating(proof, replace(proof.statement, results=tuple(results)))


def test_matrices_of_other_rows_are_no_statement(made: Made) -> None:
    rows = made.both.statement.rows
    own = [Classified(rows, result.loss, (rows - i, 0, 0, i)) for i, result in enumerate(classified(made.both))]
    assert verdict(stating(made.both, replace(made.both.statement, results=tuple(own)))) == "statement"


def test_models_of_other_methods_stand_beside_each_other(made: Made) -> None:
    """A certified optimum has weights at a scale of its own, whose sign is what counts; a noisy one at another."""
    hidden = zu.TrainingSpec(model="logistic", method="noisy", l2=0.01)
    noise = zu.commit_noise(made.dataset, hidden, "a beacon")
    noisy = zu.prove(made.dataset, hidden, noise=noise, nonce=bytes(32))
    certified = zu.prove(made.dataset, zu.TrainingSpec(model="logistic", method="optimum", l2=0.01))
    both = zu.evaluate(made.holdout, [noisy.secret, certified.secret])
    X, y = table(MIN_ROWS + 1, 2)
    rights = [round(each.model.score(X, y) * len(y)) for each in (noisy, certified)]
    assert verdict(both) == "valid" and right_of(both) == rights
    assert both.statement.log_loss(1) is not None


def test_rows_with_keys_can_be_trained_on_and_held_out() -> None:
    dataset, holdout = (commit(rows, 3, unique={"k": range(rows)}) for rows in (21, MIN_ROWS))
    evaluation = zu.evaluate(holdout, zu.prove(dataset, SPEC).secret)
    assert verdict(evaluation) == "valid" and holdout.statement.key_limbs


def test_both_verifiers_accept_it_and_it_is_saved_and_loaded(made: Made, tmp_path: Path) -> None:
    assert verdict(made.both) == "valid"
    made.both.save(tmp_path / "both.evaluation")
    again = zu.EvaluationProof.load(tmp_path / "both.evaluation")
    assert again == made.both and again.to_bytes() == made.both.to_bytes()
    trainings = [made.first.proof, made.after.proof]
    assert zu.verify_evaluation(again, made.holdout.commitment, trainings) >= 100


def test_one_model_alone_is_evaluated_and_every_opening_is_counted(made: Made, tmp_path: Path) -> None:
    made.first.save(tmp_path / "first.proof")
    path = tmp_path / "first.model.opening"
    before = zu.Model.load(path).spent, made.holdout.spent
    alone: Any = zu.evaluate(made.holdout, path)
    assert (zu.Model.load(path).spent, made.holdout.spent) == (before[0] + 1, before[1] + 1)
    assert alone.statement.second is None and verdict(alone) == "valid"
    assert alone.statement.results == made.both.statement.results[:1]
    assert "second" not in decode(alone.to_bytes(), None, 1 << 24)[1]["references"]
    zu.evaluate(made.holdout, path)  # its fourth opening, with the training and both models together
    zu.evaluate(made.holdout, path)
    assert zu.Model.load(path).spent == 5
    with pytest.raises(BudgetExceeded, match="model"):
        zu.evaluate(made.holdout, path)


def test_a_hold_out_without_openings_is_refused() -> None:
    spent, model = commit(MIN_ROWS, 2, openings=2), zu.prove(commit(21, 1), SPEC).secret
    zu.evaluate(spent, model)
    with pytest.raises(BudgetExceeded, match="data set"):
        zu.evaluate(spent, model)
    assert model.spent == 2, "nothing was opened of the model"


def test_rows_that_were_destroyed_do_not_count(made: Made) -> None:
    trained = zu.prove(made.holdout, SPEC, forget=["5"])
    less, _ = zu.destroy(made.holdout, ["5"], forgotten_by=trained.proof, openings=3)
    model = zu.prove(made.dataset, PLAIN)
    found, whole = zu.evaluate(less, model.secret), zu.evaluate(made.holdout, model.secret)
    assert found.statement.rows == MIN_ROWS and verdict(found) == "valid"
    assert 0 <= right_of(whole)[0] - right_of(found)[0] <= 1


# What is refused -----------------------------------------------------------------------------------------------------

OTHERS = {"x3": (-2.0, 2.0), "x2": (-2.0, 2.0)}
REAL = {**BOUNDS, "label": (0.0, 1.0)}
REFUSED: dict[str, tuple[str, Callable[[Made], tuple[zu.Dataset, Any]]]] = {
    "few rows": ("99 rows of the hold-out count", lambda made: (commit(MIN_ROWS - 1, 2), made.first.secret)),
    "other bounds": (
        r"other columns, bounds, .*: bounds of 'x2' are \[-2.0, 3.0\], not \[-2.0, 2.0\]; commit to it with the same",
        lambda made: (commit(MIN_ROWS, 2, {**BOUNDS, "x2": (-2.0, 3.0)}), made.first.secret),
    ),
    "other columns": (
        "other columns, bounds, .*: it lacks the feature 'x1'",
        lambda made: (zu.commit(*table(MIN_ROWS, 2), names=["x3", "x2"], bounds=OTHERS, openings=2), made.first.secret),
    ),
    "other labels": (
        "other columns, bounds, .*: its labels are real, not binary",
        lambda made: (commit(MIN_ROWS, 2, REAL, label_kind="real"), made.first.secret),
    ),
    "other scale": (
        "other columns, bounds, .*: x_bits is 12, not 10",
        lambda made: (commit(MIN_ROWS, 2, x_bits=12), made.first.secret),
    ),
    "same model": ("both models are the same", lambda made: (made.holdout, [made.first.secret] * 2)),
    "three models": ("3 of them, one statement is about 1 to 2", lambda made: (made.holdout, [made.first.secret] * 3)),
    "no model": ("0 of them", lambda made: (made.holdout, [])),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_be_evaluated_is_refused_before_anything_is_opened(name: str, made: Made) -> None:
    words, arguments = REFUSED[name]
    holdout, models = arguments(made)
    spent = holdout.spent
    with pytest.raises(ParameterError, match=words):
        zu.evaluate(holdout, models)
    assert holdout.spent == spent


# Other models --------------------------------------------------------------------------------------------------------


def test_a_model_that_was_committed_afresh_is_tied_to_its_training_by_links(made: Made) -> None:
    own, link = zu.recommit_model(made.after.secret)
    found = zu.evaluate(made.holdout, own)
    assert found.statement.models == (own.commitment,) != (own.statement.model,) and verdict(found) == "valid"
    assert right_of(found) == right_of(made.both)[1:]
    holdout = made.holdout.commitment
    assert zu.verify_evaluation(found, holdout, [made.after.proof], [link]) >= 100
    for links in ([], [zu.recommit_model(made.confused.secret)[1]]):
        with pytest.raises(StatementMismatch, match="do not lead there"):
            zu.verify_evaluation(found, holdout, [made.after.proof], links)
    other = replace(found.statement, models=(found.statement.training.model,))
    assert verdict(stating(found, other)) in ("constraints", "proof length", "merkle path")


CLASSES = np.array(list("abc"))


def of_classes(rows: int, seed: int) -> tuple[Any, Any]:
    X, _ = table(rows, seed)
    noise = np.random.default_rng(seed).normal(size=rows) / 2
    return X, CLASSES[np.digitize(X[:, 0] - X[:, 1] / 2 + noise, [-0.5, 0.7])]


def test_models_of_several_classes_are_evaluated_by_their_argmax() -> None:
    data = zu.commit(*of_classes(40, 1), bounds=BOUNDS, openings=12)
    X, y = of_classes(MIN_ROWS + 2, 2)
    holdout = zu.commit(X, y, bounds=BOUNDS, openings=12)
    first = zu.prove(data, SPEC)
    after = zu.prove(data, SCALED, forget_classes=["b"], previous=first, fork=True)
    both = zu.evaluate(holdout, [first.secret, after.secret], confusion=True)
    assert verdict(both) == "valid"
    for trained, result in zip((first, after), both.statement.results, strict=True):
        predicted = trained.model.predict(X)
        assert result.right == int((predicted == y).sum())
        assert result.confusion == tuple(int(((y == a) & (predicted == b)).sum()) for a in CLASSES for b in CLASSES)
    assert not np.array(both.statement.results[1].confusion).reshape(3, 3)[:, 1].any(), "a forgotten class"
    told = restated(both, 0, right=both.statement.results[0].right + 1)
    assert verdict(told) == "statement"
    flipped = tuple(np.array(both.statement.results[0].confusion).reshape(3, 3).T.reshape(-1).tolist())
    assert verdict(restated(both, 0, confusion=flipped)) in ("constraints", "statement")


def test_certified_optima_of_several_classes_are_evaluated_beside_others() -> None:
    """In units of their grid, on an axis of outputs."""
    data = zu.commit(*of_classes(40, 1), bounds=BOUNDS, openings=12)
    X, y = of_classes(MIN_ROWS + 2, 2)
    certified = zu.TrainingSpec(model="logistic", method="optimum", l2=0.01)
    models = zu.prove(data, certified), zu.prove(data, SPEC)
    both = zu.evaluate(zu.commit(X, y, bounds=BOUNDS, openings=12), [each.secret for each in models])
    assert verdict(both) == "valid"
    assert right_of(both) == [int((each.model.predict(X) == y).sum()) for each in models]


def of_numbers(rows: int, seed: int) -> tuple[Any, Any]:
    X, _ = table(rows, seed)
    return X, 3 * X[:, 0] - X[:, 1] + np.random.default_rng(seed).normal(size=rows)


@pytest.fixture(scope="module")
def regressed() -> tuple[zu.Dataset, Any, Any, zu.EvaluationProof]:
    """One pass, and gradient descent with standardised features."""
    bounds = {**BOUNDS, "label": (-12.0, 12.0)}
    data, holdout = (
        zu.commit(*of_numbers(rows, seed), bounds=bounds, openings=16) for rows, seed in ((40, 1), (MIN_ROWS + 2, 2))
    )
    first = zu.prove(data, zu.TrainingSpec(model="linear", epochs=20, learning_rate=0.5), model_openings=8)
    after = zu.prove(
        data,
        zu.TrainingSpec(model="linear", method="gradient descent", epochs=3, learning_rate=0.5, standardize=True),
        forget=["4"],
        previous=first,
        fork=True,
    )
    return holdout, first, after, zu.evaluate(holdout, [first.secret, after.secret])


def test_rmse_and_r_squared_are_within_what_is_stated(regressed: Any) -> None:
    holdout, first, after, both = regressed
    X, y = of_numbers(MIN_ROWS + 2, 2)
    assert first.proof.statement.spec.method.kind == "one-pass" and verdict(both) == "valid"
    for number, trained in enumerate((first, after)):
        low, high = both.statement.root_mean_square(number)
        rmse = np.sqrt(((trained.model.predict(X) - y) ** 2).mean())
        assert low - 0.01 <= rmse <= high + 0.01 and 0 < high - low < 0.1, "features and labels are rounded first"
        low, high = both.statement.explained(number)
        assert low - 0.01 <= trained.model.score(X, y) <= high + 0.01 and 0 < high - low < 0.1
        integers = trained.secret.integers
        z = scores(holdout.rows, integers)[0]
        scale = 2.0 ** -(10 + trained.proof.statement.spec.weight_bits)
        exact = z * scale * 12 - holdout.rows.labels / 2.0**holdout.statement.encoding.label.label_bits * 12
        low, high = both.statement.root_mean_square(number)
        assert low <= np.sqrt((exact**2).mean()) <= high
        labels = holdout.rows.labels / 2.0**holdout.statement.encoding.label.label_bits * 12
        low, high = both.statement.explained(number)
        assert low <= 1 - (exact**2).sum() / ((labels - labels.mean()) ** 2).sum() <= high


def test_no_sum_is_stated_exactly_and_other_steps_are_rejected(regressed: Any) -> None:
    _, _, _, both = regressed
    own = both.statement.results[0]
    assert own.to_mapping().keys() == {"squares"}
    assert verdict(restated(both, 0, squares=own.squares + 1)) == "constraints"
    assert verdict(stating(both, replace(both.statement, spread=both.statement.spread - 1))) == "constraints"
    for lie in ({"spread": None}, {"results": (Classified(3), own)}, {"spread": 1 << 61}):
        assert verdict(stating(both, replace(both.statement, **lie))) == "statement", lie
    assert verdict(stating(both, replace(both.statement, grid=both.statement.grid - 1))) == "constraints"
    assert verdict(restated(both, 1, squares=1 << 60)) == "statement"


def test_labels_of_two_classes_and_counts_are_numbers_to_a_linear_model(made: Made) -> None:
    X, y = table(21, 1)
    two = zu.prove(
        zu.commit(X, y, bounds=BOUNDS, openings=3), zu.TrainingSpec(model="linear", epochs=4, learning_rate=0.5)
    )
    found = zu.evaluate(made.holdout, two.secret)
    assert verdict(found) == "valid" and isinstance(found.statement.results[0], Regressed)
    X, y = table(MIN_ROWS + 1, 2)
    low, high = found.statement.explained(0)
    assert low - 0.01 <= two.model.score(X, y) <= high + 0.01
    counts = np.random.default_rng(1).poisson(5, size=MIN_ROWS)
    data, holdout = (
        zu.commit(X[: len(c)], c, bounds=BOUNDS, label_kind="count", openings=4) for c in (counts[:21], counts)
    )
    counted = zu.prove(
        data, zu.TrainingSpec(model="linear", epochs=4, learning_rate=0.5, fixed_point=zu.FixedPoint(p_bits=12))
    )
    found = zu.evaluate(holdout, counted.secret)
    assert verdict(found) == "valid" and found.statement.grid == 4
    low, high = found.statement.root_mean_square(0)
    assert low - 0.05 <= np.sqrt(((counted.model.predict(X[:MIN_ROWS]) - counts) ** 2).mean()) <= high + 0.05


def test_an_interval_is_shown_rounded_outwards() -> None:
    assert interval_text((0.60581, 0.60706)) == "0.6058 to 0.6071"
    assert interval_text((0.123456789, 0.12345679)) == "0.12345678 to 0.12345679"
    assert interval_text((-np.inf, 0.99)) == "at most 0.9900"


def test_models_of_shards_are_refused_by_name() -> None:
    X, y = table(MIN_ROWS, 1)
    spec = zu.TrainingSpec(model="logistic", method="sisa", shard_rows=64, slices=2, epochs=1, learning_rate=0.5)
    data, holdout = (zu.commit(X, y, bounds=BOUNDS, openings=3) for _ in range(2))
    with pytest.raises(ParameterError, match="'sisa'"):
        zu.evaluate(holdout, zu.prove(data, spec).secret)


def test_what_a_model_cannot_have_is_refused_by_name(made: Made, regressed: Any) -> None:
    holdout, first, *_ = regressed
    options: list[dict[str, Any]] = [{"confusion": True}, {"loss": True}]
    for asked in options:
        with pytest.raises(ParameterError, match="predicts no classes"):
            zu.evaluate(holdout, first.secret, **asked)
    for grid in (-40, 17):
        with pytest.raises(ParameterError, match=r"choose another `grid`, from -16 to 16$"):
            zu.evaluate(holdout, first.secret, grid=grid)
    for grid in (-16, 16):  # as it says
        assert zu.evaluate(holdout, first.secret, grid=grid).statement.grid == grid
    with pytest.raises(ParameterError, match="other columns, bounds"):
        zu.evaluate(made.holdout, first.secret)


def training_sets(made: Made) -> dict[str, zu.Dataset]:
    """The training set by itself, and in other guises."""
    data = commit(MIN_ROWS, 3)
    again, _ = zu.recommit(data, openings=5)
    grown, _ = zu.append(data, *table(MIN_ROWS, 4), openings=5)
    return {"itself": data, "committed afresh": again, "grown": grown}


def test_the_training_set_is_no_hold_out_in_whatever_guise(made: Made) -> None:
    """By the roots of its records, and by where each data set says that its rows were born; in either direction."""
    guises = training_sets(made)
    models = {name: zu.prove(data, SPEC).secret for name, data in guises.items()}
    for trained in guises:
        for holdout in guises.values():
            with pytest.raises(
                ParameterError, match=r"rows that were committed in the data set of the model|whose spec"
            ):
                zu.evaluate(holdout, models[trained])
    records = replace(made.holdout.statement, record_root=made.dataset.statement.record_root)
    lie = stating(made.both, replace(made.both.statement, holdout=records))
    assert verdict(lie) == "statement"


def test_bounds_that_were_taken_from_the_data_may_be_declared_for_the_hold_out() -> None:
    X, y = table(21, 1)
    data = zu.commit(X, y, openings=3)
    columns = data.statement.encoding.features
    holdout = zu.commit(
        *(part[:MIN_ROWS] for part in inside(columns)),
        bounds={column.name: (column.low, column.high) for column in columns},
        openings=3,
    )
    assert not data.statement.encoding.bounds_declared and holdout.statement.encoding.bounds_declared
    assert verdict(zu.evaluate(holdout, zu.prove(data, SPEC).secret)) == "valid"


def inside(columns: Any) -> tuple[Any, Any]:
    X, y = table(4 * MIN_ROWS, 6)
    kept = np.all([(column.low <= x) & (x <= column.high) for column, x in zip(columns, X.T, strict=True)], axis=0)
    assert kept.sum() >= MIN_ROWS
    return X[kept], y[kept]


# Lies in what is stated ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [(1, 0), (0, -1), (-40, 30)])
def test_other_numbers_under_the_same_proof_are_rejected(step: tuple[int, int], made: Made) -> None:
    results: Any = made.both.statement.results
    pairs = zip(results, step, strict=True)
    told = tuple(replace(result, right=result.right + more) for result, more in pairs)
    assert verdict(stating(made.both, replace(made.both.statement, results=told))) == "constraints"


@pytest.mark.parametrize("step", [(1, 0), (0, -1), (-1, -1)])
def test_other_bounds_of_the_loss_under_the_same_proof_are_rejected(step: tuple[int, int], made: Made) -> None:
    low, high = made.both.statement.results[1].loss
    assert verdict(restated(made.both, 1, loss=(low + step[0], high + step[1]))) == "constraints"
    low, high = made.both.statement.results[0].loss
    assert verdict(restated(made.both, 0, loss=(low + step[0], high + step[1]))) == "constraints"
    for lie in ((high + 1, high), (low, 1 << 61)):
        assert verdict(restated(made.both, 0, loss=lie)) == "statement"
    assert verdict(restated(made.both, 0, loss=None)) == "proof length"
    assert verdict(restated(made.both, 1, loss=(low, high))) == "constraints"


def swapped(own: EvaluationStatement) -> EvaluationStatement:
    assert own.second is not None
    return replace(own, training=own.second, second=own.training, models=own.models[::-1], results=own.results[::-1])


def test_another_hold_out_or_other_models_under_the_same_proof_are_rejected(made: Made) -> None:
    own = made.both.statement
    other = commit(MIN_ROWS + 1, 5, openings=24)
    lies = {
        "hold-out": replace(own, holdout=other.statement),
        "root of the hold-out": replace(own, holdout=replace(own.holdout, root=other.statement.root)),
        "model": replace(own, training=replace(own.training, previous=bytes(32))),
    }
    for name, lie in lies.items():
        assert verdict(stating(made.both, lie)) == "constraints", name
    assert verdict(stating(made.both, swapped(own))) in ("constraints", "proof length")


def test_numbers_and_models_that_do_not_go_together_are_refused(made: Made) -> None:
    own = made.both.statement
    for lie in ({"results": own.results[:1]}, {"second": own.training}, {"models": own.models[:1]}):
        assert verdict(stating(made.both, replace(own, **lie))) == "statement"
    narrow = replace(own.models[0], shape=(1, 2)), own.models[1]
    assert verdict(stating(made.both, replace(own, models=narrow))) == "statement"
    alone = replace(own, second=None, results=own.results[:1], models=own.models[:1])
    assert verdict(stating(made.both, alone)) == "proof length"


def test_a_second_model_that_is_not_named_or_not_there_is_refused(made: Made) -> None:
    payload = decode(made.both.to_bytes(), None, 1 << 24)[1]
    unnamed = {**payload, "statement": {**payload["statement"], "second": None}}
    absent = {**payload, "references": {k: v for k, v in payload["references"].items() if k != "second"}}
    for lie in (unnamed, absent):
        file = encode("evaluation", lie)
        with pytest.raises(FormatError, match="second"):
            zu.EvaluationProof.from_bytes(file)
        assert verifier.verdict(second.verify_evaluation, file) == "format"


def test_what_the_auditor_names_is_compared(made: Made) -> None:
    both, own = [made.first.proof, made.after.proof], made.holdout.commitment
    with pytest.raises(StatementMismatch, match="another hold-out"):
        zu.verify_evaluation(made.both, made.dataset.commitment, both)
    for other in (both[::-1], both[:1]):
        with pytest.raises(StatementMismatch, match="other models"):
            zu.verify_evaluation(made.both, own, other)
    with pytest.raises(ParameterError, match="trainings"):
        zu.verify_evaluation(made.both, own, [])
    junk = zu.DatasetCommitment(own.statement, bytes(len(own.proof)))
    with pytest.raises(InvalidProof):
        zu.verify_evaluation(made.both, junk, both)


# Integers ------------------------------------------------------------------------------------------------------------


def test_scores_are_those_of_plain_integers(made: Made) -> None:
    rows, integers = made.holdout.rows, made.after.secret.integers
    X = rows.by_feature.astype(object)
    bias = made.first.secret.integers
    for own in (integers, bias):
        z = [int(sum(X[k, n] * int(own[0, k]) for k in range(2))) for n in range(X.shape[1])]
        shift = int(own[0, 2]) if own.shape[1] == 3 else 0
        assert scores(rows, own).tolist() == [[each + shift for each in z]]


@pytest.mark.parametrize("features", [1, 30, 784])
@pytest.mark.parametrize("standardize, bias", [(False, False), (False, True), (True, True)])
def test_the_largest_model_of_a_spec_is_within_the_declared_bits(features: int, standardize: bool, bias: bool) -> None:
    """The weights at the ends of their range, the largest exponents and the largest means; and scores fit 62 bits."""
    names = tuple(f"x{k}" for k in range(features))
    shape = DatasetShape(
        rows=1000, features=features, label_kind="binary", label_bits=0, x_bits=10, classes=("a", "b"), names=names
    )
    spec = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5, standardize=standardize, bias=bias)
    schedule: Any = spec.compile(shape, Live(1000))
    weight_bits, intercept_bits = schedule.committed_bits
    largest = 1 << (schedule.weight_bits - 1)
    cap = schedule.standardization.cap if standardize else 0
    assert largest << cap <= 1 << (weight_bits - 1)
    intercept = (largest << 10) * bias
    if standardize:  # |m| <= 2^cap (2^10 + 1), of a feature that is always 1 or always -1
        intercept += features * largest * ((1 << cap) * ((1 << 10) + 1))
    assert intercept <= 1 << (intercept_bits - 1)
    score = features * (1 << 10) * (1 << (weight_bits - 1)) + bias * (1 << (intercept_bits - 1))
    assert score.bit_length() <= LARGEST_SCORE_BITS
