"""The whole story on a real data set: a hospital trains, twelve patients withdraw, an auditor checks.

The data are the 569 tumours of the Wisconsin breast cancer set that scikit-learn ships.
The owner works in `owner/`, the auditor has `auditor/` and nothing else: copies of the public files.
"""

from __future__ import annotations

import csv
import importlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import FixedPoint, TrainingSpec, VerificationReport, commit, load_spec, prove, verify
from ..circuits.statements.training import PATHS
from ..errors import DataError, ZkUnlearnError
from ..verifier.proofs import DatasetCommitment, TrainingProof
from .compiling import prepare_kernels
from .demo_certificate import tell_certificate
from .demo_noise import PROOF as NOISY
from .demo_noise import tell_noise
from .demo_optimum import CERTIFIED, tell_optimum
from .demo_people import tell_people
from .demo_requests import COMMITMENT, Stage
from .demo_shards import tell_shards
from .exits import reason_of
from .output import Output, one_line
from .places import require_folder_place
from .words import size_text, statement_lines

if TYPE_CHECKING:
    from ..prover.owner.dataset import Dataset
    from ..prover.owner.model import Model
    from ..prover.owner.sharded_model import ShardedModel
    from ..prover.owner.trained import Trained

MEASURES = {  # the largest value a measure can sensibly take: mean of the cells, standard error, worst cell
    "radius": (30, 3, 40),
    "texture": (50, 5, 60),
    "perimeter": (200, 30, 300),
    "area": (3000, 600, 5000),
    "smoothness": (0.2, 0.04, 0.3),
    "compactness": (0.4, 0.15, 1.5),
    "concavity": (0.5, 0.5, 1.5),
    "concave points": (0.3, 0.06, 0.3),
    "symmetry": (0.4, 0.1, 0.8),
    "fractal dimension": (0.1, 0.04, 0.3),
}
TARGET, ID, POSITIVE = "diagnosis", "patient", "malignant"
SPEC = TrainingSpec(
    model="logistic", epochs=84, learning_rate=2.4, momentum="increasing", l2=0.0018, standardize=True,
    fixed_point=FixedPoint(w_bits=14),
)  # fmt: skip  # what `suggest` finds for the breast_cancer of scikit-learn
WITHDRAWN = range(7, 437, 36)  # twelve rows, from all over the table
ONE_MORE, ANOTHER, A_THIRD = 90, 91, 92
SPEC_FILE = "spec.toml"
FIRST, SECOND, FORGOTTEN = "first.proof", "second.proof", "second.forgotten"
PUBLIC = (COMMITMENT, SPEC_FILE, FIRST, SECOND, FORGOTTEN)
WIDTH = 100


