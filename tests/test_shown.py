"""What objects say of themselves: a line and a small table, of public facts, in which no foreign text can pose."""

from __future__ import annotations

import html.parser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.base import STATEMENTS, Statement
from zkunlearn.prover.evidence.gather import Evidence
from zkunlearn.prover.owner.asked import Asked
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.prover.owner.status import ProvedTraining, Status
from zkunlearn.prover.owner.trial import ShardedRun
from zkunlearn.shown import DIGEST_BYTES, Facts, Shown, Words

HOSTILE = ("<script>alert(1)</script>", "a&b\"'", "<img src=x>", "rows 24, forgotten 0")  # all that columns may have
FILE = "<i>\u202egnp\nsecond\u200f.proof"
SECRETS = ("Mallory<script>", "Bob & Bob", "<b>Eve</b>")
SPEC = zu.TrainingSpec(model="logistic", epochs=4, learning_rate=0.5, without=["<img src=x>"])
TAGS = {"table", "caption", "tr", "th", "td"}
LONGEST = 500


class Seen(html.parser.HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[Any] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An object of each class that the library gives out, about data whose names are as bad as they may be."""
    folder = tmp_path_factory.mktemp("shown")
    rng = np.random.default_rng(5)
    X, y = rng.random((24, len(HOSTILE))), np.array([0, 1] * 12)
    ids = [*SECRETS, *(f"person {row}" for row in range(21))]
    dataset = zu.commit(X, y, ids, names=HOSTILE, bounds={name: (0, 1) for name in HOSTILE})
    dataset.save(folder / "data")
    trained = zu.prove(dataset, SPEC)
    second = zu.prove(dataset, SPEC, forget=[SECRETS[1]], previous=trained, fork=True)
    trained.save(folder / FILE)
    (folder / "public").mkdir()
    for name, public in ((FILE, trained.proof), ("dataset.commitment", dataset.commitment)):
        public.save(folder / "public" / name)
    registration = zu.register(dataset)
    receipt = zu.receipts(dataset, registration).of(SECRETS[1])
    found = zu.verify_receipt(receipt, dataset.commitment, registration=registration, proof=second.proof)
    status = zu.status(zu.load_dataset(folder / "data"))
    answered = zu.forget(folder / "data", ["nobody"], SPEC, folder / "proofs", skip_unknown=True)
    renewed, link = zu.recommit_model(trained.secret)
    grown = zu.append(dataset, X[:2], y[:2], ids=["person 101", "person 102"])
    objects = [
        *(dataset, dataset.commitment, trained, second, trained.proof, trained.model, registration, receipt, found),
        *(zu.verify(second.proof, dataset.commitment), zu.train(dataset, SPEC), zu.suggest(dataset)),
        *(zu.verify_chain(folder / "public"), status, *status.trainings),
        *(answered, second.asked, renewed, link, *grown, SPEC, SPEC.fixed_point, zu.FineScales(), zu.Processes(2)),
        zu.prove_predictions(trained.secret, X[:3], "class"),
        *signed(trained.proof, folder / "keys"),
        *filed(zu.prove(dataset, SPEC, forget=[SECRETS[1]], fork=True), dataset),
    ]
    objects += [each.statement for each in objects if isinstance(each, zu.Proof)]
    return {type(each).__name__: each for each in objects}


def filed(trained: zu.Trained, dataset: Dataset) -> tuple[Any, ...]:
    """A certificate, and what is verified of it."""
    materials = zu.Materials(proof=trained.proof, dataset=dataset.commitment)
    request = zu.DeletionRequest("<b>'&\"", *["2026-11-01T00:00:00Z"] * 2)
    certificate = zu.certify(trained.proof, dataset.commitment, zu.SigningKey.generate("ed25519"), requests=[request])
    return materials, request, certificate, zu.verify_certificate(certificate, materials)


def signed(proof: zu.TrainingProof, folder: Path) -> tuple[Any, ...]:
    """A signature, its keys and what was found."""
    folder.mkdir()
    key = zu.SigningKey.generate("ed25519")
    key.public.save(folder / "<script>alert(1)<.pub")
    envelope = zu.sign(proof, key, "auditor")
    endorsed = zu.require_signatures(proof, [envelope], auditors=1, keys=zu.load_keys(folder))
    return key, key.public, envelope, endorsed


def test_every_public_class_says_what_it_is() -> None:
    kinds = [getattr(zu, name) for name in zu.__all__]
    kinds = [kind for kind in kinds if isinstance(kind, type) and not issubclass(kind, Exception)]
    assert len(kinds) > 25
    for kind in (*kinds, Dataset, ShardedRun, Status, ProvedTraining, Asked, Evidence):
        assert issubclass(kind, Shown) and kind._repr_html_ is Shown._repr_html_, kind
        assert kind.__repr__ is Shown.__repr__ or kind.__repr__ is not object.__repr__, kind
        assert kind.shows or kind.facts is not Shown.facts or kind is zu.Proof, f"{kind} shows nothing"


def test_every_kind_of_statement_says_what_it_is_about() -> None:
    """Also one that somebody adds: its proofs would show a digest alone."""
    product = [kind for kind in STATEMENTS.values() if kind.__module__.startswith("zkunlearn.circuits.")]
    assert len(product) >= 8
    assert not [kind for kind in product if kind.about is Statement.about]
    assert not [kind for kind in product if kind.__repr__ is not Shown.__repr__]


def test_objects_say_it_in_a_line_and_in_a_table(told: dict[str, Any]) -> None:
    for name, each in told.items():
        line = repr(each)
        assert line.startswith((f"<{name}: ", f"{name}(")) and line.isprintable() and len(line) < LONGEST, line
        seen = Seen(each._repr_html_())
        assert {"table", "td"} <= seen.tags <= TAGS and not seen.attributes, seen.tags
        assert seen.text.startswith(f"{name}\n")


def test_what_is_told_is_what_matters(told: dict[str, Any]) -> None:
    digest = told["Model"].statement.digest.hex()[:12]
    assert f"statement {digest}, logistic regression by gradient descent, without '<img src=x>'," in repr(told["Model"])
    assert "rows 23 of 24, forgotten 1, supersedes " in repr(told["Trained"])
    assert "openings left 3 of 4" in repr(told["Trained"]) and "openings left 30 of 32" in repr(told["Dataset"])
    assert "found 1, never in 0, skipped 0" in repr(told["Asked"])
    assert "is forgotten yes" in repr(told["ReceiptReport"])
    assert "expected gap " in repr(told["Suggestion"]) and "verdict 'valid', entries 2" in repr(told["History"])


def test_no_name_of_a_column_poses_as_html_or_as_words(told: dict[str, Any]) -> None:
    shown = [name for name, each in told.items() if "script" in repr(each)]
    assert {"Dataset", "DatasetCommitment", "Model", "Trained", "TrainingProof", "VerificationReport"} <= {*shown}
    for each in told.values():
        page = each._repr_html_()
        assert page.isprintable() and not [name for name in (*HOSTILE[:3], "<i>") if name in page], page
    assert "'<script>alert(1)</script>'" in repr(told["Dataset"])


def test_no_name_of_a_file_breaks_the_line_or_turns_it_round(told: dict[str, Any]) -> None:
    for name in ("History", "ProvedTraining"):
        assert "<i>\\u202egnp\\nsecond\\u200f.proof" in repr(told[name])
        assert "&lt;i&gt;\\u202egnp\\nsecond\\u200f.proof" in told[name]._repr_html_()


def test_nobodys_id_is_told(told: dict[str, Any]) -> None:
    for each in told.values():
        for text in (repr(each), str(each), each._repr_html_()):
            assert not [word for word in ("Mallory", "Bob", "Eve", "person") if word in text], text


class Toy(Shown):
    """Whatever it is given."""

    def __init__(self, *facts: tuple[str, object]) -> None:
        self._facts = facts

    @property
    def facts(self) -> Facts:
        return self._facts


def lines(texts: str) -> Iterator[str]:
    return (line for line in texts.splitlines() if line)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (True, "yes"),
        (False, "no"),
        (0.25, "0.25"),
        (Words("plain words"), "plain words"),
        ("no words", "'no words'"),
        ("x" * 1000, f"'{'x' * 40}'.."),
        ("two\nlines\x1b[2J", "'two\\nlines\\x1b[2J'"),
        (bytes(range(32)), "000102030405"),
        (bytes(DIGEST_BYTES + 1), "33 bytes"),
        (("a", "b"), "'a', 'b'"),
        (tuple("abcdefg"), "'a', 'b', 'c', 'd' and 3 more"),
        ((object(), object()), "2"),
        ((), "0"),
        (Path("in/a b"), "'a b'"),
    ],
)
def test_a_fact_is_told_by_its_type(value: object, text: str) -> None:
    toy = Toy(("fact", value))
    assert repr(toy) == f"<Toy: fact {text}>"
    assert [*lines(Seen(toy._repr_html_()).text)] == ["Toy", "fact", text]


def test_what_is_not_there_is_not_told() -> None:
    assert repr(Toy(("a", None), ("b", 1), ("", Words("c")))) == "<Toy: b 1, c>"
