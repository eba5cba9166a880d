"""Training by gradient descent: protocol.md, section 12."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .arithmetic import CELLS, schedule
from .channel import Channel, Constraint
from .field import ONE, ZERO, K, Point, bits_of, eq, eq_at, eq_table, prefix, prefix_eq
from .formats import not_counted, outputs_of
from .relations import (
    ACTIVATION,
    COEFFICIENTS,
    FEATURES,
    INTERCEPT,
    LABELS,
    RANGE,
    Address,
    Box,
    Lookup,
    Relation,
    classes_of,
    dataset_columns,
    multiplicities,
    rounds,
    three_factors,
)
from .shapes import Axis, Column, size_of, split

Share = tuple[K, K, str, str, dict[str, Point]]  # of the update: how much, indicator of real cells, columns, place
Place = tuple[Point, Point, Point]  # epoch, block, output
Q, P, Z = ("witness", "Q"), ("witness", "P"), ("virtual", "z")


class GradientDescent(Relation):
    name = "gradient descent"
    virtual = frozenset({Z})

    def __init__(self, statement: dict[str, Any]) -> None:
        dataset = statement["dataset"]
        self.forgotten = not_counted(statement)
        self.s = schedule(statement["spec"], dataset, self.forgotten)
        self.gone = classes_of(statement)
        if self.gone:
            self.name = f"{self.name} without classes"
        self.lay_out(statement, dataset["rows"])

    def lay_out(self, statement: dict[str, Any], rows: int) -> None:
        """Axes, columns and lookups of a training on so many rows, those of `forgotten` not counted."""
        dataset, spec, s = statement["dataset"], statement["spec"], self.s
        self.rows, self.features = rows, len(dataset["encoding"]["features"])
        self.one, self.bias = 1 << spec["scales"]["x_bits"], spec["method"]["bias"]
        self.row, self.epoch, self.block = Axis("row", self.rows), Axis("epoch", s.epochs), Axis("block", s.blocks)
        self.batch = Axis("batch", s.batches)
        self.weight = Axis("weight", self.features)
        self.output = Axis("output", outputs_of(dataset["encoding"]))
        self.offset = 1 << (s.weight_bits - 1)
        scores = (self.output, self.epoch, self.row)
        remainder = Lookup(RANGE, [([(1, Z), (-CELLS, Q)], 0)])
        activation = Lookup(ACTIVATION, [([(1, Q)], 0), ([(1, P)], 0)])
        boxes = [Box("scores", scores, [remainder, activation], self.forgotten)]
        witness, model = [Column("Q", scores), Column("P", scores)], []
        self.limbs: dict[str, list[Address]] = {}
        trained = [("weight", "weights", (self.weight,), COEFFICIENTS), ("bias", "biases", (), INTERCEPT)]
        for name, steps, axes, own in trained if self.bias else trained[:1]:
            at_steps, last_axes = (self.output, self.epoch, *self.in_epoch, *axes), (*self.models, *axes)
            found = self.limb_lookups(steps, s.weight_bits) + self.limb_lookups(f"{name} remainder", s.shift)
            boxes.append(Box(f"{name} limbs", at_steps, found))
            boxes.append(Box(f"last {name} limbs", last_axes, self.limb_lookups(f"last {name}", s.weight_bits)))
            witness += [Column(limb, at_steps) for _, limb in self.limbs[steps] + self.limbs[f"{name} remainder"]]
            witness += [Column(limb, last_axes) for _, limb in self.limbs[f"last {name}"]]
            model.append(Column(own[1], last_axes))
        more, last = self.more()
        super().__init__(boxes + more, [RANGE, ACTIVATION])
        self.table, self.own_columns = s.table, witness + last
        witness += [multiplicities(table, self.sections) for table in self.tables] + last
        self.columns = {"dataset": dataset_columns(dataset), "model": model, "witness": witness}

    @property
    def in_epoch(self) -> tuple[Axis, ...]:
        """The axes of steps of an epoch. A point b of both is that of blocks, and then that of batches."""
        return (self.block, *([self.batch] if self.s.batches > 1 else []))

    def step(self, b: Point) -> dict[str, Point]:
        """A point of both, axis by axis."""
        return split(self.in_epoch, b)

    def real_in_epoch(self) -> list[int]:
        """Numbers of the steps that there are."""
        return [(b << self.batch.bits) + a for b in range(self.s.blocks) for a in range(self.s.batches)]

    @property
    def models(self) -> tuple[Axis, ...]:
        """What tells models apart."""
        return (self.output,)

    def more(self) -> tuple[list[Box], list[Column]]:
        """Boxes, and columns of the witness, after those of every training."""
        return [], []

    def limb_lookups(self, name: str, bits: int) -> list[Lookup]:
        """The limbs of an integer, each in range, the top one also shifted."""
        self.limbs[name] = [("witness", f"{name} limb {i}") for i in range(-(-bits // 16))]
        found = []
        for i, limb in enumerate(self.limbs[name]):
            found.append(Lookup(RANGE, [([(1, limb)], 0)]))
            if bits - 16 * i < 16:
                found.append(Lookup(RANGE, [([(1 << (16 - (bits - 16 * i)), limb)], 0)]))
        return found

    def integer(self, ch: Channel, name: str, at: Mapping[str, Point]) -> K:
        """P -> V: the limbs of an integer; their sum."""
        return self.joined([self.evaluate(ch, limb, at) for limb in self.limbs[name]])

    @staticmethod
    def joined(limbs: Iterable[K]) -> K:
        return sum((limb * (1 << (16 * i)) for i, limb in enumerate(limbs)), ZERO)

    def signed(self, ch: Channel, limbs: K, real: K) -> K:
        """A signed integer, of its limbs together: without the offset, which real cells have."""
        return limbs - self.offset * real * ch.one

    def real_steps(self, e: Point, b: Point) -> K:
        """The extension of [t real]."""
        block, batch = b[: self.block.bits], b[self.block.bits :]
        return prefix(e, self.s.epochs) * prefix(block, self.s.blocks) * prefix(batch, self.s.batches)

    def real_output(self, o: Point) -> K:
        """The extension of [o < O], a factor of that of all real cells that have an output."""
        return prefix(o, self.output.size)

    def identities(self, ch: Channel) -> None:
        for at, values in self.ended["scores"]:
            self.product(ch, at, values[Z])
        axes = self.epoch, self.block, self.batch, self.output, self.weight
        e, b, batch, o, k = (ch.point("update", axis.bits) for axis in axes)
        of_bias = ch.point("update", 1)[0] if self.bias else ZERO
        there = self.real_output(o)
        shares = [(ONE - of_bias, there * prefix(k, self.features), "weight", "weights", {"output": o, "weight": k})]
        if self.bias:
            shares.append((of_bias, there, "bias", "biases", {"output": o}))

        self.initial(ch, shares, b)
        last = self.model(ch, self.model_at(o, b), k)
        b = [*b, *batch]
        gradient = self.update(ch, e, b, shares, last) + of_bias * self.bias_decay(ch, (e, b, o))

        self.gradient(ch, gradient, (e, b, o), k, of_bias)
        if self.gone:
            self.forgotten_classes(ch)

    def model_at(self, o: Point, b: Point) -> dict[str, Point]:
        """Which model an iteration is of."""
        return {"output": o}

    def real_model(self, at: Mapping[str, Point]) -> K:
        """The extension of: there is such a model."""
        return self.real_output(at["output"])

    def initial(self, ch: Channel, shares: list[Share], b: Point) -> None:
        """Training begins from zero."""
        start = {"epoch": bits_of(0, self.epoch.bits), "block": bits_of(0, self.block.bits)}
        first = [self.integer(ch, steps, start | at) for _, _, _, steps, at in shares]
        ch.zero("initial weights", lambda: (self.together(ch, shares, first), []))

    def live(self, row: Point) -> K:
        """S: the rows that count."""
        return prefix(row, self.rows) - sum((eq_at(row, n) for n in self.forgotten), ZERO)

    def forgotten_classes(self, ch: Channel) -> None:
        """No row that counts is of one of them."""
        bits = self.output.bits
        point, claim = rounds(ch, "forgotten classes", bits + self.row.bits, 2, ZERO)
        output, row = point[:bits], point[bits:]
        y = self.evaluate(ch, LABELS, {"output": output, "row": row})

        def members() -> Constraint:
            return claim - sum((eq_at(output, c) for c in self.gone), ZERO) * self.live(row) * y, []

        ch.zero("forgotten classes", members)

    def gradient(self, ch: Channel, gradient: K, t: Place, k: Point, of_bias: K) -> None:
        """G is what the live rows say."""
        self.over_rows(ch, gradient, t, k, ONE - of_bias, of_bias * self.one)

    def over_rows(
        self,
        ch: Channel,
        gradient: K,
        t: Place,
        k: Point | None,
        of_feature: K = ONE,
        constant: K = ZERO,
        factors_of_blocks: bool = True,
    ) -> None:
        """The sums over rows and over epochs; of_feature * X(n, k) + constant is what residuals are multiplied with.

        Without k they are summed as they are; without factors of blocks c_b is no part of the sum.
        """
        s, one, (e, b, o) = self.s, ch.one, t
        weighted = any(weight != 1 for weight in s.class_weights)
        point, claim_g = rounds(ch, "gradient", self.row.bits, 2 + (k is not None) + weighted, gradient)
        left_out = self.s.unused if self.s.standardization is None else []
        x_g = ZERO
        if k is not None:
            x_g = ch.hidden(1)[0] if left_out else self.evaluate(ch, FEATURES, {"row": point, "feature": k})
        (a,) = ch.hidden(1)
        y = self.evaluate(ch, LABELS, {"output": o, "row": point})
        own_weight = self.class_weight(ch, o, point) if weighted else ZERO

        def residual() -> K:
            c = sum((v * factor for v, factor in zip(eq_table(e), s.c_epoch, strict=False)), ZERO)
            return a - c * s.label_multiplier * y

        def factors() -> tuple[K, K, K, K]:
            """The weight of the sum at n, X', the residual, and the weight of the row's class."""
            factor_x = of_feature * x_g + constant * prefix(point, self.rows) * one
            return self.live_in_blocks(b, point, factors_of_blocks), factor_x, residual(), own_weight

        def live_gradient() -> Constraint:
            weight_n, factor_x, factor, _ = factors()
            return claim_g, [(-weight_n, factor_x, factor)]

        def live_residuals() -> Constraint:
            weight_n = self.live_in_blocks(b, point, factors_of_blocks)
            return (
                (claim_g, [(-weight_n, residual(), own_weight)]) if weighted else (claim_g - weight_n * residual(), [])
            )

        if k is None:
            ch.zero("gradient", live_residuals)
        elif weighted:
            three_factors(ch, "gradient", claim_g, factors)
        else:
            ch.zero("gradient", live_gradient)

        last_epoch, claim_p = rounds(ch, "epochs", self.epoch.bits, 2, a)
        p = self.evaluate(ch, P, {"output": o, "epoch": last_epoch, "row": point})

        def predictions() -> Constraint:
            terms = zip(eq_table(e), s.c_epoch, eq_table(last_epoch), strict=False)
            return claim_p - sum((v * factor * at for v, factor, at in terms), ZERO) * p, []

        ch.zero("epochs", predictions)
        if weighted and self.output.size > 1:
            self.all_class_weights(ch, own_weight, point)
        if k is not None and left_out:
            self.used_features(ch, x_g, k, point)

    def live_in_blocks(self, b: Point, row: Point, factors: bool = True) -> K:
        """eq(b, b_n) c_b S(n), at a row; or without c_b."""
        eq_n, eq_b, total = eq_table(row), eq_table(b), ZERO
        for n in range(self.rows):
            if n not in self.forgotten:
                block = n // self.s.block_size
                total += eq_b[block] * (self.s.c_block[block] if factors else 1) * eq_n[n]
        return total

    def used_features(self, ch: Channel, claim: K, k: Point, row: Point) -> None:
        """The features of a row at k, without those that are left out."""
        at, claim = rounds(ch, "used features", self.weight.bits, 2, claim)
        x = self.evaluate(ch, FEATURES, {"row": row, "feature": at})

        ch.zero("used features", lambda: (claim - self.used(k, at) * x, []))

    def used(self, k: Point, at: Point) -> K:
        """eq(k, at), summed over the features that are not left out."""
        left_out = sum((eq_at(k, i) * eq_at(at, i) for i in self.s.unused), ZERO)
        return prefix_eq(k, at, self.features) - left_out

    def class_weight(self, ch: Channel, o: Point, row: Point) -> K:
        """P -> V: what a row counts, of its label; of several outputs, to be proved by `all_class_weights`."""
        if self.output.size > 1:
            return ch.hidden(1)[0]
        first, second = self.s.class_weights
        y = self.evaluate(ch, LABELS, {"output": o, "row": row})
        return prefix(row, self.rows) * ch.one * first + y * (second - first)

    def all_class_weights(self, ch: Channel, claim: K, row: Point) -> None:
        """The sum of the labels of a row, each with the weight of its class, is the claim."""
        point, claim = rounds(ch, "class weights", self.output.bits, 2, claim)
        y = self.evaluate(ch, LABELS, {"output": point, "row": row})

        def labels() -> Constraint:
            terms = zip(eq_table(point), self.s.class_weights, strict=False)
            return claim - sum((v * weight for v, weight in terms), ZERO) * y, []

        ch.zero("class weights", labels)

    def bias_decay(self, ch: Channel, t: Place) -> K:
        """What the sum `change` takes off a bias that does not decay."""
        s, (e, b, o) = self.s, t
        if not self.bias or s.penalize_bias or not any(s.l_epoch):
            return ZERO
        (taken,) = ch.hidden(1)
        point, claim = rounds(ch, "bias decay", len(e) + len(b), 2, taken)
        e2, b2 = point[: len(e)], point[len(e) :]
        limbs = self.integer(ch, "biases", {"output": o, "epoch": e2} | self.step(b2))
        there = self.real_steps(e2, b2) * self.real_output(o)

        def decay() -> Constraint:
            epochs, eq_b, eq_b2 = zip(eq_table(e), eq_table(e2), s.l_epoch, strict=False), eq_table(b), eq_table(b2)
            of_epochs = sum((a * at * l for a, at, l in epochs), ZERO)
            of_blocks = sum((eq_b[j] * eq_b2[j] for j in self.real_in_epoch()), ZERO)
            return claim - of_epochs * of_blocks * self.signed(ch, limbs, there), []

        ch.zero("bias decay", decay)
        return taken

    def together(self, ch: Channel, shares: list[Share], limbs: list[K]) -> K:
        """The weights and the bias, by their shares."""
        found = zip(shares, limbs, strict=True)
        return sum((share * self.signed(ch, value, real) for (share, real, *_), value in found), ZERO)

    def model(self, ch: Channel, own: dict[str, Point], k: Point) -> list[K]:
        """The model is what its limbs say. Returns the last weights of one at k, and its last bias."""
        for at, values in self.ended["last weight limbs"]:
            limbs = self.joined(values[limb] for limb in self.limbs["last weight"])
            real = prefix(at["weight"], self.features) * self.real_model(at)
            beyond = self.evaluate(ch, COEFFICIENTS, at) - self.signed(ch, limbs, real)
            ch.zero("model", lambda beyond=beyond: (beyond, []))
        last = [self.evaluate(ch, COEFFICIENTS, own | {"weight": k})]
        if self.bias:
            bias = self.last_bias(ch, own)
            intercept = self.evaluate(ch, INTERCEPT, own)
            ch.zero("intercept", lambda: (intercept - self.one * bias, []))
            last.append(bias)
        return last

    def last_bias(self, ch: Channel, own: dict[str, Point]) -> K:
        """V(T) of a model: of the limbs that their box left, or of several models P -> V its limbs."""
        if size_of(self.models):
            return self.signed(ch, self.integer(ch, "last bias", own), self.real_model(own))
        ((_, values),) = self.ended["last bias limbs"]
        return self.signed(ch, self.joined(values[limb] for limb in self.limbs["last bias"]), ONE)

    def product(self, ch: Channel, at: Mapping[str, Point], z: K) -> None:
        """z is the score, at the point where a part of `scores` ended."""
        block_bits = size_of(self.in_epoch)
        block_star, inside = at["row"][:block_bits], at["row"][block_bits:]
        z -= self.bias_of_score(ch, at, block_star, inside)
        point, claim = rounds(ch, "product", block_bits + self.weight.bits, 3, z)
        block, weight = point[:block_bits], point[block_bits:]
        x = self.evaluate(ch, FEATURES, {"row": block + inside, "feature": weight})
        w = self.weights_at(ch, at, block, weight)
        share = eq(block_star, block) * prefix(weight, self.features)
        ch.zero("product", lambda: (claim, [(-share, x, w())]))

    def weights_at(self, ch: Channel, at: Mapping[str, Point], block: Point, weight: Point) -> Callable[[], K]:
        """P -> V: the limbs of W of the output and the epoch that a part of `scores` ended at."""
        o, e = at["output"], at["epoch"]
        limbs = self.integer(ch, "weights", {"output": o, "epoch": e, "weight": weight} | self.step(block))
        there = self.real_output(o) * self.real_steps(e, block) * prefix(weight, self.features)
        return lambda: self.signed(ch, limbs, there)

    def bias_of_score(self, ch: Channel, at: Mapping[str, Point], block_star: Point, inside: Point) -> K:
        """P -> V: limbs of biases."""
        total, o, e = ZERO, at["output"], at["epoch"]
        amounts = self.amounts_of_bias(block_star, inside) if self.bias else []
        for share, block in amounts:
            bias = self.integer(ch, "biases", {"output": o, "epoch": e} | self.step(block))
            total += self.one * share * self.signed(ch, bias, self.real_output(o) * self.real_steps(e, block))
        return total

    def amounts_of_bias(self, block: Point, inside: Point) -> list[tuple[K, Point]]:
        """Where biases are asked for, and how much each counts in the score of a row of this block."""
        s = self.s
        if s.batches > 1:
            return [(ONE, block)]
        rows = self.rows - (s.blocks - 1) * s.block_size  # of the last block
        if s.blocks == 1:
            return [(prefix(inside, rows), block)]
        amounts = [(ONE, block)]
        if rows < s.block_size:
            amounts.append(
                (-eq_at(block, s.blocks - 1) * (ONE - prefix(inside, rows)), bits_of(s.blocks - 1, len(block)))
            )
        return amounts

    rests = False  # whether the first step of a model has no momentum that any weight could have; they begin from zero

    def steps(self) -> list[list[tuple[int, int]]]:
        """All iterations (e, b) of each model, one after another."""
        return [[(i, j) for i in range(self.s.epochs) for j in range(self.s.blocks)]]

    def last_step(self, e: Point, b: Point) -> K:
        """The extension of: after this iteration comes the model."""
        return eq_at(e, self.s.epochs - 1) * eq_at(b, self.s.blocks - 1)

    def update(self, ch: Channel, e: Point, b: Point, shares: list[Share], last: list[K]) -> K:
        """The sum `change`; returns the weighted gradient G."""
        s, one = self.s, ch.one
        (change,) = ch.hidden(1)
        point, claim = rounds(ch, "update", len(e) + len(b), 2, change)
        e2, b2 = point[: len(e)], point[len(e) :]
        limbs = [self.integer(ch, steps, {"epoch": e2} | self.step(b2) | at) for _, _, _, steps, at in shares]

        def difference() -> Constraint:
            eq_e, eq_b, eq_e2, eq_b2 = (eq_table(x) for x in (e, b, e2, b2))
            total = ZERO
            for steps in self.steps():
                for step, (i, j) in enumerate(steps):
                    moved = s.m_epoch[i] if step or not self.rests else 0
                    factor = eq_e[i] * eq_b[j] * ((1 << s.shift) - s.l_epoch[i] + moved)
                    if step:  # next(t, t') is 1 for t just before t'
                        before_i, before_j = steps[step - 1]
                        factor -= eq_e[before_i] * eq_b[before_j] * (1 << s.shift)
                    if step + 1 < len(steps):  # before(t, t') is 1 for t just after t'
                        after_i, after_j = steps[step + 1]
                        factor -= eq_e[after_i] * eq_b[after_j] * s.m_epoch[after_i]
                    total += factor * eq_e2[i] * eq_b2[j]
            real = self.real_steps(e2, b2)
            own = [(share, real * there, name, column, at) for share, there, name, column, at in shares]
            return claim - total * self.together(ch, own, limbs), []

        ch.zero("update", difference)
        at_t = {"epoch": e} | self.step(b)
        u = [share * self.integer(ch, f"{name} remainder", at_t | at) for share, _, name, _, at in shares]
        final = self.last_step(e, b) * (1 << s.shift)
        real = self.real_steps(e, b) * sum((share * there for share, there, *_ in shares), ZERO)
        model = sum((share * value for (share, *_), value in zip(shares, last, strict=True)), ZERO)
        return change - final * model - (1 << (s.shift - 1)) * real * one + sum(u, ZERO)
