"""Noisy models through the library: committed to, proved with a nonce, verified; and what an owner must not do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from click.testing import CliRunner
from zkunlearn.circuits.relations.noise import NOISE
from zkunlearn.circuits.statements import training as training_statement
from zkunlearn.circuits.statements.noise import pads_of
from zkunlearn.circuits.statements.noise_use import NOT_USED
from zkunlearn.cli.program import main
from zkunlearn.errors import BudgetExceeded, DataError, FormatError, InvalidProof, ParameterError, StatementMismatch
from zkunlearn.formats.container import read_container, write_container
from zkunlearn.models.methods.noisy_reference import noisy, noisy_model
from zkunlearn.prover.owner import noise as owners_noise
from zkunlearn.prover.owner import prove as proving
from zkunlearn.verifier.noise import NOISE_SECRET

ROWS, FEATURES = 40, 2
NONCE, OTHER = bytes(range(32)), bytes(32)
FORGET = ["person 3", "person 30"]
SPEC = zu.TrainingSpec(model="logistic", method="noisy", l2=0.25)
GRID: Any = SPEC.method
LENIENT = zu.TrainingSpec(model="logistic", method="noisy", l2=0.25, grid=GRID.grid_bits, delta=1e-4)


def committed(openings: int = 12) -> zu.Dataset:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(ROWS, FEATURES))
    y = (X @ [3.0, -2.0] + rng.logistic(size=ROWS) / 4 > 0).astype(int)
    bounds = {f"x{i + 1}": (-1.0, 1.0) for i in range(FEATURES)}
    return zu.commit(X, y, ids=[f"person {i}" for i in range(ROWS)], bounds=bounds, openings=openings)


@pytest.fixture(scope="module")
def dataset() -> zu.Dataset:
    return committed()


@pytest.fixture(scope="module")
def noise(dataset: zu.Dataset) -> zu.Noise:
    return zu.commit_noise(dataset, SPEC, "the auditor, on 1 December", FORGET)


@pytest.fixture(scope="module")
def trained(dataset: zu.Dataset, noise: zu.Noise) -> zu.Trained:
    return zu.prove(dataset, SPEC, FORGET, noise=noise, nonce=NONCE)


@pytest.fixture(scope="module")
def folder(dataset: zu.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set that is stored, for what is remembered there."""
    place = tmp_path_factory.mktemp("stored") / "data"
    committed().save(place)
    return place


def fresh(noise: zu.Noise) -> zu.Noise:
    """The same secret, not counted: what an owner has who goes round his tool."""
    return zu.Noise(noise.statement, noise.integers, noise.secret, owners_noise._budget())


def stored(folder: Path, name: str, **chosen: Any) -> tuple[zu.Dataset, Path]:
    data, path = zu.load_dataset(folder), folder / f"{name}.noise.opening"
    zu.commit_noise(data, SPEC, "a beacon", **chosen).save(path)
    return data, path


# Proved and verified --------------------------------------------------------------------------------------------------


def test_a_noisy_model_is_verified_with_what_it_is_worth(
    dataset: zu.Dataset, noise: zu.Noise, trained: zu.Trained
) -> None:
    report = zu.verify(trained.proof, dataset.commitment, spec=SPEC, noise=noise.commitment, nonce=NONCE)
    assert report.security_bits >= 100 and {"noise", "nonce"} <= set(report.pinned)
    found = report.indistinguishability
    assert found is not None and found.epsilon is not None and 0 < found.epsilon < 1
    assert str(found) == f"({float(found.epsilon)}, 1e-05)"
    assert not [text for text in report.not_followed if "precedence not checked" in text or "nonce was not" in text]


def test_what_was_not_pinned_of_noise_is_told(dataset: zu.Dataset, trained: zu.Trained) -> None:
    told = zu.verify(trained.proof, dataset.commitment).not_followed
    assert [text for text in told if text.startswith("precedence not checked")]
    assert [text for text in told if text.startswith("the nonce was not pinned: whoever chose it")]


