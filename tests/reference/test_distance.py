"""The second verifier and the package agree on distances: integers, shapes, and what is refused."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.base import read_statement, statement_digest
from zkunlearn.circuits.statements.distance import DistanceStatement
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.errors import ParameterError
from zkunlearn.models.methods.link_distance import LinkDistance
from zkunlearn.verifier.shapes import shape_of

from .distance import distance_shape
from .examples import package_shape, reference_shape, statement_about_nothing
from .field import Refused
from .formats import check_distance, divided

PENALTIES = 0.0, 1e-7, 0.001, 0.01, 0.125, 2.0


def random_statement(rng: random.Random) -> tuple[dict[str, Any], DistanceStatement]:
    """About a training of a spec and a forget list that do not always have a distance."""
    model = rng.choice(["logistic"] * 3 + ["probit"] * 2 + ["linear"] * 4)
    method = "one-pass" if model == "linear" and rng.random() < 0.5 else "gradient descent"
    bias, x_bits, w_bits = rng.random() < 0.8, 10, rng.choice([16, 16, 13])
    spec = zu.TrainingSpec(
        model=model, method=method, epochs=2, learning_rate=0.5, l2=rng.choice(PENALTIES),
        bias=bias, penalize_intercept=bias and rng.random() < 0.4, standardize=bias and rng.random() < 0.1,
        holdout=rng.choice([0, 0, 1]), fixed_point=zu.FixedPoint(x_bits=x_bits, w_bits=w_bits),
    )  # fmt: skip
    rows, features = int(2 ** rng.uniform(2, 9)), int(2 ** rng.uniform(0, 4))
    if features > 2 and rng.random() < 0.4:
        spec = spec.leaving_out(["x1"])
    forgotten = sorted(rng.sample(range(rows), rng.randint(0, 2)))
    kind = rng.choice(["binary", "real", "count"]) if model == "linear" else "binary"
    training = statement_about_nothing(rows, features, kind, rng.choice([4, 100]), spec, forgotten)
    free = spec.method.bias and not spec.method.penalize_intercept
    slope = rng.choice([0, 17, 61]) if free != (rng.random() < 0.1) else None
    theirs: dict[str, Any] = {"training": training, "distance": rng.choice([0, 12, 25, 30, 33, 63]), "slope": slope}
    own = read_statement(TrainingStatement, divided("training", training))
    return theirs, DistanceStatement(own, theirs["distance"], slope)


def test_integers_and_shapes_are_those_of_the_package() -> None:
    rng, refused, seen, kinds = random.Random(5), 0, 0, Counter[str]()
    for _ in range(70):
        theirs, own = random_statement(rng)
        mapping = own.to_mapping()
        check_distance(mapping)
        assert mapping == {**theirs, "training": statement_digest(own.training)}
        try:
            expected = shape_of(own)
        except ParameterError:
            refused += 1
            with pytest.raises(Refused):
                distance_shape(theirs)
            continue
        shape = distance_shape(theirs)
        relation: Any = shape.relation
        found, s = relation.i, own.schedule
        assert (found.e, found.c, found.g) == (s.raised, s.penalty, s.shift)
        assert (found.radius, relation.name) == (s.radius, own.certified.name)
        if isinstance(s, LinkDistance):
            assert (found.p_bits, found.w_bits) == (s.scales.p_bits, s.scales.w_bits)
        else:
            assert (found.label, relation.bias_penalty) == (s.label_place, s.bias_penalty)
        assert found.bits["weights"] == s.weight_bits - s.unit_bits
        if kinds[relation.name] < 4:
            assert reference_shape(shape) == package_shape(expected)
        kinds[relation.name] += 1
        seen += 1
    assert seen > 10 < refused and len(kinds) == 2 and min(kinds.values()) > 6, (kinds, refused)


@pytest.mark.parametrize(
    "changes",
    [{"distance": 64}, {"distance": -1}, {"distance": True}, {"slope": 62}, {"slope": -1}, {"l2": "0.5"}],
    ids=str,
)
def test_fields_that_are_none_are_refused_by_both(changes: dict[str, Any]) -> None:
    _, own = random_statement(random.Random(1))
    bad = {**own.to_mapping(), **changes}
    with pytest.raises(Refused):
        check_distance(bad)
    with pytest.raises(zu.FormatError):
        DistanceStatement.from_mapping(bad, {"training": own.training})
