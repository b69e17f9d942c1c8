"""Two small models of a text in one: a bag of words and their pairs, and convolutions over subwords.

Axis letters: B batch, T ids of a text, K classes, M members, D embedding width, V subwords, n training rows.

Ids are of subwords; one that goes on with the word of the subword before it is negative. The bag (after Joulin et al.
2017, fastText, arXiv:1607.01759) knows which words and which neighbouring pairs occur, weighted as TF-IDF does; it is
hard to beat and takes seconds. The convolutions (after Kim 2014, arXiv:1408.5882) know the order of a few words, and
parts of words that are new. Each is trained on its own loss, and their probabilities are averaged: they err
differently.
"""

import math
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfazed.errors import UsageError

PADDING = 0  # the id behind a text's end
REACH = 200.0  # of a term that all texts have: at a peak learning rate of 0.0025 as good a step as any
NUMBERS = 4_000_000  # in the vectors of a bag
FILTERS = 128
LONG, VERY_LONG = 3_000_000, 30_000_000  # ids that pass in a training on a CPU
KERNELS = (2, 3, 4)  # subwords seen at once
LARGEST = {"classes": 1_000_000, "vocabulary": 1 << 20, "buckets": 1 << 22, "width": 4096, "encoders": 16}
_FACTORS = (0x9E3779B1, 0x85EBCA77)  # of the hash of a pair (large odd numbers, from xxHash)
_HASH = (1 << 30) - 1  # the largest: products with the factors and their sum fit in 64 bits


def default_buckets(ids: float, width: int) -> int:
    """Buckets for the words and pairs in texts of so many `ids` in all: a power of two, 4 million numbers at most."""
    most = min(max(2 * ids, 1024.0), NUMBERS / width, 1 << 18)
    return 1 << int(math.log2(most))


def default_encoders(ids: float, gpu: bool) -> int:
    """Members made of convolutions where so many `ids` pass in the whole training: two, one, none where that is long.

    One of them takes a CPU core a second for 100,000 ids or so; a GPU is taken to be thirty times as fast.
    """
    return sum(ids <= most * (30 if gpu else 1) for most in (LONG, VERY_LONG))


