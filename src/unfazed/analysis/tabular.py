"""Tables: features that give the target away, and the two baselines that a network has to beat.

Axis letters: N rows, F features, K classes, P columns of the expanded rows.
Rows `x [N, F]` are floats with nan = missing; `codes [F]` is the number of codes of a categorical feature, code 0 being
unseen or rare, and 0 for a number.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.baselines import drawn, logistic_fit, logistic_regression, majority_probs, padded
from unfazed.analysis.intervals import Estimate, Floats, Integers, wilson
from unfazed.analysis.one_vs_rest import each_label, one_vs_rest

Rows = NDArray[np.float32]

LEAK = 0.97  # share of the errors of the commonest class that a single feature must avoid to be suspected
EXPLAINED = 0.9  # share of a number's variance that a single feature must explain to be suspected
FOLDS = 3
LEAK_ROWS = (1_000, 10_000)  # fewest and most rows looked at
LEAK_CELLS = 1_000_000  # of all features
FEWEST_OTHERS = 20  # rows outside the commonest class, below which no feature can be judged
LEAVES, LEAF = 16, 5  # of the tree on one feature: at most so many leaves, of at least so many rows
LINEAR_ROWS, BOOSTING_ROWS = 20_000, 200_000
MOST_CODES = 100  # of a feature that become a column each
MOST_CATEGORIES = 254  # of a feature in scikit-learn's boosting
STRENGTHS = (1e-2, 1e-1, 1.0, 10.0)  # inverse regularisation of the linear model
FARTHEST = 10.0  # standard deviations at which a number is cut off for the linear model
ROUNDS, TREES = 100, 3000  # boosting: at most so many rounds, and trees of all classes
BOOSTED_LABELS = TREES // ROUNDS  # of sets: each takes all the rounds; beyond, it would take minutes


class Leak(NamedTuple):
    """A feature that predicts the target almost perfectly by itself."""

    feature: int
    accuracy: Estimate  # on rows that the prediction was not made from
    commonest: float  # share of the commonest class


def leaks(x: Rows, y: Integers, codes: Sequence[int]) -> list[Leak]:
    """The features of training rows `x` that predict `y [N]` alone almost perfectly, out of fold; the best first.

    A small tree for a number, the commonest class of its code for a category. An empty list where fewer than 20 rows
    are outside the commonest class.
    """
    rows = drawn(y >= 0, _most_rows(codes), seed=0)
    x, y = x[rows], y[rows]
    commonest = int(np.bincount(y).max()) if len(y) else 0
    if len(y) - commonest < FEWEST_OTHERS:
        return []
    right = [int((_predicted(x[:, feature], y, count) == y).sum()) for feature, count in enumerate(codes)]
    found = [
        Leak(feature, wilson(hits, len(y)), commonest / len(y))
        for feature, hits in enumerate(right)
        if len(y) - hits <= (1 - LEAK) * (len(y) - commonest)
    ]
    return sorted(found, key=lambda leak: -leak.accuracy.value)


def leaks_of_numbers(x: Rows, targets: Floats, codes: Sequence[int]) -> list[tuple[int, float]]:
    """The features of training rows `x` that explain `targets [N]` alone almost wholly: each with its R², best first.

    Out of fold, by a small tree for a number and the mean of its code for a category. A part of a sum, such as the
    members among all who rent a bicycle, explains less than a column that repeats the target, and tells as much.
    """
    rows = drawn(np.isfinite(targets), _most_rows(codes), seed=0)
    x, targets = x[rows], targets[rows].astype(np.float64)
    if len(rows) < FOLDS * LEAF or not targets.std() > 0:
        return []
    shares = []
    for feature, count in enumerate(codes):
        left = targets - _predicted_numbers(x[:, feature], targets, count)
        shares.append((feature, float(1 - (left**2).mean() / targets.var())))
    return sorted((one for one in shares if one[1] >= EXPLAINED), key=lambda one: -one[1])


def _most_rows(codes: Sequence[int]) -> int:
    """How many rows each feature is looked at on."""
    return int(np.clip(LEAK_CELLS // len(codes), *LEAK_ROWS))


def _predicted_numbers(values: Rows, targets: Floats, codes: int) -> Floats:
    """Out-of-fold numbers [N] from one feature's values [N]; the rows come in random order."""
    from sklearn.tree import DecisionTreeRegressor

    predicted = np.empty_like(targets)
    for fold in range(FOLDS):
        held_out = np.arange(len(targets)) % FOLDS == fold
        known, asked, given = values[~held_out], values[held_out], targets[~held_out]
        if codes:
            code = _code(known, codes)
            counts, sums = np.bincount(code, minlength=codes + 1), np.bincount(code, given, codes + 1)
            means = np.where(counts > 0, sums / np.maximum(counts, 1), given.mean())
            predicted[held_out] = means[_code(asked, codes)]
        else:
            tree = DecisionTreeRegressor(max_leaf_nodes=4 * LEAVES, min_samples_leaf=LEAF, random_state=0)
            predicted[held_out] = tree.fit(_filled(known), given).predict(_filled(asked))
    return predicted


