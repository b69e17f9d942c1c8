"""What signs amount to, yes or no: the questions that more than one rule of `analysis.diagnosis` asks."""

from unfazed.analysis.intervals import Estimate
from unfazed.analysis.label_issues import contested
from unfazed.analysis.signs import Signs, Trial

CHANCE = 0.02  # skill above a guess's that the best of many epochs may have by chance,
LITTLE = 0.1  # or this share of what a guess leaves to be known, if that is less: one class may have 99 % of the rows
NOTHING = 0.3  # the same share, of which nobody may know more for labels to be called unrelated to their inputs
GAP = 0.1  # training skill above validation skill by this much, intervals apart
BETTER, WORTH = 0.1, 0.03  # shares of the validation loss, and of a guess's, by which a trial must be better to matter
RISEN, LAST = 0.1, 3  # share by which the validation loss rose after its lowest, on average of so many last epochs
SLIGHTLY = 0.03  # the same where nothing held the weights back, which speaks for it, too
BIASED = 0.5  # share of the mistakes on new rows that are made on its own rows as well
MOSTLY = 0.5  # of the labels that the audit's judges would not give: fewer, and most are mistakes of the judges
EVENLY, MANY = 0.5, 50  # share of all mistakes; training rows of a class
MISLABELLED = 0.05  # share of labels that an audit surely counts as wrong: not what a good set has
CARRIED, BELOW = 0.5, 0.05  # shares: of the squared error that few rows make, of the predictions that no target can be
FEW, ENOUGH_ROWS = 10, 100  # training rows of a class on average, and in all, below which more of them come first


def knows(found: Estimate, signs: Signs) -> bool:
    """Whether a skill is more than a guess's for sure; the best of many epochs is a little better by chance alone."""
    return found.low > signs.guess + min(CHANCE, LITTLE * (1 - signs.guess))


def learnable(signs: Signs) -> bool:
    """Whether anything, the model or a simpler one, knows more of new inputs than a guess."""
    return knows(signs.validation, signs) or (signs.simpler is not None and knows(signs.simpler[1], signs))


def unlearnable(signs: Signs) -> bool:
    """Whether it is shown, rather than merely not excluded, that nobody knows much more of new inputs than a guess."""
    most = signs.guess + NOTHING * (1 - signs.guess)
    asked = [signs.validation] if signs.simpler is None else [signs.validation, signs.simpler[1]]
    return not learnable(signs) and all(found.high < most for found in asked)


def behind(signs: Signs) -> bool:
    """Whether a simpler model is surely ahead on the validation rows."""
    return signs.simpler is not None and signs.simpler[2].high < 0


def ahead_of_it(signs: Signs) -> tuple[str, Estimate, str] | None:
    """The simpler model that is surely ahead, by how much and on which rows: test rows only where they alone say so."""
    if behind(signs) and signs.simpler is not None:
        return signs.simpler[0], signs.simpler[2], "validation"
    return (*signs.ahead_on_test, "test") if signs.ahead_on_test else None


def gap(signs: Signs) -> bool:
    """Whether it knows its training rows better than others; their figure is of all of them, and needs no interval."""
    return signs.train.value - signs.validation.high > 0 and signs.train.value - signs.validation.value > GAP


def material(signs: Signs, tried: Trial) -> bool:
    """Whether a trial's validation loss is lower for sure, by enough to be worth a training, and than a guess's."""
    least = max(BETTER * (signs.loss or 0.0), WORTH * signs.guess_loss)
    return tried.gain.low > 0 and tried.gain.value > least and tried.loss < signs.guess_loss


def going_on(signs: Signs) -> Trial | None:
    """The trial that went on as the run did, at a part of its rate."""
    return next((tried for tried in signs.trials if tried.kept and tried.learning_rate <= signs.learning_rate), None)


def ahead(signs: Signs, tried: Trial) -> bool:
    """Whether the trial is better than going on at the run's own rate, too."""
    own = going_on(signs)
    return own is None or tried.loss < (1 - BETTER) * own.loss


def risen(signs: Signs) -> float | None:
    """The validation loss of the last epochs, where it rose after the best while the training loss fell.

    By a tenth, or if nothing held the weights back, by less.
    """
    best, last = signs.epochs[signs.best_epoch - 1], signs.epochs[signs.best_epoch :][-LAST:]
    if not last or sum(epoch.train_loss for epoch in last) > len(last) * best.train_loss:
        return None
    after = sum(epoch.validation_loss for epoch in last) / len(last)
    least = RISEN if signs.restrained else SLIGHTLY
    return after if after >= (1 + least) * best.validation_loss else None


def latest_train_loss(signs: Signs) -> float:
    """The training loss of the same last epochs."""
    last = signs.epochs[signs.best_epoch :][-LAST:]
    return sum(epoch.train_loss for epoch in last) / len(last)


def scarce(signs: Signs) -> bool:
    """Whether rows are so few that nothing else need be blamed."""
    return signs.rows_per_class < FEW or signs.train.n < ENOUGH_ROWS


def biased(signs: Signs) -> bool:
    """Whether most mistakes are of what it could not fit, rather than of what it fitted too closely."""
    return 1 - signs.train.value >= BIASED * (1 - signs.validation.value)


def same_ceiling(signs: Signs) -> bool:
    """Whether a simpler model, which has other failings, comes as far: then it is not the models that end there."""
    return signs.simpler is not None and signs.simpler[2].low <= 0


def mostly_wrong(signs: Signs) -> bool:
    """Whether the audit takes most of the labels that it would not give for wrong, not for mistakes of its judges."""
    if signs.wrong is None or not signs.disagreement:
        return False
    return signs.wrong.value / signs.wrong.n >= MOSTLY * signs.disagreement


def mislabelled(signs: Signs) -> bool:
    """Whether the audit is sure of more wrong labels than can be left to a last look."""
    return signs.wrong is not None and signs.wrong.low >= MISLABELLED * signs.wrong.n


def learnt_wrong(signs: Signs) -> bool:
    """Whether wrong labels were learnt by heart: an audit is sure of many, and there is a gap."""
    return mislabelled(signs) and gap(signs) and signs.wrong is not None and not contested(signs.wrong)


def outweighed(signs: Signs) -> bool:
    """Whether targets are so heavy-tailed that the largest few are all that squared errors, and R², see."""
    tail = signs.tail
    return tail is not None and (tail.carried >= CARRIED or tail.below >= BELOW * tail.n)


def evenly(signs: Signs) -> bool:
    """Whether a model that knows its own rows better than others is about as often wrong where it is surest.

    What it could not yet learn, for want of data, is hard, and it is less sure of it; wrong labels are everywhere.
    """
    assert signs.suspected is not None
    enough = signs.rows_per_class >= MANY and same_ceiling(signs)
    return enough and EVENLY * (1 - signs.validation.value) <= signs.suspected.value
