"""No class of the prover or of keys has a repr that prints its fields, unless these are public."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
import zkunlearn.estimators
import zkunlearn.models
import zkunlearn.prover
import zkunlearn.verifier.trust
from sklearn.base import BaseEstimator
from zkunlearn.shown import Shown

PUBLIC = {  # and why
    "Cut": "sizes",
    "_Limit": "sizes and a folder",
    "Form": "type and shape of an array",
    "_LanesType": "a type, of numba's",
    "Model": "what its statement says, and the openings left; tests/prover/test_prediction.py looks for weights",
    **dict.fromkeys(
        ("Dataset", "Trained", "TrainingRun", "ShardedRun", "_Tried", "ProvedTraining", "Evidence", "Workers"),
        "the facts that it names; tests/test_shown.py and test_scan.py look for more",
    ),
    "Wanted": "names of columns",
    "Remedy": "words",
    "Survey": "names of columns",
    **dict.fromkeys(
        ("PlainReader", "Source", "MeasuredSource", "NumberSource", "TimeSource", "CategorySource", "Declared"),
        "public, as bounds are",
    ),
    "Vectors": "opening vectors, which are uniform and could be sent, and a Commitment, which prints nothing",
    "ColumnEncoding": "public, of the statement",
    "LabelEncoding": "public, of the statement",
    "DatasetEncoding": "public, of the statement",
    "DatasetShape": "public, of the statement",
    "Compiled": "public, follows from the statement",
    "Schedule": "public, follows from the statement",
    "Runs": "public, of a schedule",
    "Live": "public, of the statement: positions of rows",
    "GradientDescent": "public, of the statement",
    "Family": "public, the same for everyone",
    "Maker": "functions",
    **dict.fromkeys(("Log1p", "Normal", "LinearModule"), "modules of torch's, which print layers and no weights"),
    "Format": "of files: ends of names, packages",
    "Member": "name, type and shape of an array",
    "ModelFile": "a name of a file and a root, which is public",
    "OpeningFile": "a name of a folder, a public digest and a number of openings, of the statement",
    "ProofFiles": "names of files",
    "Geometry": "public, follows from the statement",
    "Standardization": "public, follows from the statement",
    "_Cut": "public, follows from the statement",
    "NormalEquations": "public, follows from the statement",
    "OnePass": "public, of the spec",
    "Optimum": "public, of the spec",
    "Penalised": "public, of the spec",
    **dict.fromkeys(
        (
            "Certificate",
            "RoundedCertificate",
            "LinkCertificate",
            "OptimumCertificate",
            "GramCertificate",
            "LinearOptimumCertificate",
            "CountDistance",
            "DistanceCertificate",
            "GramDistance",
            "LinkDistance",
            "Nearness",
            "Objective",
            "NewtonCertificate",
            "SteppedCertificate",
            "NoisyNewtonCertificate",
            "NoisyCertificate",
            "Inverse",
            "StepError",
            "Hidden",
            "StepIntegers",
        ),
        "public, follows from the statement",
    ),
    "CsvFormat": "how a file is written",
    "ProvedTraining": "names of files, and what their statements say",
    "Status": "numbers only; tests/cli/test_status.py looks for ids",
    "Answered": "numbers only; tests/prover/test_requests.py looks for ids",
    "Asked": "numbers only; tests/prover/test_ids.py looks for ids",
    "LeftOut": "a number only; likewise",
    "Newton": "public, of the spec",
    "Noisy": "public, of the spec",
    "Noise": "the digest of its commitment, and whether it was used; tests/prover/test_noisy_moves.py looks for more",
    "NoiseFile": "a name of a file and a digest, which is public",
    "FineScales": "public, of the statement",
    "Sisa": "public, of the spec",
    "Shards": "public, follows from the statement",
    "Run": "public, of the statement",
    "Stage": "public, follows from the statement",
    "Part": "public, follows from the statement",
    "Stages": "public, follows from the statement",
    "Request": "public, of the statement that is to be proved",
    "ShardedModel": "what its statement says; tests/prover/test_sisa.py looks for weights",
    "Cluster": "an address, which is no secret of the owner's rows",
    "Processes": "a number",
    "_Local": "a number",
    "_Problem": "public, follows from the statement",
    "_Choice": "public, follows from the statement",
    "Suggestion": "a spec, and what its public text says of it",
    "TrainingSpec": "public, of the statement",
    **dict.fromkeys(("Choices", "Chosen", "Columns", "DeclaredWeights"), "parameters of an estimator, and its specs"),
    **dict.fromkeys(
        (
            "Verifiable",
            "_Classifier",
            "_Regressor",
            "VerifiableLogisticRegression",
            "VerifiablePoissonRegressor",
            "VerifiableProbitRegression",
            "VerifiableRidge",
        ),
        "its parameters; tests/estimators/test_copies.py looks for more",
    ),
    "FixedPoint": "public, of the statement",
    "Scheme": "sizes and functions, the same for everyone",
    "PublicKey": "public",
    "SigningKey": "its public half; tests/verifier/trust/test_keys.py looks for the secret one",
    **dict.fromkeys(("Signature", "Envelope", "Signed", "Endorsement", "Demand"), "public, as signatures are"),
}


def classes_that_print() -> Iterator[type]:
    """Classes of the prover, the models, the estimators and of signatures with a repr of their own."""
    for package in (zkunlearn.prover, zkunlearn.models, zkunlearn.estimators, zkunlearn.verifier.trust):
        for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            module = importlib.import_module(info.name)
            for found in vars(module).values():
                if inspect.isclass(found) and found.__module__ == module.__name__ and prints(found):
                    yield found


def test_what_notebooks_show_are_the_same_facts() -> None:
    """No class has an HTML of its own, which nobody would have looked at; tests/estimators looks at scikit-learn's."""
    others = [kind for kind in classes_that_print() if not issubclass(kind, BaseEstimator)]
    assert {kind for kind in others if hasattr(kind, "_repr_html_")} == {
        kind for kind in others if issubclass(kind, Shown)
    }


def prints(found: Any) -> bool:
    """An exception prints its message, which test_failures.py is about."""
    return found.__repr__ not in (object.__repr__, type.__repr__) and not issubclass(found, (Exception, tuple))


def test_only_public_classes_print_their_fields() -> None:
    found = {kind.__name__ for kind in classes_that_print()}
    assert found <= set(PUBLIC), "give it repr=False, or say why all of it is public"
    assert found >= {"Trained", "TrainingSpec", "Schedule"}


def test_a_class_that_prints_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from zkunlearn.prover.witnesses.rows import Rows

    monkeypatch.setattr(Rows, "__repr__", lambda self: f"Rows({self.ids})")
    assert "Rows" in {kind.__name__ for kind in classes_that_print()}
