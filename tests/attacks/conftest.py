"""One honest proof of each relation, shared by all attacks."""

from __future__ import annotations

from itertools import count
from zlib import crc32

import pytest
from zkunlearn.errors import InvalidProof


@pytest.fixture(scope="session")
def declared():
    from .harness import declare

    return declare()


@pytest.fixture(scope="session")
def data():
    from .harness import people

    return people()


@pytest.fixture(scope="session")
def honest(declared, data):
    """A true proof about a training run; its prover still holds all secrets."""
    from .harness import columns_of, descend, prove

    return prove(declared.shape, columns_of(declared, data, descend(declared, data)))


@pytest.fixture(scope="session")
def honest_standardized(data):
    """The same on standardised features."""
    from .harness import columns_of, declare, descend, prove

    own = declare(standardize=True, learning_rate=1.0, l2=0.1)
    return prove(own.shape, columns_of(own, data, descend(own, data)))


@pytest.fixture(scope="session")
def honest_classes():
    """A true proof about an output for each of three classes, whose rows count differently."""
    from .harness import CATEGORICAL, classed, columns_of, declare, descend_all, prove

    own, data = declare(shape=CATEGORICAL, class_weight={"a": 1, "b": 7, "c": 3}), classed()
    return prove(own.shape, columns_of(own, data, *descend_all(own, data)))


@pytest.fixture(scope="session")
def honest_one_class():
    """A true proof that each row is of one class."""
    from .harness import CLASSES, classed, prove, validity_columns, validity_shape

    shape = validity_shape("categorical", outputs=len(CLASSES))
    return prove(shape, validity_columns(shape, classed()))


@pytest.fixture(scope="session")
def honest_keys(data):
    """A true proof that no two rows have the same key."""
    from .harness import prove, validity_shape
    from .keyed import KEYS, keyed_columns

    shape = validity_shape(key_limbs=6)
    return prove(shape, keyed_columns(shape, data, KEYS))


@pytest.fixture(scope="session")
def honest_registration(data):
    """A true proof that fingerprints are those of rows, which has no witness."""
    from .harness import data_columns, prove
    from .registrations import shape_over

    columns = data_columns(data)
    return prove(shape_over(columns), columns)


@pytest.fixture(scope="session")
def honest_growth():
    """A true proof that a data set goes on with the rows of another one, which has no witness."""
    from .growths import growth_columns, growth_shape
    from .harness import prove

    return prove(growth_shape(), growth_columns())


@pytest.fixture(scope="session")
def honest_evaluation():
    """A true proof how well two models of two classes predict rows."""
    from .evaluations import columns_of, shape_of
    from .harness import prove

    return prove(shape_of(), columns_of())


@pytest.fixture(scope="session")
def honest_opinions():
    """How well models of shards predict two classes by vote, and by probability."""
    from .harness import prove
    from .shard_evaluations import opinions

    return prove(opinions().shape(), opinions().columns_of())


@pytest.fixture(scope="session")
def honest_shard_classes():
    """The same of several classes, by mean score and by probability."""
    from .harness import prove
    from .shard_evaluations import classes

    return prove(classes().shape(), classes().columns_of())


@pytest.fixture(scope="session")
def honest_shard_losses():
    """At which log-loss models of shards predict two classes by the mean of probabilities."""
    from .harness import prove
    from .shard_losses import losses

    return prove(losses().shape(), losses().columns_of())


@pytest.fixture(scope="session")
def honest_shard_class_losses():
    """The same of several classes."""
    from .harness import prove
    from .shard_losses import class_losses

    return prove(class_losses().shape(), class_losses().columns_of())


@pytest.fixture(scope="session")
def honest_shard_counts():
    """How far the mean of what shards expect is from counts."""
    from .harness import prove
    from .shard_counts import counts

    return prove(counts().shape(), counts().columns_of())


@pytest.fixture(scope="session")
def honest_means():
    """How far the mean of models of numbers is from these."""
    from .harness import prove
    from .shard_evaluations import means

    return prove(means().shape(), means().columns_of())


@pytest.fixture(scope="session")
def honest_prediction():
    """A true proof of the classes that a model of one output says."""
    from .harness import prove
    from .predictions import CLASS, columns_of, relation, shape_of

    return prove(shape_of(relation(CLASS)), columns_of(relation(CLASS)))


@pytest.fixture(scope="session")
def honest_probability():
    """A true proof of what a table says for each of several outputs."""
    from .harness import prove
    from .predictions import OUTPUTS, PROBABILITY, columns_of, relation, shape_of

    own = relation(PROBABILITY, OUTPUTS)
    return prove(shape_of(own), columns_of(own))


