"""For type checkers, which do not see estimators/public on the package's path; no Python imports it."""

from .errors import EstimatorError as EstimatorError
from .estimators.scikit import VerifiableLogisticRegression as VerifiableLogisticRegression
from .estimators.scikit import VerifiablePoissonRegressor as VerifiablePoissonRegressor
from .estimators.scikit import VerifiableProbitRegression as VerifiableProbitRegression
from .estimators.scikit import VerifiableRidge as VerifiableRidge