def test_the_model_is_what_the_coins_and_the_nonce_say(
    dataset: zu.Dataset, noise: zu.Noise, trained: zu.Trained
) -> None:
    schedule: Any = trained.statement.schedule
    rows = dataset.rows
    weights, coins = noise.integers
    _, found = noisy(np.array(rows.by_feature).T, np.array(rows.labels), weights, coins, schedule)
    assert np.array_equal(noisy_model(found, schedule), trained.secret.integers)
    assert np.abs(found.noise).max() > 50  # as it is but for one in some 10^4 models: fixed by this nonce, and coins


def test_weights_and_noise_of_two_commitments_have_nothing_in_common(dataset: zu.Dataset, noise: zu.Noise) -> None:
    other = zu.commit_noise(dataset, SPEC, noise.statement.source, FORGET)
    assert np.array_equal(other.integers[0], noise.integers[0])  # the same optimum
    assert not (other.integers[1] == noise.integers[1]).any() and other.statement.digest != noise.statement.digest


def test_pins_of_another_commitment_or_nonce_do_not_match(
    dataset: zu.Dataset, noise: zu.Noise, trained: zu.Trained
) -> None:
    other = zu.NoiseCommitment(replace(noise.statement, source="somebody else"))
    with pytest.raises(StatementMismatch, match="other noise than what was committed to"):
        zu.verify(trained.proof, dataset.commitment, noise=other)
    with pytest.raises(StatementMismatch, match="another nonce"):
        zu.verify(trained.proof, dataset.commitment, nonce=OTHER)
    with pytest.raises(ParameterError, match="nonce: expected 32 bytes, found 31"):
        zu.verify(trained.proof, dataset.commitment, nonce=NONCE[:31])


def test_a_commitment_is_read_as_it_was_written(noise: zu.Noise, tmp_path: Path) -> None:
    noise.commitment.save(tmp_path / "a.noise")
    assert zu.NoiseCommitment.load(tmp_path / "a.noise") == noise.commitment
    with pytest.raises(FormatError):
        zu.NoiseCommitment.from_bytes((tmp_path / "a.noise").read_bytes()[:-1])


def test_a_model_that_is_tried_has_fresh_noise_and_no_commitment(dataset: zu.Dataset) -> None:
    spent = dataset.spent
    runs = [zu.train(dataset, SPEC) for _ in range(2)]
    assert dataset.spent == spent and not np.array_equal(runs[0].integers, runs[1].integers)


# Once ----------------------------------------------------------------------------------------------------------------


def test_noise_serves_one_proof(dataset: zu.Dataset, noise: zu.Noise, trained: zu.Trained) -> None:
    with pytest.raises(BudgetExceeded, match="published with that proof, or is forfeited"):
        zu.prove(dataset, SPEC, FORGET, noise=noise, nonce=OTHER)


def test_noise_that_was_used_is_gone_from_its_file(folder: Path) -> None:
    data, path = stored(folder, "gone")
    secret = zu.Noise.load(path)
    before = path.read_bytes()
    assert secret.integers[1].astype("<i8").tobytes() in before and path.stat().st_mode & 0o777 == 0o600
    zu.prove(data, SPEC, noise=path, nonce=b"1" * 32)
    after = read_container(path, NOISE_SECRET, 1 << 24)[1]
    assert after["spent"] == 1 and after["integers"] == after["tails"] == after["leaf_salts"] == b""
    with pytest.raises(BudgetExceeded, match=r"gone.noise.opening: this noise was used"):
        zu.Noise.load(path)


def test_a_restored_copy_of_noise_that_was_used_is_refused(folder: Path) -> None:
    """It does not know itself that it was, the data set's folder does."""
    data, path = stored(folder, "copied")
    copy = path.with_name("copy.noise.opening")
    copy.write_bytes(path.read_bytes())
    zu.prove(data, SPEC, noise=path, nonce=b"2" * 32)
    assert zu.Noise.load(copy).statement == zu.NoiseCommitment.load(path.with_name("copied.noise")).statement
    with pytest.raises(DataError, match="was used already, with another nonce: two models with one noise"):
        zu.prove(data, SPEC, noise=copy, nonce=b"7" * 32)


