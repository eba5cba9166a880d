"""All randomness is the operating system's: there is no other source in the code, and none shows in what it makes."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.prover.matrices import entropy
from zkunlearn.verifier.protocol.merkle import SALT_BYTES

ROOT = Path(zu.__file__).parent
PACKAGES = ("cli", "prover", "verifier", "circuits", "models", "formats")
FORBIDDEN_MODULES = {"random", "uuid", "numpy.random", "scipy"}
FORBIDDEN_NAMES = {"urandom", "getrandom", "default_rng", "RandomState", "SystemRandom", "token_bytes", "randbits"}
SPEC = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=0.5, batch_size=4, l2=0.25)


class Entropy:
    """What the operating system could have returned, the same again for the same seed.

    Args:
        other: the number of the draw that differs.
    """

    def __init__(self, seed: bytes, other: int | None = None) -> None:
        self.seed, self.other, self.sizes = seed, other, list[int]()

    def urandom(self, count: int) -> bytes:
        number = len(self.sizes)
        self.sizes.append(count)
        tag = b"other" if number == self.other else b""
        return hashlib.shake_128(self.seed + tag + number.to_bytes(8, "little")).digest(count)


@contextmanager
def drawing(given: Entropy) -> Iterator[None]:
    """While active, the prover draws from it; in whole pieces, which threads would ask for in any order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entropy, "os", SimpleNamespace(urandom=given.urandom))
        patch.setattr(entropy, "PIECE", 1 << 40)
        yield


def story(given: Entropy) -> list[bytes]:
    """All public bytes: of commitments, proofs, recommitments, a growth, an evaluation, a distance and scores."""
    rng = np.random.default_rng(1)
    with drawing(given):
        dataset = zu.commit(rng.uniform(-1, 1, (10, 2)), np.arange(10) % 2, openings=6)
        first = zu.prove(dataset, SPEC)
        second = zu.prove(dataset, SPEC, forget=["3"], previous=first.proof)
        _, link = zu.recommit(dataset, openings=3)
        _, model_link = zu.recommit_model(first.secret)
        longer, growth = zu.append(dataset, dataset.rows.features[:2] / 2000, [0, 1])
        bounds = {own.name: (own.low, own.high) for own in dataset.statement.encoding.features}
        holdout = zu.commit(np.zeros((100, 2)), np.arange(100) % 2, bounds=bounds, openings=2)
        evaluation = zu.evaluate(holdout, [first.secret, second.secret])
        distance = zu.prove_distance(dataset, second.secret)
        predictions = zu.prove_predictions(second.secret, np.zeros((3, 2)), "score")
    files = [dataset.commitment, first.proof, second.proof, link, model_link, longer.commitment, growth]
    files += [holdout.commitment, evaluation, distance, predictions]
    return [file.to_bytes() for file in files]


@pytest.fixture(scope="module")
def told() -> tuple[Entropy, list[bytes]]:
    given = Entropy(b"one")
    return given, story(given)


def test_with_equal_entropy_proofs_are_equal_byte_by_byte(told: tuple[Entropy, list[bytes]]) -> None:
    given, files = told
    again = Entropy(b"one")
    assert story(again) == files
    assert again.sizes == given.sizes


def test_with_other_entropy_all_files_differ(told: tuple[Entropy, list[bytes]]) -> None:
    assert not set(told[1]) & set(story(Entropy(b"two")))


def test_a_growth_draws_all_of_its_own() -> None:
    """Blinds and salts of new rows, tails, leaf salts, masks, pads: with another draw, one of both files is another."""
    with drawing(Entropy(b"before")):
        X = [[0.5], [0.25], [1.0], [-1.0]]
        old = zu.commit(X, [0, 1, 1, 0], bounds={"x1": (-1, 1)}, openings=64)

    def grown(given: Entropy) -> tuple[bytes, bytes]:
        with drawing(given):
            new, link = zu.append(old, [[0.125]], [1])
        return new.commitment.to_bytes(), link.to_bytes()

    given = Entropy(b"growth")
    files = {grown(given)}
    again = grown(Entropy(b"growth"))
    assert again in files
    files |= {grown(Entropy(b"growth", other)) for other in range(len(given.sizes))}
    assert len(files) == 1 + len(given.sizes)


