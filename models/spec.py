"""The declared algorithm: what the owner promises to have run, written before the data is touched.

A `TrainingSpec` is a family of models, a method with its fields, and scales: the user's choices only. What follows from
them and from the shape of the data set is compiled (methods/base.py). It has two spellings: TOML for people
(`load_spec`, `TrainingSpec.to_toml`) and a canonical mapping for public statements (`to_mapping`, `from_mapping`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import FormatError, ParameterError
from ..formats.fields import Fields, ListOf, take
from ..formats.files import read_file
from ..formats.toml import toml_document, toml_value
from ..shown import Facts, Shown, Words
from .checks import integer_within
from .families import Family, family_named
from .live import Live
from .methods import METHODS, Compiled, Method, default_kind
from .methods.base import Objective
from .scales import FixedPoint
from .shapes import MAX_FEATURES, MAX_ROWS, DatasetShape
from .shards import Run

MAX_SPEC_BYTES = 1 << 25  # of a file: a learning rate for each of the most epochs fits
SCALES = ("x_bits", "w_bits", "p_bits")
SECTIONS = ("model", "method", "fixed_point")


@dataclass(frozen=True, init=False)
class TrainingSpec(Shown):
    """The declared training algorithm.

    Attributes:
        model: name of the family: "logistic", "linear", "probit" or "poisson" (families.py).
        method: how it is trained (methods/).
        without: names of the features that are left out, in increasing order: their weights are zero throughout.
        holdout: how many rows are held out: so many from the first one on are not used in training.
        fixed_point: scales of the integers.

    Raises:
        ParameterError: a value cannot be used; the message names the field.
    """

    model: str
    method: Method
    without: tuple[str, ...]
    holdout: int
    fixed_point: FixedPoint

    def __init__(
        self,
        *,
        model: str,
        method: Method | str | None = None,
        without: Iterable[str] = (),
        holdout: int = 0,
        fixed_point: FixedPoint | None = None,
        **method_fields: Any,
    ) -> None:
        """A method is given whole, or by its name and its fields; fields beside a whole one replace those in it.

        Args:
            method: the default is gradient descent, and of linear regression "one-pass", unless fields are declared
                that only gradient descent has: batch_size, class_weight.
            without: names of features, in any order.
            holdout: a number of rows. Their order is drawn from all of them, and rows that are added come after them:
                so nobody chose who is held out, and it stays so.
            fixed_point: the default is the family's, or the method's; "optimum" takes FineScales.
            method_fields: epochs, learning_rate, momentum, l2, .. (methods/).
        """
        family = family_named(model)
        object.__setattr__(self, "model", model)
        chosen = default_kind(family, method_fields) if method is None else method
        object.__setattr__(self, "method", _method(chosen, method_fields))
        scales = self.method.default_scales(family) if fixed_point is None else fixed_point
        if type(scales) is not self.method.scales:
            raise ParameterError(f"fixed_point: expected {self.method.scales.__name__}, found {type(scales).__name__}")
        object.__setattr__(self, "without", _left_out(without))
        object.__setattr__(self, "holdout", integer_within("holdout", holdout, 0, MAX_ROWS - 1))
        if self.holdout and not self.method.holds_out:
            raise ParameterError(f"holdout: {self.method.kind} cuts all rows into shards, and holds none out yet")
        object.__setattr__(self, "fixed_point", scales)

    @property
    def family(self) -> Family:
        """What `model` names."""
        return family_named(self.model)

    @property
    def about(self) -> Facts:
        """Family, method, and whom and what it leaves out."""
        named = (("", Words(f"{self.family.title} by {self.method.kind}")),)
        return (*named, ("without", self.without or None), ("held out", self.holdout or None))

    @property
    def facts(self) -> Facts:
        """See Shown."""
        own: Any = self.method  # a dataclass, of whatever kind
        chosen = ((item.name.replace("_", " "), getattr(own, item.name)) for item in fields(own))
        return (*self.about, *chosen, *self.fixed_point.facts)

    @property
    def weight_bits(self) -> int:
        """The scale of the model's weights; of its intercept it is x_bits more."""
        return self.method.weight_bits(self.fixed_point)

    def leaving_out(self, names: Iterable[str]) -> TrainingSpec:
        """The same algorithm without these features, and no others."""
        return TrainingSpec(
            model=self.model, method=self.method, without=names, holdout=self.holdout, fixed_point=self.fixed_point
        )

    def compile(self, shape: DatasetShape, live: Live) -> Compiled:
        """The integers of the training on the rows that count; the last few are kept.

        Raises:
            ParameterError: the spec does not fit the data set, an expression can reach its limit (named, with its
                bound and what to change), the integers would be too coarse, or no single proof can carry them.
        """
        return _compiled(self, shape.without(self.without), live.beyond(self.holdout))

    def objectives(self, shape: DatasetShape, live: Live, runs: tuple[Run, ...] = ()) -> tuple[Objective, ...]:
        """What each of the models is to minimise. Raises ParameterError for runs of shards that there are not."""
        return self.method.objectives(shape, live, runs)

    def compile_distance(self, shape: DatasetShape, live: Live, distance: int, slope: int | None) -> Compiled:
        """The integers of a distance from the optimum of one objective, on the rows that count (methods/distance.py).

        Raises:
            ParameterError: no distance of such a model is proved, with why.
        """
        own = shape.without(self.without)
        counted = live.beyond(self.holdout)
        return self.method.compile_distance(self.family, self.fixed_point, own, counted, distance, slope)

    def differences(self, expected: TrainingSpec) -> list[str]:
        """The fields in which this spec is not the expected one, for people."""
        mine, other = _flat(self.to_mapping()), _flat(expected.to_mapping())
        names = dict.fromkeys((*mine, *other))
        changed = [name for name in names if mine.get(name) != other.get(name)]
        return [f"{name} is {mine.get(name, 'absent')}, not {other.get(name, 'absent')}" for name in changed]

    def to_mapping(self) -> dict[str, object]:
        """The canonical mapping of public statements; see Method.to_mapping."""
        scales = {name: getattr(self.fixed_point, name) for name in SCALES}
        method = self.method.to_mapping()
        held_out = {"holdout": self.holdout} if self.holdout else {}
        return {"family": self.model, "method": method, "without": list(self.without), "scales": scales, **held_out}

    @classmethod
    def from_mapping(cls, mapping: object) -> TrainingSpec:
        """Read what `to_mapping` wrote.

        Raises:
            FormatError: unknown or missing field, wrong type, non-canonical number, or a value that the
                constructor refuses.
        """
        what = "training spec"
        expected: Fields = {"family": str, "method": dict, "without": ListOf(str, 0, MAX_FEATURES - 1), "scales": dict}
        if isinstance(mapping, Mapping) and "holdout" in mapping:
            expected = {**expected, "holdout": int}
        found = take(mapping, expected, what)
        scales = take(found["scales"], dict.fromkeys(SCALES, int), f"{what}: scales")
        method = found["method"]
        try:
            kind = _kind(method.get("kind"))
            spec = cls(
                model=found["family"],
                method=kind.from_mapping(method, f"{what}: method"),
                without=found["without"],
                holdout=found.get("holdout", 0),
                fixed_point=kind.scales(**scales),
            )
        except ParameterError as error:
            raise FormatError(f"{what}: {error}") from None
        if spec.to_mapping() != found:
            raise FormatError(f"{what}: not in canonical form")
        return spec

    def to_toml(self) -> str:
        """The complete spec as TOML, defaults included; `from_toml` reads it back to an equal spec."""
        without = {"without": toml_value(self.without)} if self.without else {}
        held_out = {"holdout": str(self.holdout)} if self.holdout else {}
        sections = {
            "model": {"kind": f'"{self.model}"', **without, **held_out},
            "method": {"kind": f'"{self.method.kind}"', **self.method.to_toml()},
            "fixed_point": {name: str(getattr(self.fixed_point, name)) for name in SCALES},
        }
        texts = [[f"[{name}]", *(f"{key} = {text}" for key, text in table.items())] for name, table in sections.items()]
        return "\n\n".join("\n".join(lines) for lines in texts) + "\n"

    @classmethod
    def from_toml(cls, text: str, source: str = "spec") -> TrainingSpec:
        """Read a TOML spec; `source` is the name that error messages begin with.

        Raises:
            FormatError: not TOML, with line and column in the message; or numbers or nesting beyond all use.
            ParameterError: an unknown, missing or unusable field; the message names it.
        """
        try:
            document = toml_document(text)
        except FormatError as error:
            raise FormatError(f"{source}: {error}") from None
        try:
            return _from_document(document)
        except ParameterError as error:
            raise ParameterError(f"{source}: {error}") from None


