"""Junk in cells that are no cells, of sharded training on standardised features: inert, or not to be had.

Shards past the last and features past the last, whose scalers and weights are bound to nothing that is real; and what
stands for exponents past the last.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.descent_columns import PREDICTIONS, Q, Z
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.parameters import BIAS, WEIGHTS
from zkunlearn.circuits.relations.shard_scaler import RATE_ROOM
from zkunlearn.circuits.relations.shards import STARTING_INTERCEPT, STARTING_WEIGHTS
from zkunlearn.circuits.relations.standardization import (
    COUNTED_FRACTION,
    COUNTED_MEAN,
    COUNTED_RATE,
    EXPONENT,
    FRACTION,
    FRACTION_LACK,
    FRACTION_REST,
    MEAN,
    MEAN_LACK,
    MEAN_REST,
    OFFSET,
    POWER,
    RATE,
    RATE_LACK,
    RATE_REST,
)
from zkunlearn.circuits.relations.standardized_descent import GRADIENTS, RESIDUALS
from zkunlearn.circuits.relations.standardized_stage import BIAS_REST, START_LACK, START_REST, StandardizedStage
from zkunlearn.models.methods import standardized
from zkunlearn.models.shards import Run
from zkunlearn.prover.matrices.entropy import random_field

from .harness import Columns, assert_caught, assert_valid, commitments, lies_of, prove
from .sisa_runs import (
    FEATURES,
    ROWS,
    Data,
    SisaDeclared,
    column,
    declare_standardized,
    told,
    trained,
    values,
    with_narrow_feature,
)
from .test_padding_sisa import EPOCHS, SHARDS, SPARE, Part, SisaJunkProver, filled, of_junk, outside, parts, put

PAST = FEATURES  # the feature past the last, in the padding


def junk(*shape: int) -> Any:
    """Uniform elements of the field, as integers that do not wrap."""
    return random_field(*shape).astype(object)


def mod(values: Any) -> Any:
    return (np.asarray(values, dtype=object) % MODULUS).astype(np.uint64)


def with_junk(own: SisaDeclared, columns: Columns) -> Columns:
    """Uniform junk in every cell that the equations leave free, and what follows in the others."""
    box = filled(own.shape, columns)
    for cells, outputs in (box[data_set.FEATURES], FEATURES), (box[data_set.LABELS], 1):
        put(cells, outside(cells, outputs, ROWS))
    for part in parts(own, box):
        s, relation = part.relation.schedule, part.relation
        assert isinstance(relation, StandardizedStage)
        for cells in (part[Q], part[PREDICTIONS]):
            mask = outside(cells, 1, s.epochs, s.rows)
            mask[:, :, np.flatnonzero(~s.live.mask())] = True
            put(cells, mask)
        put_scaler(part, relation)
        put_start(part, relation)
        put_runs(part)
        part[GRADIENTS][:, : s.epochs] = sums(part, part[GRADIENTS].shape[-1])
        part[Z][...] = scores(part)
    return box


def put_scaler(part: Part, relation: StandardizedStage) -> None:
    """A scaler of a feature past the last, in each shard; and of a shard past the last what is nobody's."""
    scaler, blocks = relation.scaler, relation.schedule.blocks
    counts = scaler.counts.array().astype(object)
    share = scaler.public.floor // scaler.public.count

    def at(name: Address) -> Any:
        bits = scaler.limbs.get(name)
        return part[name if bits is None else limb_addresses(name, bits)[0]]

    mean, fraction, rate = junk(blocks), junk(blocks), junk(blocks)
    past = {
        MEAN: mean, COUNTED_MEAN: counts * mean, MEAN_REST: -counts * mean, MEAN_LACK: counts * mean,
        FRACTION: fraction, OFFSET: fraction, COUNTED_FRACTION: counts * fraction,
        FRACTION_REST: -counts * fraction, FRACTION_LACK: counts * fraction,
        RATE: rate, RATE_ROOM: -rate, COUNTED_RATE: counts * rate,
        RATE_REST: -2 * share * counts * rate, RATE_LACK: 2 * share * counts * rate,
    }  # fmt: skip
    for name, integers in past.items():
        at(name)[:blocks, PAST] = mod(integers)
    width = at(MEAN).shape[1]
    at(MEAN)[SPARE] = mod(junk(width))
    at(FRACTION)[SPARE] = at(OFFSET)[SPARE] = mod(junk(width))
    at(RATE)[SPARE] = mod(junk(width))
    at(RATE_ROOM)[SPARE] = mod(-at(RATE)[SPARE].astype(object))
    at(EXPONENT)[:, SPARE] = mod(junk(*at(EXPONENT)[:, SPARE].shape))
    exponents = scaler.exponent.size
    at(EXPONENT)[exponents:] = mod(junk(*at(EXPONENT)[exponents:].shape))


def put_start(part: Part, relation: StandardizedStage) -> None:
    """What rounding down leaves of models of shards and features that there are not: all of them."""
    if relation.start is None:
        return
    (rest,), (lack,) = (limb_addresses(name, 16) for name in (START_REST, START_LACK))
    for cells in (SPARE, slice(None)), (slice(None), PAST):
        part[rest][:, *cells] = part[STARTING_WEIGHTS][:, *cells]
        part[lack][:, *cells] = mod(-part[rest][:, *cells].astype(object))


