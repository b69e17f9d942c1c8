"""scikit-learn's face for tables: `Classifier` and `Regressor`, for pipelines, searches and cross-validation.

They train as `unfazed.train` does, on all rows but those that choose the epoch: whoever uses scikit-learn has kept a
test set apart already. No report is written; `unfazed.train` on the same frame writes one.
Axis letters: n rows, F features, K classes.
"""

import inspect
import shutil
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Self, Unpack

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars import selectors
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, check_X_y, validate_data

from unfazed.errors import RecipeError, UsageError, did_you_mean
from unfazed.predictor import Predictions, Predictor
from unfazed.recipe import knobs, recipe_from
from unfazed.source import SourceOptions
from unfazed.source_table import from_pandas
from unfazed.table import listed
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

    def _fit(self, rows: pl.DataFrame, labels: Sequence[str] | Sequence[list[str]], task: str) -> None:
        target = _free("target", rows.columns)
        frame = rows.with_columns(pl.Series(target, labels, dtype=_DTYPES[task]))
        folder = Path(mkdtemp(prefix="unfazed-"))
        try:
            settings = {name: getattr(self, name) for name in _DEFAULTS}
            recipe = recipe_from({**settings, "modality": "tabular", "task": task, "test": 0.0})
            self.predictor_ = Predictor.open(fitted(frame, SourceOptions(target=target), recipe, folder / "run"))
            self.predictor_.run = None  # its folder is removed below
        except RecipeError as error:
            raise ValueError(str(error)) from error
        except UsageError as error:
            raise ValueError(f"{type(self).__name__} cannot be fitted: {error}") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _predictions(self, X: Any) -> Predictions:
        check_is_fitted(self)
        if hasattr(X, "columns"):
            return self.predictor_.predict(_frame(self, X, reset=False))
        checked = validate_data(self, X, dtype=None, ensure_all_finite="allow-nan", reset=False)
        return self.predictor_.predict(_rows(self, checked))


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
        rows, y = _checked(self, X, y, multi_output=sets)
        if sets:
            return self._fit_sets(rows, y.toarray() if issparse(y) else y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Classifier needs samples of at least 2 classes, got one class: {self.classes_[0]}")
        self._fit(rows, [str(code) for code in codes], "classification")
        return self

    def _fit_sets(self, rows: pl.DataFrame, y: NDArray[Any]) -> Self:
        self.classes_ = np.arange(y.shape[1])
        self._fit(rows, [[str(label) for label in np.flatnonzero(row)] for row in y], "multilabel")
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
        rows, y = _checked(self, X, y, y_numeric=True)
        self._fit(rows, [repr(float(value)) for value in y], "regression")
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The number of each row [n], float64; with `return_std` a pair of these and their standard deviations [n].

        Raises:
            ValueError: `return_std` without `loss="gaussian"`.
        """
        found = self._predictions(X)
        if not return_std:
            return found.numbers
        if found.probs.shape[1] != 2:
            raise ValueError(f'return_std wants Regressor(loss="gaussian"): with {self.loss!r} no deviation is learnt')
        return found.numbers, found.deviations


def _checked(estimator: _Estimator, X: Any, y: Any, **how: Any) -> tuple[pl.DataFrame, Any]:
    """The rows X as a frame, and y, as scikit-learn checks them, with the names of the columns taken down."""
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")
    how["ensure_min_samples"] = 2
    if hasattr(X, "columns"):  # whose columns need not become one array, as scikit-learn would make of them
        rows = _frame(estimator, X, reset=True)
        return rows, check_X_y(np.zeros((len(rows), 1)), y, estimator=estimator, **how)[1]
    checked, y = validate_data(estimator, X, y, dtype=None, ensure_all_finite="allow-nan", **how)
    return _rows(estimator, checked), y


def _frame(estimator: _Estimator, X: Any, reset: bool) -> pl.DataFrame:
    """The rows of a frame, under names that are different and that no other role has; raises ValueError.

    reset: take the names down, rather than hold them against those of the fit.
    """
    given: Any = X.collect() if isinstance(X, pl.LazyFrame) else X
    if len(set(given.columns)) < len(given.columns):  # scikit-learn takes down names that are different
        given = given.set_axis(_different(given.columns), axis=1)
    validate_data(estimator, given, reset=reset, skip_check_array=True)
    names = _names(estimator)
    if isinstance(given, pl.DataFrame):
        rows = given.rename(dict(zip(given.columns, names, strict=True)))
    else:
        rows = from_pandas(given.set_axis(names, axis=1)).frame
    if infinite := [column.name for column in rows.select(selectors.float()) if column.is_infinite().any()]:
        raise ValueError(f"Input X contains infinity, in {listed(infinite)}: write nan or None for what is missing")
    return rows


def _rows(estimator: _Estimator, X: NDArray[Any]) -> pl.DataFrame:
    """The rows of an array as a frame."""
    columns = {name: X[:, number].tolist() for number, name in enumerate(_names(estimator))}
    return pl.DataFrame(columns, strict=False)


def _names(estimator: _Estimator) -> list[str]:
    """The names of the columns as the model has them."""
    numbered = (f"feature {number}" for number in range(estimator.n_features_in_))
    return _different(getattr(estimator, "feature_names_in_", numbered))


def _different(names: Iterable[Any]) -> list[str]:
    """A name of its own for each column, as it is where it can be."""
    found: list[str] = []
    for name in names:
        found.append(_free(str(name), found))
    return found


def _free(name: str, taken: Collection[str]) -> str:
    """The name, with underscores where it is taken, or would say the sides of the rows."""
    while name in taken or name.casefold() == "split":
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
