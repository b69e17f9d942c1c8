"""Per-example losses. A criterion never reduces: who weighs, averages or records them is the loop.

Axis letters: B examples of a batch, K classes, M members of a model that is several in one.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfazed.batch import Batch

BETA = 0.5  # of the Gaussian likelihood's gradient: the middle between likelihood and squared error
_LEAST = torch.finfo(torch.float32).tiny  # no probability is zero
_LOG_TAU = math.log(2 * math.pi)


class Scored(NamedTuple):
    """What a criterion says of a batch."""

    loss: Tensor  # [B] nats
    output: Tensor  # [B, K] logits; a number [B, 1], or with its deviation [B, 2]


Criterion = Callable[[nn.Module, Batch], Scored]


def cross_entropy(label_smoothing: float = 0.0) -> Criterion:
    """Cross-entropy in nats, with `label_smoothing` of the target spread evenly over all classes.

    Of a model that is several in one, with logits [B, M, K], every member learns for itself, so that they stay
    different (Gorishniy et al. 2025, arXiv:2410.24210): the loss is their mean, the output the log of their mean
    probabilities. Smoothing: Szegedy et al. 2016, arXiv:1512.00567.
    """

    def criterion(model: nn.Module, batch: Batch) -> Scored:
        output = model(batch.x, batch.length)
        if output.ndim == 2:
            return Scored(_cross_entropy(output, batch.y, label_smoothing), output)
        y = batch.y[:, None].expand(output.shape[:2])
        losses = _cross_entropy(output.flatten(0, 1), y.flatten(), label_smoothing)
        return Scored(losses.view(y.shape).mean(1), probabilities(output.detach()).clamp_min(_LEAST).log())

    return criterion


def _cross_entropy(output: Tensor, y: Tensor, label_smoothing: float) -> Tensor:
    return functional.cross_entropy(output.float(), y, reduction="none", label_smoothing=label_smoothing)


def binary_cross_entropy(label_smoothing: float = 0.0) -> Criterion:
    """Cross-entropy in nats of each label's yes or no, summed over the K labels: that of the whole set.

    `label_smoothing` of each target is spread evenly over yes and no. Members learn each for itself, as in
    `cross_entropy`; the output is then the log-odds of their mean probabilities.
    """

    def criterion(model: nn.Module, batch: Batch) -> Scored:
        output = model(batch.x, batch.length).float()
        y = batch.y * (1 - label_smoothing) + label_smoothing / 2
        if output.ndim == 2:
            return Scored(_binary(output, y).sum(1), output)
        losses = _binary(output, y[:, None].expand(output.shape)).sum(2)
        return Scored(losses.mean(1), _mean_log_odds(output.detach()))

    return criterion


def _binary(output: Tensor, y: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(output, y, reduction="none")


def _mean_log_odds(output: Tensor) -> Tensor:
    """Log-odds [B, K] of the mean probabilities of M members, from theirs [B, M, K]."""
    return functional.logsigmoid(output).logsumexp(1) - functional.logsigmoid(-output).logsumexp(1)


def probabilities(output: Tensor, multilabel: bool = False) -> Tensor:
    """Probabilities [B, K] from logits [B, K], or [B, M, K] of M members: their mean.

    `multilabel`: each output is a label by itself. Else a single output is no class: it is a number [B, 1], and stays
    one.
    """
    if multilabel:
        probs = output.float().sigmoid()
    else:
        probs = output.float().softmax(-1) if output.shape[-1] > 1 else output.float()
    return probs if probs.ndim == 2 else probs.mean(1)


_ERRORS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared": partial(functional.mse_loss, reduction="none"),
    "absolute": partial(functional.l1_loss, reduction="none"),
    "huber": partial(functional.huber_loss, reduction="none"),
}


def error(loss: str) -> Criterion:
    """The `squared`, `absolute` or `huber` (Huber 1964) error of a predicted number; targets are standardised.

    Of a model that is several in one every member learns for itself, and the output is their mean.
    """
    measure = _ERRORS[loss]

    def criterion(model: nn.Module, batch: Batch) -> Scored:
        output = model(batch.x, batch.length).float()
        members = output.squeeze(-1) if output.ndim == 3 else output  # [B, M]
        losses = measure(members, batch.y[:, None].expand(members.shape))
        return Scored(losses.mean(1), members.mean(1, keepdim=True))

    return criterion


def gaussian() -> Criterion:
    """The negative log-likelihood, in nats, of a number under the Gaussian that is predicted for it.

    The model gives its mean and log variance, [B, 2]; [B, M, 2] where it is several in one, of which every member
    learns for itself. The gradient of each is weighted by its variance to the power of `BETA` (Seitzer et al. 2022,
    arXiv:2203.09168): with 0 a network soon calls hard examples noisy and learns them no further, with 1 it minimises
    the squared error. The value stays the likelihood's.
    """

    def criterion(model: nn.Module, batch: Batch) -> Scored:
        output = model(batch.x, batch.length).float()
        mean, log_variance = output.view(len(output), -1, 2).unbind(-1)  # [B, M]
        squared = (batch.y[:, None] - mean).square()
        losses = 0.5 * (_LOG_TAU + log_variance + squared * (-log_variance).exp())
        weighted = losses * (BETA * log_variance.detach()).exp()
        losses = losses.detach() + weighted - weighted.detach()
        return Scored(losses.mean(1), mixture(output.detach()))

    return criterion


def mixture(output: Tensor) -> Tensor:
    """Mean and deviation [B, 2] of the mixture of M Gaussians, given as mean and log variance [B, M, 2] or [B, 2]."""
    mean, log_variance = output.float().view(len(output), -1, 2).unbind(-1)
    variance = log_variance.exp().mean(1) + mean.var(1, correction=0)
    return torch.stack([mean.mean(1), variance.sqrt()], 1)


def criterion_of(loss: str, label_smoothing: float = 0.0) -> Criterion:
    """The criterion of a recipe's loss."""
    if loss == "binary-cross-entropy":
        return binary_cross_entropy(label_smoothing)
    if loss == "gaussian":
        return gaussian()
    return cross_entropy(label_smoothing) if loss == "cross-entropy" else error(loss)


