"""What training, evaluation and the analyses rely on in a model."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from unfazed.criterion import probabilities
from unfazed.model.build import embedding_width


def assert_conforms(make: Callable[[], nn.Module], x: Tensor, classes: int) -> None:
    """`make` builds the model; `x` [B, ...] is a batch of at least four inputs."""
    torch.manual_seed(0)
    model = make().eval()
    embedding, output = model.embed(x), model(x)
    assert embedding.ndim == 2
    assert output.shape in ((len(x), classes), (len(x), *output.shape[1:2], classes)), "[B, K], or [B, M, K] of members"
    assert embedding.shape == (len(x), embedding_width(model))
    assert torch.allclose(model.head(embedding), output), "forward = head(embed)"
    assert torch.allclose(model(x[:2]), output[:2], atol=1e-5), "examples do not see one another in evaluation"
    assert torch.equal(model(x), output), "evaluation is deterministic"
    _assert_trains(model, x, classes)
    _assert_reloads(make, model, x)


def _assert_trains(model: nn.Module, x: Tensor, classes: int) -> None:
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    y = torch.arange(len(x)) % classes
    for _ in range(2):
        optimizer.zero_grad()
        probabilities(model(x))[torch.arange(len(x)), y].log().mean().neg().backward()
        optimizer.step()
    silent = [name for name, weight in model.named_parameters() if weight.requires_grad and weight.grad is None]
    assert silent == [], "every trainable parameter gets a gradient"
    assert all(weight.isfinite().all() for weight in model.parameters())
    model.eval()


def _assert_reloads(make: Callable[[], nn.Module], model: nn.Module, x: Tensor) -> None:
    again = make().eval()
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(x), model(x)), "the state dict is the whole model"
