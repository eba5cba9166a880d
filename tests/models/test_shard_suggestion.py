"""A spec suggested for shards brings the models of all of them near their optima, in as few epochs of a stage as do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.errors import DataError, ParameterError
from zkunlearn.models import shard_suggestion
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.float_reference import train_float
from zkunlearn.models.heavy_ball import NEAR, Found
from zkunlearn.models.live import Live
from zkunlearn.models.methods.sisa import stages_of
from zkunlearn.models.optimum import Objective, minimum
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.shard_suggestion import NO_SHARD, Together, rows_looked_at, suggest_shards
from zkunlearn.models.shards import Shards
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.models.suggestion import PUBLIC

ROWS, SHARD = 150, 32
LOGISTIC, LINEAR = FAMILIES["logistic"], FAMILIES["linear"]


def table(kind: str = "binary", rows: int = ROWS) -> tuple[np.ndarray, np.ndarray, DatasetShape]:
    rng = np.random.default_rng(4)
    X = rng.uniform(-1, 1, (rows, 3)) * [1.0, 0.5, 0.1]
    z = X @ [2.0, -1.0, 5.0]
    y = {
        "binary": (z + rng.logistic(size=rows) / 4 > 0) + 0.0,
        "real": np.round(z / 4 * 2**14) / 2**14,
        "categorical": np.digitize(z, (-0.6, 0.6)) + 0.0,
    }[kind]
    classes = ("high", "low", "middle") if kind == "categorical" else ()
    label_bits = 14 if kind == "real" else 0
    return X, y, DatasetShape(rows=rows, features=3, label_kind=kind, label_bits=label_bits, x_bits=10, classes=classes)


def suggested(kind: str = "binary", **options: Any) -> Any:
    X, y, shape = table(kind)
    own = {"shard_rows": SHARD, "slices": 2, "l2": 1 / SHARD, **options}
    return suggest_shards(X, y, LINEAR if kind == "real" else LOGISTIC, shape, own.pop("live", Live(ROWS)), **own)


def looked_at(spec: TrainingSpec, kind: str = "binary") -> list[list[shard_suggestion.Stage]]:
    X, y, shape = table(kind)
    method: Any = spec.method
    shards = Shards(ROWS, method.shard_rows, method.slices)
    return shard_suggestion._shards_of(
        X, y, spec.family, shape, Live(ROWS), shards, method.l2, standardized=method.standardize
    )


def gap_of(spec: TrainingSpec, epochs: int, kind: str = "binary", outputs: int = 1) -> float:
    """Of the sum over shards, with so many epochs of a stage."""
    method: Any = spec.method
    own = looked_at(spec, kind)
    found = Found(
        learning_rate=method.learning_rate, momentum=method.momentum, epochs=epochs, gap=0.0, largest_score=0.0
    )
    least = sum(minimum(stages[-1].objective)[1] for stages in own)
    return shard_suggestion._chained(own, outputs, found, epochs, least)[0]


@pytest.mark.parametrize(("kind", "outputs"), [("binary", 1), ("real", 1), ("categorical", 3)])
def test_all_shards_come_near_and_one_epoch_less_would_not_do(kind: str, outputs: int) -> None:
    found = suggested(kind)
    _, _, shape = table(kind)
    schedule = stages_of(found.spec.compile(shape, Live(ROWS)))
    assert (schedule.shards.count, len(schedule.stages)) == (5, 2)
    assert found.expected_gap == gap_of(found.spec, found.epochs, kind, outputs) <= NEAR
    assert gap_of(found.spec, found.epochs - 1, kind, outputs) > NEAR
    assert found.notes == (PUBLIC,) and found.spec.method.standardize and found.epochs <= 200


def test_a_stage_that_begins_near_takes_fewer_epochs_than_one_from_zero() -> None:
    assert suggested(slices=4).epochs < suggested(slices=1).epochs


@pytest.mark.parametrize("standardize", [True, False])
def test_what_is_expected_of_a_shard_is_what_float64_trains(standardize: bool) -> None:
    """By the independent reference, of a shard in one stage."""
    X, y, shape = table()
    found = suggested(slices=1, standardize=standardize)
    method = found.spec.method
    alone = TrainingSpec(model="logistic", method=method.descent, fixed_point=found.spec.fixed_point)
    ends = []
    own = looked_at(found.spec)
    for shard, (stage,) in enumerate(own):
        rows = slice(shard * SHARD, min(ROWS, (shard + 1) * SHARD))
        part = DatasetShape(rows=len(y[rows]), features=3, label_kind="binary", label_bits=0, x_bits=10)
        weights = train_float(X[rows], y[rows], alone, alone.compile(part, Live(part.rows)))
        ends.append(stage.above(weights[None, :]))
    least = sum(minimum(stage.objective)[1] for (stage,) in own)
    assert sum(ends) / least - 1 == pytest.approx(found.expected_gap, abs=2e-5)


def test_together_every_shard_takes_its_own_steps() -> None:
    rng = np.random.default_rng(7)
    parts = tuple(
        Objective(LOGISTIC, rng.normal(size=(9, 2)), (rng.normal(size=(9, 1)) > 0).astype(np.float64), np.full(2, 0.1))
        for _ in range(3)
    )
    together, weights = Together(parts, 0.0), rng.normal(size=(6, 4))
    gradients, largest = together.gradients(weights)
    for number, part in enumerate(parts):
        own, scores = part.gradients(weights[2 * number : 2 * number + 2])
        assert np.array_equal(gradients[2 * number : 2 * number + 2], own) and (largest >= scores).all()
    assert together.values(weights) == pytest.approx(
        sum(part.values(weights[2 * k : 2 * k + 2]) for k, part in enumerate(parts))
    )
    assert minimum(together)[1] == pytest.approx(sum(minimum(part)[1] for part in parts))
    assert together.curvature(weights[:, 0]) == max(part.curvature(weights[:2, 0]) for part in parts)


def test_rows_that_do_not_count_and_shards_of_one_label_are_not_looked_at() -> None:
    X, y, shape = table()
    gone = tuple(row for row in range(ROWS) if SHARD <= row < 2 * SHARD or (row < SHARD and y[row] == 1))
    rest: dict[str, Any] = {"shard_rows": SHARD, "slices": 1, "l2": 0.05}
    found = suggest_shards(X, y, LOGISTIC, shape, Live(ROWS, gone), **rest)
    assert "found on 3 of 5 shards" in found.notes
    other = X.copy()
    other[list(gone)] = 0.9
    assert suggest_shards(other, y, LOGISTIC, shape, Live(ROWS, gone), **rest).spec == found.spec
    with pytest.raises(ParameterError, match=NO_SHARD):
        suggest_shards(X, np.sort(y), LOGISTIC, shape, Live(ROWS), shard_rows=1, slices=1, l2=0.05)
    with pytest.raises(DataError, match="every row that counts has the same label"):
        suggest_shards(X, np.ones(ROWS), LOGISTIC, shape, Live(ROWS), **rest)


def test_a_class_that_a_shard_has_not_is_left_out_there() -> None:
    X, y, shape = table("categorical")
    y = y[order := np.argsort(y, kind="stable")]
    found = suggest_shards(X[order], y, LOGISTIC, shape, Live(ROWS), shard_rows=64, slices=2, l2=0.05)
    assert found.expected_gap <= NEAR


def test_a_spec_whose_integers_fail_is_left_for_the_next_and_the_reason_is_told() -> None:
    seen: list[Any] = []

    def fails(spec: TrainingSpec) -> str | None:
        seen.append(spec)
        return "no room" if len(seen) < 3 else None

    found = suggested(fails=fails)
    assert found.spec == seen[2] and seen[0].fixed_point.z_limit < seen[1].fixed_point.z_limit
    assert seen[2].method.learning_rate <= seen[0].method.learning_rate / 2  # two scales of a rate, then a slower one
    with pytest.raises(ParameterError, match="no scales have room for a training that converges; no room at all"):
        suggested(fails=lambda spec: "no room at all", most_epochs=10, slices=1)


def test_of_many_rows_the_first_shards_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_suggestion, "MOST_CELLS", 2 * SHARD * 3)
    X, y, shape = table()
    count = rows_looked_at(shape, SHARD)
    assert count == 4 * SHARD
    found = suggest_shards(X[:count], y, LOGISTIC, shape, Live(ROWS), shard_rows=SHARD, slices=1, l2=0.05)
    assert any(note.startswith("found on 2 of 5 shards") for note in found.notes)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"shard_rows": 33}, "shard_rows = 33: must be a power of two"),
        ({"shard_rows": 512}, "shard_rows = 512: the data set has 150 rows"),
        ({"slices": 33}, "slices = 33: a shard has 32 rows"),
        ({"slices": 65}, "slices"),
    ],
)
def test_what_cannot_be_cut_is_refused_by_name(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ParameterError, match=f"^{reason}"):
        suggested(**options)