@lru_cache(maxsize=4)
def _compiled(spec: TrainingSpec, shape: DatasetShape, live: Live) -> Compiled:
    return spec.method.compile(spec.family, spec.fixed_point, shape, live)


def _left_out(names: object) -> tuple[str, ...]:
    """Names of features in their order. Raises ParameterError for what is no list of different texts."""
    listed = tuple(names) if isinstance(names, Iterable) and not isinstance(names, (str, bytes)) else None
    if listed is None or not all(isinstance(name, str) for name in listed):
        raise ParameterError(f"without: expected a list of features' names, found {names!r:.80}")
    if len(set(listed)) < len(listed):
        raise ParameterError("without: a feature is named twice")
    return tuple(sorted(listed))


def _kind(name: object) -> type[Method]:
    """The method of a name. Raises ParameterError."""
    method = METHODS.get(name) if isinstance(name, str) else None
    if method is None:
        raise ParameterError(f"method = {name!r}: must be one of {', '.join(METHODS)}")
    return method


def _method(method: Method | str, given: Mapping[str, Any]) -> Method:
    """A method from itself or its name, and fields given beside it. Raises ParameterError."""
    kind = type(method) if isinstance(method, Method) else _kind(method)
    known = field_names(kind)
    for name in given:
        if name not in known:
            raise ParameterError(f"unknown field {name}; fields of {kind.kind} are {', '.join(known)}")
    own = {name: getattr(method, name) for name in known} if isinstance(method, Method) else {}
    chosen = {**own, **given}
    for name, required in known.items():
        if required and name not in chosen:
            raise ParameterError(f"field {name} is missing")
    return kind(**chosen)


