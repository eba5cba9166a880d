"""The second verifier, asked about the proofs of the attacks: it has to accept and reject the same, by the same check.

The first verdict of every fourth test of tests/attacks is repeated, with `--second-opinions` (make test-all) more.
Shapes of the attacks have shorter rows than those of files, and some transcripts answer what a test wants: both are
handed over. The schedule is too, as tests/reference/test_reference.py compares schedules by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import K as PackageK
from zkunlearn.circuits.relations.distance import Distance, LinearDistance
from zkunlearn.circuits.relations.distances import Distances
from zkunlearn.circuits.relations.evaluation import Evaluation
from zkunlearn.circuits.relations.expected_counts import ExpectedCounts
from zkunlearn.circuits.relations.forgotten_classes import WithoutClasses
from zkunlearn.circuits.relations.gradient_descent import GradientDescent
from zkunlearn.circuits.relations.growth import Growth
from zkunlearn.circuits.relations.linear_optimum import LinearOptimum
from zkunlearn.circuits.relations.loss_tables import PROBIT_LOSSES
from zkunlearn.circuits.relations.newton import WithSteps
from zkunlearn.circuits.relations.noisy import Noisy
from zkunlearn.circuits.relations.one_pass import OnePass
from zkunlearn.circuits.relations.optimum import Optimum
from zkunlearn.circuits.relations.prediction import Prediction
from zkunlearn.circuits.relations.recommitment import Recommitment
from zkunlearn.circuits.relations.registration import Registration
from zkunlearn.circuits.relations.residuals import Residuals
from zkunlearn.circuits.relations.several_classes import SeveralClasses
from zkunlearn.circuits.relations.shard_scores import Opinions, ShardScores
from zkunlearn.circuits.relations.sharded_evaluation import ShardedEvaluation
from zkunlearn.circuits.relations.sisa import Sisa
from zkunlearn.circuits.relations.validity import Validity
from zkunlearn.models.methods.newton_steps import NoisyNewtonCertificate
from zkunlearn.verifier.protocol.proof import ProofShape

from .reference import (
    arithmetic,
    distance,
    evaluation,
    expected_counts,
    gradient_descent,
    judged,
    linear_optimum,
    newton,
    newton_inverse,
    noisy,
    normalised_loss,
    one_pass,
    optimum,
    optimum_integers,
    prediction,
    registration,
    relations,
    sharded_evaluation,
    sisa,
    standardization,
    toys,
    verifier,
)
from .reference.channel import Transcript
from .reference.examples import forget_list
from .reference.field import K, bits_of
from .reference.shapes import Axis, Code, Column, groups_of
from .toys import ScaledGradient, Shards

DRAWN = {"root": bytes(32), "source": "nobody", "nonce": bytes(32)}


class Handed(Transcript):
    """A transcript of the package, as the second verifier calls one."""

    def __init__(self, inner: Any) -> None:
        self._inner: Any = inner
        self.sponge: Any = self

    def absorb(self, data: bytes) -> None:
        self._inner.absorb(data)

    def squeeze(self, n: int) -> bytes:
        return self._inner.seed(n)

    def challenge(self) -> K:
        return K(*self._inner.challenge())

    def indices(self, n: int, count: int) -> list[int]:
        return self._inner.indices(n, count)


def copied(transcript: Any) -> Any:
    """A transcript in the state of another one."""
    state = transcript._sponge._hash  # which deepcopy cannot copy
    return deepcopy(transcript, {id(state): state.copy()})


def second_verdict(shape: ProofShape, transcript: Any, roots: dict[str, bytes], proof: bytes) -> str:
    """ "valid", or the name of what the second verifier refuses."""
    with _shaped_like(shape), pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "Transcript", lambda instance: Handed(transcript))
        return verifier.verdict(verifier.verify_proof, _same(shape), b"", roots, proof)


_KNOWN: dict[int, tuple[ProofShape, verifier.Shape]] = {}  # by identity, of shapes that live as long as they are here
MOST_KNOWN = 8


def _same(shape: ProofShape) -> verifier.Shape:
    """The second verifier's own shape, made once for all proofs of a shape."""
    if id(shape) not in _KNOWN:
        if len(_KNOWN) == MOST_KNOWN:
            del _KNOWN[next(iter(_KNOWN))]
        openings = {name: matrix.code.openings for name, matrix in shape.committed.items()}
        _KNOWN[id(shape)] = shape, verifier.Shape(_relation(shape.relation), openings)
    return _KNOWN[id(shape)][1]


