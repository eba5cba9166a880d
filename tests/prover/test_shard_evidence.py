"""Evidence on models of shards: what they say together, and what the model of a row's own shard tells by itself."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.models.families import FAMILIES
from zkunlearn.prover.evidence import floats
from zkunlearn.prover.evidence.answers import Answers, Looked
from zkunlearn.prover.evidence.gather import Evidence
from zkunlearn.prover.evidence.setting import NO_SHARD, OTHER_SHARDS, PARTLY
from zkunlearn.prover.evidence.trainers import ShardTrainer
from zkunlearn.prover.evidence.utility import Sample
from zkunlearn.prover.matrices import entropy

ROWS, FEATURES, SHARD, FEW = 124, 14, 16, 8
TOUCHED = (1, 2, 3, 4, 5)  # shards in which somebody is forgotten
EACH = 6
LOGISTIC, PROBIT, POISSON, LINEAR = (FAMILIES[name] for name in ("logistic", "probit", "poisson", "linear"))


def spec(**fields: Any) -> zu.TrainingSpec:
    own = {"shard_rows": SHARD, "epochs": 40, "learning_rate": 4.0, "l2": 0.001, **fields}
    return zu.TrainingSpec(model="logistic", method="sisa", **own)


def committed(rows: int, seed: int) -> Any:
    """Labels that have nothing to do with the features, so that to know a row is to have seen it."""
    rng = np.random.default_rng(seed)
    X, y = rng.uniform(0, 1, (rows, FEATURES)), np.arange(rows) % 2
    names = [f"f{k}" for k in range(FEATURES)]
    ids = [f"{seed} Subject {row}" for row in range(rows)]
    return zu.commit(X, y, ids=ids, names=names, bounds={name: (0.0, 1.0) for name in names})


@dataclass
class Made:
    dataset: Any
    strangers: Any
    before: Any
    after: Any
    found: Evidence
    page: str

    def again(self, **options: Any) -> Evidence:
        found: Evidence = zu.evidence(
            self.dataset, self.before, self.after, self.strangers, **{"retrainings": FEW, **options}
        )
        return found


@pytest.fixture(scope="module")
def made() -> Made:
    """Shards follow from salts: these are the same in each run, as how much a model knows of a row hangs on them."""
    calls = count()

    def random_bytes(size: int) -> np.ndarray:
        return np.frombuffer(bytearray(hashlib.shake_128(f"evidence {next(calls)}".encode()).digest(size)), np.uint8)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entropy, "_random_bytes", random_bytes)
        dataset, strangers = committed(ROWS, 3), committed(120, 4)
        gone = [dataset.ids[SHARD * shard + place] for shard in TOUCHED for place in range(EACH)]
        first: Any = zu.prove(dataset, spec())
        second: Any = zu.prove(dataset, spec(), forget=gone, previous=first)
    found: Any = zu.evidence(dataset, first.model, second.model, strangers, retrainings=FEW)
    return Made(dataset, strangers, first.model, second.model, found, found.to_html())


# What is measured ----------------------------------------------------------------------------------------------------


def test_models_of_all_shards_are_retraining_and_those_without_forgotten_rows_are_kept(made: Made) -> None:
    own, shards = made.found.measured.distances, made.found.measured.shards
    assert shards is not None and own.equal and own.retrained == 0.0 and own.moved > 0
    assert (shards.count, shards.rows, shards.touched, shards.kept) == (8, SHARD, len(TOUCHED), 3)
    assert "every integer of all 8 models of shards is the same" in made.found.findings[0].answer
    assert len(own.to_after) == len(own.others) == FEW and min(own.others) > 0


def test_integers_and_float64_agree_on_shards(made: Made) -> None:
    """Trained again in float64, stage by stage, from zero: apart by what the integers round."""
    own = made.found.measured
    judged = {each.model: each for each in own.utility}
    assert [*judged] == ["before", "after", "float64"]
    assert judged["float64"].live.score == pytest.approx(judged["after"].live.score, abs=1.5 / ROWS)
    assert own.distances.float64 is not None and 0 < own.distances.float64 < 0.01 * own.distances.moved
    assert "<td>the same training in float64</td>" in made.page and "retrained in float64" in made.page


def test_integers_that_are_no_retraining_are_far_from_float64(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a shard in which somebody was forgotten the model from before."""
    integers = made.after.integers.copy()
    integers[TOUCHED[0]] = made.before.integers[TOUCHED[0]]
    monkeypatch.setitem(vars(made.after), "integers", integers)
    found, true = made.again().measured.distances, made.found.measured.distances
    assert found.float64 is not None and true.float64 is not None and found.float64 > 20 * true.float64


