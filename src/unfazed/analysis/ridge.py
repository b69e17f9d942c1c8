"""What simple features say of every row's label, each row judged by a fit without it.

Ridge regression of an indicator of each class estimates the classes' probabilities. For dense features the fit without
a row follows from the fit with it in closed form (Allen, Technometrics 1974); for sparse ones there are five folds.
Axis letters: N rows, n of them, D features, K classes or labels.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Integers
from unfazed.analysis.slices import slices

ROWS = 20_000  # that are fitted to, at most
BLOCK = 1000  # rows whose inputs are held at once
PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # tried, where features are of length 1
PENALTIES_BY_FOLDS = (0.3, 1.0, 3.0)
FOLDS = 5
CHOOSING = 8  # columns at most, the commonest, by which the penalty of the folds is chosen: a fit takes K solutions
TOLERANCE = 1e-2  # of a sparse fit
Dense = NDArray[np.float32]
Features = Callable[[Integers], Any]  # from rows [n] to [n, D], which no label had a say in


class Labels(NamedTuple):
    """The labels of N rows."""

    rows: int
    known: Integers  # the rows that have one
    indicators: Callable[[Integers], Dense]  # from rows [n] to [n, K]: 1 for what their label says, else 0


def leave_one_out(features: Features, labels: Labels, seed: int) -> Dense:
    """What is regressed [N, K] on dense features: about a probability, and sometimes below 0 or above 1.

    The penalty is the one that errs least. Of more than 20,000 labelled rows so many are fitted to, and all others
    predicted.
    """
    from scipy.linalg import eigh

    known = _some(labels.known, seed)
    indicators = labels.indicators(known)
    shares = indicators.mean(0)
    targets = indicators - shares
    x = np.concatenate([features(known[block]) for block in slices(len(known), BLOCK)])
    centre = x.mean(0)
    x -= centre
    scale = np.float32(max(1e-6, float(np.sqrt((x**2).sum(1).mean()))))
    x /= scale
    values, vectors = eigh(x.T @ x, driver="evd", overwrite_a=True)
    x = x @ vectors
    products = x.T @ targets
    shrinkages = [1 / (np.maximum(values, 0) + penalty) for penalty in PENALTIES]
    errors = [((_without_each(x, targets, products, one) - targets) ** 2).mean() for one in shrinkages]
    shrinkage = shrinkages[int(np.argmin(errors))]
    found = np.empty((labels.rows, indicators.shape[1]), np.float32)
    found[known] = _without_each(x, targets, products, shrinkage) + shares
    weights = vectors @ (products * shrinkage[:, None]) / scale
    others = np.setdiff1d(np.arange(labels.rows), known)
    for block in slices(len(others), BLOCK):
        found[others[block]] = (features(others[block]) - centre) @ weights + shares
    return found


def _without_each(x: Dense, targets: Dense, products: Dense, shrinkage: Dense) -> Dense:
    """What is predicted [n, K] for each row by a fit without it; `x` [n, D] in the directions of the features' spread.

    `products` [D, K] of x with the targets, `shrinkage` [D] of each direction.
    """
    leverage = np.minimum((x**2) @ shrinkage + 1 / len(x), 1 - 1e-6)[:, None]
    return np.asarray((x @ (products * shrinkage[:, None]) - leverage * targets) / (1 - leverage))


def out_of_fold(features: Features, labels: Labels, seed: int) -> Dense:
    """The same on sparse features of length 1, each row by one of five fits, to four fifths of the others.

    Fit after fit: of many classes each is large.
    """
    known = _some(labels.known, seed)
    inputs, indicators = features(known), labels.indicators(known)
    fold = np.random.default_rng(seed).permutation(labels.rows) % FOLDS
    penalty = _chosen_penalty(inputs, indicators, fold[known])
    found = np.empty((labels.rows, indicators.shape[1]), np.float32)
    for number in range(FOLDS):
        others, asked = fold[known] != number, np.flatnonzero(fold == number)
        weights, shares = _sparse_fit(inputs[others], indicators[others], penalty)
        for block in slices(len(asked), BLOCK):
            found[asked[block]] = features(asked[block]) @ weights + shares
    return found


def _chosen_penalty(inputs: Any, indicators: Dense, fold: Integers) -> float:
    """The penalty that errs least in all folds, over the commonest of the indicators [n, K]."""
    common = indicators[:, np.argsort(-indicators.sum(0), kind="stable")[:CHOOSING]]
    errors = []
    for penalty in PENALTIES_BY_FOLDS:
        squares = 0.0
        for number in range(FOLDS):
            own = fold == number
            weights, shares = _sparse_fit(inputs[~own], common[~own], penalty)
            squares += float(((inputs[own] @ weights + shares - common[own]) ** 2).sum())
        errors.append(squares)
    return PENALTIES_BY_FOLDS[int(np.argmin(errors))]


class _SparseFit(NamedTuple):
    weights: Dense  # [D, K]
    shares: Dense  # [K]


def _sparse_fit(inputs: Any, indicators: Dense, penalty: float) -> _SparseFit:
    """By conjugate gradients."""
    from sklearn.linear_model import Ridge

    if not len(indicators):
        return _SparseFit(np.zeros((inputs.shape[1], indicators.shape[1]), np.float32), np.zeros(1, np.float32))
    shares = indicators.mean(0)
    model = Ridge(penalty, fit_intercept=False, solver="sparse_cg", tol=TOLERANCE).fit(inputs, indicators - shares)
    return _SparseFit(np.asarray(model.coef_.reshape(len(shares), -1).T, np.float32, order="C"), shares)


def _some(known: Integers, seed: int) -> Integers:
    """The rows to fit to [n]."""
    return np.random.default_rng(seed).permutation(known)[:ROWS]
