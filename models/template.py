"""A spec to begin with: every field that there is, with its default and what it means, to be edited by its owner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..formats.toml import toml_value
from .families import FAMILIES, family_named
from .live import Live
from .methods import METHODS, default_kind
from .shapes import DatasetShape
from .spec import TrainingSpec, field_names

REQUIRED: Mapping[str, int | float] = {"epochs": 64, "learning_rate": 0.5, "l2": 0.001, "shard_rows": 256}
# What fields may look like that a spec does not have unless they are declared.
EXAMPLES: Mapping[str, object] = {
    "without": ["income"],
    "holdout": 200,
    "class_weight": {"yes": 2},
    "distances": [2000, 100],
    "distance": 32000,
    "inverse": 10,
    "epsilon": 1.0,
    "delta": 0.00001,
}
COMMENTS: Mapping[str, str] = {
    "model.kind": f"the family: {', '.join(FAMILIES)}",
    "without": "features that the model must not use; none by default",
    "holdout": "rows that are held out of the training, at random; none by default",
    "method.kind": f"how it is trained: {', '.join(METHODS)}",
    "epochs": "passes over the rows; required",
    "learning_rate": "one number, or a list with one for each epoch; required",
    "batch_size": 'rows of a step, a power of two; "full" takes all of them',
    "momentum": 'how much of the last step is taken again: a number below 1, one for each epoch, or "increasing"',
    "l2": "penalty: half the squares of the weights, times this, beside the mean loss",
    "bias": "whether there is an intercept",
    "penalize_intercept": "whether l2 applies to the intercept, too",
    "class_weight": "how often each row of a class counts, by its label: 1 to 255; once by default",
    "standardize": "whether features are brought to mean 0 and spread 1, by the rows that count",
    "grid": "weights are rounded to 2^grid units of 2^-w_bits; without this line it follows from other fields",
    "distances": "how far from the optimum weights may be before rounding; by default they follow from l2 and the rows",
    "steps": "Newton's steps from the model before, 1 to 8",
    "inverse": "bits to which the matrix of steps is proved to be the inverse of the second derivative",
    "epsilon": "what noise has to hide to, with delta; newton has none without, and no grid or distances with it",
    "delta": "see epsilon",
    "distance": "how far from the optimum weights may be before noise; by default it follows from l2 and the rows",
    "shard_rows": "rows of a shard, a power of two; required",
    "slices": "stages of a shard: a request trains those again that saw the row",
    "aggregate": "how the models of shards answer together: probability, score or vote",
    "x_bits": "scale of features, which has to be that of the data set (commit --x-bits)",
    "w_bits": "scale of weights",
    "p_bits": "scale of predictions",
}
HEAD = """# The training algorithm that is declared: public, and pinned by auditors. EDIT THIS FILE.
#
# What stands here are defaults, but for what is required; lines that are left out mean the same. Choose before you
# know who is forgotten: what follows the data depends on every row. `zkunlearn suggest` finds numbers that converge,
# `zkunlearn train` shows how a spec does. All fields and limits: docs/methods.md, docs/arithmetic.md.

"""


def spec_template(model: str, method: str | None = None) -> str:
    """The text of a spec file of a family and a method (by default the family's), which can be read as it is.

    Raises:
        ParameterError: there is no such family or method, or they do not go together.
    """
    spec = starting_spec(model, method)
    return HEAD + "\n".join(_commented(line, section) for section, line in _sectioned(spec))


def starting_spec(model: str, method: str | None = None) -> TrainingSpec:
    """The spec that the template holds. Raises ParameterError as `spec_template`."""
    kind = METHODS.get(default_kind(family_named(model), ()) if method is None else method)
    needed = {} if kind is None else field_names(kind)
    required: dict[str, Any] = {name: REQUIRED[name] for name, has_to_be_given in needed.items() if has_to_be_given}
    spec = TrainingSpec(model=model, method=method, **required)
    label = spec.family.label_kinds[0]
    rows = 1 << 10
    shape = DatasetShape(rows=rows, features=2, label_kind=label, label_bits=0, x_bits=spec.fixed_point.x_bits)
    spec.compile(shape, Live(rows))
    return spec


def _sectioned(spec: TrainingSpec) -> Iterator[tuple[str, str]]:
    """Each line of the spec as TOML, with the section that it is in; after its lines come the fields that it left out.

    Fields of a method whose values are fixed are left out, as the spec itself does; so are those that it refuses.
    """
    optional = {"model": ["without", "holdout"], "method": [*field_names(type(spec.method))]}
    refused = [] if spec.method.holds_out else ["holdout"]
    refused += [] if spec.family.predicts == "class" else ["class_weight"]
    section, seen = "", set[str]()
    for line in [*spec.to_toml().splitlines(), ""]:
        if line.startswith("["):
            section, seen = line.strip("[]"), set()
        if not line:
            left = [name for name in optional.get(section, []) if name in EXAMPLES and name not in (*seen, *refused)]
            yield from ((section, f"# {name} = {toml_value(EXAMPLES[name])}") for name in left)
        seen.add(line.partition(" = ")[0])
        yield section, line


def _commented(line: str, section: str) -> str:
    """A line with its comment above it."""
    name, is_field, _ = line.removeprefix("# ").partition(" = ")
    if not is_field:
        return line
    comment = COMMENTS.get(name) or COMMENTS[f"{section}.{name}"]
    return f"# {comment}\n{line}"
