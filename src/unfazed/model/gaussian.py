"""A head that says how sure it is of a number: a mean and a log variance for every example.

Axis letters: B batch, M members, D embedding width.
"""

from typing import cast

from torch import Tensor, cat, nn
from torch.nn import functional

# natural logarithms of the variance of standardised targets: deviations from a thousandth of theirs to ten times it
LEAST, MOST = -13.8, 4.6


class GaussianHead(nn.Module):
    """A head of two outputs whose second becomes a log variance within bounds.

    The bounds are soft (Chua et al. 2018, arXiv:1805.12114): a value beyond them still has a gradient, so that no
    example is lost there, and none that is fitted exactly takes over the likelihood.
    """

    def __init__(self, inner: nn.Module) -> None:
        """`inner`: from an embedding [B, D] to [B, 2], or [B, M, 2]."""
        super().__init__()
        self.inner = inner

    def forward(self, embedding: Tensor) -> Tensor:
        """[B, D] to means and log variances, [B, 2] or [B, M, 2]."""
        output = cast(Tensor, self.inner(embedding)).float()
        mean, log_variance = output[..., :1], output[..., 1:]
        log_variance = MOST - functional.softplus(MOST - log_variance)
        log_variance = LEAST + functional.softplus(log_variance - LEAST)
        return cat((mean, log_variance), -1)


def with_deviation(model: nn.Module) -> nn.Module:
    """The model of two outputs, with a head that makes a mean and a log variance of them."""
    model.head = GaussianHead(cast(nn.Module, model.head))
    return model
