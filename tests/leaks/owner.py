"""The owner's real commands on a data set with secrets that can be recognised; all they say and leave, and the secrets.

Beside the data, its ids and the weights, everything is secret that the prover draws, that it computes on the way to
the weights, and that it sends masked: it is noted while the commands run.
"""

from __future__ import annotations

import logging
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from zkunlearn.circuits.field.goldilocks import to_field
from zkunlearn.cli.program import main
from zkunlearn.prover.matrices import entropy
from zkunlearn.prover.owner import work as prover_work
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.prover.owner.model import Model
from zkunlearn.prover.protocol import proof as prover_protocol
from zkunlearn.prover.witnesses.newton import Stepped
from zkunlearn.prover.witnesses.noisy import FoundNoisy
from zkunlearn.prover.witnesses.noisy_newton import SteppedNoisy
from zkunlearn.prover.witnesses.one_pass import Solved
from zkunlearn.prover.witnesses.optimum import Found

from .scanner import Secrets

ROWS, FEATURES, X_BITS, W_BITS = 24, 4, 10, 20
SPEC = '[model]\nkind = "logistic"\n[method]\nepochs = 3\nlearning_rate = 0.5\nbatch_size = 8\n'
SPEC += f"[fixed_point]\nx_bits = {X_BITS}\nw_bits = {W_BITS}\n"
NOISY_SPEC = '[model]\nkind = "logistic"\n[method]\nkind = "noisy"\nl2 = 0.25\n'
NOISY_STEPS_SPEC = NOISY_SPEC.replace("noisy", "newton") + "steps = 2\nepsilon = 1.0\ndelta = 1e-5\n"
COLUMNS = [f"quantity {i}" for i in range(FEATURES)]
LOW, HIGH = -10.0, 10.0
SMALLEST_HIDDEN = 1 << 32  # hidden values below are not looked for: zeros and small public ones are among them

SMALLEST_ODD = 64  # integers are looked for alone if their odd part is not below: others stand in public equations


@dataclass(frozen=True)
class Table:
    """Cells of five decimals, ids like kolibri-4711, and yes or no."""

    cells: Any
    ids: tuple[str, ...]
    labels: tuple[str, ...]

    def write(self, path: Path, changed: dict[tuple[int, int], str] | None = None, names: tuple[str, ...] = ()) -> Path:
        """As CSV, on demand with other cells or ids."""
        lines = [",".join(["name", *COLUMNS, "ill"])]
        for i, (name, row, label) in enumerate(zip(names or self.ids, self.cells, self.labels, strict=True)):
            cells = [(changed or {}).get((i, k), f"{value:.5f}") for k, value in enumerate(row)]
            lines.append(",".join([name, *cells, label]))
        path.write_text("\n".join(lines) + "\n")
        return path


def make_table(seed: int = 7, rows: int = ROWS) -> Table:
    """Cells between 1 and 9.99999, of both signs: seven characters at least."""
    rng = np.random.default_rng(seed)
    cells = np.round(rng.uniform(1, 9.99, (rows, FEATURES)) * rng.choice([-1, 1], (rows, FEATURES)), 4) + 1e-5
    birds = ("kolibri", "pelikan", "zaunkoenig")
    ids = tuple(f"{birds[i % 3]}-{4711 + 37 * i}" for i in range(rows))
    return Table(np.round(cells, 5), ids, tuple("yes" if row[0] > 0 else "no" for row in cells))


# What is secret ------------------------------------------------------------------------------------------------------


def table_secrets(secrets: Secrets, table: Table) -> None:
    """Cells and ids as the owner wrote them."""
    secrets.add_texts("cell", [f"{value:.5f}" for value in table.cells.flat])
    secrets.add_words("cell, float64", table.cells.astype("<f8"))
    secrets.add_texts("id", table.ids)


def telling(integers: Any) -> Any:
    """Those that are no small multiple of a power of two, which any equation may have as a coefficient."""
    magnitude = np.abs(integers)
    return integers[magnitude >= SMALLEST_ODD * (magnitude & -magnitude).clip(1)]


def dataset_secrets(secrets: Secrets, dataset: Dataset) -> None:
    """Integers, in the order of positions, as they are stored; labels; all salts, blinds and tails."""
    rows = dataset.rows
    integers = np.array(rows.features, dtype=np.int64)
    secrets.add_runs("integers of a row", integers)
    secrets.add_runs("integers of a column", integers.T)
    negative = telling(integers[integers < 0])  # of others, six bytes are zeros
    secrets.add_words("integer in F", to_field(negative))
    secrets.add_words("integer, int64", negative)
    secrets.add_words("encoded, float64", (integers / 2.0**X_BITS).astype("<f8"))
    labels = [str(label) for label in np.array(rows.labels).tolist()]
    secrets.add_texts("labels", [joint.join(labels) for joint in ("", " ", ",", ", ", "\n")])
    for dtype in ("<i1", "<i2", "<i4", "<i8"):
        secrets.add_texts("labels", [np.array(rows.labels).astype(dtype).tobytes()])
    values: Any
    for name, values in (("blinds", rows.blinds), ("tails", dataset.secret.tails)):
        secrets.add_words(name, np.array(values))
    for name, values in (("record salts", rows.salts), ("leaf salts", dataset.secret.salts)):
        secrets.add_words(name, np.array(values))


