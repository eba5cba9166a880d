"""Estimators of scikit-learn whose training is proved: `from zkunlearn.sklearn import VerifiableLogisticRegression`.

`fit`, `predict` and `score` are what they are everywhere; `forget(ids)` trains again without some rows, and `proof_` is
what an auditor is handed. See docs/from-scikit-learn.md.
"""

from __future__ import annotations

from zkunlearn.errors import EstimatorError
from zkunlearn.estimators.scikit import (
    VerifiableLogisticRegression,
    VerifiablePoissonRegressor,
    VerifiableProbitRegression,
    VerifiableRidge,
)

__all__ = [
    "EstimatorError",
    "VerifiableLogisticRegression",
    "VerifiablePoissonRegressor",
    "VerifiableProbitRegression",
    "VerifiableRidge",
]
