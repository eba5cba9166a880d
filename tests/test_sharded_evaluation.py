"""How well models in shards predict a hold-out together: proved, saved, verified, and refused where it has to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.evaluated import MIN_ROWS
from zkunlearn.circuits.statements.records import Record
from zkunlearn.circuits.statements.results import Classified, Regressed
from zkunlearn.circuits.statements.shard_results import require_numbers
from zkunlearn.circuits.statements.sharded_evaluation import ShardedEvaluationStatement
from zkunlearn.errors import BudgetExceeded, FormatError, ParameterError, StatementMismatch
from zkunlearn.formats.container import decode, encode
from zkunlearn.models.encoding.columns import ColumnEncoding
from zkunlearn.prover.protocol.proof import Prover
from zkunlearn.prover.witnesses.evaluation import scores, true_evaluation
from zkunlearn.verifier.verify import verify_proof

from .reference import sharded_evaluation as second
from .reference import verifier
from .reference.examples import package_verdict

BOUNDS = {"x1": (-2.0, 2.0), "x2": (-2.0, 2.0)}
ROWS, SHARD_ROWS = 26, 8  # three whole shards, and two rows
AGGREGATES = ("vote", "score", "probability")


PLAIN = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)


def spec_of(aggregate: str = "vote", **changes: Any) -> zu.TrainingSpec:
    choices: dict[str, Any] = {"model": "logistic", "slices": 2, "epochs": 3, "learning_rate": 0.5, "l2": 0.01}
    return zu.TrainingSpec(method="sisa", shard_rows=SHARD_ROWS, aggregate=aggregate, **{**choices, **changes})


def table(rows: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(rows, 2))
    return X, (X[:, 0] - X[:, 1] / 2 + rng.normal(size=rows) > 0).astype(int)


def commit(rows: int, seed: int, **options: Any) -> zu.Dataset:
    return zu.commit(*table(rows, seed), bounds=BOUNDS, openings=options.pop("openings", 24), **options)


@dataclass(frozen=True)
class Made:
    dataset: zu.Dataset
    holdout: zu.Dataset
    trained: dict[str, tuple[Any, Any]]
    both: dict[str, zu.ShardedEvaluationProof]


@pytest.fixture(scope="module")
def made() -> Made:
    """Of each aggregate a bundle and the one after a request, which leaves the last shard without a row."""
    dataset, holdout = commit(ROWS, 1), commit(MIN_ROWS + 1, 2)
    ids = dataset.rows.ids
    trained, both = {}, {}
    for aggregate in AGGREGATES:
        first: Any = zu.prove(dataset, spec_of(aggregate))
        after: Any = zu.prove(dataset, spec_of(aggregate), forget=[ids[3], *ids[24:]], previous=first)
        trained[aggregate] = first, after
        both[aggregate] = zu.evaluate(holdout, [first.model, after.model], confusion=aggregate == "vote")
    return Made(dataset, holdout, trained, both)


def verdict(proof: Any) -> str:
    """On the file; the same for both verifiers."""
    file = proof.to_bytes()
    found = package_verdict(lambda: verify_proof(zu.Proof.from_bytes(file)))
    assert verifier.verdict(second.verify_sharded_evaluation, file) == found
    return found


def stating(proof: Any, **changes: Any) -> zu.ShardedEvaluationProof:
    """The same proof under another statement."""
    return zu.ShardedEvaluationProof(replace(proof.statement, **changes), proof.proof)


def right_of(proof: Any) -> list[int]:
    return [result.right for result in proof.statement.results if isinstance(result, Classified)]


# What is stated ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_the_numbers_are_those_of_what_the_models_predict_together(aggregate: str, made: Made) -> None:
    X, y = table(MIN_ROWS + 1, 2)
    both = made.both[aggregate]
    assert verdict(both) == "valid"
    predicted = [trained.model.predict(X).astype(int) for trained in made.trained[aggregate]]
    assert right_of(both) == [int((each == y).sum()) for each in predicted]
    for result, each in zip(both.statement.results, predicted, strict=True):
        assert isinstance(result, Classified) and (result.loss is None) == (aggregate == "vote")
        counts = tuple(int(((y == a) & (each == b)).sum()) for a in (0, 1) for b in (0, 1))
        assert result.confusion == (counts if aggregate == "vote" else ())


def test_the_log_loss_is_that_of_the_mean_score(made: Made) -> None:
    """Of four models, and of three."""
    X, y = table(MIN_ROWS + 1, 2)
    both = made.both["score"]
    for number, trained in enumerate(made.trained["score"]):
        loss = -np.log(trained.model.predict_proba(X)[np.arange(len(y)), y]).mean()
        low, high = both.statement.log_loss(number)
        assert low - 1e-3 <= loss <= high + 1e-3 and high - low < 2e-3
        relation: Any = both.statement.predictions.models[number]
        z = scores(made.holdout.rows, trained.model.integers.sum(axis=0))[0]
        t = z / (relation.models * 2.0**relation.score_scale)
        exact = np.logaddexp(0, np.where(made.holdout.rows.labels == 1, -t, t)).mean()
        assert low <= exact <= high and relation.models == 4 - number


def test_the_log_loss_is_that_of_the_mean_probability(made: Made) -> None:
    """Which `predict_proba` prints: of four models, and of three."""
    X, y = table(MIN_ROWS + 1, 2)
    both = made.both["probability"]
    for number, trained in enumerate(made.trained["probability"]):
        loss = -np.log(trained.model.predict_proba(X)[np.arange(len(y)), y]).mean()
        low, high = both.statement.log_loss(number)
        assert low <= loss <= high < low + 2e-3
        assert both.statement.speakers(number) == 4 - number


def test_bundles_of_two_families_have_losses_by_tables_of_their_own(made: Made) -> None:
    mixed: Any = zu.prove(made.dataset, spec_of("probability", model="probit"), fork=True)
    both = zu.evaluate(made.holdout, [made.trained["probability"][0].model, mixed.model])
    assert verdict(both) == "valid"
    X, y = table(MIN_ROWS + 1, 2)
    loss = -np.log(mixed.model.predict_proba(X)[np.arange(len(y)), y]).mean()
    low, high = both.statement.log_loss(1)
    assert low <= loss <= high < low + 2e-3


@pytest.mark.parametrize("steps", [(1, 0), (0, -1), (-1, 1)])
@pytest.mark.parametrize("aggregate", ["score", "probability"])
def test_another_loss_of_shards_is_rejected(aggregate: str, steps: tuple[int, int], made: Made) -> None:
    both = made.both[aggregate]
    one, other = both.statement.results
    assert isinstance(other, Classified) and other.loss is not None
    low, high = (own + step for own, step in zip(other.loss, steps, strict=True))
    assert verdict(stating(both, results=(one, replace(other, loss=(low, high))))) == "constraints"
    assert verdict(stating(both, results=(one, replace(other, loss=None)))) == "proof length"


def test_shards_without_a_row_have_no_say_and_a_commitment_is_named_once(made: Made) -> None:
    statement = made.both["vote"].statement
    assert statement.bundles == ((0,), (0, 1)) and len(statement.trainings) == 2
    assert statement.speaking(0) == [0, 1, 2, 3] and statement.speaking(1) == [0, 1, 2]
    assert set(statement.in_force(1).values()) == {0, 1}
    assert [[own.digest for own, _ in subject] for subject in statement.subjects] == [
        [made.trained["vote"][0].proof.digest],
        [proof.digest for proof in made.trained["vote"][1].bundle.proofs],
    ]


def test_one_opening_of_each_commitment_is_spent_and_none_where_one_is_missing(made: Made) -> None:
    first, after = made.trained["score"]
    own = [made.holdout.budget, first.secret.budget, after.secret.budget]
    before = [budget.spent for budget in own]
    alone = zu.evaluate(made.holdout, after.model)
    assert [budget.spent for budget in own] == [each + 1 for each in before]
    assert verdict(alone) == "valid" and right_of(alone) == right_of(made.both["score"])[1:]
    few = commit(ROWS, 1, openings=6)
    narrow: Any = zu.prove(few, spec_of("score"), model_openings=2)
    zu.evaluate(made.holdout, narrow.model)
    spent = made.holdout.spent
    with pytest.raises(BudgetExceeded, match="model"):
        zu.evaluate(made.holdout, [narrow.model])
    assert made.holdout.spent == spent and narrow.secret.spent == 2


def test_every_opening_is_counted_before_anything_is_proved(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the hold-out and of both commitments: who ends the process then has no proof, and no opening back."""
    first, after = made.trained["probability"]
    own = [made.holdout.budget, first.secret.budget, after.secret.budget]
    before = [budget.spent for budget in own]

    def ended(self: Prover) -> bytes:
        assert [budget.spent for budget in own] == [each + 1 for each in before]
        raise KeyboardInterrupt

    monkeypatch.setattr(Prover, "prove", ended)
    with pytest.raises(KeyboardInterrupt):
        zu.evaluate(made.holdout, after.model)
    assert [budget.spent for budget in own] == [each + 1 for each in before]