@contextmanager
def _shaped_like(shape: ProofShape) -> Iterator[None]:
    """Rows as long as in the shape, instead of those that make files shortest."""
    layout = {name: (m.code.inverse_rate, m.code.row_bits) for name, m in shape.committed.items()}
    witness = [(group.witness.name, group.code) for group in shape.groups if group.witness is not None]
    codes = {name: Code(own.row_bits, own.openings, own.inverse_rate) for name, own in witness}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "LAYOUT", layout)
        patch.setattr(verifier, "code_of", lambda columns, openings, rate, c: Code(c, openings, rate))
        patch.setattr(verifier, "short_code", lambda columns, others, name, own: own)
        patch.setattr(verifier, "choose_groups", lambda columns, others: groups_of(columns, others | codes))
        yield


def _relation(relation: Any) -> relations.Relation:
    if isinstance(relation, ScaledGradient):
        return toys.ScaledGradient(relation.rows, relation.features)
    if isinstance(relation, Shards):
        return toys.Shards(relation.rows, list(relation.ranges), list(relation.holes))
    if isinstance(relation, Registration):
        return _registration(relation)
    if isinstance(relation, Validity):
        shape = ("rows", "features", "label_kind", "outputs", "x_bits")
        own = _dataset(*(getattr(relation, name) for name in shape))
        return relations.Validity({**own, "holes": [*relation.holes], "unique": _has_keys(relation)})
    if isinstance(relation, Growth):
        return _growth(relation)
    if isinstance(relation, Evaluation):
        return _evaluation(relation)
    if isinstance(relation, Distance):
        return _distance(relation.schedule)
    if isinstance(relation, LinearDistance):
        return _linear_distance(relation.schedule)
    if isinstance(relation, Distances):
        return _distances(relation)
    if isinstance(relation, Prediction):
        return _prediction(relation)
    if isinstance(relation, Recommitment):
        matrix, columns = relation.matrices[0], [_column(column) for column in relation.each]
        return relations.Recommitment(relation.name, matrix, columns)
    training, gone = (relation.training, relation.classes) if isinstance(relation, WithoutClasses) else (relation, ())
    if isinstance(training, OnePass):
        return _one_pass(training.schedule, gone)
    if isinstance(training, WithSteps):
        return _newton(training.schedule, gone)
    if isinstance(training, Optimum):
        return _optimum(training.schedule, gone)
    if isinstance(training, LinearOptimum):
        return _linear_optimum(training.schedule, gone)
    if isinstance(training, Noisy):
        return _noisy(training.schedule, gone)
    if isinstance(training, Sisa):
        return _sisa(training.schedule, gone)
    assert isinstance(training, GradientDescent), "another relation than those of the document"
    s = training.schedule
    handed = _schedule(s)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradient_descent, "schedule", lambda *_: handed)
        kind = gradient_descent.GradientDescent if s.standardization is None else standardization.StandardizedDescent
        return kind(_statement(s, gone))


def _column(column: Any) -> Column:
    return Column(column.name, tuple(Axis(axis.name, axis.size) for axis in column.axes))