@pytest.fixture(scope="session")
def honest_argmax():
    """The same of models of several classes."""
    from .evaluations import several
    from .harness import prove

    return prove(several().shape(), several().columns_of())


@pytest.fixture(scope="session")
def honest_class_losses():
    """And at which log-loss."""
    from .class_losses import class_losses
    from .harness import prove

    return prove(class_losses().shape(), class_losses().columns_of())


@pytest.fixture(scope="session")
def honest_residuals():
    """How far models of numbers are from these."""
    from .evaluations import numbers
    from .harness import prove

    return prove(numbers().shape(), numbers().columns_of())


@pytest.fixture(scope="session")
def honest_counts():
    """How far counts that models expect are from those that there are."""
    from .evaluations import counts
    from .harness import prove

    return prove(counts().shape(), counts().columns_of())


@pytest.fixture(scope="session")
def honest_extension(data):
    """The same of rows after the first ones, in two segments."""
    from .harness import data_columns, prove
    from .registrations import shape_over

    columns = data_columns(data)
    return prove(shape_over(columns, stops=(4, 9)), columns)


@pytest.fixture(scope="session")
def honest_one_pass():
    """A true proof about a one-pass training, on standardised features, which has all steps there are."""
    from .harness import prove
    from .one_pass_runs import declare_one_pass, solved, told, values

    own = declare_one_pass(standardize=True)
    return prove(own.shape, told(own, values(), solved(own, values())))


@pytest.fixture(scope="session")
def honest_optimum():
    """A true proof about a certified optimum."""
    from .harness import prove
    from .optimum_runs import declare_optimum, found, told, values

    own = declare_optimum()
    return prove(own.shape, told(own, values(), found(values(), own.schedule)))


@pytest.fixture(scope="session")
def honest_optimum_classes():
    """The same of three classes."""
    from .harness import CLASSES, classed, prove
    from .optimum_runs import declare_optimum, found, told

    own = declare_optimum(classes=CLASSES)
    return prove(own.shape, told(own, classed(), found(classed(), own.schedule)))


@pytest.fixture(scope="session")
def honest_linear_optimum():
    """A true proof about a linear model's."""
    from .harness import prove
    from .linear_optimum_runs import declare_linear, honest, values

    own = declare_linear()
    return prove(own.shape, honest(own, values()))


@pytest.fixture(scope="session")
def honest_distance():
    """A true proof how near its optimum a model is, whose intercept is not penalised."""
    from .distance_runs import declare_distance, told
    from .harness import prove

    said = declare_distance()
    return prove(said.own.shape, told(said))


@pytest.fixture(scope="session")
def honest_linear_distance():
    """The same of a linear model."""
    from .harness import prove
    from .linear_distance_runs import declare_linear_distance, told

    said = declare_linear_distance()
    return prove(said.own.shape, told(said))


@pytest.fixture(scope="session")
def honest_count_distance():
    """The same of a model of counts."""
    from .distance_runs import declare_counts, told, visits
    from .harness import prove

    said = declare_counts()
    return prove(said.own.shape, told(said, visits()))


@pytest.fixture(scope="session")
def honest_distances():
    """The same of several classes, in one proof."""
    from .distances_runs import declare_classes, told
    from .harness import prove

    said = declare_classes()
    return prove(said.own.shape, told(said))


@pytest.fixture(scope="session")
def honest_newton():
    """A true proof about two of Newton's steps, from a model of an earlier statement."""
    from .harness import prove
    from .newton_runs import declare_newton, stepped, told, values

    own = declare_newton()
    return prove(own.shape, told(own, values(), stepped(own, values())))


@pytest.fixture(scope="session")
def honest_newton_classes():
    """One step of three classes, likewise."""
    from .harness import CLASSES, classed, prove
    from .newton_runs import declare_newton, stepped, told

    own = declare_newton(classes=CLASSES, steps=1)
    return prove(own.shape, told(own, classed(), stepped(own, classed())))


@pytest.fixture(scope="session")
def honest_inverses():
    """Likewise by inverses."""
    from .harness import classed, prove
    from .newton_runs import declare_inverses, stepped, told

    own = declare_inverses()
    return prove(own.shape, told(own, classed(), stepped(own, classed())))


@pytest.fixture(scope="session")
def honest_inverse():
    """The same of one step, by a matrix that is the inverse of the second derivative."""
    from .harness import prove
    from .newton_runs import declare_inverse, stepped, told, values

    own = declare_inverse(steps=1)
    return prove(own.shape, told(own, values(), stepped(own, values())))


