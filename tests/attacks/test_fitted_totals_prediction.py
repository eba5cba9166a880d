"""Predictions that are false, of which intercepts are said to have a share that makes up for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from zkunlearn.circuits.relations.prediction import CLASS, SCORE, Prediction

from .fitted import fitted
from .harness import assert_caught, prove
from .predictions import KEPT, OUTPUTS, columns_of, model, relation, rest_of, shape_of, with_answer


def of_another_class(own: Prediction, row: int) -> Prediction:
    """One that does not win."""
    return with_answer(own, row, next(c for c in KEPT[::-1] if c != own.given.answers[row]))


def of_another_score(own: Prediction, row: int) -> Prediction:
    return with_answer(own, (row, 1), int(np.asarray(own.given.answers)[row, 1]) + 100)


@pytest.mark.parametrize("what, lying", [(CLASS, of_another_class), (SCORE, of_another_score)])
def test_another_answer_is_rejected_by_the_sum_of_intercepts(
    what: str, lying: Callable[[Prediction, int], Prediction], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the remainder that is true."""
    own = relation(what, OUTPUTS)
    lie = lying(own, 0)
    columns = columns_of(lie, rest=rest_of(own, model(OUTPUTS)))
    assert_caught(prove(shape_of(lie), columns), "answers")
    assert_caught(fitted(shape_of(lie), columns, {"intercepts": "answers"}, monkeypatch), "intercepts")
