"""No secret in anything public: files, names, output, logs, warnings, exceptions, and what objects say of themselves.

What a statement declares is public and no secret here: bounds, names of columns and classes, positions and digests of
forgotten records, budgets. Salts of opened leaves are published by the protocol: they, and nothing else, are found
in the proofs, which also shows that the scan would find the others. What fails is in test_failures.py.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.field.goldilocks import P
from zkunlearn.circuits.statements.evaluation import MIN_ROWS
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.prover.owner.left_out import LeftOut
from zkunlearn.prover.owner.model import Model
from zkunlearn.shown import Shown

from . import owner
from .owner import COLUMNS, Noted, Said, Table, run
from .scanner import Secrets

LISTS = (".forgotten", ".history", ".nonces")
OF_STATEMENTS = (
    *(".commitment", ".proof", ".link", ".registration", ".evaluation", ".distance", ".predictions", ".noise"),
)
PUBLIC_SUFFIXES = (*LISTS, *OF_STATEMENTS, "suggested.toml")
FORGOTTEN = 3  # the row
LEFT_OUT = ("wiedehopf-17", "wiedehopf-4711")
BOUNDS = "[bounds]\n" + "".join(f'"{name}" = [{owner.LOW}, {owner.HIGH}]\n' for name in COLUMNS)


@dataclass
class Story:
    """All that an owner did with one table."""

    folder: Path
    table: Table
    secrets: Secrets
    noted: Noted
    said: list[Said] = field(default_factory=list)

    def run(self, *arguments: object, code: int = 0) -> Said:
        said = run(*arguments)
        assert said.code == code, said.texts
        self.said.append(said)
        return said

    def commit(self, out: str, *options: object, table: str = "table.csv") -> tuple[object, ...]:
        given = ("commit", self.folder / table, "--target", "ill", "--id", "name", "--x-bits", owner.X_BITS)
        return (*given, "--bounds", self.folder / "bounds.toml", "--out", self.folder / out, *options)

    def prove(self, out: str, *options: object, data: str = "data") -> tuple[object, ...]:
        return ("prove", self.folder / data, "--spec", self.folder / "spec.toml", "--out", self.folder / out, *options)

    @property
    def forgotten(self) -> str:
        return self.table.ids[FORGOTTEN]

    @property
    def public_files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.name.endswith(PUBLIC_SUFFIXES))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder, table, secrets = tmp_path_factory.mktemp("story"), owner.make_table(), Secrets()
    table.write(folder / "table.csv")
    (folder / "bounds.toml").write_text(BOUNDS)
    (folder / "spec.toml").write_text(owner.SPEC)
    with owner.noting(secrets) as noted:
        story = Story(folder, table, secrets, noted)
        (folder / "left.txt").write_text("\n".join(LEFT_OUT))
        story.run(*story.commit("data", "--openings", 11, "--left-out", folder / "left.txt"))
        story.run("suggest", folder / "data", "--json")
        story.run("suggest", folder / "data", "--out", folder / "suggested.toml")
        tried = ("train", folder / "data", "--spec", folder / "spec.toml")
        story.run(*tried, "--json")
        story.run(*tried, "--forget", story.forgotten)
        story.run(*story.prove("first.proof", "--timings"))
        again = ("--forget", story.forgotten, "--previous", folder / "first.proof")
        story.run(*story.prove("second.proof", *again))
        story.run(*story.prove("third.proof", "--previous", folder / "second.proof", "--json"))
        story.run(*story.prove("fourth.proof", "--quiet"))
        (folder / "noisy.toml").write_text(owner.NOISY_SPEC)
        noisy = story.prove("noisy.proof", "--spec", folder / "noisy.toml", "--forget", story.forgotten)
        story.run(*noisy, "--commit-noise", "a beacon")
        for path in (folder / "noisy.noise", folder / "noisy.noise.opening"):
            story.run("inspect", path)
        story.run(*noisy, "--nonce", "cd" * 32, "--json")
        (folder / "steps.toml").write_text(owner.NOISY_STEPS_SPEC)
        begun = ("--forget", story.forgotten, "--previous", folder / "noisy.proof")
        steps = story.prove("steps.proof", "--spec", folder / "steps.toml", *begun)
        story.run(*steps, "--commit-noise", "another beacon", "--json")
        story.run(*steps, "--nonce", "ef" * 32)
        story.run("recommit", folder / "data", "--openings", 5, "--out", folder / "fresh", "--json")
        story.run("register", folder / "data")
        story.run("receipt", folder / "data", "--id", story.forgotten, "--out", folder / "her.receipt", "--json")
        story.run("receipt", folder / "data", "--all", "--out", folder / "receipts")
        story.run(*story.prove("fifth.proof", "--previous", folder / "second.proof", "--fork", data="fresh"))
        more, right = newcomers(), put_right(table)
        add = ("--target", "ill", "--id", "name", "--out")
        story.run("append", folder / "fresh", more.write(folder / "more.csv"), *add, folder / "longer", "--json")
        nonce = ("--nonce", "ab" * 32)
        story.run("rectify", folder / "longer", right.write(folder / "right.csv"), *add, folder / "right", *nonce)
        story.run(*story.prove("sixth.proof", "--previous", folder / "fifth.proof", data="right"))
        renew = ("recommit-model", folder / "first.model.opening", "--out")
        story.run(*renew, folder / "renewed.model.opening", "--openings", 3)
        story.run(*renew, folder / "again.model.opening", "--json")
        others = owner.make_table(seed=10, rows=MIN_ROWS)
        others.write(folder / "others.csv")
        story.run(*story.commit("holdout", table="others.csv"))
        models = [part for name in ("second", "sixth") for part in ("--model", folder / f"{name}.model.opening")]
        (folder / "near.toml").write_text(owner.SPEC.replace("epochs", "l2 = 0.25\nepochs"))
        alone = ("--spec", folder / "near.toml", "--out", folder / "near.proof")
        story.run("prove", folder / "data", *alone)
        near = ("--model", folder / "near.model.opening", "--out", folder / "near.distance")
        story.run("prove-distance", folder / "data", *near, "--json")
        story.run("evaluate", folder / "holdout", *models, "--out", folder / "both.evaluation", "--json")
        asked = owner.make_table(seed=11, rows=4).write(folder / "asked.csv")  # of a customer's, and public
        story.run("predict", folder / "renewed.model.opening", asked, "--prove", folder / "asked.predictions")
    audit(story)
    for each in (table, more, right, others):
        owner.table_secrets(secrets, each)
    secrets.add_texts("id", LEFT_OUT)
    for name in ("data", "fresh", "longer", "right", "holdout"):
        owner.dataset_secrets(secrets, Dataset.load(folder / name))
    for path in folder.glob("*.model.opening"):
        owner.weights_secrets(secrets, Model.load(path))
    return story


def newcomers() -> Table:
    """Rows that are added."""
    whole = owner.make_table(seed=8, rows=owner.ROWS + 5)
    return Table(whole.cells[owner.ROWS :], whole.ids[owner.ROWS :], whole.labels[owner.ROWS :])


def put_right(table: Table) -> Table:
    """Some rows as they should have been."""
    other = owner.make_table(seed=9)
    return Table(other.cells[5:8], table.ids[5:8], other.labels[5:8])


def audit(story: Story) -> None:
    """Everything is inspected, and proofs are verified."""
    folder = story.folder
    secret = [path for suffix in ("opening", "left_out") for path in folder.rglob(f"*.{suffix}")]
    files = [*story.public_files, *secret, folder / "her.receipt", folder / "spec.toml"]
    for path in files:
        story.run("inspect", path)
        story.run("inspect", path, "--json")
    check = ("verify", folder / "second.proof", "--dataset", folder / "data" / "dataset.commitment")
    pins = ("--previous", folder / "first.proof", "--forget-file", folder / "second.forgotten")
    for options in ((), ("--json",), ("--quiet",), pins):
        story.run(*check, *options)
    story.run(*check, "--previous", folder / "third.proof", code=1)


# What is found -------------------------------------------------------------------------------------------------------


def test_nothing_that_commands_say_holds_a_secret(story: Story) -> None:
    """The id to forget was typed by the user; even so it is not repeated."""
    assert {said.arguments[0] for said in story.said} == {
        "commit",
        "suggest",
        "train",
        "prove",
        "recommit",
        "append",
        "rectify",
        "recommit-model",
        "register",
        "receipt",
        "prove-distance",
        "evaluate",
        "predict",
        "inspect",
        "verify",
    }
    for said in story.said:
        assert story.secrets.found_in(said.whole, text=True) == {}, said.arguments


def test_no_public_file_holds_a_secret_but_salts_of_opened_leaves(story: Story) -> None:
    """And the pads of hidden values that happen to be zero: s = h + kappa is kappa then, which tells nobody so."""
    names = {path.name for path in story.public_files}
    assert names >= {
        "dataset.commitment",
        "first.proof",
        "second.forgotten",
        "dataset.link",
        "renewed.model.link",
        "dataset.registration",
        "both.evaluation",
        "near.distance",
        "asked.predictions",
    }
    found: list[bytes] = []
    for path in story.public_files:
        data = path.read_bytes()
        here = story.secrets.found_in(data, text=path.suffix in LISTS)
        assert set(here) <= {"drawn", "leaf salts"}, (path.name, list(here))
        found += [data[place : place + 8] for place in here.get("drawn", [])]
    assert sorted(found) == sorted([*opened_salts(story), *bare_pads(story)])


def opened_salts(story: Story) -> list[bytes]:
    """The words of the salts at opened positions, of all trees of all proofs."""
    words = []
    for prover, opened in zip(story.noted.provers, story.noted.opened, strict=True):
        for tree, positions in opened.items():
            salts = prover.commitments[tree].salts[positions].reshape(-1, 8)
            words += [salt.tobytes() for salt in salts]
    return words


def bare_pads(story: Story) -> list[bytes]:
    """Coefficients of pads that mask a zero; with linear constraints only, the mask of m0 is one of them."""
    words = []
    for prover in story.noted.provers:
        for value, pad in zip(prover.channel.values, prover.ledger.pads(), strict=True):
            words += [p.to_bytes(8, "little") for v, p in zip(value.pair, pad.pair, strict=True) if v == 0]
        products = [product for constraint in prover.channel.program.constraints for product in constraint.products]
        if not any(product.left.terms and product.right.terms for product in products):
            last = prover.ledger.kappa_prime[:, prover.ledger.shape.entries]
            words += [coefficient.tobytes() for coefficient in last]
    return words


def test_the_files_of_who_was_left_out_name_nobody_and_have_nothing_in_common_with_others(story: Story) -> None:
    """They go on with a data set; of the same people another one has other digests."""
    paths = sorted(story.folder.rglob("dataset.left_out"))
    assert {path.parent.name for path in paths} == {"data", "fresh", "longer", "right"}
    for path in paths:
        assert set(story.secrets.found_in(path.read_bytes())) == {"drawn"}, "the salt, and no id"
    there, again = Dataset.load(paths[0].parent).left_out, LeftOut.of(LEFT_OUT, ())
    assert there is not None and again is not None
    assert not {row.tobytes() for row in there.digests} & {row.tobytes() for row in again.digests}


def test_no_name_of_a_file_holds_a_secret_and_no_temporary_one_is_left(story: Story) -> None:
    names = [str(path.relative_to(story.folder)) for path in story.folder.rglob("*")]
    assert story.secrets.found_in("\n".join(names).encode(), text=True) == {}
    assert [name for name in names if "tmp" in name or ".zkunlearn-" in name or ".old" in name] == []


def test_what_is_declared_is_no_secret_of_these_tests(story: Story) -> None:
    """Names stand in the commitment, in clear."""
    data = (story.folder / "data" / "dataset.commitment").read_bytes()
    assert all(name.encode() in data for name in (*COLUMNS, "yes", "no"))


# The library ---------------------------------------------------------------------------------------------------------


def objects_of(root: Any) -> list[Any]:
    """All objects of this package's classes that can be reached from one through attributes and containers."""
    found, seen, waiting = [], set(), [root]
    while waiting:
        current = waiting.pop()
        if id(current) in seen or isinstance(current, (str, bytes, int, float, np.ndarray, type)):
            continue
        seen.add(id(current))
        if type(current).__module__.startswith("zkunlearn"):
            found.append(current)
            waiting += list(getattr(current, "__dict__", {}).values())
        elif isinstance(current, dict):
            waiting += list(current.values())
        elif isinstance(current, (list, tuple, set)):
            waiting += list(current)[:200]
    return found


