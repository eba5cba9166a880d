"""What a refusal of a spec advises is followed, each of its remedies by itself: until the spec is accepted.

Specs are drawn, so that limits are met in all combinations. Something else may be in the way next: then that refusal's
advice is followed, a few times. Only one that says plainly that nothing would do may end it otherwise.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from zkunlearn.errors import ParameterError
from zkunlearn.models.live import Live
from zkunlearn.models.scales import FineScales
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec

from .test_fitting import compiled

Of = dict[str, Any]
NOTHING = "would do|the matrix is any|declare a larger delta, too"  # said plainly
SCALES = ("x_bits", "w_bits", "p_bits")
STEPS = 4  # refusals after the first one
NUMBER = r"([\d.e+-]+?)(?=,|;|$| )"
CLASSES = {0: (), 3: ("a", "b", "c"), 40: tuple(map(str, range(40)))}


def scaled(of: Of, **bits: int | None) -> Of:
    """With other scales."""
    own = {name: getattr(of["fixed_point"], name) for name in SCALES}
    return {**of, "fixed_point": FineScales(**own | {name: value for name, value in bits.items() if value is not None})}


def with_grid(of: Of, name: str, value: Any, grid: str | None) -> Of:
    return {**of, name: value, **({} if grid is None else {"grid": int(grid)})}


def number(text: str | None) -> int | None:
    return None if text is None else int(text)


REMEDIES: dict[str, Callable[..., Of]] = {
    rf"use {NUMBER} or more": lambda of, n: {**of, "grid": int(n)},
    rf"use \d+ or more, better {NUMBER}": lambda of, n: {**of, "grid": int(n)},
    rf"declare distances of at most {NUMBER}(?: with grid = (\d+))?": lambda of, n, grid: with_grid(
        of, "distances", (int(n),), grid
    ),
    rf"declare a distance of at most {NUMBER}(?: with grid = (\d+))?": lambda of, n, grid: with_grid(
        of, "distance", int(n), grid
    ),
    rf"an l2 of at least {NUMBER} with grid = (\d+)": lambda of, n, grid: with_grid(of, "l2", float(n), grid),
    rf"an l2 of at most {NUMBER}": lambda of, n: {**of, "l2": float(n)},
    rf"l2 = .* too (?:small|large).*use at (?:least|most) {NUMBER}": lambda of, n: {**of, "l2": float(n)},
    rf"at most {NUMBER} p_bits": lambda of, n: scaled(of, p_bits=int(n)),
    rf"table has steps of .* use at most {NUMBER}": lambda of, n: scaled(of, p_bits=int(n)),
    rf"use w_bits = {NUMBER}(?: with p_bits = (\d+))?": lambda of, w, p: scaled(of, w_bits=int(w), p_bits=number(p)),
    rf"at least {NUMBER} w_bits": lambda of, n: scaled(of, w_bits=int(n)),
    rf"at most {NUMBER} x_bits": lambda of, n: scaled(of, x_bits=int(n)),
    rf"at most {NUMBER} features": lambda of, n: {**of, "features": int(n)},
    rf"use at most {NUMBER} classes": lambda of, n: {**of, "classes": tuple(map(str, range(int(n))))},
    r"use two classes": lambda of: {**of, "classes": ()},
    rf"at least {NUMBER} bits": lambda of, n: {**of, "inverse": int(n)},
    rf"an epsilon of at least {NUMBER}": lambda of, n: {**of, "epsilon": float(n)},
}


def advised(of: Of, words: str) -> Iterator[tuple[str, Of]]:
    """Each remedy that a refusal names, and the spec with it."""
    for pattern, change in REMEDIES.items():
        if found := re.search(pattern, words):
            yield found.group(0), change(of, *found.groups())
    if re.search("use a larger (l2|one)", words):
        yield "a larger l2", {**of, "l2": of["l2"] * 4}


def refusal(of: Of) -> str | None:
    try:
        compiled(of)
    except ParameterError as error:
        return str(error)
    return None


def leads_on(of: Of, steps: int) -> list[str]:
    """The refusals on the way to a spec that is accepted, by the first remedy that gets there; raises if none does."""
    words = refusal(of)
    if words is None or re.search(NOTHING, words):
        return []
    larger = steps if "a larger l2" in words else steps - 1  # without a number it takes some fours
    for _, changed in advised(of, words) if steps else ():
        try:
            return [words, *leads_on(changed, larger if changed["l2"] < 1e6 else 0)]
        except AssertionError:
            continue
    raise AssertionError(words)


def drawn(rng: random.Random, method: str) -> Of:
    """A spec on a data set, near and beyond limits."""
    model = rng.choice(["logistic", "probit", "linear"] if method == "optimum" else ["logistic", "probit"])
    x_bits = rng.choice([10, 10, 4, 7, 12, 14])
    of: Of = {
        "model": model,
        "method": method,
        "l2": 10 ** (rng.uniform(-8, 4) if rng.random() < 0.5 else rng.uniform(-4, 0)),
        "rows": rng.choice([1, 40, 1000, 1 << 17, 1 << 20, 1 << 24]),
        "features": rng.choice([1, 2, 20, 60] if method == "newton" else [1, 2, 30, 255, 784, 2048, 20000]),
        "classes": () if model == "linear" else CLASSES[rng.choice([0, 0, 3, 40])],
        "fixed_point": FineScales(
            x_bits=x_bits,
            w_bits=rng.randint(max(22, 36 - x_bits), min(42, 46 - x_bits)),
            p_bits=rng.choice([28, 27, 24, 20, 16]),
        ),
    }
    if rng.random() < 0.4:
        of["grid"] = rng.randrange(0, 30) if method == "noisy" else rng.randrange(8, 41)
    if method == "noisy":
        of |= {"epsilon": rng.choice([1.0, 0.01, 0.1, 4.0]), "delta": rng.choice([1e-5, 1e-9])}
    if rng.random() < 0.3:
        units = int(2 ** rng.uniform(4, 40))
        of |= {"distance": units} if method == "noisy" else {"distances": (units,)}
    if method == "newton":
        of |= {"steps": rng.choice([1, 2, 4])} | ({"inverse": rng.choice([4, 8, 12, 20])} if rng.random() < 0.5 else {})
    return of


@pytest.mark.parametrize(("method", "least"), [("optimum", 50), ("noisy", 40), ("newton", 20)])
def test_every_remedy_of_a_refusal_leads_to_a_spec_that_is_accepted(method: str, least: int) -> None:
    rng, followed, seen = random.Random(7), 0, set[str]()
    for _ in range(60):
        try:
            of = drawn(rng, method)
            words = refusal(of)
        except ParameterError:
            continue
        for remedy, changed in advised(of, words) if words is not None else ():
            leads_on(changed, STEPS)
            followed += 1
            seen.add(re.sub(r"[\d.e+-]+", "#", remedy))
    assert followed > least and len(seen) > 5


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"grid": 33, "fixed_point": FineScales(w_bits=30, p_bits=26)},
            "would be 2.3; use 14 or more, better 20$",
        ),
        (
            {"grid": 33, "distances": (1 << 33,), "fixed_point": FineScales(w_bits=30, p_bits=26)},
            r"would be 2.3; declare distances of at most \d+ with grid = 30$",
        ),
        ({"model": "linear", "features": 20_000, "rows": 1, "l2": 0.5, "grid": 16}, "use 21 or more, better 27$"),
        ({"distances": (1 << 33,), "l2": 0.5, "grid": 32}, r"; declare distances of at most \d+$"),
        ({"rows": (1 << 23) + 1}, "use at most 27 p_bits$"),
        ({"method": "noisy", "distance": 1 << 40}, "declare a distance of at most 69555$"),
    ],
)
def test_a_remedy_that_would_be_refused_next_is_not_named(changes: Of, words: str) -> None:
    """Such as a larger l2 beside declared distances, or beside so many weights; a grid that is coarser than weights."""
    own: Of = {"model": "logistic", "method": "optimum", "l2": 0.001, "rows": 1000, "features": 30, "classes": ()}
    of = own | {"fixed_point": FineScales()} | changes
    said = refusal(of)
    assert said is not None and re.search(words, said), said
    remedies = list(advised(of, said))
    assert remedies and not any(refusal(changed) for _, changed in remedies)


def test_a_score_bound_names_no_number_of_classes() -> None:
    """Of which it does not depend."""
    own = TrainingSpec(model="logistic", method="optimum", l2=0.5, fixed_point=FineScales(x_bits=14, w_bits=32))
    shape = DatasetShape(
        rows=10, features=4000, label_kind="categorical", label_bits=0, x_bits=14, classes=("a", "b", "c")
    )
    with pytest.raises(
        ParameterError, match=r"^4001 weights: scores .* use at most 2046 features, or use w_bits = 31$"
    ):
        own.compile(shape, Live(10))
