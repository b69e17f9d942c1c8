"""What ails a training run, from numbers that were measured: one cause, what speaks for it, one thing to do.

The rules are tried in the order in which they stand here, and the first that holds is the answer:

1. what makes all other numbers meaningless: targets that outweigh all others, inputs that do not vary, leaks, too few
   validation rows;
2. settings far from the usual ones, tried out on copies: the learning rate, the number of epochs;
3. what the model could not learn from what it was given: rare classes, layers through which nothing comes, labels that
   nothing tells, a network too small;
4. what it learnt from: wrong labels, a training that held nothing back, too few rows;
5. nothing of these: a simpler model does better, or all is well.

"High" confidence is for numbers that leave no other explanation; where another one is only less likely, it is
"moderate". Test rows do not choose the cause: they may say that a simpler model is ahead, and are among the rows by
which an audit counts wrong labels, so they make that cause more or less sure. Proved on runs with known flaws:
benchmarks/diagnosis.md. The numbers: `signs`; what they amount to: `readings`; in words: `diagnosis_words`.
"""

from collections.abc import Callable

from unfazed.analysis.causes import (
    CONSTANT,
    DATA,
    DEAD,
    EXPLODING,
    FAR,
    FINE,
    HIGH,
    IMBALANCE,
    LABELS,
    LEAK,
    LOW,
    NARROW,
    OVERFITTING,
    SHORT,
    TAIL,
    UNRELATED,
    UNTOLD,
    VANISHING,
    Diagnosis,
    told,
)
from unfazed.analysis.diagnosis_words import (
    both,
    counted,
    doubted,
    estimate,
    evidence,
    far_apart,
    heavy_tailed,
    leaking,
    longer,
    loss,
    nothing_wrong,
    overtaken,
    passes,
    restrain,
    skill,
    some_wrong,
    stated,
    surest,
    times,
    too_few,
    unrecognised,
    worth,
)
from unfazed.analysis.readings import (
    ENOUGH_ROWS,
    RISEN,
    ahead,
    ahead_of_it,
    behind,
    biased,
    evenly,
    gap,
    going_on,
    knows,
    latest_train_loss,
    learnable,
    learnt_wrong,
    material,
    mislabelled,
    mostly_wrong,
    outweighed,
    risen,
    same_ceiling,
    scarce,
    unlearnable,
)
from unfazed.analysis.shares import percent
from unfazed.analysis.signs import Signs

Rule = Callable[[Signs], Diagnosis | None]


def diagnose(signs: Signs) -> Diagnosis:
    """The first cause that the signs speak for, or that none can be told."""
    found = next((found for rule in RULES if (found := rule(signs))), None) or _fine(signs)
    return found._replace(evidence=dict(evidence(signs)))


# 1. What makes all other numbers meaningless

SAME = 0.01  # share of its range by which inputs vary at least, or show nothing: 8-bit noise varies by 0.002
COPIED = 0.05  # share of held-out inputs with a near copy in training from which on the others are not believed
REPEATED = 0.95  # R² of one column from which on it repeats the target; below it may also be a close relation
FEWEST = 20  # validation rows, of rare classes too, below which the interval of a share is wider than 40 points


def _far(signs: Signs) -> Diagnosis | None:
    """A number far from all others: where errors are squared, all else is nothing beside it."""
    return told(FAR, "high", *far_apart(signs.far, signs)) if signs.far else None


def _tail(signs: Signs) -> Diagnosis | None:
    """Numbers of which the largest few are all that squared errors see."""
    return told(TAIL, "moderate", *heavy_tailed(signs.tail, signs)) if signs.tail and outweighed(signs) else None


def _constant(signs: Signs) -> Diagnosis | None:
    """Inputs between which there is nothing to choose: a wrong path, a failed decoding, a mute microphone."""
    if signs.variation is None or signs.variation >= SAME:
        return None
    said = (f"The inputs hardly differ from one another: by {percent(signs.variation)} of what they could. "
            "Nothing can be learnt from them, whatever else the numbers say.")  # fmt: skip
    return told(CONSTANT, "high", said, "Open some of the inputs: what is read of them is the same everywhere.")


