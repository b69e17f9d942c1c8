"""What both rivals are given: the rows of a table, one of two networks, and a place for their figures."""

import csv
import json
import os
import time
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

STARTED = float(os.environ.get("STARTED", time.time()))  # when the command was given

for operator in ("nms", "qnms"):  # torchvision's; some builds lack them beside a CPU build of torch: then it cannot be
    with suppress(RuntimeError):  # imported, although nothing here calls them
        torch.library.define(f"torchvision::{operator}", "(Tensor a, Tensor b, float c) -> Tensor")


def arguments() -> Namespace:
    """The command line of both rivals."""
    parser = ArgumentParser()
    parser.add_argument("rows", type=Path, help="CSV with path, label and split of every image")
    parser.add_argument("figures", type=Path, help="JSON file to write")
    parser.add_argument("--network", choices=("ours", "resnet18"), required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--bfloat16", action="store_true")
    return parser.parse_args()


def table(path: Path) -> list[dict[str, str]]:
    """The rows."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def our_network(classes: int, sample: torch.Tensor) -> nn.Module:
    """The package's default network, made as the package makes it, from training images [n, 3, S, S] in 0..255."""
    from unfazed.model.convnet import ConvNet, default_width

    size = sample.shape[-1]
    network = ConvNet(classes, size, default_width(size, 9000), 0.0, "average")
    network.initialise(sample)
    return network


def now() -> float:
    """Seconds since the command was given."""
    return time.time() - STARTED


def write(path: Path, **figures: Any) -> None:
    """Write what was measured."""
    path.write_text(json.dumps(figures))
