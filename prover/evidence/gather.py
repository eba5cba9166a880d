"""Evidence on an unlearning, for its owner: measured in float64, from the rows; not a proof, and not public."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...errors import ParameterError
from ...formats.files import write_file
from ...models.checks import integer_within, real
from ...shown import Facts, Shown, Words
from ..owner.dataset import Dataset
from .findings import Finding, findings
from .measure import Asked, measure
from .results import Measured
from .setting import Compared, Steps, setting_of

RETRAININGS, FEWEST, MOST = 40, 8, 1000
SEED, LARGEST_SEED = 1, (1 << 63) - 1
SUFFIX = ".html"


@dataclass(frozen=True, repr=False)  # what is told of the owner's rows stays out of logs
class Evidence(Shown):
    """What was found, and the page that shows it.

    Attributes:
        measured: all numbers.
    """

    measured: Measured

    @property
    def facts(self) -> Facts:
        """See Shown: what it is about, and nothing that was measured."""
        own = self.measured.about
        named = (("data set", own.dataset), ("before", own.before), ("after", own.after))
        digests = tuple((name, bytes.fromhex(text)) for name, text in named)
        return (("", Words("evidence, not a proof")), *digests, ("forgotten", own.forgotten), ("rows", own.rows))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """In words."""
        return findings(self.measured)

    def to_mapping(self) -> dict[str, Any]:
        """All numbers and words, as plain values."""
        said = [asdict(each) for each in self.findings]
        return {"evidence_not_proof": True, "findings": said, **self.measured.to_mapping()}

    def to_html(self) -> str:
        """The page. Raises ParameterError if what draws it is not installed."""
        from .page import page

        return page(self.measured, self.findings)

    def save(self, path: Path | str) -> None:
        """Write the page, 0600: it was computed from secret rows.

        Raises:
            DataError: it cannot be written.
            ParameterError: what draws it is not installed, or the name does not end in .html.
        """
        if Path(path).suffix != SUFFIX:
            raise ParameterError(f"{path}: must end in {SUFFIX}")
        write_file(path, self.to_html().encode(), secret=True)


def evidence(
    dataset: Dataset,
    before: Compared | Path | str,
    after: Compared | Path | str,
    holdout: Dataset | None = None,
    *,
    set_aside: float | None = None,
    retrainings: int = RETRAININGS,
    seed: int = SEED,
    mu: float | None = None,
    steps: Steps | None = None,
) -> Evidence:
    """Measure what two models tell of the rows that were forgotten between them.

    Args:
        dataset: that `after` was trained on; nothing of it is spent.
        before, after: secrets, or their files. Of what `prove` returns it is `.secret`, of shards `.model`, or P.bundle
            with the secrets beside it.
        holdout: rows that neither model saw: a data set with the same columns, bounds and classes. By default those
            that both specs hold out.
        set_aside: instead, a part of the remaining rows, above 0 and at most 0.5: both models are then trained again
            without these, and measurements are of these stand-ins.
        retrainings: of each sort, FEWEST to MOST.
        seed: of all draws. The same seed gives the same evidence.
        mu: of a noisy model, how far it can be from a retrained one: bounds the advantage of whoever tells them apart.
        steps: called with what is done, how many of these are, and of how many.

    Raises:
        ParameterError: nothing was forgotten, there is no hold-out, models of another sort, of other rows or other
            shards, retrainings that come to nothing, or an argument of another type or out of range.
        DataError, FormatError: naming the file; or forgotten rows that are destroyed.
        TrainingError: a stand-in cannot be trained.
    """
    asked = Asked(
        integer_within("seed", seed, 0, LARGEST_SEED),
        integer_within("retrainings", retrainings, FEWEST, MOST),
        None if mu is None else real("mu", mu),
        steps or (lambda what, done, total: None),
    )
    if asked.mu is not None and asked.mu < 0:
        raise ParameterError(f"mu = {asked.mu}: must not be negative")
    setting = setting_of(dataset, before, after, holdout, set_aside, asked.draws("set aside"))
    return Evidence(measure(setting, asked))