def told(one: Any) -> tuple[str, ...]:
    """What logs, prints and notebooks show of it."""
    return (repr(one), str(one), f"{one}", *([one._repr_html_()] if isinstance(one, Shown) else []))


def test_no_object_says_a_secret_of_itself(story: Story) -> None:
    """repr and str of all that the library returns, and of all that its provers hold in the end."""
    folder = story.folder
    dataset, model = zu.load_dataset(str(folder / "data")), Model.load(folder / "first.model.opening")
    proof = zu.TrainingProof.load(folder / "first.proof")
    assert dataset.matrix.root == dataset.statement.root
    roots = [dataset, model, proof, zu.verify(proof, dataset.commitment), *story.noted.provers]
    objects = objects_of(roots)
    kinds = {type(one).__name__ for one in objects}
    assert kinds >= {"Dataset", "Rows", "Secret", "Commitment", "Model", "TrainingProof", "VerificationReport"}
    for kind in kinds - {"K"}:  # elements of the extension themselves say their value, as integers do
        own = [one for one in objects if type(one).__name__ == kind][:2]
        texts = "\n".join(text for one in own for text in told(one))
        assert story.secrets.found_in(texts.encode(), text=True).keys() <= {"drawn", "leaf salts"}, kind


# The power of the scan -----------------------------------------------------------------------------------------------