def _evaluation(own: Evaluation) -> relations.Relation:
    """How well models predict rows, the bits of their integers, and of what is rounded, handed over."""
    kind = "binary" if own.outputs == 1 else "categorical"
    dataset = _dataset(own.rows, own.features, kind, own.outputs, own.models[0].scored.x_bits)
    counting = own.models[0].argmax.live if isinstance(own.models[0], SeveralClasses) else own.models[0].live
    ((_, stop),) = counting.ranges
    live = judged.Live(own.rows, [*counting.forgotten], stop)
    spread = own.spread
    last = None if spread is None else judged.Spread(live, spread.finer, spread.stated, spread.step_bits)
    models = [_judged(each, live) for each in own.models]
    if isinstance(own, ShardedEvaluation):
        committed = {matrix: [_column(column) for column in columns] for matrix, columns in own.trained}
        family = None if own.family is None else own.family.name
        return sharded_evaluation.sharded(dataset, models, last, committed, family)
    return evaluation.Evaluation(dataset, models, last)


def _model(each: Any, live: judged.Live) -> judged.Model:
    bits = each.weight_bits, each.intercept_bits
    own = each.matrix, [_column(column) for column in each.columns], bits, each.x_bits, live
    if not isinstance(each, ShardScores):
        return judged.Model(*own)
    places = [(source.matrix, source.prefix, [*source.speakers]) for source in each.sources]
    if isinstance(each, Opinions):
        return sharded_evaluation.Opinions(*own, places, table=each.table, shift=each.shift)
    return sharded_evaluation.Gathered(*own, places)


def _judged(own: Any, live: judged.Live) -> judged.Judged:
    model, result = _model(own.scored, live), dict[str, Any]()
    if isinstance(own, ExpectedCounts):
        result |= {"squares": own.squares} | ({} if own.deviance is None else {"deviance": own.deviance})
        bits, steps = (own.residual_bits, own.shift), (own.step_bits, own.deviance_bits)
        return expected_counts.ExpectedCounts(model, own.q_bits, bits, result, steps)
    if isinstance(own, Residuals):
        shifts = own.label_shift, own.shift
        return judged.Residuals(model, shifts, own.residual_bits, own.squares, own.step_bits, own.models)
    result |= {"right": own.right, "confusion": [*own.confusion]}
    if isinstance(own, SeveralClasses):
        return judged.SeveralClasses(model, result, [*own.argmax.gone], _normalised(own.loss, model))
    result["loss"] = own.loss
    family = "probit" if own.losses == PROBIT_LOSSES else "logistic"
    return judged.TwoClasses(model, own.score_scale, result, own.step_bits, family, own.models)


def _normalised(own: Any, model: judged.Model) -> normalised_loss.NormalisedLoss | None:
    if own is None:
        return None
    return normalised_loss.NormalisedLoss(model, own.family, own.score_scale, own.loss, own.step_bits, own.models)


def _prediction(own: Prediction) -> relations.Relation:
    """What a model says, the bits of its integers handed over."""
    model, given = own.model, own.given
    table = arithmetic.activation_table(model.family.name, model.q_bits, 16) if own.by_table else []
    return prediction.Prediction(
        [_column(column) for column in model.columns],
        [*model.kept],
        (model.weight_bits, model.intercept_bits),
        (model.x_bits, model.shift),
        given.what,
        given.inputs.tolist(),
        given.answers.tolist(),
        table,
    )


def _growth(own: Growth) -> relations.Relation:
    """Of two data sets that differ in their numbers of rows, and in their holes, only."""
    kind = "binary" if own.outputs == 1 else "categorical"
    old, new = (
        {**_dataset(rows, own.features, kind, own.outputs, 10), "unique": _has_keys(own)}
        for rows in (own.old_rows, own.rows)
    )
    return relations.Growth(old, {**new, "holes": [*own.destroyed]})


def _has_keys(own: Any) -> bool:
    """Whether rows have keys, of the limbs that the document says."""
    assert own.key_limbs in (0, relations.KEY_LIMBS)
    return bool(own.key_limbs)


