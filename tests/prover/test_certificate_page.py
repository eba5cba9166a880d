"""The page of a certificate: what it says, that it loads and runs nothing, and that no name in it becomes HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from zkunlearn.errors import ParameterError, StatementMismatch
from zkunlearn.prover.certificates import report as reports
from zkunlearn.prover.certificates.report import report_page
from zkunlearn.verifier.certificates.predicate import NOT_CLAIMED

from ..verifier.certificates.certified import NAMES, REQUEST, certificate, chain, resigned, successor

HOSTILE = "\u202e</code><script>alert(1)</script>\x1b[2J"


class Page(HTMLParser):
    """What is in a page: tags, attributes, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.open = "", list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def test_the_page_says_what_the_certificate_says() -> None:
    page = Page(report_page(certificate())).words
    assert "This page proves nothing by itself." in page and REQUEST.reference in page
    assert "1 request for deletion, of which 1 completed after the due date" in page and "late" in page
    assert "2 rows, 2 of them since the model before" in page and "30 of 32 committed" in page
    assert certificate().implied["guarantee"]["words"][1:] in page
    assert chain().proofs[1].digest.hex() in page and certificate().sha256 in page
    assert all(text in page for text in NOT_CLAIMED)
    assert "zkunlearn verify" in page and "must end in VALID" in page


def test_a_page_without_requests_says_so() -> None:
    assert "The certificate names no request." in Page(report_page(successor(), [certificate()])).words


def test_the_page_loads_and_runs_nothing() -> None:
    page = Page(report_page(successor(), [certificate()]))
    assert not {"script", "iframe", "object", "embed", "link", "img", "form", "base"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert not {"src", "href", "srcset", "action", "onload", "onclick"} & attributes.keys(), tag
        assert tag == "svg" or not any("//" in (value or "") for value in attributes.values())
    policy = next(own for tag, own in page.tags if tag == "meta" and "http-equiv" in own)
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_page_has_landmarks_headings_in_order_and_its_language() -> None:
    page = Page(report_page(certificate()))
    tags = [tag for tag, _ in page.tags]
    assert ("html", {"lang": "en"}) in page.tags and {"header", "main"} <= set(tags) and tags.count("h1") == 1
    headings = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1 and all(after <= before + 1 for before, after in pairwise(headings))
    named = {own["aria-labelledby"] for tag, own in page.tags if tag == "section"}
    assert named <= {own.get("id") for _, own in page.tags}
    assert all(own.get("aria-label") for tag, own in page.tags if own.get("role") in ("img", "group"))
    assert all("scope" in own for tag, own in page.tags if tag == "th")


def _colours(text: str) -> list[tuple[str, str]]:
    """Text on its ground, as the style sheet has them."""
    return [("#1a1a1a", "#ffffff"), ("#8a1c00", "#ffffff"), ("#3d3d3d", "#ffffff"), ("#1a1a1a", "#f3f3f3")]


def _light(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_all_text_has_the_contrast_that_is_asked_for() -> None:
    page = report_page(certificate())
    used = set(re.findall(r"(?<![\w-])color: (#[0-9a-f]{3,6})", page))
    assert used <= {text for text, _ in _colours(page)}
    for text, ground in _colours(page):
        lighter, darker = sorted((_light(text), _light(ground)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 7, (text, ground)


def test_names_that_others_chose_are_text() -> None:
    page = Page(report_page(successor(), [certificate()]))
    assert NAMES[1] in page.text and "b" not in {tag for tag, _ in page.tags}


@pytest.mark.parametrize(
    "place",
    ["algorithm.words", "algorithm.spec", "guarantee.words", "guarantee.kind", "statement", "protocol", "records.root"],
)
def test_what_a_forged_certificate_says_is_text_that_prints(place: str) -> None:
    def change(statement: dict[str, Any]) -> None:
        *folders, last = place.split(".")
        own = statement["predicate"]["implied"]
        for name in folders:
            own = own[name]
        own[last] = HOSTILE

    text = report_page(resigned(change))
    assert "script" not in {tag for tag, _ in Page(text).tags}
    assert "\u202e" not in text and "\x1b" not in text and "&lt;script&gt;" in text


def test_a_forged_subject_and_list_are_text_that_prints() -> None:
    def change(statement: dict[str, Any]) -> None:
        statement["subject"][0]["name"] = HOSTILE
        statement["subject"][0]["digest"] = {HOSTILE: HOSTILE}
        statement["predicate"]["implied"]["forgotten"]["classes"] = [HOSTILE]
        statement["predicate"]["notClaimed"] = [HOSTILE]
        statement["predicate"]["implied"]["files"][0]["name"] = HOSTILE

    text = report_page(resigned(change))
    assert "script" not in {tag for tag, _ in Page(text).tags} and "\u202e" not in text and "\x1b" not in text


def test_a_name_of_a_file_does_not_leave_its_command() -> None:
    page = Page(report_page(certificate(), name="a; rm -rf b.json", files_named=["it's.proof"])).text
    assert "'a; rm -rf b.json' 'it'\"'\"'s.proof' --require-owner" in page


def test_the_picture_has_the_models_of_the_chain() -> None:
    alone = report_page(successor())
    assert "2 models, each after" in alone and ">1 row forgotten<" in alone
    longer = report_page(successor(), [certificate()])
    assert "3 models, each after" in longer and ">2 rows forgotten<" in longer and ">Earlier model<" in longer


def test_certificates_of_another_chain_are_refused() -> None:
    with pytest.raises(StatementMismatch, match="goes on from another one"):
        report_page(certificate(), [successor()])


def test_a_long_list_of_requests_is_cut_and_says_so() -> None:
    def change(statement: dict[str, Any]) -> None:
        own = REQUEST.to_mapping()
        many = [own | {"reference": f"R{number}"} for number in range(reports.SHOWN_REQUESTS + 2)]
        statement["predicate"]["declared"]["requests"] = many

    page = Page(report_page(resigned(change))).words
    assert f"the first {reports.SHOWN_REQUESTS}" in page and "2 more requests are in the certificate." in page


def test_without_jinja2_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "find_spec", lambda name: None)
    with pytest.raises(ParameterError, match=r"pip install 'zkunlearn\[report\]'"):
        report_page(certificate())
