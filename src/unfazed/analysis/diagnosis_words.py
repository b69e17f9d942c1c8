"""How the numbers of a diagnosis are said: skills, losses, shares and what they rest on, as people read them."""

import math
import shlex
from collections.abc import Iterator

from unfazed.analysis.intervals import Estimate
from unfazed.analysis.readings import ahead_of_it, going_on
from unfazed.analysis.shares import percent, signed
from unfazed.analysis.signs import Classes, Far, Signs, Tail
from unfazed.analysis.surprise import BITS_PER_NAT

MISCALIBRATED = 0.02  # calibration error surely above this: probabilities mislead
NAMED = 3  # rare classes
WIDEST = 0.4  # an interval of the validation skill, where groups are few: wider, and it tells nothing
_RESTRAINTS = {"weight_decay": "--weight-decay auto", "augmentation": "--augmentation 0.5", "dropout": "--dropout 0.2"}


def evidence(signs: Signs) -> Iterator[tuple[str, str]]:
    """What was measured, by name."""
    yield f"{signs.skill} on training rows", measured(signs.train, signs)
    yield f"{signs.skill} on validation rows", measured(signs.validation, signs)
    yield "a guess that looks at no input", f"{skill(signs.guess, signs)}, n = {signs.validation.n:,}"
    if signs.simpler:
        yield signs.simpler[0], measured(signs.simpler[1], signs)
    yield from _settings(signs)
    for tried in signs.trials:
        start = "more steps" if tried.kept else "steps from new weights"
        name = f"{tried.steps} {start} at a learning rate of {tried.learning_rate:g}"
        instead = f"{loss(tried.loss, signs)} instead of {loss(signs.loss, signs)}"
        yield name, f"validation loss {instead}, n = {tried.gain.n:,}"
    yield from _doubts(signs)
    if signs.curve:
        fitted = f"mistakes that four times as many rows would spare a linear probe fitted to {signs.curve.rows[-1]:,}"
        yield fitted, measured(signs.curve.gain)
    if signs.layers:
        worst = max(signs.layers, key=lambda one: one.constant)
        yield "units that say the same of every example, at most", f"{percent(worst.constant)} ({worst.name})"


def _settings(signs: Signs) -> Iterator[tuple[str, str]]:
    if signs.usual_rate:
        yield "learning rate", f"{signs.learning_rate:g} (usual: {signs.usual_rate:g})"
    if signs.usual_epochs:
        yield "trained for", f"{passes(signs)} (usual for so many rows: {signs.usual_epochs})"


def _doubts(signs: Signs) -> Iterator[tuple[str, str]]:
    if signs.suspected:
        yield "labels contradicted where the model is surest", measured(signs.suspected)
    if signs.wrong:
        ends = f"({signs.wrong.low:,.0f} to {signs.wrong.high:,.0f})"
        yield f"{audited(signs)} estimated to be wrong", f"{signs.wrong.value:,.0f} of {signs.wrong.n:,} {ends}"
    if signs.classes:
        both = f"{measured(signs.classes.rare)}; {measured(signs.classes.others)}"
        yield "recall of rare classes, and of the others", both
        yield "pairs of a rare and another row that are ranked rightly", measured(signs.classes.ranked)
    if signs.tail:
        skewness = f"{_figure(signs.tail.skewness, 1)}; {_figure(signs.tail.of_logarithms, 1)}"
        yield "skewness of the target, and of its logarithm", skewness
        yield "squared error that few rows make, at most", percent(signs.tail.carried)
        yield "predictions of 0 or less, where no target is", f"{signs.tail.below:,} of {signs.tail.n:,}"
    if signs.variation is not None:
        yield "how far inputs differ, of what they could", percent(signs.variation)
    if signs.copies:
        none = f"no more than among training rows, n = {signs.copies.n:,}"
        yield "held-out inputs with a near copy in training", measured(signs.copies) if signs.copies.high > 0 else none


def far_apart(far: Far, signs: Signs) -> tuple[str, str]:
    """What to say and to do of targets far from all others."""
    which, median = f"{far.name} = {signed(f'{far.value:g}')}", signed(f"{far.median:g}")
    one = far.rows == 1
    many = f"One target, {which}, is" if one else f"{far.rows:,} targets, {which} the farthest, are up to"
    them, outweighs = ("it", "it outweighs") if one else ("them", "they outweigh")
    said = (f"{many} {far.times:,.0f} times as far from the median ({median}) as targets usually are. Squared, "
            f"{outweighs} all others: {_squared(signs)} about nothing else.")  # fmt: skip
    return said, f"Correct {them}, or leave {them} out, and train again: unfazed label-issues RUN lists {them} first"


