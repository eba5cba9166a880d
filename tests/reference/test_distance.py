"""The second verifier and the package agree on distances: integers, shapes, and what is refused."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.base import read_statement, statement_digest
from zkunlearn.circuits.statements.distance import DistanceStatement, Nearness
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


def random_several(rng: random.Random) -> tuple[dict[str, Any], DistanceStatement]:
    """About a training of several classes, or of shards, or of both; not always with as many numbers as models."""
    sharded, model = rng.random() < 0.7, rng.choice(["logistic", "probit", "linear"])
    rows, features = rng.randint(9, 90), rng.randint(1, 5)
    fields: dict[str, Any] = {"epochs": 2, "learning_rate": 0.5, "l2": rng.choice((0.01, 0.125, 0.0))}
    if sharded:
        fields |= {"method": "sisa", "shard_rows": rng.choice([4, 16, 64]), "slices": rng.randint(1, 3)}
        fields |= {"batch_size": 2} if rng.random() < 0.5 else {}
    else:
        fields["method"] = "gradient descent"
    free = rng.random() < 0.6
    spec = zu.TrainingSpec(model=model, penalize_intercept=not free, **fields)
    kind = "real" if model == "linear" else rng.choice(["binary", "categorical"])
    forgotten = sorted(rng.sample(range(rows), rng.randint(0, 6)))
    outputs = 3 if kind == "categorical" else 1
    if not sharded and outputs == 1:
        return random_several(rng)
    training = statement_about_nothing(rows, features, kind, rng.choice([4, 64]), spec, forgotten, outputs)
    shape = read_statement(TrainingStatement, divided("training", training)).dataset.encoding.shape(rows)
    training["model"]["shape"] = list(spec.method.model_shape(shape))
    own = read_statement(TrainingStatement, divided("training", training))
    shards = -(-rows // fields["shard_rows"]) if sharded else 1
    empty = sum(
        set(range(start, min(rows, start + fields["shard_rows"]))) <= set(forgotten)
        for start in range(0, rows, fields["shard_rows"])
    ) if sharded else 0  # fmt: skip
    count = (shards - empty) * outputs + (rng.random() < 0.1)
    said = [{"distance": rng.choice([0, 20, 30]), "slope": rng.choice([0, 40, 61]) if free else None}
            for _ in range(count)]  # fmt: skip
    models = tuple(Nearness(**each) for each in said)
    return {"training": training, "models": said}, DistanceStatement(own, None, None, models)


def both_shapes(theirs: dict[str, Any], own: DistanceStatement) -> tuple[Any, Any] | None:
    """What both make of a statement, of which they read the same; None where both refuse it."""
    mapping = own.to_mapping()
    check_distance(mapping)
    assert mapping == {**theirs, "training": statement_digest(own.training)}
    try:
        expected = shape_of(own)
    except ParameterError:
        with pytest.raises(Refused):
            distance_shape(theirs)
        return None
    return distance_shape(theirs), expected


def test_integers_and_shapes_of_several_models_are_those_of_the_package() -> None:
    rng, refused, seen = random.Random(11), 0, Counter[str]()
    for _ in range(14):
        theirs, own = random_several(rng)
        shapes = both_shapes(theirs, own)
        if shapes is None:
            refused += 1
            continue
        shape, expected = shapes
        assert reference_shape(shape) == package_shape(expected)
        seen[f"{own.training.spec.method.kind} {own.training.spec.family.name} {own.training.dataset.outputs > 1}"] += 1
    assert len(seen) > 3 and sum(seen.values()) > 5 and refused > 1, (seen, refused)


def test_integers_and_shapes_are_those_of_the_package() -> None:
    rng, refused, seen, kinds = random.Random(5), 0, 0, Counter[str]()
    for _ in range(70):
        theirs, own = random_statement(rng)
        shapes = both_shapes(theirs, own)
        if shapes is None:
            refused += 1
            continue
        shape, expected = shapes
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
    [
        *({"distance": 64}, {"distance": -1}, {"distance": True}, {"slope": 62}, {"slope": -1}, {"l2": "0.5"}),
        *({"models": []}, {"models": [{"distance": 1, "slope": None}]}),
    ],
    ids=str,
)
def test_fields_that_are_none_are_refused_by_both(changes: dict[str, Any]) -> None:
    _, own = random_statement(random.Random(1))
    bad = {**own.to_mapping(), **changes}
    with pytest.raises(Refused):
        check_distance(bad)
    with pytest.raises(zu.FormatError):
        DistanceStatement.from_mapping(bad, {"training": own.training})