class Surprise(NamedTuple):
    """How surprising the original labels were to the model, whatever it was trained on."""

    loss: Tensor  # [B] cross-entropy in nats, lower = less surprised
    margin: Tensor  # [B] logit of the label minus the largest other logit, lower = worse
    probs: Tensor  # [B, K]


@torch.no_grad()
def surprise(output: Tensor, y: Tensor) -> Surprise:
    """Cross-entropy, margin (Pleiss et al. 2020, arXiv:2001.10528) and probabilities.

    `output` [B, K] logits, `y` [B] int64. nan in an output makes its row nan. Where y is a set of labels [B, K]: the
    cross-entropy of the whole set, the margin of its worst label (log-odds of what is right), and the probability of
    each. Where y is a number, and the output [B, 1]: the squared error, the distance below zero, and the output itself;
    with a deviation, [B, 2], the negative log-likelihood in place of the squared error.
    """
    if y.ndim == 2:
        logits = output.detach().float()
        worst = torch.where(y > 0.5, logits, -logits).amin(1)
        return Surprise(_binary(logits, y).sum(1), worst, logits.sigmoid())
    if y.is_floating_point():
        numbers = output.detach().float()
        distance = numbers[:, 0] - y
        loss = distance.square()
        if numbers.shape[1] == 2:
            deviation = numbers[:, 1]
            loss = 0.5 * (_LOG_TAU + (distance / deviation).square()) + deviation.log()
        return Surprise(loss, -distance.abs(), numbers)
    logits = output.detach().float()
    logs = logits.log_softmax(1)
    own = logits.gather(1, y[:, None])
    others = logits.scatter(1, y[:, None], -torch.inf).amax(1, keepdim=True)
    return Surprise(-logs.gather(1, y[:, None])[:, 0], (own - others)[:, 0], logs.exp())
