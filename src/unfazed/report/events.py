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
    expected_seconds: float


class Measured(NamedTuple):
    """An epoch was validated and recorded; `facts` is its line of `epochs.jsonl`."""

    facts: dict[str, Any]


class Stalled(NamedTuple):
    """Validation has not improved for `patience` epochs: the learning rate is annealed, or the training stops."""

    epoch: int
    annealing: bool


class Finishing(NamedTuple):
    """Training is over; what is being done before the run is complete."""

    stage: str


class Finished(NamedTuple):
    """The run is complete."""

    run: Run
