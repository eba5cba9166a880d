"""Train a `torch.nn.Linear` by a declared plan, in a loop as torch's are, and prove it: `zkunlearn.torch.Trainer`.

    linear = torch.nn.Linear(30, 1)
    trainer = Trainer(linear, spec, dataset)
    for epoch in trainer:
        print(epoch.epoch, epoch.loss)          # and whatever the module says of rows for validation
    trained = trainer.prove()
    unlearnt = trainer.prove(forget=["alice"])  # the module has forgotten her, too

See docs/from-torch.md.
"""

from __future__ import annotations

from zkunlearn.estimators.torch_linear import copy_into
from zkunlearn.estimators.torch_trainer import Trainer

__all__ = ["Trainer", "copy_into"]
