"""The page of an evidence: what it is computed from, what it says, and that no name in it does anything."""

from __future__ import annotations

import re
import stat
import sys
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.prover.evidence.findings import recommended
from zkunlearn.prover.evidence.gather import Evidence
from zkunlearn.prover.evidence.results import Guesses, Reconstruction

ROWS, FEW = 120, 8
NAMES = ["<script>alert(1)</script>", 'height" onload="x', "{{ 7 * 7 }}"]
PLACES = (50, 60)  # of who is forgotten: beyond the hold-out


def table(rows: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(0, 1, (rows, 3))
    return X, (X @ [1.0, -1.0, 0.5] + rng.normal(size=rows) / 4 > 0.25).astype(int)


def committed(rows: int = ROWS, seed: int = 3, **options: Any) -> Any:
    X, y = table(rows, seed)
    ids = [f"<b>{row} Subject</b>" for row in range(rows)]
    bounds = {name: (0.0, 1.0) for name in NAMES}
    return zu.commit(X, y, ids=ids, names=NAMES, bounds=bounds, **options)


def forgotten(dataset: Any) -> list[str]:
    return [dataset.ids[place] for place in PLACES]


def spec(**fields: Any) -> zu.TrainingSpec:
    return zu.TrainingSpec(model="logistic", **{"epochs": 8, "learning_rate": 1.0, "l2": 0.01, "holdout": 30, **fields})


@dataclass
class Made:
    dataset: Any
    before: zu.Model
    after: zu.Model
    found: Evidence
    page: str

    def again(self, **options: Any) -> Any:
        return zu.evidence(self.dataset, self.before, self.after, **{"retrainings": FEW, **options})


@pytest.fixture(scope="module")
def made() -> Made:
    dataset = committed()
    first = zu.prove(dataset, spec())
    second = zu.prove(dataset, spec(), forget=forgotten(dataset), previous=first)
    found: Any = zu.evidence(dataset, first.secret, second.secret, retrainings=FEW, mu=1.0)
    return Made(dataset, first.secret, second.secret, found, found.to_html())


class Elements(HTMLParser):
    """Names, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


# What is measured ----------------------------------------------------------------------------------------------------


def test_exact_unlearning_is_retraining_integer_for_integer(made: Made) -> None:
    own, about = made.found.measured.distances, made.found.measured.about
    live = ROWS - 30
    held_out = made.after.statement.schedule.live.mask()[:30]
    assert own.equal and own.retrained == 0.0 and not held_out.any()
    assert (about.live_before, about.live_after, about.forgotten, about.source) == (live, live - 2, 2, "spec")
    assert about.holdout == 30 and about.supersedes and not about.differences
    assert len(own.to_after) == len(own.others) == FEW and own.moved > 0
    assert made.found.measured.bound == pytest.approx(0.3829249225)


def test_integers_and_float64_agree(made: Made) -> None:
    before, after, floats = made.found.measured.utility
    assert (before.model, after.model, floats.model) == ("before", "after", "float64")
    assert after.holdout.loss == pytest.approx(floats.holdout.loss, abs=1e-3)
    assert made.found.measured.distances.float64 < 0.05
    X, y = table(ROWS, 3)
    rows = [int(re.findall(r"\d+", name)[0]) for name in made.dataset.ids[:30]]
    assert after.holdout.score == pytest.approx(made.after.score(X[rows], y[rows]))


def test_the_same_seed_gives_the_same_page_and_another_one_another(made: Made) -> None:
    again = made.again(mu=1.0)
    assert again.to_html() == made.page and again.to_mapping() == made.found.to_mapping()
    other = made.again(mu=1.0, seed=2)
    assert other.measured.distances.to_after != again.measured.distances.to_after


def test_rows_are_set_aside_and_stand_ins_trained_without_them(made: Made) -> None:
    found = made.again(set_aside=0.25)
    about = found.measured.about
    assert about.source == "set aside" and about.live_after == made.found.measured.about.live_after - about.holdout
    assert about.holdout == round(0.25 * made.found.measured.about.live_after)
    assert (
        found.measured.distances.equal and found.measured.distances.to_after != made.found.measured.distances.to_after
    )
    assert "stand-ins" in found.to_html() and "stand-ins" not in made.page


def test_another_data_set_may_be_the_hold_out_and_an_optimum_the_method() -> None:
    dataset, strangers = committed(), committed(40, 4)
    declared = zu.TrainingSpec(model="logistic", method="optimum", l2=0.01)
    first = zu.prove(dataset, declared)
    second = zu.prove(dataset, declared, forget=forgotten(dataset), previous=first)
    found: Any = zu.evidence(dataset, first.secret, second.secret, strangers, retrainings=FEW)
    assert found.measured.about.holdout == 40 and found.measured.about.source == "data set"
    assert found.measured.distances.equal and found.measured.about.forgotten == 2
    floats = found.measured.utility[2]
    assert floats.holdout.loss == pytest.approx(found.measured.utility[1].holdout.loss, abs=1e-3)
    assert "it is the owner&#39;s word that no model saw them" in found.to_html()


def test_several_classes_are_measured_on_those_that_are_left() -> None:
    X, _ = table(160, 5)
    y = np.array(["low", "middle", "high", "other"])[np.clip((X @ [1.0, 1.0, 1.0] - 0.75) / 0.5, 0, 3).astype(int)]
    dataset = zu.commit(X, y, names=["a", "b", "c"], label_kind="categorical")
    declared = spec(standardize=True)
    first = zu.prove(dataset, declared)
    second = zu.prove(dataset, declared, forget_classes=["other"], previous=first)
    found: Any = zu.evidence(dataset, first.secret, second.secret, retrainings=FEW)
    left = sum(label != "other" for label in dataset.statement.encoding.decode_labels(dataset.rows.labels[:30]))
    assert found.measured.distances.equal and found.measured.about.holdout == left
    assert found.measured.distances.float64 < 0.1


# What the page is ----------------------------------------------------------------------------------------------------


def test_no_name_of_a_column_does_anything(made: Made) -> None:
    elements = Elements(made.page)
    assert not {"script", "iframe", "object", "embed", "img", "link", "base", "form"} & {
        tag for tag, _ in elements.found
    }
    assert not [name for _, attributes in elements.found for name in attributes if name.startswith("on")]
    assert all(name in elements.text for name in NAMES) and "49" not in re.findall(r"<code>(.*?)</code>", made.page)
    assert "<script" not in made.page


def test_the_page_names_nobody(made: Made) -> None:
    assert "Subject" not in made.page and "Subject" not in str(made.found.to_mapping())


def test_the_page_loads_nothing(made: Made) -> None:
    elements = Elements(made.page)
    loading = [
        value for _, attributes in elements.found for name, value in attributes.items() if name in ("src", "href")
    ]
    assert not loading or all(str(value).startswith("#") for value in loading)
    assert not re.search(r"url\((?!#)|@import|http-equiv=.refresh", made.page)
    (policy,) = (a["content"] for t, a in elements.found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_page_says_at_its_top_what_it_is_not(made: Made) -> None:
    top = made.page[: made.page.index("<main>")]
    assert "This is evidence, not a proof." in top and "This page is not public." in top


def test_the_page_can_be_used_without_eyes(made: Made) -> None:
    elements = Elements(made.page)
    tags = [tag for tag, _ in elements.found]
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(tags.count(tag) == 1 for tag in ("main", "header", "footer", "h1", "title"))
    assert dict(elements.found)["html"] == {"lang": "en"}
    named = [a["aria-labelledby"] for tag, a in elements.found if tag == "section"]
    assert named and {*named} <= {*ids}
    drawn = [a for tag, a in elements.found if tag == "div" and a.get("role") == "img"]
    assert len(drawn) == tags.count("svg") == tags.count("figure") == 3
    assert all(len(str(each["aria-label"])) > 60 for each in drawn)
    assert all("scope" in a for tag, a in elements.found if tag == "th")
    referred = re.findall(r'(?:url\(|href=")#([^")]+)', made.page)
    assert referred and {*referred} <= {*ids}


def test_a_batch_is_recommended_only_where_all_larger_ones_hide_rows_too() -> None:
    def tried(batch: int, cosine: float) -> Reconstruction:
        high, low = Guesses(0, cosine, 0, 0), Guesses(0, 0.5, 0, 0)
        return Reconstruction(batch, 8, low, high, low, ((), (), ()))

    assert recommended((tried(1, 0.99), tried(2, 0.8), tried(5, 0.55), tried(20, 0.5))) == 5
    assert recommended((tried(1, 0.99), tried(5, 0.5), tried(20, 0.9))) is None
    assert recommended(()) is None


def test_the_file_is_secret_and_is_a_page(made: Made, tmp_path: Path) -> None:
    place = tmp_path / "e.html"
    made.found.save(place)
    assert place.read_text(encoding="utf-8") == made.page and stat.S_IMODE(place.stat().st_mode) == 0o600
    with pytest.raises(zu.ParameterError, match=r"must end in \.html"):
        made.found.save(tmp_path / "e.txt")


def test_without_the_extra_it_says_which(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(zu.ParameterError, match=r"pip install 'zkunlearn\[report\]' \(jinja2 is missing\)"):
        made.found.to_html()


# What is refused -----------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "part": ({"set_aside": 0.6}, "set_aside = 0.6: must be above 0, and at most 0.5"),
    "no part": ({"set_aside": 0.0}, "set_aside = 0.0"),
    "retrainings": ({"retrainings": 7}, "retrainings = 7: must be between 8 and 1000"),
    "seed": ({"seed": -1}, "seed = -1"),
    "mu": ({"mu": -0.5}, "mu = -0.5: must not be negative"),
    "few": ({"set_aside": 0.05}, "holdout: 4 rows say next to nothing"),
}


@pytest.mark.parametrize(("options", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_options_are_refused_by_name(made: Made, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(zu.ParameterError, match=re.escape(reason)):
        made.again(**options)


def test_models_that_cannot_be_compared_are_refused(made: Made) -> None:
    dataset, evidence = made.dataset, zu.evidence
    with pytest.raises(zu.ParameterError, match="nothing was forgotten between them"):
        evidence(dataset, made.after, made.before)
    linear = zu.prove(dataset, zu.TrainingSpec(model="linear", epochs=4, learning_rate=0.5, holdout=30)).secret
    with pytest.raises(zu.ParameterError, match="of different families"):
        evidence(dataset, linear, made.after)
    shards = zu.prove(
        dataset, zu.TrainingSpec(model="logistic", method="sisa", shard_rows=64, epochs=1, learning_rate=1.0)
    )
    with pytest.raises(zu.ParameterError, match="after: holds the models of some stages of shards"):
        evidence(dataset, made.before, shards.secret)
    with pytest.raises(zu.ParameterError, match="before: was trained on other rows"):
        evidence(committed(seed=9), made.before, made.after)


def test_strangers_have_to_be_some_and_alike(made: Made) -> None:
    with pytest.raises(zu.ParameterError, match="is the data set of the models"):
        made.again(holdout=made.dataset)
    other = zu.commit(*table(40, 6), names=["a", "b", "c"])
    with pytest.raises(zu.ParameterError, match="other columns, bounds or classes"):
        made.again(holdout=other)
    with pytest.raises(zu.ParameterError, match="say one of them"):
        made.again(holdout=other, set_aside=0.2)
    bare = spec(holdout=0)
    first = zu.prove(made.dataset, bare)
    second = zu.prove(made.dataset, bare, forget=forgotten(made.dataset), previous=first)
    with pytest.raises(zu.ParameterError, match="nobody whom both models do not know"):
        zu.evidence(made.dataset, first.secret, second.secret)


def test_destroyed_rows_tell_nothing_any_more(made: Made) -> None:
    gone = forgotten(made.dataset)
    destroyed, _ = zu.destroy(made.dataset, gone, forgotten_by=zu.prove(made.dataset, spec(), forget=gone).proof)
    after = zu.prove(destroyed, spec()).secret
    with pytest.raises(zu.DataError, match="are destroyed; give the data set from before"):
        zu.evidence(destroyed, made.before, after)


def test_a_data_set_that_grew_says_how_many_rows_came(made: Made) -> None:
    X, y = table(10, 8)
    grown, _ = zu.append(made.dataset, X, y, [f"new {row}" for row in range(10)])
    after = zu.prove(grown, spec(), forget=forgotten(made.dataset)).secret
    found: Any = zu.evidence(grown, made.before, after, retrainings=FEW)
    about = found.measured.about
    assert (about.forgotten, about.added, about.rows, about.supersedes) == (2, 10, ROWS + 10, False)
    assert found.measured.distances.equal and "10 rows were added" in found.to_html()


def test_a_model_that_is_no_retraining_is_told_with_its_distance(made: Made) -> None:
    """As the model of another method is, or one that was made up: here one that learnt for longer."""
    longer = zu.prove(made.dataset, spec(epochs=16), forget=forgotten(made.dataset)).secret
    other = replace(made.after, integers=longer.integers)
    found: Any = zu.evidence(made.dataset, made.before, other, retrainings=FEW)
    assert not found.measured.distances.equal and found.measured.distances.retrained > 0.01
    assert found.findings[0].mark == "care" and "Not exactly" in found.findings[0].answer
    declared: Any = zu.evidence(made.dataset, made.before, other, retrainings=FEW, mu=0.5)
    assert declared.findings[0].mark == "fact" and "at most 0.20 (mu = 0.5)" in declared.findings[0].answer
