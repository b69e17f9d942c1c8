"""Lightning on a table of images, as its documentation has it: a module, data loaders with workers, a trainer."""

import os

import common  # first: it makes torchvision importable
import lightning
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import models
from torchvision.transforms import v2


class Images(Dataset):
    """Images decoded each time they are asked for."""

    def __init__(self, rows: list[dict[str, str]], classes: list[str], transform):
        self.rows, self.classes, self.transform = rows, classes, transform

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int):
        row = self.rows[index]
        with Image.open(row["path"]) as image:
            return self.transform(image.convert("RGB")), self.classes.index(row["label"])


class Classifier(lightning.LightningModule):
    """A network, its loss and its optimizer."""

    def __init__(self, network: nn.Module, rate: float, decay: float, smoothing: float):
        super().__init__()
        self.network, self.rate, self.decay = network, rate, decay
        self.loss = nn.CrossEntropyLoss(label_smoothing=smoothing)
        self.right: list[torch.Tensor] = []
        self.accuracies: list[float] = []
        self.times: list[float] = []

    def training_step(self, batch, _):
        x, y = batch
        loss = self.loss(self.network(x), y)
        self.log("loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch, _):
        x, y = batch
        self.right.append(self.network(x).argmax(1) == y)

    def on_validation_epoch_end(self):
        self.accuracies.append(torch.cat(self.right).float().mean().item())
        self.times.append(common.now())
        self.right.clear()

    test_step, on_test_epoch_end = validation_step, on_validation_epoch_end

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), self.rate, weight_decay=self.decay)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.rate, total_steps=steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def main() -> None:
    asked = common.arguments()
    rows = common.table(asked.rows)
    classes = sorted({row["label"] for row in rows})
    ours = asked.network == "ours"
    plain, size = [v2.PILToTensor()], Image.open(rows[0]["path"]).size[0]
    scaled = [] if ours else [v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.25] * 3)]
    moved = [v2.RandomCrop(size, size // 8, padding_mode="reflect"), v2.RandomHorizontalFlip()]
    transforms = {"train": [*moved, *plain, *scaled], "validation": [*plain, *scaled], "test": [*plain, *scaled]}
    data = {
        split: Images([row for row in rows if row["split"] == split], classes, v2.Compose(transform))
        for split, transform in transforms.items()
    }
    workers = len(os.sched_getaffinity(0))
    loaders = {
        split: DataLoader(images, asked.batch_size, split == "train", num_workers=workers, persistent_workers=True)
        for split, images in data.items()
    }
    if ours:
        sample = torch.stack([torch.from_numpy(np.array(Image.open(row["path"]))) for row in data["train"].rows[:1000]])
        network = common.our_network(len(classes), sample.permute(0, 3, 1, 2))
        module = Classifier(network, 1e-2, 0.3, 0.1)
    else:
        module = Classifier(models.resnet18(num_classes=len(classes)), 1e-3, 1e-2, 0.0)
    trainer = lightning.Trainer(
        max_epochs=asked.epochs,
        precision="bf16-mixed" if asked.bfloat16 else "32-true",
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        logger=False,
    )
    trainer.fit(module, loaders["train"], loaders["validation"])
    trainer.test(module, loaders["test"], verbose=False)
    *validation, test = module.accuracies
    common.write(asked.figures, validation=validation, times=module.times[:-1], test=test)


if __name__ == "__main__":
    main()