def put_runs(part: Part) -> None:
    """Weights past the last feature, which learn nothing and are in no model; and a run of a shard past the last."""
    s, x_bits = part.relation.schedule, part.relation.schedule.scales.x_bits
    begins = part.relation.start is not None
    for parameter, sizes in (WEIGHTS, (1, s.epochs, s.blocks, FEATURES)), (BIAS, (1, s.epochs, s.blocks)):
        for limb in part.limbs(parameter.steps, s.weight_bits):
            put(limb, outside(limb, *sizes))
        for limb in part.limbs(parameter.last, s.weight_bits):
            put(limb, outside(limb, 1, *sizes[2:]))
        if not begins:
            balance(part.limbs(parameter.steps, s.weight_bits), (slice(None), 0, SPARE))
    if not begins:
        balance(part.limbs(WEIGHTS.steps, s.weight_bits), (slice(None), 0, slice(None), PAST))
    else:
        first = part.joined(BIAS.steps, s.weight_bits)[:, 0, SPARE]
        (rest,) = limb_addresses(BIAS_REST, x_bits)
        part[rest][:, SPARE] = mod(part[STARTING_INTERCEPT][:, SPARE].astype(object) - (first << x_bits))
    part[INTERCEPT][:, SPARE] = mod(part.joined(BIAS.last, s.weight_bits)[:, SPARE] << x_bits)
    for parameter in (WEIGHTS, BIAS):
        lowest, *_ = part.limbs(parameter.remainder, s.shift)
        ended = part.joined(parameter.last, s.weight_bits)
        lowest[:, s.epochs - 1, SPARE] = mod(ended[:, SPARE] << s.shift)
    weights = np.concatenate(
        [part.joined(WEIGHTS.steps, s.weight_bits)[:, : s.epochs], part.joined(WEIGHTS.last, s.weight_bits)[:, None]], 1
    )[..., : s.blocks, PAST]
    lowest, *_ = part.limbs(WEIGHTS.remainder, s.shift)
    for e in range(s.epochs):
        own, last = weights[:, e], weights[:, max(e - 1, 0)]
        moved = (own - weights[:, e + 1]) << s.shift
        lowest[:, e, : s.blocks, PAST] = mod(s.l_epoch[e] * own - s.m_epoch[e] * (own - last) - moved)


def balance(limbs: list[Any], cells: Any) -> None:
    """Limbs that add up to zero there."""
    first, *others = limbs
    first[cells] = mod(-sum(limb[cells].astype(object) << (16 * i) for i, limb in enumerate(others, 1)))


