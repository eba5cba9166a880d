"""The leaves of a box of lookups, each written out by its definition (verifier.lookup.require_lookup_leaf)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from zkunlearn.circuits.field.goldilocks import ONE, ZERO, K, kadd, kscale, ksub, to_field
from zkunlearn.prover.protocol.fractions import Box
from zkunlearn.prover.protocol.lookup import leaf_box


def written_out(keys: Any, section: Any, tree: Any, columns: Mapping[Any, Any], real: Any = True) -> Box:
    """sign S / (R (alpha - tag - constants) - columns + 1 - R). `columns`: F arrays of the whole axes.

    `real`: R, an array of bool, where the box at hand is larger than the real one.
    """
    box, tags = tree.source, section.tags
    cut = tuple(axis.cut() for axis in box.axes)
    counted = to_field(box.sign * box.indicator.table().reshape(-1).astype(np.int64))
    inside = np.broadcast_to(real, box.indicator.table().shape).reshape(-1)
    bottoms = []
    for lookup in box.lookups:
        constant = keys.alpha - keys.beta**keys.width * tags[lookup.table]
        bottom = constants(ZERO, counted.size)
        for i, entry in enumerate(lookup.entries):
            constant = constant - keys.power(i) * entry.constant
            for coefficient, name in entry.terms:
                cells = columns[name][cut].reshape(-1)
                part = np.stack([cells, np.zeros_like(cells)])
                bottom = ksub(bottom, kscale(part, keys.power(i) * coefficient))
        whole = np.where(inside, constants(constant, counted.size), constants(ONE, counted.size))
        bottoms.append(kadd(bottom, whole))
    return leaf_box(tree.axes, np.tile(counted, len(box.lookups)), np.concatenate(bottoms, axis=1))


def constants(value: K, count: int) -> Any:
    """The same element of K everywhere."""
    return np.repeat(np.array([value.pair], dtype=np.uint64).T, count, axis=1)