def field_names(kind: type[Any]) -> dict[str, bool]:
    """The fields of a method or of scales, and whether each has to be given."""
    return {item.name: item.default is MISSING for item in fields(kind)}


def _from_document(document: dict[str, object]) -> TrainingSpec:
    """The spec of a TOML document, refusing what is unknown or missing."""
    for section, content in document.items():
        if section not in SECTIONS and not isinstance(content, dict):
            raise ParameterError(f"{section}: is outside of every section; sections are {', '.join(SECTIONS)}")
        if section not in SECTIONS:
            raise ParameterError(f"unknown section [{section}]; sections are {', '.join(SECTIONS)}")
    tables: dict[str, dict[str, Any]] = {}
    for section in SECTIONS:
        table = document.get(section, {})
        if not isinstance(table, dict):
            raise ParameterError(f"{section}: must be a section, [{section}]")
        tables[section] = dict(table)
    if "kind" not in tables["model"]:
        raise ParameterError("field model.kind is missing")
    family = family_named(tables["model"]["kind"])
    named = tables["method"].pop("kind", None)
    kind = _kind(default_kind(family, tables["method"]) if named is None else named)
    known = {
        "model": {"kind": True, "without": False, "holdout": False},
        "method": field_names(kind),
        "fixed_point": field_names(kind.scales),
    }
    for section, allowed in known.items():
        for name in tables[section]:
            if name not in allowed:
                raise ParameterError(f"unknown field {section}.{name}; fields are {', '.join(allowed)}")
        for name, required in allowed.items():
            if required and name not in tables[section]:
                raise ParameterError(f"field {section}.{name} is missing")
    scales = replace(kind.default_scales(family), **tables["fixed_point"])
    method, own = kind.from_toml(tables["method"]), tables["model"]
    without, holdout = own.get("without", ()), own.get("holdout", 0)
    return TrainingSpec(model=family.name, method=method, without=without, holdout=holdout, fixed_point=scales)


def _flat(mapping: Mapping[str, object], before: str = "") -> dict[str, object]:
    """A mapping of mappings as one, its names joined by dots."""
    flat: dict[str, object] = {}
    for name, value in mapping.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return flat


def load_spec(path: str | Path) -> TrainingSpec:
    """Read a spec file (TOML, UTF-8); errors name the file and the field.

    Raises:
        DataError: it is missing, no regular file, or cannot be read.
        FormatError: empty, too large, not UTF-8 or not TOML.
        ParameterError: an unknown, missing or unusable field.
    """
    try:
        text = read_file(path, MAX_SPEC_BYTES).decode("utf-8-sig")  # editors may put a mark before it
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: not UTF-8: {error}") from None
    return TrainingSpec.from_toml(text, source=str(path))
