"""From `model.json` and weights back to a model; both files may come from a stranger."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from unfazed.errors import UnfazedError
from unfazed.model.gaussian import with_deviation

# the number rises whenever the layers of a family change: old weights are refused by name
_CONVNET, _TEXTS, _SOUNDS, _TABLES = "convnet-1", "texts-1", "sounds-1", "tables-1"

FAMILIES = {_CONVNET: "ConvNet", _TEXTS: "TextNet", _SOUNDS: "SoundNet", _TABLES: "TableNet"}  # and its class


def build(description: Mapping[str, Any], weights: Mapping[str, Tensor]) -> nn.Module:
    """The model that `description` names, with `weights`, in evaluation mode on the CPU.

    It is laid out without memory first, so that no description, however large, costs more than its weights.

    Raises:
        UnfazedError: the family is unknown, the arguments make no model, or the weights are not its own.
    """
    made = _maker(description.get("family"))
    try:
        with torch.device("meta"):
            model = made(description["arguments"])
            if description.get("distribution") is not None:
                model = _with_distribution(model, description)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UnfazedError(f"its arguments make no model: {error}") from error
    expected = {name: (value.shape, value.dtype) for name, value in model.state_dict().items()}
    found = {name: (value.shape, value.dtype) for name, value in weights.items()}
    if expected != found:
        wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        raise UnfazedError(f"its weights do not fit: {', '.join(wrong[:3])}{' …' if len(wrong) > 3 else ''}")
    model.load_state_dict(weights, assign=True)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # images' kernels, as in training
    return for_task(model, description.get("task")).eval().requires_grad_(False)


def for_task(model: nn.Module, task: object) -> nn.Module:
    """The model, each output a label by itself if it is to predict sets of labels; whatever scores it asks for that."""
    vars(model)["multilabel"] = task == "multilabel"
    return model


def _with_distribution(model: nn.Module, description: Mapping[str, Any]) -> nn.Module:
    """The model of a number with the head that also says how sure it is."""
    if description["distribution"] != "gaussian":
        raise ValueError(f"its distribution is {description['distribution']!r}; this version knows gaussian")
    if description["arguments"].get("classes") != 2:
        raise ValueError("a Gaussian has two outputs: classes must be 2")
    return with_deviation(model)


def family_of(model: nn.Module) -> str:
    """The family that `build` knows a model by."""
    return next(family for family, name in FAMILIES.items() if name == type(model).__name__)


def _maker(family: object) -> Callable[[Any], nn.Module]:
    """What makes a model of a family from its arguments; its module is imported on first use."""
    if family == _CONVNET:
        from unfazed.model.convnet import ConvNet

        return ConvNet.from_arguments
    if family == _SOUNDS:
        from unfazed.model.sounds import SoundNet

        return SoundNet.from_arguments
    if family == _TABLES:
        from unfazed.model.tables import TableNet

        return TableNet.from_arguments
    if family == _TEXTS:
        from unfazed.model.texts import TextNet

        return TextNet.from_arguments
    raise UnfazedError(
        f"the model family is {family!r}; this version builds {', '.join(FAMILIES)}: another wrote it, or no one"
    )


def embedding_width(model: nn.Module) -> int:
    """D, the number of features that the head reads."""
    return cast(int, model.embedding_width)
