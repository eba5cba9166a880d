"""How a training went, in words: for its owner, from whose rows it is found; nothing of it is public or proved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .output import Lines, foreign, table
from .words import plural

if TYPE_CHECKING:
    from ..models.convergence import Curve, Point


def score_text(curve: Curve, point: Point) -> str:
    """A score for people: 97.4%, or 0.515."""
    return f"{point.score:.1%}" if curve.score_name == "accuracy" else f"{point.score:.3f}"


def curve_table(curve: Curve) -> list[str]:
    """A line for each epoch that is shown, below their heads."""
    penalised = any(point.penalty for point in curve.points)
    heads = ["epoch", "loss", *(["with L2"] if penalised else []), "gradient norm", curve.score_name]
    rows = []
    for point in curve.points:
        penalty = [f"{point.objective:.5f}"] if penalised else []
        gradient, score = f"{point.gradient_norm:.2e}", score_text(curve, point)
        rows.append([str(point.epoch), f"{point.loss:.5f}", *penalty, gradient, score])
    return list(table(heads, rows))


def curve_lines(curve: Curve) -> Lines:
    """The first and the last loss, and how well the model fits."""
    first, last = curve.points[0], curve.last
    return [
        (
            "loss",
            f"{first.loss:.5f} at first, {last.loss:.5f} {_where(curve)}; a constant has {curve.constant_loss:.5f}",
        ),
        (curve.score_name, f"{score_text(curve, last)} on the rows that count; neither this nor the loss is proved"),
    ]


def curve_sentence(curve: Curve) -> str:
    """The trained model in half a line."""
    last = curve.last
    return f"loss {last.loss:.5f} {_where(curve)}, {curve.score_name} {score_text(curve, last)}"


def plot_lines(path: Path | None) -> Lines:
    """Where it was drawn."""
    return [] if path is None else [("SECRET", f"{foreign(path)}: drawn from rows and weights; do not publish it")]


def _where(curve: Curve) -> str:
    return f"after {plural(curve.last.epoch, 'epoch')}" if curve.stepped else "at the optimum"


def curve_data(curve: Curve) -> dict[str, Any]:
    """The same numbers, for JSON."""
    return {
        "score": curve.score_name,
        "constant_loss": curve.constant_loss,
        "epochs": [
            {
                "epoch": point.epoch,
                "loss": point.loss,
                "penalty": point.penalty,
                "gradient_norm": point.gradient_norm,
                "score": point.score,
            }
            for point in curve.points
        ],
    }