def _column(signs: Signs) -> Diagnosis | None:
    """A column that tells the target alone: it was made from it, or after it (Kaufman et al., TKDD 2012)."""
    if not signs.leaks:
        return None
    classes = signs.skill != "R²"
    return told(LEAK, "high" if classes or signs.leaks[0][1] >= REPEATED else "moderate", *leaking(signs))


def _copied(signs: Signs) -> Diagnosis | None:
    """Held-out inputs that training has seen: a random split of burst photographs, repeated tickets, one patient."""
    if signs.copies is None or signs.copies.low < COPIED:
        return None
    said = (f"{estimate(signs.copies)} of the held-out inputs have a near copy among the training inputs, so they do "
            "not tell how new ones fare.")  # fmt: skip
    return told(LEAK, "high", said, "Keep inputs that belong together on one side: --group COLUMN")


def _few(signs: Signs) -> Diagnosis | None:
    """Too few rows to judge by, or too few groups of them."""
    return told(UNTOLD, "low", *few) if (few := too_few(signs, FEWEST)) else None


# 2. Settings far from the usual ones, tried out on copies

FAR_RATE, VERY_FAR_RATE = 3, 10  # times the usual learning rate, either way: to be tried; doubtful in itself
HURRIED, HASTY = 4, 10  # times as many epochs are usual: few steps that help are enough; even they are not needed
GAINED = 0.02  # share of the validation loss by which few steps that help must do so
UNFITTED = 0.9  # training skill for sure below this: it has not learnt its own rows


def _rate(signs: Signs) -> Diagnosis | None:
    """A learning rate far from the usual one, with which a few steps do better than with its own."""
    usual, own = signs.usual_rate, signs.learning_rate
    if usual is None or usual / FAR_RATE <= own <= usual * FAR_RATE:
        return None
    low = own < usual
    rate = f"The learning rate {own:g} is {times(own, usual)} than what suits this kind of network ({usual:g})"
    tried = next((t for t in signs.trials if t.learning_rate == usual and t.kept == low), None)
    if tried is None or not material(signs, tried) or (low and not ahead(signs, tried)):
        if not behind(signs) or usual / VERY_FAR_RATE < own < usual * VERY_FAR_RATE:
            return None
        said = f"{rate}, and a simpler model is ahead of it. {stated(signs)}."
        return told(LOW if low else HIGH, "moderate", said, f"Train again with --learning-rate {usual:g}")
    start = "further steps from here" if low else "steps from new weights"
    said = (f"{rate}: {tried.steps} {start} with that one bring the validation loss from {loss(signs.loss, signs)} "
            f"{'down ' if low else ''}to {loss(tried.loss, signs)}.")  # fmt: skip
    return told(LOW if low else HIGH, "high", said, f"Train again with --learning-rate {usual:g}")


def _short(signs: Signs) -> Diagnosis | None:
    """Going on as it was helps what was kept, by much; or by a little, where far fewer epochs than usual were made.

    A trial of some dozen steps cannot undo a training that lacks thousands: then its being too short is told by the
    number of epochs, with any sure gain, or, where nine in ten epochs are missing, without.
    """
    if signs.train.low >= UNFITTED and _rare(signs):
        return None  # it learnt all it could but the rare classes, and any change of their loss looks like a gain
    tried, last = going_on(signs), signs.best_epoch == len(signs.epochs)
    if tried and material(signs, tried):
        said = (f"It was stopped before it had learnt what there is: {tried.steps} more steps bring the validation "
                f"loss from {loss(signs.loss, signs)} to {loss(tried.loss, signs)}. {stated(signs)}.")  # fmt: skip
        return told(SHORT, "high" if last else "moderate", said, longer(signs))
    gains = tried is not None and tried.gain.low > 0 and GAINED * (signs.loss or 0) < tried.gain.value
    lacking = (signs.usual_epochs or 0) / (signs.passes or len(signs.epochs))
    unfinished = last and signs.train.high < UNFITTED and learnable(signs)
    if not unfinished or lacking < (HURRIED if gains else HASTY):
        return None
    still = ", and a few more steps still help" if gains else ""
    said = f"It was trained for {passes(signs)}, where {signs.usual_epochs} are usual for so many rows{still}. "
    return told(SHORT, "high" if gains and lacking >= HASTY else "moderate", f"{said}{stated(signs)}.", longer(signs))


