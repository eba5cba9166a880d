"""What is run in a fresh environment, where no file of the checkout can be imported."""

from __future__ import annotations

import re

from bounds import ROOT

EXTRAS_OF_OLDEST = "prover,export,demo,parquet,report"
DATA = """
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(200, 4))
y = (X @ [1.0, -2.0, 0.5, 0.0] > 0).astype(int)
ids = ["alice", "bob", *(f"person {k}" for k in range(198))]
"""


def in_use(version: str) -> str:
    """That the package is the installed one, of that version, whole without what only owners need."""
    return f"""
import importlib.metadata, importlib.util, sys
import zkunlearn
assert zkunlearn.__version__ == importlib.metadata.version("zkunlearn") == {version!r}, zkunlearn.__version__
assert zkunlearn.__file__.startswith(sys.prefix), zkunlearn.__file__
assert importlib.util.find_spec("numba") is None, "the auditor's environment has numba"
"""


def of_readme() -> str:
    """The library's example there, on some data: the one that needs no other package."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    *_, last = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    shown = "assert len(report.statement.forgotten) == 2 and report.security_bits > 100"
    return "\n".join([DATA, "import zkunlearn as zu", last, shown, ""])


def of_export() -> str:
    """Every optional package is used once: exports, a table of Parquet, a plot, a page of evidence."""
    return f"""{DATA}
import pathlib
import onnx, pyarrow, pyarrow.parquet, safetensors.numpy
import zkunlearn as zu
from zkunlearn.cli.program import main

spec = zu.TrainingSpec(model="logistic", epochs=8, learning_rate=0.5)
dataset = zu.commit(X, y, ids=ids)
trained = zu.prove(dataset, spec)
zu.export(trained.model, "m.onnx")
zu.export(trained.model, "m.safetensors")
onnx.checker.check_model("m.onnx")
found = safetensors.numpy.load_file("m.safetensors")
assert np.array_equal(found["linear.weight"], trained.model.weights[None])
own = zu.to_sklearn(trained.model)
assert np.allclose(own.predict_proba(X), trained.model.predict_proba(X), rtol=1e-9)
trained.plot("curve.png")
second = zu.prove(dataset, spec, forget=ids[:20], previous=trained)
zu.evidence(dataset, trained.model, second.model, set_aside=0.2, retrainings=8).save("evidence.html")
columns = {{f"x{{k}}": column for k, column in enumerate(X.T)}}
pyarrow.parquet.write_table(pyarrow.table({{**columns, "y": y, "id": ids}}), "t.parquet")
main(["commit", "t.parquet", "--target", "y", "--id", "id", "--out", "data"], standalone_mode=False)
assert pathlib.Path("data", "dataset.commitment").is_file()
"""