class Bag(nn.Module):
    """TF-IDF-weighted sum of the vectors of a text's words and of its pairs of neighbours, of unit weight.

    A word that training texts do not have says nothing, where its subwords would say what they meant in others.

    Adam moves every weight about as far as any other, however few texts have a say in it, and so learns the rare terms
    by heart. Here a term's vector is what was learnt times the root of the share of texts that have it, which moves
    terms about as far as plain gradient descent does: with it a linear model of a bag is as good as one that was
    solved for.
    """

    idf: Tensor
    reach: Tensor

    def __init__(self, buckets: int, width: int) -> None:
        super().__init__()
        self.register_buffer("idf", torch.ones(buckets))
        self.register_buffer("reach", torch.ones(buckets))
        self.vectors = nn.Parameter(torch.zeros(buckets, width))

    def forward(self, x: Tensor) -> Tensor:
        """Ids [B, T] to [B, width]."""
        terms, present = self.terms(x)
        weight = self.idf[terms] * present
        weight = weight / weight.square().sum(1, keepdim=True).sqrt().clamp_min(1e-6)
        return functional.embedding_bag(
            terms, self.vectors, per_sample_weights=weight * self.reach[terms], mode="sum"
        )

    def terms(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The rows of `vectors` for a text's words and pairs, and whether each is there: int64 and bool, [B, 2 T]."""
        words = hashed_words(x)
        known = words != 0
        terms = torch.cat([words, _hashed(words, _before(words))], 1)
        return terms % len(self.idf), torch.cat([known, known], 1)

    @torch.no_grad()
    def initialise(self, x: Tensor) -> None:
        """Weights from ids [n, T] of training rows: rare terms count more, terms that never occur not at all."""
        texts = torch.zeros(len(self.idf), dtype=torch.int64)
        for part in torch.split(x.cpu(), 1024):
            terms, present = self.terms(part)
            ordered = terms.masked_fill(~present, -1).sort(1).values
            first = torch.diff(ordered, dim=1, prepend=torch.full_like(ordered[:, :1], -1)) > 0
            texts += torch.bincount(ordered[first], minlength=len(texts))
        weight = ((1 + len(x)) / (1 + texts)).log() + 1
        self.idf.copy_(weight.where(texts > 0, 0.0))
        self.reach.copy_(REACH * (texts / len(x)).sqrt())


def hashed_words(x: Tensor) -> Tensor:
    """A number from 1 to 2³⁰ − 1 for each word of ids [B, T], 0 behind the last: int64 [B, T]."""
    ids, begins = x.long().abs(), x > 0
    links = _hashed(ids, _before(ids).masked_fill(begins, 0)).masked_fill(ids == PADDING, 0)
    word = (begins.cumsum(1) - 1).clamp_min(0)
    return torch.zeros_like(ids).scatter_add(1, word, links) & _HASH


def _before(x: Tensor) -> Tensor:
    """What stands before each in [B, T]; 0 before the first."""
    return functional.pad(x[:, :-1], (1, 0))


def _hashed(after: Tensor, before: Tensor) -> Tensor:
    mixed = after * _FACTORS[0] + before * _FACTORS[1]
    return (mixed ^ mixed >> 29) & _HASH


class Convolutions(nn.Module):
    """The strongest answer of each filter anywhere in a text, for filters over a few subwords in a row."""

    def __init__(self, vocabulary: int, filters: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(vocabulary, filters, padding_idx=PADDING)
        with torch.no_grad():
            nn.init.normal_(self.vectors.weight, std=filters**-0.5)[PADDING] = 0.0
        self.convolutions = nn.ModuleList(
            nn.Conv1d(filters, filters, size, padding=size - 1, bias=False) for size in KERNELS
        )

    def forward(self, x: Tensor) -> Tensor:
        """Ids [B, T] to [B, filters of every size]; without biases padding answers zero, never the strongest."""
        vectors = self.vectors(x.abs()).transpose(1, 2)
        return functional.relu(torch.cat([layer(vectors).amax(2) for layer in self.convolutions], 1))


class Heads(nn.Module):
    """A linear layer for each member, which reads its own part of the embedding; dropout before all but the bag's.

    The bag's logits are repeated, as many as there are others: in the mean it weighs as much as these together.
    """

    def __init__(self, widths: list[int], classes: int, dropout: float) -> None:
        super().__init__()
        self.widths = widths
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(nn.Linear(width, classes) for width in widths)
        nn.init.orthogonal_(cast(Tensor, self.layers[0].weight))  # the bag's vectors start at zero: gradients come here

    def forward(self, embedding: Tensor) -> Tensor:
        """[B, D] to logits [B, M, K], [B, K] where there is one member."""
        bag, *others = torch.split(embedding, self.widths, 1)
        own, *logits = [layer(part) for layer, part in zip(self.layers, [bag, *map(self.dropout, others)], strict=True)]
        return torch.stack([own] * len(logits) + logits, 1) if logits else cast(Tensor, own)


class TextNet(nn.Module):
    """Classifier of ids, int32 [B, T], 0 behind each text's end; call `initialise` on training rows before training.

    vocabulary: ids there are. buckets: that words and their pairs share. width: of the bag's vectors. encoders: members
    made of convolutions, each with vectors of its own; 0 for the bag alone.
    """

    def __init__(self, classes: int, vocabulary: int, buckets: int, width: int, encoders: int, dropout: float) -> None:
        super().__init__()
        self.arguments: dict[str, Any] = {
            "classes": classes,
            "vocabulary": vocabulary,
            "buckets": buckets,
            "width": width,
            "encoders": encoders,
            "dropout": dropout,
        }
        _check(self.arguments)
        self.bag = Bag(buckets, width)
        self.encoders = nn.ModuleList(Convolutions(vocabulary, FILTERS) for _ in range(encoders))
        widths = [width] + [len(KERNELS) * FILTERS] * encoders
        self.embedding_width = sum(widths)
        self.head = Heads(widths, classes, dropout)

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> "TextNet":
        """Rebuild the architecture that `arguments` of another TextNet describes; weights are not loaded."""
        return cls(**arguments)

    def initialise(self, x: Tensor, length: Tensor | None = None) -> None:
        """Set the weights of terms from training rows, ids [n, T]."""
        self.bag.initialise(x)

    def embed(self, x: Tensor, length: Tensor | None = None) -> Tensor:
        """Features [B, D] of ids x [B, T]; `length` is not used, since the ids say where a text ends."""
        return torch.cat([self.bag(x), *(encoder(x) for encoder in self.encoders)], 1)

    def forward(self, x: Tensor, length: Tensor | None = None) -> Tensor:
        """Logits [B, M, K] of ids x [B, T]; [B, K] of the bag alone."""
        return cast(Tensor, self.head(self.embed(x, length)))


def _check(arguments: Mapping[str, Any]) -> None:
    low = {"classes": 1, "vocabulary": 2, "buckets": 1, "width": 1, "encoders": 0}
    problems = [
        f"{name} must be a whole number from {low[name]:,} to {most:,}, got {arguments[name]!r}"
        for name, most in LARGEST.items()
        if type(arguments[name]) is not int or not low[name] <= arguments[name] <= most
    ]
    dropout = arguments["dropout"]
    if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout < 1:
        problems.append(f"dropout must be in [0, 1), got {dropout!r}")
    if problems:
        raise UsageError("TextNet: " + "; ".join(problems))