def test_numbers_of_shards_are_their_mean_whatever_is_declared(made: Made) -> None:
    bounds = {**BOUNDS, "label": (-8.0, 8.0)}
    labels = [table(rows, seed)[0] @ [1.5, -0.5] for rows, seed in ((ROWS, 1), (MIN_ROWS, 3))]
    data, holdout = (
        zu.commit(table(rows, seed)[0], y, bounds=bounds, openings=4)
        for (rows, seed), y in zip(((ROWS, 1), (MIN_ROWS, 3)), labels, strict=True)
    )
    trained: Any = zu.prove(data, spec_of("probability", model="linear"), forget=data.rows.ids[24:])
    found = zu.evaluate(holdout, trained.model)
    assert verdict(found) == "valid" and found.statement.aggregate(0) == "score"
    assert len(found.statement.speaking(0)) == 3, "by no power of two"
    X = table(MIN_ROWS, 3)[0]
    low, high = found.statement.root_mean_square(0)
    assert low - 0.01 <= np.sqrt(((trained.model.predict(X) - labels[1]) ** 2).mean()) <= high + 0.01
    low, high = found.statement.explained(0)
    assert low - 0.01 <= trained.model.score(X, labels[1]) <= high + 0.01 and high - low < 0.2
    own = found.statement.results[0]
    assert isinstance(own, Regressed)
    assert verdict(stating(found, results=(Regressed(own.squares + 1),))) == "constraints"


