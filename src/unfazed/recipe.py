"""Every number that shapes a run, declared once.

A field of `Recipe` is the command's flag, the TOML key, the keyword argument and a dimension of the
search space. Its metadata (`Knob`) holds the range that is accepted, the range worth searching, the
unit and the one-line doc. A field whose value depends on the data or the machine may be `"auto"`;
`resolved` replaces each of these before the first step, and the run records what they became.
"""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from unfazed.errors import RecipeError, did_you_mean

AUTO: Any = "auto"


class Knob(NamedTuple):
    """What is known of one hyperparameter besides its value."""

    doc: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    options: tuple[str, ...] = ()
    search: tuple[float, float] | None = None
    log: bool = False
    auto: bool = False
    kinds: tuple[str, ...] = ()  # of data that it is for; none = all

    def applies(self, modality: str) -> bool:
        """Whether it means anything for that kind of data; for a kind not yet known it may."""
        return not self.kinds or modality in (*self.kinds, AUTO)


SKILLS = {"classification": "accuracy", "multilabel": "f1_micro", "regression": "r2"}  # of each task; higher = better
TASKS = tuple(SKILLS)
LOSSES = ("cross-entropy", "binary-cross-entropy", "squared", "absolute", "huber", "gaussian")
MODALITIES = ("image", "text", "audio", "tabular")


