"""scikit-learn's own checks of what an estimator is, of every estimator, all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks
from zkunlearn.sklearn import (
    VerifiableLogisticRegression,
    VerifiablePoissonRegressor,
    VerifiableProbitRegression,
    VerifiableRidge,
)

KINDS = (
    VerifiableLogisticRegression,
    VerifiableProbitRegression,
    VerifiableRidge,
    VerifiablePoissonRegressor,
)
OTHERS = [kind(method=method) for kind in KINDS for method in kind.methods[1:]]
NO_WEIGHTS = {"check_class_weight_classifiers": "an optimum is certified of rows that count once: docs/methods.md"}


@parametrize_with_checks([kind() for kind in KINDS])
def test_an_estimator_is_what_scikit_learn_says_it_is(estimator: Any, check: Any) -> None:
    check(estimator)


def expected(estimator: Any) -> dict[str, str]:
    return NO_WEIGHTS if estimator.method == "optimum" else {}


@pytest.mark.slow
@parametrize_with_checks(OTHERS, expected_failed_checks=expected)
def test_so_it_is_by_every_method(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind.__name__ for kind in KINDS])
def test_none_of_the_checks_is_left_out_where_arrays_of_other_kinds_may_come(kind: str) -> None:
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "from sklearn.utils.estimator_checks import check_estimator\n"
        f"from zkunlearn.sklearn import {kind}\n"
        f"print({{each['status'] for each in check_estimator({kind}())}})"
    )
    here = {**os.environ, "SCIPY_ARRAY_API": "1"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=here)
    assert run.stdout.strip() == "{'passed'}", run.stderr
