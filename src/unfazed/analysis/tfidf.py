"""What a model of texts has to beat: TF-IDF with logistic regression.

Axis letters: N texts, K classes.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.baselines import MANY_CLASSES, majority_probs, padded
from unfazed.analysis.intervals import Floats, Integers
from unfazed.analysis.multilabel import share_probs
from unfazed.analysis.one_vs_rest import CHOOSING, chosen_strength, one_vs_rest

ROWS = 20_000
TERMS = 200_000
WEIGHTS = 50_000_000  # of all classes at most, 400 MB: beyond 250 classes the rarest terms are left out
STRENGTHS = (1.0, 10.0, 100.0)  # inverse regularisation, chosen on a fifth of the training rows
TOLERANCE = 1e-2  # a tenth of the time of a tighter one, and the same accuracy
TERM = r"\w+|[^\w\s]"  # words of one letter count too, and so does an exclamation mark


def tfidf_model(texts: Sequence[str], y: Integers, classes: int) -> Callable[[Sequence[str]], Floats]:
    """Logistic regression on the TF-IDF of words and pairs of words: from texts to probabilities `[N, K]`.

    One class against the rest each, which for many classes is as good as all at once and takes a tenth of the time.
    """
    if not _can_tell(texts, y):
        return lambda asked: majority_probs(y, classes, len(asked))
    cut = len(y) * 4 // 5
    vectorizer = _vectorizer(classes)
    if classes <= MANY_CLASSES:
        strength = _chosen_strength(texts[:cut], y[:cut], texts[cut:], y[cut:], classes)
        inputs = vectorizer.fit_transform(texts)
    else:
        inputs = vectorizer.fit_transform(texts)
        strength = _strength_of_many(inputs, y)
    model = _logistic(strength).fit(inputs, y)
    return lambda asked: padded(model.predict_proba(vectorizer.transform(asked)), model.classes_, classes)


def tfidf_sets(texts: Sequence[str], y: NDArray[np.floating]) -> Callable[[Sequence[str]], Floats]:
    """The same for each label of the sets `y [N, K]` by itself: from texts to probabilities `[N, K]`."""
    if not any(re.search(TERM, text) for text in texts):
        return lambda asked: share_probs(y, len(asked))
    vectorizer = _vectorizer(y.shape[1])
    model = one_vs_rest(vectorizer.fit_transform(texts), y, _fitted_to_sparse, STRENGTHS)
    return lambda asked: model(vectorizer.transform(asked))


def _fitted_to_sparse(inputs: Any, yes: Integers, strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, solver="liblinear", tol=TOLERANCE).fit(inputs, yes)


def tfidf_numbers(texts: Sequence[str], y: Floats) -> Callable[[Sequence[str]], Floats]:
    """Ridge regression on the same terms: from texts to numbers `[N, 1]`; their mean where there is no word."""
    from sklearn.linear_model import Ridge

    if not any(re.search(TERM, text) for text in texts):
        return lambda asked: np.full((len(asked), 1), np.mean(y))
    vectorizer = _vectorizer(1)
    model = Ridge(solver="lsqr").fit(vectorizer.fit_transform(texts), y)
    return lambda asked: np.asarray(model.predict(vectorizer.transform(asked)))[:, None]


def tfidf_features(texts: Sequence[str], classes: int) -> Callable[[Sequence[str]], Any]:
    """From texts to the TF-IDF of their terms, sparse float32 [N, D], to tell K classes by.

    Which terms there are, and how rare, `texts` tell.
    """
    vectorizer = _vectorizer(classes)
    vectorizer.fit(texts if any(re.search(TERM, text) for text in texts) else ["."])
    return lambda asked: vectorizer.transform(asked).astype(np.float32)


def _can_tell(texts: Sequence[str], y: Integers) -> bool:
    """Whether there are two classes, and a word."""
    return len(np.unique(y)) > 1 and any(re.search(TERM, text) for text in texts)


def _chosen_strength(texts: Sequence[str], y: Integers, asked: Sequence[str], y_asked: Integers, classes: int) -> float:
    """The strength with the lowest log loss on held-out rows; the middle one where that can't be told."""
    if not _can_tell(texts, y) or not len(asked):
        return STRENGTHS[1]
    vectorizer = _vectorizer(classes)
    inputs = vectorizer.fit_transform(texts)
    held_out = vectorizer.transform(asked)
    losses = []
    for strength in STRENGTHS:
        model = _logistic(strength).fit(inputs, y)
        probs = padded(model.predict_proba(held_out), model.classes_, classes)
        losses.append(-np.log(probs[np.arange(len(probs)), y_asked]).mean())
    return STRENGTHS[int(np.argmin(losses))]


def _strength_of_many(inputs: Any, y: Integers) -> float:
    """The strength that tells the commonest classes best: all of them would take minutes."""
    commonest = np.argsort(-np.bincount(y), kind="stable")[:CHOOSING]
    return chosen_strength(inputs, (y[:, None] == commonest).astype(np.int64), _fitted_to_sparse, STRENGTHS)


def _vectorizer(classes: int) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    most = min(TERMS, max(1, WEIGHTS // max(1, classes)))
    return TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), token_pattern=TERM, max_features=most)


def _logistic(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    return OneVsRestClassifier(LogisticRegression(C=strength, solver="liblinear", tol=TOLERANCE))