def _knob(default: Any, doc: str, **about: Any) -> Any:
    return field(default=default, metadata={"knob": Knob(doc, auto=default == AUTO, **about)})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Every hyperparameter of a run. Numbers of numpy's become Python's own.

    Raises:
        RecipeError: values out of range; one message names every bad field.
    """

    # fmt: off
    modality: str = _knob(AUTO, "kind of data; auto: by what the source holds", options=MODALITIES)
    task: str = _knob(AUTO, "what is predicted: a class, a set of labels or a number; auto: by what the labels are",
                      options=TASKS)
    loss: str = _knob(AUTO, "what training minimises; gaussian: a number with its deviation; auto: cross-entropy for "
                      "classes, the binary one of each label for sets, squared for numbers",
                      options=LOSSES)
    epochs: int = _knob(AUTO, "passes over the training rows; auto: more for less data",
                        unit="epochs", low=1, high=100_000, search=(5, 60), log=True)
    steps: int = _knob(0, "optimizer steps after which the run ends, if its epochs have not ended it before; 0 = none",
                       unit="steps", low=0, high=1_000_000_000)
    batch_size: int = _knob(AUTO, "examples per optimizer step; auto: by the amount of data",
                            unit="examples", low=1, high=1_000_000, search=(16, 512), log=True)
    micro_batch_size: int = _knob(AUTO, "examples per forward pass, fewer to save memory; auto: the batch",
                                  unit="examples", low=1, high=1_000_000)
    learning_rate: float = _knob(AUTO, "peak learning rate; auto: by the model",
                                 unit="per step", low=1e-8, high=100.0, search=(1e-4, 1e-1), log=True)
    schedule: str = _knob("one-cycle", "course of the learning rate",
                          options=("one-cycle", "cosine", "triangular", "step", "constant"))
    warmup: float = _knob(0.2, "share of all steps over which the learning rate rises to its peak",
                          unit="of the run", low=0.0, high=0.9, search=(0.0, 0.4))
    optimizer: str = _knob("adamw", "adamw, or sgd with Nesterov momentum", options=("adamw", "sgd"))
    momentum: float = _knob(0.9, "momentum of sgd, first beta of adamw", low=0.0, high=0.999)
    weight_decay: float = _knob(AUTO, "L2 pull on weights, not on norms and biases; auto: by the model",
                                low=0.0, high=10.0, search=(1e-3, 1.0), log=True)
    l1: float = _knob(0.0, "L1 penalty on weights; none on norms and biases", low=0.0, high=1.0)
    dropout: float = _knob(0.0, "share of features dropped before the head", low=0.0, high=0.95,
                           search=(0.0, 0.5))
    label_smoothing: float = _knob(AUTO, "share of the target spread over all classes; auto: by the model",
                                   low=0.0, high=0.9,
                                   search=(0.0, 0.2))
    clip: float = _knob(1.0, "largest norm of the gradient; 0 = no clipping", low=0.0, high=1e6)
    ema: float = _knob(0.02, "horizon of the averaged weights; 0 = no averaging",
                       unit="of the run", low=0.0, high=0.5, search=(0.005, 0.1), log=True)
    patience: int = _knob(AUTO, "epochs without a lower validation loss, the one that training minimises, before "
                          "annealing or stopping; 0 = never; auto: a quarter of the epochs, at least 10",
                          unit="epochs", low=0, high=100_000)
    augmentation: float = _knob(0.5, "strength of shifts, crops, colour and cutout; in sound of speed, noise and parts "
                                "hidden; 0 = none", low=0.0, high=1.0, search=(0.0, 1.0), kinds=("image", "audio"))
    flip: str = _knob(AUTO, "mirror images at random; auto: only directions measured to keep the label",
                      options=("none", "horizontal", "both"), kinds=("image",))
    local_steps: int = _knob(1, "steps that each of several processes trains alone before their weights are averaged; "
                             "1 = their gradients are, at every step", unit="steps", low=1, high=10_000)
    class_weights: str = _knob("none", "weight of an example: none, or balanced by the frequency of its class",
                               options=("none", "balanced"))
    precision: str = _knob(AUTO, "number format in training; auto: by a table of what the device can do",
                           options=("float32", "bfloat16"))
    compile: str = _knob("no", "whether torch.compile makes kernels for this model first, which takes a minute: for "
                         "long runs on a GPU", options=("no", "yes"))
    image_size: int = _knob(AUTO, "side of the square images trained on; auto: native, at most 128",
                            unit="pixels", low=8, high=1024, kinds=("image",))
    start_size: float = _knob(AUTO, "side of the images at the start of training, from where they grow; auto: 0.6 from "
                              "32 pixels on", unit="of the full side", low=0.5, high=1.0, search=(0.5, 1.0),
                              kinds=("image",))
    sample_rate: int = _knob(AUTO, "samples a second that recordings are resampled to; auto: the commonest, at most "
                             "16,000", unit="per second", low=1_000, high=48_000, kinds=("audio",))
    window: float = _knob(AUTO, "seconds of a recording that are heard at once, longer ones in parts; auto: all of it, "
                          "at most 4", unit="seconds", low=0.05, high=30.0, kinds=("audio",))
    width: int = _knob(AUTO, "channels of the first stage; auto: by image size and amount of data",
                       unit="channels", low=4, high=1024, kinds=("image", "audio"))
    pooling: str = _knob("average", "how the last feature map becomes one vector", options=("average", "max"),
                         kinds=("image",))
    columns: str = _knob("", "kinds of columns of a table that were taken for something else: number, category, "
                         "boolean, date, text, identifier or constant; the last three are left out",
                         unit="NAME=KIND,NAME=KIND", kinds=("tabular",))
    shuffle: str = _knob(AUTO, "order of an epoch: full, or blocks, which reads from a disk in stretches; "
                         "auto: blocks for data larger than half of the memory", options=("full", "blocks"))
    validation: float = _knob(0.1, "share of the rows that choose the epoch", unit="of all rows",
                              low=0.01, high=0.8)
    test: float = _knob(0.2, "share of the rows that are touched once, at the end; 0 = none", unit="of all rows",
                        low=0.0, high=0.8)
    seed: int = _knob(0, "start of every random choice", low=0, high=2**31 - 1)
    # fmt: on

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            object.__setattr__(self, name, _plain(value))
        if problems := _problems(vars(self)):
            raise RecipeError(_list(problems))

    def resolved(self, **values: Any) -> "Recipe":
        """The recipe with each `"auto"` field replaced by its value in `values`; other fields stay."""
        return replace(self, **{name: value for name, value in values.items() if getattr(self, name) == AUTO})


def range_of(name: str) -> tuple[Any, Any]:
    """The lowest and the highest number that a setting may have."""
    return next((knob.low, knob.high) for setting, knob in knobs() if setting.name == name)


def learning_rate_of(recipe: Recipe) -> float:
    """The recipe's peak learning rate, or the one that suits most."""
    return 0.01 if recipe.learning_rate == AUTO else recipe.learning_rate


def weight_decay_of(recipe: Recipe, adamw: float = 0.3) -> float:
    """The recipe's weight decay, or its optimizer's: adamw takes it off the weights, sgd adds it to their gradient.

    `adamw`: what suits the model with that optimizer.
    """
    if recipe.weight_decay == AUTO:
        return {"adamw": adamw, "sgd": 5e-4}[recipe.optimizer]
    return recipe.weight_decay


def knobs() -> Iterator[tuple["Field[Any]", Knob]]:
    """Each field of `Recipe` with what is known of it, in order."""
    for setting in fields(Recipe):
        yield setting, setting.metadata["knob"]


def recipe_from(settings: Mapping[str, Any], others: Collection[str] = ()) -> Recipe:
    """A recipe from names and values. `others`: names that are known beside a recipe and are no part of one.

    Raises:
        RecipeError: an unknown name, or a value out of range; one message names every one of them.
    """
    defaults = {setting.name: setting.default for setting, _ in knobs()}
    unknown = [_unknown(name, defaults, others) for name in settings if name not in defaults]
    known = {name: _plain(value) for name, value in settings.items() if name in defaults}
    if problems := unknown + _problems({**defaults, **known}):
        raise RecipeError(_list(problems))
    return Recipe(**known)


