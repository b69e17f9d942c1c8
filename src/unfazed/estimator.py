"""scikit-learn's face for tables: `Classifier` and `Regressor`, for pipelines, searches and cross-validation.

They train as `unfazed.train` does, on all rows but those that choose the epoch: whoever uses scikit-learn has kept a
test set apart already. No report is written; `unfazed.train` on the same frame writes one.
Axis letters: n rows, F features, K classes.
"""

import inspect
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Self, Unpack

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from unfazed.errors import RecipeError, UsageError, did_you_mean
from unfazed.predictor import Predictions, Predictor
from unfazed.recipe import knobs, recipe_from
from unfazed.source import SourceOptions
from unfazed.source_table import from_pandas
from unfazed.verb.settings import TabularSettings
from unfazed.verb.train import fitted

_FIXED = ("modality", "task", "test", "compile")  # what the estimator itself decides
_DTYPES = {"classification": pl.String(), "multilabel": pl.List(pl.String), "regression": pl.String()}
_DEFAULTS = {
    setting.name: setting.default for setting, knob in knobs() if knob.applies("tabular") and setting.name not in _FIXED
}


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """What both have in common; every parameter is a field of `unfazed.Recipe`."""

    def __init__(self, **settings: Unpack[TabularSettings]) -> None:
        if unknown := [name for name in settings if name not in _DEFAULTS]:
            known = did_you_mean(unknown[0], list(_DEFAULTS))
            raise TypeError(f"{type(self).__name__} has no parameter {unknown[0]!r}.{known}")
        for name, value in {**_DEFAULTS, **settings}.items():
            setattr(self, name, value)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label = True
        return tags

    def _fit(self, X: Any, labels: Sequence[str] | Sequence[list[str]], task: str) -> None:
        names = getattr(self, "feature_names_in_", [f"feature {number}" for number in range(self.n_features_in_)])
        frame = _frame(X, names).with_columns(pl.Series(_target(names), labels, dtype=_DTYPES[task]))
        folder = Path(mkdtemp(prefix="unfazed-"))
        try:
            settings = {name: getattr(self, name) for name in _DEFAULTS}
            recipe = recipe_from({**settings, "modality": "tabular", "task": task, "test": 0.0})
            options = SourceOptions(target=_target(names))
            self.predictor_ = Predictor.open(fitted(frame, options, recipe, folder / "run"))
            self.predictor_.run = None  # its folder is removed below
        except RecipeError as error:
            raise ValueError(str(error)) from error
        except UsageError as error:
            raise ValueError(f"{type(self).__name__} cannot be fitted: {error}") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _predictions(self, X: Any) -> Predictions:
        check_is_fitted(self)
        checked = validate_data(self, X, dtype=None, ensure_all_finite="allow-nan", reset=False)
        names = getattr(self, "feature_names_in_", [f"feature {number}" for number in range(self.n_features_in_)])
        return self.predictor_.predict(_frame(X if hasattr(X, "columns") else checked, names))


class Classifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A classifier of the rows of a table, with scikit-learn's methods; parameters are fields of `unfazed.Recipe`.

    Where y is an indicator matrix [n, K] each row has a set of labels; `predict` gives such a matrix too, by thresholds
    chosen on the rows that choose the epoch. `classes_` [K], `n_features_in_` and, for frames, `feature_names_in_` are
    there once it is fitted; so is `predictor_`, the `unfazed.Predictor`.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Fit to rows X [n, F], an array or a frame, with nan or None for what is missing, and labels y [n] or [n, K].

        Raises:
            ValueError: nothing can be learnt from them, or a parameter is out of range.
        """
        sets = getattr(y, "ndim", 1) == 2 and type_of_target(y) == "multilabel-indicator"
        checked, y = _checked(self, X, y, multi_output=sets)
        if sets:
            return self._fit_sets(X if hasattr(X, "columns") else checked, y.toarray() if issparse(y) else y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Classifier needs samples of at least 2 classes, got one class: {self.classes_[0]!r}")
        self._fit(X if hasattr(X, "columns") else checked, [str(code) for code in codes], "classification")
        return self

    def _fit_sets(self, X: Any, y: NDArray[Any]) -> Self:
        self.classes_ = np.arange(y.shape[1])
        self._fit(X, [[str(label) for label in np.flatnonzero(row)] for row in y], "multilabel")
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities [n, K], in the order of `classes_`; where y was a matrix, of each label by itself."""
        found = self._predictions(X)
        probs = np.zeros((len(found.labels), len(self.classes_)))
        probs[:, [int(name) for name in found.classes]] = found.probs
        if found.thresholds is not None:
            return probs
        shares: NDArray[np.float64] = probs / probs.sum(1, keepdims=True)
        return shares

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest class of each row [n]; where y was a matrix, such a matrix of 0 and 1 [n, K]."""
        check_is_fitted(self)
        if self.predictor_.thresholds is not None:
            found = self._predictions(X)
            sets = np.zeros((len(found.labels), len(self.classes_)), dtype=np.int64)
            sets[:, [int(name) for name in found.classes]] = found.indicators
            return sets
        best = self.predict_proba(X).argmax(1)
        chosen: NDArray[Any] = self.classes_[best]
        return chosen


class Regressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A regressor of the rows of a table, with scikit-learn's methods; parameters are fields of `unfazed.Recipe`."""

    def fit(self, X: Any, y: Any) -> Self:
        """Fit to rows X [n, F], an array or a frame, with nan or None for what is missing, and numbers y [n].

        Raises:
            ValueError: nothing can be learnt from them, or a parameter is out of range.
        """
        checked, y = _checked(self, X, y, y_numeric=True)
        self._fit(X if hasattr(X, "columns") else checked, [repr(float(value)) for value in y], "regression")
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The number of each row [n], float64; with `return_std` a pair of these and their standard deviations [n].

        Raises:
            ValueError: `return_std` without `loss="gaussian"`.
        """
        found = self._predictions(X)
        numbers = found.numbers.astype(np.float64)
        if not return_std:
            return numbers
        if found.probs.shape[1] != 2:
            raise ValueError(f'return_std wants Regressor(loss="gaussian"): with {self.loss!r} no deviation is learnt')
        return numbers, found.deviations.astype(np.float64)


def _checked(estimator: _Estimator, X: Any, y: Any, **how: Any) -> tuple[Any, Any]:
    """X and y as scikit-learn checks them, with the names of the columns taken down."""
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")
    return validate_data(  # type: ignore[no-any-return]
        estimator, X, y, dtype=None, ensure_all_finite="allow-nan", ensure_min_samples=2, **how
    )


def _frame(X: Any, names: Any) -> pl.DataFrame:
    """Rows as a frame with those names; what is neither a number nor text is taken as text."""
    if hasattr(X, "columns"):
        frame = X if isinstance(X, pl.DataFrame) else from_pandas(X).frame
        return frame.rename(dict(zip(frame.columns, map(str, names), strict=True)))
    columns = {str(name): X[:, number].tolist() for number, name in enumerate(names)}
    return pl.DataFrame(columns, strict=False)


def _target(names: Any) -> str:
    """A name for the target that no column has."""
    name = "target"
    while name in names:
        name += "_"
    return name


def _signature() -> inspect.Signature:
    """What scikit-learn reads the parameters from: the fields of the recipe, keywords only."""
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    fields = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default) for name, default in _DEFAULTS.items()
    ]
    return inspect.Signature([own, *fields])


_Estimator.__init__.__signature__ = _signature()  # type: ignore[attr-defined]
