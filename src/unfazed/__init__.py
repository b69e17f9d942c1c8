"""Unfazed: labelled data in, a model you can trust out.

    run = unfazed.train("photos/")
    print(run.report["test"]["accuracy"])
    unfazed.Predictor.open(run).predict(["new.jpg"]).labels

Names load on first use (PEP 562), so that importing this package never imports torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unfazed.predictor import Predictions as Predictions
    from unfazed.predictor import Predictor as Predictor
    from unfazed.recipe import Recipe as Recipe
    from unfazed.run import Run as Run
    from unfazed.verb.evaluate import evaluate as evaluate
    from unfazed.verb.train import resume as resume
    from unfazed.verb.train import train as train

__version__ = "0.1.0"

_HOMES = {
    "Predictions": "unfazed.predictor",
    "Predictor": "unfazed.predictor",
    "Recipe": "unfazed.recipe",
    "Run": "unfazed.run",
    "evaluate": "unfazed.verb.evaluate",
    "resume": "unfazed.verb.train",
    "train": "unfazed.verb.train",
}
__all__ = ["Predictions", "Predictor", "Recipe", "Run", "__version__", "evaluate", "resume", "train"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
