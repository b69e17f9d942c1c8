import pytest
import torch
from problems import FEATURES, Small, blobs
from torch.nn import functional

from unfazed.batch import Batch
from unfazed.criterion import cross_entropy, surprise


def batch(count: int = 8) -> Batch:
    return blobs().batch(torch.arange(count))


def test_losses_are_one_an_example_and_never_reduced() -> None:
    model = Small().eval()
    loss, output = cross_entropy(0.2)(model, batch())
    assert loss.shape == (8,)
    expected = [
        functional.cross_entropy(model(batch().x[i : i + 1]), batch().y[i : i + 1], label_smoothing=0.2)
        for i in range(8)
    ]
    assert torch.allclose(loss, torch.stack(expected), atol=1e-6)
    assert output.shape == (8, 3)


def test_surprise_is_of_the_label_alone() -> None:
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.0, 3.0, 1.0]])
    found = surprise(logits, torch.tensor([0, 2]))
    assert found.loss.tolist() == pytest.approx(
        functional.cross_entropy(logits, torch.tensor([0, 2]), reduction="none").tolist()
    )
    assert found.margin.tolist() == pytest.approx([2.0, -2.0])
    assert found.probs.sum(1).tolist() == pytest.approx([1.0, 1.0])


def test_an_output_that_is_no_number_marks_its_row_alone() -> None:
    found = surprise(torch.tensor([[float("nan"), 0.0], [1.0, 0.0]]), torch.tensor([0, 0]))
    assert found.loss.isnan().tolist() == [True, False]


def test_a_batch_splits_into_parts_in_order() -> None:
    parts = list(batch(8).split(3))
    assert [len(part.y) for part in parts] == [3, 3, 2]
    assert [len(part.y) for part in batch(65).split(64)] == [33, 32]  # one alone has no batch statistics
    assert torch.equal(torch.cat([part.x for part in parts]), batch(8).x)
    assert parts[0].x.shape == (3, FEATURES)
