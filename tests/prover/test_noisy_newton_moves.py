"""Newton's steps to models with noise through the library: two moves, chains of them, and what an owner must not do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.noise import pads_of
from zkunlearn.errors import BudgetExceeded, DataError, FormatError, InvalidProof, ParameterError, StatementMismatch
from zkunlearn.formats.container import read_container, write_container
from zkunlearn.models.methods.newton_reference import run_steps, starting_weights
from zkunlearn.models.methods.noisy_reference import noisy, noisy_model
from zkunlearn.prover.owner import noise as owners_noise
from zkunlearn.prover.owner.influence import influence_of
from zkunlearn.verifier.certificates.guarantee import COINS, NOT_ADAPTIVE, PRECEDENCE, guarantee
from zkunlearn.verifier.noise import NOISE_SECRET

from .test_newton_proofs import stating
from .test_optimum_proofs import committed, table

FEATURES = 3
FIRST, SECOND = ["person 3", "person 30"], ["person 7"]
NONCE, OTHER, THIRD = bytes(range(32)), bytes(32), b"3" * 32
__all__ = ["table"]


def spec_of(**fields: Any) -> zu.TrainingSpec:
    choices: dict[str, Any] = {"model": "logistic", "method": "newton", "l2": 0.25, "steps": 2}
    return zu.TrainingSpec(**(choices | {"epsilon": 1.0, "delta": 1e-5} | fields))


SPEC = spec_of()


@pytest.fixture(scope="module")
def folder(table: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("stored") / "data"
    committed(table, openings=24).save(place)
    return place


@pytest.fixture(scope="module")
def dataset(folder: Path) -> zu.Dataset:
    return zu.load_dataset(folder)


@pytest.fixture(scope="module")
def before(dataset: zu.Dataset) -> zu.Trained:
    """A certified optimum, rounded: what the first steps begin from."""
    return zu.prove(dataset, zu.TrainingSpec(model="logistic", method="optimum", l2=0.25), model_openings=12)


@pytest.fixture(scope="module")
def path(dataset: zu.Dataset, before: zu.Trained, folder: Path) -> Path:
    """The secret of the first noise in its file, and a copy, as a backup would have it."""
    place = folder / "first.noise.opening"
    zu.commit_noise(dataset, SPEC, "the auditor, on 1 December", FIRST, before).save(place)
    place.with_name("copy.noise.opening").write_bytes(place.read_bytes())
    return place


@pytest.fixture(scope="module")
def secret(path: Path) -> zu.Noise:
    """Read before it is used."""
    return zu.Noise.load(path.with_name("copy.noise.opening"))


@pytest.fixture(scope="module")
def first(dataset: zu.Dataset, before: zu.Trained, path: Path, secret: zu.Noise) -> zu.Trained:
    return zu.prove(dataset, SPEC, FIRST, before, noise=path, nonce=NONCE, model_openings=12)


@pytest.fixture(scope="module")
def later(dataset: zu.Dataset, first: zu.Trained) -> zu.Noise:
    """Of the request after it, which begins from a model with noise."""
    return zu.commit_noise(dataset, SPEC, "the auditor, on 2 December", SECOND, first)


@pytest.fixture(scope="module")
def second(dataset: zu.Dataset, first: zu.Trained, later: zu.Noise) -> zu.Trained:
    return zu.prove(dataset, SPEC, SECOND, first, noise=fresh(later), nonce=OTHER)


def fresh(noise: zu.Noise, **changes: Any) -> zu.Noise:
    """The same secret, not counted: what an owner has who goes round his tool."""
    own = zu.Noise(noise.statement, noise.integers, noise.secret, owners_noise._budget(), noise.kept)
    return replace(own, **changes)


# Proved and verified --------------------------------------------------------------------------------------------------


def test_steps_to_a_model_with_noise_are_verified_with_what_it_is_worth(
    dataset: zu.Dataset, before: zu.Trained, first: zu.Trained, secret: zu.Noise
) -> None:
    digests = [record.digest for record in first.statement.forgotten]
    pins: dict[str, Any] = {"spec": SPEC, "forget": digests, "previous": before.proof, "nonce": NONCE}
    report = zu.verify(first.proof, dataset.commitment, noise=secret.commitment, **pins)
    assert report.security_bits >= 100 and {"noise", "nonce", "previous"} <= set(report.pinned)
    found = report.indistinguishability
    assert found is not None and found.epsilon is not None and 0 < found.epsilon < 1 and found.delta == 1e-5
    assert any(change.startswith("method.kind is newton") for change in report.changes)
    assert not [text for text in report.not_followed if "its steps begin" in text or "precedence" in text]
    promised = guarantee(first.statement)
    assert promised.kind == "(epsilon, delta)" and {COINS, PRECEDENCE, NOT_ADAPTIVE} <= {*promised.assumes}
    assert promised.words == f"{found}-indistinguishable from the same without the forgotten rows"


def test_the_model_is_where_steps_end_with_what_coins_and_nonce_say(
    dataset: zu.Dataset, before: zu.Trained, first: zu.Trained, secret: zu.Noise
) -> None:
    """In plain Python, from the superseded model, by the matrix that the owner kept."""
    schedule: Any = first.statement.schedule
    X, y = np.array(dataset.rows.by_feature).T, np.array(dataset.rows.labels)
    start = starting_weights(before.secret.integers[0], schedule)
    steps = run_steps(X, y, start, secret.kept.reshape(FEATURES + 1, -1), schedule)
    assert np.array_equal(steps[-1].after, secret.integers[0])
    weights, coins = secret.integers
    _, found = noisy(X, y, weights, coins, schedule)
    assert np.array_equal(noisy_model(found, schedule), first.secret.integers)
    committed_to: Any = first.statement.committed_noise
    assert schedule.pads == pads_of(committed_to.digest, NONCE, FEATURES + 1)
    assert np.abs(found.noise).max() > 50  # as it is but for one in some 10^4 models: fixed by this nonce, and coins


def test_a_chain_goes_on_from_the_model_with_noise_and_adds_up_what_its_models_hide(
    dataset: zu.Dataset, before: zu.Trained, first: zu.Trained, second: zu.Trained
) -> None:
    (start,) = second.statement.start
    assert (start.statement, start.model, start.scale) == (first.proof.digest, first.statement.model, 32)
    assert zu.verify(second.proof, dataset.commitment, spec=SPEC, previous=first.proof).changes == ()
    history = zu.verify_chain([dataset.commitment, before.proof, first.proof, second.proof])
    assert history.verdict == "valid", [entry.reason for entry in history.entries]
    assert [note for note in history.entries[-1].notes if note.startswith("with the 1 before it: mu 0.")]
    assert first.secret.spent >= 2  # its own proof, and that of a step from it
    assert influence_of(Path("nowhere"), second) is None  # what noise moved is no influence


def test_steps_of_rounded_models_go_on_from_models_with_noise(dataset: zu.Dataset, second: zu.Trained) -> None:
    plain = spec_of(epsilon=None, delta=None)
    after = zu.prove(dataset, plain, previous=second)
    report = zu.verify(after.proof, dataset.commitment, previous=second.proof)
    assert report.indistinguishability is None and any("method.epsilon" in change for change in report.changes)
    optimum = zu.TrainingSpec(model="logistic", method="optimum", l2=0.25)
    assert np.array_equal(zu.train(dataset, optimum, [*FIRST, *SECOND]).integers, after.model.integers)


def test_steps_by_an_inverse_and_without_a_feature_and_rows_have_noise_too(
    dataset: zu.Dataset, before: zu.Trained
) -> None:
    spec = spec_of(inverse=14, steps=4, without=["x2"], holdout=7)
    noise = zu.commit_noise(dataset, spec, "a beacon", SECOND, before, fork=True)
    found = zu.prove(dataset, spec, SECOND, before, noise=noise, nonce=b"4" * 32, fork=True)
    report = zu.verify(found.proof, dataset.commitment, spec=spec, previous=before.proof)
    assert report.step_error is not None and report.indistinguishability is not None
    assert found.model.integers[0, 1] == 0 and before.model.integers[0, 1]
    assert found.proof.statement.start[0].scale == before.statement.spec.weight_bits


def test_steps_go_on_when_the_data_set_does(dataset: zu.Dataset, first: zu.Trained, table: tuple[Any, Any]) -> None:
    X, y = table
    longer, link = zu.append(dataset, X[:4], y[:4], ids=["a", "b", "c", "d"], openings=24)
    noise = zu.commit_noise(longer, SPEC, "a beacon", ["a"], first)
    after = zu.prove(longer, SPEC, ["a"], first, noise=noise, nonce=b"5" * 32)
    report = zu.verify(after.proof, longer.commitment, previous=first.proof, links=[link])
    assert report.indistinguishability is not None and len(after.statement.forgotten) == 3


def test_a_try_takes_the_same_steps_with_noise_of_its_own(
    dataset: zu.Dataset, first: zu.Trained, second: zu.Trained
) -> None:
    runs = [zu.train(dataset, SPEC, SECOND, previous=first) for _ in range(2)]
    assert not np.array_equal(runs[0].integers, runs[1].integers)
    gap = np.abs(runs[0].integers[:, :FEATURES] - second.model.integers[:, :FEATURES]).max()
    assert gap < 40 * 2**11  # both are a few standard deviations from one point


# What is kept --------------------------------------------------------------------------------------------------------


def test_the_matrix_is_in_the_secret_file_alone_and_gone_when_it_was_used(
    path: Path, first: zu.Trained, secret: zu.Noise, tmp_path: Path
) -> None:
    """With the start, which is committed to in public, it would tell where steps ended."""
    held = read_container(path.with_name("copy.noise.opening"), NOISE_SECRET, 1 << 24)[1]
    assert held["kept"] == secret.kept.astype("<i8").tobytes() and secret.kept.size == (FEATURES + 1) ** 2
    after = read_container(path, NOISE_SECRET, 1 << 24)[1]
    assert after["spent"] == 1 and after["integers"] == after["kept"] == after["tails"] == b""
    large = [int(value).to_bytes(8, "little", signed=True) for value in secret.kept if abs(value) > 1 << 20]
    assert len(large) > 4
    for file in first.save(tmp_path / "p.proof").all:
        assert not [value for value in large if value in file.read_bytes()]
    assert "kept" not in repr(secret) and "array" not in repr(secret)


@pytest.mark.parametrize("edit", ["dropped", "cut off", "empty", "of one more", "another"])
def test_a_secret_whose_matrix_was_edited_is_refused_and_not_used(
    dataset: zu.Dataset, first: zu.Trained, later: zu.Noise, tmp_path: Path, edit: str
) -> None:
    place = tmp_path / "a.noise.opening"
    fresh(later).save(place)
    payload = read_container(place, NOISE_SECRET, 1 << 24)[1]
    other = (later.kept + (1 << 26)).astype("<i8").tobytes()
    kept = {"cut off": payload["kept"][:-1], "empty": b"", "of one more": payload["kept"] + bytes(8), "another": other}
    without = {name: value for name, value in payload.items() if name != "kept"}
    write_container(place, NOISE_SECRET, {**without, **({"kept": kept[edit]} if edit in kept else {})}, secret=True)
    reasons = {"cut off": "are cut off", "empty": "are cut off", "another": "does not lead to the weights"}
    with pytest.raises(FormatError, match=reasons.get(edit, "are not those behind its commitment")):
        zu.prove(dataset, SPEC, SECOND, first, noise=zu.Noise.load(place), nonce=OTHER, fork=True)
    assert read_container(place, NOISE_SECRET, 1 << 24)[1]["spent"] == 0


def test_noise_of_a_method_without_steps_keeps_nothing(dataset: zu.Dataset) -> None:
    plain = zu.TrainingSpec(model="logistic", method="noisy", l2=0.25)
    noise = zu.commit_noise(dataset, plain, "a beacon")
    assert noise.kept.size == 0 and "kept" not in noise._payload(0)
    with pytest.raises(FormatError, match="are not those behind its commitment"):
        zu.prove(dataset, plain, noise=replace(noise, kept=np.ones(16, dtype=np.int64)), nonce=OTHER)


# What an owner must not do -------------------------------------------------------------------------------------------


def test_noise_serves_one_proof_and_a_copy_of_it_none(
    dataset: zu.Dataset, before: zu.Trained, path: Path, first: zu.Trained
) -> None:
    with pytest.raises(BudgetExceeded, match="this noise was used"):
        zu.prove(dataset, SPEC, FIRST, before, noise=path, nonce=OTHER, fork=True)
    copy = path.with_name("copy.noise.opening")
    with pytest.raises(DataError, match="was used already, with another nonce: two models with one noise"):
        zu.prove(dataset, SPEC, FIRST, before, noise=copy, nonce=THIRD, fork=True)


def test_a_nonce_is_used_once(dataset: zu.Dataset, first: zu.Trained, later: zu.Noise) -> None:
    """In a chain by name, and whatever it was used for."""
    with pytest.raises(ParameterError, match="drew the noise of the proof that is superseded"):
        zu.prove(dataset, SPEC, SECOND, first, noise=fresh(later), nonce=NONCE, fork=True)
    again = zu.commit_noise(dataset, SPEC, "another", SECOND, first, fork=True)
    with pytest.raises(DataError, match=r"dataset.nonces: the nonce 0+ was used for the noise"):
        zu.prove(dataset, SPEC, SECOND, first, noise=again, nonce=OTHER, fork=True)


def test_a_chain_shows_a_nonce_that_was_used_twice(
    dataset: zu.Dataset, before: zu.Trained, first: zu.Trained, second: zu.Trained
) -> None:
    drawn: Any = second.statement.noise
    replayed = replace(second.statement, noise=replace(drawn, nonce=NONCE))
    lie = stating(second.proof, replayed)
    with pytest.raises(StatementMismatch, match="the nonce of statement"):
        zu.verify(lie, dataset.commitment, previous=first.proof)
    with pytest.raises(InvalidProof):  # nor was it what drew this noise
        zu.verify(lie, dataset.commitment)


def test_noise_is_of_the_request_that_it_was_committed_to_for(
    dataset: zu.Dataset, before: zu.Trained, first: zu.Trained, later: zu.Noise
) -> None:
    chosen: dict[str, Any] = {"noise": fresh(later), "nonce": THIRD, "fork": True}
    with pytest.raises(ParameterError, match="another proof that it supersedes"):
        zu.prove(dataset, SPEC, [*FIRST, *SECOND], before, **chosen)
    with pytest.raises(ParameterError, match="another forget list"):
        zu.prove(dataset, SPEC, ["person 8"], first, **chosen)
    with pytest.raises(ParameterError, match="another algorithm"):
        zu.prove(dataset, spec_of(steps=3), SECOND, first, **chosen)
    with pytest.raises(ParameterError, match="nonce: expected 32 bytes, found 31"):
        zu.prove(dataset, SPEC, SECOND, first, **(chosen | {"nonce": THIRD[:31]}))


def test_a_model_with_noise_takes_two_moves_and_one_that_is_rounded_takes_none(
    dataset: zu.Dataset, before: zu.Trained, later: zu.Noise, tmp_path: Path
) -> None:
    plain = spec_of(epsilon=None, delta=None)
    with pytest.raises(ParameterError, match="a model with noise takes two moves"):
        zu.prove(dataset, SPEC, FIRST, before, fork=True)
    with pytest.raises(
        ParameterError, match=r"method = 'newton': takes no noise; .* or 'newton' with epsilon and delta"
    ):
        zu.commit_noise(dataset, plain, "a beacon", FIRST, before, fork=True)
    with pytest.raises(ParameterError, match="method = 'newton': takes no noise"):
        zu.prove(dataset, plain, FIRST, before, noise=fresh(later), nonce=THIRD, fork=True)
    with pytest.raises(ParameterError, match="steps begin from the model of the proof that is superseded"):
        zu.commit_noise(dataset, SPEC, "a beacon", FIRST, before.proof, fork=True)
    with pytest.raises(ParameterError, match="a model with noise: its nonce has to come from somebody else"):
        zu.forget(dataset.directory or tmp_path, FIRST, SPEC, tmp_path)


def test_statements_that_are_another_s_are_rejected(
    dataset: zu.Dataset, before: zu.Trained, first: zu.Trained, second: zu.Trained
) -> None:
    """Another start than what is superseded, a rounding instead of noise, less noise, another distance of the list."""
    own = second.statement
    start = own.start[0]
    earlier = replace(start, statement=before.proof.digest, model=before.statement.model, scale=14)
    for lie in (replace(own, start=()), replace(own, start=(earlier,))):
        with pytest.raises(InvalidProof, match="statement: its steps do not begin from the model that it supersedes"):
            zu.verify(stating(second.proof, lie), dataset.commitment)
    for scale in (start.scale or 0) - 1, 33:
        with pytest.raises(StatementMismatch, match="its steps begin from another model"):
            lie = replace(own, start=(replace(start, scale=scale),))
            zu.verify(stating(second.proof, lie), dataset.commitment, previous=first.proof)
    lies: list[dict[str, Any]] = [{"noise": None}, {"spec": spec_of(epsilon=None, delta=None)}, {"distance": 1}]
    for changes in lies:
        with pytest.raises(InvalidProof) as failure:
            zu.verify(stating(second.proof, replace(own, **changes)), dataset.commitment)
        assert failure.value.check == "statement", changes
    for spec in (spec_of(grid=3), spec_of(epsilon=0.5), spec_of(steps=1), spec_of(distances=(40,))):
        with pytest.raises(InvalidProof) as failure:
            zu.verify(stating(second.proof, replace(own, spec=spec)), dataset.commitment)
        assert failure.value.check in ("constraints", "proof length"), spec
