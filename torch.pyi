"""For type checkers, which do not see estimators/public on the package's path; no Python imports it."""

from .estimators.torch_linear import copy_into as copy_into
from .estimators.torch_trainer import Trainer as Trainer
