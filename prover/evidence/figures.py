"""The figures of the page: inline SVG, the same bytes for the same numbers, readable without colours."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..owner.plots import FIRST, GREY, HEIGHT, SECOND, STYLE, WIDTH
from .results import Measured, Membership

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BEFORE, AFTER = FIRST, SECOND
SIGNS = {"loss": "by loss", "calibrated": "by loss beside retrainings"}


@dataclass(frozen=True, repr=False)  # what is told of rows stays out of logs
class Drawing:
    """A figure.

    Attributes:
        svg: its element, with ids of its own.
        alt: what it shows, in words.
        caption: how to read it.
    """

    svg: str
    alt: str
    caption: str


def figures(found: Measured) -> dict[str, Drawing]:
    """By name: "membership", "distances", "shards" (if there are any), "reconstruction" (if it was tried)."""
    drawn = {"membership": _membership(found.membership), "distances": _distances(found)}
    if found.shards is not None:
        drawn["shards"] = _membership(found.shards.membership, "shards")
    return {**drawn, "reconstruction": _reconstruction(found)} if found.batches else drawn


def _svg(name: str, columns: int, draw: Callable[[list[Axes]], None]) -> str:
    """What is drawn on axes side by side."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = [figure.add_subplot(1, columns, column + 1) for column in range(columns)]
        draw(axes)
        stream = io.StringIO()
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(stream, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = stream.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)
    return text.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def _membership(found: Sequence[Membership], name: str = "membership") -> Drawing:
    def draw(axes: list[Axes]) -> None:
        for own, (sign, title) in zip(axes, SIGNS.items(), strict=True):
            own.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", label="guessing")
            for each in found:
                if each.sign == sign:
                    line = {"before": (BEFORE, "-"), "after": (AFTER, "--")}[each.model]
                    own.step(*each.curve, where="post", color=line[0], linestyle=line[1], label=each.model)
            own.set_title(title, fontsize=10)
            own.set_xlabel("hold-out rows taken for members")
            own.set_ylabel("forgotten rows found")
            own.set_xlim(0, 1)
            own.set_ylim(0, 1.02)
            own.legend(frameon=False, fontsize=9, loc="lower right")

    def told(each: Membership) -> str:
        return f"{each.model}, {SIGNS[each.sign]}: area {each.attack.auc:.2f}"

    alt = "Curves of an attack that tells members from strangers. " + "; ".join(map(told, found)) + "."
    caption = (
        "A curve far above the dotted line means that the model knows the forgotten rows. The line after should lie "
        "near the dotted one, as far as the number of forgotten rows lets one see."
    )
    return Drawing(_svg(name, 2, draw), alt, caption)


def _distances(found: Measured) -> Drawing:
    own = found.distances

    def draw(axes: list[Axes]) -> None:
        left, right = axes
        bins = np.histogram_bin_edges([*own.others, own.moved], bins=20).tolist()
        left.hist(own.others, bins=bins, color=GREY, edgecolor="white", label="other rows forgotten")
        left.axvline(own.moved, color=BEFORE, linewidth=2, label="these rows forgotten")
        left.set_xlabel("distance from the model before")
        left.set_ylabel("retrainings")
        locator: Any = left.yaxis.get_major_locator()
        locator.set_params(integer=True)
        ends = 0.0, 1.05 * max(*own.to_after, *own.to_before)
        right.plot(ends, ends, color=GREY, linewidth=1, linestyle=":", label="equally near")
        right.scatter(own.to_before, own.to_after, s=14, color=AFTER, label="a retraining")
        right.set_xlabel("distance from the model before")
        right.set_ylabel("from the model after")
        right.set_xlim(*ends)
        right.set_ylim(*ends)
        for each in axes:
            each.legend(frameon=False, fontsize=9)

    alt = (
        f"Left: forgetting these rows moved the weights by {own.moved:.3g}; forgetting as many others by "
        f"{min(own.others):.3g} to {max(own.others):.3g}. Right: {own.nearer} of {own.differ} retrainings are nearer "
        "to the model after than to the one before."
    )
    others = "the others" if found.shards is None else "the others of their shards"
    caption = (
        "Left: where the line stands among the bars says how unusual the forgotten rows were. Right: each dot is a "
        f"retraining without the forgotten rows and a tenth of {others}; below the dotted line it is nearer to the "
        "model after."
    )
    return Drawing(_svg("distances", 2, draw), alt, caption)


def _reconstruction(found: Measured) -> Drawing:
    looks = (("stranger", BEFORE, "o"), ("insider", AFTER, "D"), ("chance", GREY, "_"))

    def draw(axes: list[Axes]) -> None:
        (own,) = axes
        for place, each in enumerate(found.batches):
            for shift, (name, colour, marker), cosines in zip((-0.2, 0.0, 0.2), looks, each.cosines, strict=True):
                spread = place + shift + np.linspace(-0.07, 0.07, len(cosines))
                own.scatter(spread, sorted(cosines), s=14, color=colour, marker=marker, label=None if place else name)
        own.set_xticks(list(range(len(found.batches))), [f"{each.batch}" for each in found.batches])
        own.set_xlabel("rows forgotten together")
        own.set_ylabel("cosine with a forgotten row")
        own.set_ylim(-1.05, 1.05)
        own.legend(frameon=False, fontsize=9, loc="lower right", ncols=3)

    said = (
        f"{each.batch} together: stranger {each.stranger.tenth:.2f}, insider {each.insider.tenth:.2f}, chance "
        f"{each.chance.tenth:.2f}"
        for each in found.batches
    )
    alt = f"Cosines of guesses with the nearest forgotten row. Of one guess in ten it is at least: {'; '.join(said)}."
    caption = (
        "Each mark is a guess from two models, before and after some rows were forgotten together; at 1 it is the row. "
        "Chance's are the same guesses, compared with rows that were not forgotten."
    )
    return Drawing(_svg("reconstruction", 1, draw), alt, caption)
