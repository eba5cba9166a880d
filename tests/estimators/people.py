"""A small table of people, for tests of estimators."""

from __future__ import annotations

import numpy as np
import pandas as pd

BOUNDS = {"age": (0, 120), "income": (0, 200_000), "share": (-1, 1)}
ROWS = 96


def people(rows: int = ROWS) -> tuple[pd.DataFrame, pd.Series]:
    """Rows named person 0, person 1, .., and whether each says yes."""
    rng = np.random.default_rng(7)
    X = pd.DataFrame(
        {"age": rng.uniform(20, 90, rows), "income": rng.uniform(0, 90_000, rows), "share": rng.uniform(-1, 1, rows)},
        index=pd.Index([f"person {row}" for row in range(rows)], name="who"),
    )
    score = (X.age - 55) / 10 + (X.income - 45_000) / 20_000 + 2 * X.share + rng.logistic(size=rows)
    return X, pd.Series(np.where(score > 0, "yes", "no"), index=X.index, name="answer")
