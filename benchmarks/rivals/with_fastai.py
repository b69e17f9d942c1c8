"""fastai on a table of images, as its documentation has it: data loaders from a frame, a learner, one cycle."""

import common  # first: it makes torchvision importable
import numpy as np
import pandas as pd
import torch
from fastai.vision.all import (
    Callback,
    ImageDataLoaders,
    LabelSmoothingCrossEntropy,
    Learner,
    PILImage,
    accuracy,
    aug_transforms,
    resnet18,
    vision_learner,
)
from torch import nn


class Clock(Callback):
    """When each epoch ended."""

    def __init__(self):
        self.times: list[float] = []

    def after_epoch(self):
        self.times.append(common.now())


class Bytes(nn.Module):
    """From fastai's pixels in 0..1 to those in 0..255."""

    def forward(self, x):
        return 255 * x


def main() -> None:
    asked = common.arguments()
    frame = pd.DataFrame(common.table(asked.rows))
    fitted = frame[frame["split"] != "test"].assign(held_out=lambda rows: rows["split"] == "validation")
    loaders = ImageDataLoaders.from_df(
        fitted, path="/", fn_col="path", label_col="label", valid_col="held_out", bs=asked.batch_size,
        batch_tfms=aug_transforms(),
    )  # fmt: skip
    if asked.network == "ours":
        paths = fitted.loc[~fitted["held_out"], "path"][:1000]
        sample = np.stack([np.array(PILImage.create(path)) for path in paths])
        network = common.our_network(len(loaders.vocab), torch.from_numpy(sample).permute(0, 3, 1, 2))
        loss = LabelSmoothingCrossEntropy(0.1)
        learner = Learner(loaders, nn.Sequential(Bytes(), network), loss_func=loss, metrics=accuracy)
        rate = 1e-2
    else:
        learner = vision_learner(loaders, resnet18, pretrained=False, metrics=accuracy)
        rate = None  # its own
    clock = Clock()
    with learner.no_bar():
        learner.fit_one_cycle(asked.epochs, *([rate] if rate else []), cbs=clock)
        validation = [float(row[-1]) for row in learner.recorder.values]
        test = loaders.test_dl(frame[frame["split"] == "test"], with_labels=True)
        tested = learner.validate(dl=test)[1]
    common.write(asked.figures, validation=validation, times=clock.times, test=float(tested))


if __name__ == "__main__":
    main()
