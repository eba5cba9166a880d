"""The columns that certificates share: circuits/relations/certified.py and residual.py."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...circuits.field.goldilocks import to_field
from ...circuits.language.layout import Address
from ...circuits.language.tables import split_limbs
from ...circuits.relations import residual as columns
from ...circuits.relations.certified import SLACK, Certified
from ...models.methods.optimum_reference import Near, RowValues, Settled
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows, signed_rows
from .curve import Integers


def residual_columns(rows: RowValues) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """What is committed and virtual of rows, and what is looked up of them."""
    middle, risen = rows.middle.astype(np.uint16), rows.risen.astype(np.uint16)
    cells: dict[Address, Cells] = {
        columns.Q: rows.Q.astype(np.int16),
        columns.EDGE: rows.edge.astype(np.int32),
        columns.STEP: rows.step.astype(np.int32),
        columns.MIDDLE: middle,
        columns.RISEN: risen,
        columns.Z: to_field(rows.z),
        columns.PRODUCT: to_field(rows.product),
    }
    looked_up: dict[str, LookedUpRows] = {
        "link": signed_rows(rows.Q),
        "middle": middle,
        "low": rows.low.astype(np.uint16),
        "risen": risen,
        "rest": rows.rest.astype(np.uint16),
    }
    return cells, looked_up


def certified_integers(relation: Certified, near: Near) -> dict[Address, Integers]:
    """W, Gamma, v and slack, not negative, as they are committed in limbs."""
    own = parameter_integers(
        relation, signed={"weight": near.weights, "cut": near.cut}, unsigned={"cut_rest": near.cut_rest}
    )
    slack = np.zeros(relation.schedule.outputs, dtype=np.int64)
    slack[0] = near.slack  # of several outputs all of it is one's
    return {SLACK: slack, **own}


def rounded_integers(relation: Certified, settled: Settled) -> dict[Address, Integers]:
    """These, and A, B and m of a rounding."""
    unsigned = {"below": settled.below, "above": settled.above}
    own = parameter_integers(relation, signed={"model": settled.model}, unsigned=unsigned)
    return certified_integers(relation, settled) | own


def parameter_integers(
    relation: Certified, signed: Mapping[str, Integers], unsigned: Mapping[str, Integers]
) -> dict[Address, Integers]:
    """Integers (K,), or (O, K), of all weights, by what `Parameter` calls them; signed ones above the least of their
    range."""
    features, found = relation.schedule.features, {}

    def of_place(own: Integers, place: int) -> Integers:
        return own[..., features:].ravel() if place else own[..., :features]

    for place, parameter in enumerate(relation.parameters[: 1 + relation.schedule.bias]):
        for called, own in signed.items():
            name = getattr(parameter, called)
            found[name] = of_place(own, place) + (1 << (relation.bits_of(name) - 1))
        for called, own in unsigned.items():
            found[getattr(parameter, called)] = of_place(own, place)
    return found


def committed_limbs(
    relation: Certified, integers: Mapping[Address, Integers]
) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """Their limbs, and what is looked up of these."""
    cells: dict[Address, Cells] = {}
    looked_up: dict[str, LookedUpRows] = {}
    for integer, values in integers.items():
        limbs = split_limbs(values, integer, relation.bits_of(integer))
        cells |= limbs
        looked_up |= limb_rows(limbs, integer, relation.bits_of(integer))
    return cells, looked_up
