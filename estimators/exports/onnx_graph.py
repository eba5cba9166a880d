"""A proved model as a graph of ONNX, in float64. Importing this file loads onnx."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ...errors import ParameterError
from ...models.activation import HALF_TABLE
from ...models.aggregation import CELL_BITS, PROBABILITY, SCORE, VOTE, probability_table, whole_of
from ...models.families import DENSITY_AT_ZERO, NORMAL_CELLS, NORMAL_END, normal_table
from ...models.shapes import FEATURE_BOUND
from .form import Form

OPSET, IR_VERSION = 17, 8  # what runtimes have had since 2022
INPUT, LABEL, PROBABILITIES, VALUE = "X", "label", "probabilities", "variable"  # as skl2onnx calls them
REFUSED = ""  # the class of a row that the model would refuse
DOUBLE, INTEGER, TEXT = TensorProto.DOUBLE, TensorProto.INT64, TensorProto.STRING
MOST_BYTES = 1 << 30  # of weights: a file may have twice as many in all
LARGEST = sys.float_info.max


class Graph:
    """Nodes and constants, as they are added; each method gives the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, value: object, kind: type | str = np.float64) -> str:
        """An array, or a number; texts are of kind object."""
        name = f"c{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(np.array(value, dtype=kind), name)
        return name

    def add(self, operator: str, *inputs: str | float, result: str | None = None, **attributes: Any) -> str:
        """A node; numbers among its inputs become constants."""
        names = [name if isinstance(name, str) else self.constant(name) for name in inputs]
        found = result or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [found], **attributes))
        return found

    def all_of(self, conditions: str) -> str:
        """Of conditions (N, d) whether all of a row hold: (N, 1)."""
        counted = self.add("Cast", conditions, to=INTEGER)
        return self.add("Cast", self.add("ReduceMin", counted, axes=[1], keepdims=1), to=TensorProto.BOOL)


def graph_of(form: Form) -> onnx.ModelProto:
    """A model whose input is X (N, d), features in the units of the table, float64.

    Of classifiers the outputs are `label`, texts (N,), and `probabilities` (N, classes); of others it is `variable`
    (N, 1). A row that the model would refuse has NaN, and the class "".

    Raises:
        ParameterError: there are too many weights.
    """
    if form.weights.nbytes > MOST_BYTES:
        raise ParameterError(f"{form.weights.nbytes} bytes of weights are more than a file of ONNX can have")
    graph = Graph()
    integers, good = _encoded(graph, form)
    order = [*(k for k in range(len(form.encoding.names)) if k not in form.logarithmic), *form.logarithmic]
    weights = form.weights.reshape(-1, len(order)).T[order] / form.scale
    product = graph.add("MatMul", integers, graph.constant(weights))
    flat = graph.add("Add", product, graph.constant(form.intercepts.ravel()))
    scores = graph.add("Reshape", flat, graph.constant([-1, *form.intercepts.shape], np.int64))
    outputs = _classified(graph, form, scores, good) if form.classes else _predicted(graph, form, scores, good)
    inputs = [helper.make_tensor_value_info(INPUT, DOUBLE, [None, len(order)])]
    made = helper.make_graph(graph.nodes, "zkunlearn", inputs, outputs, [*graph.constants.values()])
    model = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="zkunlearn",
        doc_string=form.about["notice"],
    )
    helper.set_model_props(model, dict(form.about))
    onnx.checker.check_model(model, full_check=True)
    return model


# Features ------------------------------------------------------------------------------------------------------------