@dataclass(frozen=True)
class Counted:
    data: zu.Dataset
    holdout: zu.Dataset
    labels: Any
    trained: Any
    found: zu.ShardedEvaluationProof


@pytest.fixture(scope="module")
def counted() -> Counted:
    """Of three shards that expect counts, before and after a request."""
    X, _ = table(ROWS + MIN_ROWS + 1, 7)
    y = np.random.default_rng(7).poisson(np.exp(X[:, 0] / 2 + 0.5))
    parts = slice(ROWS), slice(ROWS, None)
    data, holdout = (zu.commit(X[at], y[at], bounds=BOUNDS, label_kind="count", openings=8) for at in parts)
    spec = spec_of("probability", model="poisson", learning_rate=0.1, epochs=8)
    first: Any = zu.prove(data, spec)
    after: Any = zu.prove(data, spec, forget=[data.rows.ids[3], *data.rows.ids[24:]], previous=first)
    found = zu.evaluate(holdout, [first.model, after.model], grid=12)
    return Counted(data, holdout, y[parts[1]], (first, after), found)


def test_the_numbers_of_counts_are_those_of_the_mean_of_what_shards_expect(counted: Counted) -> None:
    """Which `predict` answers: of four models, and of three."""
    assert verdict(counted.found) == "valid"
    X, y, own = table(ROWS + MIN_ROWS + 1, 7)[0][ROWS:], counted.labels, counted.found.statement
    for number, trained in enumerate(counted.trained):
        mean = trained.model.predict(X)
        low, high = own.root_mean_square(number)
        assert low <= np.sqrt(((mean - y) ** 2).mean()) <= high < low + 0.03
        low, high = own.explained(number)
        assert low <= 1 - ((mean - y) ** 2).mean() / y.var() <= high < low + 0.05
        deviance = 2 * np.mean(np.where(y > 0, y * np.log(np.maximum(y, 1) / mean), 0.0) - y + mean)
        low, high = own.mean_deviance(number)
        assert low <= deviance <= high < low + 0.02
        assert own.speakers(number) == 4 - number