# 3. What could not be learnt from what was given

RARE = 0.2  # recall of rare classes below that of the others by this much, intervals apart
NEVER = 5  # rows of rare classes that are enough where none is recognised, and they are ranked well
RANKED = 0.55  # pairs of a rare and another example that a model which knows something of them ranks rightly
MOST_DEAD = 0.5  # share of the units that a layer reads which say the same of every example
VANISHED, EXPLODED = 1e-6, 1e3  # gradient of a layer by that of the layer with the median


def _rare(signs: Signs) -> Diagnosis | None:
    """Classes with few rows that are hardly ever named (Buda et al., Neural Networks 2018, arXiv:1710.05381)."""
    classes = signs.classes
    if classes is None or classes.rare.high > classes.others.low - RARE:
        return None
    ranks = classes.ranked.low >= RANKED
    if classes.rare.n < (NEVER if ranks and classes.rare.value == 0 else FEWEST):
        return None
    sure = ranks and classes.rare.n >= FEWEST
    return told(IMBALANCE, "high" if sure else "moderate", *unrecognised(classes, ranks, signs))


def _broken(signs: Signs) -> Diagnosis | None:
    """Layers through which nothing comes, in a model that has not learnt."""
    if knows(signs.validation, signs) and not behind(signs):
        return None
    dead = [one for one in signs.layers if one.constant >= MOST_DEAD > 2 * one.constant_at_start]
    if dead:
        worst = max(dead, key=lambda one: one.constant)
        said = (f"{percent(worst.constant)} of the units that the layer {worst.name} reads say the same of every "
                f"example ({percent(worst.constant_at_start)} did before training): they have died.")  # fmt: skip
        return told(DEAD, "high", said, f"Train again with --learning-rate {signs.learning_rate / 10:g}")
    return _gradients(signs)