def _registration(own: Registration) -> relations.Relation:
    """The relation of fingerprints, with its vectors and the fingerprints' extension handed over."""
    kind, spans = "binary" if own.outputs == 1 else "categorical", []
    for span in own.spans:
        r, c = ([K(*x.pair) for x in part] for part in (span.r, span.c))
        spans.append(registration.Listed(span.segment, span.start, span.stop, r, c))
    found = registration.Registration(_dataset(own.rows, own.features, kind, own.outputs, 10), spans, 0, [])

    def extension(s: list[K], a: int, b: int) -> K:
        return K(*own.fingerprints(tuple(PackageK(x.a, x.b) for x in s), a, b).pair)

    found.extension = extension  # type: ignore[method-assign]
    return found


def _schedule(s: Any) -> arithmetic.Schedule:
    """The integers of gradient descent."""
    names = ["width", "epochs", "blocks", "block_size", "shift", "weight_bits", "label_multiplier", "penalize_bias"]
    names += ["class_weights"]
    factors: dict[str, Any] = {name: list(getattr(s, name)) for name in ("c_epoch", "c_block", "l_epoch", "m_epoch")}
    table = arithmetic.activation_table(s.family.name, s.scales.q_bits, s.scales.p_bits)
    own: dict[str, Any] = {name: getattr(s, name) for name in names}
    own |= {"unused": list(s.unused), "table": table, "standardization": _standardization(s.standardization)}
    if s.stage is not None and s.standardization is not None:
        own["scalers"] = [_standardization(s.standardization_of(shard)) for shard in range(s.blocks)]
        own["standardization"] = min(own["scalers"], key=lambda scaler: scaler.count)
    if s.stage is not None:
        own["batches"] = s.batches
    return arithmetic.Schedule(**own, **factors)


def _sisa(s: Any, gone: Any) -> relations.Relation:
    """The relation of shards, with the integers of each part handed over."""
    schedules = {(own.run.first, own.run.count, own.number): _schedule(own.schedule) for own in s.parts}
    first = s.parts[0].schedule
    statement = _statement(s, gone, first.label_kind)
    method = {"shard_rows": s.shards.shard_rows, "slices": s.shards.slices, "aggregate": "score"}
    method["standardize"] = first.standardization is not None
    method |= {"batch_size": s.shards.batch_size} if s.shards.batch_size else {}
    statement["spec"] |= {"family": s.family.name}
    statement["spec"]["method"] |= method | {"epochs": first.epochs}

    def scope(runs: Any) -> list[dict[str, Any]]:
        return [] if runs == s.shards.whole else [vars(run) for run in runs]

    def model(runs: Any) -> dict[str, Any]:
        models = sum(run.count * (s.shards.slices + 1 - run.stage) for run in runs)
        return {"shape": [models * s.outputs, s.width]}

    statement |= {"scope": scope(s.runs), "model": model(s.runs)}
    statement["start"] = [{"scope": scope(runs), "model": model(runs)} for runs in s.starts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sisa, "Integers", _HandedIntegers(schedules))
        return sisa.Sisa(statement)


class _HandedIntegers:
    def __init__(self, schedules: dict[tuple[int, int, int], arithmetic.Schedule]) -> None:
        self.schedules = schedules

    def of(self, spec: Any, dataset: Any) -> _HandedIntegers:
        return self

    def schedule(self, part: Any, forgotten: Any) -> arithmetic.Schedule:
        return self.schedules[part.run.first, part.run.count, part.stage]


def _one_pass(s: Any, gone: Any) -> relations.Relation:
    """The relation of normal equations, with its integers handed over."""
    names = ["epochs", "shift", "weight_bits", "fine_bits", "factor", "product_shift", "target_raise", "target_shift"]
    names += ["penalty", "penalty_factor", "penalty_shift", "corner", "target_bits", "penalty_bits"]
    own: dict[str, Any] = {name: getattr(s, name) for name in names}
    own |= {"c_epoch": list(s.c_epoch), "m_epoch": list(s.m_epoch), "count": s.live.count, "unused": list(s.unused)}
    handed = one_pass.OnePassIntegers(**own, standardization=_standardization(s.standardization))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_pass, "one_pass_integers", lambda *_: handed)
        kind = one_pass.OnePass if s.standardization is None else one_pass.StandardizedOnePass
        return kind(_statement(s, gone))