@pytest.fixture(scope="session")
def honest_noisy():
    """A true proof about a noisy optimum, of which a matrix of its own was committed before."""
    from .harness import prove
    from .noisy_runs import declare_noisy, found, told
    from .optimum_runs import values

    own = declare_noisy()
    return prove(own.shape, told(own, values(), found(values(), own.schedule)))


@pytest.fixture(scope="session")
def honest_noisy_classes():
    """The same of three classes."""
    from .harness import CLASSES, classed, prove
    from .noisy_runs import declare_noisy, found, told

    own = declare_noisy(classes=CLASSES)
    return prove(own.shape, told(own, classed(), found(classed(), own.schedule)))


@pytest.fixture(scope="session")
def honest_noisy_newton():
    """A true proof about one of Newton's steps to a model with noise, from one whose intercept has finer units."""
    from .harness import prove
    from .noisy_newton_runs import declare_noisy_newton, found, told
    from .optimum_runs import values
    from .test_lying_noisy_newton import FINE, FINE_MODEL

    own = declare_noisy_newton(steps=1, start=FINE)
    return prove(own.shape, told(own, values(), found(own, values(), model=FINE_MODEL), FINE_MODEL))


@pytest.fixture(scope="session")
def honest_sisa():
    """A true proof about the last stage of two shards, which begins from the models of an earlier statement."""
    from zkunlearn.models.shards import Run

    from .harness import prove
    from .sisa_runs import declare_sisa, told, trained, values

    before = trained(declare_sisa(), values())
    own = declare_sisa((1, 6, 12), runs=(Run(0, 2, 2, 0),), starts=((Run(0, 3),),))
    return prove(own.shape, told(own, values(), trained(own, values(), [before]), [before]))


@pytest.fixture(scope="session")
def honest_stages():
    """The same on standardised features."""
    from zkunlearn.models.shards import Run

    from .harness import prove
    from .sisa_runs import declare_standardized, told, trained, values

    before = trained(declare_standardized(), values())
    own = declare_standardized((1, 6, 12), runs=(Run(0, 2, 2, 0),), starts=((Run(0, 3),),))
    return prove(own.shape, told(own, values(), trained(own, values(), [before]), [before]))


@pytest.fixture(scope="session")
def honest_batches():
    """The same on standardised features, by mini-batches, of which there are three on an axis of four."""
    from zkunlearn.models.shards import Run

    from .harness import prove
    from .sisa_runs import declare_standardized, told, trained, values

    before = trained(declare_standardized(slices=3, batch_size=2), values())
    runs, starts = (Run(0, 2, 2, 0),), ((Run(0, 3),),)
    own = declare_standardized((1, 6, 12), runs=runs, starts=starts, slices=3, batch_size=2)
    return prove(own.shape, told(own, values(), trained(own, values(), [before]), [before]))


@pytest.fixture(scope="session")
def honest_model_link():
    """A true proof that the models of all stages of three shards were committed afresh."""
    from .harness import prove
    from .sisa_runs import declare_sisa, linked_columns, linked_shape, told, trained, values

    own = declare_sisa()
    shape = linked_shape(own)
    return prove(shape, linked_columns(told(own, values(), trained(own, values()))))


@pytest.fixture(scope="session")
def honest_validity(data):
    """A true proof that a data set is valid."""
    from .harness import prove, validity_columns, validity_shape

    shape = validity_shape()
    return prove(shape, validity_columns(shape, data))


@pytest.fixture(scope="session")
def honest_alone(data):
    """The same, with the witness in a group of its own."""
    from zkunlearn.verifier.protocol.proof import ProofShape

    from .harness import prove, validity_columns, validity_shape

    shape = validity_shape(shape=ProofShape)
    assert [group.committed == () for group in shape.groups] == [False, True]
    return prove(shape, validity_columns(shape, data))


EVERY = 4  # attack of which the second verifier repeats a verdict, where it is not asked for more


@pytest.fixture(autouse=True)
def second_verifier(request, monkeypatch):
    """The first verdict of a test is that of the second verifier, too."""
    from ..second_opinion import copied, second_verdict
    from . import harness

    first, asked = harness.Outcome.check, count()
    most = request.config.getoption("--second-opinions")
    if most == 1 and crc32(request.node.nodeid.encode()) % EVERY:
        most = 0  # in every run the same ones are asked, of each kind of attack some

    def check(outcome, with_transcript=None, proof=None):
        repeated = next(asked) < most
        other = copied(with_transcript or harness.transcript()) if repeated else None
        verdict = "valid"
        try:
            first(outcome, with_transcript, proof)
        except InvalidProof as error:
            verdict = error.check
            raise
        finally:
            if repeated:
                assert second_verdict(outcome.shape, other, outcome.roots, proof or outcome.proof) == verdict

    monkeypatch.setattr(harness.Outcome, "check", check)