def _predicted(values: Rows, y: Integers, codes: int) -> Integers:
    """Out-of-fold classes [N] from one feature's values [N]; the rows come in random order."""
    predicted = np.empty_like(y)
    for fold in range(FOLDS):
        held_out = np.arange(len(y)) % FOLDS == fold
        predicted[held_out] = _fitted(values[~held_out], y[~held_out], codes)(values[held_out])
    return predicted


def _fitted(values: Rows, y: Integers, codes: int) -> Callable[[Rows], Integers]:
    return _commonest_by_code(values, y, codes) if codes else _tree(values, y)


def _commonest_by_code(values: Rows, y: Integers, codes: int) -> Callable[[Rows], Integers]:
    counts = np.zeros((codes + 1, y.max() + 1))
    np.add.at(counts, (_code(values, codes), y), 1.0)
    counts += counts.sum(0) / (10 * len(y))  # where a code is new, or its classes are as common, the commonest of all
    return lambda asked: counts[_code(asked, codes)].argmax(1)


def _code(values: Rows, codes: int) -> Integers:
    """Codes as whole numbers, missing after the last."""
    return np.where(np.isnan(values), codes, np.nan_to_num(values)).astype(np.int64)


def _tree(values: Rows, y: Integers) -> Callable[[Rows], Integers]:
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(max_leaf_nodes=LEAVES * len(np.unique(y)), min_samples_leaf=LEAF, random_state=0)
    tree.fit(_filled(values), y)
    return lambda asked: np.asarray(tree.predict(_filled(asked)))


def _filled(values: Rows) -> Rows:
    """Missing values [N] as the lowest of all: [N, 1]."""
    return np.where(np.isnan(values), np.finfo(np.float32).min, values)[:, None]


def linear_model(x: Rows, y: Integers, codes: Sequence[int], classes: int, seed: int) -> Callable[[Rows], Floats]:
    """Logistic regression on training rows: standardised numbers, a column for each code and for what is missing.

    From rows to probabilities `[N, K]`. Fitted to at most 20,000 rows; `y [N]`, -1 = no label.
    """
    rows = drawn(y >= 0, LINEAR_ROWS, seed)
    expand = expansion(x[rows], codes)
    model = logistic_regression(expand(x[rows]), y[rows], classes, STRENGTHS)
    return lambda asked: model(expand(asked))


def expansion(x: Rows, codes: Sequence[int]) -> Callable[[Rows], Rows]:
    """The function from rows [N, F] to [N, P] for a linear model."""
    is_code = np.asarray(codes) > 0
    numbers = x[:, ~is_code]
    present = ~np.isnan(numbers)
    n = np.maximum(present.sum(0), 1)
    mean = np.where(present, numbers, 0.0).sum(0, dtype=np.float64) / n
    scale = np.sqrt(np.where(present, (numbers - mean) ** 2, 0.0).sum(0, dtype=np.float64) / n) + 1e-6
    gaps = ~present.all(0)

    def expand(asked: Rows) -> Rows:
        numbers = asked[:, ~is_code]
        standard = np.clip(np.nan_to_num((numbers - mean) / scale, nan=0.0), -FARTHEST, FARTHEST)
        named = [_one_hot(asked[:, feature], count) for feature, count in enumerate(codes) if count]
        return np.concatenate([standard, np.isnan(numbers[:, gaps]), *named], axis=1, dtype=np.float32)

    return expand