@dataclass
class Story:
    """Prints the story, and collects its figures for JSON."""

    silent: bool
    figures: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from rich.console import Console

        width = None if Console().is_terminal else WIDTH
        self._console = Console(quiet=self.silent, highlight=False, width=width)

    def chapter(self, title: str) -> None:
        """A heading."""
        self._console.print()
        self._console.rule(f"[bold]{title}", align="left")

    def say(self, text: str, style: str = "") -> None:
        """A paragraph."""
        from rich.text import Text

        self._console.print(Text(one_line(text), style=style))

    def shell(self, command: str) -> None:
        """The command that would do the same."""
        from rich.text import Text

        self._console.print(Text(f"$ zkunlearn {command}", style="dim"), soft_wrap=True)  # one line, to be copied

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Aligned columns; without heads, names and values."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(*heads, box=box.SIMPLE if heads else None, show_header=bool(heads), pad_edge=False)
        for row in rows:
            table.add_row(*(Text(one_line(cell)) for cell in row))
        self._console.print(table)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Say and keep how long something took."""
        start = perf_counter()
        yield
        seconds = round(perf_counter() - start, 3)
        self.figures.setdefault("seconds", {})[what] = seconds
        self.say(f"({what}: {seconds:.2f} s)", style="green")


@dataclass(frozen=True)
class Tumours:
    """What scikit-learn ships."""

    names: tuple[str, ...]
    X: NDArray[np.float64]
    classes: tuple[str, ...]


def run_demo(output: Output, out: Path | None) -> None:
    """Tell the story; its files go to `out`, or to a temporary directory that is removed.

    Raises:
        DataError: `out` is a directory with something in it, or cannot be made.
    """
    story = Story(silent=output.as_json or output.quiet)
    tumours = load_tumours()
    if out is None:
        with tempfile.TemporaryDirectory(prefix="zkunlearn-demo-") as folder:
            _tell(output, story, tumours, Path(folder))
        story.say("The files were temporary; `zkunlearn demo --out DIR` keeps them, certificate and page too.")
    else:
        if out.is_dir() and any(out.iterdir()):
            raise DataError(f"{out}: is there already and not empty; the demo needs a new directory")
        require_folder_place(out)
        certificate, page = _tell(output, story, tumours, out)
        story.say(f"All files are in {out}: try the commands above on them.")
        story.say(f"The certificate is {certificate}, and its page for people {page}.")
    output.result(
        "",
        [],
        "The demo went as it should: five proofs, a receipt, a bundle and a certificate valid, five lies found out.",
        story.figures,
    )


def load_tumours() -> Tumours:
    """The data set."""
    data: Any = importlib.import_module("sklearn.datasets").load_breast_cancer()
    classes = np.array([str(name) for name in data.target_names])[data.target]
    return Tumours(
        names=tuple(str(name) for name in data.feature_names),
        X=data.data,
        classes=tuple(classes.tolist()),
    )


def _tell(output: Output, story: Story, tumours: Tumours, root: Path) -> tuple[Path, Path]:
    """All chapters; where the certificate and its page are."""
    owner, auditor = root / "owner", root / "auditor"
    root.mkdir(parents=True, exist_ok=True)
    owner.mkdir(mode=0o700)
    auditor.mkdir()
    write_inputs(tumours, owner)
    prepare_kernels(output, whole=True)  # or times that are shown would have it in them
    dataset = _commit(story, owner)
    first, second = _train_and_forget(story, dataset, owner)
    _compare(story, tumours, first, second)
    for name in PUBLIC:
        shutil.copyfile((owner / "data" if name == COMMITMENT else owner) / name, auditor / name)
    _audit(story, auditor)
    tell_people(story, dataset, owner, auditor, (FIRST, SECOND), patient(WITHDRAWN[0]), patient(ONE_MORE))
    _lie(story, auditor, dataset)
    stage = Stage(dataset, owner, auditor, SECOND, patient(ANOTHER), partial(_accuracy, tumours))
    tell_optimum(story, stage)
    tell_noise(story, replace(stage, superseded=CERTIFIED.second, patient=patient(A_THIRD)))
    tell_shards(story, replace(stage, superseded=NOISY, patient=patient(ONE_MORE)))
    return tell_certificate(story, owner, auditor, (FIRST, SECOND), [patient(row) for row in WITHDRAWN])


# --- the owner ----------------------------------------------------------------------------------------------


def write_inputs(tumours: Tumours, owner: Path) -> None:
    """What an owner has before zkunlearn: patients.csv, and bounds.toml and spec.toml, written by hand."""
    with open(owner / "patients.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([ID, *tumours.names, TARGET])
        for row, (values, label) in enumerate(zip(tumours.X.tolist(), tumours.classes, strict=True)):
            writer.writerow([patient(row), *map(repr, values), label])
    places = {"mean {}": 0, "{} error": 1, "worst {}": 2}
    highs = {place.format(name): high[k] for name, high in MEASURES.items() for place, k in places.items()}
    lines = ["[bounds]", *(f'"{name}" = [0, {highs[name]}]' for name in tumours.names)]
    (owner / "bounds.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (owner / SPEC_FILE).write_text(SPEC.to_toml(), encoding="utf-8")


def patient(row: int) -> str:
    """The id of a row."""
    return f"patient-{row + 1:03}"


def _commit(story: Story, owner: Path) -> Dataset:
    from ..prover.tables.read import read_bounds, read_table

    story.chapter("1  The owner commits to the data, once")
    story.say(
        "A hospital has 30 measurements of tumours and a diagnosis for each. It publishes a commitment: a fingerprint "
        "that reveals no row, and a proof that every cell is in its declared range."
    )
    story.shell("commit patients.csv --target diagnosis --id patient --bounds bounds.toml --out data")
    table = read_table(owner / "patients.csv", TARGET, ID)
    bounds = read_bounds(owner / "bounds.toml")
    with story.timed("commit"):
        dataset = commit(table.X, table.y, table.ids, names=table.names, bounds=bounds, label_name=TARGET)
    dataset.save(owner / "data")
    story.say(f"{len(table.ids)} rows, {len(table.names)} features, data set {dataset.commitment.digest.hex()}")
    return dataset


def _train_and_forget(story: Story, dataset: Dataset, owner: Path) -> tuple[Trained, Trained]:
    story.chapter("2  The owner trains a model, and proves it")
    story.shell("prove data --spec spec.toml --out first.proof")
    spec = load_spec(owner / SPEC_FILE)
    with story.timed("first proof"):
        first = prove(dataset, spec)
    first.save(owner / FIRST)

    withdrawn = [patient(row) for row in WITHDRAWN]
    story.chapter(f"3  {len(withdrawn)} patients withdraw: train again without them, and prove it")
    story.say(", ".join(withdrawn))
    (owner / "withdrawn.txt").write_text("\n".join(withdrawn) + "\n", encoding="utf-8")
    story.shell("prove data --spec spec.toml --forget-file withdrawn.txt --previous first.proof --out second.proof")
    with story.timed("second proof"):
        second = prove(dataset, spec, forget=withdrawn, previous=first.proof)
    second.save(owner / SECOND)
    return first, second


def _compare(story: Story, tumours: Tumours, first: Trained, second: Trained) -> None:
    """Accuracies, which only the owner can compute."""
    accuracies = [_accuracy(tumours, trained.model) for trained in (first, second)]
    change = float(np.abs(first.model.weights - second.model.weights).max())
    story.table(
        ["", "all rows", "without the 12"],
        [
            [f"accuracy on all {len(tumours.X)} patients", *(f"{value:.1%}" for value in accuracies)],
            ["largest change of a weight", "", f"{change:.4f}"],
        ],
    )
    story.say(
        "The models are almost the same, so no look at a model tells whether it forgot: that is why a proof is needed."
    )
    story.figures["accuracy"] = accuracies


def _accuracy(tumours: Tumours, model: Model | ShardedModel) -> float:
    return float(np.mean(model.predict(tumours.X) == np.array(tumours.classes)))


# --- the auditor --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evidence:
    """What the auditor has read from public files."""

    dataset: DatasetCommitment
    spec: TrainingSpec
    first: TrainingProof
    second: TrainingProof
    forgotten: tuple[bytes, ...]


def read_evidence(auditor: Path) -> Evidence:
    """All public files."""
    from ..formats.lists import read_digests

    return Evidence(
        DatasetCommitment.load(auditor / COMMITMENT),
        load_spec(auditor / SPEC_FILE),
        TrainingProof.load(auditor / FIRST),
        TrainingProof.load(auditor / SECOND),
        read_digests(auditor / FORGOTTEN),
    )


def _audit(story: Story, auditor: Path) -> None:
    story.chapter("4  The auditor, who has public files only, verifies both")
    sizes = [(name, size_text((auditor / name).stat().st_size)) for name in PUBLIC]
    story.table(["public file", "size"], sizes)
    evidence = read_evidence(auditor)
    story.shell(f"verify {FIRST} --dataset {COMMITMENT} --spec {SPEC_FILE}")
    with story.timed("first verification"):
        report = verify(evidence.first, evidence.dataset, spec=evidence.spec)
    _show_verdict(story, "first proof", report)
    story.shell(
        f"verify {SECOND} --dataset {COMMITMENT} --spec {SPEC_FILE} --forget-file {FORGOTTEN} --previous {FIRST}"
    )
    with story.timed("second verification"):
        report = verify(
            evidence.second,
            evidence.dataset,
            spec=evidence.spec,
            forget=evidence.forgotten,
            previous=evidence.first,
        )
    _show_verdict(story, "second proof", report)
    story.say("What was verified, in words:")
    story.table([], statement_lines(report.statement))
    story.figures["bytes"] = {name: (auditor / name).stat().st_size for name in PUBLIC}
    story.figures["security_bits"] = report.security_bits


def _show_verdict(story: Story, name: str, report: VerificationReport) -> None:
    pinned = ", ".join(report.pinned)
    story.say(f"VALID: {name}, {report.security_bits:.1f} bits of proven security; pinned: {pinned}", "bold green")


# --- the lies -----------------------------------------------------------------------------------------------


def _lie(story: Story, auditor: Path, dataset: Dataset) -> None:
    story.chapter("6  Four lies, and how each is found out")
    evidence = read_evidence(auditor)
    proof, statement = evidence.second, evidence.second.statement
    middle = len(proof.proof) // 2
    flipped = proof.proof[:middle] + bytes([proof.proof[middle] ^ 1]) + proof.proof[middle + 1 :]
    slower = replace(
        statement,
        spec=TrainingSpec(model=SPEC.model, method=SPEC.method, fixed_point=SPEC.fixed_point, learning_rate=1.2),
    )
    shorter = replace(statement, forgotten=statement.forgotten[1:])
    paths = {PATHS: dataset.rows.record_paths(shorter.positions)}  # a liar has the whole tree
    lies = [
        ("The old model, which still knows the 12, sold as the new one", replace(proof, proof=evidence.first.proof)),
        ("One patient quietly left out of the forget list", TrainingProof(shorter, proof.proof, paths)),
        ("Another learning rate declared than the one used", TrainingProof(slower, proof.proof, proof.attached)),
        ("One bit of the proof flipped", replace(proof, proof=flipped)),
    ]
    rows = []
    for title, lie in lies:
        unpinned = _reason(evidence, lie, {})
        pinned = _reason(evidence, lie, {"spec": evidence.spec, "forget": evidence.forgotten})
        rows.append((title, unpinned, pinned if pinned != unpinned else "the same"))
    for title, unpinned, pinned in rows:
        story.say(title, style="bold")
        story.say(f"  INVALID: {unpinned}", style="red")
        if pinned != "the same":
            story.say(f"  and with algorithm and forget list pinned, INVALID: {pinned}", style="red")
    story.figures["lies"] = {title: unpinned for title, unpinned, _ in rows}


def _reason(evidence: Evidence, lie: TrainingProof, pins: dict[str, Any]) -> str:
    """Why a lie is rejected; the demo fails if it is not."""
    try:
        verify(lie, evidence.dataset, **pins)
    except ZkUnlearnError as error:
        found = reason_of(error)
        if found is None:
            raise
        return found[1]
    raise RuntimeError("a false statement was accepted")
