"""From `model.json` and weights back to a model; both files may come from a stranger."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from unfazed.errors import UnfazedError
from unfazed.model.convnet import ConvNet

FAMILY = "convnet-1"  # the number rises whenever the layers of ConvNet change, so that old weights are refused by name


def build(description: Mapping[str, Any], weights: Mapping[str, Tensor]) -> nn.Module:
    """The model that `description` names, with `weights`, in evaluation mode on the CPU.

    It is laid out without memory first, so that no description, however large, costs more than its weights.

    Raises:
        UnfazedError: the family is unknown, the arguments make no model, or the weights are not its own.
    """
    family = description.get("family")
    if family != FAMILY:
        raise UnfazedError(f"the model family is {family!r}; this version builds {FAMILY}: another wrote it, or no one")
    try:
        with torch.device("meta"):
            model = ConvNet.from_arguments(description["arguments"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UnfazedError(f"its arguments make no model: {error}") from error
    expected = {name: (value.shape, value.dtype) for name, value in model.state_dict().items()}
    found = {name: (value.shape, value.dtype) for name, value in weights.items()}
    if expected != found:
        wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        raise UnfazedError(f"its weights do not fit: {', '.join(wrong[:3])}{' …' if len(wrong) > 3 else ''}")
    model.load_state_dict(weights, assign=True)
    return model.eval().requires_grad_(False)


def embedding_width(model: nn.Module) -> int:
    """D, the number of features that the head reads."""
    head = model.get_submodule("head")
    return next(layer.in_features for layer in head.modules() if isinstance(layer, nn.Linear))
