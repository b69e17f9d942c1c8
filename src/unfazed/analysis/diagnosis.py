"""What ails a training run, from numbers that were measured: one cause, what speaks for it, one thing to do.

The rules are tried in order, and the first that holds is the answer: what makes the other numbers meaningless comes
first (inputs that do not vary, leaks, labels that nothing tells), then what keeps a network from learning, then what
it learnt from. Nothing here looks at test rows. Proved on runs with known flaws: benchmarks/diagnosis.md.
"""

import math
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from unfazed.analysis.intervals import Estimate
from unfazed.analysis.signs import Signs, Trial
from unfazed.analysis.surprise import BITS_PER_NAT

FINE = "fine"
SHORT = "too few epochs"
LOW = "learning rate too low"
HIGH = "learning rate too high"
NARROW = "too small a network"
OVERFITTING = "overfitting"
LABELS = "wrong labels"
DATA = "too little data"
LEAK = "leak"
UNRELATED = "labels unrelated to inputs"
CONSTANT = "inputs do not vary"
DEAD = "dead units"
VANISHING = "vanishing gradients"
EXPLODING = "exploding gradients"
IMBALANCE = "class imbalance"
UNTOLD = "can't tell"

LISTED = "the labels that are listed, worst first: unfazed label-issues RUN"
Confidence = Literal["high", "moderate", "low"]
FEWEST = 20  # validation rows, of rare classes too, below which nothing is said of how well a model does
SAME = 0.01  # share of its range by which inputs vary at least, or show nothing
COPIED = 0.05  # share of held-out inputs with a near copy in training that counts as a leak
WRONG = 0.05  # share of labels surely contradicted where the model is surest
GAP = 0.1  # training skill above validation skill by this much, intervals apart
BETTER = 0.1  # share of the validation loss by which a trial has to be better
WORTH = 0.03  # and share of a guess's loss
EVENLY, MOST_WRONG, MANY = 0.5, 0.45, 50  # of all mistakes; of the surest rows; training rows of a class
ENOUGH_ROWS = 100  # training rows below which nothing is said to be unlearnable
RISEN = 0.1  # share by which the validation loss rose after its lowest
RANKED = 0.55  # pairs of a rare and another example that a model which knows something of them ranks rightly
RARE = 0.2  # recall of rare classes below that of the others by this much, intervals apart
CHANCE = 0.02  # skill above a guess's that the best of many epochs may have by chance
HURRIED = 3  # epochs: so few may be too few where not ENOUGH steps could be tried
ENOUGH = 30
UNFITTED = 0.9  # training skill for sure below this: it has not learnt its own rows
FEW, KNOWN = 10, 0.97  # training rows of a class on average, and skill, below which more data is what it wants
MOST_DEAD = 0.5  # share of a layer's units that say the same of every example
VANISHED, EXPLODED = 1e-6, 1e3  # gradient of a layer over its weights, by that of the layer with the median


class Diagnosis(NamedTuple):
    """The answer."""

    cause: str
    confidence: Confidence
    paragraph: str
    action: str
    evidence: dict[str, str]  # what was measured, by name, as it is to be read


Rule = Callable[[Signs], Diagnosis | None]


def diagnose(signs: Signs) -> Diagnosis:
    """The first cause that the signs speak for, or that none can be told."""
    found = next((found for rule in RULES if (found := rule(signs))), None) or _fine(signs)
    return found._replace(evidence=dict(_evidence(signs)))


def _constant(signs: Signs) -> Diagnosis | None:
    if signs.variation is None or signs.variation >= SAME:
        return None
    said = (f"The inputs hardly differ from one another: by {_percent(signs.variation)} of what they could. "
            "Nothing can be learnt from them, whatever else the numbers say.")  # fmt: skip
    return _told(CONSTANT, "high", said, "Open some of the inputs: what is read of them is the same everywhere.")


def _column(signs: Signs) -> Diagnosis | None:
    if not signs.leaks:
        return None
    name, right = signs.leaks[0]
    said = (f"The column “{name}” alone tells the target of {_percent(right)} of the training rows. Unless it is known "
            "before the target is, every figure of this run is too good.")  # fmt: skip
    return _told(LEAK, "high", said, f"Leave the column out, unless it is known in time: --columns {name}=identifier")