def _one_hot(values: Rows, codes: int) -> NDArray[np.bool_]:
    """The commonest codes and missing, a column each [N, codes + 1]; code 0 stands for all beyond."""
    kept = min(codes, MOST_CODES)
    code = np.where(np.isnan(values), -1.0, np.where(values < kept, values, 0.0))
    return np.asarray(code[:, None] == np.arange(-1, kept))


def linear_sets(x: Rows, y: NDArray[np.floating], codes: Sequence[int], seed: int) -> Callable[[Rows], Floats]:
    """`linear_model` for each label of the sets `y [N, K]` by itself: from rows to probabilities `[N, K]`."""
    rows = drawn(np.full(len(x), True), LINEAR_ROWS, seed)
    expand = expansion(x[rows], codes)
    model = one_vs_rest(expand(x[rows]), y[rows], logistic_fit, STRENGTHS)
    return lambda asked: model(expand(asked))


def boosting_sets(x: Rows, y: NDArray[np.floating], codes: Sequence[int], seed: int) -> Callable[[Rows], Floats]:
    """`boosting_model` for each label of the sets `y [N, K]` by itself: from rows to probabilities `[N, K]`."""
    rows = drawn(np.full(len(x), True), BOOSTING_ROWS, seed)
    model = each_label(_few_codes(x[rows], codes), y[rows], lambda x, yes: _boosted(x, yes, codes, ROUNDS, seed))
    return lambda asked: model(_few_codes(asked, codes))


def linear_numbers(x: Rows, targets: NDArray[np.floating], codes: Sequence[int], seed: int) -> Callable[[Rows], Floats]:
    """Ridge regression on training rows, as `linear_model`: from rows to numbers `[N, 1]`; its strength is chosen."""
    from sklearn.linear_model import RidgeCV

    rows = drawn(np.full(len(x), True), LINEAR_ROWS, seed)
    expand = expansion(x[rows], codes)
    model = RidgeCV(np.logspace(-2, 4, 13)).fit(expand(x[rows]), targets[rows])
    return lambda asked: np.asarray(model.predict(expand(asked)))[:, None]


def boosting_numbers(
    x: Rows, targets: NDArray[np.floating], codes: Sequence[int], seed: int
) -> Callable[[Rows], Floats]:
    """scikit-learn's histogram gradient boosting with its defaults: from rows to numbers `[N, 1]`."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    rows = drawn(np.full(len(x), True), BOOSTING_ROWS, seed)
    model = HistGradientBoostingRegressor(categorical_features=np.asarray(codes) > 0, random_state=seed)
    model.fit(_few_codes(x[rows], codes), targets[rows])
    return lambda asked: np.asarray(model.predict(_few_codes(asked, codes)))[:, None]


def boosting_model(x: Rows, y: Integers, codes: Sequence[int], classes: int, seed: int) -> Callable[[Rows], Floats]:
    """scikit-learn's histogram gradient boosting with its defaults on training rows: from rows to `[N, K]`.

    Fitted to at most 200,000 rows; fewer rounds beyond 30 classes; `y [N]`, -1 = no label.
    """
    rows = drawn(y >= 0, BOOSTING_ROWS, seed)
    y = y[rows]
    counts = np.bincount(y, minlength=classes)
    if np.count_nonzero(counts) < 2:
        return lambda asked: majority_probs(y, classes, len(asked))
    model = _boosted(_few_codes(x[rows], codes), y, codes, min(ROUNDS, max(1, TREES // classes)), seed)
    return lambda asked: padded(model.predict_proba(_few_codes(asked, codes)), model.classes_, classes)


def _boosted(x: Rows, y: Integers, codes: Sequence[int], rounds: int, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    counts = np.bincount(y)
    settings: dict[str, Any] = {"max_iter": rounds, "random_state": seed}
    if counts[counts > 0].min() < 2:  # it cannot put aside one of each class to stop by
        settings["early_stopping"] = False
    return HistGradientBoostingClassifier(categorical_features=np.asarray(codes) > 0, **settings).fit(x, y)


def _few_codes(x: Rows, codes: Sequence[int]) -> Rows:
    """The rows with the rarest codes of each feature taken for unseen, as far as boosting has no room for them."""
    few = np.where((np.asarray(codes) > 0) & (x >= MOST_CATEGORIES), np.float32(0.0), x)
    return np.where(np.isnan(few).all(0), np.float32(0.0), few)  # a feature of nothing but nan cannot be binned
