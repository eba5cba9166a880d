"""Who is forgotten changes no length: of proofs, of messages, of what is printed; nor the work of checking.

Real statements about one data set, each forgetting two other rows. (How many are forgotten is public, and so are their
positions: a statement has shorter integers for small ones, a record tree of an uneven number of rows has shorter paths
for the last, and paths that meet share what is above. With 16 rows, and one position in each half of them, the paths
meet at the root only, and even the files have one length.)
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import zkunlearn as zu
from zkunlearn.prover.matrices import entropy
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.prover.protocol import proof as prover_protocol
from zkunlearn.verifier import verify as verifier_verify

from ..attacks.recording import labelled
from . import owner
from .owner import run
from .test_scan import BOUNDS

ROWS, FORGET = 16, ((0, 8), (3, 14), (4, 11), (7, 15))  # positions
DRAWING = {"_integers", "indices", "squeeze"}  # indices are drawn again where they repeat
BY_POSITION = {"K.__sub__", "K.__init__"}  # eq at a public position is s or 1 - s, bit by bit
PRIVATE = re.compile(r"[0-9a-f]{64}")


@dataclass
class Seen:
    """One proof as others see it.

    Attributes:
        proof: its bytes.
        sizes: of the public files and of the model's opening.
        proving, verifying: labels and lengths of all that passed.
        drawn: how many random bytes the prover asked for, each time.
        calls: how often each function was called while the proof was checked.
        printed: what prove, inspect and verify print.
    """

    proof: bytes
    sizes: list[int]
    proving: list[str]
    verifying: list[str]
    drawn: list[int]
    calls: Counter[str]
    printed: list[str]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[Seen]:
    folder, table = tmp_path_factory.mktemp("lengths"), owner.make_table(9, ROWS)
    table.write(folder / "table.csv")
    (folder / "bounds.toml").write_text(BOUNDS)
    (folder / "spec.toml").write_text(owner.SPEC)
    given = ("commit", folder / "table.csv", "--target", "ill", "--id", "name", "--x-bits", owner.X_BITS)
    assert run(*given, "--bounds", folder / "bounds.toml", "--out", folder / "data").code == 0
    ids = Dataset.load(folder / "data").rows.ids
    return [look(folder, [ids[position] for position in positions]) for positions in FORGET]


def look(folder: Path, forget: list[str]) -> Seen:
    """Prove through the command line, check through the library, and print everything."""
    proving: list[str] = []
    verifying: list[str] = []
    drawn: list[int] = []
    out = folder / "unlearned.proof"
    options = [word for name in forget for word in ("--forget", name)]
    draw = entropy._random_bytes

    def noting(count: int) -> Any:
        drawn.append(count)
        return draw(count)

    with pytest.MonkeyPatch.context() as patch, labelled(proving, prover_protocol, "ProverChannel"):
        patch.setattr(entropy, "_random_bytes", noting)
        said = run("prove", folder / "data", "--spec", folder / "spec.toml", *options, "--out", out, "--force")
    assert said.code == 0, said.texts
    files = [out, folder / "unlearned.forgotten", folder / "unlearned.model.opening"]
    printed = [said.texts["stdout"], *(run("inspect", path).texts["stdout"] for path in files)]
    dataset = folder / "data" / "dataset.commitment"
    for more in ((), ("--json",), ("--quiet",)):
        printed.append(run("verify", out, "--dataset", dataset, *more).texts["stdout"])
    proof, commitment = zu.TrainingProof.load(out), zu.DatasetCommitment.load(dataset)
    with labelled(verifying), counted() as calls:
        zu.verify(proof, commitment, known_dataset=commitment.digest)
    sizes = [path.stat().st_size for path in files]
    return Seen(proof.proof, sizes, proving, verifying, drawn, calls, printed)


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """How often each function of this package is called below `verify_protocol`."""
    calls: Counter[str] = Counter()

    def note(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        module = frame.f_globals.get("__name__", "")
        if event != "call" or "zkunlearn" not in module or code.co_qualname in BY_POSITION:
            return
        if not DRAWING & set(code.co_qualname.split(".")):
            calls[f"{module}.{code.co_qualname}"] += 1

    real = verifier_verify.verify_protocol

    def watched(*arguments: Any) -> None:
        sys.setprofile(note)
        try:
            real(*arguments)
        finally:
            sys.setprofile(None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier_verify, "verify_protocol", watched)
        yield calls


def test_proofs_and_files_have_one_length(seen: list[Seen]) -> None:
    assert len({one.proof for one in seen}) == len(FORGET)
    assert len({len(one.proof) for one in seen}) == 1
    assert all(one.sizes == seen[0].sizes for one in seen)


@pytest.mark.parametrize("side", ["proving", "verifying"])
def test_messages_have_the_same_labels_and_lengths(seen: list[Seen], side: str) -> None:
    sequences: list[list[str]] = [getattr(one, side) for one in seen]
    assert len(sequences[0]) > 100
    assert all(sequence == sequences[0] for sequence in sequences)


def test_provers_draw_equally_many_bytes(seen: list[Seen]) -> None:
    assert sum(seen[0].drawn) > 10_000
    assert all(one.drawn == seen[0].drawn for one in seen)


def test_checking_takes_the_same_work(seen: list[Seen]) -> None:
    assert sum(seen[0].calls.values()) > 1000
    for one in seen:
        assert one.calls == seen[0].calls, one.calls - seen[0].calls


def test_what_is_printed_differs_in_digests_and_seconds_only(seen: list[Seen]) -> None:
    """Character by character, digests aside, the count of openings that were spent, and what is the owner's to know."""
    texts = [[plain(text) for text in one.printed] for one in seen]
    for text in texts:
        assert text == texts[0]
    lengths = [
        [len(re.sub(r"[\d.]+ s\b|\"seconds\": [\d.]+", "", others(text))) for text in one.printed] for one in seen
    ]
    assert all(length == lengths[0] for length in lengths)


OWNERS = re.compile(r"^  (loss|accuracy) .*\n|^  \"training\": \{.*?^  \},?\n", re.MULTILINE | re.DOTALL)


def others(text: str) -> str:
    """A text without how well `prove` fits the rows, which it tells the owner, and nobody's file holds."""
    return OWNERS.sub("", text)


def test_the_owner_alone_is_told_how_well_a_training_fits(seen: list[Seen]) -> None:
    """So that what is left out of the comparison is there, and in what an auditor's command prints it is not."""
    told = [bool(OWNERS.search(text)) for text in seen[0].printed]
    assert any(told) and not all(told)
    assert not any(OWNERS.search(text) for text in seen[0].printed if "VALID" in text)


def plain(text: str) -> str:
    """A text without digests, seconds and the number of openings used."""
    text = PRIVATE.sub("DIGEST", others(text))
    text = re.sub(r"\d+ of 32 used", "USED", text)
    return re.sub(r"\d+\.\d+ s\b|\"seconds\": [\d.]+", "SECONDS", text)


def test_a_longer_list_is_public_and_seen_in_the_number_only(seen: list[Seen]) -> None:
    """What a reader of the output learns about a forget list is how long it is, in the lines that say so."""
    text = seen[0].printed[0]
    assert [line for line in text.splitlines() if re.search(r"\bforgotten\b", line) and f"2 of {ROWS}" in line]
