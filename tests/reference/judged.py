"""What an evaluation proves of one model: protocol.md, section 12, "Evaluation"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .channel import Channel, Constraint
from .field import ONE, ZERO, K, Point, eq_at, eq_table, log2_ceil, prefix, prefix_eq, require
from .relations import FEATURES, LABELS, LOSSES, PROBIT_LOSSES, RANGE, SIGNS, Address, Box, Lookup, Relation, rounds
from .shapes import Axis, Column

ONE_CELL = Axis("output", 1)
Values = Mapping[Address, K]


def limbs_of(name: str, bits: int) -> tuple[list[Address], list[Lookup]]:
    """The limbs of an integer, each in range, the top one also shifted."""
    limbs, lookups = [("witness", f"{name} limb {i}") for i in range(-(-bits // 16))], []
    for i, limb in enumerate(limbs):
        lookups.append(Lookup(RANGE, [([(1, limb)], 0)]))
        if bits - 16 * i < 16:
            lookups.append(Lookup(RANGE, [([(1 << (16 * i + 16 - bits), limb)], 0)]))
    return limbs, lookups


def together(limbs: Sequence[K]) -> K:
    return sum((limb * (1 << (16 * i)) for i, limb in enumerate(limbs)), ZERO)


class Live:
    """Rows that count: the first `stop` but for `gone`."""

    def __init__(self, rows: int, gone: list[int], stop: int) -> None:
        self.rows, self.gone, self.stop, self.row = rows, gone, stop, Axis("row", rows)

    @property
    def count(self) -> int:
        return self.stop - len(self.gone)

    def at(self, n: Point) -> K:
        return prefix(n, self.stop) - sum((eq_at(n, row) for row in self.gone), ZERO)

    def box(self, name: str, axes: Any, lookups: list[Lookup]) -> Box:
        return Box(name, axes, lookups, self.gone, [(0, self.stop)])


class Model:
    """A committed model: of its columns, and integers of these bits, signs included."""

    def __init__(self, matrix: str, columns: list[Column], bits: tuple[int, int], x_bits: int, live: Live) -> None:
        self.matrix, self.columns, self.bias, self.live = matrix, columns, len(columns) > 1, live
        self.weight_bits, self.intercept_bits = bits
        self.output, self.weight = columns[0].axes[0], columns[0].axes[-1]
        largest = self.weight.size * 2 ** (x_bits + self.weight_bits - 1)
        self.score_bits = (largest + self.bias * 2 ** (self.intercept_bits - 1)).bit_length()
        require("statement", self.score_bits + (self.output.size > 1) <= 62)
        self.weights, of_weights = limbs_of(f"weight of {matrix}", self.weight_bits)
        self.boxes = [Box(f"weights of {matrix}", columns[0].axes, of_weights)]
        self.witness = [Column(name, columns[0].axes) for _, name in self.weights]
        if self.bias:
            self.intercept, of_intercept = limbs_of(f"intercept of {matrix}", self.intercept_bits)
            self.boxes.append(Box(f"intercept of {matrix}", columns[1].axes, of_intercept))
            self.witness += [Column(name, columns[1].axes) for _, name in self.intercept]

    def identities(self, relation: Relation, ch: Channel, at: Mapping[str, Point], values: Values) -> None:
        if self.weights[0] in values:
            found = self.committed(relation, ch, "weights", at)
            offset = prefix(at["weight"], self.weight.size) * 2 ** (self.weight_bits - 1)
            self._same(ch, "weights", found, [values[limb] for limb in self.weights], offset, at)
        if self.bias and self.intercept[0] in values:
            found = self.committed(relation, ch, "intercept", at)
            limbs = [values[limb] for limb in self.intercept]
            self._same(ch, "intercept", found, limbs, ONE * 2 ** (self.intercept_bits - 1), at)

    def _same(self, ch: Channel, name: str, found: K, limbs: list[K], offset: K, at: Mapping[str, Point]) -> None:
        real = self.real(at)
        ch.zero(f"{name} of {self.matrix}", lambda: (found - together(limbs) + offset * real * ch.one, []))

    def committed(self, relation: Relation, ch: Channel, name: str, at: Mapping[str, Point]) -> K:
        return relation.evaluate(ch, (self.matrix, name), at)

    def real(self, at: Mapping[str, Point]) -> K:
        """Whether there is such a model."""
        return prefix(at["output"], self.output.size)

    def score(self, relation: Relation, ch: Channel, o: Point, n: Point, claim: K | None = None) -> K:
        """z at an output and a row: sent, or the claim."""
        constant = ZERO
        if self.bias:
            own = relation.evaluate(ch, (self.matrix, "intercept"), {"output": o})
            constant = own * prefix(n, self.live.rows)
        total = ch.hidden(1)[0] if claim is None else claim - constant
        name = f"score of {self.matrix}"
        k, left = rounds(ch, name, self.weight.bits, 3, total)
        x = relation.evaluate(ch, FEATURES, {"row": n, "feature": k})
        weight = relation.evaluate(ch, (self.matrix, "weights"), {"output": o, "weight": k})
        ch.zero(name, lambda: (left, [(-ONE * prefix(k, self.weight.size), x, weight)]))
        return total + constant


class Grid:
    """A total that is stated in steps of 2^bits."""

    def __init__(self, check: str, name: str, bits: int, stated: int, up: bool = False) -> None:
        require("statement", -(1 << 62) <= stated << bits and (stated + 1) << bits <= 1 << 62)
        self.check, self.bits, self.stated, self.up = check, bits, stated, up
        self.limbs, self.lookups = limbs_of(name, bits)

    @property
    def witness(self) -> list[Column]:
        return [Column(name, (ONE_CELL,)) for _, name in self.limbs]

    def expected(self, ch: Channel, values: Values) -> K:
        rest = together([values[limb] for limb in self.limbs])
        return ch.one * (self.stated << self.bits) + (-rest if self.up else rest)


class Judged:
    """Of one model."""

    virtual: frozenset[Address] = frozenset()
    table: list[str] = []  # noqa: RUF012 - none beside that of ranges

    def __init__(self, model: Model) -> None:
        self.model, self.live, self.matrix = model, model.live, model.matrix
        self.boxes: list[Box] = []
        self.witness: list[Column] = []

    def own(self, name: str) -> Address:
        return "witness", f"{name} of {self.matrix}"

    def over_rows(self, relation: Relation, ch: Channel, name: str, claim: K, *columns: Address) -> None:
        """A sum over rows that count, of one or two factors."""
        n, left = rounds(ch, name, self.live.row.bits, 1 + len(columns), claim)
        values = []
        for column in columns:
            at = {"row": n, "output": []} if column == LABELS else {"row": n}
            values.append(relation.evaluate(ch, column, at))
        first, second = values[0], values[-1] if len(values) > 1 else None

        def check() -> Constraint:
            if second is None:
                return left - self.live.at(n) * first, []
            return left, [(-ONE * self.live.at(n), first, second)]

        ch.zero(name, check)

    def identities(self, relation: Relation, ch: Channel, at: Mapping[str, Point], values: Values) -> None:
        raise NotImplementedError

    def totals(self, relation: Relation, ch: Channel) -> None:
        """What is stated exactly."""


class TwoClasses(Judged):
    def __init__(
        self,
        model: Model,
        scale: int,
        result: Mapping[str, Any],
        step: int,
        family: str = "logistic",
        models: int = 1,
    ) -> None:
        super().__init__(model)
        self.result, self.grids = result, []
        self.whole = 1 << max(1, model.score_bits - 15) if result["loss"] is None else models << (scale - 9)
        width = log2_ceil(self.whole)
        own = PROBIT_LOSSES if family == "probit" else LOSSES
        self.table = [SIGNS if result["loss"] is None else own]
        names = ["flipped score", "right", *(["least loss", "largest loss"] if result["loss"] else [])]
        self.looked_up = [self.own(name) for name in names]
        entries: list[Any] = [([(1, column)], 0) for column in self.looked_up]
        self.rest, of_rest = limbs_of(f"remainder of {self.matrix}", width)
        self.lack, of_lack = limbs_of(f"remainder complement of {self.matrix}", width if models > 1 else 0)
        row, lookups = (self.live.row,), [Lookup(self.table[0], entries), *of_rest, *of_lack]
        self.boxes = [self.live.box(f"rows of {self.matrix}", row, lookups)]
        self.witness = [Column(name, row) for _, name in (*self.looked_up, *self.rest, *self.lack)]
        if result["loss"]:
            named = zip(names[2:], result["loss"], (False, True), strict=True)
            check = f"loss of {self.matrix}"
            self.grids = [Grid(check, f"{name} remainder of {self.matrix}", step, *more) for name, *more in named]
            lookups = [lookup for grid in self.grids for lookup in grid.lookups]
            self.boxes.append(Box(f"losses of {self.matrix}", (ONE_CELL,), lookups))
            self.witness += [column for grid in self.grids for column in grid.witness]

    def identities(self, relation: Relation, ch: Channel, at: Mapping[str, Point], values: Values) -> None:
        if self.looked_up[0] in values:
            self.flip(relation, ch, at["row"], values)
        for grid, column in zip(self.grids, self.looked_up[2:], strict=True):
            if grid.limbs[0] in values:
                (total,) = ch.hidden(1)
                ch.zero(grid.check, lambda grid=grid, total=total: (total - grid.expected(ch, values), []))
                self.over_rows(relation, ch, grid.check, total, column)

    def flip(self, relation: Relation, ch: Channel, n: Point, values: Values) -> None:
        """What z, F, Y and R are at n."""
        label = relation.evaluate(ch, LABELS, {"output": [], "row": n})
        there, scale, (flipped, *_) = prefix(n, self.live.rows), self.whole, self.looked_up
        rest = together([values[limb] for limb in self.rest])
        if self.lack:
            lack = together([values[limb] for limb in self.lack])
            ch.zero(f"remainder of {self.matrix}", lambda: (rest + lack - (scale - 1) * there * ch.one, []))
        score = self.model.score(relation, ch, [], n)
        claim = score - rest + scale * (values[flipped] - label + there * ch.one) - there * ch.one
        name = f"flip of {self.matrix}"
        m, left = rounds(ch, name, self.live.row.bits, 3, claim)
        y = relation.evaluate(ch, LABELS, {"output": [], "row": m})
        own = relation.evaluate(ch, flipped, {"row": m})
        ch.zero(name, lambda: (left, [(-2 * scale * prefix_eq(n, m, self.live.rows), y, own)]))

    def totals(self, relation: Relation, ch: Channel) -> None:
        ok, confusion = self.looked_up[1], self.result["confusion"]
        self.over_rows(relation, ch, f"right predictions of {self.matrix}", self.result["right"] * ch.one, ok)
        if confusion:
            name = f"confusion of {self.matrix}"
            self.over_rows(relation, ch, name, (confusion[2] + confusion[3]) * ch.one, LABELS)
            self.over_rows(relation, ch, name, confusion[3] * ch.one, LABELS, ok)


class SeveralClasses(Judged):
    def __init__(self, model: Model, result: Mapping[str, Any], gone: list[int], loss: Any = None) -> None:
        super().__init__(model)
        self.result, self.gone, self.size, self.loss = result, gone, model.output.size, loss
        self.scores, self.predicted = ("virtual", f"scores of {self.matrix}"), self.own("predicted")
        self.virtual = frozenset({self.scores, *getattr(loss, "said", [])})
        axes = (model.output, self.live.row)
        self.gap, lookups = limbs_of(f"gap of {self.matrix}", model.score_bits + 1)
        self.boxes = [self.live.box(f"gaps of {self.matrix}", axes, lookups)]
        self.witness = [Column(name, axes) for _, name in (self.predicted, *self.gap)]
        if loss is not None:
            self.boxes += loss.boxes
            self.witness += loss.witness

    def kept(self, c: Point) -> K:
        return prefix(c, self.size) - sum((eq_at(c, gone) for gone in self.gone), ZERO)

    def same_kept(self, o: Point, c: Point) -> K:
        return prefix_eq(o, c, self.size) - sum((eq_at(o, g) * eq_at(c, g) for g in self.gone), ZERO)

    def over_both(self, ch: Channel, name: str, claim: K) -> tuple[Point, Point, K]:
        bits = self.model.output.bits
        point, left = rounds(ch, f"{name} of {self.matrix}", bits + self.live.row.bits, 3, claim)
        return point[:bits], point[bits:], left

    def over_classes(self, relation: Relation, ch: Channel, name: str, n: Point, claim: K, weight: Any) -> None:
        name = f"{name} of {self.matrix}"
        c, left = rounds(ch, name, self.model.output.bits, 2, claim)
        own = relation.evaluate(ch, self.predicted, {"output": c, "row": n})
        ch.zero(name, lambda: (left - weight(c) * own, []))

    def identities(self, relation: Relation, ch: Channel, at: Mapping[str, Point], values: Values) -> None:
        if self.loss is not None:
            self.loss.identities(relation, ch, at, values)
        if self.gap[0] not in values:
            return
        o, n, rows = at["output"], at["row"], self.live.rows
        c, m, left = self.over_both(ch, "one or none", ZERO)
        first, second = (relation.evaluate(ch, self.predicted, {"output": c, "row": m}) for _ in range(2))

        def none() -> Constraint:
            weight = prefix_eq(o, c, self.size) * prefix_eq(n, m, rows)
            real = prefix(c, self.size) * prefix(m, rows)
            return left, [(-weight, first, second - real * ch.one)]

        ch.zero(f"one or none of {self.matrix}", none)
        there = prefix(n, rows) * ch.one
        self.over_classes(relation, ch, "one class", n, there, lambda c: prefix(c, self.size))
        if self.gone:
            self.over_classes(relation, ch, "one class", n, there, self.kept)
        (later,) = ch.hidden(1)
        self.over_classes(relation, ch, "later classes", n, later, lambda c: self.after(o, c))
        gap = together([values[limb] for limb in self.gap])
        self.largest(relation, ch, o, n, gap + later)

    def after(self, o: Point, c: Point) -> K:
        """sum over kept a and b > a of eq(o, a) eq(c, b)."""
        at_o, at_c, before, total = eq_table(o), eq_table(c), ZERO, ZERO
        for b in range(self.size):
            total += before * at_c[b]
            before += ZERO if b in self.gone else at_o[b]
        return total

    def largest(self, relation: Relation, ch: Channel, o: Point, n: Point, claim: K) -> None:
        c, m, left = self.over_both(ch, "gap", claim)
        at = {"output": c, "row": m}
        own, score = (relation.evaluate(ch, column, at) for column in (self.predicted, self.scores))

        def check() -> Constraint:
            weight = self.kept(c) * prefix_eq(n, m, self.live.rows)
            less = self.same_kept(o, c) * prefix(m, self.live.rows) * ch.one
            return left, [(-weight, self.kept(o) * own - less, score)]

        ch.zero(f"gap of {self.matrix}", check)
        self.model.score(relation, ch, c, m, score)

    def totals(self, relation: Relation, ch: Channel) -> None:
        c, m, left = self.over_both(ch, "right predictions", self.result["right"] * ch.one)
        at = {"output": c, "row": m}
        label, own = (relation.evaluate(ch, column, at) for column in (LABELS, self.predicted))

        def right() -> Constraint:
            return left, [(-ONE * prefix(c, self.size) * self.live.at(m), label, own)]

        ch.zero(f"right predictions of {self.matrix}", right)
        if self.result["confusion"]:
            self.confusion(relation, ch)

    def confusion(self, relation: Relation, ch: Channel) -> None:
        name, bits = f"confusion of {self.matrix}", self.model.output.bits
        point = ch.point(name, 2 * bits)
        a, b = point[:bits], point[bits:]
        at_a, at_b = eq_table(a), eq_table(b)
        counts, size = self.result["confusion"], self.size
        claim = sum((at_a[i] * at_b[j] * counts[size * i + j] for i in range(size) for j in range(size)), ZERO)
        n, left = rounds(ch, name, self.live.row.bits, 3, claim * ch.one)
        label = relation.evaluate(ch, LABELS, {"output": a, "row": n})
        own = relation.evaluate(ch, self.predicted, {"output": b, "row": n})
        ch.zero(name, lambda: (left, [(-ONE * self.live.at(n), label, own)]))


class Residuals(Judged):
    def __init__(
        self, model: Model, shifts: tuple[int, int], bits: int, squares: int, step: int, models: int = 1
    ) -> None:
        super().__init__(model)
        self.label_shift, self.shift = shifts
        self.bits, self.models = bits, models
        self.residual, of_residual = limbs_of(f"residual of {self.matrix}", bits)
        width = log2_ceil(models << self.shift)
        self.rest, of_rest = limbs_of(f"remainder of {self.matrix}", width)
        self.lack, of_lack = limbs_of(f"remainder complement of {self.matrix}", width if models > 1 else 0)
        self.grid = Grid(f"squares of {self.matrix}", f"squares remainder of {self.matrix}", step, squares)
        row = (self.live.row,)
        self.boxes = [
            self.live.box(f"rows of {self.matrix}", row, [*of_residual, *of_rest, *of_lack]),
            Box(f"squares of {self.matrix}", (ONE_CELL,), self.grid.lookups),
        ]
        self.witness = [Column(name, row) for _, name in (*self.residual, *self.rest, *self.lack)]
        self.witness += self.grid.witness

    def identities(self, relation: Relation, ch: Channel, at: Mapping[str, Point], values: Values) -> None:
        half = 2 ** (self.bits - 1)
        if self.residual[0] in values:
            n, scale = at["row"], self.models * 2**self.shift
            there = prefix(n, self.live.rows) * ch.one
            label = relation.evaluate(ch, LABELS, {"output": [], "row": n})
            own, rest = (together([values[limb] for limb in limbs]) for limbs in (self.residual, self.rest))
            score = self.model.score(relation, ch, [], n)
            rounded = scale * (own - half * there) + rest - scale // 2 * there
            of_label = self.models * 2**self.label_shift * label
            ch.zero(f"residual of {self.matrix}", lambda: (score - of_label - rounded, []))
            if self.lack:
                lack = together([values[limb] for limb in self.lack])
                ch.zero(f"remainder of {self.matrix}", lambda: (rest + lack - (scale - 1) * there, []))
        if self.grid.limbs[0] in values:
            (total,) = ch.hidden(1)
            name = self.grid.check
            ch.zero(name, lambda: (total - self.grid.expected(ch, values), []))
            n, left = rounds(ch, name, self.live.row.bits, 3, total)
            limbs = [[relation.evaluate(ch, limb, {"row": n}) for limb in self.residual] for _ in range(2)]

            def square() -> Constraint:
                offset = half * prefix(n, self.live.rows) * ch.one
                first, second = (together(each) - offset for each in limbs)
                return left, [(-ONE * self.live.at(n), first, second)]

            ch.zero(name, square)


class Spread:
    """Of the labels."""

    def __init__(self, live: Live, finer: int, stated: int, step: int) -> None:
        self.live, self.finer, self.bits = live, finer, 17 + finer
        width = log2_ceil(live.count)
        self.mean, of_mean = limbs_of("mean label", self.bits)
        self.rest, of_rest = limbs_of("mean remainder", width)
        self.lack, of_lack = limbs_of("mean complement", width)
        self.grid = Grid("spread", "spread remainder", step, stated)
        self.boxes = [Box("spread of labels", (ONE_CELL,), [*of_mean, *of_rest, *of_lack, *self.grid.lookups])]
        limbs = (*self.mean, *self.rest, *self.lack, *self.grid.limbs)
        self.witness = [Column(name, (ONE_CELL,)) for _, name in limbs]

    def identities(self, relation: Relation, ch: Channel, values: Values) -> None:
        if self.grid.limbs[0] not in values:
            return
        count, one = self.live.count, ch.one
        mean, rest, lack = (together([values[limb] for limb in own]) for own in (self.mean, self.rest, self.lack))
        mean -= 2 ** (self.bits - 1) * one
        ch.zero("mean", lambda: (rest + lack - (count - 1) * one, []))
        labels = self.summed(relation, ch, "labels", 1)
        ch.zero("mean", lambda: (2**self.finer * labels - count * mean - rest, []))
        squares = self.summed(relation, ch, "squares of labels", 2)

        def spread() -> Constraint:
            twice = count * mean + 2 * rest
            return 4**self.finer * squares - self.grid.expected(ch, values), [(-ONE, mean, twice)]

        ch.zero("spread", spread)

    def summed(self, relation: Relation, ch: Channel, name: str, power: int) -> K:
        (total,) = ch.hidden(1)
        n, left = rounds(ch, name, self.live.row.bits, 1 + power, total)
        values = [relation.evaluate(ch, LABELS, {"output": [], "row": n}) for _ in range(power)]

        def check() -> Constraint:
            if power == 1:
                return left - self.live.at(n) * values[0], []
            return left, [(-ONE * self.live.at(n), values[0], values[1])]

        ch.zero(name, check)
        return total