@pytest.mark.parametrize("at", ["proof", "wiping", "writing"])
def test_who_is_stopped_after_the_nonce_has_lost_the_noise(
    folder: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    data, path = stored(folder, f"stopped {at}")

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if at == "proof":
            patch.setattr(proving.Prover, "prove", stop)
        else:
            patch.setattr(owners_noise, "write_container", stop)
            if at == "wiping":
                patch.setattr(owners_noise, "wipe", lambda file: (file.write_bytes(b"\0" * 64), stop()))
        with pytest.raises(KeyboardInterrupt):
            zu.prove(data, SPEC, noise=path, nonce=at.encode().ljust(32))
    lost = {"proof": BudgetExceeded, "wiping": FormatError, "writing": DataError}[at]
    with pytest.raises(lost):
        zu.prove(data, SPEC, noise=path, nonce=b"3" * 32)


def test_what_fails_before_the_proof_leaves_the_noise(folder: Path) -> None:
    data, path = stored(folder, "kept")
    with pytest.raises(ParameterError, match="another forget list"):
        zu.prove(data, SPEC, ["person 1"], noise=path, nonce=b"4" * 32)
    assert zu.Noise.load(path).budget.left == 1


def test_a_nonce_used_twice_is_refused(folder: Path) -> None:
    data, path = stored(folder, "nonce")
    zu.prove(data, SPEC, noise=path, nonce=b"5" * 32)
    data, other = stored(folder, "same nonce")
    with pytest.raises(DataError, match=r"dataset.nonces: the nonce 3535.* was used for the noise"):
        zu.prove(data, SPEC, noise=other, nonce=b"5" * 32)
    assert zu.Noise.load(other).budget.left == 1


def test_a_nonce_that_was_used_before_the_data_grew_is_refused(folder: Path, tmp_path: Path) -> None:
    """The new folder knows of none: the proof beside it does, whether it is superseded or not."""
    data, path = stored(folder, "grows")
    zu.prove(data, SPEC, noise=path, nonce=b"8" * 32).save(folder.parent / "before.proof")
    try:
        grown, _ = zu.append(data, np.zeros((1, FEATURES)), [1], ids=["person 99"], openings=4)
        grown.save(folder.parent / "grown")
        noise = zu.commit_noise(grown, SPEC, "a beacon")
        with pytest.raises(DataError, match=r"statement .*: the nonce 3838.* was used for the noise"):
            zu.prove(grown, SPEC, noise=noise, nonce=b"8" * 32)
        assert noise.budget.left == 1
    finally:
        (folder.parent / "before.proof").unlink()


def test_the_nonce_of_what_is_superseded_is_refused(dataset: zu.Dataset, trained: zu.Trained) -> None:
    noise = zu.commit_noise(dataset, SPEC, "the auditor", ["person 7"], trained)
    with pytest.raises(ParameterError, match="drew the noise of the proof that is superseded"):
        zu.prove(dataset, SPEC, ["person 7"], trained, noise=noise, nonce=NONCE)
    assert noise.budget.left == 1


# What does not go together -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"forget": FORGET[:1]}, "another forget list"),
        ({"spec": zu.TrainingSpec(model="logistic", method="noisy", l2=0.5)}, "another algorithm"),
        ({"previous": True}, "another proof that it supersedes"),
        ({"nonce": NONCE[:31]}, "nonce: expected 32 bytes"),
        ({"nonce": None}, "takes two moves"),
        ({"noise": None}, "takes two moves"),
        ({"noise": 7}, "noise"),
        ({"spec": zu.TrainingSpec(model="logistic", method="optimum", l2=0.25)}, "takes no noise"),
        ({"workers": zu.Processes(1)}, "workers: noise is used in the process that counts it"),
    ],
    ids=str,
)
def test_noise_of_another_request_is_refused(
    dataset: zu.Dataset, noise: zu.Noise, trained: zu.Trained, changes: dict[str, Any], reason: str
) -> None:
    chosen: dict[str, Any] = {"spec": SPEC, "forget": FORGET, "noise": fresh(noise), "nonce": OTHER} | changes
    if "previous" in chosen:
        chosen["previous"] = trained
    with pytest.raises(ParameterError, match=reason):
        zu.prove(dataset, **chosen)