def weights_secrets(secrets: Secrets, model: Model) -> None:
    """The weights, as integers and as real numbers."""
    secrets.add_words("weight", telling(model.integers).astype("<i8"))
    secrets.add_runs("weight", model.integers)
    secrets.add_words("weight in F", to_field(telling(model.integers)))
    secrets.add_words("weight, float64", model.weights.astype("<f8"))
    secrets.add_texts("weight", [f"{weight:.8f}"[:8] for weight in model.weights])
    secrets.add_words("tails", model.secret.tails)
    secrets.add_words("leaf salts", model.secret.salts)


@dataclass
class Noted:
    """What is noted while commands run.

    Attributes:
        secrets: what was drawn, computed and hidden.
        opened: positions that were opened, by tree, one dict a proof.
        provers: of all proofs.
    """

    secrets: Secrets
    opened: list[dict[str, list[int]]] = field(default_factory=list)
    provers: list[Any] = field(default_factory=list)


def on_the_way(found: Any) -> list[Any]:
    """What a training found before its model: weights of each output, or besides them what they were solved from."""
    if isinstance(found, Found):
        moved = [found.matrix, *(step.after for step in found.steps)] if isinstance(found, Stepped) else []
        if isinstance(found, Stepped) and found.proved is not None:
            moved += [found.proved.curvature, found.proved.rest, found.proved.error]
        return [found.settled.weights, found.settled.gradient, *moved]
    if isinstance(found, FoundNoisy):
        moved = [found.matrix, *(step.after for step in found.steps)] if isinstance(found, SteppedNoisy) else []
        return [found.noised.weights, found.noised.gradient, found.noised.coins, found.noised.rounded, *moved]
    if isinstance(found, Solved):
        return [found.solution.weights, found.solution.products, found.solution.targets]
    return [trace.weights for trace in found]


@contextmanager
def noting(secrets: Secrets) -> Iterator[Noted]:
    """While active, secrets of all proofs in this process are noted."""
    noted = Noted(secrets)
    makers = prover_work.MAKERS_OF_METHOD
    draw, prove, indices = entropy._random_bytes, prover_protocol.Prover.prove, prover_protocol.draw_indices

    def drawing(count: int) -> Any:
        drawn = draw(count)
        secrets.add_words("drawn", drawn.copy())
        return drawn

    def training(train: Any, *arguments: Any) -> Any:
        found = train(*arguments)
        for values in on_the_way(found):
            secrets.add_words("weights on the way", telling(values).astype("<i8"))
            secrets.add_words("weights on the way", to_field(telling(values)))
        return found

    def proving(self: Any) -> bytes:
        proof = prove(self)
        values = np.array([c for value in self.channel.values for c in value.pair], dtype=np.uint64)
        secrets.add_words("hidden value", values[values >= SMALLEST_HIDDEN])
        noted.provers.append(self)
        return proof

    def opening(*arguments: Any) -> dict[str, list[int]]:
        noted.opened.append(indices(*arguments))
        return noted.opened[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entropy, "_random_bytes", drawing)
        noting_makers = {kind: replace(own, train=partial(training, own.train)) for kind, own in makers.items()}
        patch.setattr(prover_work, "MAKERS_OF_METHOD", noting_makers)
        patch.setattr(prover_protocol.Prover, "prove", proving)
        patch.setattr(prover_protocol, "draw_indices", opening)
        yield noted


# Running commands ----------------------------------------------------------------------------------------------------


@dataclass
class Said:
    """What one command, or one call of the library, let out.

    Attributes:
        arguments: of the command.
        code: its exit code.
        texts: by where they were: "stdout", "stderr", "log", "warnings", "exceptions", "repr".
    """

    arguments: tuple[str, ...]
    code: int
    texts: dict[str, str]

    @property
    def whole(self) -> bytes:
        """All of it."""
        return "\n".join(self.texts.values()).encode()


class Keeper(logging.Handler):
    """Keeps every record, formatted."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def overheard(texts: dict[str, str]) -> Iterator[None]:
    """Log records of all levels, and all warnings. (numba's own, when it compiles, are about code.)"""
    keeper, root = Keeper(), logging.getLogger()
    level = root.level
    logging.getLogger("numba").setLevel(logging.INFO)
    root.addHandler(keeper)
    root.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        texts["warnings"] = "\n".join(str(warning) for warning in caught)
    finally:
        root.removeHandler(keeper)
        root.setLevel(level)
        texts["log"] = "\n".join(keeper.lines)


def run(*arguments: object) -> Said:
    """One command, in this process."""
    words, texts = tuple(map(str, arguments)), {}
    with overheard(texts):
        result = CliRunner().invoke(main, list(words))
    texts |= {"stdout": result.stdout, "stderr": result.stderr}
    if result.exc_info is not None and result.exc_info[1] is not None:
        texts["exceptions"] = told(result.exc_info[1])
    return Said(words, result.exit_code, texts)


def told(error: BaseException) -> str:
    """An exception with its causes and contexts, those too that are not shown: messages, arguments, and traceback."""
    lines, seen, waiting = [], set(), [error]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        notes = getattr(current, "__notes__", [])
        lines += [str(current), repr(current), repr(current.args), *notes, *traceback.format_exception(current)]
        lines += [str(value) for value in vars(current).values()]
        waiting += [other for other in (current.__cause__, current.__context__) if other is not None]
    return "\n".join(lines)