def _newton(s: Any, gone: Any) -> relations.Relation:
    """The relation of Newton's steps, with the integers of the certificate, or pads, and of all steps handed over."""
    noised = isinstance(s, NoisyNewtonCertificate)
    handed, steps = _noisy_integers(s) if noised else _optimum_integers(s), list[newton.StepIntegers]()
    for own in s.steps:
        (weight, bias), units = own.bits_of_weights, own.units
        bits = {"weights": weight, "bias": bias}
        for name in ("weights", "bias"):
            bits |= {f"{name} gradient": own.gradient_bits, f"{name} gradient remainder": own.shift}
            bits[f"{name} update remainder"] = own.update_bits
        scales = {name: unit.bit_length() - 1 for name, unit in zip(("weights", "bias"), units, strict=True)}
        raised = own.intercept_unit.bit_length() - 1
        steps.append(newton.StepIntegers(own.shift, own.update_bits, bits, scales, raised))
    starts = [] if s.start is None else [{"scale": s.start}]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimum, "optimum_integers", lambda *_: handed)
        patch.setattr(noisy, "noisy_integers", lambda *_: handed)
        patch.setattr(noisy, "noise_digest", lambda _: b"")
        patch.setattr(newton, "newton_integers", lambda *_: steps)
        kinds: Any = newton.Newton, newton.NoisyNewton
        if s.inverse is not None:
            proved = newton_inverse.InverseIntegers(s.inverse.bits, s.inverse.shift, s.inverse.scale)
            patch.setattr(newton_inverse, "inverse_integers", lambda *_: proved)
            kinds = newton_inverse.NewtonInverse, newton_inverse.NoisyNewtonInverse
        labels = "categorical" if s.outputs > 1 else "binary"
        more = {"distance": s.number, "start": starts, "noise": DRAWN}
        found: relations.Relation = kinds[noised]({**_statement(s, gone, labels), **more})
        return found


def _optimum_integers(s: Any) -> optimum_integers.OptimumIntegers:
    return optimum_integers.OptimumIntegers(
        s.grid, s.raised, s.penalty, s.shift, list(s.distances), s.number, s.weight_count, s.scales.w_bits,
        s.scales.p_bits, s.edges.tolist(), list(s.unused),
    )  # fmt: skip


def _optimum(s: Any, gone: Any) -> relations.Relation:
    """The relation of a certified optimum, with its integers handed over."""
    handed = _optimum_integers(s)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimum, "optimum_integers", lambda *_: handed)
        kind = "categorical" if s.outputs > 1 else "binary"
        return optimum.Optimum({**_statement(s, gone, kind), "distance": s.number})


def _linear_optimum(s: Any, gone: Any) -> relations.Relation:
    """The same of a linear model's."""
    handed = linear_optimum.LinearIntegers(
        s.grid, s.raised, s.penalty, s.shift, list(s.distances), s.number, s.width, list(s.unused), s.label_place
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear_optimum, "linear_integers", lambda *_: handed)
        return linear_optimum.LinearOptimum({**_statement(s, gone), "distance": s.number})


def _near(s: Any) -> dict[str, Any]:
    """What integers of all distances have."""
    own = {"distance": s.distance, "slope": s.slope, "width": s.width, "unused": list(s.unused)}
    return {"e": s.raised, "c": s.penalty, **own}


