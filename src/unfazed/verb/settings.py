"""The keyword arguments of `train` and its like, for editors to complete and type checkers to judge.

The fields are those of `Recipe` and of `SourceOptions`, where it stands what they mean; a test holds them together.
"""

from typing import Literal, TypedDict

Auto = Literal["auto"]
Loss = Literal["auto", "cross-entropy", "binary-cross-entropy", "squared", "absolute", "huber", "gaussian"]


class TabularSettings(TypedDict, total=False):
    """Fields of `Recipe` that mean something for the rows of a table, and that `Classifier` and `Regressor` take."""

    loss: Loss
    epochs: int | Auto
    steps: int
    batch_size: int | Auto
    micro_batch_size: int | Auto
    learning_rate: float | Auto
    schedule: Literal["one-cycle", "cosine", "triangular", "step", "constant"]
    warmup: float
    optimizer: Literal["adamw", "sgd"]
    momentum: float
    weight_decay: float | Auto
    l1: float
    dropout: float
    label_smoothing: float | Auto
    clip: float
    ema: float
    patience: int | Auto
    local_steps: int
    class_weights: Literal["none", "balanced"]
    precision: Literal["auto", "float32", "bfloat16"]
    columns: str
    shuffle: Literal["auto", "full", "blocks"]
    validation: float
    seed: int


class RecipeSettings(TabularSettings, total=False):
    """Every field of `Recipe`."""

    modality: Literal["auto", "image", "text", "audio", "tabular"]
    task: Literal["auto", "classification", "multilabel", "regression"]
    augmentation: float
    flip: Literal["auto", "none", "horizontal", "both"]
    compile: Literal["no", "yes"]
    image_size: int | Auto
    start_size: float | Auto
    sample_rate: int | Auto
    window: float | Auto
    width: int | Auto
    pooling: Literal["average", "max"]
    test: float


class Settings(RecipeSettings, total=False):
    """Every field of `Recipe`, and those of `SourceOptions` but for `target`, which is an argument of its own."""

    path: str | None
    input: str | None
    label_regex: str | None
    header: bool
    group: str | None
    time: str | None
    corrections: str | None
    more: str | None
    merge_case: bool


def as_flag(name: str, value: object) -> list[str]:
    """A setting as the command line has it, in words; of one that is on or off the name says which."""
    flag, said = name.replace("_", "-"), str(value)
    if isinstance(value, bool):
        return [f"--{'' if value else 'no-'}{flag}"]
    return [f"--{flag}={said}"] if said.startswith("-") else [f"--{flag}", said]  # else it would be an option itself
