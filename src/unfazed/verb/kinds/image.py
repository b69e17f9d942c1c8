"""Images: a residual convnet, a linear model on the pixels beside it, thumbnails to show."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from unfazed.analysis.baselines import MANY_CLASSES, ROWS, drawn, feature_model, feature_numbers, pixel_features
from unfazed.analysis.one_vs_rest import MANY_LABELS, feature_sets
from unfazed.analysis.pixels import pooled
from unfazed.analysis.random_features import patch_features
from unfazed.analysis.ridge import leave_one_out
from unfazed.analysis.symmetry import Agreement, chosen_flip, mirror_agreement
from unfazed.errors import InputError
from unfazed.modality.image import read
from unfazed.model.convnet import ConvNet, Pooling, default_width
from unfazed.recipe import AUTO, Recipe, weight_decay_of
from unfazed.report.facts import finite
from unfazed.run import Exhibit
from unfazed.target import outputs_of
from unfazed.verb.kinds import Baseline, Design, Kind, convnet_batch_size, convnet_epochs, lasting, opinion, sampled
from unfazed.verb.prepare import Prepared

SAMPLED_ROWS = 2000  # training images that the stem takes its filters from and that flips are measured on
SAMPLED_NUMBERS = 25_000_000  # of those for the filters, which are taken in float32: 2,000 images of 64 pixels a side
POOLED = 512  # images that are copied at once, to be averaged
EPOCHS = 14  # over 9,000 training images
THUMBNAIL = 96  # pixels
AREAS = 8  # a side, whose means are features


def design(prepared: Prepared, recipe: Recipe, device: torch.device) -> Design:
    """A convnet as wide as the data allow; mirror images where they were measured to keep the label."""
    rows = torch.from_numpy(prepared.table.rows("train"))
    size = prepared.examples.x.shape[-1]
    sample = prepared.examples.batch(rows[torch.randperm(len(rows))[:SAMPLED_ROWS]])
    labels = prepared.table.y()[sample.index.numpy()]
    flips = mirror_agreement(sample.x.numpy(), labels, recipe.seed) if recipe.flip == AUTO else None
    recipe = lasting(recipe, len(rows), convnet_batch_size(len(rows)), convnet_epochs(len(rows), EPOCHS)).resolved(
        learning_rate=0.01,
        weight_decay=weight_decay_of(recipe),
        label_smoothing=0.1,
        flip=chosen_flip(flips) if flips else "none",
        image_size=size,
        start_size=default_start_size(size),
        width=default_width(size, len(rows)),
    )
    outputs = outputs_of(prepared.table, recipe.loss)
    model = ConvNet(outputs, size, recipe.width, recipe.dropout, cast(Pooling, recipe.pooling))
    model.initialise(sample.x[: max(1, SAMPLED_NUMBERS // sample.x[0].numel())])
    details = f"on {size} × {size} pixels ({prepared.fitting}); mirror images: {recipe.flip}"
    return Design(recipe, model, "residual convnet", details, _evidence(flips, recipe.flip) if flips else None)


def _evidence(flips: Agreement, chosen: str) -> dict[str, Any]:
    """How often images are recognised as they are and mirrored, for the report."""
    measured = {
        "original": flips.original,
        "horizontal": flips.horizontal.accuracy,
        "vertical": flips.vertical.accuracy,
    }
    told: dict[str, Any] = finite({name: estimate._asdict() for name, estimate in measured.items()})
    return {"chosen": chosen, "n": flips.original.n, **told}


def default_start_size(image_size: int) -> float:
    """Share of the side that images begin with: all of it where there is little to leave out."""
    return 0.6 if image_size >= 32 else 1.0


def baselines(prepared: Prepared, asked: NDArray[np.int64], seed: int) -> Iterator[Baseline]:
    """What one layer on the pixels can do, fitted to some of the training rows."""
    y, train = prepared.examples.y.numpy(), prepared.table.rows("train")
    rows = train[drawn(prepared.table.y()[train] >= 0, ROWS, seed)]
    sets, classes = prepared.table.task == "multilabel", len(prepared.table.classes)
    many = classes > (MANY_LABELS if sets else MANY_CLASSES)
    inputs = _averaged(prepared, rows, many)
    if prepared.scale is not None:
        model = feature_numbers(inputs, y[rows])
    else:
        model = feature_sets(inputs, y[rows]) if sets else feature_model(inputs, y[rows], classes)
    yield Baseline("linear", "a linear model on the pixels", len(rows), model(_averaged(prepared, asked, many)))


def _averaged(prepared: Prepared, rows: NDArray[np.int64], many: bool) -> NDArray[np.float32]:
    """`pixel_features` [n, D], a part of the images after the other: whole they may not fit into the memory."""
    parts = np.split(rows, range(POOLED, len(rows), POOLED))
    return np.concatenate([pixel_features(prepared.x(part), many) for part in parts])


def exhibits(prepared: Prepared, model: nn.Module, rows: Sequence[int]) -> dict[int, Exhibit]:
    """Thumbnails of the images, whole: what a person judges."""
    paths = prepared.table.frame["input"]
    return {row: Exhibit(image=picture) for row in rows if (picture := thumbnail(paths[row])) is not None}


def thumbnail(path: str) -> bytes | None:
    """A PNG or JPEG of at most 96 pixels a side; None where it can no longer be read."""
    try:
        picture = Image.fromarray(read(path))
    except InputError:
        return None
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = BytesIO()
    if max(picture.size) <= 32:
        picture.save(buffer, "PNG", optimize=True)
    else:
        picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def features(prepared: Prepared, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """The means of 8 x 8 areas in three colours."""
    return pooled(prepared.x(rows), AREAS).reshape(len(rows), -1)


def second_opinion(prepared: Prepared, seed: int) -> NDArray[np.float32]:
    """Ridge regression on how much of some random patches every part of an image holds."""
    patches = patch_features(prepared.x(sampled(prepared, SAMPLED_ROWS, seed)), seed)
    return opinion(prepared, leave_one_out, lambda rows: patches(prepared.x(rows)), seed)


KIND = Kind(design, baselines, exhibits, features, second_opinion)
