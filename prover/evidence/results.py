"""What was measured, as data: numbers only, nothing of any row, and nobody's id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .membership import Attack
from .three_samples import Nearer
from .utility import Fit


@dataclass(frozen=True, repr=False)  # what is told of rows stays out of logs
class About:
    """What it is evidence on.

    Attributes:
        dataset, before, after: digests of statements, hexadecimal.
        family: of the models, for people. score: what their score is called.
        algorithm: how the model after was trained, for people.
        differences: of its spec from that of the model before.
        features: names of columns. label: of the column of labels, if it has one.
        rows: N. live_before, live_after: how many the models were trained on. added: of these, only the one after.
        forgotten: how many only the one before. holdout: how many neither.
        source: of the hold-out: "spec", "data set", or "set aside", and then models are stand-ins.
        supersedes: whether the statement after names the one before.
        seed, retrainings: as asked for. mu: as declared; None for exact methods.
        failed: how many retrainings came to nothing, as one has no certificate.
    """

    dataset: str
    before: str
    after: str
    family: str
    score: str
    algorithm: str
    differences: tuple[str, ...]
    features: tuple[str, ...]
    label: str | None
    rows: int
    live_before: int
    live_after: int
    added: int
    forgotten: int
    holdout: int
    source: str
    supersedes: bool
    seed: int
    retrainings: int
    mu: float | None
    failed: int

    @property
    def standing_in(self) -> bool:
        """Whether models were trained for this evidence, in the place of those that were proved."""
        return self.source == "set aside"


@dataclass(frozen=True, repr=False)
class Utility:
    """How good one model is.

    Attributes:
        model: "before", "after", or "float64": what the training after would be without integers.
        live: on the rows that the model after was trained on, or some of them.
        holdout: on rows that no model was.
        forgotten: mean loss on the forgotten rows.
    """

    model: str
    live: Fit
    holdout: Fit
    forgotten: float


@dataclass(frozen=True, repr=False)
class Membership:
    """Whether one model tells the forgotten rows from strangers.

    Attributes:
        model: "before" or "after".
        sign: "loss", or "calibrated": the loss less the mean of retrainings that saw neither.
        attack: what it finds.
        at_mean: advantage at the mean loss of rows that the model was trained on; only of losses.
        curve: rates of strangers taken for members, and of members found, at all thresholds.
    """

    model: str
    sign: str
    attack: Attack
    at_mean: float | None
    curve: tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True, repr=False)
class Distances:
    """Of weights on encoded features; of models of shards those of all shards that lost rows, one after another.

    Attributes:
        moved: from before to after.
        retrained: from the model after to the declared training, run here; None where it came to nothing.
        equal: whether its integers are those of the model after, all of them.
        float64: from the model after to the same training in float64; None where it was not run.
        to_after, to_before: of each retraining without a tenth of the remaining rows.
        nearer, differ, p: how many of these are nearer to the model after, of how many, and how probable by chance.
        others: from before to each model without as many other rows.
        rarity: part of these that moved it at least as far.
        mean_change, largest_change: of predictions for the hold-out, from before to after.
        tests: the relative test on predictions, by the rows they are for: "forgotten", "hold-out".
    """

    moved: float
    retrained: float | None
    equal: bool
    float64: float | None
    to_after: tuple[float, ...]
    to_before: tuple[float, ...]
    nearer: int
    differ: int
    p: float
    others: tuple[float, ...]
    rarity: float
    mean_change: float
    largest_change: float
    tests: Mapping[str, Nearer | None]


@dataclass(frozen=True, repr=False)
class Guesses:
    """How like an attacker's guesses are to rows, over trials.

    Attributes:
        median, tenth: cosine with the row that a guess is most like; of one guess in ten it is at least `tenth`.
        found, tenth_found: the part of features found within a tenth of a standard deviation, likewise.
    """

    median: float
    tenth: float
    found: float
    tenth_found: float


@dataclass(frozen=True, repr=False)
class Reconstruction:
    """Guesses at rows that were forgotten together.

    Attributes:
        batch: how many were. trials: how often it was tried.
        stranger: of whoever has both models and the hold-out. insider: of whoever has all remaining rows, too.
        chance: of both, with as many rows that were not forgotten.
        cosines: of stranger, insider and chance, each of all trials.
    """

    batch: int
    trials: int
    stranger: Guesses
    insider: Guesses
    chance: Guesses
    cosines: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True, repr=False)
class Shards:
    """What the models of shards tell, each asked by itself about the rows of its shard, not together.

    Attributes:
        count: how many models answer together after. rows: of a shard.
        touched: how many of these lost rows. kept: how many are the same, number for number, before and after.
        aggregate: how they answer together: "probability", "score" or "vote".
        utility, membership: as of Measured: of the models of shards that lost rows, each on its own rows; of hold-out
            rows each is asked of one of them.
    """

    count: int
    rows: int
    touched: int
    kept: int
    aggregate: str
    utility: tuple[Utility, ...]
    membership: tuple[Membership, ...]


@dataclass(frozen=True, repr=False)
class Measured:
    """All of it. Of models of shards, utility, membership and tests are of what they say together.

    Attributes:
        own: on the rows that were really forgotten, of which there is one batch.
        batches: on rows that were drawn, 1, 2, 5 and 20 at a time.
        uncertainty: of every advantage, for so few rows; see membership.uncertainty.
        bound: of the advantage over a retraining, from mu: 0 for exact methods.
        shards: what the models of shards tell by themselves; None of one model alone.
    """

    about: About
    utility: tuple[Utility, ...]
    membership: tuple[Membership, ...]
    uncertainty: float
    bound: float | None
    distances: Distances
    own: Reconstruction
    batches: tuple[Reconstruction, ...]
    shards: Shards | None = None

    def to_mapping(self) -> dict[str, Any]:
        """As plain values, without the points of curves."""
        found = asdict(self)
        for each in (*found["membership"], *(found["shards"] or {"membership": ()})["membership"]):
            del each["curve"]
        return found