def _copied(signs: Signs) -> Diagnosis | None:
    if signs.copies is None or signs.copies.low < COPIED:
        return None
    said = (f"{_estimate(signs.copies)} of the held-out inputs have a near copy among the training inputs, so they do "
            "not tell how new ones fare.")  # fmt: skip
    return _told(LEAK, "high", said, "Keep inputs that belong together on one side: --group COLUMN")


def _few(signs: Signs) -> Diagnosis | None:
    if signs.validation.n >= FEWEST:
        return None
    said = f"There are {signs.validation.n} validation rows with a label, too few to tell what limits the model."
    return _told(UNTOLD, "low", said, f"Keep at least {FEWEST} rows apart for validation: --validation 0.2")


def _rate(signs: Signs) -> Diagnosis | None:
    """A learning rate far from the usual one, with which a few steps do better than with its own."""
    usual, own = signs.usual_rate, signs.learning_rate
    if usual is None or usual / 3 <= own <= usual * 3:
        return None
    low = own < usual
    rate = f"The learning rate {own:g} is {_times(own, usual)} than what suits this kind of network ({usual:g})"
    tried = next((t for t in signs.trials if t.learning_rate == usual and t.kept == low), None)
    if tried is None or not _material(signs, tried) or (low and not _ahead(signs, tried)):
        if not _behind(signs) or usual / 10 < own < usual * 10:
            return None
        said = f"{rate}, and a simpler model is ahead of it. {_stated(signs)}."
        return _told(LOW if low else HIGH, "moderate", said, f"Train again with --learning-rate {usual:g}")
    start = "further steps from here" if low else "steps from new weights"
    said = (f"{rate}: {tried.steps} {start} with that one bring the validation loss from {_loss(signs.loss, signs)} "
            f"{'down ' if low else ''}to {_loss(tried.loss, signs)}.")  # fmt: skip
    return _told(LOW if low else HIGH, "high", said, f"Train again with --learning-rate {usual:g}")


def _short(signs: Signs) -> Diagnosis | None:
    """Going on as it was helps what was kept."""
    tried, epochs = _going_on(signs), len(signs.epochs)
    hurried = epochs <= HURRIED and signs.best_epoch == epochs and signs.train.high < UNFITTED and not _gap(signs)
    if hurried and (tried is None or tried.steps < ENOUGH) and _knows(signs.validation, signs):
        said = f"It has not learnt its training rows, and its best epoch is the last of {epochs}. {_stated(signs)}."
        return _told(SHORT, "moderate", said, _longer(signs))
    if tried is None or not _material(signs, tried):
        return None
    said = (f"It was stopped before it had learnt what there is: {tried.steps} more steps bring the validation loss "
            f"from {_loss(signs.loss, signs)} to {_loss(tried.loss, signs)}. {_stated(signs)}.")  # fmt: skip
    return _told(SHORT, "high" if signs.best_epoch == epochs else "moderate", said, _longer(signs))


def _longer(signs: Signs) -> str:
    if signs.ended_by_steps:
        return "Train longer: more steps, or more time"
    return f"Train longer: --epochs {max(3 * len(signs.epochs), 10)}"


def _broken(signs: Signs) -> Diagnosis | None:
    """Layers through which nothing comes, in a model that has not learnt."""
    if _knows(signs.validation, signs) and not _behind(signs):
        return None
    dead = [one for one in signs.layers if one.constant >= MOST_DEAD > 2 * one.constant_at_start]
    if dead:
        worst = max(dead, key=lambda one: one.constant)
        said = (f"{_percent(worst.constant)} of the units of the layer {worst.name} say the same of every example "
                f"({_percent(worst.constant_at_start)} did before training): they have died.")  # fmt: skip
        return _told(DEAD, "high", said, f"Train again with --learning-rate {signs.learning_rate / 10:g}")
    return _gradients(signs)


