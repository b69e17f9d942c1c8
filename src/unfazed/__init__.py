"""Unfazed: labelled data in, a model you can trust out.

    run = unfazed.train("photos/")
    print(run.report["test"]["accuracy"])
    unfazed.Predictor.open(run).predict(["new.jpg"]).labels

Names load on first use (PEP 562), so that importing this package never imports torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unfazed import errors as errors
    from unfazed.estimator import Classifier as Classifier
    from unfazed.estimator import Regressor as Regressor
    from unfazed.predictor import Predictions as Predictions
    from unfazed.predictor import Predictor as Predictor
    from unfazed.recipe import Recipe as Recipe
    from unfazed.report.learning_rates import LearningRates as LearningRates
    from unfazed.run import Run as Run
    from unfazed.verb.compare import compare as compare
    from unfazed.verb.diagnose import diagnose as diagnose
    from unfazed.verb.evaluate import evaluate as evaluate
    from unfazed.verb.label_issues import label_issues as label_issues
    from unfazed.verb.lr_find import lr_find as lr_find
    from unfazed.verb.query import query as query
    from unfazed.verb.train import resume as resume
    from unfazed.verb.train import train as train

__version__ = "0.1.0"

_HOMES = {
    "Classifier": "unfazed.estimator",
    "LearningRates": "unfazed.report.learning_rates",
    "Predictions": "unfazed.predictor",
    "Predictor": "unfazed.predictor",
    "Recipe": "unfazed.recipe",
    "Regressor": "unfazed.estimator",
    "Run": "unfazed.run",
    "compare": "unfazed.verb.compare",
    "diagnose": "unfazed.verb.diagnose",
    "evaluate": "unfazed.verb.evaluate",
    "label_issues": "unfazed.verb.label_issues",
    "lr_find": "unfazed.verb.lr_find",
    "query": "unfazed.verb.query",
    "resume": "unfazed.verb.train",
    "train": "unfazed.verb.train",
}
__all__ = [
    "Classifier",
    "LearningRates",
    "Predictions",
    "Predictor",
    "Recipe",
    "Regressor",
    "Run",
    "__version__",
    "compare",
    "diagnose",
    "errors",
    "evaluate",
    "label_issues",
    "lr_find",
    "query",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "errors":  # a module, not a name in one
        return import_module("unfazed.errors")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