def heavy_tailed(tail: Tail, signs: Signs) -> tuple[str, str]:
    """What to say and to do of targets of which the largest are all that squared errors see."""
    below = f" {tail.below:,} of {tail.n:,} predictions are 0 or less, which no target is." if tail.below else ""
    skewness, of_logarithms = (_figure(one, 1) for one in (tail.skewness, tail.of_logarithms))
    few = f"{tail.few:,} of {tail.among:,} rows make" if tail.few > 1 else f"One of {tail.among:,} rows makes"
    said = (f"The largest targets are so far above the others that {_squared(signs)} about few rows: the skewness is "
            f"{skewness}, of the logarithm {of_logarithms}. {few} {percent(tail.carried)} of the "
            f"squared error.{below} {stated(signs)}.")  # fmt: skip
    return said, (f"Predict the logarithm: replace {tail.target} in the table by its natural logarithm, train again, "
                  "and take exp() of what is predicted")  # fmt: skip


def _squared(signs: Signs) -> str:
    """What sees squared errors, with its verb."""
    return "R² and training itself are" if signs.squares else "R² is"


def leaking(signs: Signs) -> tuple[str, str]:
    """What to say and to do of the first column that tells the target alone."""
    name, right = signs.leaks[0]
    what = "one of the labels" if signs.skill == "F1" else "the target"
    share = percent(right)
    classes = signs.skill != "R²"
    told = f"tells {what} of {share} of the training rows" if classes else f"explains {share} of the target's variance"
    said = (f"The column “{name}” alone {told}. Unless it is known "
            "before the target is, every figure of this run is too good.")  # fmt: skip
    return said, f"Leave the column out, unless it is known in time: --columns {shlex.quote(f'{name}=identifier')}"


def unrecognised(classes: Classes, ranks: bool, signs: Signs) -> tuple[str, str]:
    """What to say and to do of rare classes that are hardly named; `ranks`: though their rows rank above others."""
    more = f" and {len(classes.names) - NAMED:,} more" if len(classes.names) > NAMED else ""
    named = ", ".join(f"“{name}”" for name in classes.names[:NAMED]) + more
    though = f", though it ranks them rightly in {estimate(classes.ranked)} of all pairs" if ranks else ""
    said = (f"Classes with few rows are not recognised: {estimate(classes.rare)} of {named} (n = {classes.rare.n:,}), "
            f"against {estimate(classes.others)} of the others{though}. The commonest class has {classes.ratio:,.0f} "
            "rows for each of the rarest.")  # fmt: skip
    instead = f", or call a row {named} from a lower probability on" if ranks and len(classes.names) == 1 else ""
    if signs.skill == "balanced accuracy":
        return said, f"Label more rows of rare classes: each class counts the same already{instead}"
    return said, f"Give rare classes their weight: --class-weights balanced{instead}"


def both(signs: Signs) -> str:
    """The skill on training and on validation rows."""
    train, validation = estimate(signs.train, signs), estimate(signs.validation, signs)
    return f"{signs.skill} is {train} on training, {validation} on validation rows (n = {signs.validation.n:,})"


def stated(signs: Signs) -> str:
    """`both` as the beginning of a sentence."""
    said = both(signs)
    return said[:1].upper() + said[1:]


def worth(signs: Signs) -> str:
    """A sentence on what more data would buy a linear probe, where a curve tells; else nothing.

    What it would buy the network is not known: that is another model, and has seen other numbers of rows.
    """
    curve = signs.curve
    if curve is None or not math.isfinite(curve.gain.value) or not curve.gain.low > 0 or signs.validation.value == 1:
        return ""
    return (f" A linear probe fitted to {curve.rows[-1]:,} of the training rows would be spared {estimate(curve.gain)} "
            "of its mistakes by four times as many, if its learning curve goes on as it begins.")  # fmt: skip


def counted(signs: Signs) -> str:
    """A sentence on how many labels an audit estimates to be wrong, where there was one."""
    if signs.wrong is None:
        return ""
    ends = f"{signs.wrong.low:,.0f} to {signs.wrong.high:,.0f}"
    return f" About {signs.wrong.value:,.0f} of {signs.wrong.n:,} {audited(signs)} are estimated to be wrong ({ends})."


def doubted(signs: Signs) -> str:
    """What to correct, where labels are wrong: what an audit lists, or where none lists any, what surprises most."""
    if signs.listed == 0:
        return "what is wrong among the validation examples that surprise it most: its report shows them"
    return "the labels that are listed, worst first: unfazed label-issues RUN"


def audited(signs: Signs) -> str:
    """What an audit of labels counts, in the plural."""
    return "sets of labels" if signs.skill == "F1" else "labels"


def surest(signs: Signs) -> str:
    """Of what a model is surest, in the plural."""
    return "labels that it gives" if signs.skill == "F1" else "rows"


def passes(signs: Signs) -> str:
    """How many epochs were made, the last perhaps in part."""
    made = signs.passes or len(signs.epochs)
    said = f"{made:.2g}" if made < 10 else f"{made:.0f}"
    return "1 epoch" if said == "1" else f"{said} epochs"


def longer(signs: Signs) -> str:
    """What to do against too short a training."""
    if signs.ended_by_steps:
        return "Train longer: more steps, or more time"
    return f"Train longer: --epochs {max(3 * len(signs.epochs), signs.usual_epochs or 10)}"