def parsed(name: str, text: str) -> int | float | str:
    """What a flag's text means for the field `name`; text that is no number stays text, for `recipe_from` to refuse."""
    kind = next((setting.type for setting, _ in knobs() if setting.name == name), str)
    try:
        return kind(text) if kind in (int, float) else text
    except ValueError:
        return text


def read_recipe(path: str | Path) -> dict[str, Any]:
    """The settings in a TOML file; `recipe_from` checks them.

    Raises:
        RecipeError: the file cannot be read, is not TOML, or has sections.
    """
    try:
        settings = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except TypeError as error:
        got = f"a recipe is a Recipe or the path of a TOML file; got {type(path).__name__}"
        raise RecipeError(f"{got}. Single settings are keyword arguments: epochs=20") from error
    except OSError as error:
        raise RecipeError(f"cannot read the recipe {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecipeError(f"{path} is not TOML: {error}. A recipe looks like: learning_rate = 0.01") from error
    if sections := [f"[{name}]" for name, value in settings.items() if isinstance(value, dict)]:
        raise RecipeError(
            f"{path} has sections ({', '.join(sections)}), but settings stand at the top level: "
            "remove the lines in brackets. A recipe looks like: learning_rate = 0.01"
        )
    return settings


def applying(recipe: Recipe) -> dict[str, Any]:
    """The settings that mean anything for the recipe's kind of data, by name."""
    return {
        setting.name: getattr(recipe, setting.name) for setting, knob in knobs() if knob.applies(recipe.modality)
    }


def check_kind(recipe: Recipe, modality: str) -> None:
    """Raise RecipeError where something was set that means nothing for that kind of data."""
    wrong = [
        f"{setting.name} is for {' and '.join(knob.kinds)} data, and the source is {modality} data"
        for setting, knob in knobs()
        if not knob.applies(modality) and getattr(recipe, setting.name) != setting.default
    ]
    if wrong:
        raise RecipeError(_list(wrong))


def written(recipe: Recipe) -> str:
    """The recipe as TOML, each line with its doc; what means nothing for its kind of data is left out."""
    import tomli_w

    values = applying(recipe)
    lines = []
    for setting, knob in knobs():
        if setting.name not in values:
            continue
        line = tomli_w.dumps({setting.name: values[setting.name]}).strip()
        lines.append(f"{line}  # {knob.doc}")
    return "\n".join(lines) + "\n"


def allowed(knob: Knob) -> str:
    """What a field accepts, in words: `1 to 100,000 epochs, or auto`."""
    if knob.low is None and not knob.options:
        return knob.unit
    said = ", ".join(knob.options) if knob.options else f"{_end(knob.low)} to {_end(knob.high)} {knob.unit}".strip()
    return f"{said}, or auto" if knob.auto else said


def _end(number: float | None) -> str:
    assert number is not None
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


def _unknown(name: str, names: Collection[str], others: Collection[str]) -> str:
    if name in others:
        return f"{name}: no part of a recipe, but an argument or a flag of its own"
    return f"{name}: no such setting.{did_you_mean(name, {*names, *others})}"


def _problems(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with the values of all fields, each by itself and the shares of the rows together."""
    found = {setting.name: _problem(setting, values[setting.name]) for setting, _ in knobs()}
    said = [problem for problem in found.values() if problem]
    if not (found["validation"] or found["test"]) and (held_out := values["validation"] + values["test"]) > 0.9:
        said.append(f"validation + test = {held_out:g}: leave at least 0.1 to train on")
    return said


def _problem(setting: "Field[Any]", value: Any) -> str | None:
    knob: Knob = setting.metadata["knob"]
    if knob.auto and isinstance(value, str) and value == AUTO:
        return None
    if _fits(setting, knob, value):
        return None
    near = did_you_mean(value, knob.options) if isinstance(value, str) else ""
    return f"{setting.name} = {value!r}: wants {allowed(knob)}.{near}"


def _fits(setting: "Field[Any]", knob: Knob, value: Any) -> bool:
    if knob.options:
        return isinstance(value, str) and value in knob.options
    if setting.type is str:
        return isinstance(value, str)
    kinds = (int, float) if setting.type is float else (int,)
    if isinstance(value, bool) or not isinstance(value, kinds):
        return False
    assert knob.low is not None and knob.high is not None
    return knob.low <= value <= knob.high  # false for nan


def _plain(value: Any) -> Any:
    """A number of numpy's as Python's own; an array stays one, to be refused."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def _list(problems: list[str]) -> str:
    return "these settings cannot be used:\n" + "\n".join(f"  {problem}" for problem in problems)