def _encoded(graph: Graph, form: Form) -> tuple[str, str]:
    """Integers (N, d), those of log1p last, and of which rows they are good: (N, 1)."""
    cells = INPUT
    if form.filled is not None:
        cells = graph.add("Where", graph.add("IsNaN", cells), graph.constant(form.filled), cells)
    finite = graph.add("LessOrEqual", graph.add("Abs", cells), LARGEST)
    cells = graph.add("Where", finite, cells, 0.0)  # what is no number is no index, either
    if form.clipped is not None:
        low, high = map(graph.constant, form.clipped)
        cells = graph.add("Min", graph.add("Max", cells, low), high)
    plain = [k for k in range(len(form.encoding.names)) if k not in form.logarithmic]
    parts = [_by_log1p(graph, form, k, _column(graph, cells, [k])) for k in form.logarithmic]
    if plain:
        offset, multiplier = (np.array(each)[plain] for each in (form.encoding.offsets, form.encoding.multipliers))
        moved = graph.add("Sub", _column(graph, cells, plain), graph.constant(offset))
        scaled = graph.add("Mul", graph.add("Mul", moved, graph.constant(multiplier)), form.scale)
        parts.insert(0, graph.add("Round", scaled))
    integers = graph.add("Concat", *parts, axis=1)
    above = graph.add("GreaterOrEqual", integers, float(-FEATURE_BOUND))
    below = graph.add("Less", integers, float(FEATURE_BOUND))
    good = graph.all_of(graph.add("And", finite, graph.add("And", above, below)))
    return graph.add("Where", good, integers, 0.0), good


def _column(graph: Graph, cells: str, features: list[int]) -> str:
    return graph.add("Gather", cells, graph.constant(features, np.int64), axis=1)


def _by_log1p(graph: Graph, form: Form, feature: int, values: str) -> str:
    """Integers (N, 1) of values (N, 1): where the logarithm says, or beside it, as the thresholds say."""
    column, (least, thresholds) = form.encoding.features[feature], form.steps_of(feature)
    inside = graph.add("Max", values, 0.0)
    logarithm = graph.add("Log", graph.add("Add", inside, 1.0))
    moved = graph.add("Mul", graph.add("Sub", logarithm, column.offset), column.multiplier * form.scale)
    guess = graph.add("Sub", graph.add("Round", moved), float(least))
    bounded = graph.add("Min", graph.add("Max", guess, 0.0), float(len(thresholds)))
    index = graph.add("Cast", bounded, to=INTEGER)
    table = graph.constant(np.concatenate([[-np.inf], thresholds, [np.inf]]))
    low = graph.add("Less", inside, graph.add("Gather", table, index))
    above = graph.add("Gather", table, graph.add("Add", index, graph.constant(1, np.int64)))
    high = graph.add("GreaterOrEqual", inside, above)
    moves = [graph.add("Cast", each, to=DOUBLE) for each in (high, low)]
    found = graph.add("Add", graph.add("Add", bounded, graph.add("Sub", *moves)), float(least))
    return graph.add("Where", graph.add("GreaterOrEqual", values, 0.0), found, float("inf"))


# Answers -------------------------------------------------------------------------------------------------------------


def _predicted(graph: Graph, form: Form, scores: str, good: str) -> list[onnx.ValueInfoProto]:
    """Values or expected counts, from scores (N, S, 1)."""
    if form.family.predicts == "count":
        of_mean = form.aggregate == SCORE
        found = graph.add("Exp", _mean(graph, scores)) if of_mean else _mean(graph, graph.add("Exp", scores))
    else:
        zero, unit = form.units
        found = graph.add("Add", graph.add("Mul", _mean(graph, scores), unit), zero)
    graph.add("Where", good, found, float("nan"), result=VALUE)
    return [helper.make_tensor_value_info(VALUE, DOUBLE, [None, 1])]


def _classified(graph: Graph, form: Form, scores: str, good: str) -> list[onnx.ValueInfoProto]:
    """Classes and their probabilities, from scores (N, S, O)."""
    second, half = graph.constant([1], np.int64), 0.0
    if form.aggregate == SCORE:
        deciding = _mean(graph, scores)
        found = _probabilities(graph, form, graph.add("Unsqueeze", deciding, second))
    elif form.aggregate == PROBABILITY:
        deciding, half = _said(graph, form, scores), len(form.weights) * whole_of(PROBABILITY) / 2
        found = _probabilities(graph, form, scores)
    else:
        deciding = found = _votes(graph, form, scores)
    if form.aggregate != VOTE and not form.several:
        chosen = graph.add("Cast", graph.add("Squeeze", graph.add("Greater", deciding, half), second), to=INTEGER)
    else:
        chosen = graph.add("ArgMax", deciding, axis=1, keepdims=0)
    texts = graph.add("Gather", graph.constant(form.classes, "object"), chosen)
    graph.add("Where", graph.add("Squeeze", good, second), texts, graph.constant(REFUSED, "object"), result=LABEL)
    graph.add("Where", good, found, float("nan"), result=PROBABILITIES)
    return [
        helper.make_tensor_value_info(LABEL, TEXT, [None]),
        helper.make_tensor_value_info(PROBABILITIES, DOUBLE, [None, len(form.classes)]),
    ]


