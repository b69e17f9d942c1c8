"""What happens while a run is made, as facts. A verb yields them; a terminal, a JSON stream or a caller reads them."""

from typing import Any, NamedTuple

from unfazed.recipe import Recipe
from unfazed.run import Run


class Advance(NamedTuple):
    """Inputs are being read, or decoded."""

    done: int
    total: int
    stage: str = "reading"


class Notice(NamedTuple):
    """Something is not as asked, and the run goes on."""

    text: str


class Found(NamedTuple):
    """What the source turned out to be: sentences, the most important first."""

    lines: list[str]


class Planned(NamedTuple):
    """What is about to be trained, how, and about how long it will take."""

    model: str
    device: str
    recipe: Recipe
    steps: int
    batches: int  # steps of one epoch
    expected_seconds: float
    run: Run


class Measured(NamedTuple):
    """An epoch was validated and recorded; `facts` is its line of `epochs.jsonl`."""

    facts: dict[str, Any]


class Stalled(NamedTuple):
    """Validation has not improved for `patience` epochs: the learning rate is annealed, or the training stops."""

    epoch: int
    annealing: bool


class Fitted(NamedTuple):
    """The time limit wants another number of steps than was planned."""

    steps: int
    planned: int


class MemoryShort(NamedTuple):
    """Memory ran out: from here on examples pass through the model in smaller parts; the batch stays as it was."""

    micro_batch_size: int
    batch_size: int


class Finishing(NamedTuple):
    """Training is over; what is being done before the run is complete."""

    stage: str


class Finished(NamedTuple):
    """The run is complete."""

    run: Run


class Tried(NamedTuple):
    """A step of a learning-rate range test was made."""

    done: int
    total: int
    learning_rate: float
    loss: float
    criterion: str  # the recipe's loss, of which the unit is