def lowest(dataset: Dataset) -> int:
    """A cell that is looked for alone."""
    return int(owner.telling(np.array(dataset.rows.features)).min())


PLANTS: dict[str, Callable[[Story, Dataset, Model], bytes]] = {
    "cell": lambda story, dataset, model: f"{story.table.cells[4, 1]:.5f}".encode(),
    "cell, float64": lambda story, dataset, model: story.table.cells[4, 1].astype("<f8").tobytes(),
    "id": lambda story, dataset, model: story.table.ids[9].encode(),
    "integers of a row": lambda story, dataset, model: dataset.rows.features[5].astype("<i2").tobytes(),
    "integers of a column": lambda story, dataset, model: dataset.rows.by_feature[1][3:5].astype("<i4").tobytes(),
    "integer in F": lambda story, dataset, model: (lowest(dataset) + P).to_bytes(8, "little"),
    "integer, int64": lambda story, dataset, model: lowest(dataset).to_bytes(8, "little", signed=True),
    "encoded, float64": lambda story, dataset, model: (dataset.rows.features[2] / 2**owner.X_BITS).tobytes(),
    "labels": lambda story, dataset, model: dataset.rows.labels.tobytes(),
    "blinds": lambda story, dataset, model: dataset.rows.blinds[1, 4].tobytes(),
    "record salts": lambda story, dataset, model: dataset.rows.salts[7].tobytes(),
    "leaf salts": lambda story, dataset, model: dataset.secret.salts[100][3:].tobytes(),
    "tails": lambda story, dataset, model: model.secret.tails[0, 5].tobytes(),
    "weight": lambda story, dataset, model: model.integers[0, 2:3].astype("<i8").tobytes(),
    "weight in F": lambda story, dataset, model: (int(model.integers[0, 1]) % P).to_bytes(8, "little"),
    "weight, float64": lambda story, dataset, model: model.weights[3].tobytes(),
    "drawn": lambda story, dataset, model: story.noted.provers[1].ledger.rows[1, 17].tobytes(),
    "weights on the way": lambda story, dataset, model: model.integers[0, :1].astype("<i8").tobytes(),
    "hidden value": lambda story, dataset, model: story.noted.provers[1].channel.values[0].a.to_bytes(8, "little"),
}
Plant = Callable[[Story, Dataset, Model], str]
SPELLINGS: dict[str, tuple[str, Plant]] = {
    "hex of a salt": ("record salts", lambda story, dataset, model: f"x{dataset.rows.salts[3].tobytes().hex()}"),
    "base64 of a salt": ("record salts", lambda story, dataset, model: base64_of(dataset.rows.salts[3].tobytes())),
    "base64 of tails": ("tails", lambda story, dataset, model: base64_of(b"?" + model.secret.tails[0, :4].tobytes())),
    "a pad in decimal": ("drawn", lambda story, dataset, model: f"pad={story.noted.provers[0].ledger.rows[0, 0]}"),
    "a row of integers": ("integers of a row", lambda story, dataset, model: repr(dataset.rows.features[6].tolist())),
    "an array of cells": ("cell, float64", lambda story, dataset, model: repr(story.table.cells[:3])),
    "a weight": ("weight", lambda story, dataset, model: f"|w| = {model.weights[1]:.9f}"),
    "integer weights": ("weight", lambda story, dataset, model: f"w={model.integers.tolist()}"),
}