def _gradients(signs: Signs) -> Diagnosis | None:
    sizes = sorted(one.gradient for one in signs.layers)
    if len(sizes) < 3 or not sizes[len(sizes) // 2] > 0:
        return None
    middle = sizes[len(sizes) // 2]
    weakest, strongest = (pick(signs.layers, key=lambda one: one.gradient) for pick in (min, max))
    if strongest.gradient > EXPLODED * middle:
        said = f"The gradient of the layer {strongest.name} is {strongest.gradient / middle:,.0f} times the median's."
        return _told(EXPLODING, "moderate", said, "Train again with --clip 0.1")
    if weakest.gradient < VANISHED * middle and weakest.gradient_at_start > VANISHED * middle:
        said = f"Hardly any gradient reaches the layer {weakest.name}: {weakest.gradient / middle:.0e} of the median's."
        return _told(VANISHING, "moderate", said, f"Train again with --learning-rate {signs.learning_rate / 10:g}")
    return None


def _unrelated(signs: Signs) -> Diagnosis | None:
    """Nothing knows more of new inputs than who looks at none."""
    if _knows(signs.validation, signs) or (signs.simpler and _knows(signs.simpler[1], signs)):
        return None
    if signs.train.n < ENOUGH_ROWS:
        return None
    both = f"{_estimate(signs.validation, signs)} on {signs.validation.n:,} validation rows"
    beside = f", nor does {signs.simpler[0]} ({_estimate(signs.simpler[1], signs)})" if signs.simpler else ""
    said = (f"The model knows no more of new inputs than a guess does: {signs.skill} {both}, against "
            f"{_skill(signs.guess, signs)}{beside}. What is given does not tell the labels, or they do not belong to "
            "their inputs.")  # fmt: skip
    tried = bool(signs.trials) and len(signs.epochs) > 1 and signs.validation.n >= 5 * FEWEST and signs.simpler
    return _told(UNRELATED, "high" if tried else "moderate", said,
                 "Look at some labels beside their inputs: were rows shuffled, or files renamed?")  # fmt: skip


def _narrow(signs: Signs) -> Diagnosis | None:
    """A network thinner than usual that does not even know its own rows, and time does not help."""
    if signs.width is None or 2 * signs.width[0] > signs.width[1] or _gap(signs) or signs.train.high >= UNFITTED:
        return None
    said = (f"The network has not learnt its own training rows, and more steps do not help: {_both(signs)}. Its width "
            f"is {signs.width[0]}; for this much data {signs.width[1]} is usual.")  # fmt: skip
    return _told(NARROW, "moderate", said, f"Train again with --width {signs.width[1]}")


def _rare(signs: Signs) -> Diagnosis | None:
    classes = signs.classes
    if classes is None or classes.rare.n < FEWEST:
        return None
    if classes.rare.high > classes.others.low - RARE or classes.ranked.low < RANKED:
        return None
    named = ", ".join(f"“{name}”" for name in classes.names[:3])
    said = (f"Classes with few rows are not recognised: {_estimate(classes.rare)} of {named}, against "
            f"{_estimate(classes.others)} of the others, though it ranks them rightly in "
            f"{_estimate(classes.ranked)} of all pairs. The commonest class has {classes.ratio:,.0f} rows for each of "
            "the rarest.")  # fmt: skip
    return _told(IMBALANCE, "high", said, "Give rare classes their weight: --class-weights balanced")


def _labels(signs: Signs) -> Diagnosis | None:
    if signs.suspected is None or signs.suspected.low < WRONG or (_gap(signs) and not _evenly_wrong(signs)):
        return None
    said = (f"Labels contradict the model even where it is surest: {_estimate(signs.suspected)} of these "
            f"{signs.suspected.n:,} rows. {_stated(signs)}.{_counted(signs)}")  # fmt: skip
    return _told(LABELS, "high" if signs.suspected.low >= 2 * WRONG and not _gap(signs) else "moderate", said,
                 f"Correct {LISTED}")  # fmt: skip


def _counted(signs: Signs) -> str:
    if signs.wrong is None:
        return ""
    ends = f"{signs.wrong.low:,.0f} to {signs.wrong.high:,.0f}"
    return f" About {signs.wrong.value:,.0f} of {signs.wrong.n:,} labels are estimated to be wrong ({ends})."


def _evenly_wrong(signs: Signs) -> bool:
    """Whether a model that knows its own rows better than others is about as often wrong where it is surest.

    What it could not yet learn, for want of data, is hard, and it is less sure of it; wrong labels are everywhere.
    """
    assert signs.suspected is not None
    enough = signs.rows_per_class >= MANY
    return enough and EVENLY * (1 - signs.validation.value) <= signs.suspected.value <= MOST_WRONG


def _overfitting(signs: Signs) -> Diagnosis | None:
    """Validation loss that rose for good while that of training fell."""
    best, last = signs.epochs[signs.best_epoch - 1], signs.epochs[signs.best_epoch :][-3:]
    if not last:
        return None
    after = sum(epoch.validation_loss for epoch in last) / len(last)
    if after < (1 + RISEN) * best.validation_loss or last[-1].train_loss > best.train_loss or not _gap(signs):
        return None
    said = (f"It overfits since epoch {signs.best_epoch}: after it the validation loss rose from "
            f"{_loss(best.validation_loss, signs)} to {_loss(after, signs)} while that of training fell from "
            f"{_loss(best.train_loss, signs)} to {_loss(last[-1].train_loss, signs)}. {_stated(signs)}.")  # fmt: skip
    return _told(OVERFITTING, "high", said + _worth(signs),
                 f"Stop earlier and hold back: --epochs {signs.best_epoch} --weight-decay auto")  # fmt: skip


def _data(signs: Signs) -> Diagnosis | None:
    if not _gap(signs) and (signs.rows_per_class >= FEW or signs.validation.value >= KNOWN):
        return None
    said = (f"It knows its training rows and not yet what they stand for: {_both(signs)}, and more steps do not help."
            f"{_worth(signs)}")  # fmt: skip
    return _told(DATA, "high", said, "Label more examples like these")


def _behind_simpler(signs: Signs) -> Diagnosis | None:
    if not _behind(signs) or signs.simpler is None:
        return None
    said = (f"On validation {signs.simpler[0]} does better, by {_points(signs.simpler[2])}, and none of "
            f"the usual reasons is to be seen. {_stated(signs)}.")  # fmt: skip
    return _told(UNTOLD, "low", said, "Use the simpler model, or try another learning rate: unfazed lr-find")


def _fine(signs: Signs) -> Diagnosis:
    if not _knows(signs.validation, signs):
        said = f"The model is not shown to know more than a guess does: {_both(signs)}."
        return _told(UNTOLD, "low", said, "Keep more rows apart for validation: --validation 0.3")
    tried = _going_on(signs)
    longer = f" {tried.steps} more steps do not help." if tried else ""
    bad = signs.wrong is not None and round(signs.wrong.low) > 0
    nothing, counted = ("Nothing but some of its labels", _counted(signs)) if bad else ("Nothing", "")
    said = f"{nothing} is wrong with this run that its numbers could show: {_both(signs)}.{longer}{_worth(signs)}"
    action = f"Use it, and correct {LISTED}" if bad else "Use it; look at its mistakes before you trust it"
    return _told(FINE, "high" if tried else "moderate", said + counted, action)


RULES: tuple[Rule, ...] = (_constant, _column, _copied, _few, _rate, _short, _rare, _broken, _unrelated, _narrow,
                           _labels, _overfitting, _data, _behind_simpler)  # fmt: skip


def _told(cause: str, confidence: Confidence, said: str, action: str) -> Diagnosis:
    return Diagnosis(cause, confidence, said, action, {})


def _knows(skill: Estimate, signs: Signs) -> bool:
    """Whether a skill is more than a guess's for sure; the best of many epochs is a little better by chance alone."""
    return skill.low > signs.guess + CHANCE


def _behind(signs: Signs) -> bool:
    return signs.simpler is not None and signs.simpler[2].high < 0


def _gap(signs: Signs) -> bool:
    """Whether it knows its training rows better than others; their figure is of all of them, and needs no interval."""
    return signs.train.value - signs.validation.high > 0 and signs.train.value - signs.validation.value > GAP


def _material(signs: Signs, tried: Trial) -> bool:
    """Whether a trial's validation loss is lower for sure, and by enough to be worth a training."""
    return tried.gain.low > 0 and tried.gain.value > max(BETTER * (signs.loss or 0.0), WORTH * signs.guess_loss)


def _going_on(signs: Signs) -> Trial | None:
    return next((tried for tried in signs.trials if tried.kept and tried.learning_rate <= signs.learning_rate), None)


def _ahead(signs: Signs, tried: Trial) -> bool:
    """Whether the trial is better than going on at the run's own rate, too."""
    own = _going_on(signs)
    return own is None or tried.loss < (1 - BETTER) * own.loss


def _evidence(signs: Signs) -> Iterator[tuple[str, str]]:
    """What was measured, by name, as people read it."""
    yield f"{signs.skill} on training rows", f"{_estimate(signs.train, signs)}, n = {signs.train.n:,}"
    yield f"{signs.skill} on validation rows", f"{_estimate(signs.validation, signs)}, n = {signs.validation.n:,}"
    yield "a guess that looks at no input", _skill(signs.guess, signs)
    if signs.simpler:
        yield signs.simpler[0], _estimate(signs.simpler[1], signs)
    for tried in signs.trials:
        start = "more steps" if tried.kept else "steps from new weights"
        name = f"{tried.steps} {start} at a learning rate of {tried.learning_rate:g}"
        yield name, f"validation loss {_loss(tried.loss, signs)} instead of {_loss(signs.loss, signs)}"
    if signs.suspected:
        suspected = f"{_estimate(signs.suspected)}, n = {signs.suspected.n:,}"
        yield "labels contradicted where the model is surest", suspected
    if signs.classes:
        rare, others = _estimate(signs.classes.rare), _estimate(signs.classes.others)
        yield "recall of rare classes, and of the others", f"{rare}; {others}"
    if signs.variation is not None:
        yield "how far inputs differ, of what they could", _percent(signs.variation)
    if signs.copies:
        yield "held-out inputs with a near copy in training", f"{_estimate(signs.copies)}, n = {signs.copies.n:,}"
    if signs.curve:
        yield "mistakes that four times the data would spare a linear probe", _estimate(signs.curve.gain)
    if signs.layers:
        worst = max(signs.layers, key=lambda one: one.constant)
        yield "units that say the same of every example, at most", f"{_percent(worst.constant)} ({worst.name})"


def _both(signs: Signs) -> str:
    train, validation = _estimate(signs.train, signs), _estimate(signs.validation, signs)
    return f"{signs.skill} is {train} on training, {validation} on validation rows (n = {signs.validation.n:,})"


def _stated(signs: Signs) -> str:
    said = _both(signs)
    return said[:1].upper() + said[1:]


def _worth(signs: Signs) -> str:
    """What more data would buy, where a curve tells."""
    if signs.curve is None or not math.isfinite(signs.curve.gain.value):
        return ""
    spared, left = signs.curve.gain, 1 - signs.validation.value
    if spared.low <= 0 or not left:
        return ""
    bought = Estimate(spared.value * left, spared.low * left, spared.high * left, spared.n)
    return (f" By the learning curve of a linear probe, four times the data would spare {_percent(spared.value)} of "
            f"the mistakes: {_points(bought)}.")  # fmt: skip


def _times(own: float, usual: float) -> str:
    return f"{own / usual:,.0f} times higher" if own > usual else f"{usual / own:,.0f} times lower"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share else "0 %"


def _skill(value: float, signs: Signs) -> str:
    return _percent(value) if signs.skill == "accuracy" else f"{value:.3f}"


def _estimate(found: Estimate, signs: Signs | None = None) -> str:
    """A share, or a skill, with its interval."""
    if signs is None or signs.skill == "accuracy":
        return f"{_percent(found.value)} ({100 * found.low:.1f} – {100 * found.high:.1f})"
    return f"{found.value:.3f} ({found.low:.3f} – {found.high:.3f})"


def _points(found: Estimate) -> str:
    low, high = sorted((abs(found.low), abs(found.high)))
    if found.low < 0 < found.high:
        return f"{100 * found.value:+.1f} points ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    return f"{100 * abs(found.value):.1f} points ({100 * low:.1f} – {100 * high:.1f})"


def _loss(value: float | None, signs: Signs) -> str:
    """Surprise in bits, or a squared error of standardised numbers."""
    if value is None:
        return "unknown"
    return f"{value * BITS_PER_NAT:.2f} bits" if signs.skill == "accuracy" else f"{value:.3g}"