def _distance(s: Any, aim: distance.Aim | None = None) -> Any:
    """The relation of a distance, with its integers handed over; of one of several models with its place."""
    bits = {"w_bits": s.scales.w_bits, "p_bits": s.scales.p_bits, "unit": s.committed_penalty // s.penalty}
    handed = distance.DistanceIntegers(**_near(s), **bits, table=s.edges.tolist())
    training = _statement(s, (), "binary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distance, "distance_integers", lambda *_: handed)
        return distance.PartOf.of(training, aim, {}) if aim else distance.Distance({"training": training})


def _linear_distance(s: Any, aim: distance.Aim | None = None) -> Any:
    """The same of a linear model's."""
    handed = distance.LinearDistanceIntegers(**_near(s), label=s.label_place)
    training = _statement(s, ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distance, "linear_distance_integers", lambda *_: handed)
        return distance.LinearPartOf.of(training, aim, {}) if aim else distance.LinearDistance({"training": training})


def _distances(own: Distances) -> relations.Relation:
    """Those of several models; where their rows are is handed over, too."""
    parts, columns = [], {name: [_column(column) for column in each] for name, each in own.columns.items()}
    rows = next(column.axes[1] for column in own.dataset if column.name == "features")
    for naming, part in own.parts:
        s, place, before, places = part.schedule, part.place, [], rows.bits
        if place.stage is not None:
            places = min(rows.bits, (place.stage.shards.shard_rows - 1).bit_length())
            before = bits_of(place.stage.first, rows.bits - places)
        output = [K(*x.pair) for x in place.output]
        block = {name: [K(*x.pair) for x in point] for name, point in place.at.items()}
        away = np.flatnonzero(~s.live.mask()).tolist()
        aim = distance.Aim(naming.prefix, s.rows, away, output, before, places, naming.matrices["model"][1], block)
        parts.append((_linear_distance if isinstance(part, LinearDistance) else _distance)(s, aim))
    return distance.Distances(parts, columns["dataset"], columns["model"])


def _noisy(s: Any, gone: Any) -> relations.Relation:
    """The relation of a noisy optimum, with its integers and pads handed over."""
    handed = _noisy_integers(s)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(noisy, "noisy_integers", lambda *_: handed)
        patch.setattr(noisy, "noise_digest", lambda _: b"")
        kind = "categorical" if s.outputs > 1 else "binary"
        return noisy.Noisy({**_statement(s, gone, kind), "noise": DRAWN})


def _noisy_integers(s: Any) -> noisy.NoisyIntegers:
    return noisy.NoisyIntegers(
        s.grid, s.raised, s.penalty, s.shift, s.distance, s.weight_count, s.scales.w_bits, s.scales.p_bits,
        s.edges.tolist(), list(s.unused), list(s.pads),
    )  # fmt: skip


def _standardization(own: Any) -> arithmetic.Standardization | None:
    names = ["rows", "count", "x_bits", "cap", "amplitude"]
    return None if own is None else arithmetic.Standardization(**{name: getattr(own, name) for name in names})


def _statement(s: Any, gone: Any, label_kind: str | None = None) -> dict[str, Any]:
    """What a relation asks of a statement, when integers are handed over."""
    return {
        "dataset": _dataset(s.rows, s.features, label_kind or s.label_kind, s.outputs, s.scales.x_bits),
        "spec": {"scales": {"x_bits": s.scales.x_bits}, "method": {"bias": s.bias}},
        "forgotten_classes": [str(c) for c in gone],
        # The document knows no ranges yet: what is outside them counts as little as what is forgotten.
        "forgotten": forget_list([(position, bytes(32)) for position in np.flatnonzero(~s.live.mask()).tolist()]),
    }


def _dataset(rows: int, features: int, kind: str, outputs: int, x_bits: int) -> dict[str, Any]:
    classes = [str(c) for c in range(outputs)]
    encoding = {"features": [{}] * features, "label_kind": kind, "label_classes": classes, "x_bits": x_bits}
    return {"rows": rows, "encoding": encoding, "holes": [], "unique": False}
