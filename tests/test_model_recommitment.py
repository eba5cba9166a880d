"""A model whose openings run out is committed afresh, and is the same model of the same training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.relations.model import MODEL
from zkunlearn.circuits.relations.recommitment import NEW_MODEL
from zkunlearn.circuits.statements.dataset import Segment
from zkunlearn.circuits.statements.link import LinkStatement
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.formats.container import read_container, write_container
from zkunlearn.prover.owner.budget import Budget
from zkunlearn.prover.owner.model import MODEL_SUFFIX
from zkunlearn.prover.owner.sharded_model import load_sharded
from zkunlearn.verifier.shapes import matrix_shapes

X = np.random.default_rng(3).normal(size=(21, 2))
SPECS: dict[str, zu.TrainingSpec] = {
    "gradient descent": zu.TrainingSpec(model="logistic", epochs=2, learning_rate=0.5),
    "one pass": zu.TrainingSpec(model="linear", method="one-pass", epochs=2, learning_rate=0.5, standardize=True),
    "sisa": zu.TrainingSpec(model="logistic", method="sisa", shard_rows=8, slices=2, epochs=1, learning_rate=0.5),
}
every_method = pytest.mark.parametrize("method", SPECS)


@dataclass(frozen=True)
class Made:
    dataset: zu.Dataset
    trained: Any
    new: zu.Model
    link: Any  # a ModelLinkProof


@pytest.fixture(scope="module")
def dataset() -> zu.Dataset:
    return zu.commit(X, np.arange(21) % 2, openings=16)


@pytest.fixture(scope="module")
def made(dataset: zu.Dataset) -> dict[str, Made]:
    trained = {name: zu.prove(dataset, spec, model_openings=3) for name, spec in SPECS.items()}
    return {name: Made(dataset, own, *zu.recommit_model(own.secret, openings=5)) for name, own in trained.items()}


@every_method
def test_the_new_model_is_the_old_one_of_the_same_training(method: str, made: dict[str, Made], tmp_path: Path) -> None:
    own = made[method]
    old, path = own.trained.secret, tmp_path / f"new{MODEL_SUFFIX}"
    own.new.save(path)
    loaded = zu.Model.load(path)
    for new in (own.new, loaded):
        assert new.statement == old.statement == own.trained.proof.statement
        assert np.array_equal(new.integers, old.integers)
        assert new.commitment == own.link.statement.new != old.commitment == old.statement.model
        assert new.links == (own.link,) and (new.spent, new.budget.declared) == (1, 5)
    if method != "sisa":
        assert np.array_equal(loaded.predict(X), own.trained.model.predict(X))
        assert np.array_equal(loaded.coef_, own.trained.model.coef_)


@every_method
def test_the_link_is_verified_by_itself(method: str, made: dict[str, Made]) -> None:
    link = made[method].link
    again = zu.ModelLinkProof.from_bytes(link.to_bytes())
    assert again == link and zu.verify_link(again) >= 100
    assert link.statement.references == {"training": made[method].trained.proof.statement}


def test_the_models_of_a_bundle_answer_as_before_from_files_beside_it(made: dict[str, Made], tmp_path: Path) -> None:
    """Of the old secret and the new one, that with most openings left is taken."""
    own = made["sisa"]
    own.trained.bundle.save(tmp_path / "first.bundle")
    loaded = []
    for name, model in (("old", own.trained.secret), ("new", own.new)):
        moved(model).save(tmp_path / f"{name}{MODEL_SUFFIX}")
        loaded.append(load_sharded(tmp_path / "first.bundle"))
        assert np.array_equal(loaded[-1].predict(X), own.trained.model.predict(X))
    assert [each.models[0].commitment.openings for each in loaded] == [3, 5]


def moved(model: zu.Model) -> zu.Model:
    """As if nothing was stored yet, nor spent."""
    return replace(model, budget=Budget("model", model.commitment.openings, 1, ""))


# Openings ------------------------------------------------------------------------------------------------------------


def test_both_commitments_pay_for_the_link_and_the_last_opening_is_enough(dataset: zu.Dataset, tmp_path: Path) -> None:
    """Then it is too late, which is said by name, whether the model or its file is named."""
    path = tmp_path / f"m{MODEL_SUFFIX}"
    old = zu.prove(dataset, SPECS["gradient descent"], model_openings=2).secret
    old.save(path)
    before = path.read_bytes()
    new, _ = zu.recommit_model(path)
    assert (zu.Model.load(path).spent, new.spent, new.budget.declared) == (2, 1, 2)
    assert len(path.read_bytes()) == len(before), "its count only is another one"
    for exhausted in (path, str(path), zu.Model.load(path), old):
        with pytest.raises(zu.BudgetExceeded, match=r"all 2 openings of this model .* spent.*it is too late"):
            zu.recommit_model(exhausted)
    assert zu.Model.load(path).spent == 2
    zu.recommit_model(new)
    with pytest.raises(zu.BudgetExceeded):  # of the new one, too, the second opening was the last
        zu.recommit_model(new)


@pytest.mark.parametrize("openings", [1, 0, -1, 4097, 2.0, True, "3"])
def test_openings_that_serve_nothing_are_refused_and_nothing_is_spent(openings: Any, made: dict[str, Made]) -> None:
    model = made["gradient descent"].new
    before = model.spent
    with pytest.raises(zu.ParameterError, match="must be an integer from 2 to 4096"):
        zu.recommit_model(model, openings)
    assert model.spent == before


def test_as_many_openings_as_before_are_the_default(made: dict[str, Made]) -> None:
    again, link = zu.recommit_model(made["gradient descent"].new)
    assert again.budget.declared == link.statement.new.openings == 5
    assert again.links == (made["gradient descent"].link, link)


# Shapes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows, shared", [(21, True), (1 << 22, False)])
def test_a_new_model_lies_on_the_code_on_which_later_proofs_open_it(
    rows: int, shared: bool, made: dict[str, Made]
) -> None:
    """On that of the data set, though no proof of the link opens the data set, or on its own."""
    statement = made["sisa"].link.statement
    segments = (Segment(rows, bytes(32)),)
    whole = replace(statement.training.dataset, rows=rows, segments=segments)
    spec = zu.TrainingSpec(model="logistic", method="sisa", shard_rows=1 << 14, slices=2, epochs=1, learning_rate=0.5)
    training = statement.training
    if not shared:
        shape = spec.method.model_shape(whole.encoding.shape(rows))
        model = replace(training.model, shape=shape)
        training = replace(training, dataset=whole, spec=spec, model=model)
    fresh = replace(training.model, openings=5)
    link = replace(statement, training=training, old=training.model, new=fresh)
    own = matrix_shapes(link)
    assert set(own) == {MODEL, NEW_MODEL}
    later = replace(training, model=fresh)
    for found, wanted in ((own[MODEL], training), (own[NEW_MODEL], later)):
        expected = matrix_shapes(wanted)
        assert found.code == expected[MODEL].code
        assert (found.code == expected["dataset"].code) == shared


# What is false -------------------------------------------------------------------------------------------------------


def refused(link: zu.ModelLinkProof) -> str:
    with pytest.raises(zu.InvalidProof) as failure:
        zu.verify_link(link)
    return failure.value.check


@pytest.mark.parametrize("which", ["old", "new"])
def test_a_link_that_lies_about_openings_or_roots_is_rejected(which: str, made: dict[str, Made]) -> None:
    link = made["sisa"].link
    own = getattr(link.statement, which)
    for change in ({"openings": own.openings + 1}, {"root": bytes(32)}):
        lying = replace(link, statement=replace(link.statement, **{which: replace(own, **change)}))
        assert refused(lying) in ("constraints", "proof length"), change


def test_a_link_whose_training_is_anothers_is_rejected(made: dict[str, Made]) -> None:
    """Even one of the same shape: the training is part of what is stated."""
    link = made["sisa"].link
    training = replace(link.statement.training, previous=bytes(32))
    assert refused(replace(link, statement=replace(link.statement, training=training))) == "constraints"
    other = made["gradient descent"].link.statement.training
    assert refused(replace(link, statement=replace(link.statement, training=other))) == "statement"


@pytest.mark.parametrize("which", ["old", "new"])
def test_a_commitment_of_another_shape_is_no_model_of_the_training(which: str, made: dict[str, Made]) -> None:
    link = made["sisa"].link
    own = getattr(link.statement, which)
    for shape in ((own.shape[0] + 1, own.shape[1]), own.shape[::-1]):
        changed = replace(link.statement, **{which: replace(own, shape=shape)})
        assert refused(replace(link, statement=changed)) == "statement"


TRAININGS: dict[str, Callable[[Any], TrainingStatement]] = {
    "too many cells": lambda own: replace(own, dataset=replace(own.dataset, rows=1 << 28)),
    "a row that is not there": lambda own: replace(own, forgotten=(own.forgotten[0]._replace(position=1 << 20),)),
    "scales without room": lambda own: replace(
        own, spec=replace(own.spec, method=replace(own.spec.method, l2=2.0**99))
    ),
}


@pytest.mark.parametrize("what", TRAININGS)
def test_a_training_that_cannot_be_is_refused_by_name(what: str, dataset: zu.Dataset) -> None:
    """Its own checks are not repeated for a link; but what follows from it has to exist."""
    link: Any = zu.recommit_model(zu.prove(dataset, SPECS["sisa"], forget=["3"]).secret)[1]
    training = TRAININGS[what](link.statement.training)
    assert refused(replace(link, statement=replace(link.statement, training=training))) == "statement"


def test_a_link_of_data_sets_is_no_link_of_models(made: dict[str, Made]) -> None:
    statement = made["sisa"].dataset.statement
    between = zu.LinkProof(LinkStatement(statement, statement), b"")
    with pytest.raises(zu.FormatError, match="model link"):
        zu.ModelLinkProof.from_bytes(between.to_bytes())


def test_a_file_whose_links_lead_elsewhere_is_refused(made: dict[str, Made], tmp_path: Path) -> None:
    path = tmp_path / f"m{MODEL_SUFFIX}"
    moved(made["sisa"].new).save(path)
    payload = read_container(path, "model.opening", 1 << 30)[1]
    (own,) = payload["links"]
    other = made["gradient descent"].link.to_bytes()
    for links in ([other], [own, own], [own, other]):
        write_container(path, "model.opening", {**payload, "links": links}, secret=True)
        with pytest.raises(zu.FormatError, match="do not lead on"):
            zu.Model.load(path)
    write_container(path, "model.opening", {**payload, "links": []}, secret=True)
    with pytest.raises(zu.FormatError, match="not those behind the model's commitment"):
        zu.Model.load(path)