def test_other_numbers_of_counts_under_the_same_proof_are_rejected(counted: Counted) -> None:
    one, other = counted.found.statement.results
    assert isinstance(one, Regressed) and isinstance(one.deviances, tuple)
    low, high = one.deviances
    lies = (
        (replace(one, squares=one.squares + 1), "constraints"),
        (replace(one, deviances=(low + 1, high)), "constraints"),
        (replace(one, deviances=(low, high - 1)), "constraints"),
        (replace(one, deviances=(high, low)), "statement"),
        (replace(one, deviances=None), "proof length"),
        (Regressed(one.squares, low), "statement"),
    )
    for lie, told in lies:
        assert verdict(stating(counted.found, results=(lie, other))) == told


def test_counts_of_shards_are_stated_without_their_deviance(counted: Counted) -> None:
    found = zu.evaluate(counted.holdout, counted.trained[1].model, loss=False)
    assert verdict(found) == "valid" and found.statement.mean_deviance(0) is None


def test_what_is_not_said_of_counts_of_shards_is_refused(counted: Counted, made: Made) -> None:
    own = counted.found.statement
    one = own.results[0]
    assert isinstance(one, Regressed)
    with pytest.raises(ParameterError, match="no confusion matrix, and no log-loss"):
        zu.evaluate(counted.holdout, counted.trained[0].model, confusion=True)
    with pytest.raises(ParameterError, match="is stated at least and at most"):
        replace(own, results=(Regressed(one.squares, 3), own.results[1])).require_provable()
    integers = counted.trained[0].model.integers * (1 << 6)
    relation = replace(own.predictions, models=own.predictions.models[:1])
    with pytest.raises(ParameterError, match=r"\d+ of the rows have scores beyond 8 by the model of a shard"):
        true_evaluation(relation, counted.holdout.rows, [integers])
    with pytest.raises(ParameterError, match="at most 16777216 rows times shards"):
        replace(own, holdout=replace(own.holdout, rows=1 << 23)).require_provable()
    coarse: Any = replace(
        own.last(0), spec=spec_of("probability", model="poisson", fixed_point=zu.FixedPoint(p_bits=10))
    )
    with pytest.raises(ParameterError, match="beyond the table"):
        require_numbers(coarse, one, "probability", 26, own.label_scales)
    single = zu.prove(counted.data, zu.TrainingSpec(model="poisson", epochs=2, learning_rate=0.1), fork=True)
    alone = zu.evaluate(counted.holdout, single.secret).statement
    with pytest.raises(ParameterError, match="is that of shards"):
        replace(alone, results=(Regressed(1, deviances=(0, 1)),)).require_provable()


