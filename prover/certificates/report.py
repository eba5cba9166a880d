"""The page of a deletion certificate, for people: one HTML file that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from shlex import quote
from typing import Any

from ...errors import ParameterError, require_type
from ...verifier.certificates.certificate import Certificate, require_goes_on

TEMPLATE = "report.html.j2"
NOT_INSTALLED = "the page of a certificate needs jinja2: pip install 'zkunlearn[report]' (jinja2 is missing)"
SHOWN_REQUESTS = 500
SHOWN_MODELS = 5  # of a longer chain the last ones
BOX, GAP, HEIGHT = 130, 90, 74  # of the picture, in its own units
LARGER = 1.25  # pixels a unit, where there is room


def report_page(
    certificate: Certificate,
    earlier: Sequence[Certificate] = (),
    name: str = "unlearning.certificate.json",
    files_named: Sequence[str] = (),
) -> str:
    """The page. It says what the certificate says, and that this has to be checked.

    Args:
        certificate: what it is about; nothing of it is verified here.
        earlier: certificates that it goes on from, the first one first, for the picture.
        name: of the certificate's file, as the commands to check it have it.
        files_named: likewise those of the proof and what it refers to; as the certificate lists them, if not given.

    Raises:
        ParameterError: jinja2 is not installed; or an argument of another type.
        StatementMismatch, InvalidProof: the certificates are not of one chain.
    """
    require_type("certificate", certificate, Certificate, "`certify` returns it")
    chain = [*earlier, certificate]
    for before, after in pairwise(chain):
        require_goes_on(after, before)
    if find_spec("jinja2") is None:
        raise ParameterError(NOT_INSTALLED)
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    source = (files(__package__) / TEMPLATE).read_text(encoding="utf-8")
    statement, declared = certificate.statement, certificate.declared
    own = certificate.implied
    text: str = environment.from_string(source).render(
        declared=declared,
        signers=[{"keyid": each.keyid} for each in certificate.envelope.signatures],
        shown=declared.requests[:SHOWN_REQUESTS],
        more=max(0, len(declared.requests) - SHOWN_REQUESTS),
        late=sum(request.late for request in declared.requests),
        own=own,
        sentence=own["guarantee"]["words"][:1].upper() + own["guarantee"]["words"][1:],
        not_claimed=statement["predicate"]["notClaimed"],
        subjects=statement["subject"],
        sha256=certificate.sha256,
        commands=_commands(name, files_named or _file_names(own)),
        picture=Markup(_picture(chain)),
        caption=_caption(chain),
    )
    return text


def _shown(value: object) -> object:
    """Texts that others chose, without characters that do not print: escapes stand for them."""
    if type(value) is not str:
        return value
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in value)


def _commands(name: str, others: Sequence[str]) -> list[str]:
    """What to type in a shell."""
    certificate, *rest = (quote(Path(each).name) for each in (name, *others))
    return [
        "pip install 'zkunlearn[trust]'",
        f"zkunlearn inspect {certificate}",
        f"zkunlearn verify {' '.join([certificate, *rest])} --require-owner owner.key.pub",
    ]


def _file_names(own: dict[str, Any]) -> list[str]:
    """Names that stand for the files."""
    return [f"{each['name'].replace(' ', '-')}.{each['kind'].replace(' ', '-')}" for each in own["files"]]


def _steps(chain: Sequence[Certificate]) -> list[tuple[str, str]]:
    """Each model that is drawn: under it its statement, and before it what was forgotten."""
    implied = [each.implied for each in chain][-SHOWN_MODELS:]
    first = implied[0]["supersedes"]
    steps = [("", first)] if first is not None else []
    for own in implied:
        count = own["forgotten"]["newRows"] if own["supersedes"] is not None else own["forgotten"]["rows"]
        steps.append((f"{count:,} row{'' if count == 1 else 's'} forgotten", own["statement"]))
    return steps


def _picture(chain: Sequence[Certificate]) -> str:
    """The chain of models as SVG, one box a model; the last one is the certificate's own."""
    steps = _steps(chain)
    width = len(steps) * BOX + (len(steps) - 1) * GAP + 4
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{LARGER * width:.0f}" '
        f'role="img" aria-label="{escape(_caption(chain))}" font-family="system-ui, sans-serif" font-size="12">'
    ]
    for number, (forgotten, statement) in enumerate(steps):
        left, last = 2 + number * (BOX + GAP), number == len(steps) - 1
        if number:
            parts.append(
                f'<path d="M{left - GAP + 4} 46H{left - 8}m-7 -5l7 5l-7 5" fill="none" stroke="#1a1a1a" '
                f'stroke-width="1.5"/><text x="{left - GAP / 2}" y="36" text-anchor="middle" font-size="9.5">'
                f"{escape(forgotten)}</text>"
            )
        parts.append(
            f'<rect x="{left}" y="22" width="{BOX}" height="48" rx="4" fill="{"#e8eff8" if last else "#fff"}" '
            f'stroke="{"#1d4f8a" if last else "#5f5f5f"}" stroke-width="{2 if last else 1}"/>'
            f'<text x="{left + BOX / 2}" y="42" text-anchor="middle" font-weight="600">'
            f"{'Model after' if last else 'Model before' if number == len(steps) - 2 else 'Earlier model'}</text>"
            f'<text x="{left + BOX / 2}" y="59" text-anchor="middle" font-size="10" fill="#3d3d3d">'
            f"statement {escape(str(_shown(statement[:8])))}..</text>"
        )
    return "".join([*parts, "</svg>"])


def _caption(chain: Sequence[Certificate]) -> str:
    steps = _steps(chain)
    if len(steps) == 1:
        return f"One model, the first of its chain; {steps[0][0]}."
    return f"{len(steps)} models, each after the one that it supersedes; before the last: {steps[-1][0]}."
