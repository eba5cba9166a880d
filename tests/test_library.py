"""Owner and auditor through the library: what is proved verifies, and says what it should."""

import os
import stat
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import zkunlearn as zu
from zkunlearn.models.methods.reference import exported, train
from zkunlearn.prover.owner.model import Model

ROWS, FEATURES = 21, 3


def make_data(kind="binary", rows=ROWS, features=FEATURES, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, features))
    score = X @ np.arange(1, features + 1)
    y = {"binary": (score > 0).astype(int), "real": score, "count": random.poisson(2.0, rows)}[kind]
    return X, y, [f"person {i}" for i in range(rows)]


@pytest.fixture(scope="module")
def dataset():
    X, y, ids = make_data()
    return zu.commit(X, y, ids=ids)


@pytest.fixture(scope="module")
def spec():
    return zu.TrainingSpec(model="logistic", epochs=3, learning_rate=0.5)


@pytest.fixture(scope="module")
def trained(dataset, spec):
    return zu.prove(dataset, spec)


@pytest.fixture(scope="module")
def unlearnt(dataset, spec, trained):
    return zu.prove(dataset, spec, forget=["person 4", "person 17"], previous=trained.proof)


def digests(proof):
    return [record.digest for record in proof.statement.forgotten]


# What is proved verifies -------------------------------------------------------------------------------------------


def test_a_training_proof_verifies(dataset, spec, trained):
    report = zu.verify(trained.proof, dataset.commitment, spec=spec, forget=[])
    assert report.pinned == ("spec", "forget list")
    assert report.security_bits >= 100
    assert report.statement.forgotten == ()


def test_an_unlearning_proof_verifies_against_its_predecessor(dataset, spec, trained, unlearnt):
    report = zu.verify(
        unlearnt.proof, dataset.commitment, spec=spec, forget=digests(unlearnt.proof), previous=trained.proof
    )
    assert report.pinned == ("spec", "forget list", "previous")
    assert report.statement.positions == dataset.rows.positions(["person 17", "person 4"])


CONFIGURATIONS = [
    ("logistic", "binary", 1, dict()),
    ("logistic", "binary", 5, dict(batch_size=4, l2=0.01)),
    ("logistic", "binary", 2, dict(batch_size=1)),
    ("probit", "binary", 4, dict(bias=False)),
    ("linear", "real", 3, dict(batch_size=8, learning_rate=(0.5, 0.25, 0.125))),
    ("linear", "real", 7, dict(bias=False, l2=0.1, method="gradient descent")),
    ("poisson", "count", 2, dict(learning_rate=0.01, fixed_point=zu.FixedPoint(x_bits=13, p_bits=8))),
]


@pytest.mark.parametrize("model, kind, epochs, options", CONFIGURATIONS)
def test_the_proved_trace_is_the_integer_reference(model, kind, epochs, options):
    X, y, ids = make_data(kind)
    x_bits = options.get("fixed_point", zu.FixedPoint()).x_bits
    data = zu.commit(X, y, ids=ids, label_kind=kind, x_bits=x_bits)
    declared = zu.TrainingSpec(model=model, epochs=epochs, **{"learning_rate": 0.3, **options})
    result = zu.prove(data, declared, forget=["person 2", "person 20"])
    zu.verify(result.proof, data.commitment, spec=declared)
    schedule: Any = result.statement.schedule
    trace = train(data.rows.features, data.rows.labels, schedule)
    assert (result.model.integers == exported(schedule, trace.weights[-1])).all()


def test_what_rounding_takes_is_told_or_refused_before_an_opening_is_spent(caplog):
    X, y, ids = make_data("binary")
    data = zu.commit(X, y, ids=ids, label_kind="binary")
    spent = data.spent
    with pytest.raises(zu.ParameterError, match="learning_rate: all 5 updates"):
        zu.prove(data, zu.TrainingSpec(model="logistic", epochs=5, learning_rate=2.0**-19))
    assert data.spent == spent and not caplog.messages
    trained = zu.prove(data, zu.TrainingSpec(model="logistic", epochs=3, learning_rate=(0.5, 2.0**-19, 2.0**-19)))
    assert trained.notes and trained.notes[0].startswith("the last 2 of 3 epochs change no weight")
    assert caplog.messages == list(trained.notes)


def test_one_row_and_one_feature_can_be_proved():
    data = zu.commit([[0.5], [1.5]], [0, 1])
    declared = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=1.0)
    result = zu.prove(data, declared, forget=["2"])
    assert zu.verify(result.proof, data.commitment).security_bits >= 100