@pytest.mark.parametrize(("aggregate", "blur"), [("score", 2e-3), ("probability", 0.0)])
def test_the_log_loss_of_several_classes_is_that_of_the_mean(aggregate: str, blur: float, made: Made) -> None:
    """Of scores, or of probabilities, which are exact; and with a class forgotten there is none."""
    X, _ = table(MIN_ROWS + ROWS, 5)
    y = np.array(list("abc"))[np.digitize(X[:, 0], [-1, 1])]
    parts = slice(ROWS), slice(ROWS, None)
    data, holdout = (zu.commit(X[part], y[part], bounds=BOUNDS, openings=6) for part in parts)
    trained: Any = zu.prove(data, spec_of(aggregate, model="probit"))
    found = zu.evaluate(holdout, trained.model)
    assert verdict(found) == "valid"
    at = [list("abc").index(text) for text in y[ROWS:]]
    loss = -np.log(trained.model.predict_proba(X[ROWS:])[np.arange(MIN_ROWS), at]).mean()
    low, high = found.statement.log_loss(0)
    assert low - blur <= loss <= high + blur and high - low < 6e-3
    told: Any = found.statement.results[0]
    assert verdict(stating(found, results=(replace(told, loss=(told.loss[0], told.loss[1] - 1)),))) == "constraints"
    gone: Any = zu.prove(data, spec_of(aggregate, model="probit"), forget_classes=["b"], fork=True)
    with pytest.raises(ParameterError, match="forgot a class have no log-loss"):
        zu.evaluate(holdout, gone.model, loss=True)


@pytest.mark.parametrize("aggregate", ["score", "probability"])
def test_several_classes_are_counted_as_they_are_predicted(aggregate: str) -> None:
    X, _ = table(MIN_ROWS + ROWS, 5)
    y = np.array(list("abc"))[np.digitize(X[:, 0], [-1, 1])]
    parts = slice(ROWS), slice(ROWS, None)
    data, holdout = (zu.commit(X[part], y[part], bounds=BOUNDS, openings=6) for part in parts)
    trained: Any = zu.prove(data, spec_of(aggregate, model="probit"), forget_classes=["b"])
    found = zu.evaluate(holdout, trained.model, confusion=True)
    assert verdict(found) == "valid"
    predicted = trained.model.predict(X[ROWS:])
    assert right_of(found) == [int((predicted == y[ROWS:]).sum())] and "b" not in predicted
    assert verdict(stating(found, results=(replace(found.statement.results[0], confusion=()),))) == "proof length"


def test_models_of_standardised_features_are_evaluated(made: Made) -> None:
    X, y = table(MIN_ROWS + 1, 2)
    trained: Any = zu.prove(made.dataset, spec_of("vote", model="probit", standardize=True, bias=True))
    found = zu.evaluate(made.holdout, trained.model)
    assert verdict(found) == "valid" and right_of(found) == [int((trained.model.predict(X).astype(int) == y).sum())]


# What is refused -----------------------------------------------------------------------------------------------------


def test_what_shards_cannot_say_is_refused_by_name(made: Made) -> None:
    first, after = made.trained["vote"]
    cases: list[tuple[Any, str]] = [(first.secret, "answer together: evaluate the bundle"), (object(), "ShardedModel")]
    for asked, words in cases:
        with pytest.raises(ParameterError, match=words):
            zu.evaluate(made.holdout, asked)
    with pytest.raises(ParameterError, match='"vote" has no log-loss'):
        zu.evaluate(made.holdout, after.model, loss=True)
    with pytest.raises(ParameterError, match="both bundles are the same one"):
        zu.evaluate(made.holdout, [first.model, first.model])
    plain = zu.prove(made.dataset, PLAIN).secret
    with pytest.raises(ParameterError, match="evaluate each by itself"):
        zu.evaluate(made.holdout, [first.model, plain])
    with pytest.raises(ParameterError, match=r"rows that were committed in the data set of the model"):
        zu.evaluate(commit_like(made.dataset), first.model)
    mixed: Any = zu.prove(made.dataset, spec_of("probability", model="probit"))
    with pytest.raises(ParameterError, match="by another table"):
        zu.evaluate(made.holdout, [made.trained["probability"][0].model, mixed.model], loss=False)


