"""What groups of shards cost: `python benchmarks/groups.py` prints JSON.

The same training as in forgetting.py, in 1, 2 and 4 groups, one after another in this process: seconds of each group,
and seconds to verify it, also those of the processor, which tell more on a busy machine; bytes of its proof and of its
models' file; and the bytes that a worker is lent, whose number follows from the data set.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import numpy as np
import zkunlearn as zu
from forgetting import FEATURES, ROWS, SEED, SPECS
from zkunlearn.prover.kernels import warm_up
from zkunlearn.prover.owner.groups import Part
from zkunlearn.prover.owner.lent import lent
from zkunlearn.verifier.verify import verify_proof

GROUPS = (1, 2, 4)


def measured(dataset: Any, groups: int, folder: Path) -> dict[str, float]:
    """One number of groups; means of all of them."""
    start, busy = perf_counter(), process_time()
    trained = zu.prove(dataset, SPECS["sisa"], groups=groups)
    seconds, worked = perf_counter() - start, process_time() - busy
    files = trained.save(folder / f"{groups}.bundle")
    start, busy = perf_counter(), process_time()
    for proof in trained.proofs:
        verify_proof(proof)
    verifying, checked = perf_counter() - start, process_time() - busy
    return {
        "seconds": seconds / groups,
        "processor_seconds": worked / groups,
        "proof_bytes": mean(len(proof.to_bytes()) for proof in trained.proofs),
        "model_bytes": mean(os.path.getsize(path) for path in files.models),
        "verify_seconds": verifying / groups,
        "verify_processor_seconds": checked / groups,
    }


def lent_bytes(dataset: Any) -> dict[str, int]:
    """What a worker is lent of a data set, by file."""
    draft = zu.prove(dataset, SPECS["sisa"]).statement
    with lent(dataset, [Part(draft, ())]) as (loan, _):
        return {name: os.path.getsize(loan.dataset.folder / name) for name in loan.dataset.names}


def main() -> None:
    """All numbers of groups."""
    warm_up()
    rng = np.random.default_rng(SEED)
    X, direction = rng.uniform(-1, 1, (ROWS, FEATURES)), rng.normal(size=FEATURES)
    labels = (X @ direction + rng.normal(scale=0.3, size=ROWS) > 0).astype(np.int64)
    with TemporaryDirectory() as name:
        dataset = zu.commit(X, labels)
        dataset.save(Path(name) / "data")
        files = lent_bytes(dataset)  # also touches memory
        found = {str(groups): measured(dataset, groups, Path(name)) for groups in GROUPS}
    print(json.dumps({"lent": files, "groups": found}, indent=1))


if __name__ == "__main__":
    main()