def _gradients(signs: Signs) -> Diagnosis | None:
    sizes = sorted(one.gradient for one in signs.layers)
    if len(sizes) < 3 or not sizes[len(sizes) // 2] > 0:
        return None
    middle = sizes[len(sizes) // 2]
    weakest, strongest = (pick(signs.layers, key=lambda one: one.gradient) for pick in (min, max))
    if strongest.gradient > EXPLODED * middle:
        said = f"The gradient of the layer {strongest.name} is {strongest.gradient / middle:,.0f} times the median's."
        return told(EXPLODING, "moderate", said, "Train again with --clip 0.1")
    if weakest.gradient < VANISHED * middle and weakest.gradient_at_start > VANISHED * middle:
        said = f"Hardly any gradient reaches the layer {weakest.name}: {weakest.gradient / middle:.0e} of the median's."
        return told(VANISHING, "moderate", said, f"Train again with --learning-rate {signs.learning_rate / 10:g}")
    return None


def _unrelated(signs: Signs) -> Diagnosis | None:
    """Nothing knows more of new inputs than who looks at none (Zhang et al., ICLR 2017: a network fits such labels)."""
    if not unlearnable(signs) or signs.train.n < ENOUGH_ROWS:
        return None
    measured = f"{estimate(signs.validation, signs)} on {signs.validation.n:,} validation rows"
    beside = f", nor does {signs.simpler[0]} ({estimate(signs.simpler[1], signs)})" if signs.simpler else ""
    said = (f"The model knows no more of new inputs than a guess does: {signs.skill} {measured}, against "
            f"{skill(signs.guess, signs)}{beside}. What is given does not tell the labels, or they do not belong to "
            "their inputs.")  # fmt: skip
    tried = bool(signs.trials) and len(signs.epochs) > 1 and signs.validation.n >= 5 * FEWEST and signs.simpler
    return told(UNRELATED, "high" if tried else "moderate", said,
                 "Look at some labels beside their inputs: were rows shuffled, or files renamed?")  # fmt: skip


def _narrow(signs: Signs) -> Diagnosis | None:
    """A network thinner than usual that makes its mistakes on its own rows already, and time does not help."""
    own, usual = signs.width or (1, 1)
    if 2 * own > usual or signs.train.high >= UNFITTED or not biased(signs):
        return None
    said = (f"The network has not learnt its own training rows, and more steps do not help: {both(signs)}. Its width "
            f"is {own}; for this much data {usual} is usual.")  # fmt: skip
    return told(NARROW, "moderate", said, f"Train again with --width {usual}")


# 4. What it learnt from

WRONG = 0.05  # share of labels surely contradicted where the model is surest
MOST_WRONG = 0.45  # beyond it, a model that has learnt next to nothing is likelier than labels that bad
FEWER = 1.5  # times as many epochs are usual: where mistakes are of its own rows, it may have been too short
KNOWN = 0.97  # skill from which on few rows were enough
SPARED = 0.05  # share of a linear probe's mistakes that four times its rows would surely spare


def _unrestrained(signs: Signs) -> Diagnosis | None:
    """Validation loss that rose for good, in a training that held nothing back (Prechelt 1998: early stopping).

    Such a network learns its labels by heart, right or wrong: what they are worth is told only by one that does not.
    """
    return None if signs.restrained else _overfitted(signs)


def _labels(signs: Signs) -> Diagnosis | None:
    """Labels that contradict the model even where it is surest: hard examples are those that it is unsure of."""
    found = signs.suspected
    if found is None or scarce(signs) or not learnable(signs) or (gap(signs) and not evenly(signs)):
        return None
    if not WRONG <= found.low <= MOST_WRONG:
        return None
    said = (f"Labels contradict the model even where it is surest: {estimate(found)} of these {found.n:,} "
            f"{surest(signs)}. {stated(signs)}.{counted(signs)}")  # fmt: skip
    sure = found.low >= 2 * WRONG and not gap(signs) and same_ceiling(signs) and mostly_wrong(signs)
    return told(LABELS, "high" if sure else "moderate", said, f"Correct {doubted(signs)}")


def _learnt_by_heart(signs: Signs) -> Diagnosis | None:
    """Wrong labels that it has learnt, and so knows its own rows better than new ones, whose labels may be right."""
    if scarce(signs) or not learnt_wrong(signs):
        return None
    said = f"Some of the labels that it has learnt are wrong.{counted(signs)} {stated(signs)}."
    return told(LABELS, "moderate", said, f"Correct {doubted(signs)}")


def _underfitting(signs: Signs) -> Diagnosis | None:
    """Fewer epochs than usual, the last the best; mistakes on its own rows already; and no simpler model comes as far.

    Where one does, what is left may be chance, which no training takes away. After a schedule that ended at a rate of
    nothing, a few more steps show little: only a longer training would.
    """
    lacking = (signs.usual_epochs or 0) / (signs.passes or len(signs.epochs))
    if lacking < FEWER or signs.best_epoch < len(signs.epochs) or signs.train.high >= UNFITTED or gap(signs):
        return None
    if signs.simpler is None or same_ceiling(signs) or not biased(signs):
        return None
    said = (f"It has not learnt its own training rows, its last epoch was the best, and no simpler model comes as far: "
            f"{both(signs)}. It made {passes(signs)}; {signs.usual_epochs} are usual.")  # fmt: skip
    return told(SHORT, "moderate", said, longer(signs))


def _overfitting(signs: Signs) -> Diagnosis | None:
    """The same, where weights were held back as usual; not where rows are few, which is left to the next rule.

    There the curve is what few rows look like: the weights of the best epoch are kept anyway, and only more rows help.
    """
    return None if scarce(signs) else _overfitted(signs)


def _overfitted(signs: Signs) -> Diagnosis | None:
    after = risen(signs)
    if after is None or not gap(signs):
        return None
    best = signs.epochs[signs.best_epoch - 1]
    said = (f"It overfits since epoch {signs.best_epoch}: after it the validation loss rose from "
            f"{loss(best.validation_loss, signs)} to {loss(after, signs)} while that of training fell from "
            f"{loss(best.train_loss, signs)} to {loss(latest_train_loss(signs), signs)}. {stated(signs)}.")  # fmt: skip
    sure = not signs.restrained and after >= (1 + RISEN) * best.validation_loss
    return told(OVERFITTING, "high" if sure else "moderate", said + worth(signs), restrain(signs, FEWER))


def _data(signs: Signs) -> Diagnosis | None:
    """It knows its own rows and not yet what they stand for, or has hardly any."""
    if not gap(signs) and not (scarce(signs) and signs.validation.high < KNOWN):
        return None
    rises = f" (and it overfits since epoch {signs.best_epoch}, as small sets do)" if risen(signs) else ""
    said = (f"It knows its {signs.train.n:,} training rows and not yet what they stand for{rises}: {both(signs)}, and "
            f"more steps do not help.{worth(signs)}{overtaken(signs)}")  # fmt: skip
    clean = signs.suspected is None or signs.suspected.high < 2 * WRONG
    sure = scarce(signs) or (clean and signs.curve is not None and signs.curve.gain.low >= SPARED)
    action = "Label more examples like these, the most useful first: unfazed query RUN FOLDER"
    if simpler := ahead_of_it(signs):
        action = f"Use {simpler[0]}, which does better, until more examples like these are labelled"
    return told(DATA, "high" if sure else "moderate", said, action)


# 5. Nothing of these

NEARLY = 0.9  # of what the best simpler model knows beyond a guess: less is far behind
WIDE = 0.2  # an interval of the validation skill from which on it may hide a gap


def _behind_simpler(signs: Signs) -> Diagnosis | None:
    """A simpler model is far ahead, and none of the rules above says why."""
    if not behind(signs) or signs.simpler is None:
        return None
    if signs.validation.value - signs.guess >= NEARLY * (signs.simpler[1].value - signs.guess):
        return None
    said = f"None of the usual reasons is to be seen. {stated(signs)}.{overtaken(signs)}"
    return told(UNTOLD, "low", said, f"Use {signs.simpler[0]}, or try another learning rate: unfazed lr-find")


def _fine(signs: Signs) -> Diagnosis:
    if not knows(signs.validation, signs):
        guess = skill(signs.guess, signs)
        said = f"On validation rows it is not shown to do better than a guess, {guess}: {both(signs)}."
        return told(UNTOLD, "low", said, "Keep more rows apart for validation: --validation 0.3")
    tried, simpler, said = going_on(signs), ahead_of_it(signs), nothing_wrong(signs)
    if mislabelled(signs):
        return told(LABELS, "moderate", said, f"Correct {doubted(signs)}")
    rest = f", and correct {doubted(signs)}" if some_wrong(signs) else "; look at its mistakes before you trust it"
    better = f"Use {simpler[0]}, which does better on the same rows, unless you need the network" if simpler else ""
    narrow = signs.validation.high - signs.validation.low < WIDE
    return told(FINE, "high" if tried and narrow and not simpler else "moderate", said, better or f"Use it{rest}")


RULES: tuple[Rule, ...] = (_far, _constant, _column, _copied, _few, _tail, _rate, _short, _rare, _broken, _unrelated,
                           _narrow, _unrestrained, _labels, _underfitting, _learnt_by_heart,
                           _overfitting, _data, _behind_simpler)  # fmt: skip