def test_hold_outs_that_are_none_for_these_models_are_refused(made: Made) -> None:
    model, statement = made.trained["score"][0].model, made.both["score"].statement
    wider = {name: (-3.0, 3.0) for name in BOUNDS}
    with pytest.raises(ParameterError, match="other columns, bounds"):
        zu.evaluate(zu.commit(*table(MIN_ROWS, 2), bounds=wider, openings=2), model)
    with pytest.raises(ParameterError, match=f"it takes {MIN_ROWS}"):
        zu.evaluate(commit(MIN_ROWS - 1, 2, openings=2), model)
    with pytest.raises(ParameterError, match="choose another `grid`"):
        zu.evaluate(made.holdout, model, grid=17)
    columns = tuple(ColumnEncoding(f"x{k}", 0.0, 1.0) for k in range(8))
    encoding = replace(statement.holdout.encoding, features=columns)
    huge = replace(statement.holdout, rows=1 << 28, encoding=encoding)
    lies: tuple[dict[str, Any], ...] = (
        {"holdout": huge},
        {"trainings": (replace(statement.trainings[0], dataset=huge), statement.trainings[1])},
    )
    for lie in lies:
        with pytest.raises(ParameterError, match="cells are more than one proof can carry"):
            replace(statement, **lie).require_provable()


def commit_like(dataset: zu.Dataset) -> zu.Dataset:
    """The same rows, grown to enough of them."""
    return zu.append(dataset, *table(MIN_ROWS, 9), openings=3)[0]


def test_votes_of_several_classes_and_mean_scores_of_counts_are_refused(made: Made) -> None:
    X, _ = table(MIN_ROWS, 6)
    classes = np.array(list("abc"))[np.digitize(X[:, 0], [-1, 1])]
    counts = np.random.default_rng(1).poisson(3, size=MIN_ROWS)
    cases = (
        (classes, {}, {}, '"vote" of several classes'),
        (
            counts,
            {"label_kind": "count"},
            {"model": "poisson", "aggregate": "score"},
            "of a mean of scores z, has no proof",
        ),
    )
    for labels, options, changes, words in cases:
        data, holdout = (zu.commit(X, labels, bounds=BOUNDS, openings=3, **options) for _ in range(2))
        trained: Any = zu.prove(data, spec_of(**{"aggregate": "vote", "epochs": 1, "learning_rate": 0.1, **changes}))
        with pytest.raises(ParameterError, match=words):
            zu.evaluate(holdout, trained.model)


def test_scores_beyond_the_table_of_probabilities_are_refused_by_their_number(made: Made) -> None:
    statement, first = made.both["probability"].statement, made.trained["probability"][0]
    one = replace(statement.predictions, models=statement.predictions.models[:1])
    integers = first.model.integers * (1 << 9)
    with pytest.raises(ParameterError, match=r"\d+ of the rows have scores beyond 64 by the model of a shard"):
        true_evaluation(one, made.holdout.rows, [integers])


# Lies in what is stated ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_other_numbers_under_the_same_proof_are_rejected(aggregate: str, made: Made) -> None:
    both = made.both[aggregate]
    one, other = both.statement.results
    assert isinstance(one, Classified) and isinstance(other, Classified)
    told = "statement" if one.confusion else "constraints"
    assert verdict(stating(both, results=(replace(one, right=one.right + 1), other))) == told
    assert verdict(stating(both, results=(one, replace(other, right=other.right - 1)))) == told
    if one.confusion:
        a, b, c, d = other.confusion
        lie = replace(other, right=other.right + 1, confusion=(a + 1, b - 1, c, d))
        assert verdict(stating(both, results=(one, lie))) == "constraints"