def sums(part: Part, width: int) -> Any:
    """Sums of residuals times features, those past the last too: (1, epochs, blocks, width), zero of shards past it."""
    s, box = part.relation.schedule, part.box
    assert s.stage is not None
    found = np.zeros((1, s.epochs, part[GRADIENTS].shape[2], width), dtype=object)
    features = box[data_set.FEATURES].astype(object)
    targets = s.targets(box[data_set.LABELS][0, : s.stage.shards.rows].astype(np.int64), 0) * s.label_multiplier
    for n in np.flatnonzero(s.live.mask()).tolist():
        row = s.stage.positions[n]
        residuals = part[PREDICTIONS][0, : s.epochs, n].astype(object) - int(targets[row])
        found[0, :, n // s.block_size] += residuals[:, None] * features[:, row]
    return mod(found)


def scores(part: Part) -> Any:
    """z on its whole box: what means take is of rows that exist."""
    s, box = part.relation.schedule, part.box
    assert s.stage is not None
    z = np.zeros(part[Z].shape, dtype=object)
    features, powers, offsets = (own.astype(object) for own in (box[data_set.FEATURES], part[POWER], part[OFFSET]))
    weights, biases = part.signed(WEIGHTS)[..., :FEATURES], part.signed(BIAS)
    for n in range(z.shape[-1]):
        shard, place = divmod(n, s.block_size)
        row = (s.stage.first + shard) * s.stage.shards.shard_rows + place
        own = weights[:, :, shard]
        z[..., n] = own @ (powers[shard] * features[:, row])[:FEATURES]
        if shard < s.blocks and not (shard == s.blocks - 1 and n >= s.rows):
            z[..., n] -= own @ offsets[shard, :FEATURES]
        if not (shard == s.blocks - 1 and n >= s.rows):
            z[..., n] += biases[:, :, shard] << s.scales.x_bits
    return mod(z)


# What is inert -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data() -> Data:
    return with_narrow_feature(values())


@pytest.fixture(scope="module")
def own() -> SisaDeclared:
    """Two stages, with thirteen exponents, which are padded to sixteen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standardized, "LARGEST_EXPONENT", 12)
        own = declare_standardized(epochs=EPOCHS)
        assert own.shape.proof_bytes
    return own


@pytest.fixture(scope="module")
def true_columns(own: SisaDeclared, data: Data) -> Columns:
    return told(own, data, trained(own, data))


def assert_same_models(own: SisaDeclared, box: Columns, columns: Columns) -> None:
    for part in parts(own, box):
        for model in (COEFFICIENTS, INTERCEPT):
            real = columns[part.naming.address(model)]
            assert np.array_equal(part[model][tuple(map(slice, real.shape))], real)
        assert part[INTERCEPT][:, SPARE].all(), "of a shard that there is not: any integers"
        assert not part[COEFFICIENTS][:, SPARE].any() and not part[COEFFICIENTS][..., PAST].any()


def test_there_is_room_for_junk(own: SisaDeclared, true_columns: Columns) -> None:
    box = filled(own.shape, true_columns)
    assert box[data_set.FEATURES].shape[0] == FEATURES + 1
    for part in parts(own, box):
        assert part[EXPONENT].shape == (16, SHARDS + 1, FEATURES + 1) and part[POWER].shape == (
            SHARDS + 1,
            FEATURES + 1,
        )
        assert part[RESIDUALS].shape[2] == SHARDS + 1


def test_consistent_junk_proves_the_same_models(own: SisaDeclared, true_columns: Columns) -> None:
    box = with_junk(own, true_columns)
    untouched = filled(own.shape, true_columns)
    assert sum(not np.array_equal(box[name], untouched[name]) for name in box) > len(box) // 2
    outcome = of_junk(own, box)
    assert_valid(outcome)
    assert_same_models(own, box, true_columns)


@pytest.fixture(scope="module")
def request_(data: Data) -> tuple[SisaDeclared, Columns]:
    """What begins from the models of a first statement, of all shards."""
    before = trained(declare_standardized(epochs=EPOCHS), data)
    whole = (Run(0, SHARDS),)
    own = declare_standardized((1, 7, 12, 20), epochs=EPOCHS, runs=(Run(0, SHARDS, 2, 0),), starts=(whole,))
    return own, told(own, data, trained(own, data, [before]), [before])


def test_junk_in_earlier_models_begins_junk(request_: tuple[SisaDeclared, Columns]) -> None:
    """Of shards and features past the last, in the matrix that is begun from: it leads to nothing that is real."""
    own, columns = request_
    (part,) = parts(own, filled(own.shape, columns))
    for name in (STARTING_WEIGHTS, STARTING_INTERCEPT):
        part[name][:, SPARE, ...] = random_field(*part[name][:, SPARE, ...].shape)
    part[STARTING_WEIGHTS][..., PAST] = random_field(*part[STARTING_WEIGHTS][..., PAST].shape)
    box = with_junk(own, part.box)
    outcome = of_junk(own, box)
    assert_valid(outcome)
    assert_same_models(own, box, columns)


# What is not to be had -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "free"),
    [((SPARE, 0), {MEAN, EXPONENT}), ((0, PAST), set())],
    ids=["a shard past the last", "a feature past the last"],
)
@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.slow)], ids=["some columns", "all columns"])
def test_a_single_cell_of_the_scaler_can_hold_junk_only_where_nothing_reads_it(
    own: SisaDeclared, true_columns: Columns, cell: tuple[int, int], free: set[Address], every: int
) -> None:
    """Of the second stage; each alone."""
    relation: Any = own.relation.parts[1][1]
    box, accepted = filled(own.shape, true_columns), set()
    others = [name for each in relation.scaler.columns if (name := Address("witness", each.name)) not in free]
    for name in [*free, *others[::every], COEFFICIENTS]:
        address = column(own, (0, 2), name)
        cells = box[address].copy()
        cells[..., *cell] = random_field(1)[0]
        if not lies_of(own.shape, box | {address: cells}, SisaJunkProver):
            accepted.add(name)
    assert accepted == free


START_CELLS: dict[str, tuple[Address, tuple[int, ...], set[str]]] = {
    "what is left of no shard": (START_REST, (0, SPARE, 1), {"starting weights", "starting remainders"}),
    "what is left of no feature": (START_REST, (0, 1, PAST), {"starting weights", "starting remainders"}),
    "what that lacks of no shard": (START_LACK, (0, SPARE, 1), {"starting remainders"}),
    "what is left of no intercept": (BIAS_REST, (0, SPARE), {"starting intercept"}),
}


@pytest.mark.parametrize("what", START_CELLS)
def test_junk_that_no_start_explains_is_rejected(own: SisaDeclared, true_columns: Columns, what: str) -> None:
    name, cell, reasons = START_CELLS[what]
    part = parts(own, filled(own.shape, true_columns))[1]
    (limb,) = limb_addresses(name, 16)
    part[limb][cell] = 5
    assert_caught(of_junk(own, part.box), *(f"shards 0 to 2, stage 2: {reason}" for reason in reasons))


def test_junk_that_the_prover_does_not_answer_for_is_rejected(own: SisaDeclared, true_columns: Columns) -> None:
    """Committed junk, and claims as if it were not there."""
    box = with_junk(own, true_columns)
    assert_caught(prove(own.shape, true_columns, commitments(own.shape, box)), "batching")