def base64_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


@pytest.fixture(scope="module")
def opened(story: Story) -> tuple[Dataset, Model]:
    return Dataset.load(story.folder / "data"), Model.load(story.folder / "first.model.opening")


def test_there_is_a_plant_for_each_secret(story: Story) -> None:
    assert set(PLANTS) == {*story.secrets.words, *story.secrets.texts}


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_secret_is_found_in_bytes(story: Story, opened: tuple[Dataset, Model], name: str) -> None:
    # Past the first messages: of a value at a point without coordinates, as of a bias, one coefficient is always zero,
    # and what is sent for it is the pad alone.
    data = (story.folder / "second.proof").read_bytes()[:601]
    planted = data[:501] + PLANTS[name](story, *opened) + data[501:]
    assert name not in story.secrets.found_in(data)
    assert 0 <= min(story.secrets.found_in(planted)[name]) - 501 < 16


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_planted_secret_is_found_in_text(story: Story, opened: tuple[Dataset, Model], spelling: str) -> None:
    name, plant = SPELLINGS[spelling]
    text = story.said[0].texts["stdout"]
    assert name not in story.secrets.found_in(text.encode(), text=True)
    assert name in story.secrets.found_in(f"{text[:200]} {plant(story, *opened)}\n{text[200:]}".encode(), text=True)