def test_the_proof_length_does_not_depend_on_which_rows_are_forgotten(dataset, spec, unlearnt):
    other = zu.prove(dataset, spec, forget=["person 0", "person 1"])
    assert len(other.proof.proof) == len(unlearnt.proof.proof)


# What the auditor pins must match ----------------------------------------------------------------------------------


def test_another_algorithm_is_not_what_was_pinned(dataset, trained):
    other = zu.TrainingSpec(model="logistic", epochs=3, learning_rate=0.25)
    with pytest.raises(zu.StatementMismatch, match=r"learning_rate is \['0.5'\], not \['0.25'\]"):
        zu.verify(trained.proof, dataset.commitment, spec=other)


def test_another_forget_list_is_not_what_was_pinned(dataset, unlearnt):
    with pytest.raises(zu.StatementMismatch, match="1 of the expected rows are not in it, 2 of its rows"):
        zu.verify(unlearnt.proof, dataset.commitment, forget=[bytes(32)])


def test_another_data_set_is_not_what_was_pinned(trained):
    X, y, ids = make_data(seed=1)
    with pytest.raises(zu.StatementMismatch, match="another data set"):
        zu.verify(trained.proof, zu.commit(X, y, ids=ids).commitment)


def test_another_predecessor_is_not_what_was_pinned(dataset, spec, unlearnt, trained):
    with pytest.raises(zu.StatementMismatch, match="does not supersede"):
        zu.verify(trained.proof, dataset.commitment, previous=unlearnt.proof)


def test_a_successor_may_declare_another_algorithm_and_the_report_says_every_difference(dataset, spec, trained):
    other = zu.TrainingSpec(model="logistic", epochs=4, learning_rate=0.5, l2=0.5)
    longer = zu.prove(dataset, other, previous=trained.proof).proof
    report = zu.verify(longer, dataset.commitment, spec=other, previous=trained.proof)
    assert report.changes == tuple(other.differences(spec))
    assert len(report.changes) == 2 and "epochs" in report.changes[0] and "l2" in report.changes[1]
    with pytest.raises(zu.StatementMismatch, match=r"the proof declares another algorithm: .*epochs"):
        zu.verify(longer, dataset.commitment, spec=spec, previous=trained.proof)


def test_forgetting_cannot_be_undone(dataset, spec, unlearnt):
    """What the predecessor forgot is forgotten again, whoever is named."""
    later = zu.prove(dataset, spec, forget=["person 4"], previous=unlearnt.proof)
    assert later.statement.positions == unlearnt.statement.positions


def test_a_statement_that_brings_a_row_back_is_rejected(dataset, trained, unlearnt):
    lying = replace(trained.proof.statement, previous=unlearnt.proof.digest)
    with pytest.raises(zu.StatementMismatch, match="is not forgotten in this one"):
        zu.verify(replace(trained.proof, statement=lying), dataset.commitment, previous=unlearnt.proof)


def test_a_proof_for_another_statement_is_rejected(dataset, trained, unlearnt):
    """The liar's cheapest trick: put the old proof under the new statement."""
    lying = replace(trained.proof, statement=unlearnt.proof.statement, attached=unlearnt.proof.attached)
    with pytest.raises(zu.InvalidProof) as failure:
        zu.verify(lying, dataset.commitment)
    assert failure.value.check == "constraints"


@pytest.mark.parametrize("change", ["swapped", "twice", "beyond", "wrong digest", "same digest"])
def test_a_malformed_forget_list_is_rejected(dataset, unlearnt, change):
    first, second = unlearnt.proof.statement.forgotten
    forgotten = {
        "swapped": (second, first),
        "twice": (first, first),
        "beyond": (first, second._replace(position=ROWS)),
        "wrong digest": (first._replace(digest=bytes(32)),),
        "same digest": (first, second._replace(digest=first.digest)),
    }[change]
    lying = replace(unlearnt.proof.statement, forgotten=forgotten)
    with pytest.raises(zu.InvalidProof) as failure:
        zu.verify(replace(unlearnt.proof, statement=lying), dataset.commitment)
    assert failure.value.check == ("record path" if change == "wrong digest" else "forget list")


# Files -------------------------------------------------------------------------------------------------------------