def test_noise_of_another_data_set_is_refused(noise: zu.Noise) -> None:
    with pytest.raises(ParameterError, match="another data set"):
        zu.prove(committed(2), SPEC, FORGET, noise=fresh(noise), nonce=OTHER)


def relabelled(dataset: zu.Dataset, noise: zu.Noise) -> zu.Noise:
    """Weights and coins as they were committed to, said to be for another spec, whose optimum is the same."""
    other = zu.commit_noise(dataset, LENIENT, noise.statement.source, FORGET).statement
    return zu.Noise(replace(other, root=noise.statement.root), noise.integers, noise.secret, owners_noise._budget())


def test_noise_that_is_said_to_be_for_another_request_is_not_what_was_committed_to(
    dataset: zu.Dataset, noise: zu.Noise
) -> None:
    """One commitment is not kept for the request that it suits: what was handed over names the whole request."""
    proof = zu.prove(dataset, LENIENT, FORGET, noise=relabelled(dataset, noise), nonce=OTHER).proof
    assert zu.verify(proof, dataset.commitment, nonce=OTHER).security_bits >= 100
    with pytest.raises(StatementMismatch, match="other noise than what was committed to"):
        zu.verify(proof, dataset.commitment, noise=noise.commitment)


def test_pads_that_were_drawn_for_another_request_are_rejected(
    dataset: zu.Dataset, noise: zu.Noise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same nonce and the same coins: a request of another digest draws other noise."""
    first = noise.statement.digest
    with monkeypatch.context() as patch:
        patch.setattr(training_statement, "pads_of", lambda _, nonce, count: pads_of(first, nonce, count))
        lie = zu.prove(dataset, LENIENT, FORGET, noise=relabelled(dataset, noise), nonce=OTHER).proof
    with pytest.raises(InvalidProof) as rejected:
        zu.verify(zu.TrainingProof.from_bytes(lie.to_bytes()), dataset.commitment)
    assert rejected.value.check == "constraints"


def test_noise_is_for_methods_that_take_some(dataset: zu.Dataset) -> None:
    with pytest.raises(ParameterError, match="method = 'optimum': takes no noise"):
        zu.commit_noise(dataset, zu.TrainingSpec(model="logistic", method="optimum", l2=0.25), "a beacon")
    for source in ("", " ", "x" * 201, "two\nlines"):
        with pytest.raises(ParameterError, match="source: say in at most 200"):
            zu.commit_noise(dataset, SPEC, source)


def test_a_secret_that_is_not_behind_its_commitment_is_refused(dataset: zu.Dataset, noise: zu.Noise) -> None:
    coins = noise.integers.copy()
    coins[1, 0] ^= 1
    edited = zu.Noise(noise.statement, coins, noise.secret, owners_noise._budget())
    with pytest.raises(FormatError, match="are not those behind its commitment"):
        zu.prove(dataset, SPEC, FORGET, noise=edited, nonce=OTHER)
    assert edited.budget.left == 1


def test_a_secret_file_that_is_cut_off_is_refused(noise: zu.Noise, tmp_path: Path) -> None:
    path = tmp_path / "a.noise.opening"
    fresh(noise).save(path)
    payload = read_container(path, NOISE_SECRET, 1 << 24)[1]
    for name in ("integers", "tails", "leaf_salts"):
        write_container(path, NOISE_SECRET, {**payload, name: payload[name][:-1]}, secret=True)
        with pytest.raises(FormatError, match="are cut off"):
            zu.Noise.load(path)
    with pytest.raises(ParameterError, match=r"must end in .noise.opening"):
        fresh(noise).save(tmp_path / "a.secret")


# Weights before noise are never read again ----------------------------------------------------------------------------


def test_no_statement_but_its_own_opens_the_matrix_of_noise(trained: zu.Trained, noise: zu.Noise) -> None:
    model, link = zu.recommit_model(trained.secret)
    own = trained.statement
    assert own.matrices[NOISE].root == noise.statement.root and own.matrices[NOISE].openings == 1
    assert noise.statement.root not in {matrix.root for matrix in link.statement.matrices.values()}
    assert np.array_equal(model.integers, trained.secret.integers)


def test_noise_is_no_model(noise: zu.Noise, dataset: zu.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "a.noise.opening"
    fresh(noise).save(path)
    with pytest.raises(FormatError):
        zu.Model.load(path)
    with pytest.raises(FormatError):
        zu.evaluate(dataset, path)
    with pytest.raises(FormatError):
        zu.recommit_model(path)
    assert "weight" not in repr(noise) and "array" not in repr(noise)


# Along a chain -------------------------------------------------------------------------------------------------------


def test_a_chain_adds_up_what_its_models_hide(dataset: zu.Dataset, trained: zu.Trained) -> None:
    noise = zu.commit_noise(dataset, SPEC, "the auditor", ["person 7"], trained)
    second = zu.prove(dataset, SPEC, ["person 7"], trained, noise=noise, nonce=OTHER)
    history = zu.verify_chain([dataset.commitment, trained.proof, second.proof])
    assert history.verdict == "valid"
    notes = history.entries[-1].notes
    assert [note for note in notes if note.startswith("with the 1 before it: mu 0.")]
    assert [note for note in notes if "precedence of its commitment not checked" in note]
    schedules: list[Any] = [trained.statement.schedule, second.statement.schedule]
    mu = float(sum(own.hidden.mu**2 for own in schedules)) ** 0.5
    (joint,) = [note for note in notes if "together" in note]
    assert mu <= float(joint.split("mu ")[1].split(",")[0]) < mu + 2e-5


@pytest.mark.parametrize("lie", ["one noise", "one nonce"])
def test_a_chain_shows_noise_and_nonces_that_were_used_twice(
    dataset: zu.Dataset, noise: zu.Noise, trained: zu.Trained, lie: str
) -> None:
    if lie == "one noise":
        second = zu.prove(dataset, SPEC, FORGET, noise=fresh(noise), nonce=b"6" * 32)
    else:
        other = zu.commit_noise(dataset, SPEC, "another", FORGET)
        second = zu.prove(dataset, SPEC, FORGET, noise=other, nonce=NONCE)
    assert zu.verify(second.proof, dataset.commitment).security_bits >= 100  # alone nothing is wrong with it
    history = zu.verify_chain([dataset.commitment, trained.proof, second.proof])
    assert history.verdict == "invalid"
    reason = {"one noise": "the same noise as that of statement", "one nonce": "the nonce of statement"}[lie]
    assert all(reason in entry.reason for entry in history.entries[1:])


def test_a_successor_with_the_same_noise_is_no_successor(
    dataset: zu.Dataset, noise: zu.Noise, trained: zu.Trained
) -> None:
    """Weights and coins of before, in a commitment of their own: as the root is another one, the nonce has to be."""
    later = owners_noise.undrawn(replace(trained.statement, previous=trained.proof.digest), "the auditor")
    same = replace(later, noise=trained.statement.noise)
    proof = zu.TrainingProof(same, trained.proof.proof, trained.proof.attached)
    with pytest.raises(StatementMismatch, match="the same noise as that of statement"):
        zu.verify(proof, dataset.commitment, previous=trained.proof)


@pytest.fixture(scope="module")
def forfeited(dataset: zu.Dataset) -> zu.Noise:
    """Committed to for the same request, and never used."""
    return zu.commit_noise(dataset, SPEC, "the auditor, on 2 December", FORGET)


def test_a_chain_shows_which_noise_was_used_and_which_was_forfeited(
    dataset: zu.Dataset, noise: zu.Noise, trained: zu.Trained, forfeited: zu.Noise, tmp_path: Path
) -> None:
    """A commitment that no proof followed is no lie, so the history is valid; but everybody sees it."""
    open_one = zu.commit_noise(dataset, SPEC, "a beacon", ["person 7"], trained)
    dataset.commitment.save(tmp_path / "dataset.commitment")
    trained.proof.save(tmp_path / "a.proof")
    for name, own in (("a", noise), ("b", forfeited), ("c", open_one)):
        own.commitment.save(tmp_path / f"{name}.noise")
    history = zu.verify_chain(tmp_path)
    assert history.verdict == "valid" and [own.name for own in history.noise] == ["a.noise", "b.noise", "c.noise"]
    used, lost, unknown = history.noise
    assert (used.verdict, used.used_by, used.notes) == ("used", "a.proof", ("it drew the noise of 'a.proof'",))
    assert (lost.verdict, lost.used_by) == ("not used", None)
    assert lost.notes == (
        "no proof used it, but 'a.proof' is of the same request, with other noise: who draws twice can choose",
    )
    assert (unknown.verdict, unknown.notes) == ("not used", (NOT_USED,))
    shown = CliRunner().invoke(main, ["verify", "--chain", str(tmp_path)])
    assert shown.exit_code == 0 and "2 commitments to noise without a proof" in shown.stdout.splitlines()[-1]
    words = " ".join(shown.stdout.split())
    assert words.count("NOT USED") == 2 and "who draws twice can choose" in words


def test_two_commitments_that_name_one_nonce_are_told(
    dataset: zu.Dataset, noise: zu.Noise, trained: zu.Trained, forfeited: zu.Noise
) -> None:
    same = zu.NoiseCommitment(replace(forfeited.statement, source=noise.statement.source))
    history = zu.verify_chain([dataset.commitment, trained.proof, noise.commitment, same, same])
    assert [own.name for own in history.noise] == ["noise 3", "noise 4"]  # what is there twice counts once
    assert all("names the same source of its nonce as 'noise" in own.notes[-1] for own in history.noise)


def test_noise_that_was_used_for_another_request_makes_a_history_invalid(
    dataset: zu.Dataset, noise: zu.Noise, trained: zu.Trained, tmp_path: Path
) -> None:
    """What was handed over before the nonce was for other people."""
    other = zu.NoiseCommitment(replace(noise.statement, forgotten=()))
    history = zu.verify_chain([dataset.commitment, trained.proof, other])
    (own,) = history.noise
    assert history.verdict == own.verdict == "invalid" and own.used_by == "proof 2"
    assert own.notes == ("what it commits to drew the noise of 'proof 2', which is another request than it is for",)
    for name, each in (("dataset.commitment", dataset.commitment), ("a.proof", trained.proof), ("a.noise", other)):
        each.save(tmp_path / name)
    shown = CliRunner().invoke(main, ["verify", "--chain", str(tmp_path)])
    assert shown.exit_code == 1 and "INVALID: 1 file of 3, the first 'a.noise'" in shown.stdout


def test_noise_of_a_proof_that_is_invalid_was_not_used(
    dataset: zu.Dataset, noise: zu.Noise, trained: zu.Trained
) -> None:
    proof = replace(trained.proof, proof=trained.proof.proof[:-1] + bytes([trained.proof.proof[-1] ^ 1]))
    history = zu.verify_chain([dataset.commitment, proof, noise.commitment])
    assert history.verdict == "invalid" and history.noise[0].notes == (NOT_USED,)


def test_a_damaged_commitment_in_a_folder_is_invalid(noise: zu.Noise, tmp_path: Path) -> None:
    (tmp_path / "a.noise").write_bytes(noise.commitment.to_bytes()[:-3])
    history = zu.verify_chain(tmp_path)
    assert history.verdict == "invalid" and history.noise == () and "a.noise" in history.entries[0].reason