def restrain(signs: Signs, fewer: float) -> str:
    """What to do against overfitting: what is not done yet, with its value now.

    Fewer epochs are no advice where they would be too few next time: `fewer` times as many are usual.
    """
    name = next(iter(signs.idle), None if signs.restrained else "weight_decay")
    earlier = fewer * signs.best_epoch >= (signs.usual_epochs or 0)
    kept = f"the weights of epoch {signs.best_epoch} are kept anyway"
    if name is None:
        stop = f" --epochs {signs.best_epoch} takes less time: {kept}" * earlier
        return f"Label more examples like these, the most useful first: unfazed query RUN FOLDER.{stop}"
    setting = f"{_RESTRAINTS[name]} (now 0)"
    if earlier:
        return f"Stop earlier and hold back: --epochs {signs.best_epoch} {setting}"
    return f"Hold back: {setting}, with as many epochs: {kept}, so that fewer change little"


def too_few(signs: Signs, fewest: int) -> tuple[str, str] | None:
    """Of fewer validation rows than that, or as few groups that leave the skill as open, what to say and to do."""
    found, groups = signs.validation, signs.groups
    if found.n < fewest:
        there = "There is 1 validation row" if found.n == 1 else f"There are {found.n} validation rows"
        said = f"{there} with a label, too few to tell what limits the model."
        return said, f"Keep at least {fewest} rows apart for validation: --validation 0.2"
    if groups is None or groups >= fewest or found.high - found.low <= WIDEST:
        return None
    come = f"The {found.n:,} validation rows come in {groups:,} {'group' if groups == 1 else 'groups'}"
    said = f"{come}, too few to tell what limits the model: {signs.skill} is {estimate(found, signs)}."
    return said, "Keep more groups apart for validation: --validation 0.3"


def times(own: float, usual: float) -> str:
    """How far a setting is from the usual one."""
    return f"{own / usual:,.0f} times higher" if own > usual else f"{usual / own:,.0f} times lower"


def skill(value: float, signs: Signs) -> str:
    """Accuracy and F1 as shares, R² as a number."""
    return percent(value) if signs.skill != "R²" else _figure(value)


def estimate(found: Estimate, signs: Signs | None = None) -> str:
    """A share, or a skill, with its interval, where that is known."""
    if math.isnan(found.value):
        return "not known"
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return f"{percent(found.value) if signs is None else skill(found.value, signs)} (interval not known)"
    if signs is None or signs.skill != "R²":
        low, high = (percent(end).removesuffix(" %") for end in (found.low, found.high))
        return f"{percent(found.value)} ({low} {'to' if found.low < 0 else '–'} {high})"
    return f"{_figure(found.value)} ({_figure(found.low)} to {_figure(found.high)})"


def _figure(value: float, digits: int = 3) -> str:
    """A number with so many digits behind the point, never "−0.000"."""
    return signed(f"{round(value, digits) + 0.0:.{digits}f}")


def measured(found: Estimate, signs: Signs | None = None) -> str:
    """`estimate`, and on how many."""
    return f"{estimate(found, signs)}, n = {found.n:,}"


def points(found: Estimate) -> str:
    """A difference of shares or skills in points, without its sign where the interval has one."""
    low, high = sorted((abs(found.low), abs(found.high)))
    if found.low < 0 < found.high:
        value, least, most = (signed(f"{100 * one:+.1f}") for one in found[:3])
        return f"{value} points ({least} to {most})"
    return f"{100 * abs(found.value):.1f} points ({100 * low:.1f} – {100 * high:.1f})"


def loss(value: float | None, signs: Signs) -> str:
    """Surprise in bits, or a squared error of standardised numbers."""
    if value is None:
        return "unknown"
    return f"{value * BITS_PER_NAT:.2f} bits" if signs.skill != "R²" else signed(f"{value:.3g}")


def overtaken(signs: Signs) -> str:
    """A sentence on the simpler model that does better, where one does; else nothing."""
    ahead = ahead_of_it(signs)
    if ahead is None:
        return ""
    name, lead, rows = ahead
    return f" On the {rows} rows {name} does better, by {points(lead)}."


def some_wrong(signs: Signs) -> bool:
    """Whether an audit is sure that some labels are wrong."""
    return signs.wrong is not None and round(signs.wrong.low) > 0


def nothing_wrong(signs: Signs) -> str:
    """What to say where no rule holds."""
    tried = going_on(signs)
    little = "help little" if tried and tried.gain.low > 0 else "do not help"
    no_more = f" {tried.steps} more steps {little}." if tried else ""
    nothing = "Nothing but some of its labels" if some_wrong(signs) else "Nothing"
    labels = counted(signs) if some_wrong(signs) else ""
    return (f"{nothing} is wrong with this run that its numbers could show: {both(signs)}.{no_more}{worth(signs)}"
            f"{uncalibrated(signs)}{overtaken(signs)}{labels}")  # fmt: skip


def uncalibrated(signs: Signs) -> str:
    """A sentence on probabilities that are surely off; else nothing."""
    error = signs.calibration_error
    return f" But its probabilities are off by {estimate(error)}." if error and error.low > MISCALIBRATED else ""
