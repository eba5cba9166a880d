"""A proved model as a module of torch's. Importing this file loads torch."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import torch

from ...models.aggregation import SCORE, VOTE
from ...models.families import DENSITY_AT_ZERO, NORMAL_CELLS, NORMAL_END, normal_table
from ...models.shapes import FEATURE_BOUND
from .form import Form

LARGEST = sys.float_info.max


class Log1p(torch.nn.Module):
    """The integers of a feature that is mapped by log1p: values (N,) to float64 (N,)."""

    least: torch.Tensor
    thresholds: torch.Tensor

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.register_buffer("least", torch.zeros((), dtype=torch.float64))
        self.register_buffer("thresholds", torch.zeros(steps, dtype=torch.float64))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """By search, as in training, so that no logarithm's last digit counts."""
        return self.least + torch.searchsorted(self.thresholds, values.contiguous(), right=True)


class Normal(torch.nn.Module):
    """Phi, as families.py has it: torch's own loses all digits below -8. Its table is no state."""

    values: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("values", torch.tensor(normal_table()[1]), persistent=False)

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        """Of any shape."""
        clipped = torch.nan_to_num(scores).clamp(-NORMAL_END, NORMAL_END)
        cells = torch.round(clipped * NORMAL_CELLS)
        c = cells / NORMAL_CELLS
        t = clipped - c
        series = (3.0 - 6.0 * c**2 + c**4) / 120
        for coefficient in ((3.0 * c - c**3) / 24, (c**2 - 1.0) / 6, -c / 2, torch.ones_like(c)):
            series = series * t + coefficient
        density = DENSITY_AT_ZERO * torch.exp(-(c**2) / 2)
        found = self.values[cells.to(torch.int64) + NORMAL_CELLS * NORMAL_END] + density * t * series
        return torch.where(torch.isnan(scores), torch.nan, found)


class LinearModule(torch.nn.Module):
    """Predictions of a proved model for X (N, d), features in the units of the table, as float64.

    `forward` gives probabilities of `classes` (N, classes), or values or expected counts (N,). A row that the model
    would refuse, with a cell that is no number, does not fit 16 bits, or is negative where the map is log1p, becomes
    NaN. Nothing of it is trained: rounding has no gradient.

    Attributes:
        classes: texts of classes, in the order of probabilities; empty of what is no classifier.
        about: public facts; the file is no proof.
    """

    offset: torch.Tensor
    multiplier: torch.Tensor
    scale: torch.Tensor

    def __init__(self, form: Form) -> None:
        super().__init__()
        shards, outputs, features = form.weights.shape
        self.classes, self.about = form.classes, dict(form.about)
        self._family, self._aggregate, self._shape = form.family.name, form.aggregate, (shards, outputs)
        tensors = {name: torch.tensor(array) for name, array in form.tensors().items()}
        for name, tensor in tensors.items():
            if "." not in name:
                self.register_buffer(name, tensor)
        self.log1p = torch.nn.ModuleDict({str(k): Log1p(len(form.steps_of(k)[1])) for k in form.logarithmic})
        self.inverse = Normal() if form.family.name == "probit" else torch.nn.Sigmoid()
        self.linear = torch.nn.Linear(features, shards * outputs, dtype=torch.float64)
        self.load_state_dict(tensors)
        self.requires_grad_(False).eval()

    @property
    def named(self) -> Mapping[str, torch.Tensor]:
        """Its numbers that only some models have."""
        return dict(self.named_buffers(recurse=False))

    # Steps -----------------------------------------------------------------------------------------------------------

    def encoded(self, X: torch.Tensor) -> torch.Tensor:
        """Rows as what the model is linear in: (N, d), in [-1, 1] within bounds; NaN for rows that are refused."""
        own, cells = self.named, X.to(torch.float64)
        if "missing" in own:
            cells = torch.where(torch.isnan(cells), own["missing"], cells)
        good = (cells.abs() <= LARGEST).all(dim=1)
        if "low" in own:
            cells = torch.minimum(torch.maximum(cells, own["low"]), own["high"])
        integers = torch.round((cells - self.offset) * self.multiplier * self.scale)
        for name, steps in self.log1p.items():
            k = int(name)
            integers[:, k] = torch.where(cells[:, k] >= 0, steps(cells[:, k]), torch.inf)
        good &= ((integers >= -FEATURE_BOUND) & (integers < FEATURE_BOUND)).all(dim=1)
        return torch.where(good[:, None], integers / self.scale, torch.nan)

    def scores(self, X: torch.Tensor) -> torch.Tensor:
        """Of each model that answers, and each output: (N, S, O)."""
        found: torch.Tensor = self.linear(self.encoded(X))
        return found.reshape(-1, *self._shape)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """See the class."""
        scores = self.scores(X)
        if self.classes:
            return self._probabilities(scores)
        if self._family == "poisson":
            if self._aggregate == SCORE:
                return torch.exp(scores.mean(dim=1))[:, 0]
            return torch.exp(scores).mean(dim=1)[:, 0]
        own = self.named
        return scores.mean(dim=1)[:, 0] * own["unit"] + own["zero"]

    def _probabilities(self, scores: torch.Tensor) -> torch.Tensor:
        """(N, classes)."""
        if self._aggregate == VOTE:
            return self._votes(scores)
        if self._aggregate == SCORE:
            scores = scores.mean(dim=1, keepdim=True)
        if scores.shape[2] == 1:
            scores = torch.cat([-scores, scores], dim=2)  # symmetric; 1 - p would lose digits
        parts: torch.Tensor = self.inverse(scores).mean(dim=1)
        if self._shape[1] == 1:
            return parts
        totals = parts.sum(dim=1, keepdim=True)
        return torch.where(totals == 0, 1.0 / parts.shape[1], parts / totals)

    def _votes(self, scores: torch.Tensor) -> torch.Tensor:
        one = (scores[:, :, 0] > 0).to(torch.int64)
        votes = scores.argmax(dim=2) if scores.shape[2] > 1 else one
        shares = torch.nn.functional.one_hot(votes, len(self.classes)).to(torch.float64).mean(dim=1)
        return torch.where(torch.isnan(scores[:, 0, :1]), torch.nan, shares)