def test_other_bundles_and_models_under_the_same_proof_are_rejected(made: Made) -> None:
    both = made.both["vote"]
    own = both.statement
    lies: dict[str, Any] = {
        "swapped": {"bundles": own.bundles[::-1]},
        "hold-out": {"holdout": replace(own.holdout, root=bytes(32))},
        "model": {"models": (replace(own.models[0], root=bytes(32)), own.models[1])},
        "training": {"trainings": (replace(own.trainings[0], previous=bytes(32)), own.trainings[1])},
    }
    for name, lie in lies.items():
        assert verdict(stating(both, **lie)) in ("constraints", "proof length"), name


def test_bundles_that_cannot_be_are_refused(made: Made) -> None:
    own: Any = made.both["vote"].statement
    last, others = own.trainings[1], made.both["score"].statement.trainings
    more = replace(own.trainings[0], forgotten=(Record(9, bytes(32)),))  # in a shard that was not trained again
    lies: dict[str, Any] = {
        "no model of a shard": {"bundles": ((0,), (1,))},
        "in no order": {"bundles": ((0,), (1, 0))},
        "twice": {"bundles": ((0,), (0, 0, 1))},
        "the same one": {"bundles": ((0, 1), (0, 1))},
        "a training in no bundle": {"bundles": ((0,),), "results": own.results[:1]},
        "another algorithm": {"trainings": (others[0], last)},
        "a training without shards": {"trainings": (replace(last, spec=PLAIN, scope=(), start=()), last)},
        "one training twice": {"trainings": (last, last)},
        "another shape": {"models": (replace(own.models[0], shape=(1, 2)), own.models[1])},
        "a spread of labels": {"spread": 3},
        "of numbers": {"results": (Regressed(3), own.results[1])},
        "a loss": {"results": (replace(own.results[0], loss=(1, 2)), own.results[1])},
        "other rows of the classes": {"results": (replace(own.results[0], confusion=(1, 0, 0, 0)), own.results[1])},
        "a row of a shard that the last one counts": {"trainings": (more, last)},
    }
    for name, lie in lies.items():
        assert verdict(stating(made.both["vote"], **lie)) == "statement", name


def test_a_model_in_force_that_did_not_see_rows_which_were_added_is_refused(made: Made) -> None:
    """A shard that grew since: only the bundle after it was trained again says something of all rows."""
    first = made.trained["vote"][0]
    grown, link = zu.append(made.dataset, *table(3, 8), openings=12)
    after: Any = zu.prove(grown, spec_of("vote"), previous=first, links=[link])
    found = zu.evaluate(made.holdout, after.model)
    old, new = found.statement.trainings
    assert verdict(found) == "valid" and found.statement.bundles == ((0, 1),)
    assert [shard for shard, number in found.statement.in_force(0).items() if number == 1] == [3]
    elsewhere = replace(new, scope=tuple(replace(run, first=0) for run in new.scope))
    with pytest.raises(ParameterError, match="shard 3 did not see all of its rows"):
        replace(found.statement, trainings=(old, elsewhere)).require_provable()
    assert verdict(stating(found, trainings=(old, elsewhere))) == "statement"


def test_models_of_two_data_sets_are_no_bundle(made: Made) -> None:
    """Each is right by itself, and on as many rows: but no training of one data set ends in both."""
    first, after = made.trained["vote"]
    elsewhere: Any = zu.prove(commit(ROWS, 5), spec_of("vote"))
    mixed = zu.ShardedModel(zu.Bundle((elsewhere.proof, after.proof)), (elsewhere.secret, after.secret))
    spent = made.holdout.spent
    with pytest.raises(ParameterError, match="of data sets that do not go on from one another"):
        zu.evaluate(made.holdout, [mixed])
    assert made.holdout.spent == spent
    own = made.both["vote"].statement.trainings
    assert own[0] == first.statement
    assert verdict(stating(made.both["vote"], trainings=(elsewhere.statement, own[1]))) == "statement"


