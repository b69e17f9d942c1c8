import numpy as np
import pytest
import torch
from problems import ROWS, Small, blobs
from torch import nn

from unfazed.loader import in_order
from unfazed.outputs import outputs


def test_evaluation_never_sees_dropout_or_batch_statistics() -> None:
    """Whatever mode the model is in, however the batches are cut: the same probabilities."""
    model = Small(dropout=0.9).train()
    examples = blobs()
    whole = outputs(model, in_order(examples, torch.arange(ROWS), ROWS))
    pieces = outputs(model, in_order(examples, torch.arange(ROWS), 7))
    again = outputs(model.eval(), in_order(examples, torch.arange(ROWS), ROWS))
    assert np.allclose(whole.probs, pieces.probs, atol=1e-6)
    assert np.array_equal(whole.probs, again.probs)


def test_the_mode_of_every_module_comes_back_and_no_buffer_moves() -> None:
    model = Small().train()
    model.body[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    outputs(model, in_order(blobs(), torch.arange(9), 4))
    assert model.training and model.head.training and not model.body[1].training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_prediction_is_in_float32_even_inside_autocast() -> None:
    model, batches = Small(), list(in_order(blobs(), torch.arange(32), 32))
    plain = outputs(model, batches)
    with torch.autocast("cpu", torch.bfloat16):
        assert np.array_equal(outputs(model, batches).probs, plain.probs)


def test_bfloat16_where_it_is_asked_for_is_near_and_comes_back_as_float32() -> None:
    model, batches = Small(), list(in_order(blobs(), torch.arange(32), 32))
    plain, rough = outputs(model, batches), outputs(model, batches, "bfloat16")
    assert rough.probs.dtype == rough.embeddings.dtype == np.float32
    assert not np.array_equal(plain.probs, rough.probs)
    assert np.allclose(plain.probs, rough.probs, atol=0.05)
    assert np.allclose(rough.probs.sum(1), 1, atol=1e-5)


def test_an_error_in_the_model_leaves_its_mode_as_it_was() -> None:
    class Broken(Small):
        def embed(self, x: torch.Tensor, length: torch.Tensor | None = None) -> torch.Tensor:
            raise RuntimeError("broken")

    model: nn.Module = Broken().train()
    with pytest.raises(RuntimeError, match="broken"):
        outputs(model, in_order(blobs(), torch.arange(4), 4))
    assert model.training


def test_shapes_and_probabilities() -> None:
    found = outputs(Small(), in_order(blobs(), torch.arange(10), 4))
    assert found.probs.shape == (10, 3) and found.embeddings.shape == (10, 16)
    assert found.probs.dtype == np.float32
    assert np.allclose(found.probs.sum(1), 1, atol=1e-5)


def test_a_gpus_rounding_is_off_inside_and_as_it_was_afterwards() -> None:
    class Asked(Small):
        def embed(self, x: torch.Tensor, length: torch.Tensor | None = None) -> torch.Tensor:
            asked.append((convolutions.fp32_precision, products.fp32_precision))
            return super().embed(x, length)

    asked: list[tuple[str, str]] = []
    convolutions, products = torch.backends.cudnn.conv, torch.backends.cuda.matmul
    before = convolutions.fp32_precision, products.fp32_precision
    assert before != ("ieee", "ieee")
    outputs(Asked(), in_order(blobs(), torch.arange(4), 4))
    assert asked == [("ieee", "ieee")]
    assert (convolutions.fp32_precision, products.fp32_precision) == before
