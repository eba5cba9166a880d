"""The page of an evidence: one HTML file that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from importlib.util import find_spec
from statistics import median

from ...errors import ParameterError
from .figures import figures
from .findings import Finding
from .results import Measured

TEMPLATE = "page.html.j2"
NOT_INSTALLED = "the page of an evidence needs jinja2 and matplotlib: pip install 'zkunlearn[report]'"
SHOWN_FEATURES = 12
SOURCES = {
    "spec": "rows that the specs hold out of training",
    "data set": "all rows of another data set, of which it is the owner's word that no model saw them",
    "set aside": "rows that were set aside for this evidence",
}
SIGNS = {"loss": "loss", "calibrated": "loss less that of retrainings"}


def require_report() -> None:
    """Raises ParameterError if what draws the page is not installed."""
    missing = [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]
    if missing:
        raise ParameterError(f"{NOT_INSTALLED} ({missing[0]} is missing)")


def page(found: Measured, said: Sequence[Finding]) -> str:
    """The page. Raises ParameterError if what draws it is not installed."""
    require_report()
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    source = (files(__package__) / TEMPLATE).read_text(encoding="utf-8")
    drawn = figures(found)
    text: str = environment.from_string(source).render(
        found=found,
        about=found.about,
        parts=found.shards,
        own=found.distances,
        said=said,
        shown=found.about.features[:SHOWN_FEATURES],
        more=max(0, len(found.about.features) - SHOWN_FEATURES),
        source=SOURCES[found.about.source],
        signs=SIGNS,
        median=median,
        figures={
            name: {"svg": Markup(each.svg), "alt": each.alt, "caption": each.caption} for name, each in drawn.items()
        },
    )
    return text
