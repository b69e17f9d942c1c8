"""What one layer on the pixels is fitted to and asked about."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from unfazed.verb.kinds import image
from unfazed.verb.kinds.image import baselines


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_the_images_of_the_baseline_are_copied_a_few_at_a_time(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "POOLED", 16)
    sides, copied = np.arange(100) % 2, []
    x = np.zeros((100, 3, 8, 8), np.uint8)
    x[:, :, :4] = 200 * sides[:, None, None, None]
    y = np.stack([sides, 1 - sides], 1).astype(np.float32) if task == "multilabel" else sides

    def some(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        copied.append(len(rows))
        return x[rows]

    table = SimpleNamespace(task=task, classes=["down", "up"], rows=lambda _: np.arange(60), y=lambda: sides)
    scale = SimpleNamespace() if task == "regression" else None
    prepared: Any = SimpleNamespace(examples=SimpleNamespace(y=torch.from_numpy(y)), x=some, table=table, scale=scale)
    (found,) = baselines(prepared, np.arange(60, 100), seed=0)
    said = found.probs[:, 0] if task != "classification" else found.probs[:, 1]
    assert ((said > 0.5) == sides[60:]).all() and found.rows == 60
    assert max(copied) == 16 and sum(copied) == 100, "each image once"