def commit_only(given: Entropy) -> bytes:
    with drawing(given):
        return zu.commit([[0.5], [0.25], [1.0]], [0, 1, 1], openings=2).commitment.to_bytes()


def test_every_draw_is_used() -> None:
    """Blinds, record salts, tails, leaf salts, the mask, the ledger, ..: another draw, another commitment."""
    given = Entropy(b"draws")
    files = {commit_only(given)}
    assert len(given.sizes) >= 6
    files |= {commit_only(Entropy(b"draws", other)) for other in range(len(given.sizes))}
    assert len(files) == 1 + len(given.sizes)


@pytest.mark.parametrize(("count", "threads", "pieces"), [(4, 2, [1, 1, 1, 1]), (11, 1, [1] * 11), (11, 2, [4, 4, 3])])
def test_salts_drawn_ahead_are_what_the_system_gives_each_once(
    count: int, threads: int, pieces: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few are drawn when they are asked for, and where there is one thread; many before, by another thread."""
    given, again = Entropy(b"ahead"), Entropy(b"ahead")
    monkeypatch.setattr(entropy, "os", SimpleNamespace(urandom=given.urandom))
    monkeypatch.setattr(entropy, "PIECE", SALT_BYTES)
    monkeypatch.setattr(entropy, "thread_count", lambda: threads)
    monkeypatch.setattr(entropy, "run_tasks", lambda tasks: [task() for task in tasks])
    salts = entropy.salts_ahead(count)
    if pieces == [1] * count:
        assert given.sizes == []
    drawn = salts()
    assert given.sizes == [SALT_BYTES * piece for piece in pieces]
    assert drawn.tobytes() == b"".join(again.urandom(size) for size in given.sizes)


# In the source -------------------------------------------------------------------------------------------------------


def sources() -> list[Path]:
    """Everything that runs at the owner's or the auditor's."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return [path for path in (*files, *ROOT.glob("*.py")) if path.name != "demo.py"]


def other_sources(tree: ast.AST) -> Iterator[str]:
    """Names by which a module could get at randomness that is not `prover.entropy`'s."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in FORBIDDEN_MODULES)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            full = [f"{node.module}.{name.name}" for name in node.names]
            yield from (name for name in [node.module or "", *full] if name in FORBIDDEN_MODULES)
            yield from (name.name for name in node.names if name.name in FORBIDDEN_NAMES)
        elif isinstance(node, ast.Attribute):
            if node.attr in FORBIDDEN_NAMES or (node.attr == "random" and not isinstance(node.ctx, ast.Store)):
                yield node.attr
            if isinstance(node.value, ast.Name) and node.value.id == "secrets" and node.attr != "token_hex":
                yield f"secrets.{node.attr}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "/dev/" in node.value:
            yield node.value


def test_no_module_has_another_source_of_randomness() -> None:
    """secrets.token_hex makes names of temporary files; self.secrets, a field of that name, is none."""
    found = {}
    for path in sources():
        names = [name for name in other_sources(ast.parse(path.read_text())) if not is_entropy(path, name)]
        if names:
            found[path.name] = names
    assert found == {}
    assert len(sources()) > 50


def is_entropy(path: Path, name: str) -> bool:
    """The prover's; and keys that sign, which are no part of proofs, are the system's bytes."""
    allowed = {ROOT / "prover" / "matrices" / "entropy.py", ROOT / "verifier" / "trust" / "signing_keys.py"}
    return path in allowed and name == "urandom"


@pytest.mark.parametrize(
    "code",
    [
        "import random",
        "from random import randbytes",
        "import numpy as np\nnp.random.default_rng(1)",
        "from numpy.random import default_rng",
        "from numpy import random",
        "import os\nos.urandom(32)",
        "from secrets import token_bytes",
        "import secrets\nsecrets.randbelow(5)",
        "open('/dev/urandom')",
    ],
)
def test_another_source_would_be_noticed(code: str) -> None:
    assert list(other_sources(ast.parse(code)))