def _probabilities(graph: Graph, form: Form, scores: str) -> str:
    """(N, classes): the means over S models."""
    if not form.several:
        both = graph.add("Concat", graph.add("Neg", scores), scores, axis=2)
        return _mean(graph, _inverse(graph, form, both))
    parts = _mean(graph, _inverse(graph, form, scores))
    totals = graph.add("ReduceSum", parts, graph.constant([1], np.int64), keepdims=1)
    none = graph.add("Equal", totals, 0.0)
    shares = graph.add("Div", parts, graph.add("Where", none, 1.0, totals))
    return graph.add("Where", none, 1.0 / len(form.classes), shares)


def _said(graph: Graph, form: Form, scores: str) -> str:
    """(N, O): the sums over S models of the integers that decide, see models/aggregation.py."""
    cells = graph.add("Floor", graph.add("Mul", scores, float(1 << CELL_BITS)))
    inside = graph.add("Min", graph.add("Max", cells, float(-HALF_TABLE)), float(HALF_TABLE - 1))
    index = graph.add("Cast", graph.add("Add", inside, float(HALF_TABLE)), to=INTEGER)
    said = graph.add("Gather", graph.constant(probability_table(form.family), np.int32), index)
    return graph.add("ReduceSum", graph.add("Cast", said, to=DOUBLE), graph.constant([1], np.int64), keepdims=0)


def _votes(graph: Graph, form: Form, scores: str) -> str:
    """(N, classes): how many of S models predict each class, as a part."""
    if form.several:
        votes = graph.add("ArgMax", scores, axis=2, keepdims=1)
    else:
        votes = graph.add("Cast", graph.add("Greater", scores, 0.0), to=INTEGER)
    classes = graph.constant(np.arange(len(form.classes)), np.int64)
    return _mean(graph, graph.add("Cast", graph.add("Equal", votes, classes), to=DOUBLE))


def _mean(graph: Graph, array: str) -> str:
    """Over models: of (N, S, O), (N, O)."""
    return graph.add("ReduceMean", array, axes=[1], keepdims=0)


def _inverse(graph: Graph, form: Form, scores: str) -> str:
    if form.family.name != "probit":
        return graph.add("Div", 1.0, graph.add("Add", graph.add("Exp", graph.add("Neg", scores)), 1.0))
    return _normal(graph, scores)


def _normal(graph: Graph, scores: str) -> str:
    """Phi, as families.py has it: ONNX's error function is of no use so far from 0."""
    centres, values = normal_table()
    z = graph.add("Min", graph.add("Max", scores, float(-NORMAL_END)), float(NORMAL_END))
    cells = graph.add("Round", graph.add("Mul", z, float(NORMAL_CELLS)))
    index = graph.add("Cast", graph.add("Add", cells, float(NORMAL_CELLS * NORMAL_END)), to=INTEGER)
    c, at_centre = (graph.add("Gather", graph.constant(each), index) for each in (centres, values))
    t, square = graph.add("Sub", z, c), graph.add("Mul", c, c)
    coefficients = (
        (120.0, (3.0, -6.0, 1.0)),  # of even powers of c
        (24.0, (3.0, -1.0)),  # these times c
        (6.0, (-1.0, 1.0)),
        (2.0, (-1.0,)),
        (1.0, (1.0,)),
    )
    series = ""
    for place, (divisor, powers) in enumerate(coefficients):
        own = graph.constant(powers[-1] / divisor)
        for power in reversed(powers[:-1]):
            own = graph.add("Add", graph.add("Mul", own, square), power / divisor)
        own = graph.add("Mul", own, c) if place % 2 else own
        series = graph.add("Add", graph.add("Mul", series, t), own) if series else own
    density = graph.add("Mul", graph.add("Exp", graph.add("Mul", square, -0.5)), DENSITY_AT_ZERO)
    return graph.add("Add", at_centre, graph.add("Mul", graph.add("Mul", density, t), series))
