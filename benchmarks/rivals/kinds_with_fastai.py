"""fastai on a table of texts or of rows, as its documentation has it: a learner from a frame, one cycle.

Texts: an AWD-LSTM, from scratch as ours. Rows: its tabular learner with its three steps of preparation.
"""

import sys
import time
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path

import pandas as pd
import torch

STARTED = time.time()
for operator in ("nms", "qnms"):  # see common.py
    with suppress(RuntimeError):
        torch.library.define(f"torchvision::{operator}", "(Tensor a, Tensor b, float c) -> Tensor")

from fastai.tabular.all import (  # noqa: E402 -- after the operators that it cannot be imported without
    Categorify,
    FillMissing,
    Normalize,
    TabularDataLoaders,
    accuracy,
    cont_cat_split,
    tabular_learner,
)
from fastai.text.all import AWD_LSTM, TextDataLoaders, text_classifier_learner  # noqa: E402


def main() -> None:
    """Train for some epochs; the last line printed is the accuracy on the test rows."""
    parser = ArgumentParser()
    parser.add_argument("rows", type=Path, help="CSV with the inputs, label and split of every row")
    parser.add_argument("--epochs", type=int, required=True)
    asked = parser.parse_args()
    frame = pd.read_csv(asked.rows).assign(label=lambda rows: rows["label"].astype(str))
    fitted = frame[frame["split"] != "test"].assign(held_out=lambda rows: rows["split"] == "validation")
    fitted, test = fitted.drop(columns="split").reset_index(drop=True), frame[frame["split"] == "test"]
    learner = texts(fitted) if "text" in frame else table(fitted)
    with learner.no_bar():
        learner.fit_one_cycle(asked.epochs, *([1e-2] if "text" in frame else []))
        print(float(learner.validate(dl=learner.dls.test_dl(test, with_labels=True))[1]))


def texts(fitted: pd.DataFrame):
    """The text classifier without the language model that it is pretrained with, which would be a download."""
    loaders = TextDataLoaders.from_df(fitted, text_col="text", label_col="label", valid_col="held_out")
    return text_classifier_learner(loaders, AWD_LSTM, drop_mult=0.5, pretrained=False, metrics=accuracy)


def table(fitted: pd.DataFrame):
    """The tabular learner."""
    numbers, categories = cont_cat_split(fitted.drop(columns="held_out"), dep_var="label")
    held_out = fitted.index[fitted["held_out"]].tolist()
    loaders = TabularDataLoaders.from_df(
        fitted.drop(columns="held_out"), y_names="label", cat_names=categories, cont_names=numbers,
        procs=[Categorify, FillMissing, Normalize], valid_idx=held_out,
    )  # fmt: skip
    return tabular_learner(loaders, metrics=accuracy)


if __name__ == "__main__":
    main()
    print(f"{time.time() - STARTED:.1f} s", file=sys.stderr)
