"""What was measured of a training run: what `analysis.diagnosis` reasons about.

A skill is accuracy, R² where a number is predicted, or F1 over the labels of sets; losses are in nats, or squared
errors of standardised numbers, lower = better.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from unfazed.analysis.intervals import Estimate


class Epoch(NamedTuple):
    """One pass: losses in nats (or squared errors), skills; the training figures are of the pass itself."""

    train_loss: float
    validation_loss: float
    train: float
    validation: float


class Layer(NamedTuple):
    """One layer with weights, measured on a batch of training rows."""

    name: str
    gradient: float  # root mean square of the loss's gradient with respect to its weights
    constant: float  # share of the units that it reads which say the same of every example
    gradient_at_start: float  # the same two of the untrained network
    constant_at_start: float


class Trial(NamedTuple):
    """Some more steps from the kept weights, or as many from new ones, and the validation loss after them."""

    kept: bool  # from the kept weights
    learning_rate: float
    steps: int
    loss: float
    gain: Estimate  # by which it is lower than that of the kept weights, row by row


class Curve(NamedTuple):
    """Accuracy of a linear probe by number of training rows, and the share of its mistakes that four times the last
    would spare it."""

    rows: list[int]
    skill: list[float]
    gain: Estimate


class Classes(NamedTuple):
    """How well rare classes are recognised, beside the others."""

    rare: Estimate  # recall of those with less than a tenth of the commonest class's rows
    others: Estimate
    ranked: Estimate  # pairs of a rare and another row, of which the rare one has the higher probability of being rare
    names: list[str]  # of the rare ones among these rows
    ratio: float  # rows of the commonest class for each of the rarest


class Far(NamedTuple):
    """Numbers to be predicted that are far from all others."""

    row: int  # of the farthest
    value: float
    rows: int  # that are so far off
    times: float  # as far from the median as the others usually are
    median: float
    name: str = ""  # the id of its row


class Tail(NamedTuple):
    """The skewness of numbers to be predicted, all above 0, and of their logarithms."""

    skewness: float
    of_logarithms: float
    below: int  # predictions that are not above 0,
    n: int  # of so many
    carried: float = 0.0  # share of the squared error of validation rows, or of training rows, that few of them make:
    few: int = 1  # so many,
    among: int = 100  # of so many
    target: str = "the target"


class Signs(NamedTuple):
    """What was measured of a run; None: it was not, or could not be."""

    skill: Literal["accuracy", "balanced accuracy", "R²", "F1"]
    train: Estimate  # of the kept weights
    validation: Estimate
    guess: float  # validation skill of who looks at no input
    guess_loss: float  # and his loss
    simpler: tuple[str, Estimate, Estimate] | None  # the best simpler model, its validation skill, the model's lead
    epochs: Sequence[Epoch]
    best_epoch: int
    learning_rate: float
    usual_rate: float | None  # what suits such a network
    width: tuple[int, int] | None  # of the network, and what suits the data
    rows_per_class: float = math.inf  # of training rows, on average
    usual_epochs: int | None = None  # that suit so many rows
    passes: float | None = None  # epochs that were made, the last perhaps in part; None: all of those recorded
    restrained: bool = True  # whether the recipe holds weights back: by weight decay, augmentation or dropout
    idle: Sequence[str] = ()  # the settings among these three that are 0
    ahead_on_test: tuple[str, Estimate] | None = None  # a simpler model surely ahead on test rows, the model's lead
    calibration_error: Estimate | None = None  # of probabilities, on validation rows
    disagreement: float | None = None  # share of labels not trained on that are not what the audit's judges would give
    ended_by_steps: bool = False  # or by a time limit, rather than by its epochs
    loss: float | None = None  # validation loss of the kept weights, as the trials measure it
    trials: Sequence[Trial] = ()
    suspected: Estimate | None = None  # share of labels contradicted, among those that the model is surest of
    groups: int | None = None  # of validation rows, where they come in some
    wrong: Estimate | None = None  # how many labels an audit estimates to be wrong, by validation and test rows
    listed: int | None = None  # labels that the audit lists as worth checking
    classes: Classes | None = None
    variation: float | None = None  # how far inputs differ, as a share of what they could
    leaks: Sequence[tuple[str, float]] = ()  # columns that tell the target alone, and how often they are right
    copies: Estimate | None = None  # share of held-out inputs with a near copy in training
    layers: Sequence[Layer] = ()
    curve: Curve | None = None
    squares: bool = True  # whether training squares the errors of numbers
    far: Far | None = None  # numbers to be predicted that are far from all others
    tail: Tail | None = None  # that they are heavy-tailed, where they are