def test_predictions_of_many_bits_are_proved():
    """Expected counts near a hundred at scale 2^16 have 23 bits, too many for one product with a limb of 32."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (60, 2))
    y = rng.poisson(np.exp(4.5 + X @ [0.3, 0.2]))
    data = zu.commit(X, y, label_kind="count", x_bits=12)
    fixed = zu.FixedPoint(x_bits=12, w_bits=16, p_bits=16)
    declared = zu.TrainingSpec(model="poisson", epochs=40, learning_rate=0.005, fixed_point=fixed)
    result = zu.prove(data, declared, forget=["4"])
    assert np.exp(result.model.decision_function(X)).max() > 1 << 7
    zu.verify(result.proof, data.commitment, spec=declared)


def test_an_older_copy_does_not_lower_the_opening_count(tmp_path, spec):
    X, y, ids = make_data()
    first = zu.commit(X, y, ids=ids)
    first.save(tmp_path)
    zu.prove(zu.load_dataset(tmp_path), spec)
    first.save(tmp_path)
    assert zu.load_dataset(tmp_path).spent == 2


def test_a_new_salt_for_one_row_reshuffles_all_of_them(dataset):
    rows = dataset.rows
    changed, segment = replace(rows, salts=np.vstack([np.zeros((1, 32), np.uint8), rows.salts[1:]])).as_segment()
    assert segment.seed != dataset.statement.segments[0].seed
    assert sum(a == b for a, b in zip(changed.ids, rows.ids, strict=True)) < len(rows.ids) // 2


def test_artefacts_survive_files(tmp_path, dataset, spec, trained):
    dataset.save(tmp_path / "data")
    loaded = zu.load_dataset(tmp_path / "data")
    proof_file, model_file = tmp_path / "p.proof", tmp_path / "p.model.opening"
    result = zu.prove(loaded, spec, forget=["person 3"], previous=trained.proof)
    result.proof.save(proof_file)
    result.model.save(model_file)
    zu.verify(zu.TrainingProof.load(proof_file), zu.DatasetCommitment.load(tmp_path / "data" / "dataset.commitment"))
    model = Model.load(model_file)
    assert (model.integers == result.model.integers).all()
    assert (model.secret.tails == result.model.secret.tails).all()
    assert np.array_equal(model.secret.salts, result.model.secret.salts)
    folder = tmp_path / "data" / "dataset.secrets"
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    for secret in (tmp_path / "data" / "dataset.opening", *folder.iterdir(), model_file):
        assert stat.S_IMODE(os.stat(secret).st_mode) == 0o600


def test_the_opening_budget_is_counted_on_disk_and_refused_when_spent(tmp_path, spec):
    X, y, ids = make_data()
    zu.commit(X, y, ids=ids, openings=2).save(tmp_path)
    stale = zu.load_dataset(tmp_path)
    zu.prove(zu.load_dataset(tmp_path), spec)
    for copy in (stale, zu.load_dataset(tmp_path)):
        with pytest.raises(zu.BudgetExceeded, match="all 2 openings"):
            zu.prove(copy, spec)


def test_public_files_hold_no_row(dataset, trained):
    public = dataset.commitment.to_bytes() + trained.proof.to_bytes()
    for row in range(ROWS):
        assert dataset.rows.features[row].astype("<i2").tobytes() not in public
        assert dataset.ids[row].encode() not in public
    assert trained.model.integers.astype("<i8").tobytes() not in public


# Refusals ----------------------------------------------------------------------------------------------------------


def test_unknown_and_repeated_ids_are_named(dataset, spec):
    with pytest.raises(zu.DataError, match="id 'nobody' is not in the data set"):
        zu.prove(dataset, spec, forget=["nobody"])
    run = zu.train(dataset, spec, forget=["person 1", "person 1"])
    assert run.asked.repeated == ("person 1",) and len(run.draft.forgotten) == 1
    assert "of the list of ids 1 is in it more than once, and counted once" in run.notes


def test_forgetting_every_row_is_refused(dataset, spec):
    with pytest.raises(zu.ParameterError):
        zu.prove(dataset, spec, forget=dataset.ids)


@pytest.mark.parametrize(
    ("method", "reason"),
    [("gradient descent", "diverged at step"), ("one-pass", "weights left the declared range at step")],
)
def test_a_diverging_training_says_where(method, reason):
    X, y, ids = make_data("real")
    data = zu.commit(X, y, ids=ids)
    with pytest.raises(zu.TrainingError, match=reason):
        zu.prove(data, zu.TrainingSpec(model="linear", method=method, epochs=50, learning_rate=50.0))


def test_a_shape_beyond_one_proof_is_refused():
    wide = zu.commit(*make_data(features=12)[:2])
    with pytest.raises(zu.ParameterError, match="more than one proof can carry"):
        zu.prove(wide, zu.TrainingSpec(model="logistic", epochs=1 << 20, learning_rate=0.5, batch_size=1))


def test_each_phase_is_logged_when_it_begins(spec, caplog):
    """So that nobody who logs has to wonder; what is told is the same as `progress` is."""
    phases = []
    with caplog.at_level("INFO", logger="zkunlearn"):
        data = zu.commit(*make_data()[:2], progress=phases.append)
        zu.prove(data, spec, progress=phases.append)
    said = [record.getMessage() for record in caplog.records if record.levelname == "INFO"]
    assert [text.removeprefix("begins: ") for text in said if text.startswith("begins: ")] == phases
    assert {"commit data set", "train", "lookups", "opening", "folding"} <= {*phases}


def test_secrets_do_not_show_in_representations(dataset, trained):
    for secret in (dataset.rows, dataset.secret, dataset.matrix, trained.model.secret):
        assert repr(secret).startswith("<zkunlearn."), repr(secret)[:40]
    assert "logistic regression by gradient descent, features 'x1', 'x2', 'x3', rows 21 of 21" in repr(trained.model)


def test_forgetting_an_id_of_several_rows_trains_without_any_of_them(spec):
    X, y, ids = make_data()
    ids[4] = ids[9] = ids[17]
    data = zu.commit(X, y, ids=ids, rows_per_id="many")
    proof = zu.prove(data, spec, forget=[ids[17]]).proof
    zu.verify(proof, data.commitment, spec=spec)
    assert [data.ids[position] for position in proof.statement.positions] == [ids[17]] * 3


def test_a_model_takes_a_frame_by_names_and_refuses_other_columns(trained):
    X = make_data()[0]
    frame = pd.DataFrame(X, columns=["x1", "x2", "x3"])
    right = trained.model.decision_function(X)
    assert np.array_equal(trained.model.decision_function(frame[["x3", "x1", "x2"]]), right)
    with pytest.raises(zu.DataError, match="X has no column 'x2'"):
        trained.model.decision_function(frame[["x1", "x3"]])
    with pytest.raises(zu.DataError, match="X: 2 columns, expected 3"):
        trained.model.decision_function(X[:, :2])


def test_what_is_squeezed_is_logged_and_kept_as_a_note(caplog):
    X, y, ids = make_data()
    X[0, 1] = 1e9
    data = zu.commit(X, y, ids=ids)
    (note,) = data.notes
    assert "only a few different integers are left: 'x2' (2)" in note
    assert [(record.name, record.levelname, record.message) for record in caplog.records] == [
        ("zkunlearn", "WARNING", note)
    ]


def test_what_a_linear_map_squeezes_away_is_learnt_with_log1p(caplog):
    """Incomes in a frame, the largest of which is 2e9; the label is whether one is above the median."""
    incomes = np.append(np.exp(np.random.default_rng(1).normal(10.5, 1.5, 63)).round(), 2e9)
    frame = pd.DataFrame({"income": incomes, "age": np.linspace(20, 90, len(incomes))})
    labels = (incomes > np.median(incomes)).astype(int)
    spec = zu.TrainingSpec(model="logistic", epochs=40, learning_rate=4.0)
    plain, mapped = zu.commit(frame, labels), zu.commit(frame, labels, maps={"income": "log1p"})
    assert "with the map log1p more are left: 'income' (" in plain.notes[0] and mapped.notes == ()
    first = zu.prove(mapped, spec)
    assert first.model.score(frame, labels) > 0.9 > 0.7 > zu.prove(plain, spec).model.score(frame, labels)
    raw = frame.assign(income=np.log1p(frame["income"]))
    scores = raw[list(first.model.feature_names_in_)] @ first.model.coef_ + first.model.intercept_
    assert np.abs(scores - first.model.decision_function(frame)).max() < np.abs(first.model.weights).sum() / 2**10
    second = zu.prove(mapped, spec, forget=[3, 64], previous=first.proof)
    report = zu.verify(second.proof, mapped.commitment, spec=spec, previous=first.proof)
    assert report.statement.dataset.encoding.features[0].map == "log1p"
