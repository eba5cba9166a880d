"""Write the frozen files of the versions at hand: pytest tests/vectors/frozen/regenerate.py. Others are left alone.

Before a release a change of the format writes them over. Afterwards it needs a new version, and so writes new files.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import zkunlearn as zu
from zkunlearn.circuits.statements.base import STATEMENTS
from zkunlearn.circuits.statements.noise import NOISE_KIND
from zkunlearn.formats.container import KINDS
from zkunlearn.verifier.proofs import Proof
from zkunlearn.verifier.receipts import RECEIPT_KIND

SPEC = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=(0.5, 0.25), batch_size=4, l2=0.01)
STANDARDIZED = zu.TrainingSpec(
    model="logistic", epochs=2, learning_rate=1.0, l2=0.5, momentum="increasing", standardize=True,
    class_weight={"0": 2, "1": 1},
)  # fmt: skip
ONE_PASS = zu.TrainingSpec(
    model="linear", method="one-pass", epochs=3, learning_rate=0.5, momentum=0.5, l2=0.25, standardize=True
)
OPTIMUM = zu.TrainingSpec(model="logistic", method="optimum", l2=0.25, distances=(500, 100), grid=22)
NUMBERS = zu.TrainingSpec(
    model="linear", method="one-pass", epochs=3, learning_rate=0.5, l2=0.25, penalize_intercept=True
)
COUNTS = zu.TrainingSpec(model="poisson", epochs=8, learning_rate=0.25, l2=0.25)
OPTIMA = zu.TrainingSpec(model="logistic", method="optimum", l2=0.25)
RIDGE = zu.TrainingSpec(model="linear", method="optimum", l2=0.25)
NEWTON = zu.TrainingSpec(model="logistic", method="newton", l2=0.25, steps=2)
INVERSE = zu.TrainingSpec(model="logistic", method="newton", l2=0.25, steps=4, inverse=12)
NOISY_NEWTON = zu.TrainingSpec(model="logistic", method="newton", l2=0.25, steps=2, epsilon=1.0, delta=1e-5)
NOISY = zu.TrainingSpec(model="logistic", method="noisy", l2=0.25)
CLASSES = zu.TrainingSpec(
    model="logistic", epochs=2, learning_rate=0.5, l2=0.25, without=["x2"], class_weight={"a": 1, "b": 2, "c": 3}
)
SHARDS = zu.TrainingSpec(
    model="logistic", method="sisa", shard_rows=4, slices=2, epochs=2, learning_rate=0.5, momentum=0.5, l2=0.25
)
SCALED_SHARDS = zu.TrainingSpec(
    model="logistic", method="sisa", shard_rows=4, slices=2, epochs=2, learning_rate=0.5, momentum=0.5, l2=0.25,
    standardize=True,
)  # fmt: skip

BATCHES = zu.TrainingSpec(
    model="logistic", method="sisa", shard_rows=8, slices=3, epochs=2, batch_size=2, learning_rate=0.25, momentum=0.5,
    l2=0.25, standardize=True,
)  # fmt: skip


def test_write_the_frozen_files() -> None:
    features = np.random.default_rng(1).normal(size=(11, 2))
    data = zu.commit(features, np.arange(11) % 2, bounds={"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}, openings=8)
    training = zu.prove(data, SPEC).proof
    unlearning = zu.prove(data, SPEC, forget=["2", "7"], previous=training).proof
    standardized = zu.prove(data, STANDARDIZED, forget=["3"]).proof
    one_pass = zu.prove(data, ONE_PASS, forget=["3"]).proof
    optimum = zu.prove(data, OPTIMUM, forget=["3", "8"]).proof
    noise = zu.commit_noise(data, NOISY, "whoever freezes it", forget=["3", "8"])
    noisy = zu.prove(data, NOISY, forget=["3", "8"], noise=noise, nonce=bytes(range(32))).proof
    _, link = zu.recommit(data, openings=2)
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    several = zu.commit(features, np.array(list("abcabcabcab")), bounds=bounds, openings=5)
    classes = zu.prove(several, CLASSES, forget_classes=["b"]).proof
    write("dataset", data.commitment)
    write("training", training)
    write("training", unlearning, "unlearning.")
    write("training", standardized, "standardized.")
    write("training", one_pass, "one_pass.")
    write("training", optimum, "optimum.")
    write("training", noisy, "noisy.")
    noise.commitment.save(Path(__file__).parent / f"{NOISE_KIND}.v{KINDS[NOISE_KIND]}.noise")
    write("dataset", several.commitment, "classes.")
    write("training", classes, "classes.")
    write("link", link)


def test_write_the_frozen_registration() -> None:
    """With a receipt of somebody in it; and one of rows that were added, which goes on from it."""
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    features = np.random.default_rng(3).normal(size=(11, 2))
    data = zu.commit(features, np.arange(11) % 2, bounds=bounds, openings=3)
    registration = zu.register(data)
    grown, link = zu.append(data, features[:3], [1, 0, 1], openings=3)
    write("dataset", data.commitment, "registered.")
    write("registration", registration)
    write("dataset", grown.commitment, "extended.")
    write("link", link, "extended.")
    write("registration", zu.register(grown, registration), "extended.")
    receipt = zu.receipts(data).of(data.ids[7])
    receipt.save(Path(__file__).parent / f"{RECEIPT_KIND}.v{KINDS[RECEIPT_KIND]}.receipt")


def test_write_the_frozen_keys() -> None:
    """Of a data set whose rows have them, and of a row that was added."""
    features = np.random.default_rng(6).uniform(-4, 4, size=(12, 2))
    mails = [f"{n}@example.org" for n in range(12)]
    keys: dict[str, list[str | int]] = {"no": [*range(100, 112)], "mail": [*mails]}
    first = {name: values[:11] for name, values in keys.items()}
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    data = zu.commit(features[:11], np.arange(11) % 2, bounds=bounds, openings=2, unique=first)
    last = {name: values[11:] for name, values in keys.items()}
    _, link = zu.append(data, features[11:], [1], unique=last, openings=2)
    write("dataset", data.commitment, "keys.")
    write("link", link, "keys.")


def test_write_the_frozen_sources() -> None:
    """Of a data set with categories, times and missing numbers, of which there are features and a receipt."""
    bounds = {
        "age": {"low": 0, "high": 120, "missing": 60},
        "city": {"categories": ["NY", "LA", "else"], "reference": "LA", "other": "else", "missing": "NY"},
        "since": {"low": date(2000, 1, 1), "high": date(2030, 1, 1), "format": "%d.%m.%Y", "clip": True},
        "seen": (datetime(2000, 1, 1, 12), datetime(2030, 1, 1)),
    }
    rows = np.random.default_rng(8).uniform(size=(11, 5)) * [120, 1, 1, 10957, 10957]
    rows[:, 1:3] = [[1, 0], [0, 1], [0, 0]] * 3 + [[1, 0], [0, 1]]
    names = ["age", "city=NY", "city=else", "since", "seen"]
    write("dataset", zu.commit(rows, np.arange(11) % 2, names=names, bounds=bounds, openings=2).commitment, "sources.")


def test_write_the_frozen_link_of_a_data_set_that_grew() -> None:
    """Over two links, the second of which names a row that was put right; a training before them, and one after.

    And the link by which a row is destroyed that this forgets.
    """
    features, more = (np.random.default_rng(seed).uniform(-4, 4, size=(rows, 2)) for seed, rows in ((4, 11), (5, 7)))
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    data = zu.commit(features, np.arange(11) % 2, bounds=bounds, openings=3)
    before = zu.prove(data, SPEC, forget=["3"]).proof
    longer, first = zu.append(data, more[:6], np.arange(6) % 2, nonce=bytes(range(32)), openings=3)
    last, second = zu.rectify(longer, more[6:], [1], ids=["5"], openings=4)
    write("training", before, "before.grown.")
    write("link", first, "first.grown.")
    write("link", second, "grown.")
    write("dataset", last.commitment, "grown.")
    after = zu.prove(last, SPEC, forget=["12"], previous=before).proof
    write("training", after, "grown.")
    write("link", zu.destroy(last, ["12"], forgotten_by=after, openings=3)[1], "destroyed.grown.")


def test_write_the_frozen_linear_optimum() -> None:
    """A ridge regression without some rows, certified."""
    features = np.random.default_rng(7).uniform(-4, 4, size=(11, 2))
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0), "label": (-8.0, 8.0)}
    data = zu.commit(features, features.sum(axis=1), bounds=bounds, openings=3)
    write("training", zu.prove(data, RIDGE, forget=["3", "8"]).proof, "ridge.")


def test_write_the_frozen_optima() -> None:
    """Of four classes, one of which is forgotten with a row of another."""
    features = np.random.default_rng(9).uniform(-4, 4, size=(17, 2))
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    data = zu.commit(features, np.array([*"abcd"])[np.arange(17) % 4], bounds=bounds, openings=3)
    write("training", zu.prove(data, OPTIMA, forget=["3"], forget_classes=["b"]).proof, "optima.")


def test_write_the_frozen_noise_of_classes() -> None:
    """Of four classes, one of which is forgotten with a row of another."""
    features = np.random.default_rng(10).uniform(-4, 4, size=(17, 2))
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    data = zu.commit(features, np.array([*"abcd"])[np.arange(17) % 4], bounds=bounds, openings=3)
    gone: Any = {"forget": ["3"], "forget_classes": ["b"]}
    noise = zu.commit_noise(data, NOISY, "whoever freezes it", **gone)
    write("training", zu.prove(data, NOISY, noise=noise, nonce=bytes(range(32)), **gone).proof, "noisy_classes.")
    noise.commitment.save(Path(__file__).parent / f"{NOISE_KIND}.v{KINDS[NOISE_KIND]}.classes.noise")


def test_write_the_frozen_steps_of_classes() -> None:
    """From a model by gradient descent."""
    features = np.random.default_rng(11).uniform(-4, 4, size=(13, 2))
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    data = zu.commit(features, np.array([*"abc"])[np.arange(13) % 3], bounds=bounds, openings=6)
    first = zu.prove(data, zu.TrainingSpec(model="logistic", epochs=2, learning_rate=0.5))
    write("training", zu.prove(data, NEWTON, forget=["3"], previous=first).proof, "newton_classes.")
    before = zu.prove(data, zu.TrainingSpec(model="logistic", method="optimum", l2=0.5))
    inverses = zu.TrainingSpec(model="logistic", method="newton", l2=0.5, steps=8, inverse=12)
    write("training", zu.prove(data, inverses, forget=["3"], previous=before).proof, "inverse_classes.")


def write(kind: str, proof: Proof, variant: str = "") -> None:
    proof.save(Path(__file__).parent / f"{kind}.v{STATEMENTS[kind].version}.{variant}proof")


def test_write_the_frozen_files_of_shards() -> None:
    """A first training of all shards, and a request that begins from its models."""
    features = np.random.default_rng(2).normal(size=(11, 2))
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    data = zu.commit(features, np.arange(11) % 2, bounds=bounds, openings=5)
    first = zu.prove(data, SHARDS)
    request = zu.prove(data, SHARDS, forget=[data.rows.ids[7]], previous=first)
    write("dataset", data.commitment, "shards.")
    write("training", first.proof, "shards.")
    write("training", request.proof, "request.shards.")
    begun = zu.prove(data, SCALED_SHARDS)
    scaled = zu.prove(data, SCALED_SHARDS, forget=[data.rows.ids[7]], previous=begun)
    write("training", scaled.proof, "standardized.request.shards.")


def test_write_the_frozen_files_of_batches_of_shards() -> None:
    """A request, of three batches a shard in its first stage, and of four."""
    features = np.random.default_rng(6).normal(size=(21, 2))
    data = zu.commit(features, np.arange(21) % 2, bounds={"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}, openings=3)
    first = zu.prove(data, BATCHES)
    request = zu.prove(data, BATCHES, forget=[data.rows.ids[5], data.rows.ids[20]], previous=first)
    write("dataset", data.commitment, "batches.")
    write("training", request.proof, "request.batches.")


def test_write_the_frozen_link_of_a_model() -> None:
    """The models of all stages of all shards, committed afresh."""
    features = np.random.default_rng(3).normal(size=(11, 2))
    data = zu.commit(features, np.arange(11) % 2, bounds={"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}, openings=3)
    write("model link", zu.recommit_model(zu.prove(data, SHARDS, model_openings=2).secret, openings=3)[1])


def test_write_the_frozen_predictions() -> None:
    """Classes by a model of one output, and probabilities by one of several that was committed afresh."""
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    features = np.random.default_rng(7).uniform(-4, 4, size=(11, 2))
    data = zu.commit(features, np.arange(11) % 2, bounds=bounds, openings=2)
    write("prediction", zu.prove_predictions(zu.prove(data, STANDARDIZED, model_openings=2).secret, features[:5]))
    several = zu.commit(features, np.array([*"abc"])[np.arange(11) % 3], bounds=bounds, openings=2)
    afresh, _ = zu.recommit_model(zu.prove(several, SPEC, model_openings=2).secret)
    write("prediction", zu.prove_predictions(afresh, features[:3], "probability"), "probability.")


def test_write_the_frozen_evaluation() -> None:
    """Of two models, one of which is on standardised features, with confusion; of one on rows that its training
    holds out; of several classes, one of which was forgotten; and of numbers."""
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    features = np.random.default_rng(4).uniform(-4, 4, size=(112, 2))
    data = zu.commit(features[:11], np.arange(11) % 2, bounds=bounds, openings=3)
    holdout = zu.commit(features[11:], (features[11:, 0] > 0).astype(int), bounds=bounds, openings=4)
    first = zu.prove(data, SPEC)
    after = zu.prove(data, STANDARDIZED, forget=["3"], previous=first)
    write("evaluation", zu.evaluate(holdout, [first.secret, after.secret], confusion=True))
    held_out = zu.TrainingSpec(model="probit", epochs=2, learning_rate=0.5, l2=0.25, holdout=101)
    whole = zu.commit(features, (features[:, 0] > 0).astype(int), bounds=bounds, openings=4)
    within = zu.prove(whole, held_out, forget=["108"])
    write("training", within.proof, "held_out.")
    write("evaluation", zu.evaluate(whole, within.secret), "within.")
    classes = np.array(list("abc"))[np.digitize(features[:, 0], [-1, 1])]
    parts = (slice(11), slice(11, None))
    data, holdout = (zu.commit(features[part], classes[part], bounds=bounds, openings=3) for part in parts)
    told = zu.evaluate(holdout, zu.prove(data, SPEC, forget_classes=["b"]).secret, confusion=True)
    write("evaluation", told, "classes.")
    ranges = {**bounds, "label": (-9.0, 9.0)}
    data, holdout = (
        zu.commit(features[part], features[part] @ [1.5, -0.5], bounds=ranges, openings=3) for part in parts
    )
    linear = zu.TrainingSpec(model="linear", epochs=3, learning_rate=0.5)
    write("evaluation", zu.evaluate(holdout, zu.prove(data, linear).secret), "numbers.")


def test_write_the_frozen_evaluation_of_a_probit_model() -> None:
    """Of one model, with its log-loss."""
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    features = np.random.default_rng(5).uniform(-4, 4, size=(112, 2))
    labels = (features[:, 0] > 0).astype(int)
    data, holdout = (
        zu.commit(features[part], labels[part], bounds=bounds, openings=2) for part in (slice(11), slice(11, None))
    )
    probit = zu.TrainingSpec(model="probit", epochs=2, learning_rate=0.5)
    write("evaluation", zu.evaluate(holdout, zu.prove(data, probit).secret), "probit.")


def test_write_the_frozen_evaluation_of_losses() -> None:
    """Of several classes, with log-losses: of a logistic model and of a probit one."""
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    features = np.random.default_rng(6).uniform(-4, 4, size=(112, 2))
    classes = np.array(list("abc"))[np.digitize(features[:, 0], [-1, 1])]
    data, holdout = (
        zu.commit(features[part], classes[part], bounds=bounds, openings=3) for part in (slice(11), slice(11, None))
    )
    specs = (zu.TrainingSpec(model=model, epochs=2, learning_rate=0.5) for model in ("logistic", "probit"))
    models = [zu.prove(data, spec, fork=True).secret for spec in specs]
    write("evaluation", zu.evaluate(holdout, models), "losses.")


def test_write_the_frozen_evaluation_of_counts() -> None:
    """RMSE, R^2 and deviance before and after a row was forgotten."""
    features = np.random.default_rng(6).uniform(-4, 4, size=(120, 2))
    labels = np.random.default_rng(6).poisson(np.exp(features[:, 0] / 4))
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    data, holdout = (
        zu.commit(features[part], labels[part], bounds=bounds, label_kind="count", openings=4)
        for part in (slice(16), slice(16, None))
    )
    first = zu.prove(data, COUNTS)
    after = zu.prove(data, COUNTS, forget=["3"], previous=first)
    write("evaluation", zu.evaluate(holdout, [first.secret, after.secret]), "counts.")


def test_write_the_frozen_sharded_evaluation() -> None:
    """Of a bundle by vote, of two commitments, in which a shard has no row left; and of one by probability."""
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    features = np.random.default_rng(8).uniform(-4, 4, size=(119, 2))
    parts = (slice(18), slice(18, None))
    labels = (features[:, 0] > 0).astype(int)
    data, holdout = (zu.commit(features[part], labels[part], bounds=bounds, openings=8) for part in parts)
    specs = [
        zu.TrainingSpec(
            model="logistic", method="sisa", shard_rows=8, slices=2, epochs=2, learning_rate=0.5, aggregate=aggregate
        )
        for aggregate in ("vote", "probability")
    ]
    first, other = (zu.prove(data, spec) for spec in specs)
    last = [data.rows.ids[position] for position in (3, 16, 17)]
    after: Any = zu.prove(data, specs[0], forget=last, previous=first)
    models: Any = [after.model, other.model]
    write("sharded evaluation", zu.evaluate(holdout, models, confusion=True))


def test_write_the_frozen_sharded_evaluation_of_losses() -> None:
    """Of a bundle of three shards, by the mean of their scores."""
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    features = np.random.default_rng(9).uniform(-4, 4, size=(119, 2))
    parts, labels = (slice(18), slice(18, None)), (features[:, 0] > 0).astype(int)
    data, holdout = (zu.commit(features[part], labels[part], bounds=bounds, openings=4) for part in parts)
    choices: dict[str, Any] = {"shard_rows": 8, "epochs": 2, "learning_rate": 0.5, "aggregate": "score"}
    trained: Any = zu.prove(data, zu.TrainingSpec(model="probit", method="sisa", **choices))
    write("sharded evaluation", zu.evaluate(holdout, trained.model), "losses.")


def test_write_the_frozen_sharded_evaluation_of_probabilities() -> None:
    """Losses of the mean of probabilities, before and after a request: of two classes, and of three."""
    features = np.random.default_rng(10).uniform(-4, 4, size=(119, 2))
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    named = {"probabilities.": np.array(["no", "yes"]), "class_probabilities.": np.array(["a", "b", "c"])}
    for name, classes in named.items():
        labels = classes[np.digitize(features[:, 0], [-1.0, 2.0][: len(classes) - 1])]
        parts = slice(18), slice(18, None)
        data, holdout = (zu.commit(features[part], labels[part], bounds=bounds, openings=6) for part in parts)
        choices: dict[str, Any] = {"shard_rows": 8, "epochs": 2, "learning_rate": 0.5}
        first: Any = zu.prove(data, zu.TrainingSpec(model="logistic", method="sisa", **choices))
        models = [first.model]
        if len(classes) == 2:
            after: Any = zu.prove(data, first.proof.statement.spec, forget=[data.rows.ids[3]], previous=first)
            models.append(after.model)
        write("sharded evaluation", zu.evaluate(holdout, models), name)


def test_write_the_frozen_sharded_evaluation_of_counts() -> None:
    """Of three shards, with the deviance."""
    features = np.random.default_rng(11).uniform(-4, 4, size=(119, 2))
    labels = np.random.default_rng(11).poisson(np.exp(features[:, 0] / 4))
    parts, bounds = (slice(18), slice(18, None)), {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    data, holdout = (
        zu.commit(features[part], labels[part], bounds=bounds, label_kind="count", openings=4) for part in parts
    )
    choices: dict[str, Any] = {"shard_rows": 8, "epochs": 2, "learning_rate": 0.1}
    trained: Any = zu.prove(data, zu.TrainingSpec(model="poisson", method="sisa", **choices))
    write("sharded evaluation", zu.evaluate(holdout, trained.model), "counts.")


def test_write_the_frozen_distance() -> None:
    """Of a model whose intercept is not penalised."""
    features = np.random.default_rng(7).uniform(-4, 4, size=(11, 2))
    data = zu.commit(features, np.arange(11) % 2, bounds={"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}, openings=4)
    write("distance", zu.prove_distance(data, zu.prove(data, SPEC, forget=["3"]).secret))


def test_write_the_frozen_distance_of_a_linear_model() -> None:
    """In one pass over the rows, whose intercept is penalised, and no multiple of 2^x_bits."""
    features = np.random.default_rng(7).uniform(-4, 4, size=(11, 2))
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0), "label": (-8.0, 8.0)}
    data = zu.commit(features, features @ [0.5, -1.0], bounds=bounds, openings=4)
    write("distance", zu.prove_distance(data, zu.prove(data, NUMBERS, forget=["3"]).secret), "linear.")


def test_write_the_frozen_distance_of_counts() -> None:
    """Of a Poisson model whose intercept is not penalised."""
    features = np.random.default_rng(7).uniform(-4, 4, size=(11, 2))
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    data = zu.commit(features, np.arange(11) % 4, bounds=bounds, label_kind="count", openings=4)
    write("distance", zu.prove_distance(data, zu.prove(data, COUNTS, forget=["3"]).secret), "counts.")


def test_write_the_frozen_distances_of_shards() -> None:
    """Each model has numbers of its own; the last shard has fewer rows, and one is forgotten."""
    features = np.random.default_rng(7).uniform(-4, 4, size=(11, 2))
    bounds = {"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}
    data = zu.commit(features, np.arange(11) % 2, bounds=bounds, openings=4)
    write("distance", zu.prove_distance(data, zu.prove(data, SHARDS, forget=[data.rows.ids[9]]).secret), "shards.")


def test_write_the_frozen_steps() -> None:
    """From the model of a statement that is superseded."""
    features = np.random.default_rng(7).normal(size=(11, 2))
    data = zu.commit(features, np.arange(11) % 2, bounds={"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}, openings=3)
    first = zu.prove(data, SPEC)
    write("training", zu.prove(data, NEWTON, forget=["3"], previous=first).proof, "newton.")


def test_write_the_frozen_steps_by_an_inverse() -> None:
    """From a certified optimum."""
    features = np.random.default_rng(8).uniform(-4, 4, size=(40, 2))
    data = zu.commit(features, np.arange(40) % 2, bounds={"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}, openings=3)
    first = zu.prove(data, zu.TrainingSpec(model="logistic", method="optimum", l2=0.25))
    write("training", zu.prove(data, INVERSE, forget=["3"], previous=first).proof, "inverse.")


def test_write_the_frozen_steps_with_noise() -> None:
    """From a model with noise, whose intercept has finer units than steps have."""
    features = np.random.default_rng(12).uniform(-4, 4, size=(40, 2))
    data = zu.commit(features, np.arange(40) % 2, bounds={"x1": (-4.0, 4.0), "x2": (-4.0, 4.0)}, openings=3)
    noise = zu.commit_noise(data, NOISY_NEWTON, "whoever freezes it")
    first = zu.prove(data, NOISY_NEWTON, noise=noise, nonce=bytes(32))
    noise = zu.commit_noise(data, NOISY_NEWTON, "whoever freezes it", ["3"], first)
    found = zu.prove(data, NOISY_NEWTON, ["3"], first, noise=noise, nonce=bytes(range(32)))
    write("training", found.proof, "noisy_newton.")


def test_write_the_frozen_certificate() -> None:
    """Of the unlearning above, by a key that is thrown away."""
    folder, key = Path(__file__).parent, zu.SigningKey.generate()
    version = KINDS["training"]
    certificate = zu.certify(
        zu.TrainingProof.load(folder / f"training.v{version}.unlearning.proof"),
        zu.DatasetCommitment.load(folder / f"dataset.v{KINDS['dataset']}.proof"),
        key,
        previous=zu.TrainingProof.load(folder / f"training.v{version}.proof"),
        requests=[zu.DeletionRequest("DSR-17", "2026-11-01T09:00:00Z", "2026-11-30T10:00:00Z", "2026-12-01T09:00:00Z")],
        issued_at="2026-11-30T12:00:00Z",
    )
    certificate.save(folder / "certificate.v1.json")
    key.public.save(folder / "certificate.v1.pub")
