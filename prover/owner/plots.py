"""How a training went, as a figure: for its owner, from whose rows it is drawn; nothing of it is public or proved."""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import DataError, ParameterError, require_path
from ...formats.files import write_file
from ...models.convergence import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = {".png": "png", ".svg": "svg"}  # by the end of a file's name
FIRST, SECOND, GREY = "#a33c00", "#00518f", "#767676"  # each at least 4.5 to 1 on white
STYLE: Any = {  # matplotlib's types list all keys
    "svg.fonttype": "none",
    "svg.hashsalt": "zkunlearn",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
WIDTH, HEIGHT = 7.2, 3.1  # inches
NO_DATES = {"png": {"Software": None}, "svg": dict.fromkeys(("Date", "Creator", "Format", "Type"))}
NOT_INSTALLED = "a plot needs matplotlib: pip install 'zkunlearn[report]'"
NOTHING_TRAINED = "there is no curve to plot: nothing was trained that rows count in"


class Plotted:
    """What came of a training.

    Attributes:
        curve: how it went.
    """

    curve: Curve | None

    def plot(self, path: Path | str | None = None) -> Figure:
        """Loss and norm of its gradient by epochs, a figure of matplotlib's. Secret as `curve` is.

        Args:
            path: *.png or *.svg, where it is written too, 0600, in the place of what is there.

        Raises:
            DataError: there is no curve, or the file cannot be written.
            ParameterError: matplotlib is not installed, or the name ends otherwise.
        """
        require_plots(path)
        if self.curve is None:
            raise DataError(NOTHING_TRAINED)
        figure = drawn(self.curve)
        if path is not None:
            write_file(path, _file(figure, FORMATS[Path(path).suffix]), secret=True)
        return figure


def require_plots(path: Path | str | None = None) -> None:
    """Raises ParameterError if what draws is not installed, or for a file's name that says no format."""
    if path is not None:
        require_path("path", path)
        if Path(path).suffix not in FORMATS:
            raise ParameterError(f"{path}: must end in {' or '.join(FORMATS)}")
    if find_spec("matplotlib") is None:
        raise ParameterError(NOT_INSTALLED)


def drawn(curve: Curve) -> Figure:
    """The figure of a curve."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        left, right = (figure.add_subplot(1, 2, number) for number in (1, 2))
        _losses(left, curve)
        _gradients(right, curve)
        for axes in (left, right):
            _epochs(axes, curve)
    return figure


def _losses(axes: Axes, curve: Curve) -> None:
    epochs = [point.epoch for point in curve.points]
    axes.axhline(curve.constant_loss, color=GREY, linewidth=1, linestyle=":", label="the best constant")
    axes.plot(epochs, [point.loss for point in curve.points], color=FIRST, marker="o", markersize=3, label="loss")
    if any(point.penalty for point in curve.points):
        objectives = [point.objective for point in curve.points]
        axes.plot(epochs, objectives, color=SECOND, linestyle="--", marker="s", markersize=3, label="with L2")
    axes.set_title("mean loss of a row that counts", fontsize=10)
    axes.legend(frameon=False, fontsize=9)


def _gradients(axes: Axes, curve: Curve) -> None:
    norms = [point.gradient_norm for point in curve.points]
    axes.plot([point.epoch for point in curve.points], norms, color=SECOND, marker="o", markersize=3)
    if min(norms) > 0:
        axes.set_yscale("log")
    axes.set_title("norm of its gradient", fontsize=10)


def _epochs(axes: Axes, curve: Curve) -> None:
    """Nearer at first, where much happens; an optimum has none."""
    if curve.stepped:
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(0, max(1, curve.last.epoch))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("epoch")
    else:
        axes.set_xticks([point.epoch for point in curve.points], ["zero weights", "optimum"])


def _file(figure: Figure, kind: str) -> bytes:
    """The same bytes for the same numbers."""
    import matplotlib

    stream = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(stream, format=kind, metadata=NO_DATES[kind], dpi=150)
    return stream.getvalue()