def test_models_that_no_bundle_here_has_together_are_told_in_a_history(made: Made) -> None:
    """The same training twice: a request that begins from one leads to no bundle with the other."""
    first, after = made.trained["score"]
    again: Any = zu.prove(made.dataset, spec_of("score"))
    mixed = zu.ShardedModel(zu.Bundle((again.proof, after.proof)), (again.secret, after.secret))
    honest, other = made.both["score"], zu.evaluate(made.holdout, [mixed])
    assert verdict(other) == "valid" and right_of(other) == right_of(honest)[1:]
    public = [made.dataset.commitment, made.holdout.commitment, first.proof, after.proof, again.proof, honest, other]
    found = zu.verify_chain(public).entries
    verdicts = {entry.digest: entry for entry in found}
    assert verdicts[honest.digest].verdict == "valid"
    told = verdicts[other.digest]
    assert (told.verdict, told.reason) == ("cannot say", "a bundle whose models answer together in it is not here")


def test_trainings_that_are_not_named_or_not_there_are_refused(made: Made) -> None:
    payload = decode(made.both["vote"].to_bytes(), None, 1 << 24)[1]
    named = payload["statement"]["trainings"]
    lies: list[Any] = [
        {**payload, "references": {k: v for k, v in payload["references"].items() if k != "training 2"}},
        {**payload, "references": {**payload["references"], "training 3": payload["references"]["training 2"]}},
        {**payload, "statement": {**payload["statement"], "trainings": named[::-1]}},
        {**payload, "statement": {**payload["statement"], "trainings": named[:1]}},
        {**payload, "statement": {**payload["statement"], "models": payload["statement"]["models"][:1]}},
        {**payload, "statement": {**payload["statement"], "bundles": [{"trainings": [2], "result": {"squares": 1}}]}},
    ]
    for lie in lies:
        file = encode("sharded evaluation", lie)
        with pytest.raises(FormatError):
            zu.ShardedEvaluationProof.from_bytes(file)
        assert verifier.verdict(second.verify_sharded_evaluation, file) == "format"


# What the auditor names ----------------------------------------------------------------------------------------------


def test_the_bundles_that_are_named_are_compared(made: Made, tmp_path: Path) -> None:
    both, own = made.both["probability"], made.holdout.commitment
    bundles = [trained.bundle for trained in made.trained["probability"]]
    assert zu.verify_evaluation(both, own, bundles) >= 100
    for others in (
        bundles[::-1],
        bundles[:1],
        [bundles[0], made.trained["vote"][1].bundle],
        [made.trained["vote"][0].proof],
    ):
        with pytest.raises(StatementMismatch, match="other models"):
            zu.verify_evaluation(both, own, others)
    with pytest.raises(StatementMismatch, match="another hold-out"):
        zu.verify_evaluation(both, made.dataset.commitment, bundles)
    both.save(tmp_path / "both.evaluation")
    assert zu.ShardedEvaluationProof.load(tmp_path / "both.evaluation").statement == both.statement


def test_models_that_were_committed_afresh_are_evaluated_and_need_their_link(made: Made) -> None:
    first = made.trained["vote"][0]
    fresh, link = zu.recommit_model(first.secret, openings=4)
    found = zu.evaluate(made.holdout, zu.ShardedModel(first.bundle, (fresh,)))
    assert verdict(found) == "valid" and found.statement.models == (fresh.commitment,) and fresh.spent == 2
    assert right_of(found) == right_of(made.both["vote"])[:1]
    with pytest.raises(StatementMismatch, match="committed afresh"):
        zu.verify_evaluation(found, made.holdout.commitment, [first.bundle])
    assert zu.verify_evaluation(found, made.holdout.commitment, [first.bundle], [link]) >= 100


def test_a_bundle_is_evaluated_from_its_file(made: Made, tmp_path: Path) -> None:
    made.trained["score"][0].save(tmp_path / "first.bundle")
    found = zu.evaluate(made.holdout, tmp_path / "first.bundle")
    assert isinstance(found.statement, ShardedEvaluationStatement)
    assert right_of(found) == right_of(made.both["score"])[:1]