def test_shards_that_would_take_long_are_not_trained_in_float64(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floats, "MOST_PRODUCTS", 1000)
    found = made.again()
    assert found.measured.distances.float64 is None
    assert [each.model for each in found.measured.utility] == ["before", "after"]


def test_another_model_in_one_shard_is_told_as_no_retraining(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard from which nobody went, too: all of them are trained again."""
    integers = made.after.integers.copy()
    integers[0, 0, 0] += 1
    monkeypatch.setitem(vars(made.after), "integers", integers)
    found = made.again()
    assert not found.measured.distances.equal and found.findings[0].mark == "care"
    assert found.measured.distances.retrained == pytest.approx(2.0**-made.after.spec.fixed_point.w_bits)


def test_the_model_of_a_shard_knows_its_rows_and_forgets_them(made: Made) -> None:
    measured = made.found.measured
    assert measured.shards is not None
    alone = {(each.model, each.sign): each.attack for each in measured.shards.membership}
    together = {(each.model, each.sign): each.attack for each in measured.membership}
    before, after = alone["before", "loss"], alone["after", "loss"]
    assert before.auc > 0.7 and before.p <= 0.01 and after.auc < before.auc - 0.1
    assert before.auc > together["before", "loss"].auc
    old, new = measured.shards.utility
    assert old.forgotten < new.forgotten and new.live.score > new.holdout.score
    said = {each.topic: each.answer for each in made.found.findings}
    assert said["shards"].startswith("Before: yes")


def test_whoever_holds_the_models_of_both_attacks_the_shard_that_changed(made: Made) -> None:
    """Of one row alone there is one guess, from the one shard that it was in; of several one for each of theirs."""
    own = made.found.measured
    single, *_, twenty = own.batches
    assert (single.batch, single.trials, len(single.cosines[0])) == (1, FEW, FEW)
    assert twenty.batch == 20 and len(twenty.cosines[0]) > 2 * twenty.trials
    assert len(own.own.cosines[0]) == len(TOUCHED) and own.own.batch == EACH * len(TOUCHED)
    assert single.insider.tenth > single.chance.tenth


def test_the_same_seed_gives_the_same_page_of_shards(made: Made) -> None:
    again = made.again()
    assert again.to_html() == made.page and again.to_mapping() == made.found.to_mapping()


def test_shards_trained_by_themselves_are_those_of_the_whole_training(made: Made) -> None:
    statement = made.after.stated
    trainer = ShardTrainer(made.dataset.rows, made.after.spec, statement.dataset.encoding.shape(ROWS), [0])
    live = statement.schedule.live.mask()
    whole = trainer.parts_of(live, trainer.integers(live))
    assert np.array_equal(trainer.integers(live), made.after.integers)
    some = trainer.parts(live, [2, 7])
    assert [*some] == [2, 7] and all(np.array_equal(some[number], whole[number]) for number in some)
    live[:SHARD] = False
    assert [*trainer.parts(live, [0, 3])] == [3]  # a shard of which no row counts has no say


def test_rows_are_set_aside_of_shards_too(made: Made) -> None:
    found: Any = zu.evidence(made.dataset, made.before, made.after, set_aside=0.3, retrainings=FEW)
    assert found.measured.distances.equal and found.measured.about.standing_in
    assert found.measured.shards.kept == 3


# What they say together ----------------------------------------------------------------------------------------------


def test_what_models_say_together_is_what_the_product_says(made: Made) -> None:
    rng = np.random.default_rng(9)
    X = rng.uniform(0, 1, (40, FEATURES))
    encoded = np.hstack([made.after.encoding.encode_features(X) / 2.0**made.after.encoding.x_bits, np.ones((40, 1))])
    schedule = made.after.stated.schedule
    trainer = ShardTrainer(made.dataset.rows, made.after.spec, made.after.encoding.shape(ROWS), [0])
    parts = trainer.parts_of(schedule.live.mask(), made.after.integers)
    said = LOGISTIC.inverse_link(Answers(LOGISTIC, "probability", parts).scores(encoded))
    assert said[:, 0] == pytest.approx(made.after.predict_proba(X)[:, 1], abs=1e-12)
    every = np.stack([encoded @ weights[0] for weights in parts.values()])
    votes = LOGISTIC.inverse_link(Answers(LOGISTIC, "vote", parts).scores(encoded))[:, 0]
    assert votes == pytest.approx(((every > 0).sum(axis=0) + 0.5) / 9)
    assert Answers(LOGISTIC, "score", parts).scores(encoded)[:, 0] == pytest.approx(every.mean(axis=0))


@pytest.mark.parametrize("family", [LOGISTIC, PROBIT, POISSON], ids=lambda family: family.name)
def test_the_score_of_a_mean_predicts_it(family: Any) -> None:
    rng = np.random.default_rng(2)
    parts = {number: rng.normal(size=(1, 3)) for number in range(4)}
    X = rng.normal(size=(30, 3))
    mean = np.mean([family.inverse_link(X @ weights.T) for weights in parts.values()], axis=0)
    assert family.inverse_link(Answers(family, "probability", parts).scores(X)) == pytest.approx(mean, abs=1e-9)


def test_a_mean_of_linear_models_is_the_mean_model_and_certainty_has_a_finite_loss() -> None:
    rng = np.random.default_rng(2)
    parts = {number: rng.normal(size=(1, 3)) for number in range(4)}
    X = rng.normal(size=(30, 3))
    mean = np.mean([*parts.values()], axis=0)
    assert Answers(LINEAR, "probability", parts).scores(X) == pytest.approx(X @ mean.T)
    sure = {number: np.full((1, 1), 1e6) for number in range(2)}
    sample = Sample(np.ones((1, 1)), np.zeros((1, 1)), np.ones(1))
    assert 20 < Looked(sample).losses(Answers(LOGISTIC, "probability", sure))[0] < 40


def test_votes_of_several_classes_are_counted() -> None:
    X = np.eye(2)
    parts = {number: np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]) for number in range(3)}
    scores = Answers(LOGISTIC, "vote", parts).scores(X)
    assert LOGISTIC.inverse_link(scores) == pytest.approx(np.array([[3.5, 0.5, 0.5], [0.5, 3.5, 0.5]]) / 4)


def test_each_row_is_asked_of_its_own_model() -> None:
    parts = {1: np.array([[1.0]]), 4: np.array([[-2.0]])}
    looked = Looked(Sample(np.full((3, 1), 3.0), np.zeros((3, 1)), np.ones(3)), np.array([4, 1, 4]))
    assert looked.scores(Answers(LOGISTIC, "probability", parts))[:, 0].tolist() == [-6.0, 3.0, -6.0]


# The page ------------------------------------------------------------------------------------------------------------


def test_the_page_says_what_is_of_shards(made: Made) -> None:
    text = re.sub(r"\s+", " ", made.page)
    assert (
        "What the models of shards tell by themselves" in text and "of what the models of shards say together" in text
    )
    assert "Rows were forgotten in 5 of them; 3 others have the same model before and after" in text
    assert "An <em>insider</em> has all other rows of the shard, too." in text
    assert made.page.count("<svg") == 4 and "Subject" not in made.page
    ids = re.findall(r'\bid="([^"]+)"', made.page)
    assert len(ids) == len({*ids})


# What is refused -----------------------------------------------------------------------------------------------------


def test_shards_are_compared_with_the_same_shards_only(made: Made) -> None:
    gone = made.dataset.ids[:2]
    other: Any = zu.prove(made.dataset, spec(shard_rows=64, epochs=1), forget=gone)
    alone: Any = zu.prove(made.dataset, zu.TrainingSpec(model="logistic", epochs=1, learning_rate=1.0), forget=gone)
    for after in (other.model, alone.secret):
        with pytest.raises(zu.ParameterError, match=f"before, after: {OTHER_SHARDS}"):
            zu.evidence(made.dataset, made.before, after, made.strangers)
    with pytest.raises(zu.ParameterError, match=re.escape(f"after: {PARTLY}")):
        zu.evidence(made.dataset, made.before, made.after.models[-1], made.strangers)
    with pytest.raises(zu.ParameterError, match="nothing was forgotten between them"):
        zu.evidence(made.dataset, made.after, made.before, made.strangers)
    with pytest.raises(zu.ParameterError, match="the specs hold no rows out"):
        zu.evidence(made.dataset, made.before, made.after)


def test_a_shard_that_is_gone_leaves_nothing_to_compare(made: Made) -> None:
    last = made.dataset.ids[ROWS // SHARD * SHARD :]
    after: Any = zu.prove(made.dataset, spec(), forget=last)
    with pytest.raises(zu.ParameterError, match=f"before, after: {NO_SHARD}"):
        zu.evidence(made.dataset, made.before, after.model, made.strangers)
