"""Which unlabelled examples are worth labelling next: pool-based active learning, many at a time (Settles 2009).

Uncertainty asks what the model cannot tell, diversity what it has not seen; both together ask for what it cannot tell
in as many ways as possible. None of them takes two near-copies of one example.

Axis letters: n unlabelled examples, d dimensions of the space, K classes, k examples chosen.
"""

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Floats, Integers
from unfazed.analysis.surprise import binary_entropy

Vectors = NDArray[np.float32]
WIDER = 5  # times as many uncertain examples as are wanted, among which kinds are looked for
GROUPS = 500  # kinds at most: time and memory of the search grow with their number times that of the examples
BLOCK = 256  # examples compared at once with all that were taken before them
LEAST_WEIGHT = 1e-6
COPY = 0.25  # of the usual distance to a training row, within which an example is a near-copy of another


def margin_uncertainty(probs: NDArray[np.floating]) -> Floats:
    """One less the margin between the two likeliest classes of `probs` [n, K]: [n], 0 = sure, 1 = a tie.

    Scheffer, Decomain and Wrobel 2001. Entropy would also count how doubt is spread over classes that are out of the
    question, and does worse the more of them there are.
    """
    ordered = np.partition(probs.astype(np.float64), -2, axis=1)
    return np.asarray(1 - (ordered[:, -1] - ordered[:, -2]))


def set_uncertainty(probs: NDArray[np.floating]) -> Floats:
    """The entropy in bits [n] of sets of labels, each of K labels by itself, with `probs` [n, K]."""
    return np.asarray(binary_entropy(probs.astype(np.float64)).sum(1))


def most_uncertain(uncertainty: Floats, units: Vectors, count: int, apart: float) -> Integers:
    """The `count` most uncertain examples [k], the most uncertain first, none nearer than `apart` to one before it.

    uncertainty [n]; units [n, d]: embeddings on the sphere. Where too few are so far apart, the rest follow in order.
    """
    ranked = np.argsort(-uncertainty, kind="stable")
    return _filled(_apart(ranked, units, apart, count), uncertainty, count)


def farthest_first(nearest: NDArray[np.floating], units: Vectors, count: int, apart: float) -> Integers:
    """The greedy k-centre [k]: always the example that is farthest from all that are labelled or taken.

    Gonzalez 1985; as a way of choosing what to label Sener and Savarese 2018. nearest [n]: the distance of each to the
    labelled ones. units [n, d]. apart: what is nearer than that to another comes last. O(n k d) time, O(n) memory.
    """
    squares = np.minimum(np.square(nearest.astype(np.float64)), 4.0)  # no chord is longer than 2
    taken: list[int] = []
    while len(taken) < count and len(squares):
        row = int(squares.argmax())
        if squares[row] <= apart * apart:
            break
        taken.append(row)
        np.minimum(squares, _chords(units @ units[row]), out=squares)
        squares[row] = 0
    return _filled(taken, squares, count)


def diverse_uncertain(uncertainty: Floats, units: Vectors, count: int, apart: float) -> Integers:
    """The most uncertain examples, of every kind one [k]: the most uncertain first.

    Zhdanov 2019: of WIDER times as many as are wanted, grouped by k-means in which the uncertain ones weigh more, the
    one nearest to the middle of each group; where more are wanted than there are groups, the next nearest of each, and
    so on. uncertainty [n]; units [n, d]; apart: see `most_uncertain`.
    """
    from sklearn.cluster import KMeans

    wider = np.array(_apart(np.argsort(-uncertainty, kind="stable"), units, apart, WIDER * count))
    if len(wider) <= count:
        return most_uncertain(uncertainty, units, count, apart)
    weight = np.maximum(uncertainty[wider], LEAST_WEIGHT)
    points = units[wider].astype(np.float64)
    found = KMeans(min(count, GROUPS), n_init=1, random_state=0).fit(points, sample_weight=weight)
    groups, far = found.labels_, np.square(units[wider] - found.cluster_centers_[found.labels_]).sum(1)
    order = np.lexsort((far, groups))
    sizes = np.bincount(groups)
    turn = np.empty_like(order)
    turn[order] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # 0: the nearest of its group
    first = wider[np.lexsort((-uncertainty[wider], turn))[:count]]
    return np.asarray(first[np.argsort(-uncertainty[first], kind="stable")])


def _apart(ranked: Integers, units: Vectors, apart: float, count: int) -> list[int]:
    """The first `count` of the `ranked` examples that are no nearer than `apart` to one before them."""
    taken: list[int] = []
    for block in np.split(ranked, range(BLOCK, len(ranked), BLOCK)):
        free = np.ones(len(block), dtype=bool)
        if taken:
            free = _chords((units[block] @ units[taken].T).max(1)) > apart * apart
        within = _chords(units[block] @ units[block].T) > apart * apart
        for place, row in enumerate(block.tolist()):
            if len(taken) == count:
                return taken
            if free[place]:
                taken.append(row)
                free &= within[place]
    return taken


def _chords(cosines: Vectors) -> Floats:
    """The squared chords between points on the sphere."""
    return np.maximum(2 - 2 * cosines.astype(np.float64), 0)


def _filled(taken: list[int], worth: Floats, count: int) -> Integers:
    """What was taken, and where that is too little the best of the rest."""
    rest = np.setdiff1d(np.arange(len(worth)), taken)
    more = rest[np.argsort(-worth[rest], kind="stable")][: max(0, min(count, len(worth)) - len(taken))]
    return np.concatenate([np.array(taken, dtype=np.int64), more.astype(np.int64)])
